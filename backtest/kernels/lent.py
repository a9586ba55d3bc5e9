"""Named tuples of arrays, lent to compiled functions by address.

Numba hands a tuple over by value: every array of it by its seven or eight parts, at each call, and
each function is analysed and optimised with all of them among its arguments. A `World` with a
`Book` are more than five hundred words. Lent, a tuple is one pointer to where the caller keeps it,
and a function pays for the fields that it reads.

Only for tuples that live as long as the outermost call, which is what `lend` is for; the arrays are
those of the tuple, the tuple itself cannot be changed.
"""

from __future__ import annotations

from typing import Any, TypeVar

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_builtin,
    lower_getattr_generic,
    models,
    register_model,
    type_callable,
)

T = TypeVar("T")


def lend(fields: T) -> T:
    """The same named tuple, to call compiled functions with; in plain Python nothing happens."""
    return fields


class Lent(types.Type):
    """A named tuple by its address."""

    def __init__(self, fields: Any) -> None:
        self.fields = fields
        super().__init__(name=f"Lent({fields.name})")


@register_model(Lent)
class LentModel(models.PrimitiveModel):
    """One pointer."""

    def __init__(self, manager: Any, lent: Lent) -> None:
        super().__init__(manager, lent, ir.PointerType(manager[lent.fields].get_value_type()))


def is_named(kind: Any) -> bool:
    """Whether a type of numba's is a named tuple's."""
    return isinstance(kind, types.NamedTuple | types.NamedUniTuple)


@type_callable(lend)
def type_lend(_context: Any) -> Any:
    """Type of a call of `lend`, for numba."""
    return lambda fields: Lent(fields) if is_named(fields) else None


@lower_builtin(lend, types.BaseTuple)
def compile_lend(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
    """Keep the tuple on the stack of the caller."""
    return cgutils.alloca_once_value(builder, arguments[0])


@infer_getattr
class FieldOfLent(AttributeTemplate):
    """Types of the fields of what is lent; a named tuple in it is lent as well."""

    key = Lent

    def generic_resolve(self, lent: Lent, name: str) -> Any:
        """Type of the field ``name``, None where there is none."""
        if name not in lent.fields.fields:
            return None
        member = lent.fields[lent.fields.fields.index(name)]
        return Lent(member) if is_named(member) else member


@lower_getattr_generic(Lent)
def compile_field(_context: Any, builder: Any, lent: Lent, address: Any, name: str) -> Any:
    """Read one field, or say where it stands if it is a named tuple."""
    index = lent.fields.fields.index(name)
    field = cgutils.gep_inbounds(builder, address, 0, index)
    return field if is_named(lent.fields[index]) else builder.load(field)
