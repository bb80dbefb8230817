"""What the rules for a config.txt look for. Says nothing of why (`config_rules`)."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from hil.config.suggest import nearest
from hil.lint.raspberry.known import FILTERS, HEARD_ELSEWHERE, KNOWN_KEYS
from hil.lint.raspberry.rule import ConfigSubject, Hit
from hil.netboot.rpi.config_txt import Filter, Line, Setting, Unknown, is_model_filter, may_apply
from hil.netboot.rpi.config_written import CONSOLE_OVERLAYS, STARTED
from hil.netboot.rpi.named import named_by, overlay_file

MAX_BYTES: Final = 4096
MAX_LINE: Final = 98

_CMDLINE: Final = "cmdline.txt"
# "kernal" has 0.833, and vec_freq, which the firmware knows, 0.824 for hevc_freq.
_SLIP: Final = 0.83
_ZERO: Final = ("0", "0x0", "")


def mini_uart(subject: ConfigSubject) -> Iterator[Hit]:
    """The console is on the mini UART: no overlay puts the PL011 on the pins."""
    if subject.own.mini_uart and not {*subject.config.overlays(subject.board)} & {*CONSOLE_OVERLAYS}:
        yield Hit(0)


def uart_off(subject: ConfigSubject) -> Iterator[Hit]:
    """The UART is not switched on, by what is said or left out."""
    if subject.value("enable_uart") in _ZERO:
        lines = subject.lines_of("enable_uart")
        if lines or subject.own.mini_uart:
            yield Hit(*(lines[-1] if lines else (0, "")))


def not_text(subject: ConfigSubject) -> Iterator[Hit]:
    """A text of two bytes for each character, or none."""
    yield from [Hit(line.number) for line in subject.config.lines if "\0" in line.text][:1]


def too_large(subject: ConfigSubject) -> Iterator[Hit]:
    """More bytes than are read over the network."""
    if subject.config.size > MAX_BYTES:
        yield Hit(0, "", {"size": subject.config.size, "line": _line_at(subject, MAX_BYTES)})


def long_line(subject: ConfigSubject) -> Iterator[Hit]:
    """Lines longer than are read."""
    for line in subject.config.lines:
        if len(line.text) > MAX_LINE:
            yield Hit(line.number, line.text[:MAX_LINE], {"length": len(line.text)})


def thirty_two_bits(subject: ConfigSubject) -> Iterator[Hit]:
    """The processor starts in 32-bit mode; on a BCM2837 also by default."""
    lines = subject.lines_of("arm_64bit")
    if lines and subject.value("arm_64bit") in _ZERO:
        yield Hit(*lines[-1])
    elif not lines and not subject.own.start.startswith("start4") and subject.value("kernel") != subject.own.kernel:
        yield Hit(0)


def starts_another(subject: ConfigSubject) -> Iterator[Hit]:
    """Not what the rig says is started."""
    if subject.via is None:
        return
    key = "armstub" if subject.via == "uefi" else "kernel"
    if subject.value(key) != STARTED[subject.via]:
        lines = subject.lines_of(key)
        said = {"key": key, "file": STARTED[subject.via], "via": subject.via}
        yield Hit(*(lines[-1] if lines else (0, "")), said)


def missing_file(subject: ConfigSubject) -> Iterator[Hit]:
    """Files that it names and that are not served."""
    if subject.files is not None:
        for named in named_by(subject.config, subject.board):
            if not {named.file.removeprefix("/"), subject.value("os_prefix") + named.file} & {*subject.files}:
                said = {"file": named.file, "key": named.key}
                yield Hit(named.line.number, named.line.text.strip(), said)


def missing_overlay(subject: ConfigSubject) -> Iterator[Hit]:
    """Overlays that it names and that are not served."""
    if subject.files is None:
        return
    for line, setting in subject.config.settings(subject.board):
        name = setting.value.split(",", 1)[0].strip()
        file = overlay_file(subject.config, subject.board, name)
        served = {file, subject.value("os_prefix") + file} & {*subject.files}
        if setting.key == "dtoverlay" and name and not served:
            yield Hit(line.number, line.text.strip(), {"overlay": name, "file": file})


def no_cmdline(subject: ConfigSubject) -> Iterator[Hit]:
    """A kernel without arguments."""
    kernel, stub = subject.value("kernel"), subject.value("armstub")
    linux = kernel not in ("", STARTED["u-boot"]) and stub != STARTED["uefi"]
    name = subject.value("cmdline", _CMDLINE)
    if linux and subject.files is not None and name not in subject.files and not subject.lines_of("cmdline"):
        yield Hit(*subject.lines_of("kernel")[-1], {"file": name})


def no_device_tree_address(subject: ConfigSubject) -> Iterator[Hit]:
    """UEFI, and nobody says where it finds the device tree."""
    if subject.value("armstub") == STARTED["uefi"] and not subject.lines_of("device_tree_address"):
        yield Hit(*subject.lines_of("armstub")[-1])


def ram_limit(subject: ConfigSubject) -> Iterator[Hit]:
    """UEFI for a board that may have more than 3 GB."""
    if subject.value("armstub") == STARTED["uefi"] and subject.own.start.startswith("start4"):
        yield Hit(*subject.lines_of("armstub")[-1])


def memory_by_firmware(subject: ConfigSubject) -> Iterator[Hit]:
    """total_mem, and UEFI."""
    if subject.value("armstub") == STARTED["uefi"]:
        yield from (Hit(number, text) for number, text in subject.lines_of("total_mem"))


def cut_down(subject: ConfigSubject) -> Iterator[Hit]:
    """The cut-down firmware by its name."""
    for key in ("start_file", "fixup_file"):
        if subject.value(key).rpartition(".")[0].endswith("cd"):
            yield Hit(*subject.lines_of(key)[-1], {"file": subject.value(key)})


def heard_elsewhere(subject: ConfigSubject) -> Iterator[Hit]:
    """Settings that a board which boots over the network takes no notice of."""
    for line, setting in subject.config.settings(subject.board):
        because = HEARD_ELSEWHERE.get(setting.key)
        if because is not None and subject.model in because.models:
            yield Hit(line.number, line.text.strip(), {"key": setting.key, "because": because.why})


def included(subject: ConfigSubject) -> Iterator[Hit]:
    """Other files, whose settings the bootloader does not see."""
    yield from (Hit(number, text) for number, text in subject.lines_of("include"))


def misspelt(subject: ConfigSubject) -> Iterator[Hit]:
    """Keys that nothing knows, and that are near to one that is known."""
    for line in subject.config.lines:
        if isinstance(line.item, Setting) and line.item.key not in KNOWN_KEYS:
            meant = nearest(line.item.key, KNOWN_KEYS)
            if meant is not None and _like(line.item.key, meant):
                yield Hit(line.number, line.text.strip(), {"key": line.item.key, "meant": meant})


def not_a_setting(subject: ConfigSubject) -> Iterator[Hit]:
    """Lines that are nothing."""
    yield from (Hit(line.number) for line in subject.config.lines if isinstance(line.item, Unknown))


def initramfs_with_equals(subject: ConfigSubject) -> Iterator[Hit]:
    """`initramfs=`, which is written without."""
    for number, text in subject.lines_of("initramfs"):
        if text.removeprefix("initramfs").lstrip().startswith("="):
            yield Hit(number, text)


def initramfs_nowhere(subject: ConfigSubject) -> Iterator[Hit]:
    """An initramfs without an address, which then lies where the kernel does."""
    for line, setting in subject.config.settings(subject.board):
        if setting.key == "initramfs" and len(setting.value.split()) == 1:
            yield Hit(line.number, line.text.strip())


def unknown_filter(subject: ConfigSubject) -> Iterator[Hit]:
    """Filters that nothing knows."""
    for line, name in _filters(subject):
        if is_model_filter(name) and name not in FILTERS:
            meant = nearest(name, FILTERS)
            hint = f"did you mean [{meant}]?" if meant else f"write one of {', '.join(f'[{one}]' for one in FILTERS)}"
            yield Hit(line.number, line.text.strip(), {"name": name, "hint": hint})


def never_applies(subject: ConfigSubject) -> Iterator[Hit]:
    """Settings under a filter that the board does not pass."""
    found: dict[tuple[str, ...], list[Line]] = {}
    for line in subject.config.lines:
        if isinstance(line.item, Setting) and not may_apply(line.filters, subject.board):
            found.setdefault(line.filters, []).append(line)
    for filters, lines in found.items():
        said = {"filters": "".join(f"[{name}]" for name in filters), "count": len(lines), "model": subject.model}
        yield Hit(lines[0].number, lines[0].text.strip(), said)


def _like(key: str, meant: str) -> bool:
    """Whether a slip of a hand makes the one of the other, and not the firmware's many names that nobody documents."""
    return SequenceMatcher(None, key.casefold()[:100], meant).ratio() >= _SLIP


def _filters(subject: ConfigSubject) -> Iterator[tuple[Line, str]]:
    for line in subject.config.lines:
        if isinstance(line.item, Filter):
            yield line, line.item.name


def _line_at(subject: ConfigSubject, offset: int) -> int:
    """The line that the byte at an offset is in."""
    seen = 0
    for line in subject.config.lines:
        seen += len(line.text.encode("utf-8", "surrogateescape")) + 1
        if seen > offset:
            return line.number
    return 0
