"""A YAML file to a `RunConfig`, or every fault in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from backtest.config.document import (
    Document,
    KeyPath,
    Node,
    Place,
    dotted,
    places_of,
    shown,
)
from backtest.config.faults import bool_faults, model_faults, models_in
from backtest.config.layers import read_layers
from backtest.config.model import Places, RunConfig, Written
from backtest.config.rules import clashes
from backtest.data.settings import is_remote
from backtest.errors import ConfigError, Fault, StrategyError
from backtest.strategy import Strategy, StrategySettings, strategy_class

# Stand-ins for required sections that are faulty, so that the sound ones can still be compared.
_PLACEHOLDERS: dict[str, object] = {
    "name": "unnamed",
    "data": {"bundle": "sample"},
    "strategy": {"name": "unnamed"},
}


def load_config(path: str | Path, *, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration of one run.

    Parameters
    ----------
    path
        A YAML file; what it ``extends`` is merged below it.
    overrides
        ``dotted.key=VALUE``, VALUE read as YAML; they win over the files.

    Raises
    ------
    ConfigError
        With every fault of the file and of those it extends, each at its line and column.

    Notes
    -----
    Relative paths in ``data.bundle``, ``market`` and the strategy's `Path` parameters are relative
    to the file in which they stand, those of overrides to the working directory. The config holds
    them absolute; `RunConfig.resolved` gives them as written.
    """
    if not isinstance(path, str | Path):
        want = "give the path of a YAML file, as in run('configs/x.yaml')"
        raise ConfigError("config", [Fault("", f"{want}; got a {type(path).__name__}")])
    file = Path(path)
    return _config_of(read_layers(file, overrides), file.absolute().parent, shown(file))


def config_of(values: Mapping[str, object], *, folder: Path, title: str) -> RunConfig:
    """The configuration that `RunConfig.resolved` gave as ``values``.

    Relative paths start from ``folder``, as they did from that of the config's file.

    Raises
    ------
    ConfigError
        With every fault, under ``title``.
    """
    place = Place(title, folder.absolute())
    return _config_of(Document(_node(values, place)), place.folder, title)


