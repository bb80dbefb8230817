"""What a user reads when the bench breaks: exact words, exit code 3, and what was recorded before is kept."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from support.rigs import HIL, PROBE_RIG, Hil, Ran, run_hil, write_rig
from support.trouble import Trouble, processes, trouble

from hil.bench import open_bench
from hil.boot import Verdict
from hil.clock import Deadline, hold
from hil.config.rig import load_rig
from hil.console.recording import read_cast, read_recording
from hil.errors import InfrastructureError
from hil.netboot.ipxe import BOOTFILE

pytestmark = [pytest.mark.boot]

LONG = 240.0
NO_SPACE = "No space left on device"


def check_record(found: Trouble) -> None:
    assert found.code == 3
    label, _, message = found.message.partition(": ")
    assert label == "bench error"
    assert found.error == ("broken", message)


def stand_in(folder: Path, *script: str) -> Path:
    """A program that says it is QEMU, and then does as the script has it."""
    path = folder / "qemu-stand-in"
    version = '[ "$1" = --version ] && { echo "QEMU emulator version 9.9.9"; exit 0; }'
    path.write_text("\n".join(["#!/bin/sh", version, *script]) + "\n")
    path.chmod(0o755)
    return path


def test_no_qemu_in_path(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIL_QEMU", raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(folder).glob("unshare"):
            (programs / "unshare").unlink(missing_ok=True)
            (programs / "unshare").symlink_to(program)
    write_rig(tmp_path, PROBE_RIG)
    found = trouble(run_hil("boot", "rig.yaml", cwd=tmp_path, env={"PATH": str(programs)}), tmp_path)
    assert found.code == 3
    assert found.message == "bench error: QEMU (qemu-system-aarch64, 7.2 or newer) is not on this bench"
    assert found.hint == "run `hil doctor --fix`, which gets it"
    assert found.folder is None


def test_hil_qemu_names_nothing(tmp_path: Path, runtime: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    found = trouble(run_hil("boot", "rig.yaml", cwd=tmp_path, env={"HIL_QEMU": str(tmp_path / "none")}), tmp_path)
    assert found.code == 3
    assert found.message == f"bench error: HIL_QEMU names {tmp_path / 'none'}, which does not exist"
    assert found.hint == "correct HIL_QEMU, or unset it"


def test_qemu_dies_at_once(tmp_path: Path, runtime: Path) -> None:
    words = "qemu-system-aarch64: -accel kvm: Could not access KVM kernel module"
    qemu = stand_in(tmp_path, f"echo '{words}' >&2", "exit 1")
    write_rig(tmp_path, PROBE_RIG)
    found = trouble(run_hil("boot", "rig.yaml", cwd=tmp_path, env={"HIL_QEMU": str(qemu)}), tmp_path)
    # Where the read-back of the power is quick enough to see it, there is no mark yet.
    when = r"(as it was switched on|after power at \d+\.\d s)"
    assert re.fullmatch(rf"bench error: node1, {when}: qemu ended by itself with status 1", found.message)
    assert found.evidence[0] == words
    assert found.hint == "its own last words are above; `hil doctor` checks the programs it needs"
    check_record(found)


def test_a_program_is_told_of_trouble_in_its_one_document(tmp_path: Path, runtime: Path) -> None:
    qemu = stand_in(tmp_path, "exit 1")
    write_rig(tmp_path, PROBE_RIG)
    done = run_hil("boot", "rig.yaml", "--json", cwd=tmp_path, env={"HIL_QEMU": str(qemu)})
    assert done.code == 3
    [boot] = done.document["boots"]  # type: ignore[misc]
    assert boot["verdict"] == "broken"
    error = boot["error"]
    assert error["kind"] == "InfrastructureError"
    assert error["message"].endswith("qemu ended by itself with status 1")
    assert error["hint"].startswith("it left no words")
    # The same, for a person, is on standard error.
    assert f"bench error: {error['message']}\n" in done.err


def test_qemu_is_killed_in_mid_boot(tmp_path: Path, runtime: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    with Hil(["boot", "rig.yaml"], tmp_path) as hil:
        hil.wait_for(r"\] firmware ", within=LONG)
        [qemu] = processes(str(runtime), "qemu-system")
        os.kill(qemu, signal.SIGKILL)
        code = hil.finish(within=LONG)
        found = trouble(Ran(code, hil.stdout, hil.stderr), tmp_path)
    assert re.fullmatch(
        r"bench error: node1, after [\w-]+ at \d+\.\d s: qemu ended by itself, killed by SIGKILL", found.message
    )
    assert found.hint in (
        "its own last words are above; `hil doctor` checks the programs it needs",
        "it left no words; the host's own log (dmesg, journalctl -k) says whether memory ran out",
    )
    check_record(found)
    assert b"UEFI firmware" in found.console


def test_matchbox_is_killed_in_mid_boot(tmp_path: Path, runtime: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    with Hil(["boot", "rig.yaml"], tmp_path) as hil:
        hil.wait_for(r"\] power ", within=LONG)
        os.kill(processes(str(runtime), "-assets-path")[0], signal.SIGKILL)
        code = hil.finish(within=LONG)
        found = trouble(Ran(code, hil.stdout, hil.stderr), tmp_path)
    assert found.message == "bench error: node1: Matchbox ended while this machine was booting"
    assert found.hint.startswith("read matchbox.log in the bench's folder for its last words; if there are none,")
    check_record(found)


def test_the_keeper_is_killed_in_mid_boot(tmp_path: Path, runtime: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    with Hil(["boot", "rig.yaml"], tmp_path) as hil:
        hil.wait_for(r"\] firmware ", within=LONG)
        os.kill(processes(str(runtime), "hil.keeper")[0], signal.SIGKILL)
        code = hil.finish(within=LONG)
        found = trouble(Ran(code, hil.stdout, hil.stderr), tmp_path)
    check_record(found)
    # Whichever connection to it is read first says so.
    closed = "bench error: node1: the console's stream was closed"
    gone = "bench error: node1: the keeper of this bench has ended, and with it Matchbox and the machines"
    died = "bench error: the keeper of the bench in .* has died, and with it all that it held"
    assert re.fullmatch(f"{closed}|{gone}|{died}", found.message)
    assert b"UEFI firmware" in found.console
    gone = Deadline.after(LONG)
    while processes(str(runtime), "") and not gone.expired:
        hold(0.02)
    assert processes(str(runtime), "") == []


def test_the_tftp_server_lacks_ipxe(tmp_path: Path, runtime: Path) -> None:
    rig = load_rig(write_rig(tmp_path, PROBE_RIG), cwd=tmp_path)
    with open_bench(rig, artifacts=tmp_path / "records") as bench:
        (bench.keeper.directory / "tftp" / BOOTFILE).unlink()
        node = bench.nodes["node1"]
        with pytest.raises(InfrastructureError) as broke:
            node.boot(within=3600)
    assert broke.value.message == (
        "node1: the firmware's network boot failed, PXE-E23: the TFTP server answered with an error: mostly, that it"
        f" does not have the boot file (boot file {BOOTFILE})"
    )
    assert broke.value.hint == (
        "the folder that the bench serves by TFTP has changed since it was opened; open it again"
    )
    assert broke.value.exit_code == 3
    [boot] = node.boots
    assert (boot.verdict, boot.error) == (Verdict.BROKEN, broke.value)
    assert b"PXE-E23" in (boot.folder / "console.log").read_bytes()


def test_the_disk_is_full(tmp_path: Path, runtime: Path) -> None:
    """The records are on a disk too small for the kernel's words, in a mount namespace of the command's own."""
    small, kept = tmp_path / "small", tmp_path / "kept"
    small.mkdir()
    write_rig(tmp_path, PROBE_RIG)
    script = (
        'mount -t tmpfs -o size=72k small "$1" || exit 99; into=$2; from=$1; shift 2; "$@"; code=$?;'
        ' cp -r "$from" "$into"; exit $code'
    )
    unshare = ["unshare", "--mount" if os.geteuid() == 0 else "-Urm"]
    command = [*unshare, "sh", "-c", script, "sh", str(small), str(kept), *HIL]
    done = subprocess.run(
        [*command, "boot", "rig.yaml", "--artifacts", str(small), "--within", "3600"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    if done.returncode == 99:
        pytest.skip(f"this host lets nobody mount a tmpfs: {done.stderr}")
    found = trouble(Ran(done.returncode, done.stdout, done.stderr), tmp_path)
    assert found.code == 3
    full = re.fullmatch(
        r"bench error: node1, after [\w-]+ at \d+\.\d s: the console can no longer be recorded: writing"
        rf" {small}/(\S+)/console\.(?:log|idx|cast): {NO_SPACE}; (\d+) bytes are kept",
        found.message,
    )
    assert full is not None, found.message
    assert found.hint == (
        "make room on that disk, or name another by --artifacts (pytest: --hil-artifacts); boot again"
    )
    folder = kept / full[1]
    log = (folder / "console.log").read_bytes()
    assert len(log) == int(full[2])
    assert b"UEFI firmware" in log
    assert log.startswith(b"".join(chunk.data for chunk in read_recording(folder / "console")))
    assert "UEFI firmware" in "".join(event.text for event in read_cast(folder / "console.cast"))
    # Its last state could not be written any more, which is said; the one before is whole.
    assert f"{small}/{full[1]}/boot.json cannot be written: {NO_SPACE}" in found.evidence
    assert '"verdict": "running"' in (folder / "boot.json").read_text()
