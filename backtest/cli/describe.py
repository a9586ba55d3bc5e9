"""Commands that explain and list, without running anything."""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backtest.cli.outputs import file_to_write
from backtest.cli.runs import Json, Overrides, Quiet, Traceback, load_all
from backtest.cli.screen import Screen
from backtest.errors import ConfigError
from backtest.folders import REPORTS, run_folders

if TYPE_CHECKING:
    from backtest.listing import Listing

What = Literal["strategies", "markets", "configs", "runs"]
Row = dict[str, object]


def explain(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file.")],
    *,
    overrides: Overrides = None,
    data: Annotated[
        bool, typer.Option("--data", help="Load the bundle: some assumptions depend on it.")
    ] = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Say in sentences what would be run, and what is assumed too well."""
    screen = Screen(as_json=as_json)
    with screen.outcome(traceback=traceback):
        loaded = load_all([config], overrides or ())[0]
        from rich.table import Table

        from backtest import explain as words

        facts = None
        if data:
            from backtest.config.fit import bundle_of

            with screen.stages() as stages:
                stages("loading the data")
                facts = words.data_facts(bundle_of(loaded), loaded)
        sentences = words.explain(loaded)
        optimistic = words.optimistic_assumptions(loaded, facts)
        table = Table.grid(padding=(0, 2))
        for part, text in sentences.items():
            table.add_row(f"[bold]{part}[/bold]", _plain(text))
        screen.show(table)
        screen.show("\n[bold]Optimistic assumptions[/bold]")
        for sentence in optimistic:
            screen.show(_plain(f"- {sentence}"))
        if not data:
            screen.show("[dim]--data adds those that depend on the bundle.[/dim]")
        screen.document = {
            "sentences": sentences,
            "optimistic": optimistic,
            "config": loaded.resolved(),
        }
    screen.finish()


def schema(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", parser=file_to_write, help="Write to FILE, not to stdout."
        ),
    ] = None,
    traceback: Traceback = False,
) -> None:
    """Write the JSON Schema that lets an editor complete and document every key."""
    screen = Screen()
    with screen.outcome(traceback=traceback):
        from backtest.schema import schema_text

        text = schema_text()
        if out is None:
            typer.echo(text, nl=False)
        else:
            _write(out, text)
            screen.path(out)


def list_things(
    what: Annotated[What, typer.Argument(help="What to list.")],
    *,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="Where runs are looked up.")
    ] = REPORTS,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """List strategies, markets, configs or finished runs."""
    screen = Screen(as_json=as_json)
    with screen.outcome(traceback=traceback):
        makers: Mapping[What, Callable[[], list[Row]]] = {
            "strategies": _strategies,
            "markets": _markets,
            "configs": _configs,
            "runs": lambda: _runs(reports),
        }
        rows = makers[what]()
        screen.document = {what: rows}
        if quiet and not as_json:
            for row in rows:
                typer.echo(str(next(iter(row.values()))))
        elif not as_json:
            screen.show(_table(rows) if rows else f"No {what} here.")
    screen.finish()


def _table(rows: list[Row]) -> Listing:
    from backtest.listing import Listing

    columns = [key.replace("_", " ") for key in rows[0]]
    numbers = frozenset(key.replace("_", " ") for key in _HEADLINES)
    table = Listing(columns, right=numbers, words="description")
    for row in rows:
        table.add_row(*(_cell(key, value) for key, value in row.items()))
    return table


def _cell(key: str, value: object) -> str:
    if key in _HEADLINES:
        from backtest.report import formats

        forms = {"sharpe": formats.number, "costs_bps": formats.bps}
        return forms.get(key, formats.percent)(value)
    return "" if value is None else str(value)


def _strategies() -> list[Row]:
    from backtest.strategy import find_strategies

    found = find_strategies()
    return [
        {"name": name, "description": _first_line(found[name]), "file": _here(found[name])}
        for name in sorted(found)
    ]


def _first_line(file: Path) -> str:
    """The first line of a module's docstring, read without importing it."""
    try:
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    except (SyntaxError, UnicodeDecodeError) as error:
        return f"cannot be read: {error}"
    return text.split("\n")[0]


def _markets() -> list[Row]:
    from backtest.market.files import list_markets, load_market

    rows: list[Row] = []
    for name in list_markets():
        rules = load_market(name)
        rows.append(
            {
                "name": name,
                "exchanges": ", ".join(rules.exchanges),
                "currency": rules.currency,
                "description": rules.description.partition(":")[0].strip(),
            }
        )
    return rows


def _configs() -> list[Row]:
    from backtest.config.layers import read_layers

    rows: list[Row] = []
    for file in sorted(Path("configs").rglob("*.y*ml")):
        try:
            root = read_layers(file).root
        except ConfigError as error:
            rows.append(_config_row(file, description=str(error.faults[0].message)))
            continue
        said = {key: root.at(key.split(".")) for key in ("name", "strategy.name", "description")}
        name, strategy, description = (
            str(node.value) if node is not None else None for node in said.values()
        )
        sleeves = root.child("sleeves")
        if strategy is None and sleeves is not None and isinstance(sleeves.value, dict):
            strategy = f"sleeves: {', '.join(sleeves.value)}"
        rows.append(_config_row(file, name or "(base)", strategy, description))
    return rows


def _config_row(
    file: Path,
    name: str | None = None,
    strategy: str | None = None,
    description: str | None = None,
) -> Row:
    return {
        "file": file.as_posix(),
        "name": name,
        "strategy": strategy,
        "description": description,
    }


_HEADLINES = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "costs_bps")


def _runs(reports: Path) -> list[Row]:
    rows: list[Row] = []
    for run in run_folders(reports):
        try:
            metrics = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            metrics = {}
        headline = metrics.get("headline", {})
        finished = datetime.fromtimestamp(run.finished).isoformat(" ", "minutes")
        row: Row = {"name": run.name, "fingerprint": run.fingerprint[:12], "finished": finished}
        rows.append(row | {key: headline.get(key) for key in _HEADLINES})
    return rows


def _here(file: Path) -> str:
    """The path as seen from the working directory, if it lies below."""
    try:
        return file.absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(file)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _write(path: Path, text: str) -> None:
    """Replace the file in one step: an interrupt leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as part:
        try:
            part.write(text)
            part.close()
            Path(part.name).chmod(0o644)
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
