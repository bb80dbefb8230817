"""Several documents in one file: each is read, each key knows its place, and what is wrong hides nothing else."""

from __future__ import annotations

import pytest

from hil.config.source import Place
from hil.config.yamlpos import MAX_BYTES
from hil.lint.documents import read

THREE = """\
# the first
machine: {type: worker}
--- # the second
kind: HostnameConfig
hostname: a
...
---

kind: ExtensionServiceConfig
name: tailscale
configFiles:
  - content: |
      a
       --- b
"""


def test_each_document_is_read() -> None:
    result = read("node.yaml", THREE.encode())
    assert result.findings == ()
    assert [(document.kind, document.name) for document in result.documents] == [
        ("v1alpha1.Config", ""),
        ("HostnameConfig", ""),
        ("ExtensionServiceConfig", "tailscale"),
    ]


@pytest.mark.parametrize(
    ("index", "path", "place"),
    [(0, ("machine", "type"), Place(2, 11)), (1, ("hostname",), Place(5, 1)), (2, ("configFiles",), Place(11, 1))],
)
def test_each_key_knows_its_place(index: int, path: tuple[str, ...], place: Place) -> None:
    entry = read("node.yaml", THREE.encode()).documents[index].at(*path)
    assert entry is not None
    assert entry.key_place == place


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_ends_of_lines_count_as_well(end: str) -> None:
    first, second = read("node.yaml", f"machine: {{}}{end}---{end}hostname: a{end}".encode()).documents
    entry = second.at("hostname")
    assert first.at("hostname") is None
    assert entry is not None
    assert entry.key_place == Place(3, 1)


def test_empty_documents_are_none() -> None:
    result = read("node.yaml", b"---\n# nothing\n---\nmachine: {}\n---\n---\nnull\n")
    assert len(result.documents) == 1
    assert result.findings == ()


def test_a_byte_order_mark_is_taken() -> None:
    (document,) = read("node.yaml", b"\xef\xbb\xbfmachine: {}\n").documents
    assert document.top.place == Place(1, 1)


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (b"", Place(0, 0), "there is no document"),
        (b"\x00\x01", Place(1, 1), "U+0000"),
        (b"machine: {}\n\xff\n", Place(2, 1), "0xff is not UTF-8"),
        (b"- a\n", Place(1, 1), "not a list"),
        (b"a: [1\n", Place(1, 4), "not YAML"),
        (b"a: &a {b: *a}\n", Place(1, 11), "contains itself"),
        (b"a: *b\n", Place(1, 4), "nothing is anchored"),
        (b"[" * 5000, Place(1, 42), "nested deeper"),
        (b"a" * (MAX_BYTES + 1), Place(0, 0), "longer than"),
    ],
)
def test_what_cannot_be_read_is_one_finding(data: bytes, place: Place, words: str) -> None:
    result = read("node.yaml", data)
    assert result.documents == ()
    (one,) = result.findings
    assert words in one.message
    assert one.place == place
    assert "rig" not in one.message + one.hint


def test_a_document_that_cannot_be_read_hides_no_other() -> None:
    result = read("node.yaml", b"machine: {}\n---\na: [1\n---\nkind: A\n")
    assert [document.kind for document in result.documents] == ["v1alpha1.Config", "A"]
    assert [finding.place.line for finding in result.findings] == [3]


@pytest.mark.parametrize("text", ["a: *S3CRET-CANARY\n", "a: !S3CRET!CANARY b\n", "%TAG !S3CRET CANARY\n---\n"])
def test_a_secret_that_yaml_takes_for_its_own_is_not_shown(text: str) -> None:
    assert "CRET" not in repr(read("node.yaml", text.encode()).findings)


def test_the_environment_is_not_read() -> None:
    (document,) = read("node.yaml", b"machine: {token: !env HOME}\n").documents
    entry = document.at("machine", "token")
    assert entry is not None
    assert "/" not in str(getattr(entry.node, "value", ""))
