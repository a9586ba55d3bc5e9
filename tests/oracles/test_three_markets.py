"""Hong Kong, New York and Bitcoin in one account, worked by hand, event by event.

Across a Lunar New Year (half day, two days shut), a change of New York's clocks and a typhoon
closure, on the real calendars. Cash is kept by currency, buys wait for settlement, HKD earns
3.65 % and USD 7.30 % a year: 1 and 2 ten-thousandths a day. Conversions cost 10 bps, nothing else
does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from backtest import Result, load_config, run

Prices = Mapping[str, Mapping[str, tuple[float, float]]]  # by symbol and date: open, close

INSTRUMENTS = """symbol,exchange,currency,kind,lot_size
AAA.HK,XHKG,HKD,stock,100
BTC,24/7,USD,crypto,0.001
UUU,XNYS,USD,stock,1
"""
MARKET = """description: {name}, settlement alone.
exchanges: ["{exchange}"]
settlement:
  - {{from: 1992-01-01, days: {days}, half_days: {half}, status: verified, source: "made up"}}
"""
CONFIG = """name: three-markets
data: {{bundle: bundle, start: {start}, end: {end}}}
clock: {{base: XHKG, decide: before_open}}
strategy: {{name: from_file, params: {{path: weights.csv}}}}
market: {{XHKG: hong_kong.yaml, XNYS: new_york.yaml, "24/7": frictionless}}
execution: {{fill: open, fx_cost_bps: 10}}
portfolio: {{cash: 1m HKD, fx: keep, spend_unsettled: false}}
"""


def result_of(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    prices: Prices,
    weights: str,
    fx: Mapping[str, float],
    run_from_to: tuple[str, str],
) -> Result:
    """The run of a bundle that is written out; a price that is not given is the one before."""
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / "bundle.yaml").write_text("name: three\nprices: raw\n", encoding="utf-8")
    (bundle / "instruments.csv").write_text(INSTRUMENTS, encoding="utf-8")
    bars = [
        f"{symbol},{day},{opening},{close}"
        for symbol, own in prices.items()
        for day, (opening, close) in own.items()
    ]
    lines = "\n".join(["symbol,session,open,close", *bars])
    (bundle / "bars.csv").write_text(lines + "\n", encoding="utf-8")
    rates = [f"USD,HKD,{day},{rate}" for day, rate in fx.items()]
    lines = "\n".join(["base,quote,date,rate", *rates])
    (bundle / "fx.csv").write_text(lines + "\n", encoding="utf-8")
    earned = "currency,date,rate\nHKD,2023-01-02,0.0365\nUSD,2023-01-02,0.073\n"
    (bundle / "rates.csv").write_text(earned, encoding="utf-8")
    (folder / "weights.csv").write_text(weights, encoding="utf-8")
    for name, exchange, days, half in (
        ("hong_kong", "XHKG", 2, "false"),
        ("new_york", "XNYS", 1, "true"),
    ):
        text = MARKET.format(name=name, exchange=exchange, days=days, half=half)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    start, end = run_from_to
    (folder / "run.yaml").write_text(CONFIG.format(start=start, end=end), encoding="utf-8")
    monkeypatch.chdir(folder)
    return run(load_config("run.yaml"))


def events_of(result: Result) -> list[tuple[str, str, str, float]]:
    """Every change of cash in order of time: when (UTC), what, in which currency, how much of it.

    A revaluation moves no cash of its currency: what it adds is in the portfolio's.
    """
    return [
        (
            f"{row['time']:%m-%d %H:%M}",
            f"{row['kind']} {row['symbol']}".strip(),
            "HKD" if row["kind"] == "revaluation" else row["currency"],
            row["amount"] if row["kind"] == "revaluation" else row["local"],
        )
        for row in result.ledger.to_dict("records")
    ]


def check(result: Result, events: list[tuple[str, str, str, float]], nav: dict[str, float]) -> None:
    found = events_of(result)
    assert [event[:3] for event in found] == [event[:3] for event in events]
    assert [event[3] for event in found] == pytest.approx([e[3] for e in events], abs=1e-6)
    table = result.nav
    days = table["session"].dt.strftime("%m-%d").tolist()
    assert dict(zip(days, table["nav"], strict=True)) == pytest.approx(nav, abs=1e-6)
    made = table["local_pnl"] + table["fx_pnl"] + table["hedge_pnl"]
    paid = table["fees"] + table["slippage"] + table["fx_cost"] + table["financing"]
    change = table["nav"].diff().fillna(table["nav"].iloc[0] - 1_000_000)
    assert (made - paid).tolist() == pytest.approx(change.tolist(), abs=1e-6)


def flat(symbol: str, days: list[str], price: float) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(days, (price, price))


def each_day(first: str, last: str) -> list[str]:
    return pd.date_range(first, last).strftime("%Y-%m-%d").tolist()


def test_a_lunar_new_year(tmp_path, monkeypatch):
    new_york = pd.bdate_range("2024-02-05", "2024-02-16").strftime("%Y-%m-%d").tolist()
    result = result_of(
        tmp_path,
        monkeypatch,
        prices={
            "AAA.HK": {
                "2024-02-06": (10.00, 10.00),
                "2024-02-07": (10.00, 10.10),
                "2024-02-08": (10.20, 10.20),
                "2024-02-09": (10.20, 10.20),  # a half day, to 12:00
                "2024-02-14": (10.40, 10.50),
                "2024-02-15": (10.40, 10.60),
                "2024-02-16": (10.60, 10.60),
            },
            "UUU": flat("UUU", new_york, 100.0)
            | {
                "2024-02-07": (100.0, 101.0),
                "2024-02-08": (101.0, 102.0),
                "2024-02-09": (102.5, 102.0),
                "2024-02-12": (102.0, 102.5),
                "2024-02-13": (102.5, 103.0),
                "2024-02-14": (103.0, 103.5),
                "2024-02-15": (104.0, 104.0),
            },
            "BTC": flat("BTC", each_day("2024-02-05", "2024-02-16"), 40_000.0)
            | {
                "2024-02-07": (40_000.0, 40_500.0),
                "2024-02-08": (40_000.0, 41_000.0),
                "2024-02-13": (41_500.0, 42_000.0),
                "2024-02-14": (42_000.0, 43_000.0),
                "2024-02-15": (43_000.0, 44_000.0),
            },
        },
        weights=(
            "session,AAA.HK,BTC,UUU\n2024-02-07,0.4,0.2,0.3\n2024-02-08,0,,\n"
            "2024-02-09,,,0.6\n2024-02-15,0.3,,0\n"
        ),
        # A rate is known from the end of its date on.
        fx={"2024-02-05": 7.80, "2024-02-09": 7.85, "2024-02-14": 7.80, "2024-02-15": 7.82},
        run_from_to=("2024-02-07", "2024-02-16"),
    )
    usd_of_shares, usd_of_coins = 384 * 100.0, 0.641 * 40_000.0
    more = 125 * 102.5
    last = 71.0845952244  # settled HKD after the base close of 14 Feb, below
    events = [
        # 7 Feb, 01:00: NAV 1,000,000; 40,000 shares of 10.00, 384 of 780 (0.3 x 1,000,000 / 780
        # = 384.6), 0.641 coins of 312,000. Hong Kong opens first.
        ("02-07 01:30", "trade AAA.HK", "HKD", -400_000.0),
        # New York, 09:30 in winter: the dollars are bought at 7.80.
        ("02-07 14:30", "conversion", "USD", usd_of_shares),
        ("02-07 14:30", "conversion", "HKD", -usd_of_shares * 7.80),
        ("02-07 14:30", "trade UUU", "USD", -usd_of_shares),
        ("02-07 14:30", "fx_cost UUU", "HKD", -299.52),
        # The coin's next session opens at midnight.
        ("02-08 00:00", "conversion", "USD", usd_of_coins),
        ("02-08 00:00", "conversion", "HKD", -usd_of_coins * 7.80),
        ("02-08 00:00", "trade BTC", "USD", -usd_of_coins),
        ("02-08 00:00", "fx_cost BTC", "HKD", -199.992),
        # 408,000 that settle on the 15th: the 9th is a half day, 12 and 13 are holidays.
        ("02-08 01:30", "trade AAA.HK", "HKD", 408_000.0),
        ("02-08 08:00", "interest", "HKD", 60.0),  # a day on the 600,000 of the close before
        # 12:00 in Hong Kong. 100,048.488 are settled of the 508,048.488 after the last close.
        ("02-09 04:00", "interest", "HKD", 10.0048488),
        # 384 more are wanted (0.6 x 1,018,550.688 / 795.6 = 768.1), at 102.50 and 7.80. 100,058.49
        # of settled HKD pay for 384 x 100,058.49 / 307,315.008 = 125.02 of them.
        ("02-09 14:30", "conversion", "USD", more),
        ("02-09 14:30", "conversion", "HKD", -more * 7.80),
        ("02-09 14:30", "trade UUU", "USD", -more),
        ("02-09 14:30", "fx_cost UUU", "HKD", -99.9375),
        ("02-14 08:00", "interest", "HKD", 50.0292464244),  # five days on 100,058.4928488
        # 15 Feb: settled. 0.3 x 1,033,978.18 / 10.50 = 29,542, in lots 29,500, at 10.40.
        ("02-15 01:30", "trade AAA.HK", "HKD", -306_800.0),
        ("02-15 08:00", "interest", "HKD", last * 0.0001),
        ("02-15 14:30", "trade UUU", "USD", 509 * 104.0),  # the dollars stay dollars
        ("02-16 08:00", "interest", "HKD", 101_271.0917036839 * 0.0001),
        ("02-16 08:00", "revaluation", "HKD", 509 * 104.0 * 0.02),  # from 7.80 to 7.82
    ]
    nav = {
        "02-07": 600_000.0 + 404_000.0,
        "02-08": 508_048.488 + 384 * 101.0 * 7.80 + 0.641 * 40_500.0 * 7.80,
        "02-09": 508_058.4928488 + 384 * 102.0 * 7.80 + 0.641 * 41_000.0 * 7.80,
        # Three New York closes and five of the coin's later, at 7.85.
        "02-14": 408_071.0845952244 + 509 * 103.0 * 7.85 + 0.641 * 42_000.0 * 7.85,
        "02-15": 101_271.0917036839 + 312_700.0 + 509 * 103.5 * 7.80 + 0.641 * 43_000.0 * 7.80,
        "02-16": 101_281.2188128543 + 312_700.0 + (52_936.0 + 0.641 * 44_000.0) * 7.82,
    }
    check(result, events, nav)
    # What the rate made of the holidays: of 39,168 + 26,281 dollars held at 7.80 and of 12,812.50
    # bought since at that rate, five cents each; prices made 1,087.50 dollars.
    row = result.nav.set_index("session").loc["2024-02-14"]
    assert row["fx_pnl"] == pytest.approx(3_272.45 + 640.625, abs=1e-6)
    assert row["local_pnl"] == pytest.approx(1_087.5 * 7.85, abs=1e-6)
    status = result.orders.set_index(["decided_at", "symbol"])["status"]
    assert status[pd.Timestamp("2024-02-09 01:00", tz="UTC"), "UUU"] == "cash_scaled"


def test_a_change_of_the_clocks(tmp_path, monkeypatch):
    new_york = ["2024-03-06", "2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12"]
    hong_kong = ["2024-03-06", "2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12"]
    result = result_of(
        tmp_path,
        monkeypatch,
        prices={
            "AAA.HK": flat("AAA.HK", hong_kong, 10.0),
            "UUU": flat("UUU", new_york, 100.0) | {"2024-03-11": (101.0, 101.0)},
            "BTC": flat("BTC", each_day("2024-03-06", "2024-03-12"), 50_000.0),
        },
        weights="session,AAA.HK,BTC,UUU\n2024-03-08,,,0.5\n2024-03-11,,0.3,0\n",
        fx={"2024-03-05": 7.80},
        run_from_to=("2024-03-08", "2024-03-12"),
    )
    events = [
        # Friday: 500,000 / 780 = 641 shares, at 09:30 of winter time.
        ("03-08 14:30", "conversion", "USD", 64_100.0),
        ("03-08 14:30", "conversion", "HKD", -499_980.0),
        ("03-08 14:30", "trade UUU", "USD", -64_100.0),
        ("03-08 14:30", "fx_cost UUU", "HKD", -499.98),
        ("03-11 08:00", "interest", "HKD", 300.0),  # three days on the million of Friday's close
        # Monday: 09:30 of summer time, an hour earlier in UTC. 64,741 dollars, settled on Tuesday.
        ("03-11 13:30", "trade UUU", "USD", 64_741.0),
        # 0.3 x 999,500.02 / 390,000 = 0.768 coins at midnight: 38,400 dollars, and none has
        # settled: they are bought.
        ("03-12 00:00", "conversion", "USD", 38_400.0),
        ("03-12 00:00", "conversion", "HKD", -299_520.0),
        ("03-12 00:00", "trade BTC", "USD", -38_400.0),
        ("03-12 00:00", "fx_cost BTC", "HKD", -299.52),
        ("03-12 08:00", "interest", "HKD", 49.982002),  # a day on 499,820.02
    ]
    cash = 1_000_000 - 499_980 - 499.98 + 300
    left = cash - 299_520 - 299.52 + 49.982002
    nav = {
        "03-08": 1_000_000.0,
        "03-11": cash + 64_100 * 7.8,
        "03-12": left + (64_741 + 38_400) * 7.8,
    }
    check(result, events, nav)


def test_a_typhoon(tmp_path, monkeypatch):
    hong_kong = ["2023-08-28", "2023-08-29", "2023-08-30", "2023-08-31", "2023-09-04", "2023-09-05"]
    new_york = ["2023-08-28", "2023-08-29", "2023-08-30", "2023-08-31", "2023-09-01", "2023-09-05"]
    result = result_of(
        tmp_path,
        monkeypatch,
        prices={
            "AAA.HK": flat("AAA.HK", hong_kong, 10.0) | {"2023-09-04": (9.0, 9.0)},
            "UUU": flat("UUU", new_york, 100.0) | {"2023-09-01": (100.0, 102.0)},
            "BTC": flat("BTC", each_day("2023-08-28", "2023-09-05"), 30_000.0)
            | {"2023-09-03": (30_000.0, 29_000.0)},
        },
        weights=(
            "session,AAA.HK,BTC,UUU\n2023-08-29,0.9,,\n2023-08-30,0,,\n"
            "2023-08-31,,0.2,\n2023-09-04,0.5,,\n"
        ),
        fx={"2023-08-27": 7.80, "2023-09-01": 7.80},
        run_from_to=("2023-08-29", "2023-09-05"),
    )
    coins = 0.427 * 30_000.0
    events = [
        ("08-29 01:30", "trade AAA.HK", "HKD", -900_000.0),
        # Sold on Wednesday: Thursday is one, Friday is shut for the typhoon, Monday is two.
        ("08-30 01:30", "trade AAA.HK", "HKD", 900_000.0),
        ("08-30 08:00", "interest", "HKD", 10.0),  # a day on 100,000
        ("08-31 08:00", "interest", "HKD", 10.001),  # on 100,010 settled
        # 0.2 x 1,000,010 / 234,000 = 0.854 coins are wanted, at midnight of Friday: of 199,836
        # and the cost 100,020.001 are there, 0.427 coins, to a thousandth. Friday has no decision
        # in Hong Kong, New York trades.
        ("09-01 00:00", "conversion", "USD", coins),
        ("09-01 00:00", "conversion", "HKD", -coins * 7.80),
        ("09-01 00:00", "trade BTC", "USD", -coins),
        ("09-01 00:00", "fx_cost BTC", "HKD", -99.918),
        # Monday: 0.5 x NAV of 996,591.283 at the last close of 10.00 is 49,829, in lots 49,800;
        # the open is 9.00. New York is shut for Labor Day.
        ("09-04 01:30", "trade AAA.HK", "HKD", -448_200.0),
        ("09-04 08:00", "interest", "HKD", 40.0080004),  # four days on 100,020.001
        ("09-05 08:00", "interest", "HKD", 45.1842090904),
    ]
    after = 1_000_020.001 - coins * 7.80 - 99.918 - 448_200.0 + 40.0080004
    assert after == pytest.approx(451_842.0910004, abs=1e-9)
    nav = {
        "08-29": 1_000_000.0,
        "08-30": 1_000_010.0,
        "08-31": 1_000_020.001,
        "09-04": after + 448_200.0 + 0.427 * 29_000.0 * 7.80,
        "09-05": after + 45.1842090904 + 498_000.0 + 0.427 * 30_000.0 * 7.80,
    }
    check(result, events, nav)
