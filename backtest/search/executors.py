"""Batches of trials to workers, through joblib."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from backtest.errors import WorkersLost
from backtest.research import ExecutorSettings

Batch = TypeVar("Batch")
Done = TypeVar("Done")


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
            yield from pool(delayed(work)(batch) for batch in batches)
        except BrokenProcessPool as problem:
            raise WorkersLost(problem) from problem


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
