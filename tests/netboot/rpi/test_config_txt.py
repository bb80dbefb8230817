"""config.txt as lines: what stands under which filter, what a board sees of it; and bytes that come back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.netboot.rpi.cmdline_txt import parse as parse_cmdline
from hil.netboot.rpi.config_txt import Board, Comment, Filter, Setting, Unknown, of_settings, parse
from hil.netboot.rpi.config_written import written

CM4 = Board(frozenset({"pi4", "cm4"}), "10c2a4b7", 0x14)
PI3 = Board(frozenset({"pi3"}), "10c2a4b7")
# pftf/RPi4, config.txt, an older one.
PFTF = parse(b"armstub=RPI_EFI.fd\ndevice_tree_address=0x1f0000\ndevice_tree_end=0x200000\ndtoverlay=miniuart-bt\n")
WORDS = st.sampled_from(
    [*("[all]", "[cm4]", "[pi4", "[0x1]", "kernel=a", "#x", "initramfs a b", "=", "dtoverlay=a,b", "x:0=1", "\r", "é")]
)


def test_lines_are_what_they_are() -> None:
    config = parse(b"# a\n\n  [cm4] \r\nkernel = u-boot.bin \nhdmi_mode:1=82\ninitramfs a.gz followkernel\nnothing\n")
    assert [line.item for line in config.lines] == [
        Comment(),
        Comment(),
        Filter("cm4"),
        Setting("kernel", "u-boot.bin"),
        Setting("hdmi_mode", "82", "1"),
        Setting("initramfs", "a.gz followkernel"),
        Unknown(),
    ]
    assert [line.number for line in config.lines] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("kernel=a", "a"),
        ("kernel=a\nkernel=b", "b"),
        ("[pi3]\nkernel=a", ""),
        ("[cm4]\nkernel=a", "a"),
        ("[pi3]\n[cm4]\nkernel=a", "a"),  # of one kind the last counts
        ("[cm4]\n[pi3]\nkernel=a", ""),
        ("[none]\nkernel=a", ""),
        ("[none]\n[all]\nkernel=a", "a"),
        ("[0x10c2a4b7]\nkernel=a", "a"),
        ("[0xcafe]\n[cm4]\nkernel=a", ""),  # of two kinds both must pass
        ("[0xcafe]\n[all]\nkernel=a", "a"),
        ("[EDID=VSC-TD2220]\nkernel=a", "a"),  # only the board can know
        ("[gpio4=1]\n[pi3]\nkernel=a", ""),
        ("[board-type=0x14]\nkernel=a", "a"),
        ("[board-type=0x11]\nkernel=a", ""),
        ("[board-type=x]\nkernel=a", ""),
        ("[bootvar0=42]\nkernel=a", "a"),  # a comparison, which the board alone can make
        ("[pi3]\n[boot_count>3]\nkernel=a", ""),
    ],
)
def test_what_a_cm4_sees_under_filters(text: str, seen: str) -> None:
    assert parse(text.encode()).value("kernel", CM4) == seen


def test_overlays_are_named_without_their_parameters() -> None:
    config = parse(b"dtoverlay=disable-bt\ndtoverlay=dwc2,dr_mode=host\n[pi3]\ndtoverlay=x\n[all]\ndtoverlay=\n")
    assert config.overlays(CM4) == ("disable-bt", "dwc2")
    assert config.overlays(PI3) == ("disable-bt", "dwc2", "x")


def test_what_hil_writes_for_uefi_has_the_version_s_own_addresses() -> None:
    names = {"overlays/miniuart-bt.dtbo", "overlays/disable-bt.dtbo", "overlays/upstream-pi4.dtbo"}
    made = written(model="cm4", serial="10c2a4b7", via="uefi", available=names, shipped=PFTF)
    assert made.render().decode().splitlines() == [
        "# written by hil",
        "arm_64bit=1",
        "enable_uart=1",
        "uart_2ndstage=1",
        "enable_gic=1",
        "armstub=RPI_EFI.fd",
        "disable_commandline_tags=1",
        "device_tree_address=0x1f0000",
        "device_tree_end=0x200000",
        "dtoverlay=disable-bt",
        "dtoverlay=upstream-pi4",
    ]
    own = written(model="cm4", serial="10c2a4b7", via="uefi", available=(), shipped=None)
    assert own.value("device_tree_address", CM4) == "0x3e0000"
    assert own.overlays(CM4) == ("disable-bt",)


def test_what_hil_writes_for_u_boot_names_an_overlay_only_where_the_mini_uart_is_first() -> None:
    for model, overlays in (("cm4", ("disable-bt",)), ("cm3", ())):
        made = written(model=model, serial="0" * 8, via="u-boot", available=(), shipped=None)  # type: ignore[arg-type]
        board = CM4 if model == "cm4" else PI3
        assert (made.value("kernel", board), made.overlays(board)) == ("u-boot.bin", overlays)


@settings(max_examples=unless_quick(60))
@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=12).map(lambda words: "\n".join(words).encode())))
def test_any_bytes_are_read_and_come_back(data: bytes) -> None:
    config = parse(data)
    again = parse(config.render())
    assert again.lines == config.lines
    assert config.render().replace(b"\n", b"") == data.replace(b"\r\n", b"\n").removesuffix(b"\r").replace(b"\n", b"")
    assert [*config.settings(CM4)] == [*again.settings(CM4)]
    parse_cmdline(data)


NAME = st.text("abcdefgh_", min_size=1, max_size=9)
VALUE = st.text("abc01,./:=[]#-", max_size=9)


@settings(max_examples=unless_quick(40))
@given(st.lists(st.tuples(NAME, VALUE), max_size=6))
def test_settings_that_are_written_are_read(pairs: list[tuple[str, str]]) -> None:
    found = [(setting.key, setting.value) for _, setting in of_settings(pairs).settings(CM4)]
    assert found == pairs


def test_arguments_of_a_cmdline_txt() -> None:
    found = parse_cmdline(b'console=ttyAMA0,115200 quiet\tx="a b"\n\nroot=\n')
    assert [(argument.name, argument.value, argument.line) for argument in found.arguments] == [
        ("console", "ttyAMA0,115200", 1),
        ("quiet", None, 1),
        ("x", "a b", 1),
        ("root", "", 3),
    ]
    assert (found.values("console"), found.values("quiet"), [*found.lengths]) == (["ttyAMA0,115200"], [""], [1, 3])
    assert found.arguments[1].column == 24
