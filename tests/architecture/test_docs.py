"""The pages do what they say: code runs, YAML loads, commands work, links resolve.

Blocks of a page share a folder that is thrown away afterwards, with the project's configs in it:

- ``python``: run, in one namespace per page; ``text`` right after it is what it prints;
- ``yaml``: a config, a part of one, a market file or a bundle.yaml, read as what it is;
- ``sh``: lines that begin with ``backtest`` are run, or only parsed where they take long
  (``check``), need a network or hold a placeholder in capitals;
- a path after the language (``csv prices/bars.csv``) is where the block is kept as a file.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.main
from ruamel.yaml import YAML
from typer.testing import CliRunner

from backtest.cli import app
from backtest.data.action_kinds import ACTION_KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *(ROOT / f"{n}.md" for n in ("README", "CONTRIBUTING"))]
)
LINKED = sorted([*PAGES, *ROOT.glob("CHANGELOG.md")])
RUN = {"run", "compare", "explain", "schema", "list", "data"}  # the others are only parsed
NEEDS_A_NETWORK = [["data", "fetch"], ["data", "update"]]
FENCE = re.compile(r"^(\s*)```(\w*)[ \t]*(\S*)[ \t]*\n(.*?)^\1```[ \t]*$", re.M | re.S)
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
PLACEHOLDER = re.compile(r"(?<![\w=./-])[A-Z][A-Z_]{2,}(?![\w=./-])|/path/to")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file it is kept as, its text, the line it begins in."""

    language: str
    file: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    content = page.read_text(encoding="utf-8")
    return [
        Block(
            language=found[2],
            file=found[3],
            text=re.sub(rf"(?m)^{found[1]}", "", found[4]),
            line=content[: found.start()].count("\n") + 1,
        )
        for found in FENCE.finditer(content)
    ]


def named(pages):
    return pytest.mark.parametrize("page", pages, ids=lambda p: p.relative_to(ROOT).as_posix())


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the project's configs, which the blocks of one page may fill."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "strategies").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


