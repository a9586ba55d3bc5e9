import warnings

import pytest

from backtest.errors import WorkersLost
from backtest.research import ExecutorSettings
from backtest.search.executors import worked


def test_a_worker_that_keeps_data_is_not_stopped_for_a_leak():
    """Two workers, each 400 MB larger after its first batch: joblib's own bound is 300 MB."""

    def keep(_: int) -> int:
        import os
        import time

        import numpy as np

        from backtest.search import executors

        kept = vars(executors).setdefault("_kept_by_test", [])
        kept.append(np.ones(13_000_000))  # 104 MB
        time.sleep(0.4)
        if len(kept) >= 6:
            kept.clear()
        return os.getpid()

    settings = ExecutorSettings(workers=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as an error, in a thread of joblib's, it would hang
        assert len(set(worked(keep, range(11), settings))) == 2


def test_a_worker_that_dies_is_told_in_words():
    def deadly(batch: int) -> int:
        import os
        import signal

        if batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    with pytest.raises(WorkersLost, match=r"A worker died.*\nFinished trials are kept"):
        list(worked(deadly, range(3), ExecutorSettings(workers=2)))
