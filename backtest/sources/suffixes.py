"""Exchange, currency and kind that a vendor's symbol implies."""

from __future__ import annotations

from typing import NamedTuple


class Home(NamedTuple):
    """Where a symbol is traded."""

    exchange: str
    currency: str
    kind: str


_SUFFIXES = {
    "HK": ("XHKG", "HKD"), "SS": ("XSHG", "CNY"), "SH": ("XSHG", "CNY"), "SZ": ("XSHG", "CNY"),
    "KS": ("XKRX", "KRW"), "T": ("XTKS", "JPY"), "TW": ("XTAI", "TWD"), "SI": ("XSES", "SGD"),
    "L": ("XLON", "GBP"), "DE": ("XETR", "EUR"), "PA": ("XPAR", "EUR"), "AS": ("XAMS", "EUR"),
    "SW": ("XSWX", "CHF"), "TO": ("XTSE", "CAD"), "AX": ("XASX", "AUD"), "MI": ("XMIL", "EUR"),
    "MC": ("XMAD", "EUR"), "ST": ("XSTO", "SEK"), "HE": ("XHEL", "EUR"), "BR": ("XBRU", "EUR"),
    "LS": ("XLIS", "EUR"), "OL": ("XOSL", "NOK"), "CO": ("XCSE", "DKK"), "NS": ("XBOM", "INR"),
    "BO": ("XBOM", "INR"), "SA": ("BVMF", "BRL"),
}  # fmt: skip
_INDICES = {
    "^HSI": ("XHKG", "HKD"), "^HSCE": ("XHKG", "HKD"), "HSTECH": ("XHKG", "HKD"),
    "^N225": ("XTKS", "JPY"), "^FTSE": ("XLON", "GBP"), "^GDAXI": ("XETR", "EUR"),
}  # fmt: skip
_COINS = ("BTC", "ETH", "SOL", "BNB", "XRP", "DOGE")


def home_of(symbol: str) -> Home | None:
    """Home of a symbol in the form of Yahoo: ``0700.HK``, ``600519.SS``, ``^HSI``, ``BTC-USD``.

    None where the suffix is not known. A symbol without one is American.
    """
    coin, dash, money = symbol.partition("-")
    if dash and coin in _COINS and len(money) == 3:
        return Home("24/7", money, "crypto")
    if symbol in _INDICES:
        return Home(*_INDICES[symbol], "index")
    stem, _, suffix = symbol.rpartition(".")
    kind = "index" if symbol.startswith("^") else "stock"
    if stem:
        found = _SUFFIXES.get(suffix)
        return None if found is None else Home(*found, kind)
    return Home("XNYS", "USD", kind)
