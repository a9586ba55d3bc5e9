"""Names that vendors give to the columns of bars."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "session": (
        "date", "session", "datetime", "time", "timestamp", "trade_date", "tradedate", "day", "dt",
        "datum", "日期", "交易日期", "時間", "时间",
    ),
    "symbol": (
        "symbol", "ticker", "code", "ts_code", "stock_code", "secid", "sid", "ric", "证券代码",
        "股票代码", "代码", "股份代號", "股份代号",
    ),
    "open": (
        "open", "open_price", "o", "eröffnung", "eroeffnung", "eröffnungskurs", "erster",
        "ouverture", "开盘", "开盘价", "開市", "開盤",
    ),
    "high": (
        "high", "high_price", "h", "hoch", "tageshoch", "höchstkurs", "haut", "最高", "最高价",
        "高", "最高價",
    ),
    "low": (
        "low", "low_price", "l", "tief", "tagestief", "tiefstkurs", "bas", "最低", "最低价", "低",
        "最低價",
    ),
    "close": (
        "close", "close_price", "last", "price", "c", "schluss", "schlusskurs", "schlußkurs",
        "clôture",
        "收盘", "收盘价", "收市", "收盤",
    ),
    # Where shares and money stand side by side in German, Volumen is the money.
    "volume": (
        "volume", "vol", "v", "volume_shares", "stück", "stücke", "stuecke", "volumen", "成交量",
        "交易量", "成交股數",
    ),
    "dividend": ("dividends", "dividend", "cash_dividend", "div", "分红"),
    "split": ("stock_splits", "stock splits", "splits", "split", "split_ratio", "拆股"),
}  # fmt: skip
_UNIT = re.compile(r"\s*[(\[](?!adj)[^)\]]*[)\]]\s*$|\.$")
BARS = ("session", "symbol", "open", "high", "low", "close", "volume")


def recognised(names: Sequence[str]) -> dict[str, str]:
    """Our columns and theirs, by the names that vendors use; a unit behind a name is no part of it.

    ``Volumen (Stück)`` is a volume, ``Close (adj.)`` is left alone.
    """
    lower = {_UNIT.sub("", one.lower()).strip(): one for one in reversed(names)}
    lower |= {one.lower().strip(): one for one in reversed(names)}
    found = {}
    for ours, aliases in _ALIASES.items():
        for alias in aliases:
            if alias in lower:
                found[ours] = lower[alias]
                break
    return found
