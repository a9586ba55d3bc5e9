"""A Ray cluster: reached, or started on this machine, for as long as a block lasts."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from backtest.errors import RunError
from backtest.research import ExecutorSettings, SweepSettings
from backtest.runner import inputs_of
from backtest.search.job import Job
from backtest.search.space import Values
from backtest.search.table import values_by_key
from backtest.search.workshop import Supplies, Workshop
from backtest.strategy import strategy_folders

if TYPE_CHECKING:
    from types import ModuleType

_PATIENCE = 5.0  # seconds for an address to answer; Ray itself would try for minutes


@contextmanager
def connected(executor: ExecutorSettings) -> Iterator[None]:
    """Ray as ``executor`` asks for it; nothing for other backends, or where Ray is connected.

    A cluster that was started here is shut down behind the block; one that was reached goes on.
    The files of ``strategies/`` are sent to its nodes.

    Raises
    ------
    RunError
        Where Ray is not installed, or nothing answers at the address.
    """
    if executor.backend != "ray":
        yield
        return
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    with TemporaryDirectory(prefix="strategies-") as folder:
        _copy_strategies(Path(folder))
        try:
            _connect(ray, executor, folder)
            yield
        finally:
            ray.shutdown()


def sent(job: Job, executor: ExecutorSettings) -> Job:
    """The job with its data in Ray's object store, once; as it is for other backends."""
    if executor.backend != "ray":
        return job
    supplies = Workshop(job.base).supplies(_data_variants(job.sweep))
    return replace(job, supplies=_Parcel(_ray().put(supplies)))


@dataclass(frozen=True)
class _Parcel:
    """Supplies in the object store; arrays are not copied, the workers of a node share them."""

    place: object

    def __call__(self) -> Supplies:
        supplies: Supplies = _ray().get(self.place)
        strategy = supplies.stage.config.made_strategy()
        stage = replace(supplies.stage, strategy=strategy)
        check_same(supplies.parts, inputs_of(stage))
        return replace(supplies, stage=stage)


def _ray() -> ModuleType:
    try:
        import ray
    except ModuleNotFoundError as problem:
        raise RunError(
            'executor.backend ray needs Ray: pip install "portfolio-backtest[ray]"'
        ) from problem
    module: ModuleType = ray
    return module


def _connect(ray: ModuleType, executor: ExecutorSettings, folder: str) -> None:
    # What Ray has to say of its nodes goes to its own log files, not over the progress.
    quiet = {"logging_level": logging.CRITICAL, "log_to_driver": False}
    environment = {"working_dir": folder}
    if executor.address is None:
        cores = executor.workers or len(os.sched_getaffinity(0))
        here = {"address": "local", "num_cpus": cores, "include_dashboard": False}
        ray.init(**here, **quiet, runtime_env=environment)
        return
    _check_answers(executor.address)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error says it, too
            ray.init(address=executor.address, **quiet, runtime_env=environment)
    except (OSError, RuntimeError, ValueError) as problem:
        raise _unreachable(executor.address, str(problem)) from problem


def _check_answers(address: str) -> None:
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as problem:
        raise _unreachable(address, str(problem)) from problem


def _unreachable(address: str, reason: str) -> RunError:
    said = reason.strip().partition("\n")[0]
    return RunError(
        f"executor.address {address}: no Ray cluster could be reached there: {said}\n"
        "`ray status` on a node says whether Ray runs; without an address Ray is started here."
    )


def _copy_strategies(folder: Path) -> None:
    """The files that strategies are found in, as a package below ``folder``."""
    place = folder / "strategies"
    place.mkdir()
    for source in reversed(strategy_folders(Path.cwd())):
        for file in source.rglob("*.py"):
            copy = place / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    # A package, so that it stands before one that is installed on a node.
    (place / "__init__.py").touch()


def _data_variants(sweep: SweepSettings) -> list[Values]:
    """Settings of the data that lead to tables of their own."""
    tables = ("data.bundle", "data.as_of", "data.checks")
    varied = {key: v for key, v in values_by_key(sweep).items() if key.startswith(tables)}
    return [dict(zip(varied, chosen, strict=True)) for chosen in product(*varied.values())]


def check_same(wanted: dict[str, object], found: dict[str, object]) -> None:
    """Raise where this node would compute other numbers than the machine that sent the work."""
    differing = [
        f"  {name}: {_brief(wanted[name], found[name])}"
        for name in wanted
        if wanted[name] != found[name]
    ]
    if differing:
        raise RunError(
            "\n".join(
                [
                    f"The Ray node {platform.node()} differs from the machine that started the "
                    "sweep; install the same versions on it:",
                    *differing,
                ]
            )
        )


def _brief(wanted: object, found: object) -> str:
    """What differs: of two dicts the entries that do."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = [key for key in {**wanted, **found} if wanted.get(key) != found.get(key)]
        return ", ".join(f"{key} is {found.get(key)}, not {wanted.get(key)}" for key in keys)
    return f"is {found}, not {wanted}"
