"""Stock Connect southbound: its days, what may be held, what is kept from dividends."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest.account import Account
from backtest.calendars import sessions
from backtest.config import RunConfig, load_config
from backtest.connect import dividend_taxes, eligible, shut_sessions, southbound_days
from backtest.errors import DataError
from backtest.runner import prepare, run
from backtest.search.changes import changes_between
from backtest.search.workshop import Workshop
from backtest.units import Money

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT.parent / "shared" / "bundles" / "hk-real" / "facts.parquet"
SOUTH = Account.model_validate("southbound")


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def trades_on(first, last):
    own = sessions("XHKG", date.fromisoformat(first), date.fromisoformat(last))
    return [str(day) for day in own.dates[southbound_days(own)]]


class TestDays:
    def test_it_begins_with_shanghai_in_november_2014(self):
        assert trades_on("2014-11-12", "2014-11-18") == ["2014-11-17", "2014-11-18"]

    def test_it_rests_with_the_mainland(self):
        """2026: Hong Kong reopens on 20 February, Shanghai on the 24th; so too in May."""
        assert trades_on("2026-02-12", "2026-02-25") == [
            *("2026-02-12", "2026-02-13", "2026-02-24", "2026-02-25"),
        ]
        assert "2026-05-05" not in trades_on("2026-05-04", "2026-05-06")

    def test_it_used_to_rest_before_a_mainland_holiday_too(self):
        """29 September 2022: settled on 3 October, a mainland holiday. Not so a year later."""
        assert trades_on("2022-09-26", "2022-10-03") == ["2022-09-26", "2022-09-27", "2022-09-28"]
        assert trades_on("2023-09-26", "2023-10-03") == ["2023-09-26", "2023-09-27", "2023-09-28"]
        # 28 April 2023 is the last session before Labour Day: both markets open, so it trades.
        assert trades_on("2023-04-27", "2023-05-02") == ["2023-04-27", "2023-04-28"]
        assert trades_on("2022-04-26", "2022-05-03") == ["2022-04-26", "2022-04-27"]

    def test_a_half_day_is_no_settlement_day(self):
        """27 December 2018: 31 December is a half day, so it settles on 2 January; Shanghai is shut
        on the 31st, and neither the 27th nor the 28th traded."""
        assert trades_on("2018-12-24", "2019-01-02") == ["2018-12-24", "2019-01-02"]

    @pytest.mark.skipif(not FACTS.is_file(), reason="real bundles are not at hand")
    def test_the_published_turnover_has_exactly_these_days(self):
        facts = pd.read_parquet(FACTS)
        days = facts[facts["field"] == "southbound_net_buy"]["period"]
        told = np.sort(days.to_numpy().astype("datetime64[D]"))
        own = sessions("XHKG", date(2014, 11, 1), told[-1].item())
        assert len(told) == 2505
        assert np.array_equal(own.dates[southbound_days(own)], told)

    def test_other_exchanges_and_other_accounts_are_never_shut(self):
        home = sessions("XHKG", date(2026, 2, 12), date(2026, 2, 25))
        assert shut_sessions(SOUTH, home).sum() == 3  # 16 (half a day), 20 and 23 February
        assert not shut_sessions(Account(), home).any()
        abroad = sessions("XNYS", date(2026, 2, 12), date(2026, 2, 25))
        assert not shut_sessions(SOUTH, abroad).any()


class TestEligible:
    INSTRUMENTS = pd.DataFrame(
        {
            "exchange": ["XHKG", "XHKG", "XHKG", "XNYS", "XSHG"],
            "kind": ["stock", "stock", "etf", "stock", "stock"],
        },
        index=["A", "B", "E", "U", "M"],
    )

    def mask(self, decisions, facts=(), account=SOUTH, age=None):
        table = pd.DataFrame(facts, columns=["symbol", "field", "period", "known_at", "value"])
        table["period"] = pd.to_datetime(table["period"])
        table["known_at"] = pd.to_datetime(table["known_at"], utc=True)
        times = pd.DatetimeIndex(pd.to_datetime(decisions, utc=True))
        age = np.full((len(times), 5), np.nan) if age is None else np.asarray(age, float)
        out = eligible(account, table.astype({"value": float}), self.INSTRUMENTS, times, age)
        return ["".join(self.INSTRUMENTS.index[row]) for row in out]

    def test_a_fact_holds_from_its_day_or_from_when_it_was_known(self):
        told = [
            ("A", "southbound_eligible", "2020-03-09", "2020-02-28T10:00", 1),  # announced ahead
            ("B", "southbound_eligible", "2020-03-02", "2020-03-05T10:00", 1),  # told late
            ("A", "southbound_eligible", "2021-03-15", "2021-03-01T10:00", 0),
        ]
        days = ["2020-03-05T09:00", "2020-03-08T15:59", "2020-03-08T16:00", "2021-03-14T15:00"]
        assert self.mask([*days, "2021-03-14T16:00"], told) == ["M", "BM", "ABM", "ABM", "BM"]

    def test_a_later_word_on_an_earlier_period_does_not_undo_a_later_period(self):
        told = [
            ("A", "southbound_eligible", "2020-06-01", "2020-06-01T00:00", 0),
            ("A", "southbound_eligible", "2020-03-01", "2020-07-01T00:00", 1),
        ]
        assert self.mask(["2020-08-01T01:00"], told) == ["M"]

    def test_a_channel_has_its_own_list_and_first_day(self):
        told = [("A", "southbound_eligible_shenzhen", "2016-12-05", "2016-12-01T00:00", 1)]
        days = ["2016-12-04T15:59", "2016-12-04T16:00"]
        assert self.mask(days, told) == ["M", "AM"]
        shanghai = Account(channels=("shanghai",))
        assert self.mask(days, told, account=shanghai) == ["M", "M"]

    def test_without_facts_a_stock_is_eligible_half_a_year_after_its_listing(self):
        age = [[125, 126, 500, 500, 500]]
        assert self.mask(["2020-01-02T01:00"], age=age) == ["BM"]
        assert self.mask(["2014-11-16T15:59"], age=age) == ["M"]

    def test_at_the_exchange_everything_is(self):
        assert self.mask(["2010-01-04T01:00"], account=Account()) == ["ABEUM"]


def test_dividends_are_taxed_by_class_of_share_and_holder():
    table = pd.DataFrame(
        {"exchange": ["XHKG"] * 4 + ["XNYS"], "share_class": ["h", "red_chip", "other", "", ""]}
    )
    own = dividend_taxes(SOUTH, table)
    assert own[:4].tolist() == [0.2, 0.28, 0.2, 0.2]
    assert np.isnan(own[4])
    away = dividend_taxes(Account.model_validate("offshore"), table)
    assert away[:4].tolist() == [0.1, 0.1, 0.0, 0.1]
    assert dividend_taxes(Account(), table) is None


def tiny(folder, **tables):
    """Two Hong Kong shares over the mainland's National Day of 2024, 100 and 50 HKD all along."""
    days = pd.bdate_range("2024-09-23", "2024-10-11")
    own = sessions("XHKG", days[0].date(), days[-1].date()).dates
    folder.mkdir()
    bars = pd.concat(
        pd.DataFrame({"symbol": name, "session": own.astype("datetime64[ns]"), "open": price,
                      "high": price, "low": price, "close": price, "volume": 1e6})
        for name, price in (("A", 100.0), ("B", 50.0))
    )  # fmt: skip
    plain = pd.DataFrame({"symbol": ["A", "B"], "exchange": "XHKG", "currency": "HKD",
                          "kind": "stock", "share_class": ["h", "other"]})  # fmt: skip
    fx = pd.DataFrame({"base": "CNY", "quote": "HKD", "date": days, "rate": 1.25})
    paid = pd.DataFrame({"symbol": ["A", "B"], "ex_session": pd.Timestamp("2024-10-10"),
                         "kind": "dividend", "value": [1.0, 1.0]})  # fmt: skip
    files = {"instruments": plain, "bars": bars, "fx": fx, "actions": paid} | tables
    (folder / "bundle.yaml").write_text("name: tiny\nprices: raw\n", encoding="utf-8")
    for name, table in files.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def config_on(bundle, **sections):
    plain = {"name": "tiny", "data": {"bundle": str(bundle), "start": "2024-09-30"},
             "strategy": {"name": "equal_weight"}, "market": "frictionless",
             "portfolio": {"cash": "1000 HKD"}, "clock": {"rebalance": 99}}  # fmt: skip
    return RunConfig.model_validate({**plain, **sections})


