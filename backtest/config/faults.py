"""pydantic's errors as faults: where, what was found, what is expected, the nearest name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from backtest.config.document import Document, Key, KeyPath, Node, dotted, nearest
from backtest.errors import Fault

Detail = Mapping[str, Any]
"""One of pydantic's errors: type, loc, msg, input, ctx; its values are of any type."""

_LONGEST = 60  # characters of a found value that are shown

# What is expected, by pydantic's error type; {x} are pydantic's own bounds.
_EXPECTED = {
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "date_type": "must be a date such as 2020-01-31",
    "date_parsing": "must be a date such as 2020-01-31",
    "date_from_datetime_parsing": "must be a date such as 2020-01-31",
    "date_from_datetime_inexact": "must be a date such as 2020-01-31",
    "datetime_type": "must be a time such as 2020-01-31T08:00:00Z",
    "datetime_parsing": "must be a time such as 2020-01-31T08:00:00Z",
    "datetime_from_date_parsing": "must be a time such as 2020-01-31T08:00:00Z",
    "model_type": "must be a map of settings",
    "model_attributes_type": "must be a map of settings",
    "dict_type": "must be a map",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
}


def model_faults(
    error: ValidationError, model: type[BaseModel], document: Document, prefix: KeyPath = ()
) -> list[Fault]:
    """The faults of ``model`` at ``prefix`` of the document, one per place, in pydantic's order."""
    by_path: dict[KeyPath, list[Detail]] = {}
    for item in error.errors(include_url=False):
        by_path.setdefault(_path_of(item, document, prefix), []).append(item)
    paths = [path for path in by_path if not _is_covered(path, by_path, document)]
    return [_fault(path, by_path[path], model, document, prefix) for path in paths]


def bool_faults(model: type[BaseModel], document: Document, prefix: KeyPath = ()) -> list[Fault]:
    """Faults for true and false where a number is meant: pydantic would take them as 1 and 0."""
    return [
        document.fault(path, f"must not be true or false, got {found(value)}")
        for path, value in _bools([model], document.root.at(prefix), prefix)
    ]


def known_keys(model: type[BaseModel], path: Sequence[Key]) -> list[str]:
    """Names that may stand at ``path`` below ``model``."""
    return sorted({name for owner in _models_at(model, path) for name in owner.model_fields})


def describe(model: type[BaseModel], path: Sequence[Key]) -> str:
    """The description of the field at ``path``, empty when it has none."""
    if not path:
        return ""  # the rule is of the model as a whole
    for owner in _models_at(model, path[:-1]):
        field = owner.model_fields.get(str(path[-1]))
        if field is not None and field.description:
            return field.description
    return ""


def found(value: object) -> str:
    """A value as it would be written in YAML, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = value.isoformat() if isinstance(value, date) else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def models_in(annotation: object) -> list[type[BaseModel]]:
    """The models that an annotation names, unions and ``Annotated`` opened."""
    return [
        option
        for option in _options(annotation)
        if isinstance(option, type) and issubclass(option, BaseModel)
    ]


def _path_of(item: Detail, document: Document, prefix: KeyPath) -> KeyPath:
    """The error's location without the names pydantic gives to the branches of a union."""
    path, node = list(prefix), document.root.at(prefix)
    location = item["loc"]
    for number, key in enumerate(location):
        child = node.child(key) if node is not None else None
        last = number == len(location) - 1
        if child is not None or (last and item["type"] == "missing"):
            path.append(key)
            node = child
    return tuple(path)


def _is_covered(
    path: KeyPath, by_path: Mapping[KeyPath, Sequence[Detail]], document: Document
) -> bool:
    """Whether a fault inside a map or list says more than one of the map or list itself."""
    node = document.root.at(path)
    if node is None or not isinstance(node.value, dict | list):
        return False
    wrong_shape = all(item["type"].endswith("_type") for item in by_path[path])
    return wrong_shape and any(
        len(other) > len(path) and other[: len(path)] == path for other in by_path
    )


def _fault(
    path: KeyPath,
    items: Sequence[Detail],
    model: type[BaseModel],
    document: Document,
    prefix: KeyPath,
) -> Fault:
    below = path[len(prefix) :]
    kinds = {item["type"] for item in items}
    if kinds == {"missing"}:
        text = describe(model, below)
        return document.fault(path, f"is required: {text}" if text else "is required")
    if "extra_forbidden" in kinds:
        return document.fault(path, _unknown(model, below, prefix), at_key=True)
    if "[key]" in items[0]["loc"]:
        known = _choices(items[0])
        return document.fault(path, f"unknown{_hint(str(path[-1]), known)}", at_key=True)
    node = document.root.at(path)
    value = node.plain() if node is not None else items[0]["input"]
    messages = dict.fromkeys(_expected(item, describe(model, below)) for item in items)
    message = messages.popitem()[0] if len(messages) == 1 else " or ".join(messages)
    message = message.replace(" or must be ", " or ")
    if isinstance(value, dict) and kinds <= {"value_error", "assertion_error"}:
        # A model's own rule: placed at the field that it names first, if that was written.
        inside = (*path, message.split(" ")[0])
        return document.fault(inside if document.root.at(inside) else path, message)
    got = "" if ", got " in message else f", got {found(value)}"
    return document.fault(path, f"{message}{got}{_advice(items, value)}")


