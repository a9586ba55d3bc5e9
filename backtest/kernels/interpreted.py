"""A compiled kernel as the plain Python that it is written in: the same numbers, without a wait."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np


def interpreted(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """``kernel`` and all that it calls, uncompiled.

    Sums are taken in a fixed order in both, so that they agree to the bit. One event or order takes
    some ten microseconds instead of some ten nanoseconds.
    """
    plain = uncompiled(kernel, {})

    def run(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):  # as compiled code does
            return plain(*arguments)

    return run


def uncompiled(function: Any, globals_of: dict[int, dict[str, Any]]) -> Any:
    """The function that ``function`` was compiled from, among functions that are plain as well."""
    source = getattr(function, "py_func", function)
    home = source.__globals__
    if id(home) not in globals_of:
        twin = globals_of[id(home)] = dict(home)
        for name, value in home.items():
            if hasattr(value, "py_func"):
                twin[name] = uncompiled(value, globals_of)
    made = FunctionType(source.__code__, globals_of[id(home)], source.__name__)
    made.__defaults__ = source.__defaults__
    return made