class TestRun:
    def test_the_account_in_yuan_waits_for_the_mainland_and_pays_its_tax(self, tmp_path):
        """1,000 HKD are 800 CNY; the order of 30 September fills on 8 October, 5 A and 10 B.

        Shanghai rests from 1 to 7 October, so the decision of the 30th, before the open, fills at
        once; a run that begins on 2 October has to wait. Dividends: 5 + 10 HKD less 20 %, 9.6 CNY.
        """
        bundle = tiny(tmp_path / "tiny")
        data = {"bundle": str(bundle), "start": "2024-10-02"}
        result = run(config_on(bundle, account="southbound", data=data))
        assert result.config["portfolio"]["cash"] == {"amount": 800.0, "currency": "CNY"}
        assert set(result.fills["filled_at"].dt.strftime("%Y-%m-%d")) == {"2024-10-08"}
        assert result.fills["shares"].tolist() == [5.0, 10.0]
        paid = result.ledger[result.ledger["kind"] == "dividend"]["amount"]
        assert paid.tolist() == pytest.approx([3.2, 6.4])
        away = run(config_on(bundle, account="offshore", data=data))
        assert set(away.fills["filled_at"].dt.strftime("%Y-%m-%d")) == {"2024-10-02"}
        kept = away.ledger[away.ledger["kind"] == "dividend"]["amount"]
        assert kept.tolist() == pytest.approx([4.5, 10.0])

    def test_what_is_assumed_stands_among_the_warnings(self, tmp_path):
        warnings = run(config_on(tiny(tmp_path / "tiny"), account="southbound")).manifest[
            "warnings"
        ]
        assert any("has no fact 'southbound_eligible'" in text for text in warnings)
        assert any("trades on every common session from 2023-04-24" in text for text in warnings)

    def test_a_trial_with_another_account_is_the_run_with_it(self, tmp_path):
        bundle = tiny(tmp_path / "tiny")
        trial = Workshop(config_on(bundle)).trial({"account": "southbound"})
        result = run(config_on(bundle, account="southbound"))
        assert trial.fingerprint == result.fingerprint
        assert trial.nav[0] == 800.0
        assert trial.nav[1:].tolist() == result.nav["nav"].tolist()

    def test_saved_settings_make_the_same_run_again(self, tmp_path):
        bundle = tiny(tmp_path / "tiny")
        first = run(config_on(bundle, account="southbound"))
        again = run(RunConfig.model_validate(first.config))
        assert again.fingerprint == first.fingerprint

    def test_a_currency_without_a_rate_is_told_at_the_cash(self, tmp_path):
        bundle = tiny(tmp_path / "tiny")
        with pytest.raises(DataError, match=r"portfolio.cash.*no EUR/HKD rate on 2024-09-30"):
            prepare(config_on(bundle, portfolio={"cash": "1m EUR"}))
        least = {"min_turnover": "1m EUR"}
        with pytest.raises(DataError, match=r"universe.min_turnover.*EUR"):
            prepare(config_on(bundle, universe=least))


