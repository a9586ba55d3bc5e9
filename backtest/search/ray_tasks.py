"""Joblib's batches as tasks of Ray."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ray
from joblib.parallel import ParallelBackendBase
from ray.exceptions import RayError, RayTaskError

from backtest.errors import WorkersLost


class RayTasks(ParallelBackendBase):  # type: ignore[misc]  # joblib carries no types
    """Ray places the tasks on its nodes, and makes them anew elsewhere when a worker or node dies.

    Joblib's own backend of Ray (``ray.util.joblib``) hands nothing over before all is done, and
    binds every batch to one worker beforehand, so that a dead node takes its batches with it.
    """

    supports_retrieve_callback = True  # results come as they are done

    def __init__(self, *, retries: int, nesting_level: int | None = None) -> None:
        super().__init__(nesting_level=nesting_level)
        self._task = ray.remote(num_cpus=1, max_retries=retries)(_called)
        # The next batch is handed over when one is done; on a thread of Ray's that would wait for
        # itself where the driver is a client (ray://).
        self._hands = ThreadPoolExecutor(max_workers=1)
        self._over = False

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Number of workers; joblib would do the work of a single one by itself, in the driver."""
        return max(2, n_jobs)

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], None]) -> Future[Any]:
        """Hand a batch over; ``callback`` is called with the future when it is done."""
        future: Future[Any] = self._task.remote(func).future()

        def tell(done: Future[Any]) -> None:
            if not self._over:
                self._hands.submit(callback, done)

        future.add_done_callback(tell)
        return future

    def terminate(self) -> None:
        """Nothing is handed over any more."""
        self._over = True
        self._hands.shutdown(wait=False, cancel_futures=True)

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """What came of a batch; an error of the work is raised as it was raised there."""
        try:
            return out.result()
        except RayTaskError as problem:
            raise problem.cause from None
        except RayError as problem:
            raise WorkersLost(problem) from problem


def _called(func: Callable[[], Any]) -> Any:
    return func()
