"""The notebooks run, and show what they show."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def shown(cell, names):
    """What a cell prints, then its last value as text; that of a run or comparison says no more
    than its name and fingerprint."""
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    out, value = io.StringIO(), None
    with contextlib.redirect_stdout(out):
        exec(compile(tree, "cell", "exec"), names)  # noqa: S102 - our own notebooks
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    return out.getvalue(), repr(value)


def stored(cell):
    printed = "".join("".join(o["text"]) for o in cell["outputs"] if o["output_type"] == "stream")
    values = ["".join(o["data"]["text/plain"]) for o in cell["outputs"] if "data" in o]
    return printed, values[0] if values else "None"


def test_there_is_one_for_each_of_the_first_three_strategies():
    assert NAMES == ["cheap", "dip", "listings"]


@pytest.mark.parametrize("name", NAMES)
def test_it_shows_what_it_would_show_now(name):
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    wanted = runpy.run_path(str(ROOT / "docs" / "build_notebooks.py"))["NOTEBOOKS"][name]
    names = {"__name__": "notebook"}
    assert ["".join(cell["source"]) for cell in notebook["cells"]] == wanted
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        printed, value = shown("".join(cell["source"]), names)
        was_printed, was = stored(cell)
        assert printed == was_printed, "run: python docs/build_notebooks.py"
        if not value.startswith(("Result(", "Comparison(")):
            assert value == was, "run: python docs/build_notebooks.py"
