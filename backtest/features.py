"""Rolling features remembered by their arguments, while runs that share them are made."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast
from weakref import ref

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Feature = tuple[FloatArray, ...]
Setting = int | float | bool
_Source = TypeVar("_Source", bound=Hashable)
_Made = TypeVar("_Made", bound=npt.NDArray[np.generic] | tuple[npt.NDArray[np.generic], ...])
_Settings = ParamSpec("_Settings")


class FeatureStore:
    """Features by what they were computed from; those used last are kept, up to ``most`` bytes."""

    def __init__(self, most: int = 512 * 1024**2) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[npt.NDArray[np.generic], ...]] = OrderedDict()

    def get(
        self,
        compute: Callable[..., FloatArray | Feature],
        arrays: Feature,
        settings: tuple[Setting, ...],
    ) -> Feature:
        """``compute(*arrays, *settings)``, from memory where the same was computed before."""
        key = _key(compute, arrays, settings)
        made = self.made(key, lambda: _computed(compute, arrays, settings))
        return cast("Feature", made)

    def made(
        self, key: Hashable, make: Callable[[], tuple[npt.NDArray[np.generic], ...]]
    ) -> tuple[npt.NDArray[np.generic], ...]:
        """The arrays at ``key``, made where they are not there; they are read-only from then on."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        feature = make()
        for part in feature:
            part.flags.writeable = False
        self._kept[key] = feature
        self._bytes += _size(feature)
        while self._bytes > self._most and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return feature


_store: ContextVar[FeatureStore | None] = ContextVar("feature_store", default=None)


@contextmanager
def remembered(store: FeatureStore) -> Iterator[None]:
    """Within the block `feature` looks into ``store`` first."""
    token = _store.set(store)
    try:
        yield
    finally:
        _store.reset(token)


def feature(
    compute: Callable[..., FloatArray | Feature], arrays: Feature, *settings: Setting
) -> Feature:
    """``compute(*arrays, *settings)`` as a tuple of arrays."""
    store = _store.get()
    if store is None:
        return _computed(compute, arrays, settings)
    return store.get(compute, arrays, settings)


def by_source(
    compute: Callable[Concatenate[_Source, _Settings], _Made],
) -> Callable[Concatenate[_Source, _Settings], _Made]:
    """``compute(source, ...)`` remembered by the very ``source`` and the other arguments.

    For arrays, or a named tuple of them, that take many features to make: these are not remembered
    beside it, and nothing of ``source`` has to be read to know it again.
    """

    @wraps(compute)
    def remembering(
        source: _Source, /, *args: _Settings.args, **settings: _Settings.kwargs
    ) -> _Made:
        store = _store.get()
        if store is None:
            return compute(source, *args, **settings)

        def make() -> tuple[npt.NDArray[np.generic], ...]:
            token = _store.set(None)
            try:
                made = compute(source, *args, **settings)
            finally:
                _store.reset(token)
            return made if isinstance(made, tuple) else (made,)

        # Weakly: what is remembered of a source that is gone is never asked for, and goes in turn.
        key = (compute.__qualname__, ref(source), args, tuple(sorted(settings.items())))
        parts = store.made(key, make)
        # A tuple of one is an array that was wrapped: named tuples have two parts or more.
        return cast("_Made", parts[0] if len(parts) == 1 else parts)

    return remembering


def _computed(
    compute: Callable[..., FloatArray | Feature], arrays: Feature, settings: tuple[Setting, ...]
) -> Feature:
    result = compute(*arrays, *settings)
    return result if isinstance(result, tuple) else (result,)


def _size(feature: tuple[npt.NDArray[np.generic], ...]) -> int:
    return sum(part.nbytes for part in feature)


def _key(
    compute: Callable[..., FloatArray | Feature], arrays: Feature, settings: tuple[Setting, ...]
) -> bytes:
    """Digest of the function's name, the settings and every byte of the arrays."""
    digest = hashlib.sha256(f"{compute.__name__} {settings!r}".encode())
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()
