"""How functions of the kernel are compiled, and instructions that Python has no word for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from simulations.engines import codes
from simulations.log import row

# What the kernel is compiled from.
SOURCES = (*sorted(Path(__file__).parent.glob("*.py")), Path(codes.__file__), Path(row.__file__))

U64 = np.uint64
ONE = U64(1)


# Compile a function into its callers.
inline = njit(forceinline=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)

# Compile a function for what few models have, such as teams, apart from the loop, which stays small.
apart = njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def cached(function):
    """Compile a function and cache its machine code, unless no folder can be written to.

    numba drops a cached function when its own file changes. The content of all files that the kernel is compiled from is
    added to what it compares.
    """
    try:
        compiled = njit(cache=True, nogil=True, _nrt=False)(function)
    except RuntimeError:  # neither beside this file nor in the user's cache folder
        return njit(nogil=True, _nrt=False)(function)
    if hasattr(compiled, "_cache"):
        file = compiled._cache._cache_file
        file._source_stamp = (file._source_stamp, *(path.read_bytes() for path in SOURCES))
    return compiled


@intrinsic
def bits_of(_context: Any, number: Any) -> Any:
    """Return the bits of a double as an integer."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def index(_context: Any, number: Any) -> Any:
    """Return an index and promise that it is not negative, so that no code is compiled for counting from the end."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.assume(builder.icmp_signed(">=", arguments[0], ir.Constant(arguments[0].type, 0)))
        return arguments[0]

    return number(number), generate


@intrinsic
def prefetch(_context, array, i):
    """Prefetch a row of an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = context.make_array(signature.args[0])(context, builder, arguments[0])
        begin = builder.ptrtoint(rows.data, ir.IntType(64))
        address = builder.add(begin, builder.mul(arguments[1], builder.extract_value(rows.strides, 0)))
        pointer = builder.inttoptr(address, ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(prefetch, [pointer, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate
