"""The spillover dip as a script around vectorbt and quantstats: what it would take without us.

``dip_in_vectorbt.py BUNDLE REPORT.html``; nothing of ours is imported. The signal is that of
`strategies/spillover_dip.py` with the settings of ``configs/spillover_dip.yaml``, on prices that
are adjusted for splits and dividends: 176 of its 181 buys are the same, the others follow halts.
Fills are at the next open, slippage and fees are one proportional rate, the page has the same
benchmark. Lots, ticks, volume caps, withholding, interest and dated fees are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

SOURCE, WINDOW, DROP, SHARE, ESTIMATION = "X01.US", 5, 0.06, 0.5, 250
FLOW, FLOW_Z, HISTORY, HOLD, NAMES = "southbound_net_buy", 0.5, 250, 10, 10
MIN_HISTORY, MIN_TURNOVER = 120, 5e6
START, END, CASH, COST = "2018-01-02", "2026-06-30", 5e6, 0.0028
BENCHMARK, DECIDED = "X001.HK", pd.Timedelta(hours=1)  # 09:00 in Hong Kong, in UTC


def wide(rows: pd.DataFrame, symbols: list[str], field: str) -> pd.DataFrame:
    """Sessions x symbols."""
    own = rows[rows["symbol"].isin(symbols)]
    return own.pivot_table(index="session", columns="symbol", values=field, observed=True)


def adjusted(close: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Closes with splits undone and dividends reinvested, forward from the first."""

    def of(kind: str, none: float) -> pd.DataFrame:
        rows = actions[actions["kind"] == kind].rename(columns={"ex_session": "session"})
        found = wide(rows, list(close.columns), "value")
        found.index = pd.to_datetime(found.index)
        return found.reindex(index=close.index, columns=close.columns).fillna(none)

    last = close.ffill()
    growth = (last + of("dividend", 0.0)) / (last.shift(1) / of("split", 1.0))
    return growth.fillna(1.0).cumprod() * last.bfill().iloc[0]


