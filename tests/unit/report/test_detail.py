"""Where profit came from, how it was dealt, what crises and events did: worked by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from backtest.report.account import account_of
from backtest.report.attribution import UNSTATED, attribution_section, benchmark_split, spillover
from backtest.report.crisis import crises, crisis_section
from backtest.report.dealing import dealing_sections, fill_participation
from backtest.report.detail import detail_of
from backtest.report.event_section import event_section

INSTRUMENTS = pd.DataFrame(
    {
        "symbol": ["SIM000", "SIM001", "SIM002"],
        "name": "",
        "exchange": ["XHKG", "XHKG", "XNYS"],
        "currency": ["HKD", "HKD", "USD"],
        "kind": "stock",
        "sector": ["Banks", "", "Banks"],
    }
)


@pytest.fixture
def traded(result, changed):
    """Three trades: +300 and -100 on Hong Kong names, +50 short in New York."""
    trades = result.trades.iloc[:3].assign(
        symbol=["SIM000", "SIM001", "SIM002"],
        side=["long", "long", "short"],
        pnl=[300.0, -100.0, 50.0],
        open=False,
        sessions=[1, 5, 6],
    )
    return changed(result, trades=trades, context={"instruments": INSTRUMENTS})


def attributed(result):
    return attribution_section(result, account_of(result), top=10)


def named(rows):
    return {row["name"]: row for row in rows}


def test_profit_is_told_by_sector_currency_and_side(traded):
    found = attributed(traded)
    assert {name: row["pnl"] for name, row in named(found["by_sector"]).items()} == {
        "Banks": 350.0,
        UNSTATED: -100.0,
    }
    assert {name: row["pnl"] for name, row in named(found["by_currency"]).items()} == {
        "HKD": 200.0,
        "USD": 50.0,
    }
    assert {name: row["trades"] for name, row in named(found["by_side"]).items()} == {
        "long": 2,
        "short": 1,
    }


def test_contributions_interest_and_the_rest_add_up_to_the_total_return(traded):
    found = attributed(traded)
    account = account_of(traded)
    parts = sum(row["contribution"] for row in found["by_sector"])
    parts += (found["interest"] + found["other"]) / 1_000_000.0
    assert parts == pytest.approx(account.nav[-1] / account.nav[0] - 1.0, abs=1e-12)


def test_who_made_and_who_lost_stand_apart_the_most_first(traded):
    found = attributed(traded)
    assert [row["name"] for row in found["made"]] == ["SIM000", "SIM002"]
    assert [row["name"] for row in found["lost"]] == ["SIM001"]


def test_a_run_that_knows_nothing_of_its_instruments_says_so(traded, changed):
    found = attributed(changed(traded, context={}))
    assert list(named(found["by_sector"])) == [UNSTATED]


def test_beta_and_alpha_are_those_of_the_benchmark_section(result):
    split, theirs = benchmark_split(account_of(result)), result.metrics["benchmark"]
    # 1e-9: slope and intercept by another formula.
    assert split["beta"] == pytest.approx(theirs["beta"], rel=1e-9)
    assert split["alpha"] == pytest.approx(theirs["alpha"], rel=1e-9)
    assert split["mean_excess"] == pytest.approx(
        split["from_benchmark"] + split["alpha"], abs=1e-12
    )


def test_without_a_benchmark_there_is_nothing_to_split(result, changed):
    alone = changed(result, nav=result.nav.drop(columns="benchmark"))
    assert benchmark_split(account_of(alone)) is None


def nights(result, returns, *, known=None):
    count = np.ones(len(result.nav)) if known is None else known
    frame = pd.DataFrame(
        {
            "session": result.nav["session"],
            "symbol": "US.I",
            "return": returns,
            "us_sessions": count,
        }
    )
    return {"overnight": frame}


def test_the_spillover_beta_is_the_slope_on_last_nights_move(result, changed):
    rng = np.random.default_rng(0)
    moves = rng.normal(0.0, 0.01, len(result.nav))
    nav = result.nav.assign(nav=1_000_000.0 * np.cumprod(1.0 + 0.3 * moves + 0.0001))
    found = changed(result, nav=nav, context=nights(result, moves))
    beta = spillover(found, account_of(found))
    assert beta["source"] == "US.I"
    assert beta["beta"] == pytest.approx(0.3, abs=1e-9)
    assert beta["r_squared"] == pytest.approx(1.0, abs=1e-9)


def test_mornings_after_no_us_session_do_not_count(result, changed):
    known = np.ones(len(result.nav))
    known[:10] = 0.0
    rng = np.random.default_rng(1)
    found = changed(result, context=nights(result, rng.normal(0.0, 0.01, known.size), known=known))
    table = spillover(found, account_of(found))
    assert table["sessions"] == known.size - 10
    assert sum(row["sessions"] for row in table["nights"]) == known.size - 10


def test_a_run_without_a_us_source_has_no_spillover_beta(result):
    assert spillover(result, account_of(result)) is None


def test_crises_are_dated_sourced_in_order_and_apart():
    found = crises()
    assert len(found) >= 8
    for crisis in found:
        assert crisis.first <= crisis.last
        assert crisis.about
        assert crisis.source
    assert all(a.last < b.first for a, b in itertools.pairwise(found))


def flat_run(result, changed, first, sessions, **columns):
    days = pd.bdate_range(first, periods=sessions)
    nav = result.nav.iloc[:sessions].assign(
        session=days, nav=1_000_000.0, gross=0.5, benchmark=1.0, **columns
    )
    return changed(result, nav=nav)


def test_a_crisis_counts_from_the_close_before_it(result, changed):
    # Sessions 2024-07-29 to 2024-08-09; the window is 1 to 6 August.
    run = flat_run(result, changed, "2024-07-29", 10)
    nav = run.nav.copy()
    nav["nav"] = [100, 100, 100, 90, 81, 80, 85, 100, 100, 100]
    nav["benchmark"] = [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.6, 1.0, 1.0, 1.0]
    run = changed(run, nav=nav)
    [row] = crisis_section(run, account_of(run))
    assert row["name"] == "Yen carry trades"
    assert row["sessions"] == 4
    assert row["return"] == pytest.approx(-0.15, abs=1e-12)
    assert row["max_drawdown"] == pytest.approx(-0.20, abs=1e-12)
    assert row["benchmark_return"] == pytest.approx(-0.40, abs=1e-12)
    assert row["exposure"] == 0.5
    assert row["partial"] is False


def test_a_crisis_that_the_run_sees_a_part_of_is_partial(result, changed):
    run = flat_run(result, changed, "2024-08-05", 5)
    [row] = crisis_section(run, account_of(run))
    assert row["partial"] is True
    assert row["sessions"] == 2


def test_a_benchmark_that_is_younger_has_no_return_in_the_crisis(result, changed):
    run = flat_run(result, changed, "2024-07-29", 10)
    nav = run.nav.assign(benchmark=[np.nan] * 4 + [1.0] * 6)
    run = changed(run, nav=nav)
    assert crisis_section(run, account_of(run))[0]["benchmark_return"] is None


def test_a_run_outside_every_window_has_no_row(result, changed):
    run = flat_run(result, changed, "2023-03-01", 20)
    assert crisis_section(run, account_of(run)) == []


def fills_of(result, **columns):
    """Two fills of SIM000: 1,000 at 10 and 500 at 20."""
    return result.fills.iloc[:2].assign(
        symbol="SIM000", shares=[1000.0, -500.0], value=[10_000.0, -10_000.0], fx=1.0,
        fees=[10.0, 30.0], slippage=[5.0, 15.0], fx_cost=0.0, reason="signal",
        filled_at=pd.to_datetime(["2016-01-05 01:30", "2016-01-06 01:30"], utc=True), **columns,
    )  # fmt: skip


def test_costs_are_told_per_fill_and_per_trade(traded, changed):
    run = changed(traded, fills=fills_of(traded))
    found = dealing_sections(run, account_of(run))["per_trade"]
    assert found["average_fill_value"] == 10_000.0
    assert found["cost_per_fill"] == 30.0
    assert found["cost_per_trade"] == 20.0
    # 250 after costs of 60: 310 before.
    assert found["cost_of_average_pnl"] == pytest.approx(60.0 / 310.0, abs=1e-15)


def test_slippage_paid_is_told_beside_what_was_asked(traded, changed):
    fills = fills_of(traded, reference=[10.0, 20.0])
    config = {**traded.config, "execution": {"slippage": {"bps": 10.0}}}
    run = changed(traded, fills=fills, config=config)
    found = dealing_sections(run, account_of(run))["slippage"]
    # 5 of 10,000 and 15 of 10,000: 5 and 15 bps, 10 together.
    assert found == pytest.approx(
        {"asked_bps": 10.0, "paid_bps": 10.0, "paid_less_than_asked": 0.5}, rel=1e-12
    )


def test_participation_is_the_fill_over_the_volume_of_its_own_day(traded, changed):
    prices = pd.DataFrame(
        {
            "symbol": "SIM000",
            "session": pd.to_datetime(["2016-01-05", "2016-01-06"]),
            "close": 10.0,
            "volume": [20_000.0, 0.0],
            "split": 1.0,
        }
    )
    context = {"instruments": INSTRUMENTS, "prices": prices}
    run = changed(traded, fills=fills_of(traded), context=context)
    shares = fill_participation(run)
    assert shares[0] == 0.05
    assert np.isnan(shares[1])
    found = dealing_sections(run, account_of(run))["participation"]
    assert (found["fills"], found["fills_unknown"], found["largest"]) == (1, 1, 0.05)


def test_holding_periods_hold_every_closed_trade_once(traded):
    rows = dealing_sections(traded, account_of(traded))["holding_periods"]
    counts = {(row["from"], row["to"]): row["trades"] for row in rows if row["trades"]}
    assert counts == {(0, 1): 1, (2, 5): 1, (6, 10): 1}


def test_costs_by_year_add_up_to_those_of_the_run(result):
    rows = dealing_sections(result, account_of(result))["costs_by_year"]
    assert [row["year"] for row in rows] == ["2016"]
    assert sum(row["fees"] for row in rows) == pytest.approx(result.nav["fees"].sum(), rel=1e-12)


def test_a_run_without_a_fill_has_no_costs_to_tell(result, changed):
    empty = {name: getattr(result, name).iloc[:0] for name in ("fills", "orders", "trades")}
    run = changed(result, **empty)
    found = dealing_sections(run, account_of(run))
    assert found["per_trade"] is None
    assert found["slippage"] is None
    assert found["participation"] is None
    assert found["orders"] == []


def events_of(count=40, **columns):
    """One event a month; returns of 1 % and -0.5 % in turn at every horizon."""
    days = pd.date_range("2020-01-31", periods=count, freq="ME")
    gains = np.where(np.arange(count) % 2 == 0, 0.01, -0.005)
    frame = pd.DataFrame({"session": days, "symbol": "A", "taken": np.arange(count) % 4 == 0})
    frame = frame.assign(depth=-np.arange(1.0, count + 1.0) / 100.0, entry=1.0, offer_return=np.nan)
    for horizon in (0, 1, 5, 10, 20, 60, 120):
        frame = frame.assign(**{f"return_{horizon}": gains, f"market_{horizon}": 0.001})
    return frame.assign(**columns)


@pytest.fixture
def waited(traded, changed):
    return changed(traded, context={"events": events_of()})


def test_hits_are_the_events_after_which_prices_stood_higher(waited):
    found = event_section(waited)
    assert (found["count"], found["taken"]) == (40, 10)
    assert found["horizon"] == 5  # the median trade was held for five sessions
    assert found["all"]["hit_rate"] == 0.5
    assert found["all"]["mean"] == pytest.approx(0.0025, abs=1e-15)
    assert found["all"]["beyond_benchmark"] == pytest.approx(0.0015, abs=1e-15)
    assert found["bought"]["hit_rate"] == 1.0
    assert found["not_bought"]["events"] == 30


def test_events_are_grouped_by_the_size_of_an_attribute(waited):
    rows = event_section(waited)["by_attribute"]["depth"]
    assert [row["events"] for row in rows] == [10, 10, 10, 10]
    assert rows[0]["from"] == -0.40
    assert rows[-1]["to"] == -0.01


def test_events_whose_attribute_is_unknown_stand_last(traded, changed):
    depth = np.append(-np.arange(1.0, 38.0), [np.nan] * 3)
    run = changed(traded, context={"events": events_of(depth=depth)})
    rows = event_section(run)["by_attribute"]["depth"]
    assert (rows[-1]["from"], rows[-1]["events"]) == (None, 3)


def test_every_year_is_a_cohort(waited):
    rows = event_section(waited)["by_year"]
    assert [(row["year"], row["events"]) for row in rows] == [
        ("2020", 12), ("2021", 12), ("2022", 12), ("2023", 4)
    ]  # fmt: skip


def test_a_strategy_that_waits_for_nothing_has_no_events(traded):
    assert event_section(traded) is None


def test_best_and_worst_sessions_are_gains_and_losses(result, changed):
    nav = result.nav.assign(nav=1_000_000.0)
    nav.loc[0, "nav"] = 990_000.0
    extremes = detail_of(changed(result, nav=nav))["extremes"]
    assert [row["return"] for row in extremes["worst"]] == [pytest.approx(-0.01)]
    assert len(extremes["best"]) == 1


def test_the_sections_are_plain_json(waited):
    import json

    assert json.loads(json.dumps(detail_of(waited), allow_nan=False)) == detail_of(waited)


def test_brinsons_effects_with_what_they_leave_add_up_to_the_excess(result, changed):
    rng = np.random.default_rng(3)
    days, weight = result.nav["session"], rng.random(len(result.nav))
    parts = {
        "Rising": (weight, rng.normal(0.001, 0.01, weight.size), 0.6, 0.002),
        "Cash": (1.0 - weight, 0.0, 0.4, -0.001),
    }
    frame = pd.concat(
        pd.DataFrame(
            {
                "session": days, "sector": name, "weight": mine, "return": own,
                "market_weight": theirs, "market_return": market,
            }
        )
        for name, (mine, own, theirs, market) in parts.items()
    )  # fmt: skip
    run = changed(result, context={"brinson": frame})
    found = attributed(run)["brinson"]
    names = ("allocation", "selection", "interaction", "dealing", "index_rest")
    assert sum(found[name] for name in names) == pytest.approx(found["excess"], abs=1e-12)
    account = account_of(run)
    growth = account.nav[-1] / account.nav[0] - account.benchmark[-1]
    assert found["excess"] == pytest.approx(growth, abs=1e-12)
    for name in names[:3]:
        assert sum(row[name] for row in found["sectors"]) == pytest.approx(found[name], abs=1e-15)
