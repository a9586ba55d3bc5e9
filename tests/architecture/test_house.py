"""The house keeps its rules: layers, sizes, names, what loads when, what never appears."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = sorted((ROOT / "backtest").rglob("*.py"))
SOURCES = [*PACKAGE, *sorted((ROOT / "strategies").glob("*.py"))]
HEAVY = ("pandas", "numba", "vectorbt", "quantstats", "matplotlib", "plotly", "arch", "pyarrow")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_imports_run_downward_only():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_has_at_most_400_lines_and_a_first_line_that_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    assert first.endswith(".")


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if "kernels" not in path.parts], ids=name_of
)
def test_a_function_has_at_most_60_lines_of_code(path):
    """Kernels apart: arithmetic over many arrays reads better whole."""
    too_long = {
        node.name: _lines_of_code(node)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and _lines_of_code(node) > 60
    }
    assert too_long == {}


def _lines_of_code(node: ast.FunctionDef) -> int:
    """Lines of the body, the docstring left out."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_module_is_a_drawer_for_everything():
    names = {path.stem for path in PACKAGE}
    assert names.isdisjoint({"utils", "util", "core", "common", "base", "helpers", "misc"})


@pytest.mark.parametrize("path", sorted((ROOT / "strategies").glob("[a-z]*.py")), ids=name_of)
def test_a_strategy_fits_on_its_page(path):
    assert path.read_text(encoding="utf-8").count("\n") < 120


def test_the_public_face_is_what_it_says():
    import backtest

    assert backtest.__all__ == ["Panel", "Result", "Strategy", "compare", "load_config", "run"]
    for name in backtest.__all__:
        assert getattr(backtest, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = backtest.nothing


@pytest.mark.parametrize("words", [["-c", "import backtest"], ["-m", "backtest", "--help"]])
def test_what_is_light_loads_nothing_heavy(words):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert loaded.isdisjoint(HEAVY)


def test_a_run_loads_no_peer_and_no_drawing_library():
    code = (
        "import sys, json; from backtest import load_config, run; "
        "run(load_config('configs/buy_and_hold.yaml')); "
        "print(json.dumps([name for name in sys.modules if '.' not in name]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded.isdisjoint({"vectorbt", "quantstats", "matplotlib", "plotly", "arch"})


def test_no_path_of_a_machine_stands_in_what_is_tracked():
    pattern = re.compile(rb"(?<![\w.~-])/(?:work|root|home/\w+|farm)/")
    found = []
    for path in tracked():
        if path.suffix in {".png", ".parquet"} or path == Path(__file__) or not path.is_file():
            continue
        if pattern.search(path.read_bytes()):
            found.append(name_of(path))
    assert found == []


def test_ci_runs_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv \.venv && .*$", readme, flags=re.M)
    assert len(commands) == 2
    run, test = commands
    assert run.endswith(".venv/bin/backtest run configs/spillover_dip.yaml")
    assert ".venv/bin/pytest" in test
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    found = re.search(r"sed -n '(.*)' README\.md", script)
    assert found is not None
    shown = subprocess.run(
        ["sed", "-n", found[1], "README.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[0] == test
    for tool in ("ruff check", "ruff format --check", "mypy", "lint-imports"):
        assert tool in script


def test_every_command_of_the_cli_stands_in_its_first_line_of_help():
    done = subprocess.run(
        [sys.executable, "-m", "backtest", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    commands = ["run", "compare", "check", "sweep", "walk-forward", "stress", "tearsheet", "index"]
    for name in [*commands, "explain", "schema", "list", "data"]:
        assert re.search(rf"^│ {name} ", done.stdout, flags=re.M), name
