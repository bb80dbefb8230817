"""The JSON Schema (2020-12) of a rig file, for editors: made from the models that read one, of the kinds installed.

What JSON Schema cannot say (a file exists, two keys contradict each other) `hil rig check` alone says; what this
refuses, that refuses too. Reads no rig.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import SchemaError, SchemaSerializer, core_schema

from hil.config import kinds
from hil.config.matchbox import MatchboxConfig
from hil.config.model import Model
from hil.config.power import MeterConfig, PowerConfig
from hil.config.reader import NAME, SELECTORS, RigFile
from hil.config.rig import ImageConfig, NodeConfig, SegmentConfig
from hil.config.tailnet import TailnetConfig
from hil.config.twin import TwinConfig
from hil.errors import HilBug, InfrastructureError

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Schema: TypeAlias = dict[str, Json]
_VALIDATION: Final[JsonSchemaMode] = "validation"
_REF: Final = "#/$defs/{model}"

# An editor sees `!env NAME` as the text NAME. Capital letters alone count as one, or it would mark no word at all.
_ENV: Final = "env"
_ENV_SCHEMA: Final[Schema] = {
    "type": "string",
    "pattern": "^[A-Z_][A-Z0-9_]*$",
    "description": "!env NAME: the value of an environment variable, its name in capital letters",
}
GROUPS: Final[Mapping[str, tuple[str, type[Model]]]] = {
    kinds.SEGMENTS: ("segment", SegmentConfig),
    kinds.IMAGES: ("image", ImageConfig),
    kinds.MACHINES: ("node", NodeConfig),
    kinds.POWER: ("power", PowerConfig),
    kinds.METERS: ("meter", MeterConfig),
}
"""What the schema calls a section of each group, and what all its kinds share."""


def rig_schema(*, own: bool = False) -> Schema:
    """The schema of a rig file; the same kinds give the same one.

    A kind that cannot be loaded here (a package that it needs is missing) is known by its name, and its keys are free.

    Args:
        own: of the kinds that ship with hil alone, whatever else is installed.
    """
    return schema_of({group: kinds.names(group, own=own) for group in GROUPS})


def schema_of(names: Mapping[str, Sequence[str]]) -> Schema:
    """The schema of a rig file of some kinds.

    Args:
        names: of kinds, for each group of `hil.config.kinds`.
    """
    configs = {(group, name): config for group in GROUPS for name in names[group] if (config := _config(group, name))}
    models: list[type[BaseModel]] = [RigFile, MatchboxConfig, TailnetConfig, TwinConfig, *configs.values()]
    refs, document = models_json_schema(
        [(model, _VALIDATION) for model in models], schema_generator=_Generator, ref_template=_REF
    )
    defs = cast("dict[str, Schema]", document["$defs"])
    found = {model: str(refs[model, _VALIDATION]["$ref"]).rpartition("/")[2] for model in models}
    for (group, _), config in configs.items():
        if group == kinds.MACHINES:
            _leave_out(defs[found[config]], SELECTORS)
    top = defs.pop(found[RigFile])
    del top["description"]
    for group, (section, base) in GROUPS.items():
        branches = {name: found[configs[group, name]] for name in names[group] if (group, name) in configs}
        defs[section] = _branched(names[group], branches, base)
    _put_sections(top, found)
    shaped = {key: _with_env(value) for key, value in top.items()}
    named = {name: _with_env(defs[name]) for name in sorted(defs)}
    return {"$schema": DIALECT, "title": "a rig file of hil", **shaped, "$defs": {_ENV: _ENV_SCHEMA, **named}}


def _config(group: str, name: str) -> type[Model] | None:
    try:
        kind = kinds.load(group, name, GROUPS[group][1])
    except (InfrastructureError, HilBug):
        return None
    return None if kind is None else kind.config


def _leave_out(schema: Schema, keys: Sequence[str]) -> None:
    """Let a file leave these keys out: the reader fills them in."""
    required = cast("list[Json]", schema.pop("required"))
    schema["required"] = [key for key in required if key not in keys]


def _branched(names: Sequence[str], branches: Mapping[str, str], base: type[Model]) -> Schema:
    """A section whose `kind` says which keys it has: one branch each, so that an error is about that kind's keys."""
    allowed: Schema = {"enum": list(names), "description": base.model_fields["kind"].description}
    chosen: list[Json] = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": {"$ref": _REF.format(model=branches[name])},
        }
        for name in names
        if name in branches
    ]
    return {"type": "object", "required": ["kind"], "properties": {"kind": allowed}, "allOf": chosen}


