"""What a run keeps of the market: prices around trades, nights in the US, prices after events."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from backtest import Result
from backtest.calendars import sessions
from backtest.config import RunConfig
from backtest.report.brinson_frame import brinson_frame
from backtest.report.context import MARGIN, context_of, overnight_returns, traded_prices
from backtest.report.event_study import AFTER, BEFORE, HORIZONS, event_frames
from backtest.runner import prepare
from backtest.strategy import Strategy

FIRST, LAST = "2024-01-02", "2024-09-30"
DAYS = pd.DatetimeIndex(sessions("XHKG", *map(pd.Timestamp, (FIRST, LAST))).dates)
NIGHTS = pd.DatetimeIndex(sessions("XNYS", *map(pd.Timestamp, (FIRST, LAST))).dates)


class Waiting(Strategy):
    """A strategy that waited for whatever the test says."""

    told: tuple[tuple[str, str, float], ...] = ()

    def events(self, panel, weights):
        table = pd.DataFrame(self.told, columns=["session", "symbol", "depth"])
        return table.assign(session=pd.to_datetime(table["session"]))


def bars_of(symbol, days, close, **columns):
    frame = pd.DataFrame({"symbol": symbol, "session": days, "close": close})
    opens = columns.pop("open", close)
    return frame.assign(
        open=opens, high=np.maximum(opens, close), low=np.minimum(opens, close), volume=1e6
    ).assign(**columns)


@pytest.fixture
def stage_of(tmp_path):
    """A and B in Hong Kong, an index there, US.I in New York; A rises a tenth of a dollar a day."""

    def made(*, base="XHKG", decide="before_open", actions=None, facts=None, **listing):
        rising = 10.0 + 0.1 * np.arange(len(DAYS))
        bars = pd.concat(
            [
                bars_of("A", DAYS, rising, open=rising - 0.05),
                bars_of("B", DAYS[100:], np.full(len(DAYS) - 100, 20.0)),
                bars_of("I", DAYS, 100.0 + np.arange(len(DAYS))),
                bars_of("US.I", NIGHTS, 50.0 * 1.01 ** np.arange(len(NIGHTS))),
            ]
        )
        instruments = pd.DataFrame(
            {
                "symbol": ["A", "B", "I", "US.I"],
                "exchange": ["XHKG", "XHKG", "XHKG", "XNYS"],
                "currency": ["HKD", "HKD", "HKD", "USD"],
                "kind": ["stock", "stock", "index", "index"],
                "listed": [None, f"{DAYS[100]:%Y-%m-%d}", None, None],
                "sector": ["Rising", "Flat", "", ""],
                "offer_price": [None, listing.get("offer", 16.0), None, None],
            }
        )
        bars.to_csv(tmp_path / "bars.csv", index=False)
        instruments.to_csv(tmp_path / "instruments.csv", index=False)
        if actions is not None:
            pd.DataFrame(actions, columns=["symbol", "ex_session", "kind", "value"]).to_csv(
                tmp_path / "actions.csv", index=False
            )
        if facts is not None:
            columns = ["symbol", "field", "period", "known_at", "value"]
            pd.DataFrame(facts, columns=columns).to_csv(tmp_path / "facts.csv", index=False)
        (tmp_path / "bundle.yaml").write_text("name: four\nprices: raw\n")
        return prepare(
            RunConfig.model_validate(
                {
                    "name": "a",
                    "data": {"bundle": str(tmp_path)},
                    "universe": {"exchange": ["XHKG"] if base == "XHKG" else ["XNYS"]},
                    "clock": {"base": base, "decide": decide},
                    "market": "frictionless",
                    "portfolio": {"currency": "HKD" if base == "XHKG" else "USD"},
                    "strategy": {"name": "equal_weight"},
                }
            )
        )

    return made


def events_of(stage, told, *, wanted=(), fill="open", benchmark="I"):
    weights = stage.panel.close * np.nan
    for session, symbol in wanted:
        weights.loc[session, symbol] = 0.5
    return event_frames(
        stage.grid,
        stage.clock,
        stage.panel,
        strategy=Waiting(told=tuple((f"{day:%Y-%m-%d}", symbol, x) for day, symbol, x in told)),
        weights=weights,
        offers=stage.bundle.instruments["offer_price"].to_numpy(dtype=float),
        benchmark=benchmark,
        fill=fill,
    )


def trade(symbol, entry, leave):
    return {"symbol": symbol, "entry_session": entry, "exit_session": leave}


def test_an_event_is_measured_from_the_open_that_an_order_would_have_met(stage_of):
    stage = stage_of()
    events = events_of(stage, [(DAYS[30], "A", -0.1)])["events"]
    [row] = events.to_dict("records")
    # Day 30 opens at 12.95 and closes at 13.00; day 35 closes at 13.50.
    assert row["entry"] == pytest.approx(12.95, abs=1e-12)
    assert row["return_0"] == pytest.approx(13.0 / 12.95 - 1.0, rel=1e-6)
    assert row["return_5"] == pytest.approx(13.5 / 12.95 - 1.0, rel=1e-6)
    # The index opens where it closes: 130 on day 30, 135 on day 35.
    assert row["market_5"] == pytest.approx(135.0 / 130.0 - 1.0, rel=1e-6)


def test_with_fills_at_the_close_an_event_is_measured_from_it(stage_of):
    [row] = events_of(stage_of(), [(DAYS[30], "A", -0.1)], fill="close")["events"].to_dict(
        "records"
    )
    assert row["entry"] == pytest.approx(13.0, abs=1e-12)
    assert row["return_0"] == 0.0
    assert row["return_1"] == pytest.approx(13.1 / 13.0 - 1.0, rel=1e-6)


def test_a_decision_after_the_close_buys_in_the_next_session(stage_of):
    stage = stage_of(decide="after_close")
    [row] = events_of(stage, [(DAYS[30], "A", -0.1)])["events"].to_dict("records")
    assert row["entry"] == pytest.approx(13.05, abs=1e-12)


def test_dividends_count_and_splits_do_not(stage_of):
    plain = events_of(stage_of(), [(DAYS[30], "A", 0.0)])["events"]
    paid = stage_of(actions=[("A", f"{DAYS[33]:%Y-%m-%d}", "dividend", 0.5)])
    richer = events_of(paid, [(DAYS[30], "A", 0.0)])["events"]
    # 0.5 reinvested at the close of day 33: 13.3 + 0.5 over 13.3.
    grown = (1.0 + plain["return_5"]) * (13.3 + 0.5) / 13.3 - 1.0
    assert richer["return_5"].item() == pytest.approx(grown.item(), rel=1e-5)


def test_returns_end_where_the_run_ends(stage_of):
    [row] = events_of(stage_of(), [(DAYS[-3], "A", -0.1)])["events"].to_dict("records")
    assert np.isfinite(row["return_1"])
    assert all(np.isnan(row[f"return_{k}"]) for k in HORIZONS if k > 2)


def test_a_listing_has_a_return_on_its_offer(stage_of):
    events = events_of(stage_of(), [(DAYS[100], "B", 0.0), (DAYS[101], "B", 0.0)])["events"]
    assert events["offer_return"].iloc[0] == pytest.approx(20.0 / 16.0 - 1.0, abs=1e-12)
    assert np.isnan(events["offer_return"].iloc[1])


def test_an_event_without_a_bar_has_no_return(stage_of):
    [row] = events_of(stage_of(), [(DAYS[50], "B", 0.0)])["events"].to_dict("records")
    assert np.isnan(row["entry"])
    assert np.isnan(row["return_5"])


def test_what_the_strategy_wanted_was_taken(stage_of):
    told = [(DAYS[30], "A", 0.0), (DAYS[40], "A", 0.0)]
    events = events_of(stage_of(), told, wanted=[(DAYS[40], "A")])["events"]
    assert events["taken"].tolist() == [False, True]


def test_the_average_path_counts_the_events_behind_each_of_its_points(stage_of):
    told = [(DAYS[30], "A", 0.0), (DAYS[-11], "A", 0.0)]
    path = events_of(stage_of(), told)["event_path"].set_index("offset")
    assert path.index.tolist() == list(range(-BEFORE, AFTER + 1))
    assert path["count"].loc[[0, 10, 11]].tolist() == [2, 2, 1]
    entries = [12.95, 10.0 + 0.1 * (len(DAYS) - 11) - 0.05]
    expected = np.mean([13.0 / entries[0] - 1.0, (entries[1] + 0.05) / entries[1] - 1.0])
    assert path["mean"].loc[0] == pytest.approx(expected, abs=1e-12)
    assert path["low"].isna().all()  # two months are no basis for an interval


def test_the_benchmarks_path_is_that_of_the_same_events(stage_of):
    path = events_of(stage_of(), [(DAYS[100], "B", 0.0)])["event_path"].set_index("offset")
    assert np.isnan(path["market"].loc[-1])  # B had no price then
    assert path["market"].loc[1] == pytest.approx(201.0 / 200.0 - 1.0, abs=1e-12)


def test_events_outside_the_run_are_left_out(stage_of):
    told = [(DAYS[0] - pd.Timedelta("1D"), "A", 0.0), (DAYS[5], "A", 0.0)]
    assert len(events_of(stage_of(), told)["events"]) == 1


def test_prices_reach_from_before_the_entry_to_after_the_exit(stage_of):
    stage = stage_of()
    trades = pd.DataFrame([trade("A", DAYS[60], DAYS[65]), trade("A", DAYS[120], DAYS[121])])
    kept = traded_prices(stage.grid, stage.clock, trades)
    wanted = [*range(60 - MARGIN, 65 + MARGIN + 1), *range(120 - MARGIN, 121 + MARGIN + 1)]
    assert kept["session"].tolist() == DAYS[wanted].tolist()
    assert kept["close"].iloc[0] == pytest.approx(14.0, abs=1e-12)
    assert (kept["split"] == 1.0).all()


def test_prices_of_an_open_trade_reach_to_the_last_session(stage_of):
    stage = stage_of()
    kept = traded_prices(stage.grid, stage.clock, pd.DataFrame([trade("A", DAYS[-2], pd.NaT)]))
    assert kept["session"].max() == DAYS[-1]


def test_close_times_split_is_a_line_without_a_jump(stage_of):
    # Two for one on day 50: the printed close halves, the line does not.
    stage = stage_of(actions=[("A", f"{DAYS[50]:%Y-%m-%d}", "split", 2.0)])
    kept = traded_prices(stage.grid, stage.clock, pd.DataFrame([trade("A", DAYS[45], DAYS[55])]))
    assert kept.set_index("session")["split"].loc[[DAYS[49], DAYS[50]]].tolist() == [1.0, 2.0]


def test_a_night_is_the_us_session_that_closed_since_the_decision_before(stage_of):
    stage = stage_of()
    nights = overnight_returns(stage.bundle, stage.grid, stage.clock, stage.panel, named=None)
    nights = nights.set_index("session")
    assert set(nights["symbol"]) == {"US.I"}
    # Tuesday 20 February 2024 opens before New York reopens from Presidents' Day, 19 February.
    assert nights.loc["2024-02-20", "us_sessions"] == 0
    assert nights.loc["2024-02-20", "return"] == 0.0
    assert nights.loc["2024-02-21", "return"] == pytest.approx(0.01, abs=1e-12)
    # Hong Kong was shut from 12 to 13 February: three New York sessions by Wednesday 14th.
    assert nights.loc["2024-02-14", "us_sessions"] == 3
    assert nights.loc["2024-02-14", "return"] == pytest.approx(1.01**3 - 1.0, abs=1e-12)


def test_there_is_no_night_for_a_run_in_new_york(stage_of):
    stage = stage_of(base="XNYS")
    assert overnight_returns(stage.bundle, stage.grid, stage.clock, stage.panel, named="US.I").empty


def test_frames_that_would_be_empty_are_not_kept(stage_of):
    stage = stage_of(base="XNYS")
    none = pd.DataFrame({"symbol": [], "entry_session": [], "exit_session": []})
    found = context_of(
        stage.bundle, stage.grid, stage.clock, stage.panel, strategy=stage.strategy,
        weights=stage.panel.close, trades=none, positions=none, currency="USD", benchmark=None,
        fill="open", source=None,
    )  # fmt: skip
    assert found == {}


def test_a_saved_run_comes_back_with_its_context(result, changed, tmp_path):
    prices = pd.DataFrame({"symbol": ["SIM000"], "close": [1.0]})
    saved = changed(result, context={"prices": prices}).save(tmp_path / "run")
    again = Result.load(saved)
    assert set(again.context) == {"prices"}
    pd.testing.assert_frame_equal(again.context["prices"], prices)


def held(stage, *rows):
    return pd.DataFrame(rows, columns=["session", "symbol", "weight"])


def sectors_of(stage, positions, benchmark="I"):
    return brinson_frame(
        stage.bundle, stage.grid, stage.clock, stage.panel,
        positions=positions, benchmark=benchmark, currency="HKD",
    )  # fmt: skip


def weighed(symbol, day, value):
    known = f"{day:%Y-%m-%d}T09:00:00Z"  # after the close in Hong Kong
    return (symbol, "weight_in_I", f"{day:%Y-%m-%d}", known, value)


def test_sectors_begin_each_session_with_what_was_held_and_known_before(stage_of):
    stage = stage_of(facts=[weighed("A", DAYS[9], 0.95), weighed("A", DAYS[12], 0.5)])
    frame = sectors_of(stage, held(stage, (DAYS[10], "A", 0.4)))
    rising = frame[frame["sector"] == "Rising"].set_index("session")
    # Known after the close of day 9: from day 10 on, and until half of them is too little.
    assert rising.index.tolist() == DAYS[10:13].tolist()
    assert rising["weight"].tolist() == [0.0, 0.4, 0.0]
    assert rising["market_weight"].tolist() == [1.0, 1.0, 1.0]
    # A goes from 11.0 to 11.1 on day 11.
    assert rising["return"].iloc[1] == pytest.approx(11.1 / 11.0 - 1.0, abs=1e-12)
    assert np.isnan(rising["return"].iloc[0])
    cash = frame[frame["sector"] == "Cash"].set_index("session")
    assert cash["weight"].tolist() == [1.0, 0.6, 1.0]
    assert cash["market_weight"].tolist() == [0.0, 0.0, 0.0]


def test_without_weights_of_the_benchmark_there_are_no_sectors(stage_of):
    stage = stage_of()
    assert sectors_of(stage, held(stage)).empty
    assert sectors_of(stage, held(stage), benchmark=None).empty
