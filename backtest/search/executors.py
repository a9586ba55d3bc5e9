"""Batches of trials to workers, through joblib."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from backtest.errors import RunError
from backtest.research import ExecutorSettings

Batch = TypeVar("Batch")
Done = TypeVar("Done")


class WorkersLost(RunError):
    """Workers died with batches in their hands; what they had finished is safe."""


def worked(
    work: Callable[[Batch], Done], batches: Iterable[Batch], executor: ExecutorSettings
) -> Iterator[Done]:
    """``work(batch)`` for every batch, as they are done, in no particular order.

    ``batches`` is drawn from as workers become free, so it may be as long as it likes.

    Raises
    ------
    WorkersLost
        When a worker died: killed, out of memory, or gone with its machine.
    """
    workers = workers_of(executor)
    if executor.backend == "local" and workers == 1:
        yield from map(work, batches)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    with _backend(executor):
        pool = Parallel(
            n_jobs=workers,
            batch_size=1,
            pre_dispatch="2*n_jobs",
            return_as="generator_unordered",
        )
        try:
            yield from pool(delayed(work)(batch) for batch in batches)
        except BrokenProcessPool as problem:
            raise WorkersLost(f"A worker died: {problem}") from problem


def workers_of(executor: ExecutorSettings) -> int:
    """Number of workers: as set, else one for each core (-1, all of the cluster, with Ray)."""
    if executor.workers is not None:
        return executor.workers
    return -1 if executor.backend == "ray" else max(1, len(os.sched_getaffinity(0)))


def _backend(executor: ExecutorSettings) -> AbstractContextManager[object]:
    from joblib import parallel_config

    if executor.backend == "local":
        # Memory is shared by mapping the bundle's own files; joblib need not copy anything.
        context: AbstractContextManager[object] = parallel_config(
            backend="loky", inner_max_num_threads=1
        )
        return context
    return nullcontext()
