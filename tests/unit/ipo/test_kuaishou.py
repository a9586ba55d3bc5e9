"""Kuaishou's listing worked by hand on real bars, where these are at hand beside the project.

Offer 115, covered 1,203.2 times, one lot for one with a chance of 4 %, lots of 100. Applications
closed at noon of Friday 29 January 2021; it listed on Friday 5 February, and closed at 300.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest import load_config, run

BUNDLES = Path(__file__).resolve().parents[3] / ".." / "shared" / "bundles"
pytestmark = pytest.mark.skipif(not BUNDLES.is_dir(), reason="no real bundles beside the project")

CONFIG = """
name: kuaishou
data: {{bundle: "{bundle}", start: 2021-01-20, end: 2021-02-26}}
universe: {{symbols: [1024.HK]}}
clock: {{base: XHKG, decide: before_open}}
strategy: {{name: ipo_day_one, params: {{hold: 0, cap: 0.5}}}}
market: hk
portfolio: {{cash: 3m HKD, currency: HKD}}
execution: {{fill: close, ipo_entry: subscribe, ipo: {{handling_fee: 100}}}}
"""


@pytest.fixture
def listed(tmp_path):
    def run_with(*overrides):
        path = tmp_path / "kuaishou.yaml"
        path.write_text(CONFIG.format(bundle=(BUNDLES / "hk-raw").resolve()))
        return run(load_config(path, overrides=list(overrides)))

    return run_with


def entries(result):
    """Amounts of the ledger by date and kind."""
    days = result.ledger["time"].dt.strftime("%m-%d")
    return result.ledger.groupby([days, "kind"])["amount"].sum()


def test_cash_for_130_lots_is_locked_from_the_close_of_applications_to_the_listing(listed):
    result = listed()
    # 0.5 x 3,000,000 / 115 = 13,043 shares, 130 lots; 13,000 x 115 = 1,495,000, and 1.00785 % on
    # top is 15,067.3575.
    assert entries(result)["01-29", "application"] == pytest.approx(-1_510_067.3575, abs=1e-6)
    nav = result.nav.set_index("session")
    assert nav.index[nav["locked"] > 0].strftime("%m-%d").tolist() == [
        "01-29", "02-01", "02-02", "02-03", "02-04",
    ]  # fmt: skip
    assert nav.loc["2021-01-29", "cash"] == pytest.approx(3_000_000 - 1_510_067.3575 - 100)
    assert nav.loc["2021-02-04", "nav"] == 2_999_900
    assert entries(result)["02-05", "refund"] == pytest.approx(1_510_067.3575, abs=1e-6)


def test_five_lots_in_1203_are_allotted_and_sold_at_300(listed):
    bought, sold = listed().fills.to_dict("records")
    # Clawed back from 10 to 50 %: 5 / 1,203.2 of 130 lots is more than 4 % x the root of 130.
    shares = 100 * 130 * 5 / 1203.2
    assert bought["shares"] == pytest.approx(shares)
    assert (bought["price"], bought["reason"]) == (115.0, "offer")
    assert bought["fees"] == pytest.approx(shares * 115 * 0.0100785)
    assert sold["price"] == 300.0
    # Of 16,206.78: stamp duty to the dollar, levy to the cent, trading fee 0.005 %, tariff, CCASS.
    assert sold["fees"] == pytest.approx(17 + 0.44 + shares * 300 * 0.00005 + 0.50 + 2.00)


def test_one_lot_applied_for_has_its_published_chance_of_4_percent(listed):
    result = listed("strategy.params.cap=0.005")  # 15,000 of NAV: one lot is 11,500
    assert result.fills["shares"].iloc[0] == pytest.approx(4.0)


def test_interest_on_nine_tenths_runs_six_days_whatever_is_allotted(listed):
    result = listed("execution.ipo.financed=0.9", "execution.ipo.rate=0.05")
    # Ten times 13,043.48 shares is 1,304 lots; 29 January to 4 February is 6 days.
    amount = 130_400 * 115 * 1.0100785
    assert entries(result)["01-29", "application"] == pytest.approx(-0.1 * amount)
    assert entries(result)["02-05", "loan_interest"] == pytest.approx(
        -0.9 * amount * 0.05 * 6 / 365
    )


def test_a_draw_is_whole_lots_and_the_seed_decides(listed):
    drawn = {
        seed: listed("execution.ipo.allotment=draw", f"execution.ipo.seed={seed}")
        for seed in range(6)
    }
    lots = [run.fills["shares"].max() / 100 if len(run.fills) else 0.0 for run in drawn.values()]
    assert set(lots) == {0.0, 1.0}  # 0.54 of a lot is expected


def test_a_placing_gets_its_share_and_locks_the_cash_for_that_alone(listed):
    result = listed("execution.ipo.account=placing", "execution.ipo.placed=0.3")
    # 0.3 x 130 lots is 39; no handling fee.
    assert result.fills["shares"].iloc[0] == 3900
    assert entries(result)["01-29", "application"] == pytest.approx(-3900 * 115 * 1.0100785)
    assert "handling_fee" not in set(result.ledger["kind"])


def test_the_run_says_what_it_assumes(listed):
    told = " ".join(listed().manifest["warnings"])
    assert "no ipo_price_max fact" in told
    assert "allotment follows pn18" in told


def test_the_typical_price_of_the_first_day_is_the_mean_of_high_low_and_close(listed):
    result = listed("execution.ipo.first_day=typical")
    # 345, 300 (to its dividends' rounding) and 300: 315, on the tick of 0.2.
    assert result.fills["price"].iloc[-1] == pytest.approx(315.0, abs=0.2)


def test_the_listing_counts_as_bought_where_it_was_applied_for(listed):
    events = listed().context["events"]
    assert events[["symbol", "taken", "regime"]].values.tolist() == [["1024.HK", True, "pn18"]]
