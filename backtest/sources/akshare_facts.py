"""Facts of one share or index out of akshare's answers, each with when it counts as known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import pandas as pd

from backtest.data.schema import WEIGHT
from backtest.sources.answers import needed_columns, without_copies
from backtest.sources.protocol import SourceError
from backtest.sources.suffixes import home_of
from backtest.sources.values import days, numbers

RATIOS = {"市盈率(TTM)": "pe_ttm", "市盈率(静)": "pe_static", "市净率": "pb", "市现率": "pcf"}
"""Baidu's figures and our fields; its market value is left out, since its unit is not said."""

_MONEY = {"OPERATE_INCOME": "annual_revenue", "HOLDER_PROFIT": "annual_net_profit"}
_PERCENT = {
    "ROE_AVG": "annual_roe", "ROA": "annual_roa", "GROSS_PROFIT_RATIO": "annual_gross_margin",
    "NET_PROFIT_RATIO": "annual_net_margin", "DEBT_ASSET_RATIO": "annual_debt_to_assets",
}  # fmt: skip
_CURRENCIES = {
    "人民币": "CNY", "人民币元": "CNY", "港元": "HKD", "港币": "HKD", "美元": "USD",
    "CNY": "CNY", "RMB": "CNY", "HKD": "HKD", "USD": "USD",
}  # fmt: skip
_ANNUAL = "001"
_REPORT_MONTHS = 4
"""Main Board Rule 13.46(1): the annual report within four months of the year's end."""

_HELD = {"持股数量": "southbound_shares", "持股市值": "southbound_value"}
_EXCHANGES = {"上海": ".SS", "深圳": ".SZ", "香港": ".HK"}
_WEIGHT_DAYS = 7
_WHOLE = 0.01
"""What rounding may take from, or add to, the sum of an index's weights."""

CAVEATS = (
    "Baidu's pe_ttm, pe_static, pb and pcf count as known at 09:00 of the weekday after; which "
    "reports were in them on their day it does not say, and long spans have fewer days.",
    "Eastmoney's annual_... figures have no date of publication: they count as known four months "
    "after the year's end, when the report is due, and are as last restated. The nine latest years "
    "only.",
    "Stock Connect's holdings of a share count as known at 09:00 of the weekday after; they are "
    "settled positions, and Eastmoney's figure for its Shanghai channel.",
    "Weights in an index are of one day, known from a week after it: of the days before nothing "
    "is known.",
    "Board lots and offer prices are Eastmoney's, as of today: earlier lots are not known.",
)


def valuation_facts(
    symbol: str, start: date, ask: Callable[[str], pd.DataFrame | None]
) -> pd.DataFrame:
    """Ratios of price to earnings, book and cash flow by day; ``ask`` is called per indicator."""
    parts = []
    for indicator, field in RATIOS.items():
        answer = _some(ask(indicator))
        needed_columns(answer, ["date", "value"])
        period = days(answer["date"], "", "")
        parts.append(_facts(symbol, field, period, _next_morning(period), answer["value"]))
    return _from(pd.concat(parts, ignore_index=True), start)


def annual_facts(symbol: str, start: date, answer: pd.DataFrame | None) -> pd.DataFrame:
    """Revenue, profit and ratios of financial years.

    Money is in the reports' currency, with which the field's name ends; ratios are fractions.
    """
    answer = _some(answer)
    columns = ["REPORT_DATE", "DATE_TYPE_CODE", "CURRENCY"]
    needed_columns(answer, [*columns, *_MONEY, *_PERCENT])
    answer = answer[answer["DATE_TYPE_CODE"].astype("str") == _ANNUAL].reset_index(drop=True)
    if answer.empty:
        raise SourceError("the answer has no annual figures")
    unknown = sorted(set(answer["CURRENCY"].astype("str")) - set(_CURRENCIES))
    if unknown:
        known = ", ".join(_CURRENCIES)
        raise SourceError(f"the answer has money in {', '.join(unknown)}; known are {known}")
    period = days(answer["REPORT_DATE"], "", "")
    due = (period + pd.offsets.MonthEnd(0)) + pd.offsets.MonthEnd(_REPORT_MONTHS)
    known_at = _hong_kong(due + pd.Timedelta(days=1), "00:00")
    money = answer["CURRENCY"].map(_CURRENCIES).str.lower()
    parts = [
        _facts(symbol, f"{field}_" + money, period, known_at, answer[column])
        for column, field in _MONEY.items()
    ]
    parts += [
        _facts(symbol, field, period, known_at, numbers(answer[column]) / 100.0)
        for column, field in _PERCENT.items()
    ]
    return _from(pd.concat(parts, ignore_index=True), start)


