"""The base of every section of a rig file, and the types of its values. Reads no file.

A model is strict, frozen, and refuses keys that it does not have. Each field has a
`Field(description=...)`: it is the key's documentation, and what a message shows when the key is missing.
Lists of a file arrive as tuples, so a model's lists are `tuple[T, ...]`. A quantity in a file needs a
unit; in Python code, which builds a model without a file, a Size may also be an int of bytes and a Seconds
a number of seconds: there the type says it.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hil.config import units
from hil.config.environment import VARIABLE, EnvValue, SecretText

_NAME_MAX: Final = 255  # limits.h of Linux, as _PATH_MAX
_PATH_MAX: Final = 4096
_MAC: Final = r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
_SERIAL: Final = r"[A-Za-z0-9._-]{1,64}"
_SHA256: Final = r"[0-9A-Fa-f]{64}"
_HOST_PORT: Final = r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5})"

CUSTOM_ERROR: Final = "hil"
"""The type of pydantic error whose context holds `message` and `hint`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong between the keys of a section.

    Args:
        at: the key, and indices and keys below it, from the section.
        message: what is wrong and what was expected.
        hint: what to write instead.
    """

    at: tuple[str | int, ...]
    message: str
    hint: str = ""


class Model(BaseModel):
    """One section of a rig file."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    def faults(self) -> Iterable[Fault]:
        """What is wrong between keys that are each right alone; all of it. Asked when a file is loaded."""
        return ()


@dataclass(frozen=True, slots=True)
class FileContext:
    """What the meaning of a value depends on when it comes from a file.

    Args:
        directory: where the file is; relative paths start there.
    """

    directory: Path


def invalid(message: str, hint: str = "") -> PydanticCustomError:
    """What a validator raises when a value is wrong.

    Args:
        message: what is wrong and what was expected.
        hint: what to write instead.
    """
    return PydanticCustomError(CUSTOM_ERROR, "{message}", {"message": message, "hint": hint})


def shown_as(pattern: str, *examples: str, unless: str = "") -> WithJsonSchema:
    """What the JSON Schema of a rig says of a text, in the annotation of its type; the validator beside it decides.

    Args:
        pattern: what the whole text matches, in the syntax that Python's `re` and ECMA 262 share.
        examples: texts that an editor may offer.
        unless: what an editor says of a text that does not match (patternErrorMessage of VS Code's JSON and YAML).
    """
    more = {"examples": [*examples], "patternErrorMessage": unless}
    shown = {key: value for key, value in more.items() if value}
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$", **shown})


