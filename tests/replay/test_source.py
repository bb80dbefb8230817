"""A recorded console is read from a boot's folder, a recording or a plain log, with its times or a line's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hil.clock import WallAnchor
from hil.console.recording import Recording
from hil.console.stream import Chunk
from hil.errors import InfrastructureError, UsageError
from hil.replay.source import read_source

CHUNKS = (Chunk(5_000_000_000, 2, 100, b"one\r\n"), Chunk(5_250_000_000, 2, 105, b"two\r\n"))


def recorded(folder: Path) -> Path:
    folder.mkdir()
    with Recording(folder / "console", title="t", anchor=WallAnchor.take()) as recording:
        for chunk in CHUNKS:
            recording.append(chunk)
    return folder


def test_a_boots_folder_has_its_own_times_from_its_power_on(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "node1-boot1")
    assert read_source(folder).origin_ns == CHUNKS[0].stamp_ns
    (folder / "timeline.json").write_text(json.dumps({"power_on_ns": 4_000_000_000}))
    for path in (folder, folder / "console.log"):
        source = read_source(path)
        assert (source.chunks, source.timed) == (CHUNKS, True)
        assert source.seconds(source.chunks[1].stamp_ns) == 1.25


def test_what_the_server_logged_is_read_beside_it(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "boot")
    assert read_source(folder).served == ()
    (folder / "dnsmasq.log").write_text(
        "dnsmasq-tftp: TFTP root is /run/x/tftp  \n"
        "dnsmasq-dhcp: 7 vendor class: PXEClient:Arch:00000:UNDI:002001\n"
        "dnsmasq-dhcp: 7 DHCPDISCOVER(br0) dc:a6:32:01:36:c2 no address available\n"
        "dnsmasq-dhcp: 7 DHCPDISCOVER(br0) dc:a6:32:01:36:c2 \n"
        "dnsmasq-dhcp: 7 DHCPOFFER(br0) 10.0.2.11 dc:a6:32:01:36:c2 \n"
        "dnsmasq-tftp: error 0 Early terminate received from 10.0.2.11\n"
        "dnsmasq-tftp: sent /run/x/tftp/10c2a4b7/start4.elf to 10.0.2.11\n"
        "dnsmasq-tftp: file /run/x/tftp/10c2a4b7/cmdline.txt not found for 10.0.2.11\n"
        "dnsmasq-tftp: sent /run/x/tftp/10c2a4b7/start4.elf to 10.0.2.11\n"
        "dnsmasq-tftp: failed sending /run/x/tftp/10c2a4b7/RPI_EFI.fd to 10.0.2.11\n"
    )
    assert read_source(folder).served == (
        "vendor class PXEClient:Arch:00000:UNDI:002001",
        "not answered dc:a6:32:01:36:c2: no address available",
        "DISCOVER dc:a6:32:01:36:c2",
        "OFFER dc:a6:32:01:36:c2 10.0.2.11",
        "not sent 10c2a4b7/start4.elf: Early terminate",
        "not found 10c2a4b7/cmdline.txt",
        "sent 10c2a4b7/start4.elf to 10.0.2.11",
        "not sent 10c2a4b7/RPI_EFI.fd: the client fell silent",
    )


def test_a_plain_log_has_the_times_of_a_serial_line(tmp_path: Path) -> None:
    (tmp_path / "board.txt").write_bytes(b"x" * 1151 + b"\nend")
    source = read_source(tmp_path / "board.txt")
    assert not source.timed
    assert [chunk.stamp_ns for chunk in source.chunks] == [100_000_000, 100_260_417]
    assert [chunk.offset for chunk in source.chunks] == [0, 1152]


def test_a_folder_without_the_times_is_a_plain_log_and_what_the_server_said(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "boot")
    (folder / "console.idx").unlink()
    (folder / "dnsmasq.log").write_text("dnsmasq-tftp: file /t/x not found for 10.0.2.11\n")
    source = read_source(folder)
    assert (source.timed, source.served) == (False, ("not found /t/x",))
    assert b"".join(chunk.data for chunk in source.chunks) == b"one\r\ntwo\r\n"


@pytest.mark.parametrize("index", [b"", b"no index at all"])
def test_damaged_times_are_no_silence(tmp_path: Path, index: bytes) -> None:
    folder = recorded(tmp_path / "boot")
    (folder / "console.idx").write_bytes(index)
    with pytest.raises(UsageError, match=r"console\.idx is damaged"):
        read_source(folder)


@pytest.mark.parametrize("text", ["", "[]", '{"power_on_ns": "soon"}', "[" * 100_000])
def test_a_timeline_that_does_not_say_power_on_is_done_without(tmp_path: Path, text: str) -> None:
    folder = recorded(tmp_path / "boot")
    (folder / "timeline.json").write_text(text)
    assert read_source(folder).origin_ns == CHUNKS[0].stamp_ns


def test_what_is_no_record_is_said(tmp_path: Path) -> None:
    recorded(tmp_path / "node1-boot1")
    with pytest.raises(UsageError, match="no boot's folder") as caught:
        read_source(tmp_path)
    assert caught.value.hint == "name one of the boots in it: node1-boot1"
    with pytest.raises(UsageError, match="there is no"):
        read_source(tmp_path / "nowhere")
    (tmp_path / "empty.log").touch()
    with pytest.raises(UsageError, match=r"empty\.log is empty"):
        read_source(tmp_path / "empty.log")
    (tmp_path / "silent").mkdir()
    for name in ("console.log", "console.idx"):
        (tmp_path / "silent" / name).touch()
    with pytest.raises(UsageError, match="said nothing"):
        read_source(tmp_path / "silent")
    os.mkfifo(tmp_path / "pipe.log")
    with pytest.raises(UsageError, match="is no file"):
        read_source(tmp_path / "pipe.log")
    with pytest.raises(InfrastructureError, match="cannot be read"):
        read_source(tmp_path / "silent" / "console.log" / "x")
