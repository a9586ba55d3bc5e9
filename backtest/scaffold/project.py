"""A folder to research in, and one more strategy in it: what is written, all or nothing."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from backtest.errors import Fault, FaultyInput
from backtest.strategy import find_strategies

_TEMPLATES = files("backtest.scaffold") / "templates"
_NAME = re.compile(r"^[a-z_][a-z0-9_]*$")

# Files of a new project by the template that they are made from.
_PROJECT: Mapping[str, str] = {
    "README.md": "README.md",
    ".gitignore": "gitignore",
    "pyproject.toml": "pyproject.toml",
    ".vscode/settings.json": "settings.json",
    ".vscode/extensions.json": "extensions.json",
    "configs/base/hk.yaml": "hk.yaml",
    "configs/base/sample.yaml": "sample.yaml",
    "data/README.md": "data.md",
}
_HOOKS: Mapping[str, str] = {".pre-commit-config.yaml": "hooks.yaml"}
_STRATEGY: Mapping[str, str] = {
    "strategies/{name}.py": "strategy.py.txt",
    "configs/{name}.yaml": "config.yaml",
    "tests/test_{name}.py": "test_strategy.py.txt",
}
_FIRST = "momentum"
_SCHEMA = "configs/schema.json"

Schema = Callable[[Path], str]


@dataclass(frozen=True)
class Made:
    """What was written below ``folder``, in the order of the templates."""

    folder: Path
    files: tuple[Path, ...]


def new_project(folder: Path, *, hooks: bool = False, schema: Schema | None = None) -> Made:
    """Write a project to research in: a strategy with its config and test, editor settings, notes.

    Parameters
    ----------
    folder
        Made where it is missing; what is in it already is left alone.
    hooks
        With a configuration for pre-commit.
    schema
        Makes the text of ``configs/schema.json``, for editors, of the folder with the strategies.

    Raises
    ------
    FaultyInput
        When one of the files is there already, with all that are; nothing is written then.
    """
    texts = {name: _read(template) for name, template in _PROJECT.items()}
    texts |= {name: _read(template) for name, template in (_HOOKS if hooks else {}).items()}
    texts |= _strategy_texts(_FIRST)
    return _write(folder, texts, schema)


def new_strategy(name: str, folder: Path) -> Made:
    """Write a strategy, a config that runs it on the sample market, and a test.

    Raises
    ------
    FaultyInput
        When the name cannot be one, or is taken, or a file is there already.
    """
    if not _NAME.match(name) or keyword.iskeyword(name):
        what = f"must be lower-case letters, digits and '_', not a Python word, got '{name}'"
        raise FaultyInput("NAME", [Fault("", what)])
    taken = find_strategies(folder).get(name)
    if taken is not None:
        raise FaultyInput("NAME", [Fault(name, f"there is a strategy of that name: {taken}")])
    return _write(folder, _strategy_texts(name))


def _strategy_texts(name: str) -> dict[str, str]:
    title = "".join(part.capitalize() for part in name.split("_") if part) or "Strategy"
    values = {"@name@": name, "@Name@": title, "@run@": name.strip("_").replace("_", "-") or "run"}
    return {
        path.format(name=name): _filled(_read(template), values)
        for path, template in _STRATEGY.items()
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def _read(template: str) -> str:
    return (_TEMPLATES / template).read_text(encoding="utf-8")


def _write(folder: Path, texts: Mapping[str, str], schema: Schema | None = None) -> Made:
    """Write all files, or none where one is there; each appears whole."""
    names = [*texts, *([_SCHEMA] if schema else [])]
    there = [name for name in names if (folder / name).exists()]
    blocked = next(above for above in (folder, *folder.parents) if above.exists())
    if not blocked.is_dir():
        raise FaultyInput(str(folder), [Fault(str(blocked), "is a file, not a folder")])
    if there:
        faults = [Fault(name, "is there already; nothing was written") for name in there]
        raise FaultyInput(str(folder), faults)
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        for name, text in texts.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        if schema:
            (draft / _SCHEMA).write_text(schema(draft), encoding="utf-8", newline="\n")
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(draft / name, folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Made(folder, tuple(Path(name) for name in names))