def holding_facts(symbol: str, start: date, answer: pd.DataFrame | None) -> pd.DataFrame:
    """Shares that Stock Connect's investors hold, and their value in Hong Kong dollars, by day."""
    answer = _some(answer)
    needed_columns(answer, ["持股日期", *_HELD])
    period = days(answer["持股日期"], "", "")
    known_at = _next_morning(period)
    parts = [
        _facts(symbol, field, period, known_at, answer[column]) for column, field in _HELD.items()
    ]
    return _from(pd.concat(parts, ignore_index=True), start)


def weight_facts(index: str, start: date, answer: pd.DataFrame | None) -> pd.DataFrame:
    """Weights of an index's members, fractions, on the day that the answer is of."""
    answer = _some(answer)
    needed_columns(answer, ["日期", "成分券代码", "交易所", "权重"])
    weights = numbers(answer["权重"]) / 100.0
    if weights.isna().any() or abs(weights.sum() - 1.0) > _WHOLE:
        raise SourceError(
            f"the weights of the answer add up to {weights.sum():.1%}: it is a part, or no list"
        )
    period = days(answer["日期"], "", "")
    if period.isna().any() or (period != period[0]).any():
        raise SourceError("the answer is not of one day")
    symbols = [
        _symbol(str(code), str(exchange))
        for code, exchange in zip(answer["成分券代码"], answer["交易所"], strict=True)
    ]
    known_at = _hong_kong(period + pd.Timedelta(days=_WEIGHT_DAYS), "00:00")
    return _from(_facts(symbols, f"{WEIGHT}{index}", period, known_at, weights), start)


def profile(symbol: str, answer: pd.DataFrame | None) -> pd.DataFrame:
    """Row of ``instruments``: name, board lot, date of listing, offer price."""
    answer = _some(answer)
    columns = {
        "证券简称": "name",
        "每手股数": "lot_size",
        "上市日期": "listed",
        "发行价": "offer_price",
    }
    needed_columns(answer, columns)
    if len(answer) != 1:
        raise SourceError(f"the answer has {len(answer)} rows instead of one")
    found = answer[list(columns)].rename(columns=columns).reset_index(drop=True)
    lot, price = numbers(found["lot_size"]), numbers(found["offer_price"])
    home = home_of(symbol)
    if home is None:
        raise SourceError(f"no exchange is known for the suffix of {symbol}")
    return found.assign(
        symbol=symbol,
        lot_size=lot.where(lot > 0),
        offer_price=price.where(price > 0),  # introductions have none, or 0
        listed=days(found["listed"], "", ""),
        **home._asdict(),
    )


def _some(answer: pd.DataFrame | None) -> pd.DataFrame:
    if answer is None or answer.empty:
        raise SourceError("the answer is empty")
    return answer.reset_index(drop=True)


def _symbol(code: str, exchange: str) -> str:
    suffix = next((end for place, end in _EXCHANGES.items() if place in exchange), None)
    if suffix is None:
        raise SourceError(f"the answer has {code} of {exchange}, an exchange that is not known")
    return f"{code.lstrip('0').zfill(4)}{suffix}" if suffix == ".HK" else f"{code}{suffix}"


def _next_morning(period: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
    """09:00 in Hong Kong on the weekday after, before the open: holdings are out by then."""
    weekend = period.dt.day_of_week.map({4: 3, 5: 2}).fillna(1)
    return _hong_kong(period + pd.to_timedelta(weekend, unit="D"), "09:00")


def _hong_kong(day: pd.Series[pd.Timestamp], time: str) -> pd.Series[pd.Timestamp]:
    local = (day + pd.Timedelta(f"{time}:00")).dt.tz_localize("Asia/Hong_Kong")
    return local.dt.tz_convert("UTC").astype("datetime64[ns, UTC]")


def _facts(
    symbol: object, field: object, period: object, known_at: object, value: pd.Series[float]
) -> pd.DataFrame:
    rows: Mapping[str, object] = {
        "symbol": symbol, "field": field, "period": period, "known_at": known_at,
        "value": numbers(value),
    }  # fmt: skip
    return pd.DataFrame(rows)


def _from(facts: pd.DataFrame, start: date) -> pd.DataFrame:
    """Facts with a value and a day, from ``start`` on, each once."""
    found = facts[facts["value"].notna() & facts["period"].notna()]
    found = found[found["period"] >= pd.Timestamp(start)]
    if found.empty:
        raise SourceError(f"the answer has no value from {start} on")
    return without_copies(found, ["period", "symbol", "field"])
