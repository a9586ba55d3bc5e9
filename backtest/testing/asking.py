"""A strategy asked for its weights, whatever comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import pandas as pd

from backtest.errors import BacktestError
from backtest.panel import Panel
from backtest.strategy import Strategy
from backtest.testing.panels import Recipe, Scene


@dataclass(frozen=True, eq=False)
class Subject:
    """A strategy with the market it was asked about first, and what it answered."""

    strategy: Strategy
    recipe: Recipe
    scene: Scene
    weights: pd.DataFrame

    @property
    def named(self) -> frozenset[str]:
        """Symbols that the parameters or the universe name, whenever they list."""
        said = {
            *_texts(self.strategy.model_dump(mode="json")),
            *_texts(self.recipe.universe.model_dump(mode="json")),
        }
        return frozenset(said.intersection(self.scene.grid.bars.symbols))


class NotThere(Exception):
    """The market at hand is too young for the question; says why."""


class BrokeDown(Exception):
    """The strategy raised, or answered with no frame of the panel's; says what and where."""


def ask(strategy: Strategy, panel: Panel) -> pd.DataFrame:
    """The weights of ``strategy``, with the rows and columns of ``panel``.

    Raises
    ------
    NotThere
        A fault of the input, such as a fact of which nothing is known yet.
    BrokeDown
        Anything else that went wrong.
    """
    try:
        weights = strategy.target_weights(panel)
    except BacktestError as error:
        raise NotThere(str(error)) from error
    except Exception as error:  # an author's code may raise anything: that is what is reported
        raise BrokeDown(f"{type(error).__name__}: {error}{_place(error.__traceback__)}") from error
    if not isinstance(weights, pd.DataFrame):
        raise BrokeDown(f"a {type(weights).__name__} came back instead of a frame")
    for name, found, expected in (
        ("rows", weights.index, panel.sessions),
        ("columns", weights.columns, panel.symbols),
    ):
        if not found.equals(expected):
            raise BrokeDown(f"{len(found)} {name} came back for the panel's {len(expected)}")
    return weights


def _texts(value: object) -> Iterator[str]:
    """Every text of nested JSON values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
        yield from _texts(list(value))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _place(traceback: TracebackType | None) -> str:
    """`` (strategies/x.py:12)`` of the deepest line in a strategy's file; empty without one."""
    place = ""
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if module.startswith("backtest_strategy_"):
            place = f" ({traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place
