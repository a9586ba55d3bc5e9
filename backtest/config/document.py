"""YAML files as a tree of values that know where they stand."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backtest.errors import ConfigError, Fault

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node as YamlNode

Key = str | int
KeyPath = tuple[Key, ...]

_CORE = "tag:yaml.org,2002:"
_SCALARS = frozenset(_CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp"))
_LARGEST = 100_000  # values; aliases of aliases could otherwise grow without bound


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands; lines and columns count from 1, 0 is no place in the file."""

    file: str
    folder: Path
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a ``dict[str, Node]`` or a ``list[Node]``, with its place and its key's."""

    value: object
    place: Place
    key: Place

    def plain(self) -> object:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {name: child.plain() for name, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, key: object) -> Node | None:
        """The value below ``key`` (a name or an index), or None."""
        if isinstance(self.value, dict):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]  # type: ignore[no-any-return]  # a list of Node, by construction
        return None

    def at(self, path: Sequence[Key]) -> Node | None:
        """The value at ``path``, or None."""
        node: Node | None = self
        for key in path:
            node = node.child(key) if node is not None else None
        return node

    def put(self, path: Sequence[Key], node: Node) -> Node:
        """A copy in which ``node`` stands at ``path``; maps are made on the way."""
        if not path:
            return node
        head, *rest = path
        children = dict(self.value) if isinstance(self.value, dict) else {}
        below = children.get(head, Node({}, node.place, node.key))
        return Node({**children, head: below.put(rest, node)}, self.place, self.key)

    def without(self, path: Sequence[Key]) -> Node:
        """A copy that has nothing at ``path``."""
        if not isinstance(self.value, dict) or path[0] not in self.value:
            return self
        children = dict(self.value)
        below = children.pop(path[0])
        if len(path) > 1:
            children[path[0]] = below.without(path[1:])
        return Node(children, self.place, self.key)


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration merged with what it extends; ``faults`` are those of the text itself."""

    root: Node
    faults: tuple[Fault, ...] = ()

    def fault(self, path: Sequence[Key], message: str, *, at_key: bool = False) -> Fault:
        """A fault at ``path``, placed at the deepest part of it that was written."""
        for depth in range(len(path), -1, -1):
            node = self.root.at(path[:depth])
            if node is not None:
                place = node.key if at_key or depth < len(path) else node.place
                return Fault(dotted(path), message, place.file, place.line, place.column)
        return Fault(dotted(path), message)


def dotted(path: Sequence[Key]) -> str:
    """``universe.symbols[2]`` for ``("universe", "symbols", 2)``."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def places_of(root: Node) -> dict[str, Place]:
    """The place of every setting that was written, by its dotted key."""
    found: dict[str, Place] = {}
    todo: list[tuple[KeyPath, Node]] = [((), root)]
    while todo:
        path, node = todo.pop()
        if path:
            found[dotted(path)] = node.place
        if isinstance(node.value, dict):
            todo += [((*path, name), child) for name, child in node.value.items()]
        elif isinstance(node.value, list):
            todo += [((*path, number), child) for number, child in enumerate(node.value)]
    return found


def nearest(name: str, known: Sequence[str]) -> str:
    """``; did you mean 'x'?`` for the known name nearest to ``name``, empty when none is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def near_file(path: Path) -> str:
    """``; did you mean 'x.yaml'?`` for the YAML file beside ``path`` that is nearest in name."""
    beside = {item.stem: item.name for item in sorted(path.parent.glob("*.y*ml"))}
    near = difflib.get_close_matches(path.stem, beside, n=1)
    return f"; did you mean '{beside[near[0]]}'?" if near else ""


def shown(path: Path) -> str:
    """The path as a person would write it here: relative to the working directory when below it."""
    try:
        return Path(os.path.normpath(path.absolute())).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def read_text(path: Path) -> str:
    """The file's text.

    Raises
    ------
    ConfigError
        When there is no such file, or it is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = f"no such file{near_file(path)}"
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
    except OSError as error:
        message = error.strerror or str(error)
    raise ConfigError(shown(path), [Fault("", message, shown(path))])


def parse(text: str, place: Place) -> tuple[Node, list[Fault]]:
    """The tree of one YAML text, with the faults that do not keep it from being read.

    Raises
    ------
    ConfigError
        When the text is not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    try:
        composed = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark and place.line else (0, 0)
        fault = Fault("", f"is not YAML: {reason}", place.file, line, column)
        raise ConfigError(place.file, [fault]) from None
    except YAMLError as error:
        raise ConfigError(place.file, [Fault("", f"is not YAML: {error}", place.file)]) from None
    if composed is None:
        return Node(None, place, place), []
    reader = _Reader(place, yaml.constructor.construct_object)
    return reader.node(composed, place, ()), reader.faults


class _Reader:
    """Turns ruamel's nodes into ours, collecting faults."""

    def __init__(self, place: Place, construct: Callable[[YamlNode], object]) -> None:
        self.faults: list[Fault] = []
        self._place = place
        self._construct = construct
        self._open: set[int] = set()
        self._count = 0

    def node(self, source: YamlNode, key: Place, path: KeyPath) -> Node:
        """The tree below ``source``, whose key stands at ``key``."""
        place = self._placed(source)
        self._count += 1
        if id(source) in self._open or self._count > _LARGEST:
            self._fault(path, place, "an alias may not contain itself, nor a file 100,000 values")
            return Node(None, place, key)
        self._open.add(id(source))
        try:
            return Node(self._value(source, place, path), place, key)
        finally:
            self._open.discard(id(source))

    def _value(self, source: YamlNode, place: Place, path: KeyPath) -> object:
        if source.tag == _CORE + "map":
            return self._mapping(source, path)
        if source.tag == _CORE + "seq":
            return [self.node(item, place, (*path, n)) for n, item in enumerate(source.value)]
        if source.tag not in _SCALARS:
            self._fault(path, place, f"the tag {source.tag} is not allowed; write a plain value")
            return None
        try:
            value = self._construct(source)
        except ValueError:  # 2015-02-30 looks like a date; who expects one will say so
            return str(source.value)
        if isinstance(value, float) and not math.isfinite(value):
            self._fault(path, place, f"must be a finite number, got {source.value}")
        return value

    def _mapping(self, source: YamlNode, path: KeyPath) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in source.value:
            place = self._placed(key)
            if not isinstance(key.value, str):
                self._fault(path, place, "a key must be a plain name")
                continue
            child = self.node(value, place, (*path, key.value))
            if key.value in found:
                first = found[key.value].key.line
                where = f" in line {first}" if first else ""
                self._fault((*path, key.value), place, f"duplicate key; it already stands{where}")
                continue
            found[key.value] = child
        return found

    def _placed(self, source: YamlNode) -> Place:
        if not self._place.line:
            return self._place
        mark = source.start_mark
        return Place(self._place.file, self._place.folder, mark.line + 1, mark.column + 1)

    def _fault(self, path: KeyPath, place: Place, message: str) -> None:
        self.faults.append(Fault(dotted(path), message, place.file, place.line, place.column))
