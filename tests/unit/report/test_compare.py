from __future__ import annotations

import copy
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from backtest.errors import FaultyInput
from backtest.report.compare import (
    compare,
    compare_folders,
    compare_html,
    compare_results,
    compare_table,
)
from backtest.report.compare_figures import overlay_chart


def other(result, changed, path="execution.slippage.bps", value=20.0, **manifest):
    """The result of a run that differs in one key of its config."""
    config = copy.deepcopy(result.config)
    *branch, leaf = path.split(".")
    node = config
    for key in branch:
        node = node[key]
    node[leaf] = value
    return changed(result, config=config, manifest=result.manifest | manifest)


def shown(renderable, width=120):
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(renderable)
    return stream.getvalue()


def test_only_the_keys_that_differ_are_listed(result, changed):
    comparison = compare_results([result, other(result, changed)])
    assert [row[:2] for row in comparison.differences] == [("execution.slippage.bps", ("5", "20"))]
    assert comparison.unlike == ()


def test_a_key_that_one_run_lacks_is_not_set_there(result, changed):
    config = {key: value for key, value in result.config.items() if key != "exits"}
    comparison = compare_results([result, changed(result, config=config)])
    assert comparison.differences[0][:2] == ("exits.stop_loss", ("0.1", "not set"))


def test_how_a_page_is_dressed_is_no_difference(result, changed):
    renamed = changed(
        result,
        config=result.config | {"name": "b", "description": "c", "tearsheet": {"risk_free": 0.0}},
        manifest=result.manifest | {"name": "b"},
    )
    comparison = compare_results([result, renamed])
    assert comparison.differences == ()
    assert "Nothing: config, data, code, rules and versions are the same." in compare_html(
        comparison
    )


def test_other_data_and_other_code_are_inputs_too(result, changed):
    strategy = result.manifest["strategy"] | {"sha256": "bb66" * 16}
    bundle = result.manifest["bundle"] | {"hash": "0" * 64}
    changed_run = changed(
        result, manifest=result.manifest | {"strategy": strategy, "bundle": bundle}
    )
    comparison = compare_results([result, changed_run])
    assert [row.key for row in comparison.differences] == ["data (hash)", "strategy (source hash)"]


def test_runs_of_other_dates_data_currency_and_base_are_called_unlike(make_result, changed):
    first, second = make_result(100, name="a"), make_result(90, name="b")
    bundle = second.manifest["bundle"] | {"hash": "0" * 64}
    second = changed(
        second,
        manifest=second.manifest | {"bundle": bundle, "currency": "USD", "base": "XNYS"},
    )
    reasons = " ".join(compare_results([first, second]).unlike)
    for words in ("other dates", "other data", "other currencies", "other base exchanges"):
        assert words in reasons


def test_costs_off_in_one_run_is_said_with_its_name(result, changed):
    free = other(
        result, changed, value=0.0, name="free", rules={"XHKG": {"market": "frictionless"}}
    )
    [reason] = compare_results([result, free]).unlike
    assert reason == "Costs are off in free and on in the others."


def test_unlike_runs_are_warned_of_before_any_number(make_result):
    page = compare_html([make_result(100, name="a"), make_result(90, name="b")])
    assert page.index("not alike") < page.index("CAGR")
    assert "nothing here is ranked" in page


def test_runs_stay_in_the_order_given(make_result):
    runs = [make_result(50, name=name) for name in ("b", "c", "a")]
    assert compare_results(runs).names == ("b", "c", "a")


def test_runs_of_one_name_are_told_apart_by_their_fingerprints(result, changed):
    second = changed(result, manifest=result.manifest | {"fingerprint": "aabbccdd00"})
    assert compare_results([result, second]).names == (
        "spillover_dip 3f9a1c7e",
        "spillover_dip aabbccdd",
    )
    assert compare_results([result, result]).names[1] == "spillover_dip 3f9a1c7e (2)"


