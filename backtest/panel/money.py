"""Exchange rates and returns in the portfolio's currency, as known at each decision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.data.fx import fx_rates
from backtest.panel.panel import Panel

FloatArray = npt.NDArray[np.float64]


def returns_in_base(panel: Panel) -> FloatArray:
    """`Panel.returns` in the portfolio's currency, at the rates known at both decisions."""
    out = 1.0 + panel.returns.to_numpy()
    currencies = panel.instruments["currency"].to_numpy()
    for currency in sorted(set(currencies) - {panel._currency}):
        rate = rates_known(panel, str(currency), panel._currency)
        out[1:, currencies == currency] *= (rate[1:] / rate[:-1])[:, None]
    return np.asarray(out - 1.0)


def rates_known(panel: Panel, base: str, quote: str) -> FloatArray:
    """Units of ``quote`` for one of ``base``; NaN where none is known."""
    via = dict.fromkeys(("USD", panel._currency))
    return fx_rates(panel._bundle.fx, base, quote, panel.decisions, via=via)
