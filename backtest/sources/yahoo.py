"""Yahoo Finance through yfinance: prices as traded, splits, dividends, exchange rates."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Literal, Protocol

import pandas as pd

from backtest.calendars import timezone
from backtest.sources.actions import raw_prices, repeated_notes, without_repeated
from backtest.sources.answers import first_line, needed_columns, without_copies
from backtest.sources.protocol import Answer, Pace, SourceError, Unavailable
from backtest.sources.suffixes import Home, home_of

_COLUMNS = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
_ACTIONS = {"Dividends": "dividend", "Stock Splits": "split"}
_KINDS = {"EQUITY": "stock", "ETF": "etf", "INDEX": "index", "CRYPTOCURRENCY": "crypto"}
_DECIMALS = 4
"""Of a price that was traded; what a source's rounding of adjusted prices leaves is cut off."""


class Ticker(Protocol):
    """What is used of a ``yfinance.Ticker``."""

    def __init__(self, ticker: str) -> None: ...

    def history(self, **options: Any) -> pd.DataFrame:  # yfinance's own keywords
        """Bars, dividends and splits, by the exchange's midnight."""

    def get_history_metadata(self) -> Mapping[str, Any]:  # JSON of the vendor
        """Currency, kind and time zone of the last history."""


class Yahoo:
    """``0700.HK``, ``600519.SS``, ``SPY``, ``^HSI``, ``BTC-USD``, ``USDHKD=X``.

    Yahoo's closes are adjusted for splits; these are undone, so that the bundle is raw.
    """

    name = "yahoo"
    prices: Literal["raw", "adjusted"] = "raw"
    pace = Pace(pause=0.5, retries=3, backoff=3.0)
    caveats: tuple[str, ...] = (
        "Yahoo lists what is traded today: delisted instruments are missing.",
        "Prices are rebuilt from Yahoo's split-adjusted ones; distributions in kind are missing.",
        "Yahoo does not give board lots: 1 share.",
    )

    def __init__(self, ticker: type[Ticker] | None = None) -> None:
        self._ticker = ticker

    def fetch(self, symbol: str, start: date) -> Answer:
        """Everything about one symbol."""
        if symbol.endswith("=X"):
            return Answer({"fx": _rates(symbol, self._ask(symbol, start)[0])})
        home = home_of(symbol)
        if home is None:
            raise SourceError(f"no exchange is known for the suffix of {symbol}")
        answer, meta = self._ask(symbol, start)
        session = _sessions(answer.index, home)
        bars = answer[list(_COLUMNS)].rename(columns=_COLUMNS).astype("float64")
        bars = bars.reset_index(drop=True).assign(symbol=symbol, session=session)
        bars = without_copies(bars[bars["close"].notna()], ["session"])
        if bars.empty:
            raise SourceError("the answer has no close")
        actions, twice = without_repeated(_actions(symbol, answer, session))
        bars, actions = raw_prices(bars, actions, "splits")
        prices = ["open", "high", "low", "close"]
        bars[prices] = bars[prices].round(_DECIMALS)
        tables = {"instruments": _instrument(symbol, home, meta), "bars": bars, "actions": actions}
        return Answer(tables, tuple(repeated_notes(twice)))

    def _ask(self, symbol: str, start: date) -> tuple[pd.DataFrame, Mapping[str, Any]]:
        with _errors_as_ours():
            ticker = _client(self._ticker)(symbol)
            answer = ticker.history(
                start=start.isoformat(), interval="1d", auto_adjust=False, actions=True
            )
            meta = ticker.get_history_metadata()
        if answer is None or answer.empty:
            raise SourceError("the answer is empty")
        needed_columns(answer, _COLUMNS)
        return answer, meta or {}


def _client(given: type[Ticker] | None) -> type[Ticker]:
    if given is not None:
        return given
    try:
        import yfinance
    except ImportError:
        raise Unavailable("yfinance is missing: pip install 'portfolio-backtest[yahoo]'") from None
    client: type[Ticker] = yfinance.Ticker
    return client


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    """Yfinance's errors as ours; it hides them unless it is told not to."""
    import yfinance
    from yfinance.exceptions import YFException, YFRateLimitError

    debug = yfinance.config.debug
    hidden, debug.hide_exceptions = debug.hide_exceptions, False
    log = logging.getLogger("yfinance")  # it says there what it then raises
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except YFRateLimitError as error:
        raise Unavailable(f"Yahoo refuses for now: {first_line(error)}") from None
    except YFException as error:
        raise SourceError(first_line(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        message = f"the answer cannot be read: {first_line(error)}"
        raise SourceError(message, retry=True) from None
    except OSError as error:  # of requests and of curl alike
        raise Unavailable(f"Yahoo cannot be reached: {first_line(error)}") from None
    finally:
        debug.hide_exceptions = hidden
        log.setLevel(level)


def _sessions(index: pd.Index[Any], home: Home) -> pd.Series[Any]:
    """Dates of the exchange; an answer whose times are no midnights of it is refused."""
    times = pd.DatetimeIndex(index)
    if times.tz is not None:
        times = times.tz_convert(timezone(home.exchange)).tz_localize(None)
    odd = times[times != times.normalize()]
    if len(odd):
        zone = timezone(home.exchange)
        raise SourceError(f"bars begin at midnight of {zone}, the answer's at {odd[0]:%H:%M}")
    return pd.Series(times.astype("datetime64[ns]"))


def _actions(symbol: str, answer: pd.DataFrame, session: pd.Series[Any]) -> pd.DataFrame:
    parts = []
    for column, kind in _ACTIONS.items():
        if column not in answer:
            continue
        value = answer[column].astype("float64").reset_index(drop=True)
        found = pd.DataFrame(
            {"symbol": symbol, "ex_session": session, "kind": kind, "value": value}
        )
        parts.append(found[(value != 0) & value.notna()])
    if not parts:
        raise SourceError(f"the answer has neither {' nor '.join(_ACTIONS)}")
    return without_copies(pd.concat(parts, ignore_index=True), ["ex_session", "kind"])


def _instrument(symbol: str, home: Home, meta: Mapping[str, Any]) -> pd.DataFrame:
    currency = str(meta.get("currency") or home.currency)
    if currency != home.currency:
        if currency.upper() == home.currency:  # pence, agorot
            raise SourceError(f"prices are in {currency}, hundredths of {home.currency}")
        raise SourceError(f"prices are in {currency}, its exchange's are in {home.currency}")
    row = {
        "symbol": symbol,
        "name": str(meta.get("longName") or meta.get("shortName") or ""),
        "exchange": home.exchange,
        "currency": currency,
        "kind": _KINDS.get(str(meta.get("instrumentType")), home.kind),
    }
    return pd.DataFrame([row])


def _rates(symbol: str, answer: pd.DataFrame) -> pd.DataFrame:
    """``USDHKD=X``; ``HKD=X`` is dollars too."""
    pair = symbol.removesuffix("=X")
    base, quote = (pair[:3], pair[3:]) if len(pair) == 6 else ("USD", pair)
    times = pd.DatetimeIndex(answer.index)
    dates = times.tz_localize(None).normalize().astype("datetime64[ns]")
    close = answer["Close"].astype("float64").to_numpy()
    found = pd.DataFrame({"base": base, "quote": quote, "date": dates, "rate": close})
    found = without_copies(found[found["rate"].notna()], ["date"])
    if found.empty:
        raise SourceError("the answer has no rate")
    return found
