"""docs/power/own-driver.md: its module, its package and its rig file work, with a program in the strip's place."""

from __future__ import annotations

import re
import socketserver
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from hil.clock import Deadline
from hil.config import kinds
from hil.config.power import PowerConfig
from hil.config.rig import Rig, load_rig
from hil.power.port import PortAbsent, PortRefused, PowerPort, PowerState

PAGE = Path(__file__).resolve().parents[2] / "docs" / "power" / "own-driver.md"


def block(language: str) -> str:
    """The one block of a language on the page."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's package, as pip would install it."""
    (tmp_path / "hil_acme.py").write_text(block("python"))
    project = tomllib.loads(block("toml"))["project"]
    info = tmp_path / f"hil_acme-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["hil.power"].items())
    (info / "entry_points.txt").write_text(f"[hil.power]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("hil_acme", None)


class Strip(socketserver.StreamRequestHandler):
    """Eight outlets, of which a test looks at what they are."""

    on: ClassVar[set[int]] = set()

    def handle(self) -> None:
        verb, outlet = self.rfile.readline().decode().split()
        if int(outlet) == 8:
            self.wfile.write(b"NO\n")
            return
        if verb != "STATE":
            (self.on.add if verb == "ON" else self.on.discard)(int(outlet))
        self.wfile.write(f"{outlet} {'ON' if int(outlet) in self.on else 'OFF'}\n".encode())


@pytest.fixture
def strip() -> Iterator[str]:
    Strip.on.clear()
    with socketserver.TCPServer(("127.0.0.1", 0), Strip) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def loaded(tmp_path: Path, at: str, channel: int = 3) -> Rig:
    file = tmp_path / "rig.yaml"
    file.write_text(block("yaml").replace("192.0.2.9", at).replace("channel: 3", f"channel: {channel}"))
    return load_rig(str(file), cwd=tmp_path)


def port_of(rig: Rig) -> PowerPort:
    config = rig.power["left"]
    kind = kinds.load(kinds.POWER, config.kind, PowerConfig)
    assert kind is not None
    port: PowerPort = kind.module.create(config)
    return port


@pytest.mark.usefixtures("installed")
def test_the_page_works(tmp_path: Path, strip: str) -> None:
    rig = loaded(tmp_path, strip)
    assert [thing.name for thing in rig.power["left"].things()] == [f"{strip}:3"]
    port = port_of(rig)
    assert port.read(deadline=Deadline.after(5)) is PowerState.OFF
    for _ in range(2):
        assert port.switch(True, deadline=Deadline.after(5)) is PowerState.ON
    assert port.read(deadline=Deadline.after(5)) is PowerState.ON
    assert (Strip.on, port.reads_back) == ({3}, True)


@pytest.mark.usefixtures("installed")
def test_its_errors_are_told_apart(tmp_path: Path, strip: str) -> None:
    with pytest.raises(PortRefused, match="outlet 8 of the strip"):
        port_of(loaded(tmp_path, strip, channel=8)).switch(True, deadline=Deadline.after(5))
    with pytest.raises(PortAbsent, match="cannot be reached"):
        port_of(loaded(tmp_path, "127.0.0.1:9")).read(deadline=Deadline.after(5))
