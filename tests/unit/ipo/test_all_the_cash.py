"""Applications for more than there is: scaled to the cash, the broker's fees included."""

from __future__ import annotations

import pandas as pd
import pytest

from backtest import load_config, run

CONFIG = """
name: all-in
data: {{bundle: "{bundle}", start: 2021-01-20, end: 2021-02-11}}
universe: {{exclude: [OLD.HK]}}
strategy: {{name: ipo_day_one, params: {{hold: 0, cap: 0.5}}}}
market: hk
portfolio: {{cash: 100_000}}
execution: {{ipo_entry: subscribe, ipo: {{{ipo}}}}}
"""


@pytest.fixture
def all_in(tmp_path):
    """Two offers at 10 of one day, half of 100,000 wanted of each, in lots of the size given."""

    def first_night(lot, ipo):
        folder = tmp_path / "bundle"
        folder.mkdir()
        (folder / "bundle.yaml").write_text("name: two offers\nprices: raw\n")
        (folder / "instruments.csv").write_text(
            "symbol,exchange,currency,kind,lot_size,listed,offer_price,oversubscription\n"
            "OLD.HK,XHKG,HKD,stock,100,2010-01-04,,\n"
            f"A.HK,XHKG,HKD,stock,{lot},2021-02-05,10,20\n"
            f"B.HK,XHKG,HKD,stock,{lot},2021-02-05,10,20\n"
        )
        days = pd.bdate_range("2021-01-18", "2021-02-11").strftime("%Y-%m-%d")
        rows = [f"OLD.HK,{day},5,5,5,5,1000000" for day in days]
        rows += [f"{s}.HK,{day},10,10,10,10,1000000" for s in "AB" for day in days[14:]]
        bars = "\n".join(["symbol,session,open,high,low,close,volume", *rows])
        (folder / "bars.csv").write_text(bars + "\n")
        path = tmp_path / "all_in.yaml"
        path.write_text(CONFIG.format(bundle=folder, ipo=ipo))
        nav = run(load_config(path)).nav.set_index("session")
        return nav.loc["2021-01-29", ["cash", "locked", "nav"]].tolist()

    return first_night


def test_the_fees_of_the_broker_come_off_before_applications_are_scaled(all_in):
    # 100,000 - 2 x 1,000 = 98,000 for 2 x 5,000 x 10 x 1.0100785 = 101,007.85: 4,851 shares each,
    # 2 x 48,510 x 1.0100785 = 97,997.81607.
    cash, locked, nav = all_in(1, "handling_fee: 1000")
    assert (cash, locked, nav) == pytest.approx((2.18393, 97_997.81607, 98_000), abs=1e-4)


def test_a_placing_is_scaled_by_what_is_wanted_not_by_its_whole_lots(all_in):
    # 70 lots of 71 fit into 5,000 shares, but 2 x 4,970 x 10.100785 = 100,401.80 is too much; of
    # 5,000 x 100,000 / 101,007.85 = 4,950.1 shares, 69 lots are 4,899: 98,967.49143 for both.
    cash, locked, nav = all_in(71, "account: placing, placed: 1")
    assert (cash, locked, nav) == pytest.approx((1_032.50857, 98_967.49143, 100_000), abs=1e-4)