class TestSettings:
    def test_a_word_stands_for_settings_of_their_own(self):
        offshore, south = (config_on("sample", account=word) for word in ("offshore", "southbound"))
        keys = [change.key for change in changes_between(offshore.resolved(), south.resolved())]
        assert keys == [
            *("account.channels", "account.calendar", "account.dividend_tax"),
            "portfolio.currency",
        ]

    def test_amounts_without_a_currency_keep_the_one_they_had(self):
        made = config_on("sample", account="southbound", portfolio={"cash": 5e6},
                         universe={"min_turnover": "10m"})  # fmt: skip
        assert made.portfolio.currency == "CNY"
        assert made.portfolio.cash == Money(amount=5e6, currency="HKD")
        assert made.universe.min_turnover == Money(amount=1e7, currency="HKD")

    def test_an_unknown_word_is_told_with_the_known_ones(self, tmp_path):
        path = tmp_path / "run.yaml"
        path.write_text("name: a\ndata: {bundle: sample}\nstrategy: {name: equal_weight}\n"
                        "account: northbound\n", encoding="utf-8")  # fmt: skip
        with pytest.raises(Exception, match="must be offshore or southbound"):
            load_config(path)

    @pytest.mark.parametrize(
        ("more", "where"),
        [
            ("execution: {ipo_entry: offer}", "no part in new listings"),
            ("portfolio: {short: true}", "nothing is sold short"),
            ("execution: {sizing: fill}", "whose orders wait"),
        ],
    )
    def test_what_the_account_cannot_do_is_refused(self, tmp_path, more, where):
        path = tmp_path / "run.yaml"
        path.write_text("name: a\ndata: {bundle: sample}\nstrategy: {name: equal_weight}\n"
                        f"account: southbound\n{more}\n", encoding="utf-8")  # fmt: skip
        with pytest.raises(Exception, match=where):
            load_config(path)