class Runner:
    """Runs the blocks of one page in order."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._names: dict[str, object] = {"__name__": "docs"}
        self._printed: str | None = None

    def run(self, block: Block) -> None:
        printed, self._printed = self._printed, None
        if block.file:
            kept = Path(block.file)
            assert not kept.is_absolute()
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(block.text, encoding="utf-8")
        if block.language == "python":
            self._printed = self._python(block)
        elif block.language == "yaml":
            self._yaml(block)
        elif block.language in ("sh", "shell", "bash", "console"):
            for line in _commands(block.text):
                self._command(line)
        elif block.language == "text" and printed:
            assert _lines(block.text) == _lines(printed)

    def _python(self, block: Block) -> str:
        # As many empty lines before it as the page has: a traceback shows the page's own line.
        source = "\n" * block.line + block.text
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(source, str(self._page), "exec"), self._names)  # noqa: S102 - our own pages
        return out.getvalue()

    def _yaml(self, block: Block) -> None:
        plain = YAML(typ="safe", pure=True).load(block.text)
        assert isinstance(plain, dict), "a YAML block must be a map"
        if "fees" in plain or "exchanges" in plain:
            from backtest.market.files import load_market

            load_market(_kept(block, "market.yaml"))
        elif "inputs" in plain:
            from backtest.sources.mapping import load_mapping

            load_mapping(_kept(block, "mapping.yaml"))
        elif "prices" in plain:
            from backtest.data.schema import read_info

            info, faults = read_info(plain, "bundle.yaml")
            assert info is not None, faults
        else:
            from backtest import load_config

            whole = "extends" in plain or {"strategy", "data"} <= set(plain)
            path = _kept(block, "block.yaml") if whole else _around(plain)
            load_config(path)

    def _command(self, line: str) -> None:
        words = shlex.split(line, comments=True)[1:]
        command = typer.main.get_command(app)
        name = words[0]
        assert name in command.commands, f"no such command: {line}"
        if words[:2] in NEEDS_A_NETWORK:
            command.commands[name].commands[words[1]].make_context(words[1], words[2:])
        elif name in RUN and not PLACEHOLDER.search(line):
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
        else:
            sub = command.commands[name]
            sub.make_context(name, words[1:])  # raises on an unknown option or a missing argument


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def _commands(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    lines = (line.strip().removeprefix("$ ") for line in joined.splitlines())
    return [line for line in lines if line.startswith("backtest ")]


def _kept(block: Block, name: str) -> Path:
    """The block as a file, unless it is one already."""
    if block.file:
        return Path(block.file)
    path = Path(name)
    path.write_text(block.text, encoding="utf-8")
    return path


def _around(part: dict[str, object]) -> Path:
    """A config of which a page shows only a part."""
    whole = {"name": "part", "data": {"bundle": "sample"}, "strategy": {"name": "equal_weight"}}
    if "sleeves" in part:
        del whole["strategy"]
    data = {**whole["data"], **part.get("data", {})}
    path = Path("part.yaml")
    with path.open("w", encoding="utf-8") as out:
        YAML(typ="safe", pure=True).dump({**whole, **part, "data": data}, out)
    return path


@named([page for page in PAGES if page.is_file() and blocks_of(page)])
def test_every_block_of_a_page_works(page, desk):
    runner = Runner(page)
    for block in blocks_of(page):
        try:
            runner.run(block)
        except Exception as error:
            error.add_note(f"{page.relative_to(ROOT)}:{block.line}, a block of {block.language}")
            raise


@pytest.mark.parametrize("name", ["configuration", "markets"])
def test_tables_are_those_that_the_code_would_write(name):
    script = runpy.run_path(str(ROOT / "docs" / f"build_{name}.py"))
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert script["page"](text) == text, f"run: python docs/build_{name}.py"


def test_a_config_that_the_readme_shows_is_the_one_that_ships(desk):
    from backtest import load_config

    shown = [block for block in blocks_of(ROOT / "README.md") if (ROOT / block.file).is_file()]
    assert shown
    for block in shown:
        ships = load_config(block.file).resolved()
        Path(block.file).write_text(block.text, encoding="utf-8")
        assert load_config(block.file).resolved() == ships


def test_the_page_of_bundles_has_every_check_with_its_default():
    from backtest.data.settings import DEFAULT_ACTIONS

    text = (ROOT / "docs" / "bundles.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (`\w+`(?:, `\w+`)*) \| (error|warn|drop) \|", text)
    told = {name: action for names, action in rows for name in re.findall(r"\w+", names)}
    assert told == DEFAULT_ACTIONS


@pytest.fixture(scope="module")
def ran():
    from backtest import load_config, run

    return run(
        load_config(ROOT / "configs" / "buy_and_hold.yaml", overrides=["data.start=2024-01-02"])
    )


def test_the_page_of_outputs_has_every_column_of_every_table(ran):
    from backtest.result import TABLES

    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    for table in TABLES:
        part = text.split(f"## {table}.parquet")[1].split("\n## ")[0]
        columns = {str(name) for name in getattr(ran, table).columns}
        named = {"fee_<component>" if name.startswith("fee_") else name for name in columns}
        assert named <= _codes(part), table
    manifest = text.split("## manifest.json")[1]
    assert set(ran.manifest) <= _codes(manifest)


def test_the_page_of_measures_has_every_name_in_metrics(ran):
    pages = [ROOT / "docs" / name for name in ("measures.md", "statistics.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages if page.is_file())
    sections = set(re.findall(r"(?m)^## (\w+)$", text))
    assert _names(ran.metrics) - sections - _codes(text) == set()


def _codes(text: str) -> set[str]:
    """What stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


# Keys below these are the run's own: statuses, fee components, reasons.
OPEN = {"orders_by_status", "fees_by_component", "by_reason"}


def _names(tree: object) -> set[str]:
    if isinstance(tree, list):
        return set().union(*map(_names, tree))
    if not isinstance(tree, dict):
        return set()
    below = (_names(value) for key, value in tree.items() if key not in OPEN)
    return set(tree).union(*below)


def test_no_fence_is_left_open():
    for page in LINKED:
        fences = re.findall(r"(?m)^\s*```", page.read_text(encoding="utf-8"))
        assert len(fences) % 2 == 0, page


@named(LINKED)
def test_links_lead_to_a_file_and_a_heading_that_are_there(page):
    broken = []
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(target)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as a Git host makes them."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"(?m)^#+\s+(.*?)\s*$", prose)
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


def _every_command(command, name="backtest"):
    inside = getattr(command, "commands", {})
    for word, one in inside.items():
        yield from _every_command(one, f"{name} {word}")
    if not inside:
        yield name


@pytest.mark.parametrize("command", sorted(_every_command(typer.main.get_command(app))))
def test_every_command_is_shown_on_a_page(command):
    assert any(command in page.read_text(encoding="utf-8") for page in PAGES)


def test_what_the_readme_says_is_not_modelled_is_no_kind_of_action():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    said = re.search(r"It does not model:(.*?)\n\n", text, re.S)[1].lower()
    kinds = {*ACTION_KINDS, "in-kind", "new ticker", "take-over", "payment date"}
    kinds -= {"dividend"}  # the tax that is withheld from it stands there
    assert [kind for kind in sorted(kinds) if re.search(rf"\b{kind}s?\b", said)] == []
