"""One real run by a holder abroad and by a mainland investor: the rules explain the difference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import load_config
from backtest.calendars import sessions
from backtest.connect import southbound_days
from backtest.runner import run
from backtest.search.why import why

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT.parent / "shared" / "bundles"

pytestmark = pytest.mark.skipif(not BUNDLES.is_dir(), reason="no real bundles beside the project")


@pytest.fixture(scope="module")
def runs():
    def of(account):
        path = ROOT / "configs" / "real" / "spillover_dip_southbound.yaml"
        bundle = f"data.bundle={BUNDLES / 'hk-raw'}"
        period = ["data.start=2022-07-01", "data.end=2023-06-30"]
        return run(load_config(path, overrides=[bundle, *period, f"account={account}"]))

    return of("offshore"), of("southbound")


def test_the_southbound_account_deals_on_southbound_days_only(runs):
    offshore, southbound = runs
    own = sessions("XHKG", pd.Timestamp("2022-07-01").date(), pd.Timestamp("2023-06-30").date())
    shut = own.dates[~southbound_days(own)]
    days = [run.fills["filled_at"].dt.date.to_numpy().astype("datetime64[D]") for run in runs]
    assert np.isin(days[0], shut).any()
    assert not np.isin(days[1], shut).any()
    # What both may buy, both have bought, most of it at the same prices.
    assert set(southbound.trades["symbol"]) == set(offshore.trades["symbol"])


def test_the_changes_of_rules_add_up_to_the_difference(runs):
    found = why(*runs)
    keys = [part.key for part in found.contributions]
    assert keys == [
        *("account.channels", "account.calendar", "account.dividend_tax"),
        "portfolio.currency",
    ]
    first, second = (run.nav["nav"].iloc[-1] / run.config["portfolio"]["cash"]["amount"] - 1
                     for run in runs)  # fmt: skip
    parts = [part.total_return for part in found.contributions]
    assert sum(parts) == pytest.approx(second - first, rel=1e-9)
    assert found.total_return == pytest.approx(second - first, rel=1e-9)
    assert parts[1] != 0.0  # days that only one of the two could deal on
    assert parts[3] != 0.0  # the yuan fell
