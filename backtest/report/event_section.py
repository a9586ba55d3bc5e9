"""Summary of the events of a run: after how many prices rose, and after which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.measures.studies import cluster_interval, groups_of, mean_of_known, share_interval
from backtest.report.account import Section
from backtest.report.event_study import HORIZONS

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.result import Result

LEVEL = 0.90
_SEED = 20_240_805
_FIXED = ("session", "symbol", "taken", "entry", "offer_return", "regime")
_FALLBACK = 20  # own sessions, where no trade was closed


def event_section(result: Result) -> Section | None:
    """Counts, average path, cohorts and groups of a run's events; None where there are none.

    ``horizon`` is the number of own sessions, of those that are kept, nearest to the median holding
    period of the closed trades; a hit is an event whose price stood above its entry by then.
    """
    events = result.context.get("events")
    if events is None or events.empty:
        return None
    horizon = _horizon(result)
    path = result.context.get("event_path", pd.DataFrame())
    taken = events[events["taken"]]
    years = events["session"].dt.year
    by_attribute = {name: _groups(events, name, horizon) for name in attributes(events)}
    return {
        "count": len(events),
        "taken": len(taken),
        "without_price": int(events["entry"].isna().sum()),
        "horizon": horizon,
        "level": LEVEL,
        "all": _outcome(events, horizon),
        "bought": _outcome(taken, horizon) if len(taken) else None,
        "not_bought": _outcome(events[~events["taken"]], horizon) if len(taken) < len(events)
        else None,
        "horizons": [_at(events, taken, k) for k in (0, *HORIZONS)],
        "by_year": [
            {"year": str(year), **_outcome(events[years == year], horizon)}
            for year in sorted(years.unique())
        ],
        "by_regime": _by_regime(events, horizon),
        "by_attribute": {name: groups for name, groups in by_attribute.items() if groups},
        "path": path.to_dict("records"),
    }  # fmt: skip


def _by_regime(events: pd.DataFrame, horizon: int) -> list[Section]:
    """Outcomes by the mechanism of listings, where they had more than one."""
    if "regime" not in events or events["regime"].nunique() < 2:
        return []
    return [
        {"regime": str(name), **_outcome(part, horizon)}
        for name, part in events.groupby("regime", sort=True)
    ]


def attributes(events: pd.DataFrame) -> list[str]:
    """The strategy's own columns of ``events``."""
    return [
        str(name)
        for name in events.columns
        if name not in _FIXED and not str(name).startswith(("return_", "market_"))
    ]


def _horizon(result: Result) -> int:
    closed = result.trades[~result.trades["open"].to_numpy(dtype=np.bool_)]
    held = float(np.median(closed["sessions"])) if len(closed) else float(_FALLBACK)
    return min(HORIZONS, key=lambda horizon: abs(horizon - held))


def _values(events: pd.DataFrame, name: str) -> FloatArray:
    return events[name].to_numpy(dtype=np.float64)


def _outcome(events: pd.DataFrame, horizon: int) -> Section:
    """What prices did by ``horizon`` after some events, with the interval of their mean."""
    gains = _values(events, f"return_{horizon}")
    market = _values(events, f"market_{horizon}")
    known = gains[~np.isnan(gains)]
    months = events["session"].to_numpy().astype("datetime64[M]").astype(np.int64)
    ends = cluster_interval(gains[:, None], months, seed=_SEED, level=LEVEL)
    hits = int((known > 0.0).sum())
    low, high = share_interval(hits, known.size, level=LEVEL)
    beyond = gains - market
    first, offer = (mean_of_known(_values(events, n)[:, None])[0] for n in
                    ("return_0", "offer_return"))  # fmt: skip
    return {
        "events": len(events),
        "bought": int(events["taken"].sum()),
        "known": known.size,
        "mean": mean_of_known(gains[:, None])[0],
        "mean_low": ends.low[0],
        "mean_high": ends.high[0],
        "median": np.median(known) if known.size else None,
        "hit_rate": hits / known.size if known.size else None,
        "hit_low": low,
        "hit_high": high,
        "beyond_benchmark": mean_of_known(beyond[:, None])[0],
        "first_session": first,
        "offer_return": offer,
        "best": known.max() if known.size else None,
        "worst": known.min() if known.size else None,
    }


def _at(events: pd.DataFrame, taken: pd.DataFrame, horizon: int) -> Section:
    """Averages over all and over the bought events at one horizon."""
    row: Section = {"sessions": horizon}
    for group, table in (("all", events), ("taken", taken)):
        gains = _values(table, f"return_{horizon}")
        beyond = gains - _values(table, f"market_{horizon}")
        known = gains[~np.isnan(gains)]
        row |= {
            f"{group}_known": known.size,
            f"{group}_mean": np.mean(known) if known.size else None,
            f"{group}_median": np.median(known) if known.size else None,
            f"{group}_hit_rate": np.mean(known > 0.0) if known.size else None,
            f"{group}_beyond_benchmark": mean_of_known(beyond[:, None])[0],
        }
    return row


def _groups(events: pd.DataFrame, name: str, horizon: int) -> list[Section]:
    """Outcomes by the size of one attribute, smallest first; what is unknown comes last."""
    edges, group = groups_of(_values(events, name))
    rows: list[Section] = [
        {
            "from": edges[number],
            "to": edges[number + 1],
            **_outcome(events[group == number], horizon),
        }
        for number in range(max(edges.size - 1, 0))
    ]
    if rows and bool((group < 0).any()):
        rows.append({"from": None, "to": None, **_outcome(events[group < 0], horizon)})
    return rows
