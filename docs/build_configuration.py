"""Tables of docs/configuration.md, from the models that read a config; run it to renew the page."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from backtest import units
from backtest.config import RunConfig
from backtest.market.settings import MarketChoice
from backtest.research import Draw
from backtest.schema import summary_of
from backtest.sleeves.settings import SleeveSettings
from backtest.strategy import find_strategies, strategy_class

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"

UNITS = {
    get_args(units.Fraction)[1].func: "fraction",
    get_args(units.Bps)[1].func: "basis points",
    get_args(units.Sessions)[1].func: "sessions",
}
PLAIN = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    date: "date",
    datetime: "time",
    Path: "path",
    object: "anything",
    units.Money: "money",
}
LIMITS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}

Row = tuple[str, str, str, str, str]


def page(text: str) -> str:
    """``text`` of the page with its tables as they should be; the words around them are kept."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    tables = "\n\n".join(_sections())
    return f"{before}{BEGIN}\n{tables}\n\n{END}{after}"


def _sections() -> Iterator[str]:
    fields = RunConfig.model_fields
    plain = [_row(key, field) for key, field in fields.items() if _model(field) is None]
    yield _section("The run", "", [_EXTENDS, *plain])
    for key, field in fields.items():
        model = _model(field)
        if model is not None:
            yield _section(key, _sentence(field.description), _rows(model, f"{key}."))
    yield _section("a sleeve, below sleeves", _SLEEVE, _rows(SleeveSettings, ""))
    yield _section("a draw, below space", _DRAW, _rows(Draw, ""))
    yield _section("market", _MARKET, _rows(MarketChoice, "market."))
    for name in sorted(find_strategies(ROOT)):
        model = strategy_class(name, ROOT)
        yield _section(f"strategy.params of {name}", summary_of(model), _rows(model, ""))


_EXTENDS = (
    "extends",
    "text or list of text",
    "",
    "none",
    "one YAML file, or several, that this one is merged over; relative to this file",
)
_SLEEVE = (
    "`sleeves` maps names of your choice to these, such as "
    "`{dip: {strategy: {name: spillover_dip}}, cheap: {strategy: {name: low_pe_rotation}, "
    "rebalance: month}}`; overrides and sweeps name them so: `sleeves.dip.strategy.params.drop`. "
    "See [sleeves.md](sleeves.md)."
)
_DRAW = (
    "`sweep.random.space` and `sweep.optuna.space` map dotted keys to draws, such as "
    "`strategy.params.drop: {uniform: [0.03, 0.10], step: 0.01}`."
)
_MARKET = (
    "A name, a file, or one of these maps; or a map from exchanges to any of them, such as "
    "`{XHKG: hk, XNYS: {use: us, brokerage: {per_share: 0.005, min: 1}}}`. A broker's charges are "
    "rate × value + per share + fixed, within min and max."
)


def _rows(model: type[BaseModel], prefix: str) -> Iterator[Row]:
    """One row per key; a model within a model gives its own keys, dotted."""
    for key, field in model.model_fields.items():
        inner = _model(field)
        if inner is None:
            yield _row(prefix + key, field)
        else:
            yield from _rows(inner, f"{prefix}{key}.")


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a key holds, if it holds nothing but one, or none."""
    parts = [part for part in get_args(field.annotation) if part is not type(None)]
    kind = parts[0] if len(parts) == 1 and field.default is None else field.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not units.Money:
        return kind
    return None


def _row(key: str, field: FieldInfo) -> Row:
    said = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    kinds, unit = _kinds(said)
    limits = [
        f"{word} {getattr(item, name):g}"
        for item in field.metadata
        for name, word in LIMITS.items()
        if getattr(item, name, None) is not None
    ]
    kind = ", ".join([" or ".join(dict.fromkeys(kinds)), *limits])
    if key == "market":
        kind = "name, path or map"
    return key, kind, unit, _default(field), _cell(field.description or "")


def _kinds(annotation: Any) -> tuple[list[str], str]:  # Any: annotations have no common type
    """What may be written, in words, and its unit."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kinds, unit = _kinds(inside[0])
        own = [UNITS[item.func] for item in inside[1:] if getattr(item, "func", None) in UNITS]
        return kinds, own[0] if own else unit
    if origin in (Union, types.UnionType):
        parts = [_kinds(part) for part in inside if part is not type(None)]
        none = ["none"] if type(None) in inside else []
        return [kind for kinds, _ in parts for kind in kinds] + none, _first(parts)
    if origin is Literal:
        return [" or ".join(f"`{value}`" for value in inside)], ""
    if origin in (tuple, list):
        kinds, unit = _kinds(inside[0])
        return [f"list of {kinds[0] if len(kinds) == 1 else 'values'}"], unit
    if origin is dict:
        kinds, unit = _kinds(inside[1])
        name = _kinds(inside[0])[0][0] if get_origin(inside[0]) is None else "name"
        return [f"map from {name} to {' or '.join(kinds)}"], unit
    if annotation is units.Money:
        return ["money"], "currency"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return ["map"], ""
    return [PLAIN[annotation]], ""


def _first(parts: Sequence[tuple[list[str], str]]) -> str:
    return next((unit for _, unit in parts if unit), "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, units.Money):
        return f"`{value.amount:,.0f}`".replace(",", "_")
    if isinstance(value, tuple | list | dict) and not value:
        return "empty"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {item}' for key, item in value.items())}}}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if value != "" else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentence(text: str | None) -> str:
    """A description as a sentence of its own."""
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _section(title: str, words: str, rows: Iterable[Row]) -> str:
    lines = [f"| `{key}` | {' | '.join(rest)} |" for key, *rest in rows]
    head = ["| key | type | unit | default | meaning |", "| --- | --- | --- | --- | --- |"]
    table = "\n".join([*head, *lines]) if lines else "No keys."
    return "\n\n".join(part for part in (f"### {title}", words, table) if part)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
