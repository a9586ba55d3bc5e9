import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from backtest.data.show import check_text, show_text, sparkline


def text(renderable, *, width=200):
    console = Console(
        width=width, record=True, color_system=None, force_terminal=False, quiet=False
    )
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


@pytest.fixture
def market(bundle, bars, instruments):
    listing = instruments(
        "A", "B", "C", exchange=["XHKG", "XNYS", "XHKG"], kind=["stock", "etf", "stock"],
        currency=["HKD", "USD", "HKD"],
    )  # fmt: skip
    return bundle(
        bars("A", [1.0, 2.0, np.nan, 4.0], high=[1.0, 2.0, 3.0, 3.0]),
        bars("B", [1.0, 2.0], open=np.nan, volume=np.nan),
        instruments=listing,
        simulated=True,
        description="[made up]",
        per_share=["eps"],
        actions=pd.DataFrame(
            {"symbol": ["A"], "ex_session": "2024-01-03", "kind": "split", "value": 2.0}
        ),
        facts=pd.DataFrame(
            {
                "symbol": "A",
                "field": "eps",
                "period": "2023-12-31",
                "known_at": ["2024-01-10T00:00Z", "2024-01-12T00:00Z"],
                "value": 1.0,
            }
        ),
        fx=pd.DataFrame({"base": ["USD"], "quote": "HKD", "date": "2024-01-02", "rate": 7.8}),
        rates=pd.DataFrame({"currency": ["HKD"], "date": "2024-01-02", "rate": 0.04}),
    )


def line(shown, start):
    return next(row for row in shown.splitlines() if row.startswith(start))


def test_show_says_what_is_in_the_bundle(market):
    shown = text(show_text(market))
    assert "Simulated market" in shown
    assert "[made up]" in shown
    assert line(shown, "XHKG      stock").split() == [
        "XHKG", "stock", "HKD", "2", "3", "2024-01-02", "2024-01-05", "75.0", "%", "all", "all",
    ]  # fmt: skip
    assert line(shown, "XNYS      etf").split()[-4:] == ["100.0", "%", "none", "none"]
    assert line(shown, "split").split() == ["split", "1", "1", "2024-01-03", "2024-01-03"]
    assert "10.0 days" in line(shown, "eps")
    assert "per_share" in line(shown, "eps")
    assert "USD/HKD" in shown


def test_check_lists_every_finding_and_its_places(market):
    shown = text(check_text(market))
    assert line(shown, "close_missing").split()[:5] == [
        "close_missing", "bars", "1", "1", "2024-01-04",
    ]  # fmt: skip
    assert "close outside [low, high]" in shown
    assert "  A  2024-01-05  1" in shown


def test_a_bundle_without_findings_says_so(bundle, bars):
    assert "checks: nothing found" in text(check_text(bundle(bars("A", [1.0]))))


def test_a_bundle_of_bars_alone_can_be_shown(bundle, bars):
    shown = text(
        show_text(bundle(bars("A", [1.0], open=np.nan, high=np.nan, low=np.nan))), width=80
    )
    assert "facts" not in shown


def test_a_sparkline_rises_with_its_values_and_is_blank_where_nothing_is_known():
    assert sparkline(np.array([1.0, np.nan, 3.0]), width=3) == "▁ █"
    assert sparkline(np.array([1.0, 1.0])) == "██"
    assert sparkline(np.array([2.0, 4.0]), low=0.0) == "▄█"
    assert sparkline(np.array([])) == ""
    assert sparkline(np.array([np.nan])) == " "
    assert len(sparkline(np.arange(1000.0), width=60)) == 60