def _expected(item: Detail, description: str) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind in _EXPECTED:
        bounds = {
            key: f"{value:.12g}" if isinstance(value, float) else value
            for key, value in context.items()
        }
        return _EXPECTED[kind].format(**bounds)
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}" + (f" ({description})" if description else "")
    message = str(item["msg"])
    for opening in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(opening)
    return message.replace("Input should be", "must be").replace("expected ", "must be ", 1)


def _advice(items: Sequence[Detail], value: object) -> str:
    """What would mend it, where that can be guessed."""
    if any(item["type"] == "string_type" for item in items) and not isinstance(value, dict | list):
        return "" if value is None else "; put it in quotes"
    for item in items:
        if item["type"] == "literal_error" and isinstance(value, str):
            return nearest(value, _choices(item))
    return ""


def _choices(item: Detail) -> list[str]:
    """The names that a literal allows, from pydantic's ``'a', 'b' or 'c'``."""
    return str(item.get("ctx", {}).get("expected", "")).split("'")[1::2]


def _hint(name: str, known: Sequence[str]) -> str:
    """The nearest known name, else all of them."""
    return nearest(name, known) or (f"; known here: {', '.join(known)}" if known else "")


def _unknown(model: type[BaseModel], below: KeyPath, prefix: KeyPath) -> str:
    """Why a key is unknown here: misspelt, or at home in another section."""
    name, known = str(below[-1]), known_keys(model, below[:-1])
    if len(below) == 1 and not prefix:
        known = sorted([*known, "extends"])
    hint = nearest(name, known)
    if hint:
        return f"unknown{hint}"
    homes = [dotted((*prefix, *path)) for path in _paths_named(model, name)]
    if homes:
        return f"unknown here; did you mean '{homes[0]}'?"
    return f"unknown{_hint(name, known) or '; nothing can be set here'}"


def _paths_named(model: type[BaseModel], name: str, path: KeyPath = ()) -> list[KeyPath]:
    """Every path below ``model`` whose last key is ``name``."""
    paths: list[KeyPath] = []
    for field, info in model.model_fields.items():
        if field == name:
            paths.append((*path, field))
        for child in models_in(info.annotation):
            paths += _paths_named(child, name, (*path, field))
    return paths


def _models_at(model: type[BaseModel], path: Sequence[Key]) -> list[type[BaseModel]]:
    """The models that may stand at ``path`` below ``model``."""
    annotations: list[object] = [model]
    for key in path:
        annotations = _below(annotations, key)
    return [owner for annotation in annotations for owner in models_in(annotation)]


def _below(annotations: Sequence[object], key: Key) -> list[object]:
    """What may stand at ``key`` of a value that one of ``annotations`` describes."""
    found_below: list[object] = []
    for option in (option for annotation in annotations for option in _options(annotation)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            field = option.model_fields.get(str(key))
            found_below += [field.annotation] if field is not None else []
        elif get_origin(option) is dict:
            found_below.append(get_args(option)[1])
        elif get_origin(option) in (list, tuple, set, frozenset):
            found_below.append(get_args(option)[0])
    return found_below


def _options(annotation: object) -> list[object]:
    """The branches of a union, ``Annotated`` opened."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _options(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [option for part in get_args(annotation) for option in _options(part)]
    return [annotation]


def _bools(
    annotations: Sequence[object], node: Node | None, path: KeyPath
) -> list[tuple[KeyPath, bool]]:
    """Every true and false below ``node`` that none of ``annotations`` allows."""
    if node is None or not annotations:
        return []
    if isinstance(node.value, bool):
        options = [option for annotation in annotations for option in _options(annotation)]
        allowed = any(option in (bool, object, Any) for option in options)
        return [] if allowed else [(path, node.value)]
    children: list[tuple[Key, Node]] = []
    if isinstance(node.value, dict):
        children = list(node.value.items())
    elif isinstance(node.value, list):
        children = list(enumerate(node.value))
    return [
        wrong
        for key, child in children
        for wrong in _bools(_below(annotations, key), child, (*path, key))
    ]
