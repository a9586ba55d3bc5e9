from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from backtest.report.catalogue import ELSEWHERE, GROUPS, leaves
from backtest.report.detail import detail_of
from backtest.report.metrics import metrics_of
from backtest.report.provenance import config_yaml
from backtest.report.tearsheet import tearsheet_html, write_tearsheet
from backtest.result import Result

HOSTILE = "<img src=x onerror=alert(1)>\"'</script><!--\u2028\u202e👾" + "x" * 200


class Page(HTMLParser):
    """Tags, attributes and visible text of a page; scripts and styles apart."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: dict[str, str] = {}
        self._inside = ""
        self._name = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside, self._name = tag, dict(attrs).get("id") or ""

    def handle_endtag(self, tag):
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data):
        if self._inside:
            self.scripts[self._name] = self.scripts.get(self._name, "") + data
        elif data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.words)


def spelled(values):
    """A column of the trades' data, its repeated words written out."""
    return [values["words"][at] for at in values["at"]] if isinstance(values, dict) else values


def remade(result, changed, **fields):
    """The result with other fields, and the metrics that belong to them."""
    other = changed(result, **fields)
    return changed(other, metrics=metrics_of(other) | detail_of(other))


def test_the_page_asks_for_nothing_outside_itself(result):
    page = Page(tearsheet_html(result))
    for tag, attributes in page.tags:
        assert "src" not in attributes
        assert tag not in {"link", "iframe", "object", "embed", "img"}
        if "href" in attributes:
            assert attributes["href"].startswith("#")
    [policy] = [
        attributes["content"]
        for tag, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")


def test_the_same_result_gives_the_same_bytes(result, tmp_path):
    first = write_tearsheet(result, tmp_path / "a.html").read_bytes()
    second = write_tearsheet(result, tmp_path / "b.html").read_bytes()
    assert first == second
    assert b"not-to-be-shown" not in first
    assert not list(tmp_path.glob(".*"))


def test_ten_years_with_3000_trades_are_one_file_below_7_mb_in_under_a_second(
    make_result, tmp_path
):
    result = make_result(2600, 150, 3000)
    tearsheet_html(make_result(30, 3, 5))  # templates and chart library are read
    started = time.process_time()
    path = write_tearsheet(result, tmp_path / "tearsheet.html")
    assert time.process_time() - started < 1.0
    assert path.stat().st_size < 7_000_000


def test_the_headline_numbers_are_those_of_the_metrics(result):
    text = Page(tearsheet_html(result)).text
    assert f"{100 * result.metrics['return']['cagr']:.2f} %" in text
    assert f"{100 * result.metrics['drawdowns']['max_drawdown']:.2f} %" in text
    assert f"{result.metrics['risk']['sharpe']:.2f}" in text


def test_every_measure_of_the_metrics_has_a_place_on_the_page(result):
    shown = {m.path for group in GROUPS for m in group.measures}
    shown |= {m.beside for group in GROUPS for m in group.measures}
    for path in leaves(result.metrics):
        is_shown = any(path[: len(known)] == known for known in shown if known)
        assert is_shown or ELSEWHERE & set(path), ".".join(path)


def test_no_place_on_the_page_waits_for_a_measure_that_is_not_made(result):
    made = set(leaves(result.metrics))
    for group in GROUPS:
        for measure in group.measures:
            for path in filter(None, (measure.path, measure.beside)):
                assert any(leaf[: len(path)] == path for leaf in made), ".".join(path)


def test_a_simulated_market_survivors_and_a_price_index_are_said_before_any_number(result):
    page = Page(tearsheet_html(result))
    start = page.text.index("CAGR")
    for badge in ("Simulated market", "Survivors only", "Price index benchmark", "Costs on"):
        assert page.text.index(badge) < start


def test_adjusted_prices_and_no_costs_are_badges(result, changed):
    bundle = result.manifest["bundle"] | {"prices": "adjusted", "simulated": False}
    rules = {"XHKG": {"market": "frictionless", "warnings": []}}
    config = result.config | {"execution": {"fill": "open", "slippage": {"bps": 0.0}}}
    manifest = result.manifest | {"bundle": bundle, "rules": rules, "warnings": []}
    text = Page(tearsheet_html(changed(result, manifest=manifest, config=config))).text
    assert "Adjusted prices" in text
    assert "No costs" in text
    assert "Simulated market" not in text


def test_every_optimistic_assumption_and_every_warning_is_shown(result):
    text = Page(tearsheet_html(result)).text
    for sentence in (*result.manifest["optimistic"], *result.manifest["warnings"]):
        assert sentence in text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(None, "not run"), ({"passed": True}, "passed"), ({"passed": False}, "failed")],
)
def test_the_look_ahead_check_is_passed_failed_or_not_run(result, changed, outcome, words):
    manifest = result.manifest | ({} if outcome is None else {"look_ahead": outcome})
    text = Page(tearsheet_html(changed(result, manifest=manifest))).text
    assert re.search(rf"Look-ahead check {words}", text)


