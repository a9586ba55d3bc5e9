"""The JSON Schema of a configuration, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from backtest import units
from backtest.account import KINDS, Account
from backtest.config import RunConfig
from backtest.strategy import Strategy, find_strategies, strategy_class

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# The text forms of a unit-aware value, by the function that reads them.
_TEXT_FORMS = {
    get_args(units.Fraction)[1].func: (units._FRACTION.pattern, ["0.25%", "25bps"]),
    get_args(units.Bps)[1].func: (units._FRACTION.pattern, ["10bps", "0.1%"]),
    get_args(units.Sessions)[1].func: (units._SESSIONS.pattern, ["20d", "2w", "3m", "1y"]),
}


def config_schema(root: Path | None = None) -> dict[str, object]:
    """The JSON Schema (2020-12) of a run's YAML, the parameters of every strategy found included.

    It is an editor's view: what it accepts may still be refused by `load_config`, which knows how
    settings depend on one another, never the other way round.
    """
    schema = _schema_of(RunConfig, "")
    definitions = schema.pop("$defs")
    properties = schema["properties"]
    for name, part in properties.items():
        # An empty section means its defaults, where it has any.
        if "$ref" in part and name not in schema["required"]:
            properties[name] = {**part, "anyOf": [{"$ref": part["$ref"]}, {"type": "null"}]}
            del properties[name]["$ref"]
    schema["properties"] = {"extends": _EXTENDS, **properties}
    required = _take_required(schema, definitions)
    choices, params = _strategies(root)
    settings = definitions["StrategySettings"]
    settings["properties"]["name"] = {
        "description": settings["properties"]["name"]["description"],
        "oneOf": choices,
    }
    settings["allOf"] = [
        {
            "if": {"properties": {"name": {"const": choice["const"]}}, "required": ["name"]},
            "then": {"properties": {"params": {"$ref": f"#/$defs/strategies.{choice['const']}"}}},
        }
        for choice in choices
    ]
    return {
        "$schema": DIALECT,
        "title": "A backtest run",
        **schema,
        **required,
        "$defs": {**definitions, **params},
    }


def schema_text(root: Path | None = None) -> str:
    """The schema as a file's text, the same on every machine."""
    return json.dumps(config_schema(root), indent=2, ensure_ascii=False) + "\n"


_EXTENDS = {
    "description": "one YAML file, or several, that this one is merged over; relative to this file",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}


class _Writer(GenerateJsonSchema):
    """pydantic's writer, with the text forms of units and without its noise."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        inner = super().function_before_schema(schema)
        function = schema["function"]["function"]
        if function in _TEXT_FORMS:
            pattern, examples = _TEXT_FORMS[function]
            return {"anyOf": [inner, {"type": "string", "pattern": pattern, "examples": examples}]}
        if inner.get("type") == "array" and inner.get("items"):
            return {"anyOf": [inner, inner["items"]]}  # one entry stands for a list of one
        return inner

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        inner = super().model_schema(schema)
        if schema["cls"] is Account:
            words = {"type": "string", "enum": list(KINDS)}
            return {"description": inner.pop("description"), "anyOf": [words, inner]}
        if schema["cls"] is not units.Money:
            return inner
        pattern, examples = units._MONEY.pattern, ["5m HKD", "HKD 5m", "250k"]
        text = {"type": "string", "pattern": pattern, "examples": examples}
        return {"description": inner.pop("description"), "anyOf": [{"type": "number"}, text, inner]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        default = schema.get("default")
        if isinstance(default, units.Money):
            return {**self.generate_inner(schema["schema"]), "default": str(default)}
        if isinstance(default, BaseModel):  # the section's own keys say their defaults
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def _schema_of(model: type[BaseModel], prefix: str) -> dict[str, Any]:  # Any: JSON
    """The schema of one model, its definitions named ``prefix`` + model, without titles."""
    schema = model.model_json_schema(
        schema_generator=_Writer, ref_template=f"#/$defs/{prefix}{{model}}"
    )
    definitions = schema.pop("$defs", {})
    schema["$defs"] = {f"{prefix}{name}": part for name, part in definitions.items()}
    cleaned: dict[str, Any] = _without_titles(schema)
    return cleaned


def _without_titles(schema: Any) -> Any:  # Any: JSON
    """``title: Max Gross`` says nothing that the key does not; a property named title stays."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


def _take_required(
    schema: dict[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:  # Any: JSON
    """What a run's file must hold, moved to where it binds such a file only.

    A file that extends another may leave anything to it, and a file without a name is a base.
    """
    sections = {"data": "DataSettings", "strategy": "StrategySettings"}
    below = {
        name: {"required": definitions[model].pop("required", [])}
        for name, model in sections.items()
    }
    must = [name for name in schema.pop("required", []) if name != "strategy"]
    return {
        "if": {"required": ["name"], "not": {"required": ["extends"]}},
        "then": {
            "required": must,
            "anyOf": [{"required": ["strategy"]}, {"required": ["sleeves"]}],
            "properties": below,
        },
    }


def _strategies(root: Path | None) -> tuple[list[dict[str, str]], dict[str, Any]]:  # Any: JSON
    """Every strategy's name with its first line, and the schema of its parameters."""
    choices: list[dict[str, str]] = []
    params: dict[str, Any] = {}  # Any: JSON
    for name in sorted(find_strategies(root)):
        model = strategy_class(name, root)
        summary = summary_of(model)
        choices.append({"const": name, "description": summary})
        own = _schema_of(model, f"strategies.{name}.")
        params.update(own.pop("$defs"))
        params[f"strategies.{name}"] = {**own, "description": summary}
    return choices, params


def summary_of(model: type[Strategy]) -> str:
    """The first line of the strategy's file."""
    import sys

    text = sys.modules[model.__module__].__doc__ or ""
    return text.strip().split("\n")[0]
