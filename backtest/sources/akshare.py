"""Sina, Cninfo, Eastmoney, Baidu and CSI through akshare: bars as traded, actions, facts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from backtest.sources import akshare_facts as facts_of
from backtest.sources.answers import first_line, needed_columns, without_copies
from backtest.sources.protocol import Answer, Pace, SourceError, Unavailable
from backtest.sources.suffixes import Home, home_of
from backtest.sources.values import Unreadable, days, numbers

_BARS = ("open", "high", "low", "close", "volume")
_FLOWS = {"southbound": "南向资金", "northbound": "北向资金"}
_FLOW_FIELDS = {"net_buy": "当日成交净买额", "buy": "买入成交额", "sell": "卖出成交额"}
_HUNDRED_MILLIONS = 1e8
_LEAST = 1e-6
"""Below this a change of rounded factors is no action."""


class Client(Protocol):
    """What is used of the module ``akshare``."""

    def stock_hk_daily(self, symbol: str, adjust: str) -> pd.DataFrame:
        """Bars of ``00700``; with ``hfq-factor`` its factors and cash."""

    def stock_zh_a_daily(self, symbol: str, adjust: str) -> pd.DataFrame:
        """Bars of ``sh600519``."""

    def stock_dividend_cninfo(self, symbol: str) -> pd.DataFrame:
        """Distributions of ``600519``, per ten shares."""

    def stock_hsgt_hist_em(self, symbol: str) -> pd.DataFrame:
        """Totals of Stock Connect by day, in hundred millions."""

    def stock_hsgt_individual_em(self, symbol: str) -> pd.DataFrame:
        """Stock Connect's holding of ``00700`` by day."""

    def stock_hk_valuation_baidu(self, symbol: str, indicator: str, period: str) -> pd.DataFrame:
        """One ratio of ``00700`` by day."""

    def stock_financial_hk_analysis_indicator_em(self, symbol: str, indicator: str) -> pd.DataFrame:
        """Main figures of the reports of ``00700``, the latest first."""

    def stock_hk_security_profile_em(self, symbol: str) -> pd.DataFrame:
        """One row about ``00700``."""

    def index_stock_cons_weight_csindex(self, symbol: str) -> pd.DataFrame:
        """Members of ``000300`` with their weights in percent."""


