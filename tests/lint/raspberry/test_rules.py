"""Each rule for config.txt and cmdline.txt: a file in which it finds something, and where; one in which it does not.

Every rule's row has a case here, and a line in docs/raspberry-files.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.config.rpi import BoardModel
from hil.lint.finding import Severity
from hil.lint.raspberry.check import check_cmdline, check_config
from hil.lint.raspberry.cmdline_rules import CMDLINE_RULES, CmdlineSubject
from hil.lint.raspberry.config_rules import CONFIG_RULES
from hil.lint.raspberry.known import KNOWN_KEYS
from hil.lint.raspberry.rule import ConfigSubject
from hil.netboot.rpi import cmdline_txt, config_txt

# pftf/RPi4 v1.50, config.txt (without what is for a screen).
GOOD = """\
arm_64bit=1
enable_uart=1
uart_2ndstage=1
enable_gic=1
armstub=RPI_EFI.fd
disable_commandline_tags=1
device_tree_address=0x3e0000
device_tree_end=0x400000
dtoverlay=miniuart-bt
dtoverlay=upstream-pi4
"""
FILES = {"RPI_EFI.fd", "overlays/miniuart-bt.dtbo", "overlays/upstream-pi4.dtbo", "start4.elf"}
U_BOOT = "arm_64bit=1\nenable_uart=1\nkernel=u-boot.bin\ndtoverlay=disable-bt\n"


def found(text: str, model: BoardModel = "cm4", *, via: bool = False, files: bool = False) -> dict[str, list[int]]:
    subject = ConfigSubject(
        config_txt.parse(text.encode()), model, via="uefi" if via else None, files=FILES if files else None
    )
    lines: dict[str, list[int]] = {}
    for finding in check_config("config.txt", subject).findings:
        lines.setdefault(finding.rule, []).append(finding.place.line)
    return lines


def test_the_config_txt_of_pftf_has_a_note_alone() -> None:
    assert found(GOOD, via=True, files=True) == {"ram-limit": [5]}


def test_the_config_txt_of_talos_for_a_raspberry_pi_is_right() -> None:
    # siderolabs/sbc-raspberrypi, installers/rpi_generic/src/config.txt.
    text = (
        "gpu_mem=32\nhdmi_safe:0=1\nhdmi_safe:1=1\nkernel=u-boot.bin\narm_64bit=1\narm_boost=1\nenable_uart=1\n"
        "dtoverlay=disable-bt\ndtoverlay=disable-wifi\n[pi5]\nenable_uart=0\n[all]\n"
    )
    assert found(text) == {"never": [11]}


CONFIG_CASES: list[tuple[str, str, int]] = [
    ("mini-uart", GOOD.replace("miniuart-bt", "vc4-kms-v3d"), 0),
    ("mini-uart", GOOD.replace("dtoverlay=miniuart-bt", "[pi3]\ndtoverlay=miniuart-bt\n[all]"), 0),
    ("uart-off", GOOD.replace("enable_uart=1", "enable_uart=0"), 2),
    ("uart-off", GOOD.replace("enable_uart=1\n", ""), 0),
    ("not-text", GOOD + GOOD.encode("utf-16-le").decode(), 11),
    ("too-large", GOOD + "# filler\n" * 500, 0),
    ("long-line", GOOD + "dtoverlay=" + "x" * 100 + "\n", 11),
    ("long-line", GOOD + "# " + "x" * 100 + "\n", 11),
    ("32-bit", GOOD.replace("arm_64bit=1", "arm_64bit=0"), 1),
    ("starts-another", GOOD.replace("RPI_EFI.fd", "other.bin"), 5),
    ("starts-another", GOOD.replace("armstub=RPI_EFI.fd\n", ""), 0),
    ("missing-file", GOOD + "initramfs a.gz,b.gz followkernel\n", 11),
    ("missing-overlay", GOOD + "dtoverlay=absent,x=1\n", 11),
    ("no-cmdline", GOOD.replace("armstub=RPI_EFI.fd", "kernel=kernel8.img"), 5),
    ("no-device-tree-address", GOOD.replace("device_tree_address=0x3e0000\n", ""), 5),
    ("ram-limit", GOOD, 5),
    ("memory-by-firmware", GOOD + "total_mem=4096\n", 11),
    ("cut-down", GOOD + "start_file=start4cd.elf\n", 11),
    ("unheard", GOOD + "program_usb_boot_mode=1\n", 11),
    ("include", GOOD + "include more.txt\n", 11),
    ("misspelt", GOOD + "dtoverlya=disable-bt\n", 11),
    ("no-setting", GOOD + "what is this\n", 11),
    ("initramfs-equals", GOOD + "initramfs=a.gz followkernel\n", 11),
    ("initramfs-nowhere", GOOD + "initramfs a.gz\n", 11),
    ("unknown-filter", GOOD + "[cm44]\n", 11),
    ("never", GOOD + "[pi5]\nkernel=a\n", 12),
]


@pytest.mark.parametrize(("rule", "text", "line"), CONFIG_CASES)
def test_a_rule_finds_it_and_says_where(rule: str, text: str, line: int) -> None:
    lines = found(text, via=True, files=True)
    assert line in lines[rule]
    assert rule not in found(U_BOOT)


@pytest.mark.parametrize(("rule", "text", "line"), CONFIG_CASES)
def test_what_a_rule_names_in_braces_is_said(rule: str, text: str, line: int) -> None:
    subject = ConfigSubject(config_txt.parse(text.encode()), "cm4", via="uefi", files=FILES)
    for finding in check_config("config.txt", subject).findings:
        assert "{" not in finding.message + finding.hint


def test_a_setting_counts_only_below_the_4096th_byte() -> None:
    filler = "#" * 94 + "\n"
    text = GOOD + filler * 42
    assert len(text) < 4300
    findings = check_config("c", ConfigSubject(config_txt.parse(text.encode()), "cm4")).findings
    message = next(finding.message for finding in findings if finding.rule == "too-large")
    at = text.encode()[:4096].count(b"\n") + 1
    assert f"has {len(text)} bytes" in message
    assert f"in line {at}," in message


def test_a_cm3_has_the_pl011_first_and_32_bits_by_default() -> None:
    # raspberrypi/documentation, uart.adoc (Compute Module 3: primary) and boot.adoc (arm_64bit: 0 but on Pi 4s).
    assert found("kernel=u-boot.bin\n", "cm3") == {"32-bit": [0]}
    assert found("kernel=kernel8.img\n", "cm3") == {}
    assert found("arm_64bit=1\nprogram_usb_boot_mode=1\n", "cm3") == {}


def test_a_comparison_that_the_board_alone_can_make_is_no_unknown_filter() -> None:
    # raspberrypi/documentation, pull request 4193.
    assert found(GOOD + "[bootvar0=42]\nkernel=a\n") == {"ram-limit": [5]}
    assert found(GOOD + "[board-type=0x11]\nkernel=a\n") == {"ram-limit": [5], "never": [12]}


def test_what_is_no_slip_of_a_known_name_may_be_a_name_that_nobody_documents() -> None:
    for key in ("hdmi_ignore_composite", "vec_freq", "enable_jtag_gpio"):
        assert "misspelt" not in found(f"{GOOD}{key}=1\n"), key
    for key in ("kernal", "ARM_64BIT", "gpumem", "device_tree_adress"):
        assert "misspelt" in found(f"{GOOD}{key}=1\n"), key


def test_of_several_kernels_only_the_last_must_be_there() -> None:
    assert "missing-file" not in found("kernel=absent.img\nkernel=start4.elf\n" + GOOD, files=True)
    assert "missing-file" not in found("[pi3]\nkernel=absent.img\n[all]\n" + GOOD, files=True)


def cmdline(text: str, *, pl011: bool | None = True, used: bool | None = True) -> dict[str, list[int]]:
    subject = CmdlineSubject(cmdline_txt.parse(text.encode()), "cm4", pl011, used)
    lines: dict[str, list[int]] = {}
    for finding in check_cmdline("cmdline.txt", subject).findings:
        lines.setdefault(finding.rule, []).append(finding.place.line)
    return lines


def test_a_right_cmdline_txt() -> None:
    assert cmdline("console=tty0 console=ttyAMA0,115200 ip=dhcp slab_nomerge pti=on\n") == {}
    assert cmdline("console=ttyAMA0 ip=192.0.2.7::192.0.2.1:255.255.255.0:n1:eth0:off ip=[2001:db8::7]::a:b") == {}
    assert cmdline("console=ttyS0\n", pl011=False) == {}


CMDLINE_CASES: list[tuple[str, str, int]] = [
    ("cmdline-not-text", "console=ttyAMA0 a\0b\0\n", 1),
    ("cmdline-empty", "\n", 0),
    ("cmdline-lines", "console=ttyAMA0\nquiet\n", 2),
    ("cmdline-long", "console=ttyAMA0 " + "x" * 1024, 1),
    ("no-console", "console=tty0\n", 1),
    ("console-mini-uart", "console=ttyS0,115200\n", 1),
    ("argument-twice", "console=ttyAMA0 pti=on pti=off\n", 1),
    ("bad-ip", "console=ttyAMA0 ip=192.0.2.400::x\n", 1),
    ("bad-ip", "console=ttyAMA0 ip=yes\n", 1),
]


@pytest.mark.parametrize(("rule", "text", "line"), CMDLINE_CASES)
def test_a_rule_for_a_cmdline_finds_it_and_says_where(rule: str, text: str, line: int) -> None:
    assert cmdline(text) == {rule: [line]}


def test_arguments_that_no_kernel_gets_are_a_note() -> None:
    assert cmdline("console=ttyAMA0\n", used=False) == {"cmdline-unused": [1]}


def test_every_rule_has_a_case_a_source_and_a_line_in_the_documentation() -> None:
    cases = {case[0] for case in (*CONFIG_CASES, *CMDLINE_CASES)} | {"cmdline-unused"}
    rules = [(rule.id, rule.severity, rule.source, rule.hint) for rule in CONFIG_RULES]
    rules += [(rule.id, rule.severity, rule.source, rule.hint) for rule in CMDLINE_RULES]
    page = (Path(__file__).parents[3] / "docs" / "raspberry-files.md").read_text()
    assert {name for name, *_ in rules} == cases
    assert len(cases) == len(rules)
    for name, severity, source, hint in rules:
        assert source, name
        assert hint, name
        assert f"| `{name}` | {severity} |" in page, name


@settings(max_examples=unless_quick(60), deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["[cm4]", "[0xzz]", "[]", "initramfs=", "initramfs ", "kernel=,", "dtoverlay=,a", "{x}=1"]
            ),
            st.builds("{}={}".format, st.sampled_from(sorted(KNOWN_KEYS)), st.text(max_size=12)),
            st.text(max_size=20),
        ),
        max_size=10,
    ),
    st.sampled_from(["cm4", "cm3"]),
)
def test_any_file_is_judged(lines: list[str], model: BoardModel) -> None:
    data = "\n".join(lines).encode("utf-8", "replace")
    for one in (
        check_config("c", ConfigSubject(config_txt.parse(data), model, via="u-boot", files=())),
        check_cmdline("c", CmdlineSubject(cmdline_txt.parse(data), model)),
    ):
        for problem in one.problems(*Severity):
            assert problem.render()
