"""A configuration from its layers: what it extends, itself, and overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backtest.config.document import (
    Document,
    Node,
    Place,
    dotted,
    near_file,
    parse,
    read_text,
    shown,
)
from backtest.errors import ConfigError, Fault


def read_layers(path: Path, overrides: Sequence[str] = ()) -> Document:
    """The file merged over what it ``extends``, with ``overrides`` (``a.b=VALUE``) on top.

    Maps merge key by key; scalars and lists replace. Relative names in ``extends`` are relative to
    the file that says it, and a later base wins over an earlier one.

    Raises
    ------
    ConfigError
        When a file cannot be read as YAML at all.
    """
    faults: list[Fault] = []
    root = _file(path, (), faults)
    for text in overrides:
        root = _override(root, text, faults)
    return Document(root, tuple(faults))


def merge(base: Node, over: Node) -> Node:
    """``over`` on ``base``: maps merge deeply, anything else is replaced."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    children = dict(base.value)
    for name, child in over.value.items():
        children[name] = merge(children[name], child) if name in children else child
    return Node(children, over.place, over.key)


def _file(path: Path, above: tuple[Path, ...], faults: list[Fault]) -> Node:
    place = Place(shown(path), path.absolute().parent, 1, 1)
    own, found = parse(read_text(path), place)
    faults.extend(found)
    if not isinstance(own.value, dict):
        what = "is empty" if own.value is None else "must be a map of settings"
        faults.append(Fault("", what, place.file, own.place.line, own.place.column))
        return Node({}, place, place)
    root = Node({}, place, place)
    for name in _bases(own, faults):
        base = _base(name, path, above, faults)
        if base is not None:
            root = merge(root, base)
    return merge(root, Node(own.without(("extends",)).value, place, place))


def _bases(own: Node, faults: list[Fault]) -> list[Node]:
    """The names in ``extends``, one or a list of them."""
    said = own.child("extends")
    if said is None:
        return []
    names = said.value if isinstance(said.value, list) else [said]
    wrong = [item for item in names if not isinstance(item.value, str)]
    for item in wrong:
        place = item.place
        message = "must be the name of a YAML file, or a list of them"
        faults.append(Fault("extends", message, place.file, place.line, place.column))
    return [item for item in names if item not in wrong]


def _base(name: Node, path: Path, above: tuple[Path, ...], faults: list[Fault]) -> Node | None:
    target = path.parent / str(name.value)
    place = name.place
    chain = (*above, path)
    if target.resolve() in [item.resolve() for item in chain]:
        circle = " -> ".join(item.name for item in (*chain, target))
        message = f"goes round in a circle: {circle}"
    elif not target.is_file():
        message = f"no such file: {shown(target)}{near_file(target)}"
    else:
        return _file(target, chain, faults)
    faults.append(Fault("extends", message, place.file, place.line, place.column))
    return None


def _override(root: Node, text: str, faults: list[Fault]) -> Node:
    """``root`` with one ``key=VALUE`` applied; VALUE is read as YAML."""
    key, equals, value = text.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    place = Place(f"--set {text}", Path.cwd())
    if not equals or not all(path):
        faults.append(Fault("", "must look like key=value or a.b=value", place.file))
        return root
    if path[0] == "extends":
        faults.append(Fault("extends", "stands in files only", place.file))
        return root
    for depth in range(1, len(path)):
        above = root.at(path[:depth])
        if above is not None and isinstance(above.value, list):
            message = f"'{dotted(path[:depth])}' is a list; set it whole, as [a, b]"
            faults.append(Fault(dotted(path), message, place.file))
            return root
    try:
        node, found = parse(value, place)
    except ConfigError as error:
        faults.extend(error.faults)
        return root
    faults.extend(found)
    return root.put(path, node)
