"""Matchbox's process, with a stand-in that speaks as it does; the real one is in the boot tier."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.config.matchbox import MatchboxConfig
from hil.errors import ConfigError, InfrastructureError, UsageError
from hil.images.image import Asset, Image, Ready, sha256_of
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.services.matchbox.assets import NO_ASSETS, Assets
from hil.services.matchbox.server import Matchbox, serve
from hil.tools import programs

pytestmark = pytest.mark.boot

MAC = "52:54:00:12:34:56"
STAND_IN = """#!/bin/sh
'''exec' {python} -I "$0" "$@" # to sh a command, to Python a text: a #! line takes no path with a space
' '''
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"matchbox\\n")
print("argv", *sys.argv[1:], flush=True)
print('level=info msg="Starting matchbox HTTP server on 127.0.0.1:0"', flush=True)
time.sleep(0.05)
{body}
"""
SERVES = 'HTTPServer(("127.0.0.1", 0), Handler).serve_forever()'


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with Keeper.start(new_runtime_dir(), deadline=Deadline.after(20)) as started:
        yield started


def program(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "matchbox-stand-in"
    path.write_text(STAND_IN.format(python=shlex.quote(sys.executable), body=body))
    path.chmod(0o755)
    return path


def started(
    keeper: Keeper,
    tmp_path: Path,
    body: str = SERVES,
    seconds: float = 20,
    assets: Assets = NO_ASSETS,
    **config: object,
) -> Matchbox:
    return serve(
        keeper,
        MatchboxConfig.model_validate(config),
        tmp_path / "bench",
        program=program(tmp_path, body),
        assets=assets,
        deadline=Deadline.after(seconds),
        record=tmp_path / "matchbox",
    )


def image(tmp_path: Path) -> Image:
    (tmp_path / "vmlinuz").write_text("kernel")
    kernel = Asset("vmlinuz", tmp_path / "vmlinuz", sha256_of(tmp_path / "vmlinuz"), "here")
    return Image("mine", "files", kernel, (), ("a=1",), Ready(), re.compile(b""))


def log(tmp_path: Path) -> str:
    return (tmp_path / "matchbox.log").read_text()


def test_it_is_ready_when_it_answers(keeper: Keeper, tmp_path: Path) -> None:
    matchbox = started(keeper, tmp_path)
    with urllib.request.urlopen(f"http://127.0.0.1:{matchbox.address[1]}/") as answer:
        assert answer.read() == b"matchbox\n"
    data = tmp_path / "bench/matchbox"
    assert f"-address 127.0.0.1:0 -data-path {data} -log-level debug -assets-path {data}/assets\n" in log(tmp_path)


def test_data_of_the_user_is_served_unchanged(keeper: Keeper, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "assets").mkdir(parents=True)
    matchbox = started(keeper, tmp_path, data=data, assets=Assets(data / "assets"))
    assert f"-data-path {data} -log-level debug -assets-path {data}/assets\n" in log(tmp_path)
    assert [path.name for path in data.rglob("*")] == ["assets"]
    with pytest.raises(UsageError, match="the image 'mine' cannot be chosen for node1"):
        matchbox.assign(node="node1", mac=MAC, image=image(tmp_path))


def test_data_without_assets(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    started(keeper, tmp_path, data=tmp_path / "data")
    assert log(tmp_path).splitlines()[0].endswith(" -assets-path ")


def test_broken_data_of_the_user_is_refused_before_anything_starts(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "data/groups").mkdir(parents=True)
    (tmp_path / "data/groups/a.json").write_text("{")
    with pytest.raises(ConfigError, match=r"groups/a\.json:1:2: is no JSON"):
        started(keeper, tmp_path, data=tmp_path / "data")
    assert not (tmp_path / "matchbox.log").exists()


def test_an_assigned_image_can_be_asked_about(keeper: Keeper, tmp_path: Path) -> None:
    matchbox = started(keeper, tmp_path)
    matchbox.assign(node="node1", mac=MAC, image=image(tmp_path))
    assert "group 'node1' (profile 'mine') selects mac=52:54:00:12:34:56" in matchbox.explain_404({"mac": "1"})
    assert matchbox.find_args("none") is None
    where = matchbox.find_args("mine")
    assert where is not None
    assert '"args": [' in where.text


def test_its_last_words_are_shown_when_it_ends_at_once(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError) as caught:
        started(keeper, tmp_path, body='sys.exit("open /var/lib/matchbox: no such file or directory")')
    assert caught.value.message == "Matchbox ended at once, with status 1"
    assert caught.value.evidence[-1] == "open /var/lib/matchbox: no such file or directory"


def test_one_that_never_listens_is_given_up(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError) as caught:
        started(keeper, tmp_path, body="time.sleep(60)", seconds=1)
    assert caught.value.message == "Matchbox does not listen after 1 s"


def test_a_keeper_that_dies_meanwhile_is_named(keeper: Keeper, tmp_path: Path) -> None:
    killer = threading.Timer(0.5, os.kill, (keeper.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(InfrastructureError, match="keeper") as caught:
        started(keeper, tmp_path, body="time.sleep(60)")
    killer.join()
    assert "Matchbox" not in caught.value.message


def test_missing_program_is_named(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="/nowhere/matchbox"):
        serve(
            keeper,
            MatchboxConfig(),
            tmp_path,
            program=Path("/nowhere/matchbox"),
            deadline=Deadline.after(5),
        )


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The URL of a server that gives one answer."""

    def reply() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=reply)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def at_url(keeper: Keeper, url: str, tmp_path: Path) -> Matchbox:
    config = MatchboxConfig(url=url)
    return serve(keeper, config, tmp_path, program=Path("/nowhere"), deadline=Deadline.after(5))