@pytest.mark.parametrize(
    ("outcome", "badge"),
    [
        (None, '<li class="plain">Look-ahead not checked</li>'),
        ({"passed": False}, '<li class="bad">Look-ahead found</li>'),
        (
            {"passed": False, "claims": [{"name": "tradable", "passed": False}]},
            '<li class="bad">Strategy check failed</li>',
        ),
    ],
)
def test_the_head_of_the_page_says_what_the_check_did_not_prove(result, changed, outcome, badge):
    manifest = result.manifest | ({} if outcome is None else {"look_ahead": outcome})
    page = tearsheet_html(changed(result, manifest=manifest))
    assert page.index(badge) < page.index("NAV, ")


def test_a_drawdown_that_did_not_end_is_called_not_recovered(make_result, changed):
    result = make_result(30)
    nav = result.nav.assign(nav=np.linspace(1_000_000.0, 900_000.0, 30))
    text = Page(tearsheet_html(remade(result, changed, nav=nav))).text
    assert "not recovered" in text


def test_what_was_paid_leads_from_gross_to_net(result):
    page = Page(tearsheet_html(result))
    for step in ("Gross profit", "Stamp duty", "Trading fee", "Slippage", "FX cost", "Net profit"):
        assert step in page.text
    profit = result.metrics["return"]["profit_amount"]
    assert f"{profit:,.0f}" in page.text


def test_findings_rules_hashes_config_and_command_are_shown(result):
    text = Page(tearsheet_html(result)).text
    assert "118 bars on days that are no XHKG session" in text
    assert "settlement fee from 2025-06-30 is not verified" in text
    assert result.manifest["bundle"]["hash"] in text
    assert "drop: 0.05" in text
    assert "backtest run config.yaml" in text


def test_all_trades_are_in_the_page_and_open_ones_say_so(result):
    records = json.loads(Page(tearsheet_html(result)).scripts["trade-data"])
    assert len(spelled(records["rows"]["symbol"])) == len(result.trades)
    ended = spelled(records["rows"]["exit_session"])
    assert ended.count("open") == int(result.trades["open"].sum())
    assert {column["key"] for column in records["columns"]} == set(records["rows"])


def test_hostile_names_are_text_and_never_markup(result, changed):
    trades = result.trades.assign(reason=HOSTILE).replace({"symbol": {"SIM000": HOSTILE}})
    trades.loc[trades.index[0], "symbol"] = HOSTILE
    positions = result.positions.replace({"symbol": {"SIM000": HOSTILE}})
    bundle = result.manifest["bundle"] | {"name": HOSTILE, "description": HOSTILE}
    manifest = result.manifest | {"bundle": bundle, "warnings": [HOSTILE], "optimistic": [HOSTILE]}
    config = result.config | {
        "description": HOSTILE,
        "benchmark": HOSTILE,
        "tearsheet": {"title": HOSTILE},
        "strategy": {"name": "x", "params": {HOSTILE: HOSTILE}},
    }
    hostile = remade(
        result, changed, trades=trades, positions=positions, manifest=manifest, config=config
    )
    source = tearsheet_html(hostile)
    page = Page(source)
    plain = Page(tearsheet_html(result))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert not [attributes for _, attributes in page.tags if "onerror" in attributes]
    assert sum(tag == "script" for tag, _ in page.tags) == sum(
        tag == "script" for tag, _ in plain.tags
    )
    assert "<img src=x onerror" not in source.replace("plotly", "")
    records = json.loads(page.scripts["trade-data"])
    assert spelled(records["rows"]["symbol"])[0] == HOSTILE
    assert "&lt;img" in json.loads(page.scripts["charts"])["figures"]["nav"]["data"][0]["name"]


