"""What a run did in the dated windows of stress of ``crises.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtest.measures.drawdowns import max_drawdown
from backtest.report.account import Account, Section, column

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.result import Result


class Crisis(NamedTuple):
    """A window of stress, both ends included."""

    name: str
    first: np.datetime64
    last: np.datetime64
    about: str
    source: str


@cache
def crises() -> tuple[Crisis, ...]:
    """The windows, oldest first."""
    from ruamel.yaml import YAML

    text = (Path(__file__).parent / "crises.yaml").read_text("utf-8")
    rows = YAML(typ="safe", pure=True).load(text)
    return tuple(
        Crisis(
            row["name"],
            np.datetime64(row["first"], "D"),
            np.datetime64(row["last"], "D"),
            row["about"],
            row["source"],
        )
        for row in rows
    )


def crisis_section(result: Result, account: Account) -> list[Section]:
    """One row per window that the run saw a session of, oldest first.

    ``return`` is from the close before the window to its last session in the run, ``max_drawdown``
    within that stretch; ``partial`` where the run begins or ends inside the window. The benchmark's
    are over the same sessions, None where a level is unknown.
    """
    gross = column(result.nav, "gross")
    rows: list[Section] = []
    for crisis in crises():
        begin, stop = np.searchsorted(
            account.sessions, [crisis.first, crisis.last + np.timedelta64(1, "D")]
        )
        if begin == stop:
            continue
        market = np.concatenate(([1.0], account.benchmark))[begin : stop + 1]
        rows.append(
            {
                "name": crisis.name,
                "first": crisis.first,
                "last": crisis.last,
                "about": crisis.about,
                "source": crisis.source,
                "sessions": int(stop - begin),
                "partial": bool(
                    account.sessions[0] > crisis.first or account.sessions[-1] < crisis.last
                ),
                "exposure": np.mean(gross[begin:stop]),
                **_moves(account.nav[begin : stop + 1]),
                **{f"benchmark_{name}": value for name, value in _moves(market).items()},
            }
        )
    return rows


def _moves(levels: FloatArray) -> Section:
    """Return and deepest fall from the first level on; None where one of them is unknown."""
    if np.isnan(levels).any() or not levels[0] > 0.0:
        return {"return": None, "max_drawdown": None}
    return {"return": levels[-1] / levels[0] - 1.0, "max_drawdown": max_drawdown(levels)}
