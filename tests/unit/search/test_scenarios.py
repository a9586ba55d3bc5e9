"""Scenarios on holdings: worked by hand on a market of three stocks, and what is told of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from backtest.calendars import sessions
from backtest.cli import app
from backtest.config import RunConfig
from backtest.errors import FaultyInput
from backtest.report.crisis import crises
from backtest.runner import prepare
from backtest.search.scenario_betas import Prior, betas_of, proxies, shrunk
from backtest.search.scenario_outcomes import shocked
from backtest.search.scenario_runs import Holdings, holdings_of, outcome_of, run_scenarios
from backtest.search.scenarios import chosen, factors, scenarios, steps_of

DATES = sessions("XHKG", date(2024, 1, 2), date(2024, 12, 31)).dates
FALL = int(np.searchsorted(DATES, np.datetime64("2024-08-05")))


def moves():
    """Of the index: one a week, so that a week's return is that move; a tenth lost on 5 August."""
    out = np.zeros(len(DATES))
    rng = np.random.default_rng(5)
    out[1:][(np.arange(1, len(DATES)) - FALL) % 5 == 0] = 1.0
    out *= rng.choice([-0.02, -0.01, 0.01, 0.02], size=len(DATES))
    out[FALL] = -0.1
    return out


def bundle(folder, betas, *, late=None, sectors=None):
    """Stocks whose returns are ``betas`` times the index's; those in ``late`` begin at a row."""
    index = moves()
    bars, rows = [], []
    for symbol, beta in {"HSTECH": 1.0, **betas}.items():
        begin = (late or {}).get(symbol, 0)
        close = 100.0 * np.cumprod(1.0 + beta * index)[begin:]
        plain = dict.fromkeys(["open", "high", "low", "close"], close) | {"volume": 1e9}
        bars.append(pd.DataFrame({"symbol": symbol, "session": DATES[begin:], **plain}))
        rows.append({"symbol": symbol, "exchange": "XHKG", "currency": "HKD",
                     "kind": "index" if symbol == "HSTECH" else "stock",
                     "sector": (sectors or {}).get(symbol, "Tech")})  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "bundle.yaml").write_text("name: tiny\nprices: adjusted\n", encoding="utf-8")
    tables = {"instruments": pd.DataFrame(rows), "bars": pd.concat(bars, ignore_index=True)}
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return config(folder)


def config(folder, **sections):
    plain = {"name": "tiny", "data": {"bundle": str(folder)}, "strategy": {"name": "equal_weight"},
             "market": "frictionless", "portfolio": {"cash": 1_000_000}}  # fmt: skip
    return RunConfig.model_validate({**plain, **sections})


@pytest.fixture
def panel(tmp_path):
    return prepare(bundle(tmp_path / "tiny", {"A": 2.0, "B": 0.5})).panel


HELD = Holdings("2024-12-31", 1e6, {"A": 0.5, "B": 0.25})


def test_two_positions_in_a_shock_worked_by_hand(panel):
    # The index halves in 26 equal weeks; A moves twice as far each week, B half as far.
    week = 0.5 ** (1 / 26) - 1
    a, b = (1 + 2 * week) ** 26 - 1, (1 + week / 2) ** 26 - 1
    # By calculator: a week is -2.6307 %; 0.947386^26 = 0.2453, 0.986847^26 = 0.7087.
    assert (a, b) == pytest.approx((-0.7547, -0.2913), abs=5e-5)
    found = outcome_of(scenarios()["beijing"], panel, HELD)
    lines = {line.symbol: line for line in found.lines}
    assert lines["A"].betas == {"hk_tech": pytest.approx(2.0)}
    assert lines["B"].betas == {"hk_tech": pytest.approx(0.5)}
    assert lines["A"].move == pytest.approx(a)
    assert found.change == pytest.approx(0.5 * a + 0.25 * b)
    assert found.by_factor == {"hk_tech": pytest.approx(found.change)}
    assert found.error == pytest.approx(0.0, abs=1e-9)  # the fit leaves no rest
    assert (found.proxies, found.shocks) == (
        {"hk_tech": "HSTECH"},
        {"hk_tech": pytest.approx(-0.5)},
    )
    assert set(found.left_out) == {"us_tech", "star", "btc", "usd_cnh"}


def test_an_episode_is_replayed_with_the_moves_of_the_bundle(panel):
    # From 1 to 6 August 2024 the index moves once, by -10 %: A -20 %, B -5 %.
    found = outcome_of(scenarios()["carry-2024"], panel, HELD)
    assert found.steps == ("2024-08-01", "2024-08-02", "2024-08-05", "2024-08-06")
    assert found.change == pytest.approx(0.5 * -0.2 + 0.25 * -0.05)
    assert found.own == pytest.approx(found.change)
    assert {line.symbol: line.own for line in found.lines} == pytest.approx({"A": -0.2, "B": -0.05})


