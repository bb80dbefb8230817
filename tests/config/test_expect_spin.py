"""What a rig file, a test or a command line expects of Spin."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hil.config.expect.overriding import overridden
from hil.config.expect.spin import ServesExpect, SpinExpect
from hil.errors import UsageError


def test_what_is_expected_when_nothing_is_said() -> None:
    assert SpinExpect().model_dump() == {
        "extension": "any",
        "handler": "spin",
        "runtime_class": None,
        "app": None,
        "serves": None,
    }
    assert ServesExpect(path="/hello").words == "200 at :3000/hello"
    assert ServesExpect(path="/x?n=1", port=80, status=404, body="not").words == "404 at :80/x?n=1 with 'not'"


def test_each_key_can_be_changed() -> None:
    changes = {
        "extension": None,
        "handler": "spin-v2",
        "runtime_class": "wasmtime-spin-v2",
        "app": "default/hello.world",
        "serves": {"path": "/", "port": 80, "status": 301, "body": "there"},
    }
    assert overridden(SpinExpect(), changes).model_dump() == changes


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"handlers": "spin"}, "nothing called 'handlers' can be expected of Spin", "did you mean 'handler'?"),
        ({"handler": "Spin"}, "'Spin' cannot be a runtime handler", "lower case"),
        ({"app": "hello"}, "'hello' names no SpinApp", "write namespace and name: default/hello"),
        ({"app": "a/b/c"}, "'a/b/c' names no SpinApp", "default/hello"),
        ({"serves": {"path": "hello"}}, "serves.path: 'hello' is no path of a URL", "begin it with a slash: /hello"),
        ({"serves": {"path": "/a b"}}, "'/a b' has what a URL cannot have", "%20"),
        ({"serves": {"path": "/a\r\nX: y"}}, "has what a URL cannot have", "%20"),
        ({"serves": {"path": "/", "port": 0}}, "greater than or equal to 1", "hil rig check"),
        ({"serves": {"path": "/", "status": 99}}, "greater than or equal to 100", "hil rig check"),
        ({"extension": ""}, "extension: ", "hil rig check"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        overridden(SpinExpect(), changes)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_an_answer_needs_a_path() -> None:
    with pytest.raises(ValidationError, match="path"):
        ServesExpect.model_validate({"port": 80})


def test_a_runtime_class_is_judged_by_its_handler() -> None:
    (fault,) = SpinExpect(handler=None, runtime_class="wasmtime-spin-v2").faults()
    assert fault.at == ("runtime_class",)
    assert "judged by its handler" in fault.message
    assert list(SpinExpect(runtime_class="wasmtime-spin-v2").faults()) == []
    with pytest.raises(UsageError, match="of Spin cannot be: runtime_class: a RuntimeClass is judged by its handler"):
        overridden(SpinExpect(runtime_class="wasmtime-spin-v2"), {"handler": None})
