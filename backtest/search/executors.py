"""Batches of trials to workers, through joblib."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from backtest.errors import WorkersLost
from backtest.research import ExecutorSettings

Batch = TypeVar("Batch")
Done = TypeVar("Done")

_GROWTH = 8 * 1024**3  # bytes: a worker that grows by so much does leak


def worked(
    work: Callable[[Batch], Done], batches: Iterable[Batch], executor: ExecutorSettings
) -> Iterator[Done]:
    """``work(batch)`` for every batch, as they are done, in no particular order.

    ``batches`` is drawn from as workers become free, so it may be as long as it likes. Ray has to
    be connected where it is asked for, see `cluster.connected`.

    Raises
    ------
    WorkersLost
        When a worker died: killed, out of memory, or gone with its machine; with Ray, when a batch
        met that ``executor.retries`` times over.
    """
    workers = workers_of(executor)
    if executor.backend == "local" and workers == 1:
        yield from map(work, batches)
        return
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    given = partial(_kept_alive, work) if executor.backend == "local" else work
    with parallel_config(**_backend(executor)):
        # A batch waits behind each that is worked on, but where Ray alone keeps to the number.
        ahead = 1 if executor.backend == "ray" and executor.address and executor.workers else 2
        pool = Parallel(
            n_jobs=workers,
            batch_size=1,
            pre_dispatch=ahead * workers,
            return_as="generator_unordered",
        )
        try:
            yield from pool(delayed(given)(batch) for batch in batches)
        except BrokenProcessPool as problem:
            raise WorkersLost(problem) from problem


def _kept_alive(work: Callable[[Batch], Done], batch: Batch) -> Done:
    """``work(batch)`` in a worker that may grow.

    Joblib stops a worker, with a warning, once it has grown by 300 MB since its first batch: that
    was a leak. Ours keep data and features on purpose, up to bounds of their own, and a new one
    would load everything again.
    """
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = _GROWTH
    return work(batch)


def workers_of(executor: ExecutorSettings) -> int:
    """Number of workers: as set, else one for each core, of the whole cluster with Ray."""
    if executor.workers is not None:
        return executor.workers
    if executor.backend == "ray":
        import ray

        return max(1, int(ray.cluster_resources().get("CPU", 1)))
    return max(1, len(os.sched_getaffinity(0)))


def is_parallel(executor: ExecutorSettings) -> bool:
    """Whether several trials are worked on at once."""
    return executor.workers != 1 if executor.backend == "ray" else workers_of(executor) > 1


def _backend(executor: ExecutorSettings) -> dict[str, Any]:
    """Arguments of joblib's ``parallel_config``."""
    if executor.backend == "local":
        # Memory is shared by mapping the bundle's own files; joblib need not copy anything.
        return {"backend": "loky", "inner_max_num_threads": 1}
    from backtest.search.ray_tasks import RayTasks

    return {"backend": RayTasks(retries=executor.retries)}
