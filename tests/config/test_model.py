"""The types of a rig's values, as a kind's model uses them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import AfterValidator, Field, ValidationError

from hil.config.environment import EnvValue, SecretText
from hil.config.explain import validate
from hil.config.model import FileContext, HostPort, Model, RigDirectory, RigPath, Secret, Serial, Sha256, Uuid
from hil.config.source import Findings, Source
from hil.config.yamlpos import compose


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("an even number of legs falls over")
    return number


class Things(Model):
    """One of each."""

    secret: Secret | None = Field(default=None, description="a secret")
    path: RigPath | None = Field(default=None, description="a path")
    directory: RigDirectory | None = Field(default=None, description="a directory")
    endpoint: HostPort = Field(default=HostPort("a", 1), description="an endpoint")
    digest: Sha256 | None = Field(default=None, description="a digest")
    uuid: Uuid | None = Field(default=None, description="a UUID")
    serial: Serial | None = Field(default=None, description="a serial number")
    legs: Annotated[int, AfterValidator(_odd)] = Field(default=1, description="how many legs")
    word: str = Field(default="four", description="a word", min_length=3, max_length=5)


def problems(text: str, folder: Path, **environment: str) -> list[tuple[int, int, str, str]]:
    """What is wrong with a section: line, column, message, hint."""
    source = Source("x.yaml", text)
    findings = Findings(source)
    tree = compose(source, findings, environment)
    findings.settle()
    validate(Things, tree, tree.place, findings, FileContext(folder))
    return [(p.line, p.column, p.message, p.hint) for p in findings.error().problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("legs: 4", "an even number of legs falls over"),
        ("word: no", "the text should have at least 3 characters"),
        ("word: nothing", "the text should have at most 5 characters"),
        ("path: ''", "expected a path, not the text ''"),
        ("path: 7", "expected a path, not the number 7"),
        ("path: " + "a/" * 2048, "the path is too long to name a file"),
        ("endpoint: 80", "expected text, not the number 80"),
        ("secret: ''", "a secret is not empty"),
        ("secret: [a]", "a secret must not stand in a file"),
        ("uuid: {}", "expected text, not keys and values"),
        ("digest: " + "1" * 64, "expected text, not the number " + "1" * 25 + "..."),
        ("word: -" + "9" * 400, "expected text, not the number -" + "9" * 24 + "..."),
    ],
)
def test_messages(tmp_path: Path, text: str, message: str) -> None:
    line, column, said, _ = problems(text + "\n", tmp_path)[0]
    assert (line, said) == (1, message)
    assert text[column - 1 :] in text.split(": ", 1)[1]


def test_an_empty_variable_is_no_secret(tmp_path: Path) -> None:
    said = problems("secret: !env EMPTY\n", tmp_path, EMPTY="")[0]
    assert said[2] == "the value of the environment variable EMPTY does not fit here"


def test_a_directory_that_cannot_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert problems("directory: shut\n", tmp_path) == [
        (1, 12, f"{tmp_path}/shut: Permission denied", "check the directory's permissions")
    ]


def test_a_secret_is_never_shown() -> None:
    things = Things(secret=SecretText("hunter2", "PASS"))
    assert things.secret is not None
    assert things.secret.reveal() == "hunter2"
    assert things.model_dump_json(include={"secret"}) == '{"secret":"(secret from $PASS)"}'
    assert "hunter2" not in f"{things!r} {things} {things.secret}"
    assert things.secret == SecretText("hunter2", "OTHER")
    assert hash(things.secret) == hash(SecretText("hunter2", "OTHER"))
    assert things.secret != SecretText("hunter3", "PASS")
    assert repr(EnvValue("hunter2", "PASS")) == "!env PASS"


def test_a_validation_error_does_not_hold_its_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Things(secret=EnvValue("hunter2", "PASS"), legs="hunter3")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("make", [Path, str])
def test_a_path_without_a_file_is_as_it_was_given(make: Callable[[str], Path | str]) -> None:
    assert Things.model_validate({"path": make("a/b")}).path == Path("a/b")


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    things = Things.model_validate({"directory": "/", "path": "x"}, context=FileContext(tmp_path))
    assert (things.directory, things.path) == (Path("/"), tmp_path / "x")


def test_normal_forms() -> None:
    things = Things(digest="AB" * 32, uuid="6BA7B8109DAD11D180B400C04FD430C8", serial="R2-D2")
    assert (things.digest, things.uuid) == ("ab" * 32, "6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    assert Things.model_validate_json(things.model_dump_json()) == things
