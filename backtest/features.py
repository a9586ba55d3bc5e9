"""Rolling features remembered by their arguments, while runs that share them are made."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Feature = tuple[FloatArray, ...]
Setting = int | float | bool


class FeatureStore:
    """Features by what they were computed from; those used last are kept, up to ``most`` bytes."""

    def __init__(self, most: int = 512 * 1024**2) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[bytes, Feature] = OrderedDict()

    def get(
        self,
        compute: Callable[..., FloatArray | Feature],
        arrays: Feature,
        settings: tuple[Setting, ...],
    ) -> Feature:
        """``compute(*arrays, *settings)``, from memory where the same was computed before."""
        key = _key(compute, arrays, settings)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        feature = _computed(compute, arrays, settings)
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


def _computed(
    compute: Callable[..., FloatArray | Feature], arrays: Feature, settings: tuple[Setting, ...]
) -> Feature:
    result = compute(*arrays, *settings)
    return result if isinstance(result, tuple) else (result,)


def _size(feature: Feature) -> int:
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
