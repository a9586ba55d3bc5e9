"""Times of several ways to do one thing, taken in turns."""

from __future__ import annotations

import gc
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Times:
    """Seconds of one way, a number for each round."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def ratios(self, to: Times) -> tuple[float, ...]:
        """How many times longer it took than ``to`` in the same round."""
        return tuple(own / other for own, other in zip(self.seconds, to.seconds, strict=True))


def in_turns(
    ways: Mapping[str, Callable[[], object]], *, rounds: int, repeats: Mapping[str, int]
) -> list[Times]:
    """Run A B A B ...; ``repeats`` says how often within a round, whose median counts.

    What happens to the machine then happens to all of them. One round before the first is not
    counted: it compiles and fills the caches.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            count = repeats.get(name, 1) if turn else 1
            seconds = statistics.median(_seconds(way) for _ in range(count))
            if turn:
                taken[name].append(seconds)
    return [Times(name, tuple(seconds)) for name, seconds in taken.items()]


def _seconds(way: Callable[[], object]) -> float:
    gc.collect()
    before = time.perf_counter()
    result = way()
    after = time.perf_counter()
    del result
    return after - before


def show(title: str, times: Sequence[Times], first: str, notes: Mapping[str, str]) -> None:
    """Print medians, and ratios to ``first`` with the smallest and largest of the rounds."""
    base = next(own for own in times if own.name == first)
    print(f"\n{title}")
    for own in times:
        ratios = own.ratios(base)
        spread = f"{statistics.median(ratios):9.1f} x  ({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"  {own.name:34} {_text(own.median):>10}  {spread:32} {notes.get(own.name, '')}")


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
