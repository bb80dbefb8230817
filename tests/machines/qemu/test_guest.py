"""A guest's parts over its incarnations: a real keeper, and a program that is quicker than QEMU."""

from __future__ import annotations

import json
import select
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from scapy.utils import RawPcapNgReader
from support import fake_qemu

from hil.clock import Deadline, now_ns
from hil.console.console import Console
from hil.errors import InfrastructureError, MissingPart
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.machine import Disk, Disks, Doors, Events, Identity, Machine, Nic, Power, PowerState, Reset
from hil.machines.place import Place, Session
from hil.machines.qemu import Config, create
from hil.netboot.slirp import parse_usernet
from hil.timeline.events import Event

pytestmark = pytest.mark.boot

IDENTITY = Identity("52:54:00:00:00:01", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "S-1")


class Wire:
    """A machine's end of a segment that has QEMU's own forwards."""

    watch = ""

    def netdev(self, ident: str, ports: Sequence[int]) -> list[str]:
        return ["-netdev", f"user,id={ident},forwards={'+'.join(map(str, ports))}"]

    def run(self, argv: Sequence[str]) -> list[str]:
        return ["env", *argv]

    def reach(self, port: int, monitor: Callable[[str], str], *, deadline: Deadline) -> tuple[str, int]:
        return "127.0.0.1", parse_usernet(monitor("info usernet"))[port]


CONFIG = Config(
    kind="qemu", memory=512 << 20, ports=(22,), mac=IDENTITY.mac, uuid=IDENTITY.uuid, serial=IDENTITY.serial
)


def soon() -> Deadline:
    return Deadline.after(10)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    """A bench's place for one machine, whose QEMU is the fake one."""
    firmware = tmp_path / "edk2"
    firmware.mkdir()
    for name in ("CODE", "VARS"):
        (firmware / name).write_bytes(name.encode())
        monkeypatch.setenv(f"HIL_EDK2_{name}", str(firmware / name))
    monkeypatch.setenv("HIL_QEMU", str(fake_qemu.install(tmp_path)))
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "boot1").mkdir()

    with tempfile.TemporaryDirectory(prefix="hq-", dir="/tmp") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        with Keeper.start(new_runtime_dir(), deadline=soon()) as keeper:
            yield Place("n1", keeper, keeper.directory, Wire(), IDENTITY, Session(tmp_path / "boot1", (8080,)))


@pytest.fixture
def guest(place: Place) -> Iterator[Machine]:
    machine = create(CONFIG, place)
    with closing(machine):  # type: ignore[type-var]
        yield machine


def console_of(guest: Machine, place: Place) -> Console:
    return Console(place.keeper.attach(guest.console_stream), name="n1")


def test_on_says_when_and_what_it_started(guest: Machine, place: Place) -> None:
    assert guest.power.state() is PowerState.OFF
    before = now_ns()
    moment = guest.power.on(deadline=soon()).at_ns
    assert before <= moment <= now_ns()
    assert guest.power.state() is PowerState.ON
    with closing(console_of(guest, place)) as console:
        console.expect("hello\r\n", within=10)
        found = console.expect(r"(\[[^\n]{1,9000}\])\r\n", within=10)
    arguments = json.loads(found.groups[0] or b"")
    assert arguments[arguments.index("-uuid") + 1] == IDENTITY.uuid
    assert "type=1,serial=S-1" in arguments
    assert "user,id=net0,forwards=22+8080" in arguments
    assert "size=524288k" in arguments
    # Its firmware's variables are its own from the first power-on.
    assert (place.directory / "n1-vars.fd").read_bytes() == b"VARS"
    assert guest.facts["qemu"] == "7.2.22"
    assert guest.part(Nic).mac == IDENTITY.mac  # type: ignore[type-abstract]


def test_what_is_on_stays_on(guest: Machine, place: Place) -> None:
    guest.power.on(deadline=soon())
    with closing(console_of(guest, place)) as console:
        console.expect("hello", within=10)
        guest.power.on(deadline=soon())
        console.send("again")
        console.expect("again", within=10)
        assert console.transcript.incarnation == 1


def test_off_is_off_twice(guest: Machine, place: Place) -> None:
    guest.power.off(deadline=soon())
    guest.power.on(deadline=soon())
    guest.power.off(deadline=soon())
    assert guest.power.state() is PowerState.OFF
    assert place.keeper.exit_status(str(guest.control_stream)) == -signal.SIGKILL
    guest.power.off(deadline=soon())


def test_each_power_on_is_an_incarnation_that_keeps_the_firmwares_variables(guest: Machine, place: Place) -> None:
    guest.power.on(deadline=soon())
    (place.directory / "n1-vars.fd").write_bytes(b"changed by the firmware")
    with closing(console_of(guest, place)) as console:
        console.expect("hello", within=10)
        guest.power.off(deadline=soon())
        guest.power.on(deadline=soon())
        console.expect("hello", within=10)
        assert console.transcript.incarnation == 2
    assert (place.directory / "n1-vars.fd").read_bytes() == b"changed by the firmware"


def test_a_process_that_dies_reads_back_off(guest: Machine, place: Place) -> None:
    guest.power.on(deadline=soon())
    with closing(console_of(guest, place)) as console:
        console.expect("hello", within=10)
        console.send("die")
    assert place.keeper.wait_exit(str(guest.control_stream), deadline=soon()) == 1
    assert guest.power.state() is PowerState.OFF
    assert "it dies" in (place.session.folder / "qemu.log").read_text()
    guest.power.on(deadline=soon())
    assert guest.power.state() is PowerState.ON


