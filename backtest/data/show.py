"""A bundle in the terminal: what is in it, and what its checks found."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Group, RenderableType
from rich.text import Text

from backtest.calendars import Sessions
from backtest.data.bundle import Bundle
from backtest.data.checks import sessions_of
from backtest.data.findings import Finding
from backtest.data.rows import session_rows, symbol_columns
from backtest.data.schema import TABLES
from backtest.listing import Listing

FloatArray = npt.NDArray[np.float64]

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 60
_PICTURE = 34  # what 80 columns leave for a picture
_PLACES = 8
_CUT = 0.25
_NUMBERS = frozenset(
    {"rows", "symbols", "instruments", "bars", "coverage", "lag", "begins", "ends"}
)
_DATES = {
    "instruments": "listed",
    "bars": "session",
    "actions": "ex_session",
    "facts": "known_at",
    "fx": "date",
    "rates": "date",
}


def show_text(bundle: Bundle) -> RenderableType:
    """Contents of a bundle: tables, coverage by exchange and kind, facts, rates, a picture."""
    spans = sessions_of(bundle.instruments, bundle.first, bundle.last)
    parts: list[RenderableType] = [
        _heading(bundle),
        *_caveats(bundle),
        _tables(bundle),
        _coverage(bundle, spans),
        *_dividends_and_splits(bundle),
        *_facts(bundle),
        *_rates(bundle),
        _picture(bundle, spans),
        show_findings(bundle.findings),
    ]
    return Group(*parts)


def check_text(bundle: Bundle) -> RenderableType:
    """Terminal page of what a bundle's checks found, and where."""
    parts = [_heading(bundle), *_caveats(bundle)]
    return Group(*parts, show_findings(bundle.findings), *_places(bundle.findings))


def show_findings(findings: Iterable[Finding]) -> RenderableType:
    """One line for each finding; one sentence when there is none."""
    found = list(findings)
    if not found:
        return Text("checks: nothing found", style="green")
    table = _grid("checks", "check", "table", "rows", "symbols", "first", "last", "done", "meaning")
    for finding in found:
        done = "dropped" if finding.action == "drop" else "kept"
        table.add_row(
            finding.check,
            finding.table,
            f"{finding.count:,}",
            f"{len(finding.symbols):,}",
            finding.first,
            finding.last,
            done + (" (hindsight)" if finding.hindsight and finding.action == "drop" else ""),
            finding.meaning,
        )
    return table


def sparkline(values: FloatArray, *, width: int = _WIDTH, low: float | None = None) -> str:
    """Blocks for ``values``, averaged into ``width`` columns; a blank for NaN.

    The lowest block stands for ``low``, by default the smallest value.

    Examples
    --------
    >>> sparkline(np.array([0.0, 1.0, 2.0, 4.0]), width=4)
    '▁▂▄█'
    """
    if len(values) == 0:
        return ""
    edges = np.linspace(0, len(values), min(width, len(values)) + 1).astype(int)
    parts = [values[start:end] for start, end in pairwise(edges)]
    means = np.array([np.nan if np.isnan(part).all() else np.nanmean(part) for part in parts])
    if np.isnan(means).all():
        return " " * len(means)
    bottom = float(np.nanmin(means)) if low is None else low
    top = float(np.nanmax(means))
    steps = len(_BLOCKS) - 2
    scaled = (
        np.full(len(means), float(steps))
        if top <= bottom
        else (means - bottom) / (top - bottom) * steps
    )
    return "".join(
        " " if np.isnan(mean) else _BLOCKS[1 + int(level)]
        for mean, level in zip(means, np.nan_to_num(scaled), strict=True)
    )


