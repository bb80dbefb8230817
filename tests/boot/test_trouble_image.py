"""What a user reads when what a machine was given to boot is wrong: exact words, exit code and record of each."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.rigs import PROBE_RIG, assets_of, run_hil, write_rig, write_tree
from support.trouble import Trouble, probe_rig, profile, tree_rig, trouble, x86_kernel

from hil.bench import open_bench
from hil.clock import NANOSECONDS, now_ns
from hil.config.rig import load_rig
from hil.console.recording import read_recording
from hil.errors import NodeError
from hil.images.image import Image
from hil.timeline.stages import STAGES

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

ALL = {"all": {"profile": "mine"}}
NEVER = "3600"


def boot(folder: Path, rig: dict[str, object], *options: str) -> Trouble:
    """`hil boot` of a rig that must fail, and that long before its deadline."""
    write_rig(folder, rig)
    return trouble(run_hil("boot", "rig.yaml", "--within", NEVER, *options, cwd=folder), folder)


def check_record(found: Trouble, verdict: str = "failed") -> None:
    """The record says what the terminal said."""
    label, _, message = found.message.partition(": ")
    assert label == ("node error" if verdict == "failed" else "bench error")
    assert found.error == (verdict, message)
    assert b"UEFI firmware" in found.console


@pytest.mark.usefixtures("each_machine")
def test_no_profile_for_this_machine(tmp_path: Path, probe_image: Image) -> None:
    groups = {
        "lab": {"profile": "mine", "selector": {"serial": "LAB-7", "mac": "02:00:5e:aa:bb:cc"}},
        "none": {"profile": "mine", "selector": {"rack": "4"}},
    }
    write_tree(tmp_path / "tree", groups=groups, profiles={"mine": profile("console=ttyAMA0")})
    found = boot(tmp_path, tree_rig(serial="DESK-1", mac="02:00:5e:00:00:01"))
    told_ns = now_ns()
    assert found.code == 1
    assert re.fullmatch(
        r"node error: node1: Matchbox has no profile for this machine \(iPXE shows its 404\): no group selects"
        r" mac=02:00:5e:00:00:01, uuid=[0-9a-f-]{36}, serial=DESK-1"
        # Where DHCP gives a name, as on a bridge, iPXE tells it.
        r"(, hostname=node1, domain=hil\.test)?, arch=arm64\n"
        r"group 'lab' \(profile 'mine'\) selects mac=02:00:5e:aa:bb:cc, serial=LAB-7\n"
        r"group 'none' \(profile 'mine'\) selects rack=4",
        found.message,
    )
    assert found.hint == "add a group whose selector this machine meets, or mend the selector that should have met it"
    check_record(found)
    assert found.folder is not None
    # Matchbox logs the refusal as its last line; from there to the user's terminal, hil's end included.
    refused = read_recording(found.folder.parent / "matchbox")[-2]
    assert b"No matching profile" in refused.data
    assert told_ns - refused.stamp_ns < 5 * NANOSECONDS


@pytest.mark.usefixtures("each_machine")
def test_the_kernel_is_not_where_the_profile_says(tmp_path: Path, probe_image: Image) -> None:
    mine = profile("console=ttyAMA0", kernel="/asset/kernel")
    write_tree(tmp_path / "tree", groups=ALL, profiles={"mine": mine}, assets=assets_of(probe_image))
    found = boot(tmp_path, tree_rig())
    assert found.code == 1
    assert found.message == (
        "node error: node1: iPXE failed: the HTTP server answered 404, not found: /asset/kernel... Not found"
        " (https://ipxe.org/2d0c618e)"
    )
    assert found.hint == (
        "if the URL is Matchbox's /ipxe, no group selects this machine: compare the labels in the URL with the groups'"
        " selectors; else see that the file is in the assets folder under exactly this path"
    )
    check_record(found)


def test_a_profile_without_a_kernel(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", groups=ALL, profiles={"mine": {"boot": {}}})
    found = boot(tmp_path, tree_rig())
    assert found.code == 1
    assert found.message == (
        "node error: node1: iPXE failed: a command of its script has too few or too many arguments: Could not boot:"
        " Result too large (https://ipxe.org/46162085)"
    )
    assert found.hint == (
        "read the usage that it printed before; a Matchbox profile without a kernel gives a `kernel` command without"
        " arguments"
    )
    check_record(found)
    assert any(line.lstrip().startswith("kernel [") for line in found.evidence)


class _NoBoot(BaseHTTPRequestHandler):
    """Answers as Matchbox does at /, and at /boot.ipxe with a script that boots nothing and reports no error."""

    def do_GET(self) -> None:
        self.wfile.write(
            b"HTTP/1.0 200 OK\r\n\r\n" + (b"matchbox\n" if self.path == "/" else b"#!ipxe\necho nothing\n")
        )

    def log_message(self, *_: object) -> None:
        """No log on standard error."""


def test_ipxe_comes_back_without_a_boot_and_without_an_error(tmp_path: Path) -> None:
    """No table of codes has it; the last line of the bench's own script ends the wait."""
    with HTTPServer(("127.0.0.1", 0), _NoBoot) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            found = boot(tmp_path, {**tree_rig(), "matchbox": {"url": url}})
        finally:
            server.shutdown()
            thread.join()
    assert found.code == 1
    assert found.message == (
        "node error: node1: iPXE gave up: http://10.0.2.100:8080/boot.ipxe came back without a boot"
    )
    assert found.hint == "read what iPXE printed before: which file it fetched last, and what came of it"
    check_record(found)