def test_an_instrument_of_ones_own_can_stand_for_a_factor(tmp_path):
    made = bundle(tmp_path / "tiny", {"A": 2.0, "B": 0.5})
    _, _, [found] = run_scenarios(made, "beijing", stand_ins={"hk_tech": "A"})
    assert found.proxies == {"hk_tech": "A"}
    assert {line.symbol: line.betas["hk_tech"] for line in found.lines} == pytest.approx(
        {"A": 1.0, "B": 0.25}
    )


def test_a_short_gains_what_a_long_loses(panel):
    short = replace(HELD, weights={"A": -0.5})
    long = replace(HELD, weights={"A": 0.5})
    one, two = (outcome_of(scenarios()["beijing"], panel, held) for held in (short, long))
    assert one.change == pytest.approx(-two.change)
    assert one.change > 0


def test_nothing_after_the_holdings_session_is_in_the_betas(tmp_path, panel):
    held = replace(HELD, session="2024-10-15")
    before = outcome_of(scenarios()["beijing"], panel, held)
    other = bundle(tmp_path / "other", {"A": 2.0, "B": 0.5})
    file = tmp_path / "other" / "bars.parquet"
    bars = pd.read_parquet(file)
    later = (bars["session"] >= "2024-10-15") & (bars["symbol"] == "A")
    bars.loc[later, ["open", "high", "low", "close"]] *= np.linspace(1, 3, later.sum())[:, None]
    bars.to_parquet(file, index=False)
    assert outcome_of(scenarios()["beijing"], prepare(other).panel, held) == before


def test_a_stock_without_a_past_has_the_mean_of_its_sector_and_is_marked(tmp_path):
    own = {"A": 2.0, "B": 0.5, "C": 1.0, "D": 1.0, "E": 0.5}
    other = {"F": 9.0, "G": 9.0}
    late = {"N": len(DATES) - 40}
    made = bundle(tmp_path / "tiny", {**own, **other, "N": 3.0}, late=late,
                  sectors=dict.fromkeys(other, "Banks"))  # fmt: skip
    held = replace(HELD, weights={"N": 0.5, "A": 0.5})
    lines = {
        x.symbol: x for x in outcome_of(scenarios()["beijing"], prepare(made).panel, held).lines
    }
    assert lines["N"].origin == "sector"
    assert lines["N"].betas["hk_tech"] == pytest.approx(1.0)  # mean of 2, 0.5, 1, 1, 0.5
    # True ones vary by 0.375, their mean is off by 0.375 / 5.
    assert lines["N"].beta_errors["hk_tech"] == pytest.approx(np.sqrt(0.375 + 0.075))
    assert lines["A"].origin == "own"


def test_with_few_in_the_sector_the_exchange_stands_in(tmp_path):
    made = bundle(tmp_path / "tiny", {"A": 2.0, "B": 0.5, "C": 1.0, "D": 1.0, "E": 0.5, "N": 3.0},
                  late={"N": len(DATES) - 40}, sectors={"N": "Banks"})  # fmt: skip
    held = replace(HELD, weights={"N": 1.0})
    [line] = outcome_of(scenarios()["beijing"], prepare(made).panel, held).lines
    assert (line.origin, line.betas["hk_tech"]) == ("market", pytest.approx(1.0))


def test_betas_of_the_factor_itself_are_one_and_are_not_drawn_anywhere(panel):
    stand = [proxies(panel, factors()["hk_tech"])[0]]
    found = betas_of(panel, len(DATES) - 1, stand, ("HSTECH",))
    assert found.slopes == pytest.approx(1.0)
    assert found.errors == pytest.approx(0.0, abs=1e-9)


def test_a_noisy_slope_is_drawn_half_way_where_noise_and_spread_are_equal():
    prior = Prior(np.array([1.0]), np.array([0.04]), np.array([0.01]))
    value, error = shrunk(np.array([2.0]), np.array([0.2]), prior)
    assert value[0] == pytest.approx(1.5)
    assert error[0] == pytest.approx(np.sqrt(0.5 * 0.04 + 0.25 * 0.01))


def test_a_position_cannot_lose_more_than_everything():
    levels, _ = shocked(np.array([[-0.6], [0.5]]), np.array([[2.0]]))
    assert levels[:, 0].tolist() == [1.0, 0.0, 0.0]


def test_parts_by_factor_sum_to_the_move():
    steps = np.random.default_rng(1).normal(0, 0.02, (50, 3))
    betas = np.array([[1.0, -0.5, 2.0], [0.1, 0.2, 0.3]])
    levels, parts = shocked(steps, betas)
    assert parts.sum(axis=1) == pytest.approx(levels[-1] - 1.0)


@pytest.mark.parametrize("name", list(scenarios()))
def test_every_scenario_says_what_it_is_and_who_says_so(name):
    one = scenarios()[name]
    assert one.about.strip()
    assert set(one.factors) <= set(factors())
    if one.kind == "shock":
        assert "choices" in one.about
    else:
        assert all(one.sources)