def _heading(bundle: Bundle) -> Text:
    text = Text()
    text.append(bundle.name, style="bold")
    text.append(f"  {bundle.prices} prices, {bundle.first} to {bundle.last}")
    if bundle.as_of is not None:
        text.append(f", as known at {bundle.as_of:%Y-%m-%d %H:%M} UTC")
    if bundle.simulated:
        text.append("\nSimulated market", style="bold yellow")
    if bundle.description:
        text.append(f"\n{bundle.description}")
    where = f"\n{bundle.path}" if bundle.path is not None else "\nin memory"
    text.append(f"{where}  sha256 {bundle.hash[:16]}", style="dim")
    return text


def _caveats(bundle: Bundle) -> list[Text]:
    """What the source could not know, a line each."""
    return [Text(f"caveat: {caveat}", style="yellow") for caveat in bundle.caveats]


def _grid(title: str, *columns: str) -> Listing:
    return Listing(columns, title, right=_NUMBERS, words="meaning")


def _span(dates: pd.Series[Any]) -> tuple[str, str]:
    known = dates.dropna()
    if known.empty:
        return "", ""
    return f"{known.min():%Y-%m-%d}", f"{known.max():%Y-%m-%d}"


def _tables(bundle: Bundle) -> Listing:
    table = _grid("tables", "table", "rows", "by", "first", "last")
    for name in TABLES:
        frame = bundle.tables[name]
        if len(frame):
            table.add_row(name, f"{len(frame):,}", _DATES[name], *_span(frame[_DATES[name]]))
    return table


def _coverage(bundle: Bundle, spans: dict[str, Sessions]) -> Listing:
    """Bars by exchange and kind; coverage: of the sessions between an instrument's ends."""
    bars, instruments = bundle.bars, bundle.instruments
    rows = pd.DataFrame(
        {
            "column": symbol_columns(bars["symbol"], instruments),
            "ordinal": session_rows(bars["symbol"], bars["session"], instruments, spans),
            "session": bars["session"],
            "open": bars["open"].notna(),
            "volume": bars["volume"].notna(),
        }
    )
    rows = rows[rows["ordinal"] >= 0]
    by_column = rows.groupby("column").agg(
        first=("session", "min"),
        last=("session", "max"),
        bars=("ordinal", "size"),
        start=("ordinal", "min"),
        end=("ordinal", "max"),
        open=("open", "mean"),
        volume=("volume", "mean"),
    )
    joined = instruments[["exchange", "kind", "currency"]].join(by_column)
    table = _grid(
        "bars", "exchange", "kind", "currency", "instruments", "bars", "first", "last", "coverage",
        "opens", "volumes",
    )  # fmt: skip
    for (exchange, kind, currency), group in joined.groupby(["exchange", "kind", "currency"]):
        count = float(group["bars"].sum())
        sessions = float((group["end"] - group["start"] + 1).sum())
        table.add_row(
            str(exchange),
            str(kind),
            str(currency),
            f"{len(group):,}",
            f"{count:,.0f}",
            _span(group["first"])[0],
            _span(group["last"])[1],
            f"{100 * count / sessions:.1f} %" if sessions else "-",
            _part(float((group["open"] * group["bars"]).sum()), count),
            _part(float((group["volume"] * group["bars"]).sum()), count),
        )
    return table


def _part(some: float, count: float) -> str:
    if some == 0:
        return "none"
    return "all" if some > count - 0.5 else f"{100 * some / count:.1f} %"


def _dividends_and_splits(bundle: Bundle) -> list[RenderableType]:
    if bundle.actions.empty:
        return []
    table = _grid("actions", "kind", "rows", "symbols", "first", "last")
    for kind, group in bundle.actions.groupby("kind"):
        count = str(group["symbol"].nunique())
        table.add_row(str(kind), f"{len(group):,}", count, *_span(group["ex_session"]))
    return [table]


