"""What must hold of Spin on a node: the keys of `expect: {spin: ...}`. Asks no machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import AfterValidator, Field

from hil.config.expect.kubernetes import Handler, ObjectName
from hil.config.expect.overriding import Section
from hil.config.model import Fault, Model, invalid, shown_as

PORT: Final = 3000
"""Where an application of Spin answers when nothing else is said (spin up --help, --listen)."""


_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_APP: Final = rf"{_LABEL}/{_LABEL}(\.{_LABEL})*"


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise invalid(f"{text[:40]!r} is no path of a URL", f"begin it with a slash: /{text[:40]}")
    # What goes into a request line as it is (RFC 9112, section 3.2).
    if re.fullmatch(r"[!-~]+", text) is None:
        raise invalid(f"{text[:40]!r} has what a URL cannot have", "write other characters as %20, %C3%A9 and so on")
    return text


def _app(text: str) -> str:
    if re.fullmatch(_APP, text) is None:
        raise invalid(f"{text[:40]!r} names no SpinApp", "write namespace and name: default/hello")
    return text


Path: TypeAlias = Annotated[str, AfterValidator(_path), shown_as("/[!-~]*", "/hello")]
"""Path and query of a URL."""

AppName: TypeAlias = Annotated[str, AfterValidator(_app), shown_as(_APP, "default/hello")]
"""Namespace and name of a SpinApp, as "default/hello"."""


class ServesExpect(Model):
    """The HTTP answer that must come."""

    path: Path = Field(description="path and query that are asked for, as /hello")
    port: int = Field(default=PORT, description="TCP port of the node", ge=1, le=65535)
    status: int = Field(default=200, description="the status of the answer", ge=100, le=599)
    body: str | None = Field(default=None, description="text that the answer's body must have in it", min_length=1)

    @property
    def words(self) -> str:
        """It as a person reads it."""
        return f"{self.status} at :{self.port}{self.path}" + (f" with {self.body!r}" if self.body is not None else "")


class SpinExpect(Section):
    """What must hold of Spin on a node; what is null or not given is not asked."""

    SECTION: ClassVar[str] = "spin"
    WHOSE: ClassVar[str] = "Spin"

    extension: str | None = Field(
        default="any", description='the version of the extension spin; "any" for any version', min_length=1
    )
    handler: Handler | None = Field(default="spin", description="the runtime handler that the node's containerd has")
    runtime_class: ObjectName | None = Field(
        default=None, description="the RuntimeClass that must have that handler, as wasmtime-spin-v2"
    )
    app: AppName | None = Field(default=None, description="the SpinApp that must be ready, as default/hello")
    serves: ServesExpect | None = Field(default=None, description="the HTTP answer that must come")

    def faults(self) -> Iterable[Fault]:
        """A RuntimeClass whose handler nobody named."""
        if self.runtime_class is not None and self.handler is None:
            yield Fault(
                ("runtime_class",),
                "a RuntimeClass is judged by its handler, and `handler` is null",
                "give the handler",
            )
