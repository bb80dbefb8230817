"""What a model refused, said in the words of the file: place, what was expected, what to write instead.

Translates pydantic's errors for one section; it decides nothing about what is right.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from hil.config.environment import EnvValue
from hil.config.model import CUSTOM_ERROR, SECRET_ERROR, Fault, FileContext, Model
from hil.config.source import Findings, Place
from hil.config.suggest import did_you_mean
from hil.config.tree import YamlList, YamlMapping, YamlNode, YamlScalar, kind_of, plain_value, quoted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=Model)
Data: TypeAlias = "str | int | float | bool | tuple[Data, ...] | dict[str, Data] | None"
Location: TypeAlias = tuple[str | int, ...]

_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "path_type": "a path",
}
_NUMBER_ERRORS: Final = frozenset({"int_type", "float_type", "bool_type"})


def data_of(node: YamlNode) -> Data:
    """A node's plain data, as a model takes it: lists as tuples."""
    if isinstance(node, YamlMapping):
        return {key: data_of(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, YamlList):
        return tuple(data_of(item) for item in node.items)
    return node.value


def validate(
    model: type[M],
    node: YamlMapping,
    key_place: Place,
    findings: Findings,
    context: FileContext,
    defaults: Mapping[str, str] | None = None,
) -> M | None:
    """The section as a model, or None when it is not one; what is wrong goes to `findings`.

    A value from the environment is text; where the model wants a number or a truth value, it is read as
    the file's own text would be.

    Args:
        model: what the section must be.
        node: the section.
        key_place: where a key that is missing from it is reported.
        findings: where problems go.
        context: passed to the model's validators.
        defaults: values of keys that the section does not have.
    """
    data: Data = {**(defaults or {}), **{key: data_of(entry.node) for key, entry in node.entries.items()}}
    try:
        model.model_validate(data, context=context)
    except ValidationError as first:
        wanted = [error["loc"] for error in first.errors(include_url=False) if error["type"] in _NUMBER_ERRORS]
        for location in wanted:
            data = _read_as_plain(data, location)
    try:
        section = model.model_validate(data, context=context)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _report(detail, model, node, key_place, findings)
        return None
    for fault in _faults(section):
        _note(findings, descend(node, fault.at, key_place), fault.message, fault.hint)
    return section


def _faults(section: Model) -> Iterator[Fault]:
    """Those of the section, and of the sections in it."""
    yield from section.faults()
    for name in type(section).model_fields:
        inner = getattr(section, name)
        if isinstance(inner, Model):
            yield from (replace(fault, at=(name, *fault.at)) for fault in _faults(inner))


def _read_as_plain(data: Data, location: Location) -> Data:
    """The data with the environment's text at `location` replaced by what it would mean in the file."""
    if not location:
        return plain_value(data) if isinstance(data, EnvValue) else data
    step, rest = location[0], location[1:]
    if isinstance(data, dict) and step in data:
        return {**data, str(step): _read_as_plain(data[str(step)], rest)}
    if isinstance(data, tuple) and isinstance(step, int) and step < len(data):
        return (*data[:step], _read_as_plain(data[step], rest), *data[step + 1 :])
    return _read_as_plain(data, rest)


def _report(detail: ErrorDetails, model: type[Model], node: YamlMapping, key_place: Place, findings: Findings) -> None:
    """Note one of pydantic's errors."""
    location, kind = detail["loc"], detail["type"]
    if kind == "missing":
        key = str(location[-1])
        about = _fields(model, location[:-1]).get(key, "")
        place = descend(node, location[:-1], key_place).place
        findings.add(place, f"the key {key!r} is missing", f"add `{key}:`" + (f" ({about})" if about else ""))
        return
    if kind == "extra_forbidden":
        place = descend(node, location, key_place, keys=True).place
        known = _fields(model, location[:-1])
        hint = did_you_mean(str(location[-1]), known, what="keys here")
        findings.add(place, f"unknown key {quoted(str(location[-1]))}", hint)
        return
    found = descend(node, location, key_place)
    if kind == SECRET_ERROR:
        findings.hide_line(found.place)
    message, hint = _words(detail, found.node)
    if kind == "string_pattern_mismatch":
        # A regular expression says what fits, and not what the key is for.
        described = _fields(model, location[:-1]).get(str(location[-1]))
        hint = f"it is: {described}" if described else ""
    _note(findings, found, message, hint, _EXPECTED.get(kind))


def _note(findings: Findings, found: Found, message: str, hint: str, expected: str | None = None) -> None:
    """Note a problem of a value; of one from the environment only what must not be secret."""
    if isinstance(found.node, YamlScalar) and isinstance(found.node.value, EnvValue):
        message = f"the value of the environment variable {found.node.value.variable} does not fit here"
        hint = f"it must be {expected}" if expected else "see what this key takes"
    findings.add(found.place, message, hint)


def _words(detail: ErrorDetails, found: YamlNode) -> tuple[str, str]:
    """The message and the hint of an error about a value."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == CUSTOM_ERROR:
        return str(context["message"]), str(context["hint"])
    if kind == SECRET_ERROR:
        return detail["msg"], "write !env NAME, and export NAME=..."
    value = data_of(found)
    if kind in _EXPECTED:
        hint = ""
        if kind == "string_type" and isinstance(value, int | float):
            hint = "put it in quotes"
        elif kind in _NUMBER_ERRORS and isinstance(value, str) and not isinstance(plain_value(value), str):
            hint = "write it without quotes"
        elif value is None:
            hint = f"write {_EXPECTED[kind]} after it, or delete the key"
        return f"expected {_EXPECTED[kind]}, not {kind_of(value)}", hint
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        hint = did_you_mean(value, choices, what="known") if isinstance(value, str) and choices else ""
        return f"expected {context['expected']}, not {kind_of(value)}", hint
    if kind == "value_error":
        return str(context["error"]), ""
    said = detail["msg"]
    if said.startswith("Input should be "):
        said = re.sub(r"^Input should be (a )?", lambda match: f"expected {match.group(1) or 'a value '}", said)
        return f"{said}, not {kind_of(value)}", ""
    said = re.sub(r"^(Tuple|List) ", "the list ", re.sub(r"^String ", "the text ", said))
    return said.replace(" after validation", ""), ""


class Found(NamedTuple):
    """How far a path goes in a file.

    Args:
        path: the keys and indices that are there.
        node: what stands there.
        place: where.
    """

    path: Location
    node: YamlNode
    place: Place


def descend(node: YamlNode, location: Location, key_place: Place, *, keys: bool = False) -> Found:
    """Follow a path of keys and indices as far as the file has it.

    Args:
        node: where to start.
        location: keys and indices; those that the file does not have (pydantic names union branches so)
            are skipped.
        key_place: the place of `node` itself.
        keys: give the place of the last key, instead of that of what stands under it.
    """
    found: list[str | int] = []
    place = key_place
    for step in location:
        if isinstance(node, YamlMapping) and step in node.entries:
            entry = node.entries[str(step)]
            node = entry.node
            empty = isinstance(node, YamlScalar) and node.value is None
            beside = node.place.line == entry.key_place.line and not empty
            place = node.place if beside and not keys else entry.key_place
        elif isinstance(node, YamlList) and isinstance(step, int) and 0 <= step < len(node.items):
            node = node.items[step]
            place = node.place
        else:
            continue
        found.append(step)
    return Found(tuple(found), node, place)


def _fields(model: type[BaseModel], location: Location) -> dict[str, str]:
    """The keys of the model at `location` inside `model`, with their descriptions."""
    annotation: object = model
    for step in location:
        owner = _model_in(annotation)
        if owner is not None and step in owner.model_fields:
            annotation = owner.model_fields[str(step)].annotation
    owner = _model_in(annotation)
    return {} if owner is None else {key: field.description or "" for key, field in owner.model_fields.items()}


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation is, or holds (in a list, a mapping, a union)."""
    if inspect.isclass(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for item in get_args(annotation) if (found := _model_in(item)) is not None), None)
