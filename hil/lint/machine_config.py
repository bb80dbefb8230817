"""One machine configuration checked: by Talos's own library, and by what that library does not look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hil.clock import Deadline
from hil.errors import Problem, UsageError
from hil.lint import extensions, install, networks
from hil.lint.documents import Document, Read, read
from hil.lint.finding import Finding, Severity
from hil.lint.talos import verdict

_MAX_READ: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one file.

    Args:
        file: the file, as the user named it.
        documents: those that could be read.
        findings: in the order of the file.
        asked: whether Talos's own library was asked.
    """

    file: str
    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]
    asked: bool

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)

    def problems(self, *severities: Severity) -> list[Problem]:
        """The findings of these severities, as problems of the file."""
        return [finding.problem(self.file) for finding in self.findings if finding.severity in severities]


def check_file(
    name: str,
    program: Path | None,
    *,
    strict: bool,
    deadline: Deadline,
    nodes: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Checked:
    """Check a file.

    Args:
        name: the file, as the user named it; a pipe will do.
        program: talostool; None to leave Talos's library out.
        strict: take warnings for errors.
        deadline: when it must be done.
        nodes: the nodes that may get it, each with what Linux calls its disks; none for not known.

    Raises:
        UsageError: the file cannot be read.
        InfrastructureError: talostool gave no verdict.
    """
    try:
        with Path(name).open("rb") as stream:
            data = stream.read(_MAX_READ)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}", hint="name a machine configuration") from error
    return check(name, data, program, strict=strict, deadline=deadline, nodes=nodes)


def check(
    name: str,
    data: bytes,
    program: Path | None,
    *,
    strict: bool,
    deadline: Deadline,
    nodes: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Checked:
    """Check a file's bytes; arguments and errors as `check_file`."""
    found = read(name, data)
    asked = program is not None
    by_talos = () if program is None else verdict(program, data, found.documents, deadline=deadline)
    findings = [*_merged(found, by_talos, asked=asked), *_own(found.documents, by_talos, nodes)]
    findings.sort(key=lambda finding: finding.place)
    if strict:
        findings = [finding.stricter() for finding in findings]
    return Checked(name, found.documents, tuple(findings), asked)


def _merged(found: Read, by_talos: Sequence[Finding], *, asked: bool) -> list[Finding]:
    """What Talos says, and why hil could not read a document; not twice of one fault."""
    if not found.findings:
        return list(by_talos)
    if not asked or any(finding.severity is Severity.ERROR for finding in by_talos):
        # hil's own words have a column and a hint; Talos gives up at the first fault of this kind.
        lines = {finding.place.line for finding in found.findings}
        others = [finding for finding in by_talos if finding.place.line not in lines | {0}]
        return [*found.findings, *others]
    return [*by_talos, *(_unchecked(finding) for finding in found.findings)]


def _unchecked(finding: Finding) -> Finding:
    message = f"Talos takes this, but hil's own checks leave it out: {finding.message}"
    return Finding(Severity.WARNING, "yaml", finding.place, message, finding.hint)


def _own(
    documents: Sequence[Document], by_talos: Sequence[Finding], nodes: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """What hil itself looks at, without what Talos says of the same place."""
    said = {finding.place for finding in by_talos if finding.severity is Severity.ERROR}
    found = [
        *install.check(documents),
        *install.check_nodes(documents, nodes),
        *networks.check(documents),
        *extensions.check(documents),
    ]
    return [finding for finding in found if finding.place not in said]