def test_published_levels_make_the_move_that_they_say():
    # 5,048.62 to 1,114.11, and 18,302 to 9,493.62.
    labels, steps = steps_of(scenarios()["dot-com"])
    whole = np.prod(1.0 + steps, axis=0)
    assert whole == pytest.approx([1114.11 / 5048.62, 9493.62 / 18302])
    assert labels[-1] == "2002-10-09"
    # The year 2000: 2,470.52 at its end, within the step that holds it.
    at = next(k for k, label in enumerate(labels) if label >= "2000-12-29")
    assert np.prod(1.0 + steps[: at + 1, 0]) == pytest.approx(2470.52 / 5048.62, rel=0.05)


def test_a_shock_compounds_to_its_size():
    for name in ("ai-bubble", "beijing"):
        one = scenarios()[name]
        whole = np.prod(1.0 + steps_of(one)[1], axis=0) - 1.0
        assert whole == pytest.approx([one.shock[factor] for factor in one.factors])


def test_episodes_are_windows_of_the_tearsheet():
    names = {one.name for one in crises()}
    episodes = [one.episode.name for one in scenarios().values() if one.episode is not None]
    assert len(episodes) == 6
    assert set(episodes) <= names


def test_an_episode_outside_the_bundle_is_said_so(panel):
    found = outcome_of(scenarios()["covid-2020"], panel, HELD)
    assert found.missing.startswith(
        "needs 2020-01-20 to 2020-03-23; the bundle's history here is 2024"
    )
    with pytest.raises(FaultyInput, match="covid-2020: needs 2020"):
        run_scenarios(config(panel._bundle.path), "covid-2020")


def test_an_unknown_name_gets_the_nearest_known_one():
    with pytest.raises(FaultyInput, match="did you mean 'beijing'"):
        chosen("bejing")


def test_holdings_are_those_of_the_last_session_on_or_before_the_day(tmp_path):
    result, holdings, outcomes = run_scenarios(
        bundle(tmp_path / "tiny", {"A": 2.0, "B": 0.5}), "beijing", on=date(2024, 11, 3)
    )
    assert holdings.session == "2024-11-01"  # the third was a Sunday
    held = result.positions[result.positions["session"] == "2024-11-01"]
    assert holdings.weights == dict(zip(held["symbol"], held["weight"], strict=True))
    assert len(outcomes) == 1
    with pytest.raises(FaultyInput, match="before the run's first session, 2024-01-02"):
        holdings_of(result, date(2020, 1, 1))


def test_a_day_on_which_nothing_was_held_is_said_with_the_last_that_had_any(tmp_path):
    made = bundle(tmp_path / "tiny", {"A": 2.0, "B": 0.5})
    file = tmp_path / "weights.csv"
    file.write_text("session,symbol,weight\n2024-01-03,A,0.5\n2024-02-01,A,0\n", encoding="utf-8")
    sold = made.model_copy(
        update={
            "strategy": made.strategy.model_copy(
                update={"name": "from_file", "params": {"path": str(file)}}
            )
        }
    )
    with pytest.raises(FaultyInput, match=r"nothing was held on 2024-12-31; --on 2024-01-31"):
        run_scenarios(sold, "beijing")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    bundle(tmp_path / "tiny", {"A": 2.0, "B": 0.5})
    text = (
        "name: tiny\ndata: {bundle: tiny}\nstrategy: {name: equal_weight}\nmarket: frictionless\n"
    )
    (tmp_path / "tiny.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_a_file_and_a_page(desk):
    done = CliRunner().invoke(app, ["stress", "tiny.yaml", "--scenario", "all", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    names = [one["name"] for one in told["scenarios"]]
    assert names == list(scenarios())
    written = json.loads((desk / told["file"]).read_text(encoding="utf-8"))
    beijing = next(one for one in written["scenarios"] if one["name"] == "beijing")
    assert beijing["change"] == pytest.approx(beijing["nav"][-1] - 1.0)
    page = (desk / told["page"]).read_text(encoding="utf-8")
    assert "Beijing turns" in page
    assert "needs 2020-01-20" in page
    first = (desk / told["page"]).read_bytes()
    CliRunner().invoke(app, ["stress", "tiny.yaml", "--scenario", "all", "--json"])
    assert (desk / told["page"]).read_bytes() == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "bejing"], "did you mean 'beijing'"),
        (["--scenario", "beijing", "--scenario", "dot-com"], "takes one name, or 'all'"),
        (["--on", "2024-06-03"], "goes with --scenario only"),
        (["--scenario", "covid-2020"], "needs 2020-01-20"),
        (["--factor", "us_tech=A"], "goes with --scenario only"),
        (["--scenario", "beijing", "--factor", "us_tech"], "must look like NAME=SYMBOL"),
        (["--scenario", "beijing", "--factor", "us_teck=A"], "did you mean 'us_tech'"),
        (["--scenario", "beijing", "--factor", "us_tech=AA"], "'AA' is not in the bundle"),
    ],
)
def test_a_mistake_is_told_with_exit_code_2(desk, words, said):
    done = CliRunner().invoke(app, ["stress", "tiny.yaml", *words])
    assert done.exit_code == 2
    assert said in done.output


def test_the_list_names_every_scenario(desk):
    done = CliRunner().invoke(app, ["stress", "tiny.yaml", "--scenario", "list"])
    assert done.exit_code == 0
    assert all(name in done.output for name in scenarios())