def test_one_that_runs_already_is_used(keeper: Keeper, tmp_path: Path) -> None:
    with answering(b"HTTP/1.0 200 OK\r\n\r\nmatchbox\n") as url:
        matchbox = at_url(keeper, url, tmp_path)
    assert url.endswith(f":{matchbox.address[1]}")
    assert matchbox.stream is None
    assert matchbox.find_args("x") is None
    assert (
        matchbox.explain_404({}) == f"the groups of the Matchbox at {url.removeprefix('http://')} are not known here"
    )
    with pytest.raises(UsageError):
        matchbox.assign(node="n", mac=MAC, image=image(tmp_path))


def test_another_server_is_not_taken_for_matchbox(keeper: Keeper, tmp_path: Path) -> None:
    with (
        answering(b"HTTP/1.0 200 OK\r\n\r\n<html>router</html>") as url,
        pytest.raises(InfrastructureError, match="is not Matchbox") as caught,
    ):
        at_url(keeper, url, tmp_path)
    assert caught.value.evidence[-1] == "<html>router</html>"


def test_a_matchbox_that_is_not_there(keeper: Keeper, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(InfrastructureError, match=f"does not answer at 127.0.0.1:{port}"):
        at_url(keeper, f"http://127.0.0.1:{port}", tmp_path)


def test_a_matchbox_for_which_no_time_is_left(keeper: Keeper, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InfrastructureError, match=r"does not answer at .*: timed out"):
            serve(keeper, MatchboxConfig(url=url), tmp_path, program=Path("/nowhere"), deadline=Deadline.after(0))


def test_the_real_matchbox_serves_an_assigned_image(keeper: Keeper, tmp_path: Path) -> None:
    matchbox = serve(
        keeper,
        MatchboxConfig(),
        tmp_path / "bench",
        program=programs.matchbox(ensure=True),
        deadline=Deadline.after(20),
    )
    matchbox.assign(node="node1", mac=MAC, image=image(tmp_path))
    place = f"http://127.0.0.1:{matchbox.address[1]}"
    with urllib.request.urlopen(f"{place}/ipxe?mac=52-54-00-12-34-56") as script:
        assert script.read() == b"#!ipxe\nkernel /assets/mine/vmlinuz a=1\nboot\n"
    with urllib.request.urlopen(f"{place}/assets/mine/vmlinuz") as kernel:
        assert kernel.read() == b"kernel"
