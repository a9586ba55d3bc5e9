"""Times of several ways to do one thing, taken in turns."""

from __future__ import annotations

import gc
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Times:
    """Seconds of one way, a number for each round: by the clock, and of all processors used.

    Beside other work the clock says little; the processors' seconds are then what to compare.
    """

    name: str
    seconds: tuple[float, ...]
    processor: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def ratios(self, to: Times) -> tuple[float, ...]:
        """How many times longer it took than ``to`` in the same round."""
        return tuple(own / other for own, other in zip(self.seconds, to.seconds, strict=True))


@dataclass(frozen=True)
class Once:
    """One run in a process of its own."""

    result: np.ndarray
    memory: float  # peak beyond what stood before, MiB


Way = Callable[[], np.ndarray]


def compare(
    title: str,
    ways: Mapping[str, Way],
    *,
    rounds: int,
    repeats: Mapping[str, int] | None = None,
    warm: bool = True,
) -> None:
    """Times, peak memory and largest difference of all ``ways`` from the first, as a table.

    Without ``warm`` the caller has seen to it that everything is compiled: of use where a round
    takes minutes.
    """
    if warm:  # compiled code is loaded now, and not counted as memory of the work
        in_turns(ways, rounds=0, repeats={})
    apart = {name: once(way) for name, way in ways.items()}
    times = in_turns(ways, rounds=rounds, repeats=repeats or {}, warm=False)
    first = next(iter(ways))
    notes = {}
    for name, own in apart.items():
        notes[name] = f"{own.memory:8,.0f} MiB"
        if name != first:
            notes[name] += f"  {largest_difference(apart[first].result, own.result):.0e}"
    show(title, times, first, notes)


def once(way: Way) -> Once:
    """Run ``way`` in a fork, and bring back its result with what memory it took."""
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.npz"
        child = os.fork()
        if child == 0:
            code = 1
            try:
                before = peak_memory()
                result = way()
                np.savez(file, result=result, memory=peak_memory() - before)
                code = 0
            finally:
                os._exit(code)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise SystemExit("an engine failed; see above")
        with np.load(file) as stored:
            return Once(stored["result"], float(stored["memory"]))


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Relative to the larger of the two; NaN only where both are."""
    if ours.shape != theirs.shape or not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return np.inf
    scale = np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1e-12)
    return float(np.nanmax(np.abs(ours - theirs) / scale))


def in_turns(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    repeats: Mapping[str, int],
    warm: bool = True,
) -> list[Times]:
    """Run A B A B ...; ``repeats`` says how often within a round, whose median counts.

    What happens to the machine then happens to all of them. One round before the first is not
    counted when ``warm``: it compiles and fills the caches.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(0 if warm else 1, rounds + 1):
        for name, way in ways.items():
            count = repeats.get(name, 1) if turn else 1
            both = [_seconds(way) for _ in range(count)]
            clock, processor = (statistics.median(one) for one in zip(*both, strict=True))
            if turn:
                taken[name].append((clock, processor))
    return [times_of(name, both) for name, both in taken.items()]


def times_of(name: str, both: Sequence[tuple[float, float]]) -> Times:
    """Times of rounds of (clock, processor)."""
    return Times(name, tuple(one[0] for one in both), tuple(one[1] for one in both))


def _seconds(way: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of this process on all processors."""
    gc.collect()
    before, used = time.perf_counter(), time.process_time()
    result = way()
    taken = time.perf_counter() - before, time.process_time() - used
    del result
    return taken


def show(title: str, times: Sequence[Times], first: str, notes: Mapping[str, str]) -> None:
    """Print medians, and ratios to ``first`` with the smallest and largest of the rounds."""
    base = next(own for own in times if own.name == first)
    print(f"\n{title}")
    for own in times:
        ratios = own.ratios(base)
        spread = f"{statistics.median(ratios):9.1f} x  ({min(ratios):.1f} to {max(ratios):.1f})"
        line = f"  {own.name:34} {_text(own.median):>10}  {spread:32}"
        if any(own.processor) and any(base.processor):
            used = statistics.median(own.processor)
            times = used / statistics.median(base.processor)
            line += f"  processor {_text(used):>10} {times:8.1f} x"
        line += f"  {notes.get(own.name, '')}"
        print(line.rstrip(), flush=True)


def peak_memory() -> float:
    """Largest resident set of this process so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if platform.system() == "Darwin" else peak / 2**10


def machine(*packages: str) -> str:
    """What the numbers were taken on, in one line."""
    found = []
    for name in ("numba", "numpy", "pandas", *packages):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    python = platform.python_version()
    return f"{_processor()}, {os.cpu_count()} cores, Python {python}, {', '.join(found)}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii") as lines:  # noqa: PTH123
            names = [line.split(":", 1)[1].strip() for line in lines if line[:10] == "model name"]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _text(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.2f} ms"
