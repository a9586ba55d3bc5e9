"""Sources by their names."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from backtest.errors import Fault, FaultyInput
from backtest.sources.akshare import AkShare
from backtest.sources.protocol import Source
from backtest.sources.yahoo import Yahoo


def find_source(name: str) -> Source:
    """The source of that name: ours, or of an installed package's group ``backtest.sources``."""
    known: dict[str, Callable[[], Source]] = {"akshare": AkShare, "yahoo": Yahoo}
    for entry in entry_points(group="backtest.sources"):
        if entry.name == name and name not in known:
            known[name] = entry.load()
    if name not in known:
        message = f"no source is named {name!r}; there are {', '.join(sorted(known))}"
        raise FaultyInput("SOURCE", [Fault("", message)])
    return known[name]()
