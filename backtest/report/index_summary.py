"""One saved run's folder to a small summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backtest.measures.drawdowns import drawdown
from backtest.measures.performance import DateArray, FloatArray
from backtest.report.catalogue import leaves, look_up
from backtest.report.checked import key_of
from backtest.report.describe import cost_words
from backtest.report.formats import as_float, days

if TYPE_CHECKING:
    from backtest.result import Result

FILES = ("manifest.json", "metrics.json", "config.yaml", "nav.parquet")
NOT_SET = "not set"
NOT_RUN = "not run"

_MOST_POINTS = 170  # daily up to 8 months, weekly to 3 years, monthly to 14, quarterly to 42
_SHORT = 12  # signs of a hash that are shown


class Unreadable(Exception):
    """Why a folder is no complete run."""


@dataclass(frozen=True)
class Summary:
    """What the page of all runs says of one; text as the files have it, numbers as fractions.

    ``check`` is the name of the record that a look-ahead check of the same decisions leaves, and
    ``look_ahead`` what it found: ``passed``, ``failed`` or ``not run``. ``finished`` is UTC, empty
    where the manifest does not say. ``dates`` are the last sessions of periods as long as it takes
    for at most 170 of them; ``levels`` the NAV there over the initial cash, ``falls`` the deepest
    drawdown of any session within, both None where unknown.
    """

    path: str
    name: str
    fingerprint: str
    finished: str
    first: str
    last: str
    currency: str
    base: str
    bundle: str
    simulated: bool | None
    bankrupt: bool
    check: str
    look_ahead: str
    costs: str
    warnings: int
    optimistic: int
    inputs: dict[str, str]
    numbers: dict[str, float | None]
    unit: str
    dates: list[str]
    levels: list[float | None]
    falls: list[float | None]


NUMBERS: Mapping[str, tuple[str, ...]] = {
    "total_return": ("return", "total_return"),
    "cagr": ("return", "cagr"),
    "volatility": ("risk", "volatility"),
    "sharpe": ("risk", "sharpe"),
    "sharpe_error": ("inference", "sharpe_error_hac"),
    "sortino": ("risk", "sortino"),
    "max_drawdown": ("drawdowns", "max_drawdown"),
    "calmar": ("drawdowns", "calmar"),
    "gross_exposure": ("trading", "gross_exposure"),
    "turnover": ("trading", "turnover_per_year"),
    "costs_bps": ("costs", "total", "bps_of_nav_per_year"),
    "closed_trades": ("trades", "closed_trades"),
    "win_rate": ("trades", "win_rate"),
    "beta": ("benchmark", "beta"),
}
"""Numbers of a summary: where each is in ``metrics.json``."""


def summary_of(folder: Path, path: str) -> Summary:
    """Summary of the run in ``folder``, to be known by ``path``.

    Raises
    ------
    Unreadable
        When a file is missing or cannot be read.
    """
    from ruamel.yaml.error import YAMLError

    at = FILES[0]
    try:
        manifest = _json(folder / at)
        at = FILES[1]
        metrics = _json(folder / at)
        at = FILES[2]
        config = _yaml((folder / at).read_text("utf-8"))
        at = FILES[3]
        sessions, nav = _nav(folder / at)
        cash = as_float(look_up(metrics, ("conventions", "initial_cash")))
        unit, dates, levels, falls = sampled(sessions, nav, cash=cash)
    except (OSError, ValueError, LookupError, TypeError, YAMLError, RecursionError):
        raise Unreadable(f"unreadable: {at}") from None
    bare = _bare(config, manifest)
    bundle = look_up(manifest, ("bundle",))
    simulated = look_up(manifest, ("bundle", "simulated"))
    return Summary(
        path=path,
        name=_text(manifest.get("name")) or _text(config.get("name")) or path,
        fingerprint=_text(manifest.get("fingerprint")),
        finished=_text(look_up(manifest, ("environment", "finished"))),
        first=str(sessions[0]),
        last=str(sessions[-1]),
        currency=_text(manifest.get("currency")),
        base=_text(manifest.get("base")),
        bundle=_text(bundle.get("name")) if isinstance(bundle, Mapping) else "",
        simulated=simulated if isinstance(simulated, bool) else None,
        bankrupt=bool(manifest.get("bankrupt")) or bool((nav <= 0.0).any()),
        check=key_of(bare) or "",
        look_ahead=NOT_RUN,
        costs=cost_words(bare),
        warnings=_count(manifest.get("warnings")),
        optimistic=_count(manifest.get("optimistic")),
        inputs=_inputs(config, manifest),
        numbers={key: _number(look_up(metrics, where)) for key, where in NUMBERS.items()},
        unit=unit,
        dates=days(dates),
        levels=[_rounded(value) for value in levels],
        falls=[_rounded(value) for value in falls],
    )


def sampled(
    sessions: DateArray, nav: FloatArray, *, cash: float
) -> tuple[str, DateArray, FloatArray, FloatArray]:
    """Length of the periods in words, their last sessions, NAV over cash there, deepest drawdowns.

    Parameters
    ----------
    sessions, nav
        Rows of the run, shape (T,), T >= 1.
    cash
        NAV at the start of the first session; the first peak.

    Notes
    -----
    The smallest drawdown of a period keeps what thinning would lose: the minimum over the periods
    is the run's own maximum drawdown.
    """
    at = sessions.astype("datetime64[D]").astype(np.int64)
    months = sessions.astype("datetime64[M]").astype(np.int64)
    lengths = {
        "session": at,
        "week": (at + 3) // 7,  # 1970-01-01 was a Thursday
        "month": months,
        "quarter": months // 3,
        "year": months // 12,
    }
    unit, periods = next(
        (item for item in lengths.items() if np.unique(item[1]).size <= _MOST_POINTS),
        ("year", lengths["year"]),
    )
    starts = np.flatnonzero(np.diff(periods, prepend=periods[0] - 1))
    ends = np.append(starts[1:], sessions.size) - 1
    falls = drawdown(np.concatenate(([cash], nav)))
    return unit, sessions[ends], nav[ends] / cash, np.fmin.reduceat(falls, starts)


def _json(path: Path) -> Mapping[str, object]:
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{path.name} holds no mapping")
    return content


@lru_cache(maxsize=256)  # copies of a run share their config
def _yaml(text: str) -> Mapping[str, object]:
    from ruamel.yaml import YAML

    content = YAML(typ="safe", pure=True).load(text)
    if not isinstance(content, dict):
        raise TypeError("config.yaml holds no mapping")
    return content


def _nav(path: Path) -> tuple[DateArray, FloatArray]:
    """Sessions and NAV of a run; at least one row."""
    from pyarrow.parquet import ParquetFile

    # Opened here: arrow takes no path whose name is not text.
    with path.open("rb") as source, ParquetFile(source) as file:
        table = file.read(["session", "nav"], use_threads=False)
    sessions = table["session"].to_numpy().astype("datetime64[D]")
    nav = table["nav"].to_numpy().astype(np.float64)
    if not sessions.size or np.isnat(sessions).any():
        raise ValueError("nav.parquet has no rows, or rows without a session")
    return sessions, nav


def _inputs(config: Mapping[str, object], manifest: Mapping[str, object]) -> dict[str, str]:
    """Config by dotted key, then hashes and versions, all as one-line text."""
    found = {".".join(path): _told(look_up(config, path)) for path in leaves(config)}
    for label, where in (
        ("data (hash)", ("bundle", "hash")),
        ("strategy (source hash)", ("strategy", "sha256")),
        ("engine (hash)", ("engine",)),
    ):
        value = look_up(manifest, where)
        if value is not None:
            found[label] = str(value)[:_SHORT]
    for part, label in (("rules", "rules of {} (hash)"), ("versions", "version of {}")):
        content = manifest.get(part)
        for name, value in sorted(content.items()) if isinstance(content, Mapping) else ():
            mark = value.get("sha256") if isinstance(value, Mapping) else value
            found[label.format(name)] = str(mark)[:_SHORT]
    return found


def _told(value: object) -> str:
    if value is None or value in ([], {}):
        return NOT_SET
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _bare(config: Mapping[str, object], manifest: Mapping[str, object]) -> Result:
    """Result without its tables, for what is read of config and manifest alone."""
    import pandas as pd

    from backtest.result import Result

    none = pd.DataFrame()
    return Result(
        config=dict(config),
        manifest=dict(manifest),
        nav=none,
        positions=none,
        fills=none,
        orders=none,
        trades=none,
        ledger=none,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _count(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else 0


def _number(value: object) -> float | None:
    x = as_float(value)
    return x if np.isfinite(x) else None


def _rounded(value: float) -> float | None:
    """To a tenth of a basis point of the initial cash: finer than any line is drawn."""
    return round(float(value), 5) if np.isfinite(value) else None
