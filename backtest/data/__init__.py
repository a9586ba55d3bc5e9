"""The data of a run: bundles of checked tables.

Only the settings are imported here, so that reading a configuration loads no pandas:
``backtest.data.bundle`` has ``load_bundle``, ``backtest.data.arrays`` has ``bar_arrays``.
"""

from backtest.data.settings import Action, CheckName, DataSettings

__all__ = ["Action", "CheckName", "DataSettings"]
