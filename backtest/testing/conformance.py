"""What a strategy owes besides not looking ahead."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from backtest.data.bundle import Bundle
from backtest.data.settings import CHECK_NAMES
from backtest.engine.orders import build_orders
from backtest.errors import BacktestError, StrategyError
from backtest.panel import Panel
from backtest.testing.asking import BrokeDown, NotThere, Subject, ask
from backtest.testing.panels import Scene, scene_of
from backtest.testing.report import Claim

Say = Callable[[str], None]

_SEED = 20240102


def conformance(subject: Subject, say: Say) -> list[Claim]:
    """Claims about the frame of weights, about repetition, about the panel and the parameters."""
    say("asked again")
    fresh = scene_of(subject.recipe, subject.scene.bundle)
    touched = _touched(subject.scene.panel, fresh.panel)
    claims = [
        Claim("tradable", "within the limits, nothing outside the universe", _trades(subject)),
        Claim("panel", "the panel is left as it was", touched),
        Claim("repeatable", "the same panel gives the same weights", _again(subject, fresh)),
        Claim("parameters", "they survive YAML and back", _parameters(subject)),
    ]
    say("rows of all tables shuffled")
    means = "the order of rows in the data's tables changes nothing"
    return [*claims, Claim("order of input", means, _shuffled(subject))]


def shuffled(bundle: Bundle, seed: int) -> Bundle:
    """``bundle`` read anew from its own tables with their rows in another order."""
    tables = {
        name: frame.sample(frac=1.0, random_state=seed, ignore_index=True)
        for name, frame in bundle.tables.items()
    }
    return Bundle.from_frames(
        name=bundle.name,
        description=bundle.description,
        prices=bundle.prices,
        simulated=bundle.simulated,
        per_share=bundle.per_share,
        forward=bundle.forward,
        caveats=bundle.caveats,
        checks=dict.fromkeys(CHECK_NAMES, "warn"),  # what they drop is dropped already
        **tables,
    )


def _trades(subject: Subject) -> tuple[str, ...]:
    """What the engine would refuse; infinities also where no order may be sent."""
    weights, scene = subject.weights, subject.scene
    try:
        build_orders(weights, scene.panel.universe, scene.clock, subject.recipe.portfolio)
    except StrategyError as error:
        return tuple(line.strip() for line in str(error).splitlines()[1:]) or (str(error),)
    endless = np.isinf(weights.to_numpy(dtype=np.float64))
    if not endless.any():
        return ()
    row, column = (int(place[0]) for place in np.nonzero(endless))
    return (f"{weights.index[row]:%Y-%m-%d} {weights.columns[column]}: weight is infinite",)


def _again(subject: Subject, fresh: Scene) -> tuple[str, ...]:
    try:
        again = ask(subject.strategy, fresh.panel)
    except (NotThere, BrokeDown) as reason:
        return (f"it breaks down when asked again: {reason}",)
    return tuple(_difference(subject.weights, again, "when asked again"))


def _shuffled(subject: Subject) -> tuple[str, ...]:
    try:
        scene = scene_of(subject.recipe, shuffled(subject.scene.bundle, _SEED))
        again = ask(subject.strategy, scene.panel)
    except (BacktestError, NotThere, BrokeDown) as reason:
        return (f"it breaks down: {reason}",)
    return tuple(_difference(subject.weights, again, "with the rows of the tables shuffled"))


def _difference(one: pd.DataFrame, two: pd.DataFrame, when: str) -> Iterator[str]:
    """The first weight that is another, if there is one."""
    old, new = (frame.to_numpy(dtype=np.float64) for frame in (one, two))
    moved = ~((old == new) | (np.isnan(old) & np.isnan(new)))
    if moved.any():
        row, column = (int(place[0]) for place in np.nonzero(moved))
        yield (
            f"{one.index[row]:%Y-%m-%d} {one.columns[column]}: weight {old[row, column]:.6g}, but "
            f"{new[row, column]:.6g} {when}; {int(moved.sum())} weights moved"
        )


def _touched(used: Panel, fresh: Panel) -> tuple[str, ...]:
    """Frames of a panel that differ from those of one that nobody has used."""
    return tuple(
        f"panel.{name} is another than before; work on a copy"
        for name, value, original in _frames(used, fresh)
        if not value.equals(original)
    )


def _frames(used: Panel, fresh: Panel) -> Iterator[tuple[str, Any, Any]]:
    """Every frame, series and index that ``used`` keeps, and the same of ``fresh``."""
    for name, value in vars(used).items():
        if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
            yield name, value, getattr(fresh, name)
        elif name == "_cache":
            for (view, field), frame in value.items():
                yield f"{view}('{field}')", frame, getattr(fresh, view)(field)


def _parameters(subject: Subject) -> tuple[str, ...]:
    from ruamel.yaml import YAML

    strategy = subject.strategy
    yaml = YAML(typ="safe", pure=True)
    text = io.StringIO()
    yaml.dump(strategy.model_dump(mode="json"), text)
    read = yaml.load(text.getvalue())
    try:
        again = type(strategy).model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return (f"{where}: {first['msg']}, after YAML",)
    names = [
        name
        for name in type(strategy).model_fields
        if getattr(strategy, name) != getattr(again, name)
    ]
    return tuple(f"{name}: {getattr(again, name)!r} came back" for name in names)
