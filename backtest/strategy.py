"""What a strategy is, where its file is found by name."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from backtest.errors import StrategyError

if TYPE_CHECKING:
    import pandas as pd

    from backtest.clock import ClockSettings
    from backtest.execution import Execution
    from backtest.panel import Panel


ENTRY_POINTS = "backtest.strategies"
"""Group of the entry points by which installed packages offer strategies."""


class Strategy(BaseModel):
    """A value: parameters, plus one pure function from what was known to target weights.

    Subclass it in ``strategies/<name>.py``; the fields are the parameters that a YAML may set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    own_schedule: ClassVar[bool] = False
    """True for a strategy that gets every decision and leaves NaN where it wants no order."""

    event_name: ClassVar[str] = "event"
    """What one row of `events` is called, such as ``dip``."""

    event_fractions: ClassVar[tuple[str, ...]] = ()
    """Attributes of `events` that are fractions, read in percent; the others are plain numbers."""

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        """Wanted shares of NAV, rows and columns as in ``panel.close``.

        A number is the wanted share of NAV at that decision, 0.0 sells out, NaN is no order.
        Row ``t`` may depend on rows up to ``t`` only.
        """
        raise NotImplementedError

    @classmethod
    def target_weights_many(
        cls, strategies: Sequence[Self], panel: Panel
    ) -> Iterator[pd.DataFrame]:
        """`target_weights` of many parameter sets, one after the other, for sweeps.

        Override it where parameter sets can share work; the frames must stay the same.
        """
        for strategy in strategies:
            yield strategy.target_weights(panel)

    def events(self, panel: Panel, weights: pd.DataFrame) -> pd.DataFrame | None:  # noqa: ARG002 - a hook
        """What the strategy waits for, whether it bought or not; None where it waits for nothing.

        The tearsheet asks what prices did afterwards, so here is only what was known then.

        Parameters
        ----------
        weights
            What `target_weights` gave for this panel.

        Returns
        -------
        DataFrame
            ``session`` (a row of the panel), ``symbol``, and any number of attributes as floats,
            NaN where unknown: depth of a fall, times oversubscribed. Row ``t`` may depend on rows
            up to ``t`` only.
        """
        return None

    def faults(self, execution: Execution, clock: ClockSettings) -> list[str]:  # noqa: ARG002 - a hook: subclasses use them
        """Why this strategy cannot run with these settings; empty when it can."""
        return []

    def inputs(self) -> tuple[Path, ...]:
        """Files besides the bundle that the weights depend on; they enter the fingerprint."""
        return ()


class StrategySettings(BaseModel):
    """Which strategy, with which parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="file name below strategies/, without .py"
    )
    params: dict[str, object] = Field(
        default_factory=dict, description="the strategy's own parameters"
    )

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={self.params[key]}' for key in self.params)})"


def _can_be_made(settings: StrategySettings) -> StrategySettings:
    try:
        load_strategy(settings)
    except StrategyError as error:
        raise ValueError(str(error)) from error
    except ValidationError as error:
        faults = [
            f"{'.'.join(['params', *map(str, fault['loc'])])}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise ValueError("; ".join(faults)) from error
    return settings


BaseStrategy = Annotated[StrategySettings, AfterValidator(_can_be_made)]
"""Settings of a strategy that another one is laid over: known, with parameters that it takes."""


def find_strategies(root: Path | None = None) -> dict[str, Path]:
    """Files by strategy name: ``strategies/`` below ``root``, installed packages, our own.

    An installed package offers strategies as entry points of the group ``backtest.strategies``:
    the name is the strategy's, the value the module that defines it.

    Raises
    ------
    StrategyError
        When two different files carry the same name.
    """
    found: dict[str, Path] = {}
    clashes = []
    own, *ours = [_files_in(folder) for folder in strategy_folders(root or Path.cwd())] or [[]]
    for name, file in (*own, *_offered(), *(one for some in ours for one in some)):
        known = found.setdefault(name, file)
        if known != file and known.resolve() != file.resolve():
            clashes.append(f"'{name}' is both {known} and {file}")
    if clashes:
        raise StrategyError(
            "Strategy names must be unique: " + "; ".join(clashes) + ". Rename one of the files."
        )
    return found


def _files_in(folder: Path) -> list[tuple[str, Path]]:
    files = sorted(folder.glob("*.py"))
    return [(file.stem, file) for file in files if not file.stem.startswith("_")]


def _offered() -> Iterator[tuple[str, Path]]:
    """Strategies of installed packages, by the names of their entry points.

    The package is imported to find the file, the module itself is not.
    """
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            spec = importlib.util.find_spec(point.module)
        except ImportError as error:
            raise StrategyError(
                f"The entry point '{point.name} = {point.value}' of an installed package: {error}."
            ) from error
        if spec is None or spec.origin is None:
            raise StrategyError(
                f"The entry point '{point.name} = {point.value}' names no module that is there."
            )
        yield point.name, Path(spec.origin)


def load_strategy(settings: StrategySettings, root: Path | None = None) -> Strategy:
    """The strategy of that name with its parameters; pydantic's error where one is wrong."""
    return strategy_class(settings.name, root).model_validate(settings.params)


def strategy_class(name: str, root: Path | None = None) -> type[Strategy]:
    """The one `Strategy` that ``strategies/<name>.py`` defines."""
    return _class_in(_file_of(name, root))


def strategy_hash(name: str, root: Path | None = None) -> str:
    """SHA-256 of the strategy's source, line ends apart."""
    source = _file_of(name, root).read_bytes().replace(b"\r\n", b"\n")
    return hashlib.sha256(source).hexdigest()


def sources_of(strategies: Mapping[tuple[str, ...], StrategySettings]) -> dict[str, object]:
    """``sha256`` of the source; of several strategies of all of them, and each under ``parts``."""
    hashes = {".".join(key): strategy_hash(one.name) for key, one in strategies.items()}
    if len(hashes) == 1 and ("strategy",) in strategies:
        return {"sha256": hashes["strategy"]}
    parts = {
        ".".join(key): {"name": one.name, "sha256": hashes[".".join(key)]}
        for key, one in strategies.items()
    }
    whole = hashlib.sha256("\n".join(f"{key} {hashes[key]}" for key in sorted(hashes)).encode())
    return {"sha256": whole.hexdigest(), "parts": parts}


def strategy_folders(root: Path) -> list[Path]:
    """Folders that strategies are looked for in: that of ``root``, then the installed one."""
    folders = [root / "strategies"]
    spec = importlib.util.find_spec("strategies")
    if spec is not None and spec.submodule_search_locations:
        folders += [Path(place) for place in spec.submodule_search_locations]
    unique: dict[Path, Path] = {}
    for folder in folders:
        if folder.is_dir():
            unique.setdefault(folder.resolve(), folder)
    return list(unique.values())


def _file_of(name: str, root: Path | None) -> Path:
    known = find_strategies(root)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise StrategyError(
            f"No strategy '{name}'{hint} Known: {', '.join(sorted(known)) or 'none'}. "
            f"A strategy is one file: strategies/{name}.py."
        )
    return known[name]


def _class_in(file: Path) -> type[Strategy]:
    module = _module_of(file)
    classes = [
        item
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, Strategy)
        and item is not Strategy
        and item.__module__ == module.__name__
    ]
    if len(classes) != 1:
        names = ", ".join(item.__name__ for item in classes) or "none"
        raise StrategyError(f"{file} must define exactly one Strategy, found: {names}.")
    return classes[0]


def _module_of(file: Path) -> ModuleType:
    """The file as a module, loaded once per path and content."""
    digest = hashlib.sha256(str(file.resolve()).encode() + file.read_bytes()).hexdigest()[:12]
    name = f"backtest_strategy_{file.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{file} cannot be loaded as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic resolves a class's annotations through its module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
