"""The cache: content by digest, one name each, never half of anything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import HilBug, InfrastructureError
from hil.tools.audit import audit
from hil.tools.cache import Cache, cache_root
from hil.tools.entry import Entry, entry_json, parse_entry

WITHIN = 10.0


def put_tree(cache: Cache, name: str, text: str, key: str = "k") -> Path:
    with cache.work() as work:
        folder = work / "made"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/program").write_text(text)
        (folder / "link").symlink_to("bin/program")
        return cache.put_tree(name, folder, key=key, origin="o", how="h", watch=["bin/program"])


def put_file(cache: Cache, name: str, text: str) -> Path:
    with cache.work() as work:
        (work / "made").write_text(text)
        return cache.put_file(name, work / "made", key="k", origin="o", how="h", facts={"version": "1"})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HIL_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/hil"),
        ({"XDG_CACHE_HOME": "relative"}, str(Path.home() / ".cache/hil")),
        ({}, str(Path.home() / ".cache/hil")),
    ],
)
def test_where_it_is(environ: dict[str, str], expected: str) -> None:
    assert cache_root(environ) == Path(expected)


def test_a_tree_is_found_by_name_and_key(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    path = put_tree(cache, "thing", "one")
    assert cache.tree("thing") == path == cache.tree("thing", "k")
    assert cache.tree("thing", "other") is None
    assert cache.file("thing") is None
    assert (path / "link").read_text() == "one"
    assert list((tmp_path / "work").iterdir()) == []


def test_a_file_is_found_and_its_entry_says_where_it_came_from(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    path = put_file(cache, "file", "text")
    assert cache.file("file") == path
    entry = cache.entry("file")
    assert entry is not None
    assert (entry.origin, entry.how, entry.size, entry.facts["version"]) == ("o", "h", 4, "1")
    assert [found.name for found in cache.entries()] == ["file"]


def test_looking_up_makes_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "absent")
    assert cache.tree("thing") is None
    assert cache.entries() == []
    assert cache.clear() == 0
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("damage", ["remove", "shorten", "replace"])
def test_what_was_altered_is_not_found(tmp_path: Path, damage: str) -> None:
    cache = Cache(tmp_path)
    program = put_tree(cache, "thing", "one") / "bin/program"
    match damage:
        case "remove":
            program.unlink()
        case "shorten":
            program.write_text("on")
        case _:
            program.write_text("two")
            os.utime(program, ns=(1, 1))
    assert cache.tree("thing") is None
    mended = put_tree(cache, "thing", "one")
    assert cache.tree("thing") == mended
    assert (mended / "bin/program").read_text() == "one"


@pytest.mark.parametrize("writable", [True, False])
def test_a_cache_that_was_copied_without_its_times_is_as_good(
    tmp_path: Path, writable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_tree(Cache(tmp_path / "here"), "thing", "one")
    put_file(Cache(tmp_path / "here"), "other", "two")
    for part in ("blobs", "entries", "trees"):
        shutil.copytree(tmp_path / "here" / part, tmp_path / "there" / part, symlinks=True)
    for path in (tmp_path / "there").rglob("*"):
        os.utime(path, ns=(1, 1))
    if not writable:
        monkeypatch.setattr(Cache, "_store", refuse)
    cache = Cache(tmp_path / "there")
    before = cache.entry("thing")
    assert cache.tree("thing") is not None
    assert cache.file("other") is not None
    # What was found to be right is not read in full again.
    assert (cache.entry("thing") == before) is not writable


def refuse(cache: Cache) -> None:
    raise InfrastructureError(f"{cache.root} cannot be written", hint="see whose it is")


def test_content_that_cannot_be_read_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    os.utime(put_tree(cache, "thing", "one") / "bin/program", ns=(1, 1))

    def unreadable(path: Path) -> tuple[str, int]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("hil.tools.cache.tree_digest", unreadable)
    assert cache.tree("thing") is None


def test_two_names_share_content_until_the_last_goes(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert put_file(cache, "a", "same") == put_file(cache, "b", "same")
    assert cache.file("a") is not None
    assert cache.remove(["a"]) == 0
    assert cache.file("b") is not None
    assert cache.remove(["b", "unknown"]) == 4
    assert list((tmp_path / "blobs").iterdir()) == []


def test_the_audit_reads_everything(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    path = put_tree(cache, "thing", "one")
    blob = put_file(cache, "file", "text")
    thing, file = cache.entry("thing"), cache.entry("file")
    assert thing is not None
    assert file is not None
    assert audit(cache, thing) == audit(cache, file) == "sound"
    (path / "more").write_text("")
    blob.write_text("TEXT")
    assert audit(cache, thing) == audit(cache, file) == "altered"
    cache.remove(["thing", "file"])
    assert audit(cache, thing) == audit(cache, file) == "gone"


def test_the_digest_sees_mode_links_and_special_files(tmp_path: Path) -> None:
    from hil.tools.digest import tree_digest

    seen = set()
    (tmp_path / "file").write_text("x")
    seen.add(tree_digest(tmp_path)[0])
    (tmp_path / "file").chmod(0o755)
    seen.add(tree_digest(tmp_path)[0])
    (tmp_path / "link").symlink_to("file")
    seen.add(tree_digest(tmp_path)[0])
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("elsewhere")
    seen.add(tree_digest(tmp_path)[0])
    os.mkfifo(tmp_path / "pipe")
    seen.add(tree_digest(tmp_path)[0])
    (tmp_path / "empty").mkdir()
    seen.add(tree_digest(tmp_path)[0])
    assert len(seen) == 6


def test_a_name_is_a_file_name(tmp_path: Path) -> None:
    for name in ("../x", "A", "", "a/b"):
        with pytest.raises(HilBug):
            Cache(tmp_path).tree(name)


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot be made") as caught, Cache(tmp_path / "file/x").work():
        pass
    assert "HIL_CACHE" in caught.value.hint


WRITER = """
import sys, pathlib
from hil.tools.cache import Cache
cache = Cache(pathlib.Path(sys.argv[1]))
with cache.work() as work:
    (work / "half").mkdir()
    (work / "half/file").write_text("half")
    print("working", flush=True)
    sys.stdin.read()
