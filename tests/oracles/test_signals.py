"""Signals: compiled accounts against plain Python on thousands of cases, and vectorbt."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from backtest.errors import FaultyInput
from backtest.signals import (
    Crossings,
    Flags,
    Prices,
    moving_averages,
    signal_sweep,
    simulate_signals,
)

CASES = 2_000
NAN = np.nan
FILLS = ("next_open", "next_close", "same_close")


def walk(rng, instruments, bars, missing=0.0):
    close = rng.uniform(1.0, 90.0) * np.exp(np.cumsum(rng.normal(0, 0.03, (instruments, bars)), 1))
    opened = close * np.exp(rng.normal(0.0, 0.01, close.shape))
    for values in (close, opened):
        values[rng.random(close.shape) < missing] = NAN
    return Prices(close, opened)


def by_hand(close, opened, entries, exits, *, fill, buy_fee, sell_fee, cash):
    """One account, bar after bar: NAVs and fills, from the description alone."""
    shares, mark, fills, navs = 0.0, NAN, [], []
    for t in range(len(close)):
        signal = t if fill == "same_close" else t - 1
        price = opened[t] if fill == "next_open" else close[t]
        if signal >= 0 and entries[signal] != exits[signal] and not math.isnan(price):
            if entries[signal] and shares == 0.0:
                shares = cash / (price + price * buy_fee)
                fills.append((t, shares, price, shares * price * buy_fee))
                cash, mark = 0.0, price
            elif exits[signal] and shares > 0.0:
                fills.append((t, -shares, price, shares * price * sell_fee))
                cash, shares = shares * price - shares * price * sell_fee, 0.0
        mark = mark if math.isnan(close[t]) else close[t]
        navs.append(cash + shares * mark if shares else cash)
    return navs, fills


def measured(navs, fills, cash):
    """Measures of one account from its list of NAVs."""
    navs = np.array([cash, *navs])
    returns = navs[1:] / navs[:-1] - 1.0
    deviation = returns.std(ddof=1) if len(returns) > 1 else NAN
    return {
        "total_return": navs[-1] / cash - 1.0,
        "volatility": deviation * math.sqrt(252),
        "sharpe": returns.mean() / deviation * math.sqrt(252) if deviation > 1e-10 else NAN,
        "max_drawdown": min(navs / np.maximum.accumulate(navs) - 1.0),
        "fills": len(fills),
        "fees": sum(fee for *_, fee in fills) / cash,
    }


def test_every_random_account_is_that_of_plain_python():
    rng = np.random.default_rng(1)
    traded = 0
    for case in range(CASES):
        bars, portfolios = int(rng.integers(1, 60)), int(rng.integers(1, 4))
        prices = walk(rng, 2, bars, missing=rng.choice([0.0, 0.3]))
        entries, exits = rng.random((2, portfolios, bars)) < rng.choice([0.05, 0.3, 0.9])
        instrument = rng.integers(0, 2, portfolios)
        terms = {
            "fill": FILLS[case % 3],
            "buy_fee": rng.choice([0.0, 0.002]),
            "sell_fee": rng.choice([0.0, 0.01]),
        }
        flags = Flags(entries, exits)
        navs = simulate_signals(prices, flags, instrument, cash=1e6, workers=1, **terms)
        found = signal_sweep(prices, flags, instrument, workers=1, **terms)
        for c, j in enumerate(instrument):
            market = (prices.close[j], prices.open[j])
            expected, fills = by_hand(*market, entries[c], exits[c], **terms, cash=1e6)
            np.testing.assert_allclose(navs[c], expected, rtol=1e-12)
            for name, value in measured(expected, fills, 1e6).items():
                np.testing.assert_allclose(found[name][c], value, rtol=1e-9, atol=1e-12)
            traded += len(fills)
    assert traded > 5 * CASES


def test_a_crossing_is_a_change_of_side_between_known_values():
    rng = np.random.default_rng(2)
    for _ in range(CASES):
        bars = int(rng.integers(2, 40))
        lines = rng.integers(0, 3, (3, bars)).astype(float)
        lines[rng.random(lines.shape) < 0.1] = NAN
        pairs = np.array([0, 1, 2]), np.array([1, 2, 0])
        entries, exits = np.zeros((2, 3, bars), np.bool_)
        for c, (fast, slow) in enumerate(zip(*pairs, strict=True)):
            was = None
            for t, (x, y) in enumerate(zip(lines[fast], lines[slow], strict=True)):
                if math.isnan(x) or math.isnan(y):
                    was = None
                elif x != y:
                    entries[c, t], exits[c, t] = was == "below" and x > y, was == "above" and x < y
                    was = "above" if x > y else "below"
        prices = walk(rng, 1, bars)
        crossings = simulate_signals(prices, Crossings(lines, *pairs))
        assert np.array_equal(crossings, simulate_signals(prices, Flags(entries, exits)))


def test_threads_change_no_number():
    rng = np.random.default_rng(3)
    prices = walk(rng, 1, 300)
    flags = Flags(*(rng.random((2, 101, 300)) < 0.1))
    alone, together = (signal_sweep(prices, flags, workers=n) for n in (1, 3))
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


@pytest.mark.parametrize("window", [1, 2, 7, 50, 60])
def test_a_moving_average_is_that_of_pandas(window):
    close = walk(np.random.default_rng(4), 3, 50, missing=0.02).close
    expected = pd.DataFrame(close.T).rolling(window).mean().to_numpy().T
    np.testing.assert_allclose(moving_averages(close, [window]), expected, rtol=1e-12)
    several = moving_averages(close, [3, window])
    np.testing.assert_array_equal(several[1::2], moving_averages(close, [window]))


def test_vectorbt_has_the_same_accounts_where_it_fills_at_the_close_of_the_signal():
    vbt = pytest.importorskip("vectorbt")
    rng = np.random.default_rng(5)
    close = walk(rng, 40, 500).close
    entries, exits = rng.random((2, 40, 500)) < 0.05
    ours = Prices(close), Flags(entries, exits)
    fees = {"fill": "same_close", "buy_fee": 0.001, "sell_fee": 0.001}
    theirs = vbt.Portfolio.from_signals(
        pd.DataFrame(close.T), entries.T, exits.T, fees=0.001, init_cash=1e6, freq="1D"
    )
    navs = simulate_signals(*ours, **fees, cash=1e6)
    np.testing.assert_allclose(navs, theirs.value().to_numpy().T, rtol=1e-9)
    found = signal_sweep(*ours, **fees, bars_per_year=365.0)
    named = {"total_return": theirs.total_return(), "max_drawdown": theirs.max_drawdown()}
    named |= {"sharpe": theirs.sharpe_ratio(), "volatility": theirs.annualized_volatility()}
    for name, values in named.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, err_msg=name)
    assert found["fills"].tolist() == theirs.orders.count().tolist()


def test_vectorbt_sees_the_same_crossings():
    pytest.importorskip("vectorbt")
    close = walk(np.random.default_rng(6), 1, 800).close[0]
    lines = moving_averages(close, [5, 20])
    fast, slow = (pd.Series(line) for line in lines)
    theirs = Flags(
        fast.vbt.crossed_above(slow).to_numpy()[None, :],
        fast.vbt.crossed_below(slow).to_numpy()[None, :],
    )
    ours = Crossings(lines, np.array([0]), np.array([1]))
    terms = {"fill": "same_close", "buy_fee": 0.001, "sell_fee": 0.001}
    navs = simulate_signals(Prices(close), ours, **terms)
    assert np.array_equal(navs, simulate_signals(Prices(close), theirs, **terms))
    assert len(np.unique(navs)) > 100


def test_what_is_wrong_is_said_all_at_once():
    flags = Flags(np.ones((2, 3)), np.ones((2, 4), np.bool_))
    with pytest.raises(FaultyInput) as caught:
        simulate_signals(Prices(np.array([1.0, 0.0, 2.0])), flags, [0, 1], buy_fee=2.0)
    wrong = [fault.where for fault in caught.value.faults]
    assert wrong == ["open", "close", "instrument", "buy_fee", "entries", "exits"]


def test_a_bad_line_or_window_is_a_fault():
    crossings = Crossings(np.ones((2, 3)), np.array([0]), np.array([2]))
    with pytest.raises(FaultyInput, match=r"slow +must name rows of lines, 0 to 1"):
        simulate_signals(Prices(np.ones(3)), crossings, fill="next_close")
    with pytest.raises(FaultyInput, match="at least 1"):
        moving_averages(np.ones(3), [0])