def test_navs_are_100_on_the_first_common_session(make_result, changed):
    first, second = make_result(60, name="a"), make_result(60, name="b", seed=2)
    late = changed(second, nav=second.nav.iloc[20:].reset_index(drop=True))
    chart = overlay_chart(compare_results([first, late]))
    navs = [trace for trace in chart.figure["data"] if trace.get("uid") in ("run0x0", "run1x0")]
    for trace, row in zip(navs, (20, 0), strict=True):
        assert np.asarray(trace["y"])[row] == pytest.approx(100.0, abs=1e-12)


def test_relative_nav_is_the_quotient_of_growth(make_result, changed):
    first, second = make_result(3, name="a"), make_result(3, name="b")
    first = changed(first, nav=first.nav.assign(nav=[100.0, 110.0, 100.0]))
    second = changed(second, nav=second.nav.assign(nav=[200.0, 330.0, 100.0]))
    chart = overlay_chart(compare_results([first, second]))
    [relative] = [trace for trace in chart.figure["data"] if trace.get("uid") == "run1x1"]
    # b grew to 1.65 and 0.5 of its start, a to 1.1 and 1.0: half more, then half less. Rounding.
    assert np.asarray(relative["y"]) == pytest.approx([0.0, 50.0, -50.0], abs=1e-12)


def test_the_benchmark_is_drawn_only_where_all_runs_share_it(make_result, changed):
    first, second = make_result(50, name="a"), make_result(50, name="b")
    assert overlay_chart(compare_results([first, second])).legend[0].label == "SIMTECH"
    second = changed(second, config=second.config | {"benchmark": "OTHER"})
    assert overlay_chart(compare_results([first, second])).legend[0].label == "a"


def test_the_terminal_table_shows_differences_warnings_and_measures(result, changed, make_result):
    table = shown(compare_table([result, other(result, changed), make_result(100, name="short")]))
    assert "execution.slippage.bps" in table
    assert "Not alike:" in table
    assert table.index("What differs") < table.index("Not alike:") < table.index("CAGR")
    assert "Measured over the 100 sessions in common" in table
    assert f"{100 * result.nav['nav'].iloc[99] / 1e6 - 100:.2f} %" in table


def test_square_brackets_in_a_name_are_no_markup_for_the_terminal(result, changed):
    odd = changed(result, manifest=result.manifest | {"name": "[red]x[/red]"})
    assert "[red]x[/red]" in shown(compare_table([result, odd]))


def test_twelve_runs_stand_in_rows_on_the_terminal(make_result):
    runs = [make_result(50, name=f"run_{number:02d}", seed=number) for number in range(12)]
    table = shown(compare_table(runs), width=160)
    assert (
        sum(line[:3] in {f"{letter}  " for letter in "ABCDEFGHIJKL"} for line in table.splitlines())
        == 24
    )
    assert "L  run_11" in table


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("count", [2, 4, 9])
def test_no_number_is_cut_and_no_run_nameless_however_narrow_the_terminal(
    make_result, count, width
):
    long = "longer-than-a-third-of-it"
    runs = [make_result(300, name=long, seed=seed) for seed in range(count)]
    runs = [replace(run, manifest=run.manifest | {"fingerprint": f"{at}e" * 8})
            for at, run in enumerate(runs)]  # fmt: skip
    comparison = compare_results(runs)
    table = shown(comparison, width=width)
    assert "…" not in table
    assert max(map(len, table.splitlines())) <= width
    for row in comparison.headlines:
        for text in row.texts:
            assert text in table
    for row in comparison.pairs:
        assert row.difference in table
        assert f"{row.low} to {row.high}" in table or not row.low
    for at in range(count):
        assert f"{'ABCDEFGHI'[at]}  {long} {at}e{at}e{at}e{at}e" in table


