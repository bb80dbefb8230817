"""A rig file as an editor sees it, held against a JSON Schema by another's validator. Asserts nothing."""

from __future__ import annotations

from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from hil.config.environment import EnvValue
from hil.config.schema import Json
from hil.config.source import Findings, Source
from hil.config.tree import YamlList, YamlMapping, YamlNode
from hil.config.yamlpos import compose
from hil.errors import ConfigError


def seen(node: YamlNode) -> Json:
    """A tree as JSON; `!env NAME` is the text NAME, as editors read a tag that they are told of."""
    if isinstance(node, YamlMapping):
        return {key: seen(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, YamlList):
        return [seen(item) for item in node.items]
    return node.value.variable if isinstance(node.value, EnvValue) else node.value


def refusals(schema: Mapping[str, object], text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """What a schema says is wrong in a rig file; [] also where the file is no YAML that hil reads."""
    source = Source("rig.yaml", text)
    findings = Findings(source)
    try:
        tree = compose(source, findings, environment or {})
    except ConfigError:
        return []
    if findings:
        return []
    found = [best_match([error]) for error in Draft202012Validator(schema).iter_errors(seen(tree))]
    return [f"{error.json_path}: {error.message}" for error in found if error is not None]
