"""References to the model and the world, which the functions of the kernel take in place of their hundreds of parts.

numba hands a named tuple over part by part, seven for each array. In each function and at each call, these would be more than all
other code. A reference is one address. What stands there never changes, and each load says so: no store keeps the compiler from
reusing what it has loaded.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model


class Reference(types.Type):
    """The type of a reference to a named tuple.

    Parameters
    ----------
    group : numba.types.NamedTuple
    """

    def __init__(self, group: Any) -> None:
        self.group = group
        digest = sha256(str(group).encode()).hexdigest()[:16]
        super().__init__(name=f"Reference({group.instance_class.__name__},{digest})")


@register_model(Reference)
class _ReferenceModel(models.PrimitiveModel):
    def __init__(self, manager: Any, reference: Reference) -> None:
        super().__init__(manager, reference, manager[reference.group].get_data_type().as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Reference, name: str) -> Any:
        return dict(zip(reference.group.fields, reference.group.types, strict=True)).get(name)


@lower_getattr_generic(Reference)
def _load_field(context: Any, builder: Any, reference: Reference, address: Any, name: str) -> Any:
    k = reference.group.fields.index(name)
    data = _load(builder, cgutils.gep_inbounds(builder, address, 0, k))
    return context.data_model_manager[reference.group.types[k]].from_data(builder, data)


def _load(builder: Any, address: Any) -> Any:
    """Load a value part by part, since LLVM forgets that the load of a whole structure is of what never changes."""
    kind = address.type.pointee
    if not isinstance(kind, ir.Aggregate):
        value = builder.load(address)
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
        return value
    value = ir.Constant(kind, ir.Undefined)
    for k in range(len(kind)):
        value = builder.insert_value(value, _load(builder, cgutils.gep_inbounds(builder, address, 0, k)), k)
    return value


@intrinsic
def refer(_context: Any, group: Any) -> Any:
    """Return a reference to a named tuple. It is valid until the function returns that calls this one."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = cgutils.alloca_once(builder, context.get_data_type(group))
        builder.store(context.data_model_manager[group].as_data(builder, arguments[0]), place)
        return place

    return Reference(group)(group), generate
