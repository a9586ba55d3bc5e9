"""The effects planted abroad and in the top-ten list: measured from the tables, gone without."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from backtest.calendars import sessions
from backtest.data import sample

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def markets() -> dict[bool, Tables]:
    return {effects: sample.sample_frames(effects=effects) for effects in (True, False)}


def close(tables: Tables, pattern: str) -> pd.DataFrame:
    bars = tables["bars"]
    mine = bars[bars.symbol.str.fullmatch(pattern)]
    return mine.pivot_table(index="session", columns="symbol", values="close")


def known(tables: Tables, field: str, pattern: str, days: pd.Index) -> pd.DataFrame:
    """Latest period known by the end of each day."""
    facts = tables["facts"]
    mine = facts[(facts.field == field) & facts.symbol.str.fullmatch(pattern)]
    mine = mine.sort_values(["known_at", "period"])
    mine = mine[mine.period >= mine.groupby("symbol").period.cummax()]
    day = mine.known_at.dt.tz_localize(None).dt.normalize()
    wide = mine.assign(day=day).pivot_table(
        index="day", columns="symbol", values="value", aggfunc="last"
    )
    return wide.reindex(wide.index.union(days)).ffill().reindex(days)


def yearly(returns: pd.Series) -> tuple[float, float]:
    """Mean a year, and its t."""
    kept = returns.dropna()
    return float(kept.mean() * 250), float(kept.mean() / kept.std() * len(kept) ** 0.5)


# The top-ten list


def top_ten(tables: Tables) -> pd.DataFrame:
    facts = tables["facts"]
    return facts[facts.field == "southbound_top10_net_buy"]


def test_the_list_has_ten_names_a_day_on_days_on_which_both_markets_trade(markets):
    listed = top_ten(markets[True])
    both = np.intersect1d(
        sessions("XHKG", sample.FIRST, sample.LAST).dates,
        sessions("XSHG", sample.FIRST, sample.LAST).dates,
    )
    assert (listed.groupby("period").size() == 10).all()
    assert (listed.period.drop_duplicates().sort_values().to_numpy() == both).all()
    assert (listed.known_at.dt.tz_localize(None) - listed.period == pd.Timedelta(hours=10)).all()


def test_many_names_are_on_the_list_now_and_then_and_few_always(markets):
    days = top_ten(markets[True]).groupby("symbol").size()
    assert len(days) > 30
    assert days.max() < 0.98 * len(top_ten(markets[True]).period.unique())


def flow_spread(tables: Tables) -> tuple[float, float]:
    """Two fifths most bought of those known this week, less the two fifths least, next session."""
    bars = tables["bars"]
    here = bars[bars.symbol.str.fullmatch(r"[SI]\d+\.HK")]
    level = here.pivot_table(index="session", columns="symbol", values="close")
    value = here.assign(value=here.close * here.volume)
    usual = value.pivot_table(index="session", columns="symbol", values="value").rolling(20)
    flow = top_ten(tables).pivot_table(index="period", columns="symbol", values="value")
    flow = flow.reindex(level.index)
    week = flow.rolling(5, min_periods=2).mean() / usual.median()[flow.columns]
    rank = week.rank(axis=1, pct=True).shift()
    # Splits and consolidations are no returns; each is a multiple of two or more.
    moves = level.pct_change(fill_method=None)[flow.columns].where(lambda move: move.abs() < 0.45)
    return yearly(moves.where(rank > 0.6).mean(axis=1) - moves.where(rank <= 0.4).mean(axis=1))


def test_what_the_list_shows_bought_rises_over_what_it_shows_sold(markets):
    spread, t = flow_spread(markets[True])
    assert 0.3 < spread < 0.8
    assert t > 5.0
    assert abs(flow_spread(markets[False])[1]) < 1.5


# Mainland technology


def test_mainland_stocks_move_within_the_limit_of_their_board(markets):
    instruments = markets[True]["instruments"].set_index("symbol")
    mainland = instruments[instruments.index.str.startswith("A")]
    assert set(mainland.exchange + mainland.currency + mainland.board) == {"XSHGCNYstar"}
    moves = close(markets[True], r"A\d+\.SH").pct_change()
    assert moves.abs().max(axis=None) < 0.20


def winners(tables: Tables) -> tuple[float, float]:
    """The quarter that rose most in 60 sessions, less all, from the session after next on."""
    level = close(tables, r"A\d+\.SH")
    moves, rank = level.pct_change(), level.pct_change(60).rank(axis=1, pct=True).shift(2)
    return yearly(moves.where(rank > 0.75).mean(axis=1) - moves.mean(axis=1))


def board(tables: Tables) -> tuple[float, float]:
    """All mainland names while they beat Hong Kong over 60 sessions, over their usual return."""
    moves = close(tables, r"A\d+\.SH").pct_change().mean(axis=1)
    level = (1.0 + moves).cumprod()
    hong_kong = close(tables, r"X001\.HK")["X001.HK"].reindex(level.index).ffill()
    lead = (level.pct_change(60) - hong_kong.pct_change(60)).shift(2)
    return yearly(moves[lead > 0.0] - moves.mean())


def test_mainland_winners_and_the_board_go_on(markets):
    assert winners(markets[True])[1] > 3.0
    assert board(markets[True])[0] > 0.12
    assert abs(winners(markets[False])[1]) < 1.5
    assert abs(board(markets[False])[1]) < 1.5


# Market funds


def test_each_fund_has_a_level_of_price_over_earnings_of_its_own(markets):
    level = close(markets[True], r"V\d+\.US")
    ratio = (level / known(markets[True], "eps_ttm", r"V\d+\.US", level.index)).median()
    assert ratio.round().to_dict() == {"V01.US": 19, "V02.US": 54, "V03.US": 35, "V04.US": 25}


def cheapest(tables: Tables) -> tuple[float, float]:
    """The fund whose yield is highest over its normal one, less the lowest, ranked each month."""
    level = close(tables, r"V\d+\.US")
    yields = known(tables, "eps_ttm", r"V\d+\.US", level.index) / level
    month = pd.Series(level.index.to_period("M"), index=level.index)
    first = month.ne(month.shift())
    over = yields / pd.Series({"V01.US": 0.060, "V02.US": 0.022, "V03.US": 0.035, "V04.US": 0.048})
    rank = over.rank(axis=1).shift()[first].reindex(level.index).ffill()
    moves = level.pct_change()
    return yearly(moves.where(rank == 4).mean(axis=1) - moves.where(rank == 1).mean(axis=1))


def test_the_fund_that_is_cheap_by_its_own_standard_earns_more(markets):
    spread, t = cheapest(markets[True])
    assert 0.2 < spread < 0.6
    assert t > 2.0
    assert abs(cheapest(markets[False])[1]) < 1.5


# Capital spending


def outrun(tables: Tables, days: pd.Index) -> pd.DataFrame:
    capex = known(tables, "capex", r"C\d+\.US", days)
    revenue = known(tables, "revenue", r"C\d+\.US", days)
    return (capex / capex.shift(252)) / (revenue / revenue.shift(252)) - 1.0


def test_accounts_come_after_the_close_and_guidance_looks_ahead(markets):
    facts = markets[True]["facts"]
    spends = facts[facts.symbol.str.startswith("C") & (facts.field != "eps_ttm")]
    assert spends.groupby("field").symbol.nunique().to_dict() == dict.fromkeys(
        ("capex", "capex_guidance", "operating_cash_flow", "revenue"), 12
    )
    lag = (spends.known_at.dt.tz_localize(None) - spends.period).dt.days
    ahead = spends.field == "capex_guidance"
    assert lag[~ahead].between(15, 60).all()
    assert lag[ahead].lt(0).all()
    hours = sessions("XNYS", sample.FIRST, sample.LAST)
    closes = pd.DatetimeIndex(hours.close) + pd.Timedelta(minutes=20)
    assert spends.known_at.dt.tz_localize(None).isin(closes).all()


def drag(tables: Tables) -> tuple[float, float]:
    """The third whose capex outran revenue least, less the third it outran most."""
    level = close(tables, r"C\d+\.US")
    rank = outrun(tables, level.index).rank(axis=1, pct=True).shift(2)
    moves = level.pct_change()[rank.columns]
    return yearly(moves.where(rank <= 1 / 3).mean(axis=1) - moves.where(rank > 2 / 3).mean(axis=1))


def benefit(tables: Tables) -> float:
    """Suppliers over spenders while capex outruns, less the same while it does not; a year."""
    level = close(tables, r"C\d+\.US")
    wave = outrun(tables, level.index)
    moves, mean = level.pct_change(), wave.mean(axis=1).shift(2)
    over = moves.drop(columns=wave.columns).mean(axis=1) - moves[wave.columns].mean(axis=1)
    return yearly(over[mean > mean.median()])[0] - yearly(over[mean <= mean.median()])[0]


def test_runaway_capex_is_followed_by_lower_returns_and_its_suppliers_gain(markets):
    assert drag(markets[True])[1] > 3.0
    assert benefit(markets[True]) > 0.06
    assert abs(drag(markets[False])[1]) < 2.0
    assert benefit(markets[False]) < 0.02


# Coins


def in_bad_days(tables: Tables) -> dict[str, float]:
    """Mean move of each coin on the tenth of US sessions that were worst."""
    us = close(tables, r"X01\.US")["X01.US"].pct_change()
    coins = close(tables, r"BTC\d+\.X").pct_change().reindex(us.index)
    return coins[us < us.quantile(0.1)].mean().to_dict()


def test_the_second_coin_rises_on_bad_days_of_us_technology_and_the_first_does_not(markets):
    here, there = in_bad_days(markets[True]), in_bad_days(markets[False])
    assert here["BTC02.X"] > 0.008
    assert abs(there["BTC02.X"]) < 0.003
    assert here["BTC01.X"] == there["BTC01.X"]
    assert abs(here["BTC01.X"]) < 0.003
