"""Whatever a file holds, checking it ends in findings, each with a place in the file, and shows no secret."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.fake_talostool import RECORDED

from hil.clock import Deadline
from hil.lint.finding import Severity
from hil.lint.machine_config import Checked, check

RIGHT = (RECORDED / "right.yaml").read_text()
CANARY = "S3CRETCANARY"
QUICK = settings(max_examples=unless_quick(60), deadline=None)

MORSELS = [
    *(
        "machine: ",
        "cluster: ",
        "network: ",
        "install: ",
        "disk: ",
        "diskSelector: ",
        "size: ",
        "podSubnets: ",
        "name: ",
    ),
    *("kind: ExtensionServiceConfig", "environment: ", "TS_ROUTES=", "TS_EXTRA_ARGS=--advertise-routes ", "/dev/sda1"),
    *("\n", "\n  ", "\n    ", "- ", ": ", "? ", "[", "]", "{", "}", ",", "&x ", "*x", "!env HOME", "!!str ", "| \n"),
    *("\t", "'", '"', "\\", "#", "%YAML 1.1\n", "---", "\n---\n", "...", "<<: ", "1", "~", "true", "\u2028", "\x85"),
    *("\ufeff", "\x00", '"\\U00110000"', "9" * 500, "100.64.0.0/10", "10.0.0.1/8", "::/0", "é", "\U0001f600"),
]


def checked(data: bytes) -> Checked:
    """Check without Talos; each finding has a place that the file has, and can be shown."""
    result = check("node.yaml", data, None, strict=False, deadline=Deadline.after(30))
    lines = len(data.decode("utf-8", errors="replace").splitlines()) + 1
    for finding in result.findings:
        assert 0 <= finding.place.line <= lines
        assert finding.problem("node.yaml").render().startswith("node.yaml")
    return result


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    checked(data)


@QUICK
@given(st.lists(st.sampled_from(MORSELS), max_size=25))
def test_any_mixture_of_what_files_are_made_of(morsels: list[str]) -> None:
    checked("".join(morsels).encode())


@QUICK
@given(st.data())
def test_a_right_file_with_something_in_it(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(RIGHT)))
    morsel = data.draw(st.sampled_from(MORSELS))
    checked((RIGHT[:at] + morsel + RIGHT[at:]).encode())


SECRET_PLACES = ["token: ", "secret: ", "crt: ", "key: ", "id: ", "secretboxEncryptionSecret: ", "- TS_ROUTES="]


@QUICK
@given(
    st.sampled_from(SECRET_PLACES),
    st.sampled_from(["", "[", "{", "*", "&a *a", "- ", "? ", '"', "'", "!x ", ": ", "%"]),
)
def test_a_secret_is_never_shown(before: str, broken_by: str) -> None:
    lines = RIGHT.splitlines()
    at = next(index for index, line in enumerate(lines) if before in line)
    start = lines[at].index(before)
    after = f" -- --auth-key={CANARY}" if before.startswith("- ") else CANARY
    lines[at] = lines[at][:start] + before + broken_by + after
    shown = "\n".join(problem.render() for problem in checked("\n".join(lines).encode()).problems(*Severity))
    assert CANARY[:7] not in shown
