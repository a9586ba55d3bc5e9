"""What a number is worth: errors, odds, intervals, and the luck of many trials; on arrays."""

from backtest.inference.arrays import FloatArray
from backtest.inference.blocks import (
    block_length,
    circular_block_length,
    stationary_block_length,
)
from backtest.inference.bootstrap import FEWEST_SESSIONS, Intervals, intervals, measure_draws
from backtest.inference.longrun import autocorrelations, newey_west_lags
from backtest.inference.sharpe import (
    min_track_record,
    min_track_record_under_null,
    probabilistic_sharpe,
    probabilistic_sharpe_under_null,
    sharpe_error_hac,
    sharpe_error_iid,
    sharpe_error_mertens,
    sharpe_scaling,
)
from backtest.inference.trials import (
    deflated_sharpe,
    effective_trials,
    expected_maximum,
    expected_maximum_exact,
    haircut_sharpe,
    min_backtest_years,
    trial_clusters,
)

__all__ = [
    "FEWEST_SESSIONS",
    "FloatArray",
    "Intervals",
    "autocorrelations",
    "block_length",
    "circular_block_length",
    "deflated_sharpe",
    "effective_trials",
    "expected_maximum",
    "expected_maximum_exact",
    "haircut_sharpe",
    "intervals",
    "measure_draws",
    "min_backtest_years",
    "min_track_record",
    "min_track_record_under_null",
    "newey_west_lags",
    "probabilistic_sharpe",
    "probabilistic_sharpe_under_null",
    "sharpe_error_hac",
    "sharpe_error_iid",
    "sharpe_error_mertens",
    "sharpe_scaling",
    "stationary_block_length",
    "trial_clusters",
]