def _quantity(parse: Callable[[str], float], what: str, unit: str) -> Callable[[object, ValidationInfo], object]:
    """A validator that reads text with `parse`, and refuses a bare number of a file."""

    def read(value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            try:
                return parse(value)
            except units.BadQuantity as error:
                raise invalid(str(error), error.hint) from error
        if info.context is not None and isinstance(value, int | float) and not isinstance(value, bool):
            raise invalid(f"the {what} {value} has no unit", f"write {value}{unit} if that is meant")
        return value

    return read


def _mac(text: str) -> str:
    if re.fullmatch(_MAC, text) is None:
        raise invalid(
            f"{text[:40]!r} is not a MAC address", "write six pairs of hexadecimal digits: 52:54:00:12:34:56"
        )
    mac = text.lower().replace("-", ":")
    if int(mac[:2], 16) & 1:
        raise invalid(f"{mac} is a group address; a machine has a unicast one", "make the first pair even, like 52")
    if mac == "00:00:00:00:00:00":
        raise invalid("a machine's MAC address is not all zeros", "leave the key out for a stable address")
    return mac


def _uuid(text: str) -> str:
    try:
        value = uuid.UUID(text)
    except ValueError as error:
        hint = "write it like 6ba7b810-9dad-11d1-80b4-00c04fd430c8, or leave the key out for a stable one"
        raise invalid(f"{text[:60]!r} is not a UUID", hint) from error
    if value.int == 0:
        raise invalid("a UUID of zeros is what machines without one send", "leave the key out for a stable one")
    return str(value)


def _serial(text: str) -> str:
    if re.fullmatch(_SERIAL, text) is None:
        hint = "use 1 to 64 letters, digits, '.', '_' and '-'"
        raise invalid(f"{text[:80]!r} cannot be a serial number: it stands in a URL and in QEMU's options", hint)
    return text


def _sha256(text: str) -> str:
    if re.fullmatch(_SHA256, text) is None:
        raise invalid(f"{text[:80]!r} is not a SHA-256 digest", "write its 64 hexadecimal digits, as sha256sum does")
    return text.lower()


def rig_path(value: object, info: ValidationInfo) -> Path:
    """A path of a rig file; a relative one starts at that file's directory. For validators of fields alone."""
    if not isinstance(value, str | Path) or value == "":
        raise PydanticCustomError("path_type", "Input should be a path")
    if len(os.fsencode(value)) >= _PATH_MAX or any(len(os.fsencode(p)) > _NAME_MAX for p in Path(value).parts):
        raise invalid("the path is too long to name a file", f"at most {_NAME_MAX} bytes between two '/'")
    return info.context.directory / value if isinstance(info.context, FileContext) else Path(value)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise invalid(f"there is no file {path}", "a relative path starts at the rig file's directory")
    return path


def _directory(path: Path) -> Path:
    try:
        found = path.is_dir()
    except OSError as error:
        raise invalid(f"{path}: {error.strerror}", "check the directory's permissions") from error
    if not found:
        raise invalid(f"there is no directory {path}", "a relative path starts at the rig file's directory")
    return path


def _secret(value: object) -> SecretText:
    if isinstance(value, SecretText):
        return value
    if value == "":
        raise invalid("a secret is not empty")
    if isinstance(value, EnvValue):
        return SecretText(str(value), value.variable)
    raise PydanticCustomError(SECRET_ERROR, "a secret must not stand in a file")


SECRET_ERROR: Final = "hil_secret"
"""The type of pydantic error of a secret that stands in a file: its line must not be shown."""

_SIZE_SHOWN: Final = shown_as(
    units.SIZE_PATTERN, "512MiB", "1GiB", unless=f"a size has its unit: {', '.join(units.SIZES)}"
)
_TIME_SHOWN: Final = shown_as(
    units.TIME_PATTERN, "90s", "2min", unless=f"a time has its unit: {', '.join(units.TIMES)}"
)

Size: TypeAlias = Annotated[
    int,
    BeforeValidator(
        _quantity(units.parse_size, "size", "MiB"),
        json_schema_input_type=Annotated[str, _SIZE_SHOWN],
    ),
    PlainSerializer(units.format_size, return_type=str, when_used="json"),
]
"""Bytes, written like "512MiB"."""

Seconds: TypeAlias = Annotated[
    float,
    BeforeValidator(
        _quantity(units.parse_seconds, "time", "s"),
        json_schema_input_type=Annotated[str, _TIME_SHOWN],
    ),
    PlainSerializer(units.format_seconds, return_type=str, when_used="json"),
]
"""Seconds, written like "90s", "2min" or "500ms"."""

Mac: TypeAlias = Annotated[str, AfterValidator(_mac), shown_as(_MAC, "52:54:00:12:34:56")]
"""A unicast MAC address (IEEE 802: the lowest bit of the first octet is 0), as Matchbox writes it:
aa:bb:cc:dd:ee:ff."""

Uuid: TypeAlias = Annotated[str, AfterValidator(_uuid)]
"""A UUID in its canonical form (RFC 9562, section 4), never all zeros."""

Serial: TypeAlias = Annotated[str, AfterValidator(_serial), shown_as(_SERIAL)]
"""A serial number that survives iPXE's URL and QEMU's comma-separated options unchanged."""

Sha256: TypeAlias = Annotated[str, AfterValidator(_sha256), shown_as(_SHA256)]
"""A SHA-256 digest: 64 lower-case hexadecimal digits."""

_PathText: TypeAlias = Annotated[str, Field(min_length=1)]

RigPath: TypeAlias = Annotated[Path, PlainValidator(rig_path, json_schema_input_type=_PathText)]
"""A path; a relative one of a file starts at that file's directory."""

RigFilePath: TypeAlias = Annotated[RigPath, AfterValidator(_existing)]
"""A RigPath of a file that exists."""

RigDirectory: TypeAlias = Annotated[RigPath, AfterValidator(_directory)]
"""A RigPath of a directory that exists."""

Secret: TypeAlias = Annotated[
    SecretText,
    PlainValidator(_secret, json_schema_input_type=Annotated[str, shown_as(VARIABLE.pattern)]),
    PlainSerializer(repr, return_type=str, when_used="json"),
]
"""A value that a file may give as `!env NAME` only, and that no record shows."""


@dataclass(frozen=True, slots=True)
class HostPort:
    """A TCP endpoint, written `host:port` (an IPv6 address in brackets).

    Args:
        host: a name or an address, without brackets.
        port: 1 to 65535.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> HostPort:
        """The endpoint that `text` writes.

        Raises:
            ValueError: it is not `host:port`.
        """
        match = re.fullmatch(_HOST_PORT, text)
        if match is None or not 1 <= int(match.group(2)) <= 65535:
            raise ValueError(f"{text[:80]!r} is not host:port with a port from 1 to 65535")
        return cls(match.group(1).strip("[]"), int(match.group(2)))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[HostPort], handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> HostPort:
            if isinstance(value, HostPort):
                return value
            if not isinstance(value, str):
                raise PydanticCustomError("string_type", "Input should be a valid string")
            try:
                return cls.parse(value)
            except ValueError as error:
                raise invalid(str(error), "write it like 10.0.2.100:8080") from error

        to_text = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        written = core_schema.str_schema(pattern=f"^(?:{_HOST_PORT})$")
        return core_schema.no_info_plain_validator_function(
            read, json_schema_input_schema=written, serialization=to_text
        )
