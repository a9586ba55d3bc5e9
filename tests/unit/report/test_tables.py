"""What the tables of the page say in words."""

from __future__ import annotations

import pytest

from backtest.report import tables, tables_dealing, tables_events, tables_origin
from backtest.report.headlines import dealings, headlines, interval
from backtest.report.series import Cost


def metrics_with(**attribution):
    return {"attribution": attribution, "conventions": {"initial_cash": 1000.0}}


def row(name, pnl, trades=1):
    return {"name": name, "pnl": pnl, "contribution": pnl / 1000.0, "trades": trades, "weight": 0.1}


def test_a_grouping_with_one_group_is_a_word_and_no_table():
    metrics = metrics_with(
        by_sector=[row("Banks", 5.0), row("Tech", -2.0)],
        by_currency=[row("HKD", 3.0)],
        by_side=[row("long", 3.0)],
        by_exchange=[row("not stated", 3.0)],
    )
    assert [table.title for table in tables_origin.group_tables(metrics, "HKD")] == ["By sector"]
    assert (
        tables_origin.same_for_all(metrics) == "all in HKD, the bundle names no exchange, all long"
    )


def test_bars_are_as_long_as_their_share_of_the_longest():
    made, lost = tables_origin.contributor_tables(
        metrics_with(made=[row("A", 40.0)], lost=[row("B", -10.0)]), "HKD"
    )
    assert (made.rows[0].width, made.rows[0].sign) == (100.0, "plus")
    assert (lost.rows[0].width, lost.rows[0].sign) == (25.0, "minus")
    assert lost.rows[0].cells[0] == "-10"


def test_the_steps_from_trades_to_profit_leave_out_a_remnant_of_rounding():
    metrics = metrics_with(trades_pnl=100.0, interest=20.0, other=-1e-9)
    metrics["return"] = {"profit_amount": 120.0}
    table = tables_origin.profit_table(metrics, "HKD")
    assert [line[0] for line in table.rows] == ["Trades, net of their costs", "Interest", "Profit"]
    assert table.rows[-1][1:] == ("120", "12.00 %")


def test_a_window_that_the_run_saw_in_part_has_a_star():
    crisis = {
        "name": "Yen carry trades", "first": "2024-08-01", "last": "2024-08-06", "partial": True,
        "exposure": 0.5, "return": -0.1, "max_drawdown": -0.2,
    }  # fmt: skip
    [line] = tables_origin.crisis_table({"crises": [crisis]}, "").rows
    assert line == (
        "Yen carry trades*", "2024-08-01", "2024-08-06", "50.0 %", "-10.00 %", "-20.00 %"
    )  # fmt: skip


def test_outcomes_that_occurred_are_explained_and_others_are_not():
    orders = [
        {"status": "filled", "count": 9, "share": 0.9, "value": 90.0},
        {"status": "capped", "count": 1, "share": 0.1, "value": 10.0},
    ]
    metrics = {"dealing": {"orders": orders}}
    assert tables_dealing.fate_words(metrics).startswith("Capped: by the share of the bar's volume")
    assert "want of cash" not in tables_dealing.fate_words(metrics)
    table = tables_dealing.order_table(metrics, "HKD")
    assert [line.head for line in table.rows] == ["Filled in full", "Capped"]


def test_holding_periods_begin_and_end_with_a_trade():
    periods = [
        {"from": low, "to": high, "trades": count}
        for low, high, count in ((0, 1, 0), (2, 5, 3), (6, 10, 0), (11, 20, 1), (21, None, 0))
    ]
    table = tables_dealing.holding_table({"dealing": {"holding_periods": periods}}, "HKD")
    assert [line.head for line in table.rows] == ["2 to 5", "6 to 10", "11 to 20"]


@pytest.mark.parametrize(
    ("cost", "label"),
    [
        (Cost("sfc_levy", 1.0, 0.0, 0.0), "SFC levy"),
        (Cost("finra_taf", 1.0, 0.0, 0.0), "FINRA TAF"),
        (Cost("financing", 5.0, 0.0, 0.0), "Financing"),
        (Cost("financing", -5.0, 0.0, 0.0), "Interest earned"),
    ],
)
def test_costs_are_named_as_people_write_them(cost, label):
    assert tables.cost_label(cost) == label


def test_a_fraction_among_the_attributes_is_read_in_percent():
    group = {"from": -0.10, "to": -0.08, "events": 5, "bought": 1}
    events = {"by_attribute": {"depth": [group], "flow_z": [{**group, "from": None, "to": None}]}}
    depth, flow = tables_events.groupings(events, ["depth"], "HSI")
    assert depth.table.rows[0][0] == "-10.0 to -8.0 %"
    assert (flow.title, flow.table.rows[0][0]) == ("By flow z", "unknown")


def test_an_interval_stands_beside_its_number_and_nowhere_else():
    measures = {"cagr": [0.012, 0.034], "sharpe": [None, None]}
    metrics = {"inference": {"intervals": {"level": 0.9, "measures": measures}}}
    assert interval(metrics, "cagr", lambda x: f"{100 * x:.1f} %") == "90 %: 1.2 to 3.4 %"
    assert interval(metrics, "sharpe", str) == ""
    assert interval(metrics, "calmar", str) == ""


def test_there_are_eight_headlines_with_a_benchmark_and_without(result, changed):
    metrics = result.metrics
    alone = metrics | {"benchmark": {"name": None}}
    for case in (metrics, alone):
        assert len(headlines(case, currency="HKD", benchmark="SIMTECH")) == 8
    assert headlines(alone, currency="HKD", benchmark="")[-1].label == "Time under water"
    assert [line.label for line in dealings(metrics)] == [
        "Gross exposure", "Turnover a year", "Closed trades", "Costs a year"
    ]  # fmt: skip


def test_intervals_say_how_they_were_made_or_why_there_are_none(result):
    words = tables.interval_words(result.metrics)
    assert words.startswith("90 % intervals: sessions drawn again in blocks of")
    assert words.endswith("1,000 times.")
    short = {"inference": {"intervals": {"reason": "fewer than 60 sessions"}}}
    assert tables.interval_words(short) == "No intervals: fewer than 60 sessions."


@pytest.mark.parametrize(
    ("trials", "words"),
    [(None, ["not known", "needs the number of trials"]), (1, ["1", "none with one trial"])],
)
def test_luck_says_what_it_does_not_know(result, trials, words):
    inference = result.metrics["inference"] | {"trials": trials, "deflated_sharpe": None}
    rows = dict(tables.luck_table(result.metrics | {"inference": inference}).rows)
    assert [rows["Trials known"], rows["Probability beyond the luck of the best"]] == words
