"""What is behind /assets/: the user's folder unchanged, files by URL and path beside it; what is missing is said."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rigs import write_rig, write_tree

from hil.config.model import HostPort
from hil.config.rig import Rig, load_rig
from hil.errors import ConfigError, InfrastructureError
from hil.services.matchbox.assets import Assets, get_assets, is_there
from hil.services.matchbox.needs import needs, ready_assets, url_of
from hil.services.matchbox.tree import Profile
from hil.tools.progress import Step, quiet

BENCH = HostPort("10.0.1.5", 8080)
KERNEL = b"a kernel from afar"
DIGEST = hashlib.sha256(KERNEL).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[str]:
    """A server that has a kernel, as the Image Factory has it."""
    place = tmp_path / "www" / "image" / "ce4c98" / "v1.13.9"
    place.mkdir(parents=True)
    (place / "kernel-arm64").write_bytes(KERNEL)
    handler = partial(Quiet, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/image/ce4c98/v1.13.9/kernel-arm64"
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))


def rig_with(tmp_path: Path, matchbox: Mapping[str, object], **node: object) -> Rig:
    ready = {"console": "x"}
    file = write_rig(
        tmp_path,
        {"hil": 1, "matchbox": matchbox, "nodes": {"n": {"kind": "qemu", "ready": ready, **node}}},
    )
    return load_rig(file, cwd=tmp_path)


def tree(tmp_path: Path, kernel: str = "/assets/talos/vmlinuz", *initrd: str) -> Path:
    boot = {"kernel": kernel, "initrd": list(initrd), "args": ["console=ttyAMA0"]}
    return write_tree(
        tmp_path / "tree",
        groups={"worker": {"profile": "worker", "selector": {"serial": "R1"}}},
        profiles={"worker": {"boot": boot}, "spare": {"boot": boot}, "other": {"boot": {"kernel": "/assets/amd64"}}},
    )


def test_a_file_is_fetched_once_with_its_progress_and_linked_beside_what_is_there(
    tmp_path: Path, factory: str
) -> None:
    data = tree(tmp_path)
    for name in ("talos/initramfs.xz", "talos/v1/vmlinuz", "other/file"):
        (data / "assets" / name).parent.mkdir(parents=True, exist_ok=True)
        (data / "assets" / name).write_text(name)
    files = {"talos/v1.13.9/vmlinuz": {"url": factory, "sha256": DIGEST.upper()}}
    rig = rig_with(tmp_path, {"data": "tree", "assets": {"files": files}})
    before = sorted(data.rglob("*"))
    steps: list[Step] = []
    for _ in range(2):
        assets = get_assets(rig, progress=steps.append)
        place = assets.place(tmp_path / "bench")
    assert [(step.done, step.total) for step in steps] == [(len(KERNEL), len(KERNEL))]
    assert place == tmp_path / "bench"
    assert (place / "talos/v1.13.9/vmlinuz").read_bytes() == KERNEL
    for name in ("talos/initramfs.xz", "talos/v1/vmlinuz", "other/file"):
        assert (place / name).read_text() == name
    assert (place / "other").is_symlink()
    assert sorted(data.rglob("*")) == before
    assert is_there("talos/v1.13.9/vmlinuz", None, assets.files)
    assert is_there("other/file", assets.folder)
    assert not is_there("other", assets.folder)


def test_without_files_the_users_folder_is_served_as_it_is(tmp_path: Path) -> None:
    data = tree(tmp_path)
    assert get_assets(rig_with(tmp_path, {"data": "tree"}), progress=quiet).place(tmp_path / "b") == data / "assets"
    (tmp_path / "mine").mkdir()
    for written in ("mine", {"dir": "mine"}):
        rig = rig_with(tmp_path, {"data": "tree", "assets": written})
        assert get_assets(rig, progress=quiet).place(tmp_path / "b") == tmp_path / "mine"
    assert not (tmp_path / "b").exists()
    assert Assets().place(tmp_path / "b") is None


def test_a_listed_file_stands_before_one_of_the_folder(tmp_path: Path) -> None:
    data = tree(tmp_path)
    (data / "assets/talos").mkdir()
    (data / "assets/talos/vmlinuz").write_text("version https://git-lfs.github.com/spec/v1")
    (tmp_path / "vmlinuz").write_bytes(KERNEL)
    files = {"talos/vmlinuz": "vmlinuz"}
    place = get_assets(rig_with(tmp_path, {"data": "tree", "assets": {"files": files}}), progress=quiet).place(
        tmp_path / "b"
    )
    assert place is not None
    assert (place / "talos/vmlinuz").read_bytes() == KERNEL


def test_another_file_than_expected_says_both_digests_the_line_and_what_to_do(tmp_path: Path, factory: str) -> None:
    tree(tmp_path)
    files = {"talos/vmlinuz": {"url": f"{factory}?token=secret", "sha256": "0" * 64}}
    rig = rig_with(tmp_path, {"data": "tree", "assets": {"files": files}})
    with pytest.raises(InfrastructureError) as caught:
        get_assets(rig, progress=quiet)
    line = next(n for n, text in enumerate(rig.file.read_text().splitlines(), 1) if "0" * 64 in text)
    assert caught.value.message == (
        f"the asset talos/vmlinuz is not the file that was expected: what {factory} sends has the sha256 {DIGEST},"
        f" and rig.yaml:{line} says {'0' * 64}"
    )
    assert "write its new sha256 there" in caught.value.hint


def test_a_path_with_another_digest_is_the_rig_files_fault(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "vmlinuz").write_bytes(KERNEL)
    files = {"talos/vmlinuz": {"path": "vmlinuz", "sha256": "0" * 64}}
    with pytest.raises(ConfigError, match=DIGEST) as caught:
        get_assets(rig_with(tmp_path, {"data": "tree", "assets": {"files": files}}), progress=quiet)
    assert caught.value.problems[0].text.strip() == f'"sha256": "{"0" * 64}"'


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/assets/talos/vmlinuz", "write talos/vmlinuz"),
        ("/talos/vmlinuz", "not the path of an asset"),
        ("../vmlinuz", "not the path of an asset"),
        ("talos//vmlinuz", "not the path of an asset"),
        ("talos/./vmlinuz", "not the path of an asset"),
        ("", "not the path of an asset"),
        ("ta los", "not the path of an asset"),
    ],
)
def test_what_is_no_path_of_an_asset(tmp_path: Path, path: str, said: str) -> None:
    source = {"url": "http://host/file", "sha256": DIGEST}
    with pytest.raises(ConfigError) as caught:
        rig_with(tmp_path, {"data": str(tree(tmp_path)), "assets": {"files": {path: source}}})
    assert said in caught.value.message
    assert caught.value.problems[0].line > 1


def test_a_path_that_is_file_and_folder_at_once(tmp_path: Path) -> None:
    source = {"url": "http://host/file", "sha256": DIGEST}
    with pytest.raises(ConfigError, match="'a' is a file here"):
        rig_with(tmp_path, {"data": str(tree(tmp_path)), "assets": {"files": {"a": source, "a/b/c": source}}})


def test_a_missing_asset_names_each_profile_that_lists_it(tmp_path: Path) -> None:
    data = tree(tmp_path, "/assets/talos/vmlinuz", "--name main http://10.0.1.5:8080/assets/talos/initramfs.xz")
    (data / "assets/talos").mkdir()
    (data / "assets/talos/vmlinuz").write_bytes(KERNEL)
    rig = rig_with(tmp_path, {"data": "tree"}, serial="R1")
    with pytest.raises(ConfigError) as caught:
        ready_assets(rig, BENCH, progress=quiet)
    places = [(Path(p.file).name, p.line, p.column, p.message) for p in caught.value.problems]
    said = "lists the asset talos/initramfs.xz, which is not there"
    assert places == [
        ("spare.json", 6, 7, f"profile 'spare' {said}"),
        ("worker.json", 6, 7, f"profile 'worker' {said}"),
    ]
    assert "`assets: {files: ...}`" in caught.value.hint
    assert str(data / "assets") in caught.value.hint
    (data / "assets/talos/initramfs.xz").touch()
    assert ready_assets(rig, BENCH, progress=quiet).folder == data / "assets"


def test_a_profile_of_the_rig_file_itself_is_looked_at_too(tmp_path: Path) -> None:
    boot = {"kernel": "/assets/k", "initrd": ["/assets/i", "/assets/j"]}
    matchbox = {
        "assets": {"files": {"k": "k", "i": "k"}},
        "groups": [{"id": "g", "profile": "p", "selector": {"mac": "52-54-00-AA-BB-01"}}],
        "profiles": [{"id": "p", "boot": boot}, {"id": "q", "boot": {"kernel": "/assets/other"}}],
    }
    (tmp_path / "k").touch()
    with pytest.raises(ConfigError) as caught:
        ready_assets(rig_with(tmp_path, matchbox, mac="52:54:00:aa:bb:01"), BENCH, progress=quiet)
    [problem] = caught.value.problems
    assert problem.message == "profile 'p' lists the asset j, which is not there"
    assert problem.text.strip() == '"/assets/j"'
    ready_assets(rig_with(tmp_path, matchbox, mac="52:54:00:aa:bb:02"), BENCH, progress=quiet)


def test_what_is_missing_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    tree(tmp_path, "/assets/talos/vmlinuz", "/assets/talos/initramfs.xz")
    files = {"talos/vmlinuz": {"url": "http://127.0.0.1:9/vmlinuz", "sha256": DIGEST}}
    rig = rig_with(tmp_path, {"data": "tree", "assets": {"files": files}}, serial="R1")
    with pytest.raises(ConfigError) as caught:
        ready_assets(rig, BENCH, progress=quiet)
    assert {problem.message.split()[5] for problem in caught.value.problems} == {"talos/initramfs.xz,"}


def test_what_no_node_of_the_rig_boots_may_be_missing(tmp_path: Path) -> None:
    tree(tmp_path)
    ready_assets(rig_with(tmp_path, {"data": "tree"}, serial="R2"), BENCH, progress=quiet)


@pytest.mark.parametrize(
    ("written", "needed"),
    [
        ("/assets/a/b", ["a/b"]),
        ("assets/a", ["a"]),
        ("http://10.0.1.5:8080/assets/a%20b?x=1", ["a b"]),
        ("--name main /assets/a extra", ["a"]),
        ("--autofree /assets/a", ["a"]),
        ("http://10.0.1.6:8080/assets/a", []),
        ("https://10.0.1.5:8080/assets/a", []),
        ("http://10.0.1.5:8080/other/a", []),
        ("${base}/assets/a", []),
        ("/assets/${buildarch}/a", []),
        ("http://[broken/assets/a", []),
        ("/assets/", []),
        ("--name", []),
        ("", []),
    ],
)
def test_which_file_a_machine_asks_this_matchbox_for(written: str, needed: list[str]) -> None:
    profile = Profile("p", written, (), (), Path("p.json"))
    assert [path for _, path in needs(profile, BENCH)] == needed


@given(st.text() | st.text("htp:/[]@-${} .%a", max_size=30))
def test_no_text_of_a_profile_breaks_it(written: str) -> None:
    profile = Profile("p", written, (written,), (), Path("p.json"))
    assert all(path for _, path in needs(profile, BENCH))
    assert url_of(json.loads(json.dumps(written))) == url_of(written)