"""


def test_a_writer_that_is_killed_leaves_nothing_visible_and_its_folder_is_swept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"working\n"
        cache.remove([])
        assert len(list((tmp_path / "work").iterdir())) == 1, "the folder of a living writer stays"
        writer.send_signal(signal.SIGKILL)
    assert cache.entries() == []
    cache.remove([])
    assert list((tmp_path / "work").iterdir()) == []


RACER = """
import sys, pathlib
from hil.clock import Deadline
from hil.tools.cache import Cache
cache = Cache(pathlib.Path(sys.argv[1]))
with cache.making("thing", Deadline.after(30)):
    if cache.tree("thing") is None:
        with cache.work() as work:
            (work / "t").mkdir()
            (work / "t/f").write_text("x" * 100000)
            cache.put_tree("thing", work / "t", key="k", origin="o", how="h", watch=["f"])
        print("made")
"""


def test_several_at_once_make_it_once(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [racer.communicate(timeout=60)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert sorted(said) == ["", "", "", "made\n"]
    assert Cache(tmp_path).tree("thing") is not None


def test_clear_empties_all_but_refuses_while_something_is_made(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    put_tree(cache, "thing", "one")
    cache.partial("a" * 64).write_text("part")
    with cache.making("other", Deadline.after(WITHIN)), pytest.raises(InfrastructureError, match="in use by process"):
        cache.clear()
    assert cache.clear() > 0
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_entry_or_none(data: bytes) -> None:
    assert parse_entry(data) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["schema", "name", "key", "kind", "digest", "size", "facts", "watched", "made"]), JSON)
def test_an_entry_with_one_field_replaced_is_read_or_refused(field: str, value: object) -> None:
    import json

    good = json.loads(entry_json(Entry("n", "k", "file", "d", 1, "o", "h", 2, {"a": "b"}, {"": (1, 2)})))
    assert parse_entry(json.dumps(good).encode()) is not None
    parse_entry(json.dumps({**good, field: value}).encode())
