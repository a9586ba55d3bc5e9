"""A first mapping of files that nobody has described, for the user to correct."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from backtest.calendars import timezone
from backtest.errors import DataError, Fault
from backtest.sources.files import FORMATS, file_name, files_below
from backtest.sources.headings import BARS, recognised
from backtest.sources.mapping import Input
from backtest.sources.probe import probe
from backtest.sources.suffixes import home_of
from backtest.sources.values import Unreadable, days, numbers

_LEFT_ALONE = ("adj close", "adj_close", "adjusted_close", "adjclose")
_FORMATS = (
    "", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y.%m.%d",
    "%Y年%m月%d日", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%Y%m%d %H:%M", "%d/%m/%y", "%m/%d/%y",
)  # fmt: skip
_SAMPLE = 2_000
_MANY = 3
_NARROW = 12  # columns that a file of one symbol may have besides those that are known


@dataclass
class _Guess:
    """What was made out of files with the same columns."""

    files: list[str]
    columns: dict[str, str]
    names: list[str]
    wide: bool = False
    dates: str = ""
    other_dates: str = ""
    time_zone: str = ""
    decimal: str = "."
    how: Input = field(default_factory=Input)
    symbols: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def guess_mapping(files: Sequence[Path], *, name: str) -> str:
    """A mapping of these files as YAML text, with remarks where it may be wrong.

    Raises
    ------
    DataError
        A file cannot be read, or has neither a date nor a price that can be recognised.
    """
    groups: dict[tuple[object, ...], list[tuple[Path, pd.DataFrame]]] = {}
    hows: dict[tuple[object, ...], Input] = {}
    gone = [Fault("", "no such file", str(path)) for path in files if not path.exists()]
    found = [inside for path in files for inside in files_below(path)]
    if gone or not found:
        nothing = [Fault("", f"no file of a known format: {', '.join(FORMATS)}")]
        raise DataError("--guess", gone or nothing)
    for path in found:
        frame, how = probe(path)
        key = (how.encoding, how.sheet, *how.skip, *frame.columns)
        hows[key] = how
        groups.setdefault(key, []).append((path, frame))
    guesses = [_guess(members, hows[key]) for key, members in groups.items()]
    return _text(guesses, name)


def _guess(members: list[tuple[Path, pd.DataFrame]], how: Input) -> _Guess:
    path, frame = members[0]
    names = list(frame.columns)
    columns = recognised(names)
    if how.skip:
        columns["session"] = names[0]
    if how.sheet == "*" and "symbol" not in columns:
        columns["symbol"] = "sheet"
    found = _Guess([path.name for path, _ in members], columns, names, how=how)
    if frame.empty:
        raise DataError("--guess", [Fault("", "has no rows", path.name)])
    rest = [one for one in names if one not in columns.values() and one.lower() not in _LEFT_ALONE]
    if "session" not in columns:
        shown = ", ".join(names[:8])
        advice = "write the mapping by hand"
        if any(one[:1].isdigit() for one in names):
            advice += ", with header: where the file has no heading"
        message = f"no column is a date by its name; it has {shown}: {advice}"
        raise DataError("--guess", [Fault("", message, path.name)])
    # O, C and LOW are tickers too: with many columns besides, the file is wide.
    if "close" not in columns or ("symbol" not in columns and len(rest) > _NARROW):
        spoken_for = (columns["session"],)
        rest = [one for one in names if one not in spoken_for] if len(rest) > _NARROW else rest
        _guess_decimal(found, [frame[one] for one in rest])
        across = [one for one in rest if _is_numeric(frame[one], found.decimal)]
        if not across:
            message = "no column is a price by its name: write the mapping by hand"
            raise DataError("--guess", [Fault("", message, path.name)])
        found.wide = True
        found.columns = {"session": columns["session"]}
        found.symbols = across
    elif "symbol" in columns:
        found.symbols = frame[columns["symbol"]].astype("str").unique().tolist()
    else:
        found.symbols = [file_name(path) for path, _ in members]
    if not found.wide:
        _guess_decimal(found, [frame[columns[one]] for one in BARS[2:] if one in columns])
    _guess_dates(found, frame[columns["session"]])
    for ours, theirs in columns.items():
        if theirs in found.columns.values() and theirs.endswith((")", "]")):
            found.remarks.append(
                f"{theirs}: where that is not one, but a thousand, set scale: {{{ours}: 1000}}."
            )
    if any(one.lower() in _LEFT_ALONE for one in names):
        found.remarks.append(
            "There is an adjusted close beside the close; this takes the close. Yahoo's is "
            "adjusted for splits: prices: raw would need these, and turn_raw: splits."
        )
    return found


def _is_numeric(values: pd.Series[float], decimal: str) -> bool:
    try:
        return bool(numbers(values.head(_SAMPLE), decimal).notna().any())
    except Unreadable:
        return False


def _guess_decimal(found: _Guess, columns: Sequence[pd.Series[float]]) -> None:
    """The decimal mark that more columns can be read with; the point where both serve."""
    read = {mark: sum(_is_numeric(one, mark) for one in columns) for mark in (".", ",")}
    found.decimal = "," if read[","] > read["."] else "."
    words = [str(word) for one in columns for word in one.head(_SAMPLE)]
    doubtful = next((word for word in words if "," in word), "")
    if found.decimal == "." and doubtful and not any("." in word for word in words):
        read_as = doubtful.replace(",", "")
        found.remarks.append(f"{doubtful} is read as {read_as}; if it is not, set decimal: ','.")


def _guess_dates(found: _Guess, values: pd.Series[str]) -> None:
    if len(values) > _SAMPLE:  # both ends, and the middle: 13/12 tells more than 01/12
        values = values.iloc[:: len(values) // _SAMPLE]
    home = home_of(found.symbols[0]) if found.symbols else None
    zone = str(timezone(home.exchange)) if home else "UTC"
    fitting: list[str] = []
    for form in _FORMATS:
        try:
            days(values, form, "")
        except Unreadable as error:
            if "time_zone" not in str(error):
                continue
            found.time_zone = zone
        fitting.append(form)
        if not form:
            break
    if not fitting:
        _guess_most_dates(found, values)
        return
    found.dates = fitting[0]
    found.other_dates = fitting[1] if len(fitting) > 1 else ""


def _guess_most_dates(found: _Guess, values: pd.Series[str]) -> None:
    """The form of the first date, and which ones are not of it."""
    for form in _FORMATS:
        try:
            days(values.iloc[:1], form, found.time_zone)
            days(values, form, found.time_zone)
        except Unreadable as error:
            if str(values.iloc[0]) not in str(error):
                found.dates = form
                found.remarks.append(f"Mend the dates: a date {error}.")
                return
    found.remarks.append(f"No date format fits {str(values.iloc[0])!r}: set dates.")


def _text(guesses: Sequence[_Guess], name: str) -> str:
    """The YAML text."""
    has_actions = any({"dividend", "split"} & set(guess.columns) for guess in guesses)
    lines = [
        "# Guessed from the files: read every line before you trust it.",
        f"name: {_quoted(name)}",
        "description: where the data is from",
        "prices: adjusted                     # or raw: as traded, splits and dividends apart",
    ]
    if has_actions:
        lines += [
            "# The files have dividends or splits. Where the prices are adjusted for these, write",
            "#   prices: raw",
            "#   turn_raw: splits_and_dividends   (or splits, where these alone are in the prices)",
            "# and take the comment signs from the inputs of actions below.",
        ]
    lines += [
        "# retrieved: 2026-08-03T12:28:00-04:00  # when the files were made",
        *_instruments(guesses),
        "inputs:",
    ]
    for guess in guesses:
        lines += _input(guess)
    return "\n".join(lines) + "\n"


def _instruments(guesses: Sequence[_Guess]) -> list[str]:
    symbols = [symbol for guess in guesses for symbol in guess.symbols]
    mainland = [one for one in symbols if one.isdigit() and len(one) == 6]
    if symbols and len(mainland) == len(symbols):
        return ["instruments: {exchange: XSHG, currency: CNY, kind: stock}"]
    final = [
        f"{one}.HK" if _is_hong_kong(guess) else one for guess in guesses for one in guess.symbols
    ]
    kinds = sorted({home.exchange for one in final if (home := home_of(one)) is not None})
    return [
        f"# exchange, currency, kind follow the symbols' suffixes ({', '.join(kinds[:4])}); else:",
        "# instruments: {exchange: XNYS, currency: USD, kind: stock}",
    ]


def _input(guess: _Guess) -> list[str]:
    lines = [
        "  - table: bars",
        f"    files: [{', '.join(_quoted(one) for one in _patterns(guess))}]",
    ]
    if guess.wide:
        lines.append("    wide: close                      # what the cells are")
    shown = [f"{ours}: {_quoted(guess.columns[ours])}" for ours in BARS if ours in guess.columns]
    lines.append(f"    columns: {{{', '.join(shown)}}}")
    if guess.dates:
        also = f"   # or {guess.other_dates}: the dates fit both" if guess.other_dates else ""
        lines.append(f"    dates: {_quoted(guess.dates)}{also}")
    if guess.time_zone:
        lines.append(f"    time_zone: {guess.time_zone}   # dates are those of this zone")
    if guess.decimal == ",":
        lines.append('    decimal: ","')
    lines += [f"    {line}" for line in _reading(guess)]
    symbol = _symbol(guess)
    if symbol:
        lines.append(f"    symbol: {symbol}")
    taken = {*guess.columns.values()}
    idle = [one for one in guess.names if one not in taken]
    if idle and not guess.wide:
        more = " ..." if len(idle) > 8 else ""
        lines.append(f"    # not taken: {', '.join(idle[:8])}{more}")
    lines += [f"    # {remark}" for remark in guess.remarks]
    for kind in ("dividend", "split"):
        if kind in guess.columns:
            lines += _action(guess, kind, symbol)
    return lines


def _reading(guess: _Guess) -> list[str]:
    """What the file is to be read with, where it is not what it is without."""
    lines = []
    if guess.how.encoding != Input().encoding:
        lines.append(f"encoding: {guess.how.encoding}")
    if guess.how.skip:
        lines.append(f"skip: {guess.how.skip}")
    if guess.how.sheet != "":
        what = "all: they are alike" if guess.how.sheet == "*" else "the first of several"
        lines.append(f"sheet: {json.dumps(guess.how.sheet, ensure_ascii=False)}   # {what}")
    return lines


def _action(guess: _Guess, kind: str, symbol: str) -> list[str]:
    columns = [f"ex_session: {_quoted(guess.columns['session'])}"]
    if "symbol" in guess.columns:
        columns.append(f"symbol: {_quoted(guess.columns['symbol'])}")
    columns.append(f"value: {_quoted(guess.columns[kind])}")
    lines = [
        "- table: actions",
        f"  files: [{', '.join(_quoted(one) for one in _patterns(guess))}]",
        f"  columns: {{{', '.join(columns)}}}",
        f"  constants: {{kind: {kind}}}",
        "  missing: {value: [0]}",
    ]
    lines += [f"  dates: {_quoted(guess.dates)}"] if guess.dates else []
    lines += [f"  time_zone: {guess.time_zone}"] if guess.time_zone else []
    lines += ['  decimal: ","'] if guess.decimal == "," else []
    lines += [f"  {line}" for line in _reading(guess)]
    lines += [f"  symbol: {symbol}"] if symbol else []
    return [f"#  {line}" for line in lines]


def _symbol(guess: _Guess) -> str:
    parts = []
    if "symbol" not in guess.columns and not guess.wide:
        parts.append('file: "^(.+)$"')
    if _is_hong_kong(guess):
        parts += ["pad: 4", "suffix: .HK"]
    return f"{{{', '.join(parts)}}}" if parts else ""


def _is_hong_kong(guess: _Guess) -> bool:
    """Whether the names are the numbers of Hong Kong."""
    return all(one.isdigit() and len(one) <= 5 for one in guess.symbols)


def _patterns(guess: _Guess) -> list[str]:
    """The files' names, or what they end with where there are many."""
    if len(guess.files) <= _MANY:
        return guess.files
    return sorted({f"*{''.join(Path(one).suffixes[-1:])}" for one in guess.files})


def _quoted(text: str) -> str:
    """A YAML scalar, in quotes where it would be read as something else."""
    plain = text.replace("_", "").replace(" ", "").isalpha()
    words = ("true", "false", "null", "yes", "no", "on", "off", "nan")
    return text if plain and text.lower() not in words else json.dumps(text, ensure_ascii=False)
