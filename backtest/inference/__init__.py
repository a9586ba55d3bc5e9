"""What a number is worth: errors, odds, intervals, and the luck of many trials; on arrays."""

from backtest.inference.arrays import FloatArray
from backtest.inference.blocks import (
    block_length,
    circular_block_length,
    stationary_block_length,
)
from backtest.inference.bootstrap import (
    FEWEST_SESSIONS,
    Intervals,
    intervals,
    measure_draws,
    percentile_interval,
    relative_draws,
)
from backtest.inference.difference import (
    Difference,
    PairedDifferences,
    paired_bootstrap_difference,
    sharpe_difference_bootstrap,
    sharpe_difference_error,
    sharpe_difference_ledoit_wolf,
    sharpe_difference_memmel,
)
from backtest.inference.longrun import autocorrelations, newey_west_lags
from backtest.inference.overfitting import (
    BlockSums,
    Overfitting,
    block_sums,
    joined_sums,
    probability_of_overfitting,
)
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
from backtest.inference.superior import (
    ConfidenceSet,
    RealityCheck,
    SuperiorAbility,
    model_confidence_set,
    reality_check,
    spa,
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
    "BlockSums",
    "ConfidenceSet",
    "Difference",
    "FloatArray",
    "Intervals",
    "Overfitting",
    "PairedDifferences",
    "RealityCheck",
    "SuperiorAbility",
    "autocorrelations",
    "block_length",
    "block_sums",
    "circular_block_length",
    "deflated_sharpe",
    "effective_trials",
    "expected_maximum",
    "expected_maximum_exact",
    "haircut_sharpe",
    "intervals",
    "joined_sums",
    "measure_draws",
    "min_backtest_years",
    "min_track_record",
    "min_track_record_under_null",
    "model_confidence_set",
    "newey_west_lags",
    "paired_bootstrap_difference",
    "percentile_interval",
    "probabilistic_sharpe",
    "probabilistic_sharpe_under_null",
    "probability_of_overfitting",
    "reality_check",
    "relative_draws",
    "sharpe_difference_bootstrap",
    "sharpe_difference_error",
    "sharpe_difference_ledoit_wolf",
    "sharpe_difference_memmel",
    "sharpe_error_hac",
    "sharpe_error_iid",
    "sharpe_error_mertens",
    "sharpe_scaling",
    "spa",
    "stationary_block_length",
    "trial_clusters",
]
