"""The config of a saved run, ready to be run again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backtest.config.load import config_of
from backtest.data.settings import is_remote
from backtest.errors import BacktestError, ConfigError, Fault, FaultyInput
from backtest.provenance import file_hashes

if TYPE_CHECKING:
    from backtest.config import RunConfig
    from backtest.result import Result

_CONFIGS = Path("configs")


def rebuilt(result: Result, *, folders: Sequence[Path] = ()) -> RunConfig:
    """The config that made ``result``.

    A saved config names its files relative to the folder of the YAML it came from, which a run does
    not keep. That folder is the first of ``folders`` or else of the working directory, the folders
    below ``configs/`` and the run's own, in which all of the files are found, with the content
    that they had; or only found, where nowhere they have it.

    Raises
    ------
    FaultyInput
        When they are found in none, or the config is faulty today.
    """
    title = f"{result.name}/config.yaml"
    found: list[RunConfig] = []
    missing: list[Path] = []
    faulty: ConfigError | None = None
    tried = list(_candidates(result, folders))
    for folder in tried:
        try:
            config = config_of(result.config, folder=folder, title=title)
        except ConfigError as error:
            faulty = faulty or error
            continue
        absent = _absent(config)
        if not absent and _has_same_files(config, result):
            return config
        missing = missing or absent
        found += [config] if not absent else []
    if found:
        return found[0]
    if missing:
        others = f", nor from {len(tried) - 1} other folders" if len(tried) > 1 else ""
        message = (
            "no such file: {}"
            + others
            + ("; say with --configs DIR which folder the run's YAML stood in")
        )
        raise FaultyInput(title, [Fault("", message.format(path)) for path in missing])
    raise faulty or FaultyInput(title, [Fault("", "no folder to look for its files in")])


def _candidates(result: Result, folders: Sequence[Path]) -> Iterator[Path]:
    yield from folders
    if folders:
        return
    yield Path.cwd()
    yield from sorted({file.parent for file in _CONFIGS.rglob("*.y*ml")})
    if result.folder is not None:
        yield result.folder


def _absent(config: RunConfig) -> list[Path]:
    """Files that the config names and that are not there; those of markets are checked already."""
    bundle = config.data.bundle
    elsewhere = bundle == "sample" or is_remote(bundle)
    files = [] if elsewhere else [Path(bundle) / "bundle.yaml"]
    try:
        files += config.made_strategy().inputs()
    except BacktestError:
        return files
    return [file for file in files if not file.exists()]


def _has_same_files(config: RunConfig, result: Result) -> bool:
    """Whether the strategy's files hold what they held; the bundle is left to whoever loads it."""
    now = file_hashes(config.made_strategy().inputs())
    return now == _at(result.manifest, ("strategy", "inputs"))


def changed_parts(saved: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """What a run depends on besides its config that is not what it was, in words."""
    parts = {
        "the data": ("bundle", "hash"),
        "the strategy's source": ("strategy", "sha256"),
        "the strategy's files": ("strategy", "inputs"),
        "the engine": ("engine",),
        "the market rules": ("rules",),
        "package versions": ("versions",),
    }
    return [words for words, path in parts.items() if _at(saved, path) != _at(now, path)]


def _at(tree: Mapping[str, object], path: Sequence[str]) -> object:
    node: object = tree
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
