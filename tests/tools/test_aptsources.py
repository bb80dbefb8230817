"""Sources of the host, in both formats, and what is derived from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.tools.aptsources import Source, derive, host_sources, parse_deb822, parse_one_line, parse_stanza, render
from hil.tools.host import Distribution

BOOKWORM = Distribution("debian", "bookworm", "12", "debian")
NOBLE = Distribution("ubuntu", "noble", "24.04", "ubuntu")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

DEBIAN_DEB822 = f"""\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: {KEYRING}

Types: deb
Enabled: no
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
"""
THIRD_PARTY = """\
deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://other.example/linux/debian bookworm stable
deb [signed-by=/usr/share/keyrings/other.gpg] https://other.example/debian bookworm main
deb https://other.example/apt bookworm main
deb-src http://mirror.example/debian bookworm main
# deb http://commented.example/debian bookworm main
"""
UBUNTU = """\
deb http://archive.example/ubuntu noble main restricted universe # trailing
deb http://archive.example/ubuntu noble-updates main universe
deb http://archive.example/ubuntu noble-backports main
deb http://archive.example/ubuntu noble-security main
"""


def test_both_formats_are_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(THIRD_PARTY)
    (tmp_path / "sources.list.d/debian.sources").write_text(DEBIAN_DEB822)
    (tmp_path / "sources.list.d/debian.sources.bak").write_text("deb http://no.example/debian bookworm main")
    (tmp_path / "sources.list.d/folder.list").mkdir()
    found = host_sources(tmp_path)
    assert [(source.uri.split("/")[2], source.suite) for source in found] == [
        ("other.example", "bookworm"),
        ("other.example", "bookworm"),
        ("other.example", "bookworm"),
        ("mirror.example", "bookworm"),
        ("mirror.example", "bookworm-updates"),
        ("mirror.example", "bookworm-security"),
    ]
    assert found[0].options == {"arch": "amd64", "signed-by": "/etc/apt/keyrings/docker.asc"}
    assert found[3].components == ("main", "contrib")


def test_debian_12_takes_another_suite_and_architecture_and_no_third_party() -> None:
    sources = parse_one_line(THIRD_PARTY) + parse_deb822(DEBIAN_DEB822)
    found, why = derive(sources, BOOKWORM, suite="trixie", arch="arm64", native="amd64")
    assert why == ""
    assert render(found) == "".join(
        f"deb [arch=arm64 signed-by={KEYRING} target=Packages] http://mirror.example/{path} {suite} main\n"
        for path, suite in (
            ("debian", "trixie"),
            ("debian", "trixie-updates"),
            ("debian-security", "trixie-security"),
        )
    )


def test_an_alias_of_the_suite_counts() -> None:
    found, _ = derive(
        parse_one_line("deb http://m.example/debian/ stable main\n"),
        BOOKWORM, suite="bookworm", arch="arm64", native="amd64",
    )  # fmt: skip
    assert [(source.suite, source.options["signed-by"]) for source in found] == [("bookworm", KEYRING)]


def test_a_list_of_mirrors_of_debians_cloud_images_counts() -> None:
    line = f"deb [signed-by={KEYRING}] mirror+file:/etc/apt/mirrors/debian.list bookworm main\n"
    found, _ = derive(parse_one_line(line), BOOKWORM, suite="trixie", arch="arm64", native="amd64")
    assert found[0].uri == "mirror+file:/etc/apt/mirrors/debian.list"


@pytest.mark.parametrize(
    ("host", "text", "arch", "why"),
    [
        (Distribution("fedora", "", "42", ""), UBUNTU, "arm64", "neither Debian nor Ubuntu"),
        (BOOKWORM, THIRD_PARTY, "arm64", "no suite of debian bookworm signed by debian itself"),
        (NOBLE, UBUNTU, "arm64", "no Ubuntu archive for arm64 (ubuntu-ports)"),
    ],
)
def test_why_nothing_can_be_derived(host: Distribution, text: str, arch: str, why: str) -> None:
    found, said = derive(parse_one_line(text), host, suite=host.codename, arch=arch, native="amd64")
    assert found == []
    assert why in said


def test_ubuntu_on_arm64_uses_its_own_archive() -> None:
    text = UBUNTU.replace("/ubuntu ", "/ubuntu-ports ")
    found, _ = derive(parse_one_line(text), NOBLE, suite="noble", arch="arm64", native="arm64")
    assert [source.suite for source in found] == ["noble", "noble-updates", "noble-security"]
    assert found[0].components == ("main", "universe")
    assert found[0].options["signed-by"].endswith("/ubuntu-archive-keyring.gpg")


def test_ubuntu_on_amd64_takes_arm64_only_from_ports() -> None:
    ports = "deb [arch=arm64] http://ports.example/ubuntu-ports noble main\n"
    named = "deb [arch=arm64,amd64] http://m.example/ubuntu noble main\n"
    found, _ = derive(parse_one_line(UBUNTU + ports + named), NOBLE, suite="noble", arch="arm64", native="amd64")
    assert [source.uri for source in found] == ["http://ports.example/ubuntu-ports", "http://m.example/ubuntu"]


WORDS = st.text(alphabet="deb []=#/:,.-+a1\n\t", max_size=80)


@given(st.text(max_size=200) | WORDS)
def test_any_text_is_sources_or_passed_over(text: str) -> None:
    for source in parse_one_line(text) + parse_deb822(text):
        assert source.uri
        assert source.suite
    parse_stanza(text)


NAME = st.text(alphabet="abcz0-", min_size=1, max_size=8)


@given(st.lists(st.builds(Source, NAME, NAME, st.lists(NAME, min_size=1, max_size=3).map(tuple),
                          st.dictionaries(st.sampled_from(["arch", "signed-by"]), NAME)), max_size=4))  # fmt: skip
def test_what_is_written_is_read_back(sources: list[Source]) -> None:
    read = parse_one_line(render(sources))
    assert [(s.uri, s.suite, s.components) for s in read] == [(s.uri, s.suite, s.components) for s in sources]
    assert [{k: v for k, v in s.options.items() if k != "target"} for s in read] == [s.options for s in sources]
