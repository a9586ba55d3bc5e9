import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from backtest.report.account import account_of
from backtest.report.catalogue import look_up
from backtest.report.metrics import metrics_of, plain
from backtest.report.undefined import OF_A_YEAR, OF_RISK

SECTIONS = [
    "conventions",
    "headline",
    "return",
    "risk",
    "drawdowns",
    "benchmark",
    "inference",
    "trading",
    "costs",
    "trades",
    "periods",
]


@dataclass(frozen=True)
class Records:
    """The parts of a result that its measures read."""

    config: dict
    manifest: dict
    nav: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    orders: pd.DataFrame
    trades: pd.DataFrame


def small() -> Records:
    """Four sessions of a 1,000 HKD account; two fills, one closed trade, one open."""
    sessions = pd.DatetimeIndex(["2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"])
    nav = pd.DataFrame(
        {
            "session": sessions,
            "nav": [1000.0, 900.0, 990.0, 1089.0],
            "cash": [500.0, 400.0, 990.0, 0.0],
            "gross": [500.0, 500.0, 0.0, 1089.0],
            "net": [500.0, 500.0, 0.0, 1089.0],
            "turnover": [0.25, 0.0, 0.25, 0.5],
            "fees": [1.0, 0.0, 1.0, 2.0],
            "slippage": [0.5, 0.0, 0.5, 0.0],
            "fx_cost": [0.0, 0.0, 0.0, 1.0],
            "financing": [0.0, 0.0, 0.25, 0.25],
            "stale_value": [0.0, 90.0, 0.0, 0.0],
            "benchmark": [1.0, 0.95, 1.045, 1.045],
        }
    )
    positions = pd.DataFrame(
        {
            "session": sessions[[0, 1, 3, 3]],
            "symbol": ["0001", "0001", "0002", "0003"],
            "shares": 1.0,
            "price": 1.0,
            "value": [500.0, 500.0, 544.5, 544.5],
            "weight": [0.5, 0.5, 0.5, 0.5],
        }
    )
    fills = pd.DataFrame(
        {
            "value": [500.0, -590.0, 139.615, -7.0],
            "fx": [1.0, 1.0, 7.8, 1.0],
            "reason": ["signal", "signal", "signal", "delisted"],
            "fee_stamp_duty": [0.75, 0.75, 0.0, 0.0],
            "fee_trading": [0.25, 0.25, np.nan, 0.0],
            "fee_commission": [0.0, 0.0, 2.0 / 7.8, 0.0],
            "fees": [1.0, 1.0, 2.0 / 7.8, 0.0],
        }
    )
    orders = pd.DataFrame({"status": ["filled", "lapsed", "filled", "filled"]})
    trades = pd.DataFrame(
        {
            "symbol": ["0001", "0004", "0002"],
            "exit": pd.to_datetime(["2024-02-01", "2024-01-31", None], utc=True),
            "exit_session": pd.to_datetime(["2024-02-01", "2024-01-31", None]),
            "pnl": [88.0, -11.0, 5.0],
            "return": [0.176, -0.1, 0.01],
            "sessions": [2, 1, 0],
            "mae": [-0.1, -0.1, np.nan],
            "mfe": [0.2, np.nan, np.nan],
            "open": [False, False, True],
            "reason": ["signal", "stop_loss", ""],
        }
    )
    config = {
        "portfolio": {"cash": {"amount": 1000.0, "currency": None}},
        "tearsheet": {"risk_free": 0.0, "top": 1},
        "benchmark": "HSTECH",
    }
    manifest = {"sessions_per_year": 246, "base": "XHKG", "currency": "HKD"}
    return Records(config, manifest, nav, positions, fills, orders, trades)


def leaves(tree: object) -> Iterator[object]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


@pytest.fixture(scope="module")
def report() -> dict:
    return metrics_of(small())


def test_the_sections_are_named_and_in_order(report):
    assert list(report) == SECTIONS


def test_every_value_is_plain_and_json_takes_it_without_nan(report):
    assert {type(value) for value in leaves(report)} <= {float, int, str, bool, type(None)}
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_conventions_say_what_the_numbers_rest_on(report):
    said = report["conventions"]
    assert (said["first_session"], said["last_session"]) == ("2024-01-30", "2024-02-02")
    assert (said["sessions"], said["sessions_per_year"]) == (4, 246.0)
    assert said["years"] == 4 / 365.25
    assert (said["currency"], said["benchmark"], said["initial_cash"]) == ("HKD", "HSTECH", 1000.0)