def by_row(facts: pd.DataFrame, field: str, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Facts in the row whose decision is the first to know them."""
    own = facts[facts["field"] == field].copy()
    known = pd.DatetimeIndex(own["known_at"]).tz_localize(None)
    row = np.searchsorted((index + DECIDED).to_numpy(), known.to_numpy())
    own, row = own[row < len(index)], row[row < len(index)]
    own["row"] = index[row]
    table = own.pivot_table(
        index="row", columns="symbol", values="value", aggfunc="sum", observed=True
    )
    return table.reindex(index)


def flow_score(facts: pd.DataFrame, index: pd.DatetimeIndex, columns: pd.Index) -> pd.DataFrame:
    """Z-score of the mean flow of the window: the stock's own, or else the market's."""
    mean = by_row(facts, FLOW, index).rolling(WINDOW, min_periods=1).mean()
    rolling = mean.rolling(HISTORY, min_periods=HISTORY // 2)
    score = (mean - rolling.mean()) / rolling.std()
    market = pd.DataFrame(dict.fromkeys(columns, score[""]))
    return score.reindex(columns=columns).fillna(market)


def is_held(close: pd.DataFrame, volume: pd.DataFrame) -> pd.DataFrame:
    """What may be held: enough history, enough turnover, as known before each open."""
    turnover = (close * volume).rolling(20, min_periods=10).median()
    enough = (close.notna().cumsum() >= MIN_HISTORY) & (turnover >= MIN_TURNOVER)
    return enough.shift(1, fill_value=False)


def target_weights(
    level: pd.DataFrame,
    volume: pd.DataFrame,
    source: pd.Series,
    facts: pd.DataFrame,
    held: pd.DataFrame,
) -> np.ndarray:
    """Weights by session; a row is decided before its open, on the closes of the row before."""
    known = level.shift(1)
    returns = known.pct_change(fill_method=None)
    traded = known.notna() & ~((returns == 0.0) & (volume.shift(1).diff() == 0.0))
    single = returns.where(traded & traded.shift(1, fill_value=False))
    nights = source.reindex(level.index.union(source.index)).ffill().shift(1).reindex(level.index)
    met = nights.pct_change(fill_method=None).shift(1)
    rolling = single.rolling(ESTIMATION, min_periods=ESTIMATION // 2)
    both = single.mul(0.0).add(met, axis=0)  # the source's moves where the stock has one
    variance = both.rolling(ESTIMATION, min_periods=ESTIMATION // 2).var()
    beta = rolling.cov(met) / variance
    move = known / known.shift(WINDOW) - 1.0
    fell = (nights / nights.shift(WINDOW) - 1.0).shift(1)
    explained = beta.shift(WINDOW).mul(fell.where(fell < 0.0), axis=0)
    share = (explained / move).where(move < 0.0)
    news = by_row(facts, "eps_ttm", level.index).reindex(columns=level.columns).notna()
    is_dip = (move <= -DROP) & (share >= SHARE)
    is_dip &= flow_score(facts, level.index, level.columns) > FLOW_Z
    is_dip &= (news.rolling(WINDOW + 1).sum() == 0.0) & held
    is_dip &= traded.rolling(WINDOW + 1).sum() == WINDOW + 1
    return _held(is_dip.to_numpy(), move.to_numpy(), known.to_numpy(), held.to_numpy())


def _held(
    is_dip: np.ndarray, move: np.ndarray, known: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    out = np.full(known.shape, np.nan)
    held: dict[int, int] = {}
    for t in range(len(known)):
        for j, entry in list(held.items()):
            recovered = known[t, j] >= known[entry - WINDOW, j]
            if recovered or t - entry >= HOLD or not inside[t, j]:
                out[t, j] = 0.0
                del held[j]
        dips = [j for j in np.flatnonzero(is_dip[t]) if j not in held and np.isnan(out[t, j])]
        for j in sorted(dips, key=lambda j: move[t, j])[: NAMES - len(held)]:
            out[t, j] = 1.0 / NAMES
            held[j] = t
    return out


def prices_and_weights(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Adjusted closes, adjusted opens and target weights, sessions x symbols."""
    bars, facts, instruments, actions = (
        pd.read_parquet(folder / f"{name}.parquet")
        for name in ("bars", "facts", "instruments", "actions")
    )
    bars["session"] = pd.to_datetime(bars["session"])
    stocks = instruments[(instruments["exchange"] == "XHKG") & (instruments["kind"] == "stock")]
    symbols = list(stocks["symbol"])
    close, opened, volume = (wide(bars, symbols, field) for field in ("close", "open", "volume"))
    source = wide(bars, [SOURCE], "close")[SOURCE]
    level = adjusted(close, actions)
    weights = target_weights(level, volume, source, facts, is_held(close, volume))
    return level, opened * level / close, pd.DataFrame(weights, close.index, close.columns)


def main() -> None:
    mpl.use("Agg")
    import quantstats
    import vectorbt as vbt

    folder, report = (Path(word) for word in sys.argv[1:])
    close, opened, weights = prices_and_weights(folder)
    run = slice(START, END)
    portfolio = vbt.Portfolio.from_orders(
        close.loc[run],
        size=weights.loc[run],
        price=opened.loc[run],
        size_type="targetpercent",
        direction="longonly",
        fees=COST,
        init_cash=CASH,
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="1D",
    )
    index = pd.read_parquet(folder / "bars.parquet", filters=[("symbol", "==", BENCHMARK)])
    market = index.set_index(pd.to_datetime(index["session"]))["close"].pct_change()
    returns = portfolio.returns()
    quantstats.reports.html(returns, market.loc[run], output=str(report), title="spillover dip")
    print(f"{len(portfolio.orders.records)} orders, total return {portfolio.total_return():.4f}")


if __name__ == "__main__":
    main()
