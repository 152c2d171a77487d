"""How functions of the kernel are compiled, and instructions that Python has no word for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.extending import intrinsic

from simulations.engines import codes
from simulations.log import row

# What the kernel is compiled from.
SOURCES = (*sorted(Path(__file__).parent.glob("*.py")), Path(codes.__file__), Path(row.__file__))

U64 = np.uint64
ONE = U64(1)


class _PartLibrary(JITCodeLibrary):
    """The code of a function that only functions of the kernel call.

    numba optimizes each function together with all that it calls, and translates it to machine code. The same code would go
    through this again with each function that calls it. This code goes through it once, with the whole kernel.
    """

    attributes: tuple[str, ...] = ("noinline",)

    def add_ir_module(self, module: Any) -> None:
        for function in module.functions:
            if function.blocks and "alwaysinline" not in function.attributes:
                for attribute in self.attributes:
                    function.attributes.add(attribute)
        super().add_ir_module(module)

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0  # there is none

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: an environment belongs to machine code."""


class _RarePartLibrary(_PartLibrary):
    """The code of a function that few models need: branches to it are kept out of the way of all others."""

    attributes = ("noinline", "cold")


class _Part(Compiler):
    """The compiler of a function that only functions of the kernel call."""

    library = _PartLibrary

    def compile_extra(self, function: Any) -> Any:
        self.state.library = self.library(self.state.targetctx.codegen(), function.__qualname__)
        return super().compile_extra(function)


class _RarePart(_Part):
    """The compiler of a function of the kernel that few models need."""

    library = _RarePartLibrary


def _part(function: Any, into_callers: bool, compiler: type[_Part] = _Part) -> Any:
    options = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled = njit(forceinline=into_callers, pipeline_class=compiler, **options)(function)
    template = compiled.get_call_template

    def for_any_value(arguments: Any, named: Any) -> Any:
        """Compile the function once, not once for each constant that it is called with."""
        return template(tuple(types.unliteral(kind) for kind in arguments), named)

    compiled.get_call_template = for_any_value
    return compiled


def inline(function: Any) -> Any:
    """Compile a function into its callers."""
    return _part(function, into_callers=True)


def apart(function: Any) -> Any:
    """Compile a function apart from its callers: for what many functions call."""
    return _part(function, into_callers=False)


def rare(function: Any) -> Any:
    """Compile a function apart from its callers, for what few models need: it costs the others as little as possible."""
    return _part(function, into_callers=False, compiler=_RarePart)


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