class AkShare:
    """``0700.HK``, ``600519.SS``, ``000001.SZ``, ``southbound``, ``northbound``.

    With a word before it a symbol is asked for something else than bars: ``valuation:0700.HK``,
    ``annual:0700.HK``, ``southbound:0700.HK``, ``profile:0700.HK``, ``weights:000300``.
    """

    name = "akshare"
    prices: Literal["raw", "adjusted"] = "raw"
    pace = Pace(pause=1.0, retries=3, backoff=3.0)
    caveats: tuple[str, ...] = (
        "Sina lists what is traded today: delisted instruments are missing.",
        "Sina does not give board lots: 1 share, where no profile: was fetched.",
        "Stock Connect's totals count as known at 18:00 Hong Kong time of their day.",
        *facts_of.CAVEATS,
    )

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    def fetch(self, symbol: str, start: date) -> Answer:
        """Everything about one symbol, or about Stock Connect."""
        if symbol in _FLOWS:
            return Answer({"facts": self._flows(symbol, start)})
        if ":" in symbol:
            return self._more(symbol, start)
        home = home_of(symbol)
        code, _, suffix = symbol.partition(".")
        if home is None or suffix not in ("HK", "SS", "SZ"):
            known = ", ".join([*_FLOWS, *(f"{word}:..." for word in self._words())])
            raise SourceError(f"must end with .HK, .SS or .SZ, or be one of {known}")
        with _errors_as_ours():
            if suffix == "HK":
                daily = self._client().stock_hk_daily(symbol=code.zfill(5), adjust="")
                factors = self._client().stock_hk_daily(symbol=code.zfill(5), adjust="hfq-factor")
                actions = _hong_kong_actions(symbol, factors)
            else:
                market = {"SS": "sh", "SZ": "sz"}[suffix]
                daily = self._client().stock_zh_a_daily(symbol=f"{market}{code}", adjust="")
                paid = self._client().stock_dividend_cninfo(symbol=code)
                actions = _mainland_actions(symbol, paid)
        bars = _bars(symbol, daily)
        first = pd.Timestamp(start)
        bars = bars[bars["session"] >= first]
        if bars.empty:
            raise SourceError(f"the answer has no bar from {start} on")
        inside = actions["ex_session"].between(bars["session"].min(), bars["session"].max())
        inside &= actions["ex_session"] > first
        tables = {
            "instruments": _instrument(symbol, home),
            "bars": bars.reset_index(drop=True),
            "actions": actions[inside].reset_index(drop=True),
        }
        return Answer(tables)

    def _flows(self, symbol: str, start: date) -> pd.DataFrame:
        with _errors_as_ours():
            answer = self._client().stock_hsgt_hist_em(symbol=_FLOWS[symbol])
            needed_columns(answer, ["日期", *_FLOW_FIELDS.values()])
            period = days(answer["日期"], "", "")
            known = (period + pd.Timedelta(hours=18)).dt.tz_localize("Asia/Hong_Kong")
            parts = [
                pd.DataFrame(
                    {
                        "symbol": "",
                        "field": f"{symbol}_{field}",
                        "period": period,
                        "known_at": known.dt.tz_convert("UTC"),
                        "value": numbers(answer[column]) * _HUNDRED_MILLIONS,
                    }
                )
                for field, column in _FLOW_FIELDS.items()
            ]
        found = pd.concat(parts, ignore_index=True)
        found = found[found["value"].notna() & (found["period"] >= pd.Timestamp(start))]
        if found.empty:
            raise SourceError(f"the answer has no value from {start} on")
        return without_copies(found, ["period", "field"])

    def _words(self) -> Mapping[str, Callable[[str, str, date], Answer]]:
        """What can be asked for besides bars: a call with symbol, the vendor's code and start."""
        return {
            "valuation": self._valuation,
            "annual": self._annual,
            "southbound": self._holdings,
            "profile": self._profile,
            "weights": self._weights,
        }

    def _more(self, symbol: str, start: date) -> Answer:
        word, _, of = symbol.partition(":")
        words = self._words()
        if word not in words:
            raise SourceError(f"begins with {word}:, which is none of {', '.join(words)}")
        code, dot, suffix = of.partition(".")
        if word == "weights" and (dot or not code):
            raise SourceError("must be an index of CSI by its number, as weights:000300")
        if word != "weights" and (suffix != "HK" or not code.isdigit()):
            raise SourceError(f"must be a share of Hong Kong, as {word}:0700.HK")
        with _errors_as_ours():
            return words[word](of, code.zfill(5) if suffix == "HK" else code, start)

    def _valuation(self, symbol: str, code: str, start: date) -> Answer:
        def ask(indicator: str) -> pd.DataFrame:
            client = self._client()
            return client.stock_hk_valuation_baidu(symbol=code, indicator=indicator, period="全部")

        return Answer({"facts": facts_of.valuation_facts(symbol, start, ask)})

    def _annual(self, symbol: str, code: str, start: date) -> Answer:
        client = self._client()
        found = client.stock_financial_hk_analysis_indicator_em(symbol=code, indicator="年度")
        return Answer({"facts": facts_of.annual_facts(symbol, start, found)})

    def _holdings(self, symbol: str, code: str, start: date) -> Answer:
        found = self._client().stock_hsgt_individual_em(symbol=code)
        return Answer({"facts": facts_of.holding_facts(symbol, start, found)})

    def _profile(self, symbol: str, code: str, _: date) -> Answer:
        found = self._client().stock_hk_security_profile_em(symbol=code)
        return Answer({"instruments": facts_of.profile(symbol, found)})

    def _weights(self, index: str, code: str, start: date) -> Answer:
        found = self._client().index_stock_cons_weight_csindex(symbol=code)
        return Answer({"facts": facts_of.weight_facts(index, start, found)})

    def _client(self) -> Client:
        if self._given is not None:
            return self._given
        try:
            import akshare
        except ImportError:
            message = "akshare is missing: pip install 'portfolio-backtest[akshare]'"
            raise Unavailable(message) from None
        client: Client = akshare
        return client


def _bars(symbol: str, answer: pd.DataFrame | None) -> pd.DataFrame:
    if answer is None or answer.empty:
        raise SourceError("the answer is empty")
    needed_columns(answer, ["date", *_BARS])
    try:
        found = {name: numbers(answer[name]) for name in _BARS}
        session = days(answer["date"], "", "")
    except Unreadable as error:
        raise SourceError(f"the answer {error}") from None
    bars = pd.DataFrame({"symbol": symbol, "session": session, **found})
    return without_copies(bars[bars["close"].notna()], ["session"])


def _hong_kong_actions(symbol: str, factors: pd.DataFrame) -> pd.DataFrame:
    r"""Splits and dividends of Sina's factors k and cash c, with :math:`adjusted = k p + c`.

    From one segment to the next :math:`k p + c = k' p' + c'`, so that the ratio is :math:`k' / k`
    and the dividend per new share :math:`(c' - c) / k'`.
    """
    needed_columns(factors, ["date", "hfq_factor", "cash"])
    date_of = days(factors["date"], "", "")
    order = np.argsort(date_of.to_numpy(), kind="stable")
    day = date_of.to_numpy()[order]
    factor, cash = (numbers(factors[name]).to_numpy()[order] for name in ("hfq_factor", "cash"))
    rows: list[tuple[Any, ...]] = []
    for row in range(1, len(day)):
        ratio = factor[row] / factor[row - 1]
        paid = (cash[row] - cash[row - 1]) / factor[row]
        if abs(ratio - 1.0) > _LEAST:
            rows.append((symbol, day[row], "split", round(float(ratio), 6)))
        if paid > _LEAST:
            rows.append((symbol, day[row], "dividend", round(float(paid), 6)))
    return _frame(rows)


def _mainland_actions(symbol: str, paid: pd.DataFrame) -> pd.DataFrame:
    """Bonus shares, shares from reserves, cash: all per ten old shares."""
    columns = ["除权日", "送股比例", "转增比例", "派息比例"]
    if paid.empty:
        return _frame([])
    needed_columns(paid, columns)
    day = days(paid["除权日"], "", "")
    bonus, reserves, cash = (numbers(paid[name]).fillna(0.0).to_numpy() for name in columns[1:])
    rows: list[tuple[Any, ...]] = []
    for row in np.flatnonzero(day.notna().to_numpy()):
        ratio = 1.0 + (bonus[row] + reserves[row]) / 10.0
        if ratio > 1.0:
            rows.append((symbol, day.iloc[row], "split", ratio))
        if cash[row] > 0.0:
            rows.append((symbol, day.iloc[row], "dividend", round(cash[row] / 10.0 / ratio, 6)))
    # Two payments of one day are one to the account.
    return _frame(rows).groupby(["symbol", "ex_session", "kind"], as_index=False).sum()


def _frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["symbol", "ex_session", "kind", "value"])
    return found.astype({"ex_session": "datetime64[ns]", "value": "float64"})


def _instrument(symbol: str, home: Home) -> pd.DataFrame:
    return pd.DataFrame([{"symbol": symbol, "name": "", **home._asdict()}])


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    """What akshare lets through: errors of requests, and of reading a page that is no data."""
    page_errors: tuple[type[Exception], ...] = (
        ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError,
        *_script_errors(), *_client_errors(),
    )  # fmt: skip
    try:
        yield
    except Unreadable as error:
        raise SourceError(f"the answer {error}") from None
    except page_errors as error:
        message = f"the answer cannot be read: {first_line(error)}"
        raise SourceError(message, retry=True) from None
    except OSError as error:
        raise Unavailable(f"the source cannot be reached: {first_line(error)}") from None


def _client_errors() -> tuple[type[Exception], ...]:
    """Errors that akshare has of its own, once it is loaded: a refusal, a page without its data."""
    module = sys.modules.get("akshare.exceptions")
    return () if module is None else (module.AkshareException,)


def _script_errors() -> tuple[type[Exception], ...]:
    """Errors of the JavaScript with which akshare unpacks Sina's bars: a page without any."""
    try:
        from py_mini_racer.py_mini_racer import MiniRacerBaseException
    except ImportError:
        return ()
    return (MiniRacerBaseException,)
