"""What a command shows: progress, results, faults, an exit code."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from backtest.errors import BacktestError, FaultyInput, MarketError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress
    from rich.status import Status

_UNBOUNDED = 10_000

DONE, FAILED, FAULTY, INTERRUPTED = 0, 1, 2, 130


class Screen:
    """Where a command's output goes: results to stdout, all else to stderr.

    ``quiet`` leaves only paths, ``as_json`` only one JSON document on stdout.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        from rich.console import Console

        self._quiet = quiet
        self._as_json = as_json
        self._out = Console()
        if not self._out.is_terminal:  # nobody's lines end at 80 columns in a pipe or a file
            self._out.width = _UNBOUNDED
        self._err = Console(stderr=True)
        self.document: dict[str, object] = {}
        self._errors: list[dict[str, object]] = []

    def show(self, what: RenderableType) -> None:
        """A result, for people."""
        if not (self._quiet or self._as_json):
            self._out.print(what, highlight=False)

    def say(self, text: str, style: str = "") -> None:
        """A remark, for people."""
        if not self._quiet:
            self._err.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def tell_of_compiling(self) -> None:
        """Say that kernels are compiled first, where none are."""
        from backtest.kernel_cache import COMPILING, is_compiled

        if not is_compiled():
            self.say(COMPILING)

    def path(self, path: Path | str) -> None:
        """The path of what was written, alone in its line."""
        if not self._as_json:
            typer.echo(str(path))

    def stages(self) -> Stages:
        """A progress callback that prints one line per stage."""
        return Stages(None if self._quiet else self._err)

    def bar(self) -> Progress | None:
        """A bar on the terminal; None where nobody would see it move."""
        if self._quiet or not self._err.is_terminal:
            return None
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (BarColumn(), TextColumn("{task.description}"))
        return Progress(*columns, console=self._err, transient=True)

    def finish(self) -> None:
        """Print the JSON document, if one was asked for."""
        if self._as_json:
            errors = {"errors": self._errors} if self._errors else {}
            typer.echo(json.dumps(self.document | errors, indent=2, ensure_ascii=False))

    @contextmanager
    def outcome(
        self, *, traceback: bool = False, last: bool = True, run: str = ""
    ) -> Iterator[None]:
        """Turn what a user can mend into text and an exit code; a bug of ours raises plainly.

        Parameters
        ----------
        traceback
            Let every error raise.
        last
            The command ends here: a failure prints the JSON document.
        run
            Name of the run at hand, put before what went wrong in it.
        """
        before = f"{run}: " if run else ""
        try:
            yield
        except KeyboardInterrupt:
            self._err.print("Stopped; nothing was left half-written.", style="yellow")
            raise typer.Exit(INTERRUPTED) from None
        except BacktestError as error:
            if traceback:
                raise
            faulty = isinstance(error, FaultyInput | MarketError)
            place = _strategy_line(error.__traceback__)
            text = f"{before}{error}" + (f"\n  asked for at {place}" if place else "")
            self._fail(error, text, FAULTY if faulty else FAILED, last=last)
        except OSError as error:
            if traceback or error.filename is None or isinstance(error, BrokenPipeError):
                raise
            self._fail(error, f"{before}{error.filename}: {error.strerror}", FAILED, last=last)
        except Exception as error:
            place = _strategy_line(error.__traceback__)
            if traceback or place is None:
                raise
            text = f"{before}{place}: {type(error).__name__}: {error}"
            text += "\n  --traceback shows the whole way."
            self._fail(error, text, FAILED, last=last)

    def _fail(self, error: Exception, text: str, code: int, *, last: bool) -> None:
        if self._as_json:
            self._errors.append(_as_dict(error, text))
        else:
            first, _, rest = text.partition("\n")
            self._err.print(first, style="bold red", markup=False, highlight=False, soft_wrap=True)
            if rest:
                self._err.print(rest, markup=False, highlight=False, soft_wrap=True)
        if last:
            self.finish()
        raise typer.Exit(code) from None


class Stages:
    """One line on stderr per finished stage, with the time it took; a spinner while it lasts."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._message = ""
        self._since = 0.0
        self._status: Status | None = None

    def __call__(self, message: str) -> None:
        """End the stage before, begin this one."""
        self.close()
        self._message, self._since = message, time.perf_counter()
        if self._console is not None and self._console.is_terminal:
            self._status = self._console.status(f"{message} ...")
            self._status.start()

    def __enter__(self) -> Stages:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the stage at hand, if there is one."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._message and self._console is not None:
            elapsed = time.perf_counter() - self._since
            line = f"{self._message:<50} {elapsed:6.1f} s"
            self._console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
        self._message = ""


def _as_dict(error: Exception, text: str) -> dict[str, object]:
    """An error as JSON; faults keep their places."""
    faults = error.faults if isinstance(error, FaultyInput) else ()
    return {
        "kind": type(error).__name__,
        "message": text,
        "faults": [
            {
                "file": fault.file,
                "line": fault.line,
                "column": fault.column,
                "where": fault.where,
                "message": fault.message,
            }
            for fault in faults
        ],
    }


def _strategy_line(traceback: TracebackType | None) -> str | None:
    """``strategies/x.py:12`` of the deepest line in a strategy's file, None when there is none."""
    place = None
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if module.startswith("backtest_strategy_"):
            place = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