def test_the_config_shown_is_the_config_saved(result, tmp_path):
    saved = (result.save(tmp_path / "run") / "config.yaml").read_text("utf-8")
    assert config_yaml(result.config) == saved


def test_a_saved_run_gives_the_same_page(result, tmp_path):
    assert tearsheet_html(Result.load(result.save(tmp_path / "run"))) == tearsheet_html(result)


def test_a_name_that_has_no_bytes_is_written_all_the_same(result, changed, tmp_path):
    config = result.config | {"description": "half a character: \ud83d"}
    path = write_tearsheet(changed(result, config=config), tmp_path / "page.html")
    assert "half a character: ?" in path.read_text(encoding="utf-8")


def emptied(result):
    return {
        name: getattr(result, name).iloc[:0] for name in ("positions", "fills", "orders", "trades")
    }


def test_a_run_that_never_traded_has_a_sensible_page(result, changed):
    nav = result.nav.assign(
        nav=1_000_000.0, cash=1_000_000.0, gross=0.0, net=0.0, turnover=0.0, fees=0.0,
        slippage=0.0, fx_cost=0.0, financing=0.0, stale_value=0.0,
    )  # fmt: skip
    text = Page(tearsheet_html(remade(result, changed, nav=nav, **emptied(result)))).text
    assert "No order was sent" in text
    assert "Nothing was ever held" in text
    assert "nothing was held: there is no risk" in text
    assert "No trade was made." in text
    assert "Nothing was paid" in text
    assert "NAV never closed below an earlier peak." in text


def test_a_run_of_one_day_has_a_sensible_page(make_result):
    text = Page(tearsheet_html(make_result(1, 2, 2))).text
    assert "shorter than one window" in text
    assert "2016-01-04 to 2016-01-04, 1 session Universe" in text
    assert "less than a year: not annualised" in text
    assert "annualised from 1 session" in text
    assert "Less than a year: 1 session" in text


def test_a_bankrupt_run_says_so(result, changed):
    nav = result.nav.copy()
    nav.loc[100:, ["nav", "cash", "gross", "net"]] = 0.0
    text = Page(tearsheet_html(remade(result, changed, nav=nav))).text
    assert "Bankrupt" in text
    assert "-100.00 %" in text


def test_a_run_without_a_benchmark_has_a_sensible_page(result, changed):
    config = result.config | {"benchmark": None}
    nav = result.nav.drop(columns="benchmark")
    text = Page(tearsheet_html(remade(result, changed, nav=nav, config=config))).text
    assert "Information ratio" not in text
    assert "Beta" not in text


def test_sessions_may_be_the_index_of_the_nav(result, changed):
    indexed = changed(result, nav=result.nav.set_index("session"))
    assert tearsheet_html(indexed) == tearsheet_html(result)


def test_writing_a_tearsheet_imports_neither_plotly_nor_matplotlib_nor_quantstats():
    code = (
        "import sys, backtest.report.tearsheet, backtest.report.compare, "
        "backtest.report.quantstats_page\n"
        "from backtest.report.page import render\n"
        "heavy = {'plotly', 'matplotlib', 'quantstats', 'vectorbt'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dates_stay_on_their_own_day(make_result):
    result = make_result(40)
    charts = json.loads(Page(tearsheet_html(result)).scripts["charts"])
    dates = charts["lists"][charts["figures"]["nav"]["data"][0]["x"]["$"]]
    assert dates[0] == pd.Timestamp(result.nav["session"].iloc[0]).strftime("%Y-%m-%d")


def test_a_notebook_shows_the_headline_numbers_and_the_badges_without_scripts(result):
    shown = Page(result._repr_html_())
    assert "Simulated market" in shown.text
    assert f"{100 * result.metrics['return']['cagr']:.2f} %" in shown.text
    assert not [tag for tag, _ in shown.tags if tag == "script"]