def test_returns_by_hand(report):
    gains = report["return"]
    assert gains["total_return"] == pytest.approx(0.089, abs=1e-15)
    assert gains["profit_amount"] == 89.0
    assert gains["worst_session"] == {"date": "2024-01-31", "return": pytest.approx(-0.1)}
    assert gains["best_month"] == {
        "date": "2024-02-01",
        "return": pytest.approx(0.21),
        "partial": True,
    }
    assert gains["hit_rate_session"] == 0.5
    assert (gains["longest_gain_sessions"], gains["longest_loss_sessions"]) == (2, 1)


def changed_nav(**columns) -> dict:
    made = small()
    return metrics_of(replace(made, nav=made.nav.assign(**columns)))


def test_days_of_interest_alone_are_no_hits():
    # Held overnight into the second session, sold in it; then cash earns 1 % a day.
    held = {"gross": [500.0, 0.0, 0.0, 0.0], "turnover": [0.25, 0.25, 0.0, 0.0]}
    gains = changed_nav(nav=[1000.0, 1100.0, 1111.0, 1122.11], **held)["return"]
    assert gains["hit_rate_session"] == 0.5
    assert (gains["longest_gain_sessions"], gains["longest_loss_sessions"]) == (1, 0)
    # January ends with the second session: February is no month with a position.
    assert gains["hit_rate_month"] == 1.0
    assert gains["hit_rate_week"] == 1.0


def test_an_invested_day_that_earns_less_than_cash_is_no_hit():
    made = small()
    config = made.config | {"tearsheet": {"risk_free": 10.0, "top": 1}}
    # Cash at 1,000 % a year: 11^(1/246) - 1 = 0.98 % a day, more than 0.5 % and less than 1 %.
    nav = made.nav.assign(nav=[1005.0, 1015.05, 1020.12525, 1030.3265025])
    gains = metrics_of(replace(made, config=config, nav=nav))["return"]
    assert gains["hit_rate_session"] == 0.5
    assert gains["hit_rate_month"] == 0.0


def test_an_account_that_never_held_anything_has_no_ratio_of_risk_and_says_why():
    idle = changed_nav(nav=[1000.1, 1000.2, 1000.4, 1000.3], gross=0.0, turnover=0.0)
    assert idle["headline"]["sharpe"] is None
    for path in OF_RISK:
        assert look_up(idle, path) in (None, [None, None]), path
    assert idle["conventions"]["idle"].startswith("nothing was ever held or traded")
    assert idle["risk"]["volatility"] > 0.0
    held = changed_nav(nav=[1000.1, 1000.2, 1000.4, 1000.3], gross=0.0, turnover=[0.0, 0.1, 0, 0])
    assert held["conventions"]["idle"] is None
    assert held["risk"]["sharpe"] is not None


def year_of(last: str) -> dict:
    """An account of every weekday of 2023 up to ``last`` that gained 10 % on the first."""
    made = small()
    sessions = pd.bdate_range("2023-01-02", last)
    row = made.nav.iloc[[3]].assign(nav=1100.0, benchmark=1.05)
    nav = pd.concat([row] * sessions.size, ignore_index=True).assign(session=sessions)
    none = {"positions": made.positions.iloc[:0], "fills": made.fills.iloc[:0]}
    return metrics_of(replace(made, nav=nav, **none))


def test_growth_is_not_annualised_below_a_year_and_is_from_a_year_on():
    short, whole = year_of("2023-12-28"), year_of("2023-12-29")
    assert {look_up(short, path) for path in OF_A_YEAR[:4]} == {None}
    assert short["inference"]["intervals"]["measures"]["cagr"] == [None, None]
    assert short["conventions"]["short"].endswith("is annualised from 259 sessions")
    assert short["return"]["total_return"] == pytest.approx(0.1)
    # 2 January to 29 December are 362 days, and all of 2023's sessions.
    assert whole["conventions"]["short"] is None
    assert whole["return"]["cagr"] == pytest.approx(1.1 ** (365.25 / 362) - 1.0)


