"""How kernels are compiled: `outer` for those that Python calls, `inner` for the others."""

from __future__ import annotations

from numba import njit

# Without reference counts: every array is lent by the caller for the whole run, and counting the
# loans takes eight times as long as the arithmetic. It also keeps a kernel from making arrays.
outer = njit(  # type: ignore[call-overload]  # numba takes these, its stubs do not know them
    cache=True, nogil=True, no_cfunc_wrapper=True, _nrt=False
)

# Without wrappers: taking a World apart for Python, once for every function, doubles the compile.
# Without a cache of their own: `simulate` is kept with all that it calls.
inner = njit(  # type: ignore[call-overload]
    nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False
)

# For a large function with one caller. Numba compiles a function together with all that it calls,
# and so the deepest ones once for every level above them: a level less saves seconds.
merged = njit(  # type: ignore[call-overload]
    nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False, inline="always"
)
