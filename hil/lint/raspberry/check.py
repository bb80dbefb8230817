"""Checks a Raspberry Pi's config.txt and cmdline.txt: a file alone, or a tree before its board is switched on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.config.rpi import BoardModel, RpiConfig
from hil.errors import ConfigError, Problem, UsageError
from hil.lint.finding import Finding, Severity
from hil.lint.raspberry.cmdline_rules import CMDLINE_RULES, CmdlineSubject
from hil.lint.raspberry.config_rules import CONFIG_RULES
from hil.lint.raspberry.rule import ConfigSubject
from hil.netboot.rpi import cmdline_txt, config_txt
from hil.netboot.rpi.config_written import CONSOLE_OVERLAYS, STARTED
from hil.netboot.rpi.tree import Tree

_CONFIG: Final = "config.txt"
_CMDLINE: Final = "cmdline.txt"
_MAX_READ: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one file.

    Args:
        file: the file, as the user named it.
        findings: in the order of the file.
    """

    file: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    def problems(self, *severities: Severity) -> list[Problem]:
        """The findings of these severities, as problems of the file."""
        return [finding.problem(self.file) for finding in self.findings if finding.severity in severities]


def check_file(name: str, *, model: BoardModel, strict: bool = False) -> Checked:
    """Check a file of the user's alone; one with "cmdline" in its name is a cmdline.txt.

    Args:
        name: the file, as the user named it.
        model: of the board that gets it.
        strict: take warnings for errors.

    Raises:
        UsageError: the file cannot be read.
    """
    if not Path(name).is_file():
        raise UsageError(f"{name} is no file", hint="name a config.txt or a cmdline.txt")
    try:
        with Path(name).open("rb") as stream:
            data = stream.read(_MAX_READ)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}", hint="name a config.txt or a cmdline.txt") from error
    if "cmdline" in Path(name).name:
        checked = check_cmdline(name, CmdlineSubject(cmdline_txt.parse(data), model))
    else:
        checked = check_config(name, ConfigSubject(config_txt.parse(data), model))
    return Checked(name, tuple(finding.stricter() for finding in checked.findings)) if strict else checked


def check_config(name: str, subject: ConfigSubject) -> Checked:
    """Check a config.txt that was read."""
    found = [finding for rule in CONFIG_RULES for finding in rule.findings(subject)]
    return Checked(name, _in_order(found))


def check_cmdline(name: str, subject: CmdlineSubject) -> Checked:
    """Check a cmdline.txt that was read."""
    found = [finding for rule in CMDLINE_RULES for finding in rule.findings(subject)]
    return Checked(name, _in_order(found))


def check_tree(tree: Tree, config: RpiConfig) -> list[Checked]:
    """Check the files of a board's tree that its firmware reads: its config.txt, and its cmdline.txt if it has one.

    Args:
        tree: all that the board is served.
        config: the rig's section.
    """
    text = config_txt.parse(_bytes(tree, _CONFIG))
    served = {*tree.files, *tree.root_files}
    subject = ConfigSubject(text, config.model, config.serial, config.via, served)
    name = f"{_CONFIG} of hil's own" if config.config_txt is None else str(config.config_txt)
    checked = [check_config(name, subject)]
    arguments = subject.value("cmdline", _CMDLINE)
    if arguments in tree.files:
        own = config.files.get(arguments)
        shown = arguments if own is None or own.path is None else str(own.path)
        checked.append(check_cmdline(shown, _cmdline_subject(subject, cmdline_txt.parse(_bytes(tree, arguments)))))
    return checked


def refuse_errors(checked: list[Checked]) -> None:
    """Raise what must not be booted.

    Raises:
        ConfigError: a finding is an error; all that are.
    """
    problems = [problem for one in checked for problem in one.problems(Severity.ERROR)]
    if problems:
        raise ConfigError(problems, hint="mend the file; `hil lint raspberry FILE` checks it alone")


def _cmdline_subject(subject: ConfigSubject, arguments: cmdline_txt.CmdlineTxt) -> CmdlineSubject:
    swapped = bool({*subject.config.overlays(subject.board)} & {*CONSOLE_OVERLAYS})
    started = {subject.value("armstub"), subject.value("kernel")}
    return CmdlineSubject(
        arguments,
        subject.model,
        pl011=swapped or not subject.own.mini_uart,
        used=not started & {*STARTED.values()},
    )


def _bytes(tree: Tree, name: str) -> bytes:
    content = tree.files[name]
    return content if isinstance(content, bytes) else content.read_bytes()


def _in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.place))
