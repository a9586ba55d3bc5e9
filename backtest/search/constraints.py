"""Constraints between settings, written as comparisons of dotted keys."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backtest.config import RunConfig
from backtest.config.change import changed
from backtest.errors import ConfigError, Fault
from backtest.search.space import Values, setting_at

Look = Callable[[str], Any]  # a setting's value by dotted key: of whatever type it has
_Number = Callable[[Any, Any], Any]

_COMPARES: dict[type[ast.cmpop], _Number] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_SUMS: dict[type[ast.operator], _Number] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def parse_constraints(texts: Sequence[str], where: str = "sweep.where") -> list[ast.expr]:
    """The constraints, checked to be nothing but comparisons of settings and numbers.

    Raises
    ------
    ConfigError
        For every text that is something else.
    """
    faults: list[Fault] = []
    parsed: list[ast.expr] = []
    for number, text in enumerate(texts):
        try:
            body = ast.parse(text.strip(), mode="eval").body
            _check(body)
            parsed.append(body)
        except (SyntaxError, ValueError) as problem:
            said = "is no expression" if isinstance(problem, SyntaxError) else str(problem)
            faults.append(
                Fault(
                    f"{where}[{number}]",
                    f"'{text}' {said}; write comparisons such as "
                    "'strategy.params.hold >= strategy.params.window'",
                )
            )
    if faults:
        raise ConfigError("sweep", faults)
    return parsed


def keys_in(expression: ast.expr) -> list[str]:
    """Dotted keys that a constraint names, in the order of the text."""
    if isinstance(expression, ast.Name | ast.Attribute):
        return [_dotted(expression)]
    children = (child for child in ast.iter_child_nodes(expression) if isinstance(child, ast.expr))
    return [key for child in children for key in keys_in(child)]


def holds(expression: ast.expr, values: Mapping[str, Any], otherwise: Look) -> bool:
    """Whether a constraint holds; a comparison with null, or of unlike things, never does.

    Parameters
    ----------
    values
        What the trial sets, by dotted key.
    otherwise
        The value of a key that the trial does not set.
    """

    def look(key: str) -> Any:
        return values[key] if key in values else otherwise(key)

    try:
        return bool(_value(expression, look))
    except (TypeError, ZeroDivisionError):
        return False


class Constraints:
    """The constraints of a sweep over its config: settings count as a run would read them."""

    def __init__(self, config: RunConfig, texts: Sequence[str]) -> None:
        self._config = config
        self._parsed = parse_constraints(texts)
        self._base = config.resolved() if self._parsed else {}
        self._read: dict[tuple[str, str, str], Any] = {}

    def hold(self, values: Values) -> bool:
        """Whether a trial that sets ``values`` breaks none of them."""
        if not self._parsed:
            return True

        def look(key: str) -> Any:
            setter = next((k for k in values if key == k or key.startswith(f"{k}.")), None)
            if setter is None:
                return setting_at(self._base, key)
            value = values[setter]
            return self._as_read(setter, value, key) if isinstance(value, str) else value

        return all(holds(constraint, {}, look) for constraint in self._parsed)

    def _as_read(self, setter: str, text: str, key: str) -> Any:
        """What the config has at ``key`` where ``setter`` says ``text``: '10%' is 0.1."""
        known = (setter, text, key)
        if known not in self._read:
            try:
                tree = changed(self._config, {setter: text}).resolved()
                self._read[known] = setting_at(tree, key)
            except ConfigError:
                self._read[known] = text  # the trial itself will say what is wrong with it
        return self._read[known]


def _check(node: ast.expr) -> None:
    if isinstance(node, ast.Constant):
        if not isinstance(node.value, bool | int | float | str | None):
            raise ValueError(f"has {node.value!r}")
    elif isinstance(node, ast.Attribute | ast.Name):
        _dotted(node)
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            _check(part)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        _check(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _SUMS:
        _check(node.left)
        _check(node.right)
    elif isinstance(node, ast.Compare) and all(type(op) in _COMPARES for op in node.ops):
        for part in (node.left, *node.comparators):
            _check(part)
    else:
        raise ValueError(f"has '{ast.unparse(node)}', which is not allowed here")


def _value(node: ast.expr, look: Look) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Attribute | ast.Name):
        return look(_dotted(node))
    if isinstance(node, ast.BoolOp):
        parts = (bool(_value(part, look)) for part in node.values)
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, look)
        return not inner if isinstance(node.op, ast.Not) else -inner
    if isinstance(node, ast.BinOp):
        return _SUMS[type(node.op)](_value(node.left, look), _value(node.right, look))
    if isinstance(node, ast.Compare):
        left = _value(node.left, look)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = _value(right_node, look)
            if not _COMPARES[type(op)](left, right):
                return False
            left = right
        return True
    raise AssertionError(ast.dump(node))  # `_check` lets nothing else pass


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise ValueError(f"has '{ast.unparse(node)}', which is no setting")
