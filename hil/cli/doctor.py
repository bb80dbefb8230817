"""`hil doctor`: says which programs are here and which are missing, and with --fix gets them.

With --rig or --recording it asks a board instead (`hil.cli.doctor_board`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.errors import HilError, InfrastructureError, UsageError

if TYPE_CHECKING:
    from hil.tools.inventory import Finding, Tool

_TUN = Path("/dev/net/tun")


@dataclass(frozen=True, slots=True)
class Host:
    """What this host offers to a bench, each in a sentence."""

    accelerator: str
    user_namespaces: str
    tun: str
    bridge: str
    cache: str


@click.command(name="doctor")
@click.option("--fix", is_flag=True, help="Get what is missing: system packages by apt, the rest into the cache.")
@click.option("--rig", metavar="RIG", help="Ask a Raspberry Pi of RIG whether it is set to boot from the network.")
@click.option("--node", metavar="NODE", help="Which node of RIG.")
@click.option(
    "--recording", type=click.Path(path_type=Path), help="Read a boot's folder, or a console's log, and ask no board."
)
@click.option(
    "--within",
    type=click.FloatRange(1, 3600),
    default=60.0,
    show_default=True,
    help="Seconds that a board is listened to at most.",
)
@click.option("--yes", is_flag=True, help="Cut the board's power without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    fix: bool, rig: str | None, node: str | None, recording: Path | None, within: float, yes: bool, as_json: bool
) -> None:
    """Say which programs a bench needs, which are here, and get them; or whether a board is set to boot by network.

    Exit code 3 when something that is needed is missing.

    With --rig the board is switched off and on, which is asked first, and left as it was found; what its bootloader
    says on the console is read, compared with the rig, and shown item by item, with what to write into its EEPROM.
    Nothing is flashed. Exit code 0 when it is set, 1 when it is not, 3 when that is not known.
    """
    if node is not None and rig is None:
        raise UsageError("--node names a node of a rig", hint="name that too: --rig RIG")
    if rig is not None or recording is not None:
        from hil.cli.doctor_board import Request, run

        if fix:
            raise UsageError("--fix gets programs, and a board is not asked for", hint="leave it out, or --rig")
        run(Request(rig, node, recording, within, yes, as_json))
        return
    from hil.tools import inventory

    table = inventory.tools()
    findings = _fixed(table) if fix else inventory.look(table)
    lacking = [finding for finding in findings if finding.lacking]
    here = _host()
    if as_json:
        click.echo(json.dumps(_document(findings, here), indent=2))
    else:
        click.echo("\n".join(_lines(findings, here)))
    if lacking:
        names = ", ".join(finding.tool.name for finding in lacking)
        raise InfrastructureError(
            f"this bench lacks {names}",
            hint="see the lines above" if fix else "run `hil doctor --fix`",
            evidence=[f"{finding.tool.name}: {finding.problem}" for finding in lacking] if fix else (),
        )


def _fixed(table: Sequence[Tool]) -> list[Finding]:
    from hil.tools import inventory
    from hil.tools.progress import shown_on

    show = shown_on(sys.stderr)
    try:
        return inventory.get(table, progress=show)
    finally:
        show.close()


def _document(findings: Sequence[Finding], here: Host) -> dict[str, object]:
    rows = [
        {
            "name": finding.tool.name,
            "found": finding.found is not None,
            "required": finding.tool.required,
            "version": finding.found.version if finding.found else "",
            "needed": finding.tool.needed,
            "path": finding.found.path if finding.found else "",
            "for": finding.tool.what_for,
            "get": finding.tool.how,
            "variables": {name: os.environ.get(name, "") for name in finding.tool.variables},
            "problem": finding.problem,
        }
        for finding in findings
    ]
    ready = not any(finding.lacking for finding in findings)
    return {"schema": "hil.doctor/1", "ready": ready, "tools": rows, "host": asdict(here)}


def _lines(findings: Sequence[Finding], here: Host) -> list[str]:
    lines = [f"   {'tool':17} {'found':36} {'needed':11} for"]
    for finding in findings:
        lines += _tool_lines(finding)
    lines += ["", *(f"{name.replace('_', ' ') + ':':17} {text}" for name, text in asdict(here).items())]
    return lines


def _tool_lines(finding: Finding) -> list[str]:
    tool, found = finding.tool, finding.found
    if found is not None:
        sign, version = "ok", found.version or "version unknown"
        more = [found.path] if found.path else []
    else:
        sign, version = ("NO", "missing") if tool.required else ("--", "missing")
        more = [finding.problem, f"get it: {tool.how}"]
        if tool.variables:
            more.append(f"or name yours: {' and '.join(f'{name}=PATH' for name in tool.variables)}")
    named = [f"{name} is set" for name in tool.variables if os.environ.get(name)]
    first = f"{sign} {tool.name:17} {version:36} {tool.needed:11} {tool.what_for}"
    return [first, *(f"     {line}" for line in [*more, *named])]


def _host() -> Host:
    from hil.tools.cache import cache_root

    return Host(_accelerator(), _user_namespaces(), _tun(), _bridge(), str(cache_root()))


def _accelerator() -> str:
    from hil.tools import accelerator, programs

    try:
        chosen = accelerator.choose(programs.qemu(), programs.edk2())
    except HilError:
        return "not chosen before QEMU and EDK2 are here"
    return f"{chosen.accel}, CPU {chosen.cpu}: {chosen.why}"


def _user_namespaces() -> str:
    from hil.clock import Deadline
    from hil.tools.process import run

    try:
        done = run(["unshare", "--user", "--map-root-user", "--net", "true"], deadline=Deadline.after(10))
    except HilError as error:
        return error.message
    if done.code == 0:
        return "allowed"
    return f"refused ({' '.join(done.last_lines()) or 'no reason given'}): benches then share this host's network"


def _tun() -> str:
    if not _TUN.exists():
        return f"{_TUN} is not there"
    if os.access(_TUN, os.R_OK | os.W_OK):
        return f"{_TUN} opens"
    return f"{_TUN} is for another user"


def _bridge() -> str:
    from hil.clock import Deadline
    from hil.netboot.bridge.refusal import ask_host

    try:
        return ask_host(deadline=Deadline.after(10))
    except HilError as error:
        return error.message
