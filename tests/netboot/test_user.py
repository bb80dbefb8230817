"""The user segment: what a rig may write, and what QEMU is told."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import cast

import pytest
from pydantic import ValidationError

from hil.config.model import HostPort
from hil.console.deaths import DEFAULT_DEATHS
from hil.console.deathwatch import DeathWatch
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.netboot.ipxe import BOOTFILE, autoexec
from hil.netboot.place import SegmentPlace
from hil.netboot.user import Config, UserSegment, create

IPXE = b"iPXE"


def config(**values: object) -> Config:
    return Config.model_validate({"kind": "user", **values})


def place(directory: Path, ipxe: Path) -> SegmentPlace:
    return SegmentPlace(directory, cast("Keeper", None), {"node1": "52:54:00:00:00:01"}, ipxe, directory)


def refusal(**values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        config(**values)
    return caught.value.errors()[0]["msg"]


@pytest.fixture
def segment(tmp_path: Path) -> UserSegment:
    (tmp_path / "ipxe.efi").write_bytes(IPXE)
    made = config(
        subnet="10.0.1.0/24",
        bench="10.0.1.5:8080",
        egress=("10.0.1.6:443", {"at": "10.0.1.7:53", "to": "registry.example:5000"}),
    )
    return create(made, place(tmp_path / "bench", tmp_path / "ipxe.efi"))


def test_defaults() -> None:
    assert config() == config(subnet="10.0.2.0/24", bench="10.0.2.100:8080", egress=())


@pytest.mark.parametrize("last", [1, 2, 3, 15, 16, 254])
def test_any_bench_address_of_the_subnet_works(last: int) -> None:
    assert config(subnet="10.0.1.0/24", bench=f"10.0.1.{last}:80").bench == HostPort(f"10.0.1.{last}", 80)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"bench": "10.0.1.5:8080"},
            "bench: 10.0.1.5:8080 is outside 10.0.2.0/24, and only addresses of the machine's own subnet",
        ),
        ({"egress": ("10.9.9.9:1",)}, "egress: 10.9.9.9:1 is outside 10.0.2.0/24"),
        ({"egress": ("registry.example:443",)}, "egress: 'registry.example' is no IPv4 address"),
        ({"egress": ("10.0.2.0:443",)}, "egress: 10.0.2.0 is the first or last address of 10.0.2.0/24"),
        ({"egress": ("10.0.2.255:443",)}, "is the first or last address"),
        ({"egress": ("10.0.2.100:8080",)}, "egress: 10.0.2.100:8080 is taken"),
        ({"subnet": "10.0.2.1/24"}, "'10.0.2.1/24' is no IPv4 network"),
        ({"subnet": "fe80::/64"}, "'fe80::/64' is no IPv4 network"),
        ({"subnet": "10.0.2.100/30"}, "10.0.2.100/30 has too few addresses"),
        (
            {
                "subnet": "10.0.1.0/29",
                "bench": "10.0.1.1:80",
                "egress": ("10.0.1.2:1", "10.0.1.3:1", "10.0.1.4:1"),
            },
            "10.0.1.0/29 has too few addresses",
        ),
    ],
)
def test_what_a_rig_may_not_write(values: dict[str, object], message: str) -> None:
    assert message in refusal(**values)


def test_hint_shows_how_to_reach_a_name() -> None:
    with pytest.raises(ValidationError) as caught:
        config(egress=("registry.example:443",))
    assert caught.value.errors()[0]["ctx"]["hint"] == (
        "give it an address of the subnet: {at: 10.0.2.100:443, to: registry.example:443}"
    )


def test_qemu_is_told_every_service_and_nothing_else(segment: UserSegment) -> None:
    services = {
        HostPort("10.0.1.5", 8080): ("127.0.0.1", 40001),
        HostPort("10.0.1.5", 8443): Path("/run/a bench/tailnet.sock"),
    }
    segment.serve(services)
    cable = segment.cable("node1")
    flag, option = cable.netdev("n1", [8080])
    assert cable.run(["qemu", "-M", "virt"]) == ["qemu", "-M", "virt"]
    assert segment.bench == HostPort("10.0.1.5", 8080)
    assert flag == "-netdev"
    assert option.startswith("user,id=n1,ipv6=off,restrict=on,net=10.0.1.0/24,")
    forwards = [part for part in option.split(",") if part.startswith("guestfwd=")]
    assert [part.partition("-cmd:")[0] for part in forwards] == [
        "guestfwd=tcp:10.0.1.5:8080",
        "guestfwd=tcp:10.0.1.5:8443",
        "guestfwd=tcp:10.0.1.6:443",
        "guestfwd=tcp:10.0.1.7:53",
    ]
    assert [shlex.split(part)[5:] for part in forwards] == [
        ["127.0.0.1", "40001"],
        ["/run/a bench/tailnet.sock"],
        ["10.0.1.6", "443"],
        ["registry.example", "5000"],
    ]
    assert all(sys.executable in part for part in forwards)
    assert option.endswith("hostfwd=tcp:127.0.0.1:0-:8080")


def test_tftp_folder_has_ipxe_and_its_script(segment: UserSegment) -> None:
    assert sorted(path.name for path in segment.tftp.iterdir()) == ["autoexec.ipxe", BOOTFILE]
    assert (segment.tftp / BOOTFILE).read_bytes() == IPXE
    script = (segment.tftp / "autoexec.ipxe").read_text()
    assert script == autoexec(HostPort("10.0.1.5", 8080))
    lines = script.splitlines()
    assert lines[0] == "#!ipxe"
    assert lines.index("ifopen net0") < lines.index("isset ${net0/ip} || dhcp net0 || goto no_address")
    assert "chain http://10.0.1.5:8080/boot.ipxe || goto failed" in lines
    assert lines[-1] == "shell"


@pytest.mark.parametrize(
    ("line", "fault", "explanation"),
    [
        (
            b"hil-ipxe: failed: http://10.0.1.5:8080/boot.ipxe: 0x2d0c618e\r\n",
            "node",
            "iPXE gave up: http://10.0.1.5:8080/boot.ipxe (No such file or directory, https://ipxe.org/2d0c618e)",
        ),
        (
            b"hil-ipxe: failed: http://10.0.1.5:8080/boot.ipxe came back without a boot\r\n",
            "node",
            "iPXE gave up: http://10.0.1.5:8080/boot.ipxe came back without a boot",
        ),
        (
            b"hil-ipxe: failed: no address by DHCP: 0x40ee119\r\n",
            "bench",
            "iPXE gave up: no address by DHCP (Cannot assign requested address, https://ipxe.org/040ee119)",
        ),
    ],
)
def test_the_scripts_last_words_end_a_wait(segment: UserSegment, line: bytes, fault: str, explanation: str) -> None:
    transcript = Transcript()
    watch = DeathWatch(segment.deaths, transcript, 0)
    transcript.append(Chunk(1, 1, 0, line[:-2]))
    assert watch.look() is None
    transcript.append(Chunk(1, 1, len(line) - 2, line[-2:]))
    casualty = watch.look()
    assert casualty is not None
    assert (casualty.death.fault, casualty.explanation) == (fault, explanation)


def test_the_script_says_no_more_than_its_deaths_know(segment: UserSegment) -> None:
    lines = [line for line in (segment.tftp / "autoexec.ipxe").read_text().splitlines() if "failed:" in line]
    assert len(lines) == 3
    for line in lines:
        transcript = Transcript()
        watch = DeathWatch(segment.deaths, transcript, 0)
        said = line.removeprefix("echo ").replace("${errno}", "0x2d0c618e").encode() + b"\r\n"
        transcript.append(Chunk(1, 1, 0, said))
        assert watch.look() is not None, line


def test_the_firmwares_own_network_is_the_bench_and_all_else_dies_as_anywhere(segment: UserSegment) -> None:
    faults = {death.name: death.fault for death in segment.deaths}
    assert faults["EDK2 PXE error"] == "bench"
    assert faults["kernel panic"] == "node"
    assert {death.name for death in DEFAULT_DEATHS} < set(faults)
    assert len(faults) == len(segment.deaths)


def test_missing_ipxe_is_a_broken_bench(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be filled"):
        create(config(), place(tmp_path, tmp_path / "none"))