def test_below_a_month_annual_figures_are_called_too_few(report):
    said = report["conventions"]["short"]
    assert said.endswith("is annualised from 4 sessions, too few to say anything")


def test_windows_longer_than_the_history_are_none(report):
    assert set(report["return"]["trailing"].values()) == {None}
    assert report["risk"]["rolling_year"]["latest_sharpe"] is None
    assert report["risk"]["var_95"] is None


def test_the_deepest_drawdown_by_hand(report):
    assert report["drawdowns"]["deepest"] == {
        "peak": "2024-01-30",
        "trough": "2024-01-31",
        "recovery": "2024-02-02",
        "depth": pytest.approx(-0.1),
        "days": 3,
        "sessions": 3,
        "fall_days": 1,
        "recovered": True,
    }
    assert len(report["drawdowns"]["episodes"]) == 1


def test_against_the_benchmark_by_hand(report):
    market = report["benchmark"]
    assert (market["name"], market["paired_sessions"], market["dropped_sessions"]) == (
        "HSTECH",
        4,
        0,
    )
    assert market["total_return"] == pytest.approx(0.045)
    assert market["excess_total_return"] == pytest.approx(0.044)
    # The benchmark rose 10 % once, as the account did; it fell 5 % once, the account 10 %.
    assert market["up_capture_session"] == pytest.approx(1.0)
    assert market["down_capture_session"] == pytest.approx(2.0)


def test_exposure_by_hand(report):
    held = report["trading"]
    assert held["gross_exposure"] == 0.5
    assert held["time_in_market"] == 0.75
    assert held["average_names"] == 1.0
    assert held["effective_names"] == pytest.approx(4 / 3)
    assert held["largest_gross_exposure"] == 1.0
    assert held["largest_stale_share"] == 0.1
    assert held["orders_by_status"] == {"filled": 3, "lapsed": 1}


def test_turnover_is_one_way_a_year(report):
    assert report["trading"]["turnover_per_year"] == pytest.approx(365.25 / 4)


def test_costs_by_component_in_the_portfolios_currency(report):
    costs = report["costs"]
    parts = {name: part["amount"] for name, part in costs["fees_by_component"].items()}
    assert parts == {"stamp_duty": 1.5, "trading": 0.5, "commission": pytest.approx(2.0)}
    assert costs["fees"]["amount"] == pytest.approx(sum(parts.values()))
    assert costs["total"]["amount"] == 6.0
    assert costs["financing"]["amount"] == 0.5


def test_costs_in_basis_points_of_what_was_traded_without_delistings(report):
    # 500 + 590 + 139.615 x 7.8 = 2,178.997 traded.
    assert report["trading"]["traded_amount"] == pytest.approx(2178.997)
    share = report["costs"]["total"]["bps_of_traded_value"]
    assert share == pytest.approx(6.0 / 2178.997 * 1e4)
    yearly = report["costs"]["total"]["bps_of_nav_per_year"]
    assert yearly == pytest.approx(6.0 / 994.75 / (4 / 365.25) * 1e4)
    assert report["headline"]["costs_bps"] == yearly


def test_trades_by_hand(report):
    trades = report["trades"]
    assert (trades["closed_trades"], trades["open_trades"]) == (2, 1)
    assert (trades["win_rate"], trades["payoff_ratio"], trades["profit_factor"]) == (0.5, 8.0, 8.0)
    assert (trades["expectancy_pnl"], trades["open_pnl"]) == (38.5, 5.0)
    assert trades["best_trade"] == {
        "symbol": "0001",
        "exit_session": "2024-02-01",
        "pnl": 88.0,
        "return": 0.176,
    }
    assert trades["by_reason"] == {
        "signal": {"count": 1, "pnl": 88.0},
        "stop_loss": {"count": 1, "pnl": -11.0},
    }
    assert (trades["average_mae"], trades["average_mfe"]) == (-0.1, 0.2)


def test_the_monthly_table_compounds_flags_parts_and_has_the_benchmark(report):
    months = report["periods"]["months"]
    assert [row["month"] for row in months] == ["2024-01", "2024-02"]
    assert [row["return"] for row in months] == pytest.approx([-0.1, 0.21])
    assert [row["benchmark"] for row in months] == pytest.approx([-0.05, 0.1])
    assert [row["partial"] for row in months] == [True, True]
    assert [row["year"] for row in report["periods"]["years"]] == ["2024"]


