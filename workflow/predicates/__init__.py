"""The language of guards, definitions and rule conditions.

A condition such as ``custody == "detained" and felony_convictions > 0`` is a checked subset of Python expressions.
`parse` turns a text into a tree (`workflow.predicates.tree`), or reports its mistakes; Python never runs the text.
The tree has three readings, which agree on every case:

========== ============================== ==================================================================
reading    module                         result
========== ============================== ==================================================================
scalar     `workflow.predicates.scalar`   a compiled Python function of one case
vector     `workflow.predicates.vector`   numpy arrays over columns of cases
symbolic   `workflow.predicates.symbolic` a Z3 term; it requires the extra ``prove``, so import it by module
========== ============================== ==================================================================

They agree because only optional fields may be missing, and may be used only after ``is not None``, so no third truth
value arises; because numbers with decimals are compared but never added; because whole numbers stay within 64 bits;
and because `parse` checks the values of enumerations.

Operators are declared in `workflow.predicates.operators`, functions in `workflow.predicates.functions`.
"""

from workflow.predicates.mistakes import Mistake, PredicateError
from workflow.predicates.parsing import parse, parse_definitions
from workflow.predicates.parts import fact_parts, made_of, names, substitute
from workflow.predicates.scalar import scalar
from workflow.predicates.tree import Expression, Field, Kind, Namespace
from workflow.predicates.vector import vector
from workflow.predicates.writing import unparse

__all__ = [
    "Expression",
    "Field",
    "Kind",
    "Mistake",
    "Namespace",
    "PredicateError",
    "fact_parts",
    "made_of",
    "names",
    "parse",
    "parse_definitions",
    "scalar",
    "substitute",
    "unparse",
    "vector",
]
