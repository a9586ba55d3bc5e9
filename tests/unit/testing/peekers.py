"""Strategies that peek, each in a way that has been seen in published backtests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtest import Panel, Strategy

TOP = 3


def best(panel: Panel, score: pd.DataFrame) -> pd.DataFrame:
    """The three highest scores of the universe at a quarter each; the rest is out."""
    inside = score.where(panel.universe & panel.close.notna())
    held = inside.rank(axis=1, ascending=False, method="first") <= TOP
    return held * 0.25


class Honest(Strategy):
    """Return over 20 sessions: what the others look like without their peek."""

    def target_weights(self, panel):
        return best(panel, panel.adjusted_close / panel.adjusted_close.shift(20) - 1.0)


class NextSession(Strategy):
    """``shift(-1)``: tomorrow's close as a signal."""

    def target_weights(self, panel):
        close = panel.adjusted_close
        return best(panel, close.shift(-1) / close - 1.0)


class FullSampleZscore(Strategy):
    """Scores in standard deviations of the whole sample."""

    def target_weights(self, panel):
        close = panel.adjusted_close
        return best(panel, -(close - close.mean()) / close.std())


class BackwardFill(Strategy):
    """Missing prices filled from the next known one, then sold where the next one is known."""

    def target_weights(self, panel):
        bars = panel.new_bars > 0
        repeats = (panel.returns == 0.0) & (panel.volume.diff() == 0.0)
        traded = panel.close.where(bars & ~repeats)
        return best(panel, traded.bfill() / panel.close)


class LastRow(Strategy):
    """Today's winners, held from the beginning."""

    def target_weights(self, panel):
        last = panel.adjusted_close.iloc[-1] / panel.adjusted_close.bfill().iloc[0]
        return best(panel, panel.close * 0.0 + last)


class RankOverTime(Strategy):
    """A percentile of each name's own history, the future included."""

    def target_weights(self, panel):
        return best(panel, -panel.adjusted_close.rank(pct=True))


class FixedDate(Strategy):
    """Prices of a day that is still to come, by its date."""

    def target_weights(self, panel):
        return best(panel, panel.close * 0.0 + panel.adjusted_close.loc["2023-05-31"])


class FactsByPeriod(Strategy):
    """Earnings from the end of their period, months before anyone knew them."""

    def target_weights(self, panel):
        facts = panel._bundle.facts
        eps = facts[facts["field"] == "eps_ttm"]
        wide = eps.pivot_table(index="period", columns="symbol", values="value", aggfunc="last")
        known = wide.reindex(panel.sessions, method="ffill").reindex(columns=panel.symbols)
        return best(panel, known / panel.close)


class LatestRestatement(Strategy):
    """Earnings when they came out, but as they were restated later."""

    def target_weights(self, panel):
        facts = panel._bundle.facts
        eps = facts[facts["field"] == "eps_ttm"].sort_values("known_at", kind="stable")
        final = eps.drop_duplicates(["symbol", "period"], keep="last")
        first = eps.drop_duplicates(["symbol", "period"], keep="first")
        merged = first.merge(final, on=["symbol", "period"], suffixes=("", "_final"))
        day = np.searchsorted(panel.decisions, merged["known_at"].to_numpy())
        merged = merged[day < len(panel.decisions)].assign(
            row=panel.sessions[day[day < len(panel.decisions)]]
        )
        wide = merged.pivot_table(
            index="row", columns="symbol", values="value_final", aggfunc="last"
        ).ffill()
        known = wide.reindex(panel.sessions, method="ffill").reindex(columns=panel.symbols)
        return best(panel, known / panel.close)


class SurvivorsOnly(Strategy):
    """Names that are still there at the end."""

    def target_weights(self, panel):
        close = panel.adjusted_close
        score = close / close.shift(20) - 1.0
        return best(panel, score.where(panel.universe & panel.universe.iloc[-1]))


class CountsListings(Strategy):
    """More cash the more names will ever list."""

    def target_weights(self, panel):
        return best(panel, -panel.close) * (10.0 / len(panel.symbols))


class Backtests(Strategy):
    """The lookback that turned out to be best over the whole sample."""

    def target_weights(self, panel):
        close = panel.adjusted_close
        ahead = close.shift(-1) / close - 1.0
        weights = [best(panel, close / close.shift(days) - 1.0) for days in (5, 10, 20, 40)]
        gains = [float((one * ahead).sum().sum()) for one in weights]
        return weights[int(np.argmax(gains))]


PEEKERS = (
    NextSession,
    FullSampleZscore,
    BackwardFill,
    LastRow,
    RankOverTime,
    FixedDate,
    FactsByPeriod,
    LatestRestatement,
    SurvivorsOnly,
    CountsListings,
    Backtests,
)