def _put_sections(top: Schema, found: Mapping[type[BaseModel], str]) -> None:
    """Put what the reader reads section by section where the model of the whole file has only keys and values."""
    keys = cast("dict[str, Schema]", top["properties"])
    named: Schema = {"type": "object", "propertyNames": {"pattern": f"^(?:{NAME.pattern})$"}}
    sections: dict[str, Schema] = {
        "segment": _ref("segment"),
        "matchbox": _ref(found[MatchboxConfig]),
        "tailnet": {"anyOf": [_ref(found[TailnetConfig]), {"type": "null"}]},
        "twin": _ref(found[TwinConfig]),
        "images": {**named, "additionalProperties": _ref("image")},
        "power": {**named, "additionalProperties": _ref("power")},
        "meters": {**named, "additionalProperties": _ref("meter")},
        "nodes": {**named, "additionalProperties": _ref("node"), "minProperties": 1},
    }
    for key, section in sections.items():
        keys[key] = {"description": keys[key]["description"], **section}
    keys["name"]["anyOf"] = [{"type": "string", "pattern": f"^(?:{NAME.pattern})$"}, {"type": "null"}]


def _ref(name: str) -> Schema:
    return {"$ref": _REF.format(model=name)}


# Pydantic leaves its own word where a bound is of what a text means, for which JSON Schema has none.
_BOUNDS: Final = ("ge", "gt", "le", "lt")
_ABOUT: Final = ("description", "default", "examples")
_STRICT: Final = ("pattern", "maxLength", "enum", "const")


def _with_env(schema: Json) -> Json:
    """A schema that takes `!env NAME` besides, wherever it takes a single value that is not any text."""
    if isinstance(schema, list):
        return [_with_env(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: schema[key] for key in schema if key not in _BOUNDS}
    if _is_narrow(schema):
        about: Schema = {key: schema[key] for key in _ABOUT if key in schema}
        return {**about, "anyOf": [{key: schema[key] for key in schema if key not in about}, _ref(_ENV)]}
    inner = {key: schema[key] if key in ("if", "propertyNames") else _below(key, schema[key]) for key in schema}
    choices = schema.get("anyOf")
    if isinstance(choices, list) and any(isinstance(each, dict) and _is_narrow(each) for each in choices):
        inner["anyOf"] = [_with_env(each) if not _is_narrow(each) else each for each in choices] + [_ref(_ENV)]
    return inner


def _below(key: str, value: Json) -> Json:
    """What stands under a keyword: under some a mapping of names to schemas, under some a schema, or several."""
    if key in ("properties", "patternProperties") and isinstance(value, dict):
        return {name: _with_env(item) for name, item in value.items()}
    return _with_env(value) if key in ("items", "additionalProperties", "anyOf", "allOf", "oneOf") else value


def _is_narrow(schema: Json) -> bool:
    """Whether it takes one value, and not every text."""
    if not isinstance(schema, dict):
        return False
    kind = schema.get("type")
    if kind == "string" or "enum" in schema or "const" in schema:
        return any(word in schema for word in _STRICT)
    return kind in ("integer", "number", "boolean")


class _Generator(GenerateJsonSchema):
    """Pydantic's own, without what an editor shows and no person needs: titles made of names, nulls as defaults."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        """What another package's validator takes is for it to say: anything."""
        return {}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The default as a rig file would write it, 1GiB and not 1073741824; none where it says nothing."""
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if default in (None, "", (), {}) or isinstance(default, BaseModel):
            return inner
        try:
            written = SchemaSerializer(schema["schema"]).to_python(default, mode="json")
        except SchemaError:  # its type refers to one that is defined elsewhere
            return inner
        return {**inner, "default": written}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A mapping whose keys have a pattern has no others."""
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The model with the first sentence of its documentation, which is for users; the rest is for programmers."""
        made = super().model_schema(schema)
        made.pop("title", None)
        if "description" in made:
            made["description"] = " ".join(made["description"].split("\n\n")[0].split())
        return made
