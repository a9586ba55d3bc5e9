"""Frames of a vendor's columns as rows of a bundle's table."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtest.data.schema import TABLES
from backtest.errors import DataError, Fault
from backtest.sources.files import file_name, read_file
from backtest.sources.mapping import WIDE_BY, Input, Known, Symbols
from backtest.sources.values import Unreadable, days, is_one_of, next_day, numbers

_NEEDED = {"bars": "close", "actions": "value", "facts": "value", "fx": "rate", "rates": "rate"}
"""Column without which a row says nothing."""

_EXACT = 1e-12


def rows_of(path: Path, how: Input) -> pd.DataFrame:
    """Rows of the table ``how.table`` that one file holds, its columns typed.

    Raises
    ------
    DataError
        With every fault of the file: columns that are not there, values that are not read.
    """
    frame = read_file(path, how)
    reader = _Reader(path, how, frame)
    made = reader.table()
    if reader.faults:
        raise DataError(path.name, reader.faults)
    return made


class _Reader:
    """One file on its way to rows; ``faults`` gathers what is wrong with it."""

    def __init__(self, path: Path, how: Input, frame: pd.DataFrame) -> None:
        self.faults: list[Fault] = []
        self._path = path
        self._how = how
        frame.columns = [str(name).strip() for name in frame.columns]
        self._names = list(frame.columns)
        for column, wanted in how.where.items():
            if self._has(column, f"where.{column}"):
                values = wanted if isinstance(wanted, list) else [wanted]
                frame = frame[is_one_of(frame[column], values)]
        written = frame.notna() & (frame != "")
        self._frame = frame[written.any(axis=1)].reset_index(drop=True)

    def table(self) -> pd.DataFrame:
        """Rows of the table."""
        how = self._how
        made = {
            name: self._column(name) for name in TABLES[how.table].columns if name != "known_at"
        }
        found = pd.DataFrame({name: values for name, values in made.items() if values is not None})
        if how.wide:
            found = self._melted(found)
        if how.fields:
            found = self._fields(found)
        if self.faults:
            return found
        if how.table == "facts":
            found = _facts(found, how, self._known(how.known) if how.known else None)
        found = found.drop(columns="row", errors="ignore")
        needed = _NEEDED.get(how.table)
        # Bars without a close stay, for the checks to find; a blank cell of a wide file is no bar.
        if needed in found and (how.table != "bars" or how.wide):
            found = found[found[needed].notna()]
        return found.reset_index(drop=True)

    def _column(self, name: str) -> pd.Series[Any] | None:
        """A column of the table, None where the file has none."""
        how, rows = self._how, len(self._frame)
        if name in how.constants:
            kind = TABLES[how.table].columns[name].kind
            constant = how.constants[name]
            return pd.Series([str(constant) if kind == "text" else float(constant)] * rows)
        if name == "symbol" and how.symbol.file:
            return pd.Series([self._symbol_of_file()] * rows, dtype="str")
        own = self._vendors_name(name)
        return None if own is None else self._typed(name, own)

    def _vendors_name(self, name: str) -> str | None:
        how = self._how
        if name in how.columns:
            own = how.columns[name]
            if "{" in own and own not in self._names:
                return self._joined(name, own)
            return own if self._has(own, f"columns.{name}") else None
        if how.wide:  # LOW and OPEN are tickers too
            return None
        if how.fields and name in ("field", "value"):
            return None
        same = [own for own in self._names if own.lower() == name]
        return same[0] if len(same) == 1 else None

    def _joined(self, name: str, form: str) -> str | None:
        """Name of a column made of others, as the text ``{year}Q{quarter}``."""
        parts = re.findall(r"\{([^}]*)\}", form)
        for part in parts:
            if not self._has(part, f"columns.{name}"):
                return None
        texts = {part: self._frame[part].astype("str") for part in parts}
        rows = zip(*texts.values(), strict=True)
        joined = []
        for row in rows:
            text = form
            for part, value in zip(parts, row, strict=True):
                text = text.replace(f"{{{part}}}", value)
            joined.append(text)
        self._frame = self._frame.assign(**{form: joined})
        return form

    def _typed(self, name: str, own: str) -> pd.Series[Any]:
        """Values of one of the table's columns, read as what it must hold."""
        values = self._frame[own]
        if name in self._how.missing:
            values = values.mask(is_one_of(values, self._how.missing[name]))
        kind = TABLES[self._how.table].columns[name].kind
        try:
            if kind == "text":
                text = _words(values)
                return _symbols(text, self._how.symbol) if name == "symbol" else text
            if kind == "date":
                return self._known_days(days(values, self._how.dates, self._how.time_zone))
            return self._scaled(name, numbers(values, self._how.decimal))
        except Unreadable as error:
            hint = f"; words for no value go under missing: {{{name}: [...]}}"
            plain = "a number, got" in str(error) and "decimal" not in str(error)
            said = f"{error}{hint}" if plain else str(error)
            self._fault(f"{self._how.table}.{name} (column {own!r})", said)
            return pd.Series(np.full(len(values), np.nan))

    def _known_days(self, dates: pd.Series[Any]) -> pd.Series[Any]:
        """The dates, where none is missing that a row needs."""
        gone = np.flatnonzero(dates.isna()) + 1
        if len(gone) and self._how.table in ("bars", "actions"):
            rows = (
                f"{len(gone)} rows, the first row {gone[0]}" if len(gone) > 1 else f"row {gone[0]}"
            )
            raise Unreadable(f"is missing in {rows} (the heading not counted)")
        return dates

    def _scaled(self, name: str, values: pd.Series[Any]) -> pd.Series[Any]:
        scale = self._how.scale.get(name, 1.0)
        parts = round(1.0 / scale) if 0 < scale < 1 else 0
        # 4444500 * 0.0001 is not 444.45, 4444500 / 10000 is.
        if parts and abs(parts * scale - 1.0) < _EXACT:
            return values / parts
        return values if scale == 1.0 else values * scale

    def _melted(self, found: pd.DataFrame) -> pd.DataFrame:
        """One row per cell of the columns that are not otherwise spoken for, column by column."""
        how = self._how
        used = {*how.columns.values(), *how.where}
        names = [name for name in self._names if name not in used]
        names = [name for name in names if name and not name.startswith("Unnamed:")]
        cells = []
        for name in names:
            try:
                read = numbers(self._frame[name], how.decimal)
                cells.append(self._scaled(how.wide, read).to_numpy())
            except Unreadable as error:
                self._fault(f"column {name!r}", str(error))
        if self.faults or not names:
            return found
        by = WIDE_BY[how.table]
        symbols = _symbols(pd.Series(names, dtype="str"), how.symbol) if by == "symbol" else names
        rows = len(self._frame)
        tall = pd.concat([found] * len(names), ignore_index=True)
        tall[by] = pd.Series(np.repeat(np.asarray(symbols, dtype=object), rows), dtype="str")
        tall[how.wide] = np.concatenate(cells)
        tall["row"] = np.tile(np.arange(rows), len(names))
        return tall

    def _fields(self, found: pd.DataFrame) -> pd.DataFrame:
        """One row per field."""
        parts = []
        for field, own in self._how.fields.items():
            if not self._has(own, f"fields.{field}"):
                continue
            values = self._frame[own]
            if field in self._how.missing:
                values = values.mask(is_one_of(values, self._how.missing[field]))
            try:
                read = self._scaled(field, numbers(values, self._how.decimal))
            except Unreadable as error:
                self._fault(f"fields.{field} (column {own!r})", str(error))
                continue
            parts.append(found.assign(field=field, value=read, row=np.arange(len(found))))
        return pd.concat(parts, ignore_index=True) if parts else found

    def _known(self, known: Known) -> pd.Series[Any] | None:
        """Dates of publication, one per row of the file; None where they are the periods."""
        if not known.date or not self._has(known.date, "known.date"):
            return None
        values = self._frame[known.date]
        if known.dates == "%m-%d":
            return values.astype("str").str.strip()
        try:
            return days(values, known.dates or self._how.dates, self._how.time_zone)
        except Unreadable as error:
            raise DataError(
                self._path.name, [Fault(f"known.date (column {known.date!r})", str(error))]
            ) from None

    def _symbol_of_file(self) -> str:
        try:
            return symbol_of_file(self._path, self._how.symbol)
        except Unreadable as error:
            self._fault("symbol.file", str(error))
            return ""

    def _has(self, column: str, where: str) -> bool:
        if column in self._names:
            return True
        near = difflib.get_close_matches(column, self._names, n=1)
        shown = ", ".join(self._names[:12]) + (" ..." if len(self._names) > 12 else "")
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has {shown}"
        self._fault(where, f"the file has no column {column!r}{hint}")
        return False

    def _fault(self, where: str, message: str) -> None:
        self.faults.append(Fault(where, message, self._path.name))


