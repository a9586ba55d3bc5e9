"""Market files on disk: found by name or exchange, read strictly, every fault with its line."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import BaseConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from backtest.errors import Fault, FaultyInput, MarketError
from backtest.market.model import MarketRules
from backtest.market.options import check_options, with_odd_lots, with_options
from backtest.market.settings import Brokerage, MarketChoice

Key = str | int
Where = dict[tuple[Key, ...], tuple[int, int]]

_FOLDER = Path(__file__).parent
_FLAGS = frozenset({"holds", "half_days", "apart"})  # the keys whose value is true or false


def list_markets() -> dict[str, Path]:
    """Markets that ship with the project, by name: the file of each."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def load_market(name_or_path: str | Path, root: Path | None = None) -> MarketRules:
    """Read the rules of one market.

    Parameters
    ----------
    name_or_path
        A name of ``list_markets()``; or a file, when it ends in .yaml or .yml or has a folder.
    root
        Folder that a relative path starts from; the working directory by default.

    Raises
    ------
    MarketError
        When there is no such market, or with every fault of the file at once.
    """
    known = list_markets()
    text = str(name_or_path)
    if text in known:
        return _read(known[text])
    if text.endswith((".yaml", ".yml")) or "/" in text or "\\" in text:
        path = (root or Path()) / text
        if not path.is_file():
            raise MarketError(
                f"{path}: no such market file; the markets known by name are {', '.join(known)}"
            )
        return _read(path)
    raise MarketError(
        f"no market is called {text!r}{_near(text, known)}; known are "
        f"{', '.join(known)}. A market of your own is named by its .yaml file."
    )


def resolve_markets(
    settings: str | MarketChoice | Mapping[str, str | MarketChoice],
    exchanges: Iterable[str],
    root: Path | None = None,
) -> dict[str, tuple[MarketRules, Brokerage | None]]:
    """Rules and brokerage of each exchange, by name of the exchange.

    Parameters
    ----------
    settings
        The ``market`` of a run's settings. In a map, exchanges that are not named take their own.
    exchanges
        The exchanges that the run may trade on.
    root
        Folder that relative paths start from.

    Raises
    ------
    MarketError
        When an exchange has no market file, or a file is missing or faulty.
    """
    names = sorted(set(exchanges))
    loaded: dict[str, MarketRules] = {}
    choices: dict[str, str | MarketChoice]
    if isinstance(settings, Mapping):
        _check_exchanges(settings, names, loaded)
        choices = {name: settings.get(name, "auto") for name in names}
    else:
        choices = dict.fromkeys(names, settings)
    found: dict[str, tuple[MarketRules, MarketChoice]] = {}
    for exchange, choice in choices.items():
        picked = MarketChoice(use=choice) if isinstance(choice, str) else choice
        if picked.use == "auto":
            market = _own_market(exchange, loaded)
        else:
            if picked.use not in loaded:
                loaded[picked.use] = load_market(picked.use, root)
            market = loaded[picked.use]
        found[exchange] = (market, picked)
    if isinstance(settings, MarketChoice):  # one choice for all: each market takes its options
        check_options([market for market, _ in found.values()], settings.options)
    resolved = {}
    for exchange, (market, picked) in found.items():
        options = picked.options
        if isinstance(settings, MarketChoice):
            options = {name: day for name, day in options.items() if name in market.options}
        rules = with_odd_lots(with_options(market, options), picked.odd_lot_discount)
        resolved[exchange] = (rules, picked.brokerage)
    return resolved


def _own_market(exchange: str, loaded: dict[str, MarketRules]) -> MarketRules:
    for name, path in list_markets().items():
        if name not in loaded:
            loaded[name] = _read(path)
        if exchange in loaded[name].exchanges:
            return loaded[name]
    served = [
        f"{name} ({', '.join(loaded[name].exchanges)})"
        for name in list_markets()
        if loaded[name].exchanges
    ]
    raise MarketError(
        f"no market file serves the exchange {exchange!r}; those known are {'; '.join(served)}. "
        f"Write one and name it, or trade without costs: market: {{{exchange}: frictionless}}"
    )


