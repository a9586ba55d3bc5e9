"""Sleeves in a config, and a run of them: what is refused, what adds up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import load_config, run
from backtest.clock import ClockSettings
from backtest.config.change import changed
from backtest.config.load import config_of
from backtest.errors import ConfigError, StrategyError
from backtest.execution import Portfolio
from backtest.explain import explain
from backtest.search.changes import applied, changes_between
from backtest.search.workshop import Workshop
from backtest.sleeves import AllocationSettings, Sleeves, SleeveSettings
from backtest.sleeves.contribution import divided
from backtest.sleeves.keys import is_parameter, numbers_of
from backtest.testing import check_strategy

ROOT = Path(__file__).resolve().parents[3]
DAYS = pd.bdate_range("2024-01-02", "2024-01-12")
SHORT = ["data.start=2024-01-02", "data.end=2024-06-28"]


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def ran():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return run(load_config("configs/sleeves.yaml", overrides=SHORT))


@pytest.fixture
def tiny(tmp_path):
    """A config of two sleeves that read their weights from files, on two stocks of 10 and 20."""
    bars = []
    for symbol, closes in {"A": [10, 10, 11, 11, 12], "B": [20, 20, 20, 30, 30]}.items():
        close = pd.Series(closes, dtype="float64")
        plain = dict.fromkeys(["open", "high", "low", "close"], close) | {"volume": 1e9}
        bars.append(pd.DataFrame({"symbol": symbol, "session": DAYS[:5], **plain}))
    about = {"exchange": "XHKG", "currency": "HKD", "kind": "stock"}
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.yaml").write_text("name: tiny\nprices: raw\n", encoding="utf-8")
    tables = {"instruments": pd.DataFrame({"symbol": ["A", "B"], **about}), "bars": pd.concat(bars)}
    for name, table in tables.items():
        table.to_parquet(tmp_path / "bundle" / f"{name}.parquet", index=False)

    def make(first, second, **sections):
        sleeves = {}
        for name, rows in (("one", first), ("two", second)):
            lines = [f"{day:%Y-%m-%d},{s},{w}" for day, s, w in rows]
            text = "\n".join(["session,symbol,weight", *lines, ""])
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
            sleeves[name] = {"strategy": {"name": "from_file", "params": {"path": f"{name}.csv"}}}
        plain = {"name": "tiny", "data": {"bundle": "bundle", "start": f"{DAYS[1]:%Y-%m-%d}"},
                 "sleeves": sleeves, "allocation": {"rebalance": 99}, "market": "frictionless",
                 "portfolio": {"cash": 1000}}  # fmt: skip
        return config_of(plain | sections, folder=tmp_path, title="tiny")

    return make


def faults_of(**overrides):
    with pytest.raises(ConfigError) as told:
        load_config(
            "configs/sleeves.yaml",
            overrides=[f"{key.replace('__', '.')}={value}" for key, value in overrides.items()],
        )
    return {fault.where: fault.message for fault in told.value.faults}


def test_two_sleeves_fill_once_and_earn_by_their_shares(tiny):
    # Each has 500. One: all in A, 50 shares at 10. Two: half in A, half in B, 25 and 12 shares.
    # Together 75 A and 12 B: (75 x 10 = 750, 12 x 20 = 240; 0.25 x 1000 / 20 = 12.5, a lot is 1).
    config = tiny([(DAYS[1], "A", 1.0)], [(DAYS[1], "A", 0.5), (DAYS[1], "B", 0.5)])
    result = run(config)
    assert result.fills[["symbol", "shares"]].to_numpy().tolist() == [["A", 75], ["B", 12]]
    # A goes from 10 to 12: 150, of which one has 50 / 75. B from 20 to 30: 120, all two's.
    frame = result.context["sleeves"].groupby("sleeve")["gain"].sum()
    assert frame.to_dict() == pytest.approx({"": 0.0, "one": 100.0, "two": 170.0})
    rows = {row["name"]: row for row in result.metrics["sleeves"]["sleeves"]}
    assert rows["two"]["contribution"] == pytest.approx(0.17)
    assert result.metrics["sleeves"]["cash"] == 0.0


def test_what_one_sells_and_the_other_buys_is_no_fill(tiny):
    one = [(DAYS[1], "A", 1.0), (DAYS[2], "A", 0.0)]
    two = [(DAYS[1], "A", 0.0), (DAYS[2], "A", 1.0)]
    result = run(tiny(one, two))
    assert result.fills["shares"].tolist() == [50]
    # Asked: a half, then a half sold and a half bought; to the market went the first alone.
    assert result.metrics["sleeves"]["netted"] == pytest.approx(2 / 3)


def test_pnl_of_the_sleeves_and_cash_is_the_change_of_nav_session_by_session(ran):
    frame, nav = ran.context["sleeves"], ran.nav["nav"].to_numpy()
    start = ran.metrics["conventions"]["initial_cash"]
    made = (frame["gain"] - frame["costs"]).groupby(frame["session"]).sum().to_numpy()
    assert np.abs(made - np.diff(nav, prepend=start)).max() < 1e-9 * start
    assert set(frame["sleeve"]) == {"cheap", "dip", "listings", ""}
    part = ran.metrics["sleeves"]
    pnl = sum(row["pnl"] for row in part["sleeves"]) + part["cash"]
    assert abs(pnl - (nav[-1] - start)) < 1e-9 * start


@pytest.mark.parametrize(
    "settings",
    [
        [
            "execution.ipo_entry=subscribe",
            "sleeves.listings.strategy.params.max_oversubscription=null",
        ],
        [
            "universe={exchange: [XHKG, XNYS, XSHG, 24/7], kind: [stock, etf, crypto]}",
            "sleeves.us={strategy: {name: equal_weight}, universe: {exchange: XNYS}}",
            "portfolio.fx=keep",
            "portfolio.fx_hedge=0.5",
        ],
        [
            "exits.stop_loss=10%",
            "execution.unfilled=carry",
            "portfolio.short=true",
            "portfolio.max_gross=2",
            "allocation.volatility_target=15%",
        ],
    ],
    ids=["cash locked in applications", "currencies", "exits and leverage"],
)
def test_it_adds_up_whatever_the_account_does(settings):
    period = ["data.start=2021-01-04", "data.end=2021-12-31"]
    config = load_config("configs/sleeves.yaml", overrides=[*period, *settings])
    result = run(config)
    frame, start = result.context["sleeves"], config.portfolio.cash.amount
    made = (frame["gain"] - frame["costs"]).groupby(frame["session"]).sum().to_numpy()
    changes = np.diff(result.nav["nav"].to_numpy(), prepend=start)
    assert np.abs(made - changes).max() < 1e-9 * start


def test_weights_from_a_file_can_take_the_place_of_sleeves(tiny, tmp_path):
    # As a walk-forward does with what it chose.
    config = tiny([(DAYS[1], "A", 1.0)], [(DAYS[1], "B", 0.5)])
    read = {"name": "from_file", "params": {"path": str(tmp_path / "one.csv")}}
    made = changed(config, {"strategy": read, "sleeves": None, "allocation": {}})
    assert "sleeves" not in made.resolved()
    assert run(made).fills["shares"].tolist() == [100]


def test_costs_of_the_sleeves_are_the_costs_of_the_account(ran):
    own = sum(row["costs"] for row in ran.metrics["sleeves"]["sleeves"])
    paid = ran.nav[["fees", "slippage", "fx_cost"]].sum().sum()
    assert own == pytest.approx(paid, rel=1e-12)
    assert own > 0


def test_shares_of_variance_sum_to_one(ran):
    frame = ran.context["sleeves"]
    net = (frame["gain"] - frame["costs"]).to_numpy().reshape(-1, 4)
    before = np.append(ran.metrics["conventions"]["initial_cash"], ran.nav["nav"].to_numpy()[:-1])
    returns = net.sum(axis=1) / before
    cash = np.cov(net[:, 3] / before, returns)[0, 1] / returns.var(ddof=1)
    told = sum(row["risk_share"] for row in ran.metrics["sleeves"]["sleeves"])
    assert told + cash == pytest.approx(1.0, abs=1e-9)


def test_the_tearsheet_has_a_table_by_sleeve(ran):
    from backtest.report.tearsheet import tearsheet_html

    html = tearsheet_html(ran)
    assert "By sleeve" in html
    assert "Netting spared" in html


def test_one_sleeve_with_all_of_nav_trades_as_the_strategy_alone(tiny, tmp_path):
    rows = [(DAYS[1], "A", 0.5), (DAYS[2], "B", 0.25), (DAYS[3], "A", 0.0)]
    read = {"strategy": {"name": "from_file", "params": {"path": "one.csv"}}, "share": 1}
    division = {"method": "fixed", "rebalance": 99}
    together = run(tiny(rows, rows, allocation=division, sleeves={"one": read}))
    plain = {"name": "alone", "data": {"bundle": "bundle", "start": f"{DAYS[1]:%Y-%m-%d}"},
             "strategy": {"name": "from_file", "params": {"path": "one.csv"}},
             "market": "frictionless", "portfolio": {"cash": 1000}}  # fmt: skip
    alone = run(config_of(plain, folder=tmp_path, title="alone"))
    assert together.fills.equals(alone.fills)
    assert together.nav.equals(alone.nav)


def test_a_weight_that_a_sleeve_may_not_have_is_told_with_its_name(tiny):
    config = tiny([(DAYS[1], "A", 1.2)], [(DAYS[1], "B", 0.5)])
    with pytest.raises(StrategyError, match=r"(?s)Sleeve 'one':.*2024-01-03.*1.2"):
        run(config)


def test_a_saved_config_reads_back_to_the_same(tiny):
    config = tiny([(DAYS[1], "A", 1.0)], [(DAYS[1], "B", 0.5)])
    plain = config.resolved()
    assert plain["sleeves"]["one"]["strategy"]["params"]["path"] == "one.csv"
    folder = Path(config.data.bundle).parent
    assert config_of(plain, folder=folder, title="again").resolved() == plain


def test_a_run_without_sleeves_says_nothing_of_them():
    plain = load_config("configs/equal_weight.yaml").resolved()
    assert not {"sleeves", "allocation"} & set(plain)


def test_every_fault_is_told_at_its_key():
    found = faults_of(
        sleeves__dip__strategy__params__drop=2,
        sleeves__cheap__strategy__name="low_pe",
        sleeves__listings__rebalance="month",
        sleeves__dip__share="10%",
        clock__rebalance="week",
    )
    assert "must be below 1" in found["sleeves.dip.strategy.params.drop"]
    assert "low_pe_rotation" in found["sleeves.cheap.strategy.name"]
    assert "must be session: ipo_day_one" in found["sleeves.listings.rebalance"]
    assert found["sleeves.dip.share"] == "is of no use with allocation.method: risk_parity"
    assert found["clock.rebalance"].startswith("must be session where there are sleeves")


def test_fixed_shares_are_required_of_all_and_sum_to_at_most_one():
    found = faults_of(allocation__method="fixed", sleeves__dip__share=0.9)
    assert found["sleeves.cheap.share"] == "is required with allocation.method: fixed"
    shares = {f"sleeves__{name}__share": 0.5 for name in ("dip", "cheap", "listings")}
    assert "at most 1, got 1.5" in faults_of(allocation__method="fixed", **shares)["sleeves"]


def test_a_strategy_cannot_stand_beside_sleeves():
    found = faults_of(strategy="{name: equal_weight}")
    assert found["strategy"].startswith("cannot stand beside sleeves")


def test_an_allocation_without_sleeves_is_a_fault():
    with pytest.raises(ConfigError, match="there are none"):
        load_config("configs/equal_weight.yaml", overrides=["allocation.window=20"])


def test_explain_names_every_sleeve_and_the_division():
    text = explain(load_config("configs/sleeves.yaml"))["Strategy"]
    assert "3 sleeves in one account" in text
    assert "cheap: low_pe_rotation" in text
    assert "equally to variance, from the last 120 paper returns" in text


def test_a_parameter_of_a_sleeve_can_be_changed_and_its_trial_is_the_run_of_it():
    config = load_config("configs/sleeves.yaml", overrides=SHORT)
    key = "sleeves.dip.strategy.params.drop"
    assert is_parameter(key)
    trial = Workshop(config).trial({key: 0.04})
    single = run(changed(config, {key: 0.04}))
    assert trial.fingerprint == single.fingerprint
    assert trial.nav[1:].tolist() == single.nav["nav"].tolist()
    assert trial.nav[-1] != Workshop(config).trial({}).nav[-1]


def test_numbers_are_those_of_every_sleeve():
    made = load_config("configs/sleeves.yaml").made_strategy()
    found = numbers_of(made)
    assert found["sleeves.dip.strategy.params.drop"] == 0.06
    assert found["sleeves.cheap.strategy.params.top"] == 10


def test_another_strategy_in_a_sleeve_is_one_change():
    first = load_config("configs/sleeves.yaml").resolved()
    second = load_config(
        "configs/sleeves.yaml",
        overrides=["sleeves.cheap.strategy={name: equal_weight}", "allocation.window=60"],
    ).resolved()
    found = changes_between(first, second)
    assert [change.key for change in found] == [
        "sleeves.cheap.strategy.name", "allocation.window",
    ]  # fmt: skip
    made = applied(first, second, found[:1])
    assert made["sleeves"] == second["sleeves"]
    assert made["allocation"] == first["allocation"]


def test_a_profit_is_divided_with_signs_unless_almost_all_nets_out():
    assert divided(np.array([0.3, -0.1])) == pytest.approx([1.5, -0.5])
    assert divided(np.array([0.3, -0.29])) == pytest.approx([0.3 / 0.59, 0.29 / 0.59])
    assert np.isnan(divided(np.zeros(2))).all()


@pytest.mark.parametrize("method", ["equal", "risk_parity"])
def test_sleeves_do_not_look_ahead(method):
    sleeves = {
        "all": SleeveSettings.model_validate({"strategy": {"name": "equal_weight"}}),
        "first": SleeveSettings.model_validate(
            {"strategy": {"name": "buy_and_hold"}, "rebalance": "week"}
        ),
    }
    rule = AllocationSettings(method=method, window=20, rebalance=10, volatility_target=0.05)
    made = Sleeves(sleeves=sleeves, allocation=rule, portfolio=Portfolio())
    assert check_strategy(made, clock=ClockSettings()).passed
