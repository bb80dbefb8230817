"""How a rig file names a device of the bench: a device file, a place on the USB, an address, or a device of the twin.

A name that begins with `twin:` is one of the bench twin's (`hil.sim`); before anything is driven it is replaced by the
real device file or address that the twin opened for it, so no driver ever meets one. Opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel

from hil.config.model import HostPort, Model, invalid, shown_as

TWIN: Final = "twin:"
USB: Final = "usb:"

_NAME: Final = r"[a-z0-9][a-z0-9-]{0,31}"
# Bus, ports from the root on, configuration and interface, as Linux names a USB interface (Documentation/ABI/stable/
# sysfs-bus-usb; drivers/usb/core/message.c, dev_set_name).
_USB_PLACE: Final = r"[0-9]{1,3}-[0-9]{1,3}(?:\.[0-9]{1,3}){0,6}:[0-9]{1,3}\.[0-9]{1,3}"
_DEVICE: Final = rf"/.{{1,4000}}|{USB}{_USB_PLACE}|{TWIN}{_NAME}"
_HOST: Final = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?"
_AT: Final = rf"{_HOST}|{TWIN}{_NAME}"

M = TypeVar("M", bound=Model)


def _device(text: str) -> str:
    if re.fullmatch(_DEVICE, text) is None or "\0" in text:
        raise invalid(
            f"{text[:80]!r} names no device",
            "write its device file (/dev/serial/by-id/... stays the same over a replug), its place on the USB"
            " (usb:1-1.4:1.0), or a device of the bench twin (twin:relay)",
        )
    return text


def _at(text: str) -> str:
    if re.fullmatch(_AT, text) is not None:
        if is_twin(text):
            return text
        try:
            host_port(text, 1)
        except ValueError:
            pass
        else:
            return text
    raise invalid(
        f"{text[:80]!r} is no address of a device",
        "write its name or address, with the port where it is another than usual (192.0.2.7:8080), or a device of the"
        " bench twin (twin:plug)",
    )


DeviceName: TypeAlias = Annotated[
    str, AfterValidator(_device), shown_as(_DEVICE, "/dev/serial/by-id/", "usb:1-1.4:1.0", "twin:relay")
]
"""A device of this host: "/dev/serial/by-id/...", "usb:1-1.4:1.0", or "twin:NAME"."""

At: TypeAlias = Annotated[str, AfterValidator(_at), shown_as(_AT, "192.0.2.7", "plug.lan:8080", "twin:plug")]
"""A device that is reached over the network: "HOST", "HOST:PORT", or "twin:NAME"."""


def is_twin(name: str) -> bool:
    """Whether a name is of a device of the bench twin."""
    return name.startswith(TWIN)


def has_port(at: str) -> bool:
    """Whether an `At` names its port."""
    return re.search(r":[0-9]{1,5}\Z", at) is not None and (not at.startswith("[") or "]:" in at)


def host_port(at: str, default_port: int) -> HostPort:
    """Where a device listens.

    Args:
        at: an `At` that is none of the twin's.
        default_port: where it names no port.

    Raises:
        ValueError: it is neither host nor host:port.
    """
    return HostPort.parse(at if has_port(at) else f"{at}:{default_port}")


def twin_names(section: BaseModel) -> Iterator[str]:
    """The twin's devices that a section names, in the order of its keys, those of sections in it too."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, str) and is_twin(value):
            yield value
        elif isinstance(value, BaseModel):
            yield from twin_names(value)


def resolved(section: M, devices: Mapping[str, str]) -> M:
    """A section with the real device files and addresses where it names the twin's devices.

    Args:
        section: of a rig.
        devices: what the twin opened, by its names ("twin:relay" to "/dev/pts/7").
    """
    changed: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, str) and is_twin(value):
            changed[name] = devices[value]
        elif isinstance(value, Model):
            changed[name] = resolved(value, devices)
    return section.model_copy(update=changed)


def device_path(
    device: str, *, links: Path = Path("/dev/serial/by-path"), buses: Path = Path("/sys/bus/usb/devices")
) -> Path:
    """The device file of a `DeviceName` that is none of the twin's, whether it is there or not.

    A place on the USB is looked up among the links that udev makes by path (systemd, 60-serial.rules), anew each time:
    after a replug the same place may have another ttyUSB number. Such a link names the bus's controller and not the
    bus (pci-0000:00:14.0-usb-0:1.4:1.0-port0, bus 1; systemd issue 10683), so that link counts which leads to
    the interface's own terminal as sysfs has it, and while it is unplugged one of its bus's controller (a controller
    with two buses may then have two such places: systemd pull request 27483).

    Args:
        device: the name.
        links: where udev makes its links.
        buses: where sysfs has buses and interfaces by their names.
    """
    if not device.startswith(USB):
        return Path(device)
    interface = device.removeprefix(USB)
    bus, _, place = interface.partition("-")
    there = [*links.glob(f"*-usb*-0:{place}"), *links.glob(f"*-usb*-0:{place}-port*")]
    # Newer udev makes two links of a terminal; the one with the USB's revision is of one bus of the controller alone.
    there.sort(key=lambda link: ("-usbv" not in link.name, link.name))
    # A driver's terminal stands in its interface: ttyUSB0 (usb-serial) or tty/ttyACM0 (a class device).
    own = {path.name for pattern in ("tty?*", "tty/tty*") for path in (buses / interface).glob(pattern)}
    controller = (buses / f"usb{bus}").resolve().parent.name
    best = [link for link in there if link.resolve().name in own]
    best += [link for link in there if not own and f"{controller}-usb" in link.name]
    return best[0] if best else links / f"usb-0:{place}"
