"""A hundred broken rig files, made of the shipped ones: each is refused by exit code 2 and a line for each problem."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.rigs import HIL

from hil import cli
from hil.config.rig import shipped_rigs

Break = Callable[[random.Random, str], str | bytes]
_KEY = re.compile(r"^( *)([a-z_]+):(.*)$", re.MULTILINE)


def _at_a_key(change: Callable[[random.Random, str, str, str], str], keys: str = ".*") -> Break:
    """Change one line that has a key: its indentation, key and value are given."""

    def broken(chance: random.Random, text: str) -> str:
        match = chance.choice([found for found in _KEY.finditer(text) if re.fullmatch(keys, found.group(2))])
        return text[: match.start()] + change(chance, *match.groups()) + text[match.end() :]

    return broken


def _cut_in(chance: random.Random, text: str, what: bytes) -> bytes:
    data = text.encode()
    at = chance.randrange(len(data))
    return data[:at] + what + data[at:]


def _pick(*values: str) -> Callable[[random.Random, str, str, str], str]:
    return lambda chance, indent, key, _: f"{indent}{key}: {chance.choice(values)}"


def _laughter(levels: int) -> str:
    """Few lines that mean 9**levels values."""
    return "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}' if n else 'x'] * 9)}]\n" for n in range(levels))


_NUMBERS, _QUANTITIES = "hil|cpus", "memory|boot_within"
_TYPES = ("[[1]]", "{a: {b: c}}", "[true, ~]", "{? [x] : y}")
BREAKS: dict[str, tuple[int, Break]] = {
    "wrong key": (8, _at_a_key(lambda _, indent, key, rest: f"{indent}{key}x_:{rest}", "hil|kind|image|cpus|memory")),
    "wrong type": (8, _at_a_key(_pick(*_TYPES), "hil|description|kind|image|cpus|memory|boot_within")),
    "wrong unit": (8, _at_a_key(_pick("1", "1GB", "1 m", "-1s", "GiB", "1e3s", "0x1GiB", "1 2s", "''"), _QUANTITIES)),
    "huge number": (6, _at_a_key(_pick("9" * 30, "9" * 5000, "1e999", "-" + "1" * 399, "0x" + "f" * 300), _NUMBERS)),
    "missing": (4, _at_a_key(lambda *_: "", "hil|kind|nodes")),
    "doubled key": (6, _at_a_key(lambda _, i, key, rest: f"{i}{key}:{rest}\n{i}{key}: 1", "hil|kind|cpus|image")),
    "tab": (5, _at_a_key(lambda _, indent, key, rest: f"{indent}\t{key}:{rest}", "kind|image|cpus|memory")),
    "indentation": (3, _at_a_key(lambda _, indent, key, rest: f"{indent[1:]}{key}:{rest}", "cpus|memory|boot_within")),
    "not UTF-8": (5, lambda chance, text: _cut_in(chance, text, bytes([chance.randrange(0xC0, 0x100), 0x20]))),
    "NUL": (4, lambda chance, text: _cut_in(chance, text, b"\0")),
    "control character": (3, lambda chance, text: _cut_in(chance, text, bytes([chance.randrange(1, 8)]))),
    "anchor of nothing": (3, _at_a_key(_pick("*none", "*a", "*1"), "image|cpus|kind")),
    "recursion": (3, _at_a_key(_pick("&a [*a]", "&a {b: *a}", "&a {b: [1, {c: *a}]}"), "cpus|image|memory")),
    "many aliases": (2, lambda chance, text: text + _laughter(chance.randrange(6, 9))),
    "merge key": (3, _at_a_key(lambda _, i, key, rest: f"{i}<<: {{a: 1}}\n{i}{key}:{rest}", "cpus|hil|kind|image")),
    "tag": (5, _at_a_key(_pick("!!python/object:os.system x", "!x 1", "!!int '1'", "!env", "!env A-B"), "cpus|image")),
    "variable that is not set": (2, _at_a_key(_pick("!env HIL_TEST_NOT_SET"), "cpus|image|description")),
    "empty": (3, lambda chance, _: chance.choice(["", "\n\n", "# nothing\n", "---\n", "~\n"])),
    "binary": (8, lambda chance, _: b"\x7fELF" + chance.randbytes(300)),
    "deep": (3, lambda chance, text: text + "deep: " + chance.choice(["[", "{a: "]) * chance.randrange(41, 3000)),
    "open quote": (3, _at_a_key(_pick("'a", '"a', '"\\x"', '"\\U00110000"'), "description|image")),
    "second document": (1, lambda _, text: text + "---\n" + text),
    "not keys": (2, lambda chance, _: chance.choice(["- a\n", "text\n", "7\n", "[hil, 1]\n"])),
    "too long": (1, lambda _, text: text + "#" * (1 << 20)),
    "byte-order mark": (1, lambda _, text: "\ufeff" + text),
}  # fmt: skip


def broken_files() -> Iterator[tuple[str, bytes]]:
    """The files by name, the same at each run."""
    chance = random.Random(6)
    texts = [file.read_text(encoding="utf-8") for file in shipped_rigs().values()]
    made: set[bytes] = set()
    for name, (count, change) in BREAKS.items():
        for number in range(count):
            data = b""
            for _ in range(100):  # there are few ways to be empty
                changed = change(chance, chance.choice(texts))
                data = changed if isinstance(changed, bytes) else changed.encode()
                if data not in made:
                    break
            made.add(data)
            yield f"{name} {number}", data


FILES = dict(broken_files())


def test_there_are_a_hundred() -> None:
    assert len(set(FILES.values())) == len(FILES) == 100


def said_right(name: str, shown: str) -> None:
    """The words are a report of problems, each with file and line, that a terminal can show."""
    head, *lines = shown.splitlines()
    count = re.fullmatch(r"configuration error: ([1-9][0-9]*) problems?", head)
    assert count is not None, shown
    assert sum(line.startswith("broken.yaml:") for line in lines) == int(count.group(1)), name
    for line in lines:
        assert not line.startswith("broken.yaml") or re.match(r"broken\.yaml:[1-9][0-9]*(:[1-9][0-9]*)?: .", line), (
            line
        )
    assert "Traceback" not in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert lines[-1].startswith("  what to do: ")


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused_with_a_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_bytes(FILES[name])
    assert cli.run(["rig", "check", "broken.yaml"]) == 2
    out, shown = capsys.readouterr()
    assert out == ""
    said_right(name, shown)


@pytest.mark.parametrize("name", ["wrong key 0", "binary 0", "many aliases 0"])
def test_so_it_is_as_a_process(name: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_bytes(FILES[name])
    done = subprocess.run(
        [*HIL, "rig", "check", "broken.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    said_right(name, done.stderr)


@pytest.mark.parametrize("what", ["a directory", "nothing", "a long name"])
def test_what_is_no_file(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "x" * 5000 if what == "a long name" else "broken"
    if what == "a directory":
        Path("broken.yaml").mkdir()
    assert cli.run(["rig", "check", f"{name}.yaml"]) == 2
    assert capsys.readouterr().err.startswith("usage error: rig file ")