def test_the_control_channel(guest: Machine, place: Place) -> None:
    guest.power.on(deadline=soon())
    with closing(console_of(guest, place)) as console:
        guest.part(Nic).link(False, deadline=soon())  # type: ignore[type-abstract]
        console.expect("link nic0 down", within=10)
        guest.part(Nic).link(True, deadline=soon())  # type: ignore[type-abstract]
        console.expect("link nic0 up", within=10)
        before = now_ns()
        moment = guest.part(Reset).reset(deadline=soon())  # type: ignore[type-abstract]
        assert before <= moment <= now_ns()
        console.expect("reset", within=10)
    events = guest.part(Events)  # type: ignore[type-abstract]
    taken: list[Event] = []
    deadline = soon()
    while not taken:
        assert select.select([events], [], [], deadline.remaining())[0]
        taken += events.take()
    assert [(event.name, event.source) for event in taken] == [("RESET", "qmp")]


def test_a_door_leads_to_a_port_that_the_rig_or_the_image_names(guest: Machine) -> None:
    guest.power.on(deadline=soon())
    doors = guest.part(Doors)  # type: ignore[type-abstract]
    assert doors.ports == (22, 8080)
    assert doors.reach(8080, deadline=soon()) == ("127.0.0.1", 40123)
    with pytest.raises(MissingPart, match=r"n1: no door leads to its port 9; there are \[22, 8080\]") as caught:
        doors.reach(9, deadline=soon())
    assert caught.value.hint == "add 9 to the node's `ports:` in the rig file"


def test_a_machine_that_is_off_is_not_asked(guest: Machine) -> None:
    with pytest.raises(InfrastructureError, match="n1: the machine is off; nothing can be asked of it"):
        guest.part(Reset).reset(deadline=soon())  # type: ignore[type-abstract]
    assert guest.part(Events).take() == []  # type: ignore[type-abstract]


def test_a_process_that_the_kernel_does_not_end(guest: Machine, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    guest.power.on(deadline=soon())
    monkeypatch.setattr(Keeper, "signal", lambda *_: None)  # as if it hung in its storage
    with pytest.raises(InfrastructureError, match=r"n1: QEMU is still there 0\.1 s after SIGKILL"):
        guest.part(Power).off(deadline=Deadline.after(0.1))  # type: ignore[type-abstract]


def test_its_disks_are_the_benchs_own_files(place: Place, guest: Machine) -> None:
    with pytest.raises(MissingPart, match="no disks"):
        guest.part(Disks)  # type: ignore[type-abstract]
    keys = {"kind": "qemu", "mac": IDENTITY.mac, "uuid": IDENTITY.uuid, "serial": IDENTITY.serial}
    config = Config.model_validate({**keys, "disks": ("mmc", {"bus": "nvme", "size": 4 << 30})})
    with closing(create(config, place)) as machine:  # type: ignore[type-var]
        machine.power.on(deadline=soon())
        part = machine.part(Disks)  # type: ignore[type-abstract]
        assert part.disks == (Disk("/dev/mmcblk0", 16 << 30), Disk("/dev/nvme0n1", 4 << 30))
        assert [file.stat().st_size for file in sorted(place.directory.glob("n1-disk*.raw"))] == [16 << 30, 4 << 30]
        assert machine.facts["disks"] == ["/dev/mmcblk0 16GiB", "/dev/nvme0n1 4GiB"]
        machine.power.off(deadline=soon())


def captured(folder: Path) -> list[bytes]:
    """The frames in a boot's folder."""
    return [raw for raw, _ in RawPcapNgReader(str(folder / "packets.pcapng"))]


def test_its_packets_are_on_disk_when_it_is_off_each_incarnations_in_its_own_folder(place: Place) -> None:
    guest = create(CONFIG, replace(place, capture="headers"))
    first, second = place.session.folder, place.session.folder.with_name("boot2")
    second.mkdir()
    guest.power.on(deadline=soon())
    with closing(guest), closing(console_of(guest, place)) as console:  # type: ignore[type-var]
        console.expect("hello", within=10)
        guest.power.off(deadline=soon())
        assert captured(first) == [fake_qemu.FRAME]
        place.session.folder = second
        guest.power.on(deadline=soon())
        console.expect("hello", within=10)
        guest.power.off(deadline=soon())
    assert captured(first) == captured(second) == [fake_qemu.FRAME]
    assert not [*first.glob("*.note"), *second.glob("*.note")]


def test_a_process_that_dies_leaves_its_packets_too(place: Place) -> None:
    guest = create(CONFIG, replace(place, capture="headers"))
    with closing(guest):  # type: ignore[type-var]
        guest.power.on(deadline=soon())
        with closing(console_of(guest, place)) as console:
            console.expect("hello", within=10)
            console.send("die")
        assert place.keeper.wait_exit("capture:n1", deadline=soon()) == 0
        assert captured(place.session.folder) == [fake_qemu.FRAME]
        guest.power.on(deadline=soon())
        assert guest.power.state() is PowerState.ON


def test_a_bench_that_is_closed_has_the_packets_of_what_was_on(place: Place) -> None:
    guest = create(CONFIG, replace(place, capture="full"))
    guest.power.on(deadline=soon())
    with closing(console_of(guest, place)) as console:
        console.expect("hello", within=10)
    guest.close()
    place.keeper.end()
    assert captured(place.session.folder) == [fake_qemu.FRAME]


def test_without_a_capture_qemu_is_asked_for_none(guest: Machine, place: Place) -> None:
    guest.power.on(deadline=soon())
    with closing(console_of(guest, place)) as console:
        found = console.expect(r"(\[[^\n]{1,9000}\])\r\n", within=10)
    assert b"filter-dump" not in (found.groups[0] or b"filter-dump")
    assert not list(place.session.folder.glob("packets*"))
