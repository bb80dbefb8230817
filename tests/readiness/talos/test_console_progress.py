"""How far Talos came, by the lines of its console."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.readiness.talos.console_progress import ConsoleProgress, ProgressReader
from hil.readiness.talos.console_rows import ROWS
from hil.timeline.lines import Line

FINGERPRINT = "5ZsQmVDeYT3C1jFkVuW0bXPVLDzz8HgT6bdvBFn3qmU="
ACQUIRE = '{"component": "controller-runtime", "controller": "config.AcquireController"'
# A line as it stands on the console, and what is then told of the machine.
SAID = [
    ("[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd083]", "the kernel starts"),
    ("[    0.000000] Linux version 6.18.44-talos (@buildkitsandbox) (clang)", "kernel 6.18.44-talos starts"),
    ("[    1.234567] [talos] [initramfs] booting Talos v1.13.9", "its initramfs starts Talos v1.13.9"),
    ("[    1.234567][    T1] [talos] [initramfs] booting Talos v1.13.9", "its initramfs starts Talos v1.13.9"),
    ("[    1.5] [talos] [initramfs] recovered from: no such file", ""),
    ("[    1.500000] [talos] [initramfs] recovered from: no such file", "its initramfs failed: no such file"),
    ("[   10.020299] [talos] initialize sequence: 9 phase(s)", "initialize sequence: 9 phase(s)"),
    ("[   10.020299] [talos] initialize sequence: done: 2.1s", "initialize sequence: done"),
    (
        "[   10.020299] [talos] phase systemRequirements (1/10): 1 tasks(s)",
        "phase systemRequirements (1/10): 1 tasks(s)",
    ),
    ("[   10.020299] [talos] phase kexec (9/12): done, 31.339691ms", "phase kexec (9/12): done"),
    ("[talos] 2026/08/21 10:00:00 phase machined (1/2): done, 1.2s", "phase machined (1/2): done"),
    (
        '[   10.020299] [talos] fetching machine config from: "http://10.0.2.2:8080/generic?mac=52-54-00-12-34-56"',
        "fetches its machine configuration from http://10.0.2.2:8080/generic?mac=52-54-00-12-34-56",
    ),
    (
        '[   10.020299] [talos] retrying error: failed to download config from "http://a/b": timeout',
        'tries again: failed to download config from "http://a/b": timeout',
    ),
    (
        f"[   12.020299] [talos] entering maintenance service {ACQUIRE}}}",
        "in maintenance mode, without a configuration",
    ),
    (f"[   12.020299] [talos] leaving maintenance service {ACQUIRE}}}", "leaves maintenance mode"),
    (f"[   12.020299] [talos] machine config loaded successfully {ACQUIRE}}}", "has its machine configuration"),
    (
        "[   99.020299] [talos] task install (1/1): installing Talos to disk /dev/vda",
        "installing Talos to disk /dev/vda",
    ),
    ("[   99.020299] [talos] task install (1/1): install successful", "install successful"),
    (
        '[  199.020299] [talos] machine is running and ready {"component": "controller-runtime"}',
        "says that it is running and ready",
    ),
    (
        "[    9.020299] [talos] error running phase 1 in initialize sequence: task 1/1: failed",
        "initialize sequence failed in phase 1: task 1/1: failed",
    ),
    ("[    9.020299] [talos] rebooting in 10 seconds", "gave up, and reboots in 10 s"),
    ("[    9.020299] reboot: Restarting system", "the kernel says: Restarting system"),
]
# A line, and what no waiting mends.
HOPELESS = [
    (
        "[    9.120299] [talos]  * KSPP kernel parameter slab_nomerge is required",
        "Talos refuses to run: KSPP kernel parameter slab_nomerge is required",
    ),
    ("\t* KSPP kernel parameter pti is required", "Talos refuses to run: KSPP kernel parameter pti is required"),
    (
        "[    9.120299] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
        "the kernel panicked: Attempted to kill init! exitcode=0x00000100",
    ),
    (
        "[    9.120299] [talos] panic=0 kernel flag found, sleeping forever",
        "Talos failed, and sleeps forever as panic=0 says",
    ),
    (
        '[   20.000000] [talos] retrying error: failed to download config from "http://a/b": failed to download'
        ' config, status code 404, body ""',
        'the machine configuration cannot be had: failed to download config from "http://a/b": failed to download'
        " config, status code 404",
    ),
    (
        f"[   20.000000] [talos] controller failed {ACQUIRE}"
        ', "error": "failed to load config via platform metal: unknown keys found during decoding:\\nfoo: true\\n"}',
        "Talos refuses its machine configuration: failed to load config via platform metal: unknown keys found during"
        " decoding: foo: true",
    ),
    (
        f'[   20.000000] [talos] controller failed {ACQUIRE}, "error": "failed to load config \\"a\\\\b\\" \\ud8"}}',
        'Talos refuses its machine configuration: failed to load config \\"a\\\\b\\" \\ud8',
    ),
    (
        f'[   20.000000] [talos] controller failed {ACQUIRE}, "error": "failed to validate config acquired via pl...',
        "Talos refuses its machine configuration: failed to validate config acquired via pl...",
    ),
]


def told(*lines: str | bytes) -> ConsoleProgress:
    reader = ProgressReader()
    for line in lines:
        reader.line(line if isinstance(line, bytes) else line.encode() + b"\r\n")
    return reader.progress


@pytest.mark.parametrize(("line", "words"), SAID)
def test_what_the_machine_is_doing(line: str, words: str) -> None:
    assert told(line).words == words


@pytest.mark.parametrize(("line", "why"), HOPELESS)
def test_what_no_waiting_mends(line: str, why: str) -> None:
    assert told(line).hopeless == why
    assert told(line, "[   99.000000] [talos] initialize sequence: 9 phase(s)").words == why


def test_every_row_is_met_by_a_line() -> None:
    lines = [line for line, _ in (*SAID, *HOPELESS)]
    lines += [
        "[    3.616910] [talos] service[containerd](Running): Health check successful",
        f'[   12.020299] [talos] server certificate issued {ACQUIRE}, "fingerprint": "{FINGERPRINT}"}}',
    ]
    for row in ROWS:
        assert any(row.pattern.search(line.encode()) for line in lines), row.pattern


@pytest.mark.parametrize(
    "line",
    [
        "[   20.000000] [talos] retrying error: status code 500, body",
        '[   20.000000] [talos] controller failed {"controller": "x.Other", "error": "failed to load config"}',
        "login: machine is running and ready",
        "[   10.000000] initialize sequence: 9 phase(s)",
    ],
)
def test_other_words_stop_nobody(line: str) -> None:
    assert told(line).hopeless == ""
    assert not told(line).ready


def test_fingerprint() -> None:
    line = f'[   12.020299] [talos] server certificate issued {ACQUIRE}, "fingerprint": "{FINGERPRINT}"}}'
    assert told(line).fingerprint == FINGERPRINT
    assert told(line.replace("=", "")).fingerprint == ""


def test_services_that_have_not_settled_are_named() -> None:
    lines = [
        "[    3.0] [talos] boot sequence: 8 phase(s)",
        "[    3.616910] [talos] boot sequence: 8 phase(s)",
        "[    3.616910] [talos] service[apid](Running): Started",
        "[    3.616910] [talos] service[ext-hello](Running): Started",
        "[    3.616910] [talos] service[ext-hello](Waiting): Error running, going to restart forever",
        "[    3.616910] [talos] service[machined](Finished): done",
    ]
    assert told(*lines).words == "boot sequence: 8 phase(s) (ext-hello waiting)"
    assert told(*lines).services["apid"] == "Running"
    many = [f"[    3.616910] [talos] service[s{n}](Waiting): x" for n in range(300)]
    assert told(*lines[:2], *many).words == "boot sequence: 8 phase(s) (s0 waiting, s1 waiting, s2 waiting, ...)"
    assert len(told(*many).services) == 200


def test_since_when_a_service_runs_is_known_while_it_does() -> None:
    reader = ProgressReader()

    def say(state: str, at_ns: int | None) -> int | None:
        reader.line(f"[    3.616910] [talos] service[ext-spin]({state}): x".encode(), at_ns)
        return reader.progress.running_ns.get("ext-spin")

    assert say("Preparing", 1) is None
    assert say("Running", 2) == 2
    assert say("Waiting", 3) is None, "it was started in vain"
    assert say("Running", 4) == 4
    reader.line(b"[    4.000000] [talos] service[apid](Running): x", 5)
    assert reader.progress.running_ns == {"ext-spin": 4, "apid": 5}
    assert say("Running", None) is None


def test_a_kernel_that_starts_anew_begins_anew() -> None:
    ready = '[  199.020299] [talos] machine is running and ready {"component": "controller-runtime"}'
    assert told(ready).ready
    again = told(ready, SAID[0][0])
    assert (again.ready, again.words, again.begun) == (False, "the kernel starts", True)
    service = "[    3.616910] [talos] service[ext-hello](Waiting): for its configuration"
    assert told(*(line for line, _ in HOPELESS), service, SAID[0][0]).words == "the kernel starts"


def test_a_line_has_its_moment() -> None:
    reader = ProgressReader()
    reader.line(Line(0, b"[    0.000000] Booting Linux on physical CPU 0x0\n"), 7)
    reader.line(Line(50, b"[    0.100000] something else\n"), 9)
    assert reader.progress.at_ns == 7


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from([line.encode() for line, _ in (*SAID, *HOPELESS)]), max_size=8)
)
def test_no_bytes_raise(lines: list[bytes]) -> None:
    progress = told(*lines)
    assert "\x1b" not in progress.words
    assert "\n" not in progress.words


@given(st.data())
def test_no_cut_or_changed_line_raises(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from([line.encode() for line, _ in (*SAID, *HOPELESS)]))
    at = data.draw(st.integers(0, len(line)))
    told(line[:at] + data.draw(st.binary(max_size=4)) + line[at:])
    told(line[:at])
