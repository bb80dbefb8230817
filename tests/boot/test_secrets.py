"""Five canaries in one boot: none is in what the boot leaves behind, and each is where redaction is taken out."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from support.session import session

from hil.report.page import write_page

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

CANARIES: Mapping[str, str] = {
    "kernel argument": "Kz7wQ2tLmA9xPr4V",
    "machine configuration": "Jf3nXc8bRtY6uWq1",
    "environment": "Hd5vGs0kZoE2iNy7",
    "rig": "Tb8mUa4jSxC6lDw3",
    "console": "Vg1pBh9eFkM5zQo2",
}
# Of what is typed slowly three characters may be seen (docs/secrets.md).
PIECE = 8

RIG = """
hil: 1
name: canaries
segment: {kind: user}
images:
  probe: {kind: probe, args: [!env CANARY_ARGUMENT], machine_config: config.yaml}
nodes:
  node1: {kind: qemu, image: probe, memory: 512MiB, boot_within: 240s, serial: !env CANARY_SERIAL}
"""
CONFIG = "version: v1alpha1\nmachine:\n  type: controlplane\n  token: {}\n"
USERS_TEST = """
    import os
    from pathlib import Path

    def test_canaries(node):
        token, typed = os.environ["CANARY_TOKEN"], Path("typed").read_text()
        node.hide(typed)
        console, prompt = node.console, "hil-probe# "
        console.expect(prompt, within=60)
        mac = node.boots[-1].facts["mac"].replace(":", "-")
        console.run(f"wget -q -O - 'http://10.0.2.100:8080/generic?mac={mac}'", prompt=prompt, within=60)
        console.run(f"echo {typed}", prompt=prompt, within=60)
        for character in f"echo {typed}":
            console.send(character)
        console.run("", prompt=prompt, within=60)
        print("the environment has", token)
        assert token == "another"
"""
WITHOUT_REDACTION = """
    from hil.keeper.client import Keeper
    from hil.redaction import Hidden

    Hidden.add = lambda self, secrets: None
    Keeper.hide = lambda self, secrets: None
"""


def boot(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Mapping[Path, bytes]:
    """Everything that one session on one boot leaves behind, by file: its packets whole, what it printed too."""
    folder.mkdir()
    (folder / "rig.yaml").write_text(RIG)
    (folder / "config.yaml").write_text(CONFIG.format(CANARIES["machine configuration"]))
    (folder / "typed").write_text(CANARIES["console"])
    (folder / "test_user.py").write_text(dedent(USERS_TEST))
    (folder / "without_redaction.py").write_text(dedent(WITHOUT_REDACTION))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("CANARY_ARGUMENT", f"canary={CANARIES['kernel argument']}")
    monkeypatch.setenv("CANARY_SERIAL", CANARIES["rig"])
    monkeypatch.setenv("CANARY_TOKEN", CANARIES["environment"])
    status, printed, _ = session(folder, "--rig=./rig.yaml", "--hil-capture=full", *arguments)
    assert status == 1, printed
    assert "the environment has" in printed, printed
    (folder / "printed").write_text(printed)
    [record] = folder.glob("hil-artifacts/*/node1-boot1")
    write_page([record], folder / "page.html")
    left = [folder / "out.xml", folder / "printed", folder / "page.html", *(folder / "hil-artifacts").rglob("*")]
    return {path.relative_to(folder): path.read_bytes() for path in left if path.is_file()}


def pieces(canary: str) -> set[bytes]:
    """Each piece of it, as it is and in base64 wherever it begins there."""
    raw = canary.encode()
    encoded = [base64.b64encode(bytes(before) + raw)[4:-4] for before in range(3)]
    return {text[start : start + PIECE] for text in [raw, *encoded] for start in range(len(text) - PIECE + 1)}


def found(left: Mapping[Path, bytes]) -> dict[str, set[str]]:
    """In which files each canary, or a piece of it, is."""
    places: dict[str, set[str]] = {name: set() for name in CANARIES}
    for path, data in left.items():
        plain = gzip.decompress(data) if path.suffix == ".gz" else data
        for name, canary in CANARIES.items():
            if any(piece in plain for piece in pieces(canary)):
                places[name].add(path.name)
    return places


def test_no_canary_is_in_what_a_boot_leaves_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = boot(tmp_path / "hidden", monkeypatch)
    assert found(left) == {name: set() for name in CANARIES}
    names = {path.name for path in left}
    assert {"boot.json", "timeline.json", "console.log", "console.cast", "matchbox.log", "out.xml"} <= names
    assert "packets.pcapng" in names
    [console] = [data for path, data in left.items() if path.name == "console.log"]
    assert console.count(b"[redacted]") >= 4, "the argument, the configuration, the echoes"


def test_each_canary_is_there_without_redaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = found(boot(tmp_path / "shown", monkeypatch, "-p", "without_redaction"))
    for name in ("kernel argument", "machine configuration", "console"):
        assert {"console.log", "console.cast", "page.html", "out.xml"} <= places[name], name
    for name in ("kernel argument", "machine configuration", "rig"):
        assert {"packets.pcapng", "page.html"} <= places[name], name
    assert {"out.xml", "printed"} <= places["environment"]
    assert {"boot.json", "matchbox.log"} <= places["rig"]
