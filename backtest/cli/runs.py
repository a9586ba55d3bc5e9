"""Commands that run and check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.outputs import folder_to_write
from backtest.cli.screen import FAILED, INTERRUPTED, Screen
from backtest.errors import ConfigError, Fault, FaultyInput
from backtest.folders import REPORTS

if TYPE_CHECKING:
    from rich.table import Table

    from backtest.config import RunConfig
    from backtest.result import Result

Configs = Annotated[
    list[Path], typer.Argument(metavar="CONFIG...", help="YAML files, each one run.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting: strategy.params.window=10. Repeatable.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", parser=folder_to_write, help="Write below DIR instead of reports/."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but paths.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show Python's traceback of an error.")
]


def run(
    configs: Configs,
    *,
    overrides: Overrides = None,
    out: Out = None,
    quantstats: Annotated[
        bool, typer.Option("--quantstats", help="Write the quantstats report too.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Run configurations; each writes a folder with its tearsheet."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        loaded = load_all(configs, overrides or ())
    runs: list[dict[str, object]] = []
    codes: list[int] = []
    screen.document["runs"] = runs
    for config in loaded:
        try:
            with screen.outcome(traceback=traceback, last=False, run=config.name):
                runs.append(_run_one(config, screen, out, quantstats=quantstats))
        except typer.Exit as stop:
            if stop.exit_code == INTERRUPTED:
                raise
            codes.append(stop.exit_code)
    screen.finish()
    if codes:
        raise typer.Exit(min(codes))


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file.")],
    *,
    overrides: Overrides = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="NAME", help="Run through another engine too: vectorbt."),
    ] = None,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Prove that a strategy does not look ahead, and that it follows the rules of its kind.

    What was found is kept below reports/checks, where tearsheets of the same decisions find it.
    """
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        if engine not in (None, "vectorbt"):
            raise FaultyInput("--engine", [Fault("", f"must be vectorbt, got '{engine}'")])
        loaded = load_all([config], overrides or ())[0]
        from backtest.report.checked import write_record
        from backtest.testing import check_config

        with screen.stages() as stages:
            report = check_config(loaded, engine=engine, progress=stages)
        for line in report.lines:
            screen.show(line)
        record = write_record(out or REPORTS, report.key, report.record())
        screen.document = {**report.as_dict(), "record": str(record)}
        screen.path(record)
    screen.finish()
    if not report.passed:
        raise typer.Exit(FAILED)


def load_all(paths: Sequence[Path], overrides: Sequence[str]) -> list[RunConfig]:
    """Every config, or the faults of all of them."""
    from backtest.config import load_config

    loaded: list[RunConfig] = []
    errors: list[ConfigError] = []
    for path in paths:
        try:
            loaded.append(load_config(path, overrides=overrides))
        except ConfigError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        faults = list(dict.fromkeys(fault for error in errors for fault in error.faults))
        raise ConfigError(", ".join(error.title for error in errors), faults)
    return loaded


def _run_one(
    config: RunConfig, screen: Screen, out: Path | None, *, quantstats: bool
) -> dict[str, object]:
    """Run, show and describe one configuration."""
    from backtest.runner import run_to_folder

    with screen.stages() as stages:
        result, folder = run_to_folder(
            config, out=out, progress=stages, quantstats=quantstats, waiting=screen.say
        )
    screen.show(_headline(result))
    looked = _tell_of_check(result, screen, out or REPORTS)
    for warning in _texts(result.manifest.get("warnings")):
        screen.say(f"warning: {warning}", "yellow")
    _tell_of_future(result, screen)
    optimistic = len(_texts(result.manifest.get("optimistic")))
    if optimistic:
        screen.say(
            f"{optimistic} assumptions are optimistic; `backtest explain --data` lists them.", "dim"
        )
    summary = run_summary(result, folder) | {"check": looked}
    screen.path(Path(str(summary["tearsheet"] or folder)))
    return summary


def _tell_of_future(result: Result, screen: Screen) -> None:
    """Say here, and in no file, that the run lives through days that have not come yet."""
    from backtest.data.known import latest_today

    last, today = str(result.manifest["period"]["last"]), latest_today().isoformat()
    if last > today:
        text = f"warning: the run ends on {last}, after today: `backtest data check` the bundle"
        screen.say(text, "bold red")


def _tell_of_check(result: Result, screen: Screen, reports: Path) -> str:
    """Say how the check of these decisions ended, loudly where it failed: the word for it."""
    from backtest.report.checked import (
        check_record,
        failed_claims,
        failed_elsewhere,
        key_of,
        record_path,
    )

    key = key_of(result)
    record = check_record(reports, key)
    if key is None or record is None:
        elsewhere = failed_elsewhere(reports, result)
        if elsewhere is not None:
            told = "warning: `backtest check` FAILED for this strategy under other settings"
            screen.say(f"{told}: {elsewhere}", "bold red")
        screen.say("Not checked for look-ahead yet: `backtest check` does.", "dim")
        return "not run"
    if record["passed"]:
        return "passed"
    claims = "; ".join(failed_claims(record))
    told = f"warning: `backtest check` FAILED for these decisions ({claims})"
    screen.say(f"{told}: {record_path(reports, key)}", "bold red")
    return "failed"


def run_summary(result: Result, folder: Path) -> dict[str, object]:
    """A finished run for JSON: its name, where it is, its first numbers."""
    page = folder / "tearsheet.html"
    return {
        "name": result.manifest.get("name"),
        "fingerprint": result.manifest.get("fingerprint"),
        "folder": str(folder),
        "tearsheet": str(page) if page.is_file() else None,
        "headline": result.metrics.get("headline", {}),
        "warnings": _texts(result.manifest.get("warnings")),
        "optimistic": _texts(result.manifest.get("optimistic")),
    }


def _headline(result: Result) -> Table:
    """The tearsheet's first numbers, with what they were measured on."""
    from rich.table import Table

    from backtest.report import formats
    from backtest.report.headlines import dealings, headlines

    stated = result.metrics.get("conventions", {})
    currency = str(stated.get("currency", ""))
    period = f"{stated.get('first_session', '?')} to {stated.get('last_session', '?')}"
    title = f"{result.manifest.get('name')}  {period}, {currency}, after costs"
    said = [str(stated[key]) for key in ("short", "idle") if stated.get(key) is not None]
    caption = "\n".join(formats.label_of(words) + "." for words in said)
    table = Table(
        title=title,
        title_justify="left",
        show_header=False,
        caption=caption or None,
        caption_justify="left",
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    benchmark = str(stated.get("benchmark") or "")
    first = headlines(result.metrics, currency=currency, benchmark=benchmark)
    for line in [*first, *dealings(result.metrics)]:
        table.add_row(line.label, line.value, "; ".join(line.beside))
    return table


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