def _check_exchanges(
    settings: Mapping[str, object], names: list[str], loaded: dict[str, MarketRules]
) -> None:
    """Refuse a misspelt exchange; one that is merely absent from the data is fine."""
    unknown = [name for name in settings if name not in names]
    if not unknown:
        return
    for name, path in list_markets().items():
        loaded[name] = _read(path)
    served = {exchange for market in loaded.values() for exchange in market.exchanges}
    for name in unknown:
        if name not in served:
            near = _near(name, names) or _near(name, sorted(served))
            raise MarketError(
                f"market: the data has no exchange {name!r}{near}; it has {', '.join(names)}"
            )


def _read(path: Path) -> MarketRules:
    return _rules(path, path.read_bytes())


@cache
def _rules(path: Path, content: bytes) -> MarketRules:
    """The rules in a file, parsed once: a run asks for those of a market more than once."""
    tree, where, faults = _parse(content, path)
    context = {"name": path.stem, "sha256": hashlib.sha256(content).hexdigest()}
    if isinstance(tree, dict):
        try:
            rules = MarketRules.model_validate(tree, context=context)
        except ValidationError as error:
            faults += _model_faults(error, path, where)
    elif not faults:
        faults.append(Fault("", "must be a map of rules", str(path)))
    if faults:
        faults.sort(key=lambda fault: (fault.line, fault.column))
        raise MarketError(str(FaultyInput(str(path), faults)))
    return rules


def _parse(content: bytes, path: Path) -> tuple[object, Where, list[Fault]]:
    """Plain values of the YAML text, where each stands, and the faults of the text itself."""
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None, {}, [Fault("", "is not UTF-8 text", str(path))]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return None, {}, [Fault("", f"is not YAML: {error.problem}", str(path), line, column)]
    reader = _Reader(path, yaml.constructor)
    value = None if node is None else reader.plain(node, ())
    return value, reader.where, reader.faults


class _Reader:
    """Turns YAML nodes into plain values, noting places and faults on the way."""

    def __init__(self, path: Path, constructor: BaseConstructor) -> None:
        self.where: Where = {}
        self.faults: list[Fault] = []
        self._path = path
        self._constructor = constructor

    def plain(self, node: Node, at: tuple[Key, ...]) -> object:
        self.where.setdefault(at, _place(node))
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*at, number)) for number, item in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._map(node, at)
        try:
            value = self._constructor.construct_object(node)
        except ValueError:  # 2015-02-30 looks like a date; the model says that one is expected
            return node.value
        if isinstance(value, bool) and at[-1:] and at[-1] not in _FLAGS:
            # pydantic would take true as the number 1
            self._fault(at, f"must not be true or false, got {node.value}", node)
        return value

    def _map(self, node: MappingNode, at: tuple[Key, ...]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, item in node.value:
            below = (*at, str(key.value))
            if str(key.value) in found:
                first = self.where[below][0]
                self._fault(below, f"stands twice; it is in line {first} already", key)
                continue
            self.where[below] = _place(key)
            found[str(key.value)] = self.plain(item, below)
        return found

    def _fault(self, at: tuple[Key, ...], message: str, node: Node) -> None:
        self.faults.append(Fault(_dotted(at), message, str(self._path), *_place(node)))


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _model_faults(error: ValidationError, path: Path, where: Where) -> list[Fault]:
    faults = []
    for item in error.errors(include_url=False):
        at = tuple(item["loc"])
        known = at
        while known not in where:
            known = known[:-1]
        message = _message(dict(item), at)
        faults.append(Fault(_dotted(at), message, str(path), *where[known]))
    return faults


def _message(item: Mapping[str, Any], at: tuple[Key, ...]) -> str:  # Any: pydantic's error details
    if item["type"] == "extra_forbidden":
        return f"unknown{_near(str(at[-1]), _keys_at(at[:-1]))}"
    if item["type"] == "missing":
        return "is required"
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    message = str(item["msg"]).replace("Input should be", "must be")
    return f"{message[0].lower()}{message[1:]}, got {item['input']!r}"


def _keys_at(at: tuple[Key, ...]) -> list[str]:
    """Keys that may stand in the map at ``at``."""
    model: type[BaseModel] = MarketRules
    for key in at:
        if isinstance(key, int):
            continue
        names = {field.alias or name: field for name, field in model.model_fields.items()}
        inner = _model_in(names[key].annotation)
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _dotted(at: tuple[Key, ...]) -> str:
    text = ""
    for key in at:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text