def _facts(bundle: Bundle) -> list[RenderableType]:
    """Facts by field; lag: median days from the period to its first publication."""
    if bundle.facts.empty:
        return []
    table = _grid("facts", "field", "rows", "symbols", "first", "last", "lag", "restated", "flags")
    for name, group in bundle.facts.groupby("field"):
        symbols = group["symbol"][group["symbol"] != ""].nunique()
        first = group.drop_duplicates(["symbol", "period"])
        lag = (first["known_at"].dt.tz_localize(None) - first["period"]).median()
        flags = [flag for flag in ("per_share", "forward") if name in getattr(bundle, flag)]
        table.add_row(
            str(name),
            f"{len(group):,}",
            "market-wide" if symbols == 0 else f"{symbols:,}",
            *_span(group["known_at"]),
            f"{lag / pd.Timedelta(days=1):.1f} days",
            f"{len(group) - len(first):,}",
            ", ".join(flags),
        )
    return [table]


def _rates(bundle: Bundle) -> list[RenderableType]:
    shown: list[RenderableType] = []
    if len(bundle.fx):
        table = _grid("exchange rates", "pair", "rows", "first", "last", "picture")
        for (base, quote), group in bundle.fx.groupby(["base", "quote"]):
            line = sparkline(group["rate"].to_numpy(), width=_PICTURE)
            table.add_row(f"{base}/{quote}", f"{len(group):,}", *_span(group["date"]), line)
        shown.append(table)
    if len(bundle.rates):
        table = _grid("interest rates", "currency", "rows", "first", "last", "picture")
        for currency, group in bundle.rates.groupby("currency"):
            line = sparkline(group["rate"].to_numpy(), width=_PICTURE)
            table.add_row(str(currency), f"{len(group):,}", *_span(group["date"]), line)
        shown.append(table)
    return shown


def _picture(bundle: Bundle, spans: dict[str, Sessions]) -> Listing:
    """By exchange: how many instruments have a bar, and their equal-weighted path.

    Moves are cut at 25 % either way, so that one bad print does not bend the picture.
    """
    table = _grid("picture", "exchange", "what", "picture", "begins", "ends")
    bars, instruments = bundle.bars, bundle.instruments
    exchanges = instruments["exchange"].to_numpy(dtype=object)
    column = symbol_columns(bars["symbol"], instruments)
    moves = np.full(len(bars), np.nan)
    close = bars["close"].to_numpy()
    moves[1:] = np.clip(close[1:] / close[:-1] - 1.0, -_CUT, _CUT)
    moves[1:][column[1:] != column[:-1]] = np.nan
    row = session_rows(bars["symbol"], bars["session"], instruments, spans)
    for exchange, span in spans.items():
        mine = (exchanges == exchange)[column] & (row >= 0)
        if not mine.any():
            continue
        held = np.bincount(row[mine], minlength=len(span)).astype(np.float64)
        mean = pd.Series(moves[mine]).groupby(row[mine]).mean().fillna(0.0)
        path = np.full(len(span), np.nan)
        path[mean.index.to_numpy()] = np.log1p(mean.to_numpy()).cumsum()
        ends = held[held > 0]
        bars_line = sparkline(held, width=_PICTURE, low=0.0)
        table.add_row(exchange, "with a bar", bars_line, f"{ends[0]:.0f}", f"{ends[-1]:.0f}")
        last = f"{100 * np.expm1(path[~np.isnan(path)][-1]):+.0f} %"
        table.add_row("", "equal weight, log", sparkline(path, width=_PICTURE), "0 %", last)
    return table


def _places(findings: Iterable[Finding]) -> list[RenderableType]:
    """Where each finding is: the places with the most rows."""
    shown: list[RenderableType] = []
    for finding in findings:
        places = sorted(finding.places, key=lambda place: -place.count)
        text = Text(f"\n{finding.check} ({finding.table})", style="bold")
        for place in places[:_PLACES]:
            when = place.first if place.first == place.last else f"{place.first} to {place.last}"
            text.append(
                f"\n  {place.symbol or 'market-wide'}  {when}  {place.count:,}", style="not bold"
            )
        if len(places) > _PLACES:
            text.append(f"\n  and {len(places) - _PLACES} more", style="not bold dim")
        shown.append(text)
    return shown
