"""The command that makes a bundle of a vendor's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.outputs import bundle_to_write, file_to_write
from backtest.cli.runs import Json, Overrides, Quiet, Traceback
from backtest.cli.screen import Screen
from backtest.errors import Fault, FaultyInput

if TYPE_CHECKING:
    from backtest.sources.mapping import Mapping


def import_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Files or folders; none takes the mapping's own."),
    ] = None,
    *,
    to: Annotated[
        str,
        typer.Option("--to", metavar="BUNDLE", help="A new bundle, or one to add to, or its URL."),
    ] = "",
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="YAML", help="What the files' columns are.")
    ] = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="A mapping that comes with the program.")
    ] = "",
    guess: Annotated[
        bool, typer.Option("--guess", help="Write a first mapping (to --to) to be corrected.")
    ] = False,
    overrides: Overrides = None,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Make a bundle of CSV, Parquet, Excel or JSON files, or add them to one.

    A bundle with faults is written all the same, and they are listed: exit code 2.
    """
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        given = files or []
        if guess:
            _guess(given, to, screen)
            return
        chosen, folder = _mapping(mapping, preset, overrides or [])
        if not to:
            raise FaultyInput("--to", [Fault("", "name the bundle's folder: --to data/mine")])
        _import(chosen, given, folder, bundle_to_write(to), screen)
    screen.finish()


def _mapping(path: Path | None, preset: str, overrides: list[str]) -> tuple[Mapping, Path | None]:
    from backtest.sources.mapping import load_mapping, load_preset, preset_names

    if (path is None) == (not preset):
        names = ", ".join(preset_names())
        how = (
            f"say --mapping FILE or --preset NAME ({names}), one of them; --guess writes a mapping"
        )
        raise FaultyInput("backtest data import", [Fault("", how)])
    if path is not None:
        return load_mapping(path, overrides=overrides), path.parent
    return load_preset(preset, overrides=overrides), None


def _import(
    mapping: Mapping, files: list[Path], folder: Path | None, to: str, screen: Screen
) -> None:
    from backtest.sources.importing import import_files
    from backtest.sources.save import save

    with screen.stages() as stages:
        stages("reading files")
        delivery = import_files(mapping, files, folder=folder)
        stages("writing")
        save(delivery, to)
    for note in delivery.notes:
        screen.say(f"left out: {note}", style="yellow")
    screen.path(to)
    report(to, screen, notes=delivery.notes)


def report(to: str, screen: Screen, *, notes: tuple[str, ...] = ()) -> None:
    """Check the bundle that was written, and show what the checks found."""
    from dataclasses import asdict

    from backtest.data.bundle import load_bundle
    from backtest.data.settings import DataSettings, is_remote
    from backtest.data.show import check_text

    named = to if is_remote(to) else str(Path(to).absolute())
    with screen.stages() as stages:
        stages("checking")
        loaded = load_bundle(DataSettings(bundle=named))
    screen.show(check_text(loaded))
    screen.document = {
        "bundle": loaded.name,
        "hash": loaded.hash,
        "notes": list(notes),
        "caveats": list(loaded.caveats),
        "findings": [asdict(finding) for finding in loaded.findings],
    }


def _guess(files: list[Path], to: str, screen: Screen) -> None:
    from backtest.sources.guess import guess_mapping

    if not files:
        raise FaultyInput("--guess", [Fault("", "name the files to look at")])
    path = file_to_write(to) if to else None
    if path is not None and path.exists():
        raise FaultyInput("--to", [Fault("", "is there already; name another file", str(path))])
    text = guess_mapping(files, name=path.stem if path else files[0].stem)
    if path is None:
        typer.echo(text, nl=False)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    screen.path(path)
    screen.say("Correct it, then: backtest data import FILE... --mapping YAML --to BUNDLE")
