"""A rig's `twin:` section: how the bench twin behaves where the rig names devices of it. Starts none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from hil.config.model import Model, Size
from hil.config.rpi import BoardSerial

Retries: TypeAlias = Annotated[int, Field(ge=-1, le=2**31 - 1)]
Milliseconds: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
Address: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")]


class EepromConfig(Model):
    """The EEPROM configuration of a board of the twin.

    Names, meanings and defaults are those of Raspberry Pi documentation, eeprom-bootloader.adoc, but for the defaults
    of BOOT_ORDER and BOOT_UART: the twin's boards have been set up for a bench.
    """

    BOOT_ORDER: Annotated[int, Field(ge=1, le=2**32 - 1)] = Field(
        default=0xF21, description="its boot modes, one in each hex digit, the last digit first (0xf21)"
    )
    BOOT_UART: Literal[0, 1] = Field(default=1, description="1 where its bootloader speaks on its UART")
    MAX_RESTARTS: Retries = Field(default=-1, description="how often it starts over; -1 for no limit")
    SD_BOOT_MAX_RETRIES: Retries = Field(default=0, description="how often it tries its eMMC again; -1 for no limit")
    NET_BOOT_MAX_RETRIES: Retries = Field(
        default=0, description="how often it tries the network again; -1 for no limit"
    )
    DHCP_TIMEOUT: Milliseconds = Field(default=45000, description="ms for all of DHCP")
    DHCP_REQ_TIMEOUT: Milliseconds = Field(default=4000, description="ms for one answer of DHCP")
    TFTP_FILE_TIMEOUT: Milliseconds = Field(default=30000, description="ms for one file")
    TFTP_IP: Address | None = Field(default=None, description="its TFTP server, whatever DHCP says")
    TFTP_PREFIX: Literal[0, 1, 2] = Field(
        default=0,
        description="before the names of its files: 0 its serial number, 1 TFTP_PREFIX_STR, 2 its MAC address",
    )
    TFTP_PREFIX_STR: Annotated[str, Field(max_length=32)] = Field(default="", description="with the slash at its end")
    PXE_OPTION43: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="Raspberry Pi Boot", description="what option 43 of a DHCP answer must hold"
    )
    DHCP_OPTION97: Annotated[int, Field(ge=0, le=2**32 - 1)] = Field(
        default=0x34695052, description="how its client GUID begins; 0 for its serial number four times"
    )
    ENABLE_SELF_UPDATE: Literal[0, 1] = Field(default=1, description="1 where it looks for an update of itself")
    CLIENT_IP: Address | None = Field(default=None, description="its own address; with SUBNET and TFTP_IP no DHCP")
    SUBNET: Address | None = Field(default=None, description="the mask of its network")
    GATEWAY: Address | None = Field(default=None, description="the way out of it")

    def written(self) -> Mapping[str, str | int]:
        """All that is set, by its name."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class TwinBoard(Model):
    """A board of the twin; all but `begins_with` matters to a Raspberry Pi alone."""

    eeprom: EepromConfig = Field(
        default=EepromConfig(), description="its EEPROM configuration, by the documented names"
    )
    serial: BoardSerial | None = Field(
        default=None, description="the last eight hex digits of its serial number, where the rig is wrong about them"
    )
    emmc: Literal["empty", "bootable"] = Field(default="empty", description="what is in its eMMC: empty or bootable")
    release: Literal["2021", "2024"] = Field(
        default="2024",
        description="the year of its bootloader: the lines of 2024 have their seconds, those of 2021 none",
    )
    begins_with: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")], ...] = Field(
        default=(), description="faults that hold from the beginning, as `hil sim fault` begins them"
    )


class TwinConfig(Model):
    """The bench twin, which stands in for the devices that the rig names `twin:...`."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = Field(
        default=1, description="of all its chance; the same seed and the same doings give the same bytes and figures"
    )
    # Of a CM4 module the smallest has 1 GiB (Raspberry Pi, Compute Module 4 datasheet, "Introduction"); it has four
    # cores, of which QEMU's TCG on a small host can feed two.
    cpus: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="virtual CPUs of each board that is a guest"
    )
    memory: Size = Field(default=1 << 30, description="memory of each board that is a guest")
    speed: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=0.0,
        description="of its serial lines: 1 as a wire of that baud rate, 2 twice that, 0 as fast as the board speaks; "
        "and of a Raspberry Pi's bootloader: 1 as its documented times",
    )
    boards: dict[str, TwinBoard] = Field(
        default={}, description="what its boards are like, by the names of their nodes"
    )

    def board(self, node: str) -> TwinBoard:
        """A node's board; as most are where the rig says nothing."""
        return self.boards.get(node, TwinBoard())