def test_the_exchanges_calendar_decides_what_is_partial():
    calendar = np.array(["2024-01-29", "2024-02-02", "2024-03-01"], dtype="datetime64[D]")
    months = metrics_of(small(), calendar=calendar)["periods"]["months"]
    assert [row["partial"] for row in months] == [True, False]


def test_without_a_benchmark_there_is_nothing_to_compare():
    run = small()
    alone = replace(
        run,
        nav=run.nav.assign(benchmark=np.nan),
        config=run.config | {"benchmark": None},
    )
    found = metrics_of(alone)
    assert found["benchmark"] == {"name": None, "paired_sessions": 0, "dropped_sessions": 4}
    assert found["headline"]["alpha"] is None
    assert metrics_of(replace(alone, nav=alone.nav.drop(columns="benchmark"))) == found


def test_a_run_without_a_single_order_reports_all_the_same():
    run = small()
    idle = replace(
        run,
        nav=run.nav.assign(nav=1000.0, cash=1000.0, turnover=0.0, fees=0.0, slippage=0.0),
        positions=run.positions.iloc[:0],
        fills=run.fills.iloc[:0],
        orders=run.orders.iloc[:0],
        trades=run.trades.iloc[:0],
    )
    found = metrics_of(idle)
    json.dumps(found, allow_nan=False)
    assert found["trading"]["orders_by_status"] == {}
    assert found["trades"]["win_rate"] is None
    assert found["trades"]["best_trade"] is None
    assert found["costs"]["fees"]["bps_of_traded_value"] is None
    assert found["drawdowns"]["deepest"] is None


def test_one_session_is_enough_for_a_report():
    run = small()
    day_one = replace(
        run,
        nav=run.nav.iloc[:1].assign(nav=950.0),
        positions=run.positions.iloc[:1],
        fills=run.fills.iloc[:1],
        trades=run.trades.iloc[:0],
    )
    found = metrics_of(day_one)
    assert found["return"]["total_return"] == pytest.approx(-0.05)
    assert found["risk"]["volatility"] is None
    assert found["drawdowns"]["max_drawdown"] == pytest.approx(-0.05)


def test_risk_free_as_a_number_is_an_effective_annual_rate():
    run = small()
    rated = replace(run, config=run.config | {"tearsheet": {"risk_free": 0.05}})
    cash = account_of(rated).risk_free
    assert (1.0 + cash) ** 246 == pytest.approx(1.05, rel=1e-12)


def test_risk_free_rates_are_annual_and_known_at_each_close():
    run = small()
    rated = replace(
        run,
        config=run.config | {"tearsheet": {"risk_free": "rates"}},
        manifest=run.manifest | {"risk_free": [0.0365, 0.073, 0.0365, 9.9]},
    )
    assert account_of(rated).risk_free.tolist() == pytest.approx([0.0, 1e-4, 2e-4, 1e-4])


def test_as_many_rates_as_sessions_are_wanted():
    run = small()
    short = replace(
        run,
        config=run.config | {"tearsheet": {"risk_free": "rates"}},
        manifest=run.manifest | {"risk_free": [0.01]},
    )
    with pytest.raises(ValueError, match="1 risk-free rates for 4 sessions"):
        metrics_of(short)


def test_initial_cash_must_be_a_number():
    run = small()
    with pytest.raises(ValueError, match="expected a number, got '1m HKD'"):
        metrics_of(replace(run, config={"portfolio": {"cash": {"amount": "1m HKD"}}}))


def test_sessions_may_be_the_index():
    run = small()
    assert metrics_of(replace(run, nav=run.nav.set_index("session"))) == metrics_of(run)


def test_the_frames_are_left_as_they_were():
    run = small()
    copies = {name: getattr(run, name).copy() for name in ("nav", "positions", "fills", "trades")}
    metrics_of(run)
    for name, copy in copies.items():
        pd.testing.assert_frame_equal(getattr(run, name), copy)


def test_what_json_lacks_becomes_none():
    assert plain({"a": math.inf, "b": np.float64("nan"), "c": pd.NaT, "d": np.bool_(True)}) == {
        "a": None,
        "b": None,
        "c": None,
        "d": True,
    }
    assert plain([np.datetime64("NaT"), pd.Timestamp("2024-01-02")]) == [None, "2024-01-02"]
