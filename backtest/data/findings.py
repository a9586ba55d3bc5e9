"""What the checks of a bundle found, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.rows import names_and_days
from backtest.data.settings import DEFAULT_ACTIONS, HINDSIGHT, Action, CheckName
from backtest.errors import Fault

_SHOWN = 5

MEANING: dict[CheckName, str] = {
    "duplicate_keys": "the same key stands more than once",
    "unknown_symbol": "no such symbol in instruments",
    "nonpositive_price": "a price, rate or ratio not above 0, or a negative volume or payment",
    "unsorted_facts": "a restatement stands before what it restates",
    "known_before_period": "known_at lies before period (fields that look ahead go in forward:)",
    "flow_known_early": "southbound figures known before the close of their own day",
    "missing_fx": "no exchange rate, or none of the last 7 days",
    "not_a_session": "the exchange was shut",
    "close_missing": "no close",
    "before_listing": "a bar before the listing date",
    "after_delisting": "a bar after the delisting date",
    "low_above_high": "low above high",
    "open_outside_range": "open outside [low, high]",
    "close_outside_range": "close outside [low, high]",
    "spike": "a close three times or a third of the last one, undone by the next",
    "jump": "a close three times or a third of the last one that stays, without a split",
    "stale_run": "the same close without volume, 5 sessions or more in a row",
    "padding": "flat bars without volume before the first trade",
    "volume_missing": "every instrument of the exchange has zero volume: volume is unknown",
    "gap": "10 sessions or more without a bar",
    "large_dividend": "a cash dividend above 30 % of the close before",
    "split_without_move": "a split that the price did not follow",
}
"""What each check's finding says, in a few words."""

_DROPPED: dict[CheckName, str] = {
    "gap": "bars before the gap are dropped",
    "jump": "bars before the jump are dropped",
    "volume_missing": "their bars are dropped",
    "missing_fx": "the instruments are dropped",
}
_KEPT: dict[CheckName, str] = {
    "duplicate_keys": "one of each is kept",
    "unknown_symbol": "left out",
    "unsorted_facts": "sorted by known_at",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Rows of one symbol (or exchange, or pair of currencies) that a check found."""

    symbol: str
    first: str
    last: str
    count: int


@dataclass(frozen=True)
class Finding:
    """What one check found in one table, and what was done with it.

    ``dropped`` counts the rows that are no longer in the table. ``hindsight`` marks a check that
    looks at later bars: dropping by it uses what nobody knew at the time.
    """

    check: CheckName
    action: Action
    table: str
    places: tuple[Place, ...]
    dropped: int

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in order, each once."""
        return tuple(dict.fromkeys(place.symbol for place in self.places))

    @property
    def first(self) -> str:
        """Earliest date, ISO."""
        return min(place.first for place in self.places)

    @property
    def last(self) -> str:
        """Latest date, ISO."""
        return max(place.last for place in self.places)

    @property
    def count(self) -> int:
        """Rows found."""
        return sum(place.count for place in self.places)

    @property
    def hindsight(self) -> bool:
        """True for a check that looks at later bars."""
        return self.check in HINDSIGHT

    @property
    def meaning(self) -> str:
        """What the check looks for, in a few words."""
        return MEANING[self.check]

    @property
    def message(self) -> str:
        """One sentence: how many rows, of whom, when, what is wrong, what was done."""
        count, symbols = self.count, self.symbols
        who = ", ".join(symbol or "market-wide" for symbol in symbols[:_SHOWN])
        if len(symbols) > _SHOWN:
            who += f" and {len(symbols) - _SHOWN} more"
        when = self.first if self.first == self.last else f"{self.first} to {self.last}"
        done = ""
        if self.action == "drop":
            done = f"; {_DROPPED.get(self.check, 'dropped')}"
            done += " with hindsight" if self.hindsight else ""
        elif self.action == "warn":
            done = f"; {_KEPT.get(self.check, 'kept')}"
        rows = f"{count:,} row{'s' * (count != 1)}"
        return f"{rows} of {who}, {when}: {self.meaning}{done}"

    def __str__(self) -> str:
        return f"{self.check} ({self.table}): {self.message}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON: every place, and the totals."""
        return {
            "check": self.check,
            "action": self.action,
            "table": self.table,
            "symbols": list(self.symbols),
            "count": self.count,
            "dropped": self.dropped,
            "first": self.first,
            "last": self.last,
            "hindsight": self.hindsight,
            "message": self.message,
            "places": [asdict(place) for place in self.places],
        }

    @staticmethod
    def from_dict(raw: dict[str, Any]) -> Finding:
        """Inverse of ``as_dict``."""
        places = tuple(Place(**place) for place in raw["places"])
        return Finding(raw["check"], raw["action"], raw["table"], places, raw["dropped"])

    def as_fault(self) -> Fault:
        """Fault of a check that is set to ``error``."""
        mend = f"mend the table, or set data.checks.{self.check} to drop or warn"
        return Fault(f"{self.table}.{self.check}", f"{self.message}; {mend}")


def places_of(
    names: Sequence[str] | npt.NDArray[Any],
    days: npt.NDArray[np.datetime64],
    *,
    each_day: bool = False,
) -> tuple[Place, ...]:
    """Places by name (and, with ``each_day``, by day), sorted; ``days`` are dates, shape (K,)."""
    rows = pd.DataFrame({"name": np.asarray(names), "day": days.astype("datetime64[s]")})
    groups = rows.groupby(["name", "day"] if each_day else ["name"], sort=True)["day"]
    table = groups.agg(["min", "max", "size"]).reset_index()
    first = table["min"].dt.strftime("%Y-%m-%d").fillna("")
    last = table["max"].dt.strftime("%Y-%m-%d").fillna("")
    return tuple(
        Place(str(name), str(start), str(end), int(count))
        for name, start, end, count in zip(table["name"], first, last, table["size"], strict=True)
    )


class Found:
    """Findings and faults, as the checks meet them.

    ``actions`` is the action of every check; ``on_actions`` that of ``not_a_session`` for the
    actions table: an error unless it was set, for a split lost is a wrong NAV.
    """

    def __init__(self, checks: Mapping[CheckName, Action]) -> None:
        self.actions: dict[CheckName, Action] = {**DEFAULT_ACTIONS, **checks}
        self.on_actions: Action = checks.get("not_a_session", "error")
        self.findings: list[Finding] = []
        self.faults: list[Fault] = []

    def tell(self, check: CheckName, table: str, places: tuple[Place, ...], dropped: int) -> Action:
        """Note rows that a check found; what is to be done with them."""
        lost = check == "not_a_session" and table == "actions"
        action = self.on_actions if lost else self.actions[check]
        finding = Finding(check, action, table, places, dropped if action == "drop" else 0)
        if action == "error":
            self.faults.append(finding.as_fault())
        else:
            self.findings.append(finding)
        return action

    def drop(
        self, check: CheckName, table: str, frame: pd.DataFrame, wrong: npt.NDArray[np.bool_]
    ) -> pd.DataFrame:
        """Tell of the rows that are wrong; the frame without them, unless they only warn."""
        if not wrong.any():
            return frame
        places = places_of(*names_and_days(table, frame[wrong]))
        action = self.tell(check, table, places, int(wrong.sum()))
        return frame if action == "warn" else frame[~wrong].reset_index(drop=True)
