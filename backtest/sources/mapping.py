"""What a mapping file says of a vendor's files."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from backtest.config.document import Document, shown
from backtest.config.faults import model_faults
from backtest.config.layers import read_layers
from backtest.data.schema import TABLES
from backtest.errors import ConfigError, Fault, FaultyInput

PRESETS = Path(__file__).parent / "presets"

TableName = Literal["instruments", "bars", "actions", "facts", "fx", "rates"]
Value = str | float | int

WIDE_BY: dict[str, str] = {"bars": "symbol", "facts": "symbol", "fx": "quote", "rates": "currency"}
"""What the headings of a wide file are, for each table that a wide file can fill."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Symbols(_Model):
    """How a vendor's name becomes a symbol; the steps are taken in this order."""

    file: str = Field(
        "", description="symbol from the file's name: a pattern with one (group), as daily_(.*)"
    )
    replace: dict[str, str] = Field(
        default_factory=dict, description="pieces of text to replace, as {_: .}"
    )
    upper: bool = Field(False, description="to capitals")
    pad: int = Field(0, ge=0, le=12, description="zeros in front, up to so many characters")
    suffix: str = Field("", description="what is put behind, as .HK")


class Known(_Model):
    """When a fact became public."""

    date: str = Field("", description="column with the date of publication; empty is the period")
    dates: str = Field("", description="its format; %m-%d is the first such day after the period")
    days: int = Field(0, description="days later")
    time: str = Field("23:59", pattern=r"^\d\d:\d\d$", description="time of day")
    zone: str = Field("UTC", description="time zone of that time, as Asia/Hong_Kong")


class Factors(_Model):
    """Columns of a factor file: cumulative factors that hold until their date."""

    date: str
    price: str = Field(description="factor for dividends")
    split: str = Field(description="factor for splits")
    reference: str = Field(description="close of that date, as traded")


class Input(_Model):
    """Files of one shape that fill one table."""

    files: str | list[str] = Field(
        "", description="patterns of file names, below the mapping's folder; empty takes all"
    )
    table: TableName = Field("bars", description="table of the bundle that they fill")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="the table's columns and what the files call them; {a}Q{b} joins two",
    )
    header: list[str] = Field(
        default_factory=list, description="names of the columns of files that have none"
    )
    skip: list[int] = Field(
        default_factory=list,
        description="lines to leave out, counted from 1, the heading among them",
    )
    constants: dict[str, Value] = Field(
        default_factory=dict, description="columns that are the same in every row"
    )
    wide: str = Field(
        "", description="one column per symbol (fx: per currency); this is what they hold, as close"
    )
    fields: dict[str, str] = Field(
        default_factory=dict, description="facts: fields and the columns that hold them"
    )
    symbol: Symbols = Field(default_factory=Symbols, description="how names become symbols")
    dates: str = Field(
        "", description="format of dates, as %d/%m/%Y; empty is ISO; %q is the quarter's number"
    )
    decimal: Literal[".", ","] = Field(
        ".", description="decimal mark of numbers written as text; the other parts thousands"
    )
    time_zone: str = Field(
        "", description="dates have a time with an offset, and are dates of this zone"
    )
    scale: dict[str, float] = Field(
        default_factory=dict,
        description="columns (or fields) and what their numbers are multiplied by",
    )
    missing: dict[str, list[Value]] = Field(
        default_factory=dict, description="columns (or fields) and values that mean missing"
    )
    where: dict[str, Value | list[Value]] = Field(
        default_factory=dict, description="columns of the files and the values of rows to take"
    )
    known: Known | None = Field(None, description="facts: when they became public")
    absent: float | None = Field(
        None, description="facts: value of a symbol that a later period leaves out"
    )
    factors: Factors | None = Field(None, description="actions: from files of adjustment factors")
    match: Literal["all", "bars"] = Field(
        "all", description="bars: only rows of symbols that have bars"
    )
    records: str = Field("", description="JSON: dotted path of the list of records")
    sheet: str | int = Field(
        "",
        description="Excel: name or number of the sheet; '*' takes all, with their names in a "
        "column 'sheet'; empty is the only one",
    )
    encoding: str = Field("utf-8-sig", description="of text, as gb18030")

    @model_validator(mode="after")
    def _columns_are_those_of_the_table(self) -> Input:
        known = [*TABLES[self.table].columns]
        for key in [*self.columns, *self.constants]:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
                raise ValueError(f"the table {self.table} has no column {key!r}{hint}")
        if self.wide and self.table not in WIDE_BY:
            raise ValueError(f"a wide file cannot fill {self.table}")
        if self.factors is not None and self.table != "actions":
            raise ValueError("factors make actions: set table: actions")
        if self.fields and self.table != "facts":
            raise ValueError("fields are of facts: set table: facts")
        if self.table == "facts" and self.known is None:
            raise ValueError(
                "facts need known: when each became public; where nobody knows, a late guess, as "
                "known: {days: 90}"
            )
        return self

    @property
    def patterns(self) -> list[str]:
        """Patterns of file names."""
        return [self.files] if isinstance(self.files, str) else self.files


