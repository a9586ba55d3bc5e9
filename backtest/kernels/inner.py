"""How kernels that only kernels call are compiled."""

from __future__ import annotations

from numba import njit

# Without wrappers: taking a World apart for Python, once for every function, doubles the compile.
inner = njit(  # type: ignore[call-overload]  # numba takes both, its stubs know neither
    cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
)