@pytest.mark.parametrize("wrong", ["cut short", "for x86"])
def test_a_kernel_that_cannot_boot_is_refused_before_the_boot(tmp_path: Path, probe_image: Image, wrong: str) -> None:
    kernel = tmp_path / "vmlinuz"
    whole = probe_image.kernel.path.read_bytes()
    kernel.write_bytes(whole[: len(whole) // 2] if wrong == "cut short" else x86_kernel())
    image = {"kind": "files", "kernel": "vmlinuz", "ready": {"console": "login:"}}
    found = boot(tmp_path, {**PROBE_RIG, "images": {"probe": image}})
    assert found.code == 1
    if wrong == "cut short":
        assert re.fullmatch(
            rf"node error: the kernel {kernel} is cut short: its header needs \d+ bytes, it has {len(whole) // 2}",
            found.message,
        )
        assert found.hint == "get the file again, and name its sha256 in the rig file so that this is seen at once"
    else:
        assert found.message == f"node error: the kernel {kernel} is for x86_64, and this machine is arm64"
        assert found.hint.startswith("name an arm64 kernel: ")
    assert found.folder is None


@pytest.mark.parametrize("wrong", ["cut short", "for x86"])
def test_a_kernel_that_cannot_boot_in_a_tree_of_the_users_own(tmp_path: Path, probe_image: Image, wrong: str) -> None:
    kernel = tmp_path / "vmlinuz"
    whole = probe_image.kernel.path.read_bytes()
    kernel.write_bytes(whole[: len(whole) // 2] if wrong == "cut short" else x86_kernel())
    assets = {**assets_of(probe_image), "kernel": kernel}
    write_tree(tmp_path / "tree", groups=ALL, profiles={"mine": profile("console=ttyAMA0")}, assets=assets)
    found = boot(tmp_path, tree_rig())
    assert found.code == 1
    assert re.fullmatch(
        r"node error: node1: iPXE failed: the firmware cannot load the kernel that was fetched: it is for another"
        r" architecture, cut short, or no EFI program: Could not boot: Error (0x7f0481[0-9a-f]{2})"
        r" \(https://ipxe\.org/7f0481[0-9a-f]{2}\)",
        found.message,
    )
    assert found.hint == (
        "give it a whole arm64 kernel Image with an EFI stub: `file` tells what a file is, its sha256 whether all"
        " of it is there"
    )
    check_record(found)


@pytest.mark.usefixtures("each_machine")
def test_a_panic_is_told_at_once(tmp_path: Path) -> None:
    found = boot(tmp_path, probe_rig(["console=ttyAMA0", "rdinit=/nonexistent", "panic=0"]))
    assert found.code == 1
    assert found.message == (
        "node error: node1: the kernel panicked: VFS: Unable to mount root fs on unknown-block(0,0)"
        " (it got no initramfs, or one that it cannot unpack, and no root disk)"
    )
    assert found.hint == "read the kernel's last lines; the reason and the call trace stand there"
    check_record(found)
    assert b"Kernel panic - not syncing: VFS: Unable to mount root fs" in found.console


def test_a_machine_that_starts_over_and_over(tmp_path: Path) -> None:
    found = boot(tmp_path, probe_rig(["console=ttyAMA0", "rdinit=/bin/busybox", "--", "reboot", "-f"]))
    assert found.code == 1
    assert found.message == (
        "node error: node1: the machine started its firmware for the third time without becoming ready"
    )
    assert found.hint == (
        "read what it printed before each restart; the kernel argument `panic=0` keeps it from restarting"
    )
    check_record(found)
    assert found.console.count(b"UEFI firmware (version ") == 3


def test_a_reboot_loop_names_its_panic(tmp_path: Path) -> None:
    """A test that overlooks the panic, as one that expects a machine to recover, still learns of the loop's cause."""
    rig = write_rig(tmp_path, probe_rig(["console=ttyAMA0", "rdinit=/nonexistent", "panic=1"]))
    with open_bench(load_rig(rig, cwd=tmp_path), artifacts=tmp_path / "records") as bench:
        node = bench.nodes["node1"]
        node.power.on()
        with node.wire.expecting_death("kernel panic"), pytest.raises(NodeError) as died:
            node.wait_ready(within=float(NEVER))
    assert died.value.message == (
        "node1: the machine started its firmware for the third time without becoming ready; before that, the kernel"
        " panicked: VFS: Unable to mount root fs on unknown-block(0,0)"
        " (it got no initramfs, or one that it cannot unpack, and no root disk)"
    )
    assert died.value.exit_code == 1
    assert node.boots[0].error is died.value


SILENT = ("console=ttyS9", "acpi=off")


def test_a_silent_console_in_a_tree_of_the_users_own(tmp_path: Path, probe_image: Image) -> None:
    mine = profile(*SILENT)
    write_tree(tmp_path / "tree", groups=ALL, profiles={"mine": mine}, assets=assets_of(probe_image))
    file = tmp_path / "tree" / "profiles" / "mine.json"
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if '"args"' in text)
    found = boot(tmp_path, tree_rig())
    check_silent(found, f"{file}:{line}")
    # The stub speaks by the firmware's console, and is not taken for the kernel's.
    assert b"EFI stub: " in found.console


def test_a_silent_console_of_an_image_of_the_rig(tmp_path: Path) -> None:
    rig = probe_rig([*SILENT, "quiet"])
    found = boot(tmp_path, rig)
    text = (tmp_path / "rig.yaml").read_text().splitlines()
    line = next(number for number, said in enumerate(text, 1) if '"args"' in said)
    check_silent(found, f"rig.yaml:{line}", "quiet")
    assert b"EFI stub: " not in found.console


def check_silent(found: Trouble, where: str, *more: str) -> None:
    assert found.code == 1
    arguments = " ".join([*SILENT, *more])
    assert found.message == (
        "node error: node1: silent console: iPXE has fetched everything, and nothing was said for 15 s; the kernel"
        f" arguments at {where} lack console=ttyAMA0: {arguments}"
    )
    assert found.hint == f"add console=ttyAMA0 to the arguments at {where}"
    check_record(found)


def test_a_machine_that_switches_itself_off(tmp_path: Path) -> None:
    found = boot(tmp_path, probe_rig(["console=ttyAMA0", "rdinit=/bin/busybox", "--", "poweroff", "-f"]))
    assert found.code == 1
    assert re.fullmatch(
        r"node error: node1, after shutdown at \d+\.\d s: the machine switched itself off", found.message
    )
    assert found.hint == "read the last console lines: what ran last told it to power off"
    check_record(found)
    assert any("reboot: Power down" in line for line in found.evidence)


def test_time_is_up(tmp_path: Path) -> None:
    write_rig(tmp_path, PROBE_RIG)
    found = trouble(run_hil("boot", "rig.yaml", "--within", "1.5", cwd=tmp_path), tmp_path)
    assert found.code == 1
    said = re.fullmatch(
        r"node error: node1: not ready within 1\.5 s: after ([\w-]+) at \d\.\d s; still awaited: ([\w-]+) \((.+)\)",
        found.message,
    )
    assert said is not None, found.message
    last = [stage.name for stage in STAGES].index(said[1])
    assert (said[2], said[3]) == (STAGES[last + 1].name, STAGES[last + 1].doc)
    assert found.hint == (
        "read the console from the last stage on; if it still moved, raise `boot_within` in the rig file"
    )
    assert found.error == ("failed", found.message.removeprefix("node error: "))


def test_a_broken_rig_file(tmp_path: Path) -> None:
    write_rig(tmp_path, {"hil": 1, "nodes": {"node1": {"kind": "qemu", "memry": "1GiB"}}})
    done = run_hil("boot", "rig.yaml", cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith("configuration error: ")
    assert re.search(r"^rig\.yaml:\d+:\d+: .*memry", done.err, re.MULTILINE)
    assert "Traceback" not in done.err
    assert not (tmp_path / "hil-artifacts").exists()