class Home(_Model):
    """Where an instrument is traded."""

    exchange: str = Field("", description="empty: by the symbol's suffix, as .HK")
    currency: str = Field("", description="empty: by the symbol's suffix")
    kind: str = Field("", description="empty: index for ^..., else stock")


class Instruments(Home):
    """What all instruments have in common where no file says otherwise."""

    symbols: dict[str, Home] = Field(
        default_factory=dict, description="of single symbols, where it differs"
    )


class Mapping(_Model):
    """A vendor's files as a bundle."""

    name: str = Field(min_length=1, description="the bundle's name")
    description: str = Field("", description="where the data is from, and its known defects")
    prices: Literal["raw", "adjusted"] = Field(description="of the bundle that is made")
    turn_raw: Literal["no", "splits", "splits_and_dividends"] = Field(
        "no", description="what the files' prices are adjusted for, to be undone with the actions"
    )
    per_share: tuple[str, ...] = Field((), description="facts that splits divide")
    forward: tuple[str, ...] = Field((), description="facts known before their period, by nature")
    caveats: tuple[str, ...] = Field(
        (), description="what the files cannot tell; every run on them says so"
    )
    retrieved: datetime | None = Field(
        None, description="when the files were made, with an offset: later bars were unfinished"
    )
    instruments: Instruments = Field(
        default_factory=Instruments, description="what all have in common"
    )
    inputs: list[Input] = Field(min_length=1, description="files by the table that they fill")

    @model_validator(mode="after")
    def _times_have_an_offset(self) -> Mapping:
        if self.retrieved is not None and self.retrieved.tzinfo is None:
            raise ValueError("retrieved needs an offset, as 2026-08-03T12:28:00-04:00")
        if self.turn_raw != "no" and self.prices != "raw":
            raise ValueError("turn_raw makes raw prices: set prices: raw")
        return self


def load_mapping(path: Path, *, overrides: Sequence[str] = ()) -> Mapping:
    """The mapping in a YAML file, ``overrides`` on top; ConfigError with every fault."""
    document = read_layers(path, overrides)
    return _validated(document, shown(path))


def load_preset(name: str, *, overrides: Sequence[str] = ()) -> Mapping:
    """A mapping that comes with the program."""
    path = PRESETS / f"{name}.yaml"
    if not path.is_file():
        names = preset_names()
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
        raise FaultyInput("--preset", [Fault("", f"no preset is named {name!r}{hint}")])
    return load_mapping(path, overrides=overrides)


def preset_names() -> list[str]:
    """Names of the mappings that come with the program."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def _validated(document: Document, title: str) -> Mapping:
    faults = list(document.faults)
    try:
        mapping = Mapping.model_validate(document.root.plain())
    except ValidationError as error:
        faults += model_faults(error, Mapping, document)
        raise ConfigError(title, faults) from None
    if faults:
        raise ConfigError(title, faults)
    return mapping
