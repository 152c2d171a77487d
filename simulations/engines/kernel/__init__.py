"""The compiled engine's inner loop: one numba kernel for every workflow and scenario.

The model is passed in structured arrays whose types do not depend on it (`simulations.engines.kernel_plan`), so the
kernel is compiled once. It draws random numbers itself, with the same bits as `simulations.chance.draws` and
`simulations.chance.inverse_tables`. It returns when a buffer is full; the next call continues from there.

The functions hand on references to these arrays (`simulations.engines.kernel.references`) and go through the compiler as one
program (`simulations.engines.kernel.compiling`): this takes a third of the time that it takes numba by itself.

All compiled code is in this folder. numba's cache compares all its files, and the two modules of constants that they
import (`simulations.engines.kernel.compiling`).
"""