def test_hostile_names_are_text_in_a_comparison(result, changed):
    name = "<img src=x onerror=alert(1)></script>"
    page = compare_html([result, changed(result, manifest=result.manifest | {"name": name})])
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror" in page


def test_the_same_results_give_the_same_comparison(make_result):
    runs = [make_result(50, name="a"), make_result(50, name="b", seed=2)]
    assert compare_html(runs) == compare_html(runs)


def test_saved_runs_are_compared_with_links_to_their_tearsheets(make_result, tmp_path):
    folders = [
        make_result(50, name=name).save(tmp_path / "reports" / name, {"tearsheet.html": "a page"})
        for name in ("a", "b")
    ]
    page = compare_folders(folders, tmp_path / "compare.html")
    assert page == tmp_path / "compare.html"
    assert 'href="reports/b/tearsheet.html"' in page.read_text("utf-8")


def test_results_and_folders_may_be_mixed(make_result, tmp_path):
    first, second = make_result(50, name="a"), make_result(50, name="b")
    assert compare(first, second.save(tmp_path / "b")).names == ("a", "b")


def test_as_json_a_comparison_gives_values_by_run(result, changed):
    second = other(result, changed, name="dear")
    given = json.loads(json.dumps(compare_results([result, second]).as_dict()))
    assert given["differences"] == {"execution.slippage.bps": {"spillover_dip": "5", "dear": "20"}}
    assert given["headline"]["dear"]["cagr"] == result.metrics["headline"]["cagr"]


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_runs_cannot_be_set_side_by_side(result, count):
    for compared in (compare_results, compare_html, compare):
        with pytest.raises(FaultyInput, match=f"needs two runs or more .* got {count}"):
            compared([result] * count)


def test_runs_are_compared_by_name_as_well_and_as_a_list(make_result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        make_result(50, name=name).save(tmp_path / "reports" / name / "3f9a1c7e")
    assert compare("a", "b").names == ("a", "b")
    assert compare(["b", make_result(50, name="c"), tmp_path / "reports/a"]).names == (
        "b",
        "c",
        "a",
    )
    monkeypatch.chdir("/")
    assert compare("b/3f9a", "a", reports=tmp_path / "reports").names == ("b", "a")


def test_what_is_no_run_is_told_with_what_to_give(result):
    with pytest.raises(FaultyInput) as told:
        compare(result, 3, {"a": 1})
    assert [str(fault) for fault in told.value.faults] == [
        "3  give a Result, the folder of a run, its name, or name/fingerprint; got a int",
        "{'a': 1}  give a Result, the folder of a run, its name, or name/fingerprint; got a dict",
    ]


def test_a_name_that_no_run_has_is_told_with_the_others_that_are_missing(tmp_path):
    with pytest.raises(FaultyInput, match=r"RUN: 2 faults\n  one  no such run.*\n  two  no such"):
        compare("one", "two", reports=tmp_path)


def test_one_run_given_twice_is_said_to_be_one(result, make_result):
    comparison = compare_results([result, make_result(260, name="b", seed=2), result])
    [said] = comparison.same
    assert said == (
        "spillover_dip 3f9a1c7e (1) and spillover_dip 3f9a1c7e (2) are one run: both are "
        "3f9a1c7e52d04b88."
    )
    assert "are one run" in compare_html(comparison)
    assert "are one run" in shown(compare_table(comparison))
    assert comparison.as_dict()["same"] == [said]


def test_runs_whose_inputs_differ_and_whose_navs_do_not_are_told(result, changed):
    comparison = compare_results([result, other(result, changed, name="dear", fingerprint="ff")])
    assert comparison.same == (
        "spillover_dip and dear have the same NAV in all 260 sessions in common: what differs in "
        "their inputs changed nothing there.",
    )


def test_a_notebook_gets_the_tables_without_scripts(result, changed):
    fragment = compare_results([result, other(result, changed)])._repr_html_()
    assert "execution.slippage.bps" in fragment
    assert "<script" not in fragment
