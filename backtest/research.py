"""How many runs are made of one configuration, as settings: sweep, walk-forward, executor."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from backtest.units import Sessions

_FROZEN = ConfigDict(frozen=True, extra="forbid")

Scalar = bool | int | float | str | None
Value = Scalar | list[Scalar]
Goal = Literal["max", "min"]


class Draw(BaseModel):
    """One value at random: exactly one of its distributions is set."""

    model_config = _FROZEN

    choice: list[Value] | None = Field(None, min_length=1, description="one of these, alike likely")
    integers: tuple[int, int] | None = Field(
        None, description="whole number from low to high, both included"
    )
    uniform: tuple[float, float] | None = Field(None, description="from low to high, evenly")
    log_uniform: tuple[float, float] | None = Field(
        None, description="from low to high, evenly in the logarithm; low above 0"
    )
    normal: tuple[float, float] | None = Field(None, description="mean and standard deviation")
    step: float | None = Field(None, gt=0, description="round to multiples of this, from low on")

    @model_validator(mode="after")
    def _is_one(self) -> Draw:
        named = [name for name in DISTRIBUTIONS if getattr(self, name) is not None]
        if len(named) != 1:
            given = ", ".join(named) or "none"
            raise ValueError(f"needs exactly one of {', '.join(DISTRIBUTIONS)}, got {given}")
        for name in ("integers", "uniform", "log_uniform"):
            bounds = getattr(self, name)
            if bounds is not None and not bounds[0] < bounds[1]:
                raise ValueError(f"{name} must be [low, high] with low below high, got {bounds}")
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueError(f"log_uniform must begin above 0, got {self.log_uniform[0]}")
        if self.normal is not None and self.normal[1] <= 0:
            raise ValueError(f"normal must have a deviation above 0, got {self.normal[1]}")
        if self.step is not None and named[0] in ("choice", "normal"):
            raise ValueError(f"step does not go with {named[0]}")
        if self.step is not None and named[0] == "integers" and self.step % 1:
            raise ValueError(f"step must be a whole number with integers, got {self.step}")
        return self


DISTRIBUTIONS = ("choice", "integers", "uniform", "log_uniform", "normal")

Space = Annotated[
    dict[str, Draw],
    Field(min_length=1, description="distributions by dotted key, such as strategy.params.window"),
]


class RandomSearch(BaseModel):
    """Independent draws."""

    model_config = _FROZEN

    n: int = Field(ge=1, description="number of trials")
    seed: int = Field(0, ge=0, description="trial k draws the same values whatever n is")
    space: Space


class OptunaSearch(BaseModel):
    """A study of Optuna (extra ``optuna``): later trials learn from earlier ones."""

    model_config = _FROZEN

    n_trials: int = Field(ge=1, description="number of trials")
    seed: int = Field(0, ge=0, description="seed of the sampler")
    sampler: Literal["tpe", "random", "cmaes", "nsga2", "qmc"] = Field(
        "tpe", description="Optuna's sampler"
    )
    space: Space
    objectives: dict[str, Goal] = Field(
        {"sharpe": "max"}, min_length=1, description="measures and which way is better"
    )
    prune_periods: int = Field(
        0,
        ge=0,
        le=20,
        description="simulate this many growing parts of the period first and give up trials below "
        "the median of earlier ones; 0 never; one objective only",
    )
    storage: str | None = Field(
        None, description="any storage URL of Optuna's; none keeps SQLite beside the trials"
    )

    @model_validator(mode="after")
    def _prunes_one_objective(self) -> OptunaSearch:
        if self.prune_periods and len(self.objectives) > 1:
            raise ValueError("prune_periods goes with one objective only")
        return self

    @model_validator(mode="after")
    def _draws_what_it_can(self) -> OptunaSearch:
        for key, draw in self.space.items():
            if draw.normal is not None:
                raise ValueError(f"{key}: Optuna draws evenly, not normal; write uniform")
            if draw.log_uniform is not None and draw.step is not None:
                raise ValueError(f"{key}: step does not go with log_uniform in a study of Optuna")
        return self


class SweepSettings(BaseModel):
    """Many trials of one configuration: exactly one of ``grid``, ``random``, ``optuna``."""

    model_config = _FROZEN

    grid: dict[str, list[Value]] | None = Field(
        None, min_length=1, description="values by dotted key; every combination is a trial"
    )
    random: RandomSearch | None = Field(None, description="independent random draws")
    optuna: OptunaSearch | None = Field(None, description="a study of Optuna")
    where: list[str] = Field(
        default_factory=list,
        description="constraints such as 'strategy.params.hold >= strategy.params.window'; trials "
        "that break one are left out",
    )
    rank_by: str = Field("sharpe", description="measure that says which trials are best")
    best: int = Field(5, ge=0, description="trials to keep NAV and full records of, best first")
    keep_nav: bool = Field(False, description="keep the daily NAV of every trial")
    blocks: int = Field(
        16, ge=2, le=64, multiple_of=2, description="blocks of sessions for the test of overfitting"
    )

    @model_validator(mode="after")
    def _is_one(self) -> SweepSettings:
        named = [name for name in ("grid", "random", "optuna") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(
                f"needs exactly one of grid, random, optuna, got {', '.join(named) or 'none'}"
            )
        empty = [key for key, values in (self.grid or {}).items() if not values]
        if empty:
            raise ValueError(f"grid has no value for {', '.join(empty)}")
        return self


class CombinatorialSettings(BaseModel):
    """Combinatorial purged cross-validation: every choice of test groups among the groups."""

    model_config = _FROZEN

    groups: int = Field(8, ge=3, le=20, description="contiguous groups of sessions")
    test_groups: int = Field(2, ge=1, description="groups tested at once; the others train")

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> CombinatorialSettings:
        if self.test_groups >= self.groups:
            raise ValueError(
                f"test_groups must be below groups, got {self.test_groups} and {self.groups}"
            )
        return self


class WalkForwardSettings(BaseModel):
    """Choose in one window, trade in the next, and so on: what a search would have earned."""

    model_config = _FROZEN

    train: Sessions = Field(756, ge=20, description="sessions of the window that chooses, as '3y'")
    test: Sessions = Field(126, ge=5, description="sessions of the window that trades, as '6m'")
    anchored: bool = Field(False, description="every training window begins with the first session")
    purge: Sessions = Field(
        0, ge=0, description="sessions left out between training and test, as long as trades last"
    )
    embargo: Sessions = Field(
        0, ge=0, description="sessions after a test group kept out of training (combinatorial only)"
    )
    select: Literal["best", "plateau", "deflated"] = Field(
        "best",
        description="the best trial; the one with the best median among its neighbours; or the "
        "best if its deflated Sharpe ratio is at least min_deflated, else cash",
    )
    min_deflated: float = Field(
        0.95, ge=0, le=1, description="probability that 'deflated' asks for"
    )
    combinatorial: CombinatorialSettings | None = Field(
        None, description="combinatorial purged cross-validation beside the walk; off unless set"
    )


class ExecutorSettings(BaseModel):
    """Where trials are worked on."""

    model_config = _FROZEN

    backend: Literal["local", "ray"] = Field(
        "local", description="processes of this machine, or a Ray cluster (extra ray)"
    )
    workers: int | None = Field(
        None, ge=1, description="processes; none means one for each core, or all of the cluster"
    )
    address: str | None = Field(
        None,
        description="Ray's address: auto, host:6379 or ray://host:10001; none starts Ray here",
    )
    batch: int | None = Field(
        None, ge=1, description="trials handed over at once; none means about a second's worth"
    )
    retries: int = Field(
        20,
        ge=0,
        description="times that unfinished trials are dealt out again after workers died; "
        "with Ray, times for each batch",
    )

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        if address is not None and not re.fullmatch(r"auto|(ray://)?[^/\s]+:\d+", address):
            raise ValueError(f"must be auto, host:port or ray://host:port, got {address!r}")
        return address