def _words(values: pd.Series[Any]) -> pd.Series[Any]:
    """Text; a code that a spreadsheet has as the number 700.0 is 700."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("str").where(values.notna(), "").str.strip()


def symbol_of_file(path: Path, rule: Symbols) -> str:
    """Symbol that a file's name gives; Unreadable where the pattern does not fit."""
    name = file_name(path)
    found = re.search(rule.file, name)
    if found is None:
        raise Unreadable(f"{rule.file!r} does not fit the name {name!r}")
    part = found[1] if found.groups() else found[0]
    return str(_symbols(pd.Series([part], dtype="str"), rule).iloc[0])


def _symbols(names: pd.Series[Any], rule: Symbols) -> pd.Series[Any]:
    for old, new in rule.replace.items():
        names = names.str.replace(old, new, regex=False)
    if rule.upper:
        names = names.str.upper()
    if rule.pad:
        # 00700 and 700 are one: zeros in front are taken away before they are put there.
        short = names.str.lstrip("0").str.pad(rule.pad, fillchar="0")
        names = short.where(names != "", "")
    return (names + rule.suffix).where(names != "", "") if rule.suffix else names


def _facts(found: pd.DataFrame, how: Input, known: pd.Series[Any] | None) -> pd.DataFrame:
    """Facts with ``known_at``, and with what later periods leave out."""
    rule = how.known
    if rule is None or "period" not in found:
        return found
    rows = found["row"].to_numpy() if "row" in found else np.arange(len(found))
    if known is None:
        day = found["period"]
    else:
        taken = known.iloc[rows].set_axis(found.index)
        day = next_day(taken, found["period"]) if rule.dates == "%m-%d" else taken
    local = day + pd.Timedelta(days=rule.days) + pd.Timedelta(f"{rule.time}:00")
    at = local.dt.tz_localize(rule.zone, ambiguous=True, nonexistent="shift_forward")
    found = found.assign(known_at=at.dt.tz_convert("UTC").astype("datetime64[ns, UTC]"))
    if "value" in found:
        found = found[found["value"].notna() & found["known_at"].notna()]
    return found if how.absent is None else with_absent(found, how.absent)


def with_absent(facts: pd.DataFrame, value: float) -> pd.DataFrame:
    """Facts, and ``value`` for whatever a period leaves out and the one before it had."""
    parts = [facts]
    for _, rows in facts.groupby(["field"], sort=True):
        before: set[str] = set()
        for period, of_period in rows.groupby("period", sort=True):
            here = set(of_period["symbol"])
            gone = sorted(before - here)
            if gone:
                left = of_period.iloc[[0] * len(gone)].assign(symbol=gone, value=value)
                parts.append(left.assign(period=period))
            before = here
    return pd.concat(parts, ignore_index=True)
