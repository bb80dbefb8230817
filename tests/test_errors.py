"""The error tree: who is at fault, what to do, and the exit code of each."""

from __future__ import annotations

import pytest

from hil.errors import (
    ConfigError,
    HilBug,
    HilError,
    InfrastructureError,
    MissingPart,
    NodeError,
    Problem,
    UsageError,
)


@pytest.mark.parametrize(
    ("kind", "code", "label"),
    [
        (UsageError, 2, "usage error"),
        (InfrastructureError, 3, "bench error"),
        (NodeError, 1, "node error"),
        (MissingPart, 3, "missing part"),
        (HilBug, 70, "bug in hil"),
    ],
)
def test_each_kind_says_who_is_at_fault(kind: type[HilError], code: int, label: str) -> None:
    error = kind("the relay sticks", hint="replace it", evidence=["line one\nline two", "relay.log"])
    assert error.exit_code == code
    assert str(error) == (
        f"{label}: the relay sticks\n  | line one\n  | line two\n  | relay.log\n  what to do: replace it"
    )


def test_the_tree_has_exactly_these_children() -> None:
    children = {child.__name__ for child in HilError.__subclasses__() if child.__module__ == "hil.errors"}
    assert children == {
        "ConfigError",
        "UsageError",
        "InfrastructureError",
        "NodeError",
        "MissingPart",
        "HilBug",
    }


def test_a_problem_shows_its_place() -> None:
    problem = Problem("rig.yaml", 3, 5, "    colour: red", "unknown key 'colour'", "did you mean 'color'?")
    assert problem.render() == (
        "rig.yaml:3:5: unknown key 'colour'\n        colour: red\n        ^\n    did you mean 'color'?"
    )
    assert Problem("rig.yaml", 0, 0, "", "it is empty").render() == "rig.yaml: it is empty"


def test_a_configuration_error_counts_its_problems() -> None:
    one = Problem("a.yaml", 1, 1, "x", "wrong")
    assert ConfigError([one]).message.startswith("1 problem\n")
    assert ConfigError([one, one]).message.startswith("2 problems\n")
    assert ConfigError([one]).exit_code == 2
    assert ConfigError([one]).to_json()["kind"] == "ConfigError"
