"""Which data a run reads, as settings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Action = Literal["error", "warn", "drop"]
CheckName = Literal[
    "duplicate_keys",
    "unknown_symbol",
    "nonpositive_price",
    "unsorted_facts",
    "known_before_period",
    "flow_known_early",
    "missing_fx",
    "not_a_session",
    "close_missing",
    "before_listing",
    "after_delisting",
    "low_above_high",
    "open_outside_range",
    "close_outside_range",
    "spike",
    "jump",
    "stale_run",
    "padding",
    "volume_missing",
    "gap",
    "large_dividend",
    "split_without_move",
]

DEFAULT_ACTIONS: dict[CheckName, Action] = {
    "duplicate_keys": "error",
    "unknown_symbol": "error",
    "nonpositive_price": "error",
    "unsorted_facts": "error",
    "known_before_period": "error",
    "flow_known_early": "warn",
    "missing_fx": "error",
    "not_a_session": "drop",
    "close_missing": "drop",
    "before_listing": "drop",
    "after_delisting": "drop",
    "low_above_high": "warn",
    "open_outside_range": "warn",
    "close_outside_range": "warn",
    "spike": "warn",
    "jump": "warn",
    "stale_run": "warn",
    "padding": "warn",
    "volume_missing": "warn",
    "gap": "warn",
    "large_dividend": "warn",
    "split_without_move": "warn",
}
"""What each check does when nothing else is set. Thresholds stand where the checks do."""

HINDSIGHT: frozenset[CheckName] = frozenset({"spike", "jump", "stale_run", "padding", "gap"})
"""Checks that look at later bars: dropping by them uses what nobody knew at the time."""

CHECK_NAMES: tuple[CheckName, ...] = get_args(CheckName)


class DataSettings(BaseModel):
    """The bundle of a run, and how much of it the run may see."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: str = Field(
        description="folder with bundle.yaml and its tables, a URL of one (s3://...), or 'sample' "
        "for the simulated market"
    )
    start: date | None = Field(
        None, description="first date of decisions and NAV; earlier data is history for the panel"
    )
    end: date | None = Field(None, description="last date of decisions and NAV")
    as_of: date | datetime | None = Field(
        None,
        description="drop everything known later; a date means its end in UTC, a time without a "
        "zone is in UTC",
    )
    checks: dict[CheckName, Action] = Field(
        default_factory=dict,
        description="what a check does with what it finds: error, warn (keep and report) or drop",
    )

    @field_validator("as_of", mode="before")
    @classmethod
    def _a_day_is_not_its_midnight(cls, value: object) -> object:
        """``2024-06-28`` is the whole day, ``2024-06-28T00:00:00`` its first instant."""
        if not isinstance(value, str):
            return value
        text = value.strip()
        if len(text) == len("2024-06-28"):
            return date.fromisoformat(text)
        return datetime.fromisoformat(text)

    @model_validator(mode="after")
    def _in_order(self) -> DataSettings:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"end ({self.end}) lies before start ({self.start})")
        return self


def is_remote(bundle: str) -> bool:
    """Whether a bundle is named by a URL, as ``s3://bucket/market``."""
    return "://" in bundle


def actions_of(checks: dict[CheckName, Action]) -> dict[CheckName, Action]:
    """Every check's action: the default, or what ``checks`` says."""
    return {**DEFAULT_ACTIONS, **checks}