def _node(value: object, place: Place) -> Node:
    """Plain values as the tree that a file would give."""
    if isinstance(value, Mapping):
        value = {str(key): _node(item, place) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        value = [_node(item, place) for item in value]
    return Node(value, place, place)


def _config_of(document: Document, folder: Path, title: str) -> RunConfig:
    """The configuration that a document says; its paths are kept as written from ``folder``."""
    document = Document(_without_empty(document.root, RunConfig), document.faults)
    strategies: dict[KeyPath, type[Strategy]] = {}
    faults: list[Fault] = []
    for at in _strategy_places(document.root):
        found, wrong = _strategy_of(document, at)
        faults += wrong
        if found is not None:
            faults += _params_faults(found, document, at)
            strategies[at] = found
    document, written = _with_absolute_paths(document, strategies, folder)
    config, sound, own = _validated(document)
    said = {fault.where for fault in document.faults}
    faults = [*document.faults, *(fault for fault in [*own, *faults] if fault.where not in said)]
    if config is not None:
        places = list(clashes(config, sound))
        for at, strategy in strategies.items():
            if not _faults_below(faults, dotted((*at, "params"))):
                places += strategy_clashes(config, sound, strategy, at)
        clashing = [document.fault(at, message) for at, message in places]
        faults += [fault for fault in clashing if fault.where not in said]
    if faults or config is None:
        raise ConfigError(title, _in_order(faults, title))
    config._written.update(written)
    config._places = Places(places_of(document.root))
    return config


def _faults_below(faults: Sequence[Fault], where: str) -> list[Fault]:
    """The faults at a dotted path or below it."""
    return [
        fault for fault in faults if fault.where == where or fault.where.startswith(f"{where}.")
    ]


def _without_empty(node: Node, model: type[BaseModel]) -> Node:
    """Sections written as null are left out: ``exits:`` and ``exits: null`` mean the defaults."""
    if not isinstance(node.value, dict):
        return node
    children: dict[str, Node] = {}
    for name, child in node.value.items():
        field = model.model_fields.get(name)
        models = models_in(field.annotation) if field is not None else []
        is_map = field is not None and getattr(field.annotation, "__origin__", None) is dict
        optional = field is not None and type(None) in get_args(field.annotation)
        if child.value is None and (models or is_map) and not optional:
            continue
        children[name] = _without_empty(child, models[0]) if len(models) == 1 else child
    return Node(children, node.place, node.key)


def _strategy_places(root: Node) -> list[KeyPath]:
    """Where the document names strategies: in one place, or in each of its sleeves."""
    sleeves = root.child("sleeves")
    if sleeves is None or not isinstance(sleeves.value, dict):
        return [("strategy",)]
    return [("sleeves", name, "strategy") for name in sleeves.value]


def _strategy_of(document: Document, place: KeyPath) -> tuple[type[Strategy] | None, list[Fault]]:
    """The strategy's class; a fault where the name is known to nobody or its file does not load."""
    at: KeyPath = (*place, "name")
    node = document.root.at(at)
    if node is None or not isinstance(node.value, str):
        return None, []
    try:
        StrategySettings(name=node.value)
        return strategy_class(node.value), []
    except ValidationError:
        return None, []  # said with the rest of the section
    except StrategyError as error:
        return None, [document.fault(at, str(error))]
    except Exception as error:  # the file is the user's: whatever it raises is theirs to mend
        message = f"its file cannot be loaded: {type(error).__name__}: {error}"
        return None, [document.fault(at, message)]


def _params_faults(strategy: type[Strategy], document: Document, place: KeyPath) -> list[Fault]:
    at: KeyPath = (*place, "params")
    node = document.root.at(at)
    plain = node.plain() if node is not None else {}
    if not isinstance(plain, dict):
        return []  # said with the rest of the section
    faults = bool_faults(strategy, document, at)
    try:
        strategy.model_validate(plain)
    except ValidationError as error:
        faults = _distinct([*model_faults(error, strategy, document, at), *faults])
    return faults


def _validated(document: Document) -> tuple[RunConfig | None, frozenset[str], list[Fault]]:
    """The config, the sections that are sound, and the faults of the others.

    With faults the config holds defaults in place of what is faulty, good for comparing the rest.
    """
    plain = document.root.plain()
    everything = frozenset(RunConfig.model_fields)
    if not isinstance(plain, dict):
        return None, frozenset(), []
    faults = bool_faults(RunConfig, document)
    try:
        config = RunConfig.model_validate(plain)
    except ValidationError as error:
        faults = _distinct([*model_faults(error, RunConfig, document), *faults])
        broken = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
    else:
        return config, everything, faults
    kept = {key: value for key, value in plain.items() if key in everything - broken}
    try:
        stand_ins = dict(_PLACEHOLDERS)
        if "sleeves" in kept:
            del stand_ins["strategy"]
        partial = RunConfig.model_validate({**stand_ins, **kept})
    except ValidationError:
        return None, frozenset(), faults
    return partial, everything - broken, faults


def strategy_clashes(
    config: RunConfig,
    sound: frozenset[str],
    strategy: type[Strategy] | None,
    at: KeyPath = ("strategy",),
) -> list[tuple[KeyPath, str]]:
    """What the strategy at that place says itself against the execution and the clock."""
    if strategy is None or not sound.issuperset({str(at[0]), "execution", "clock"}):
        return []
    found: list[tuple[KeyPath, str]] = []
    settings = config.strategies[tuple(map(str, at))]
    schedule: KeyPath = ("clock", "rebalance")
    clock = config.clock
    if config.sleeves is not None:
        schedule = (*at[:-1], "rebalance")
        clock = clock.model_copy(update={"rebalance": config.sleeves[str(at[1])].rebalance})
    if strategy.own_schedule and clock.rebalance != "session":
        message = f"must be session: {settings.name} chooses its own decisions"
        found.append((schedule, message))
    made = strategy.model_validate(settings.params)
    said = made.faults(config.execution, clock)
    return found + [((*at, "name"), message) for message in said]


def _with_absolute_paths(
    document: Document, strategies: Mapping[KeyPath, type[Strategy]], folder: Path
) -> tuple[Document, Written]:
    """The document with its paths made absolute, and how each is written from ``folder``."""
    root, written = document.root, {}
    for at in _paths_in(root, strategies):
        node = root.at(at)
        if node is None:
            continue
        said = str(node.value)
        target = Path(said).expanduser()
        if target.is_absolute() and said == target.as_posix():
            continue
        absolute = Path(os.path.normpath(node.place.folder / target))
        root = root.put(at, Node(str(absolute), node.place, node.key))
        here = target.is_absolute() or node.place.folder == folder
        written[tuple(map(str, at))] = (str(absolute), said if here else _from(folder, absolute))
    return Document(root, document.faults), written


def _paths_in(root: Node, strategies: Mapping[KeyPath, type[Strategy]]) -> list[KeyPath]:
    """Where the document names files of the user's."""
    found: list[KeyPath] = []
    bundle = root.at(("data", "bundle"))
    named = bundle.value if bundle is not None else None
    if isinstance(named, str) and named not in ("", "sample") and not is_remote(named):
        found.append(("data", "bundle"))
    market = root.child("market")
    if market is not None:
        found += _market_files(market, ("market",))
    for at, strategy in strategies.items():
        for name, field in strategy.model_fields.items():
            node = root.at((*at, "params", name))
            if node is not None and isinstance(node.value, str) and _is_path(field.annotation):
                found.append((*at, "params", name))
    return found


def _market_files(node: Node, path: KeyPath) -> list[KeyPath]:
    """A market is a file when it looks like one; a plain name is one of ours."""
    if isinstance(node.value, str):
        is_file = node.value.endswith((".yaml", ".yml")) or "/" in node.value or "\\" in node.value
        return [path] if is_file else []
    if not isinstance(node.value, dict):
        return []
    return [
        at
        for name, child in node.value.items()
        if name != "brokerage"
        for at in _market_files(child, (*path, name))
    ]


def _is_path(annotation: object) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, Path)
    return any(_is_path(part) for part in get_args(annotation))


def _from(folder: Path, absolute: Path) -> str:
    try:
        return Path(os.path.relpath(absolute, folder)).as_posix()
    except ValueError:  # another drive
        return absolute.as_posix()


def _distinct(faults: Sequence[Fault]) -> list[Fault]:
    """The first fault of each place."""
    return list({fault.where: fault for fault in reversed(faults)}.values())[::-1]


def _in_order(faults: Sequence[Fault], main: str) -> list[Fault]:
    """As one reads: the file itself, then the others, each from top to bottom."""
    unique = list(dict.fromkeys(faults))
    return sorted(
        unique, key=lambda fault: (fault.file != main, fault.file, fault.line, fault.column)
    )
