"""The language of guards, definitions and rule conditions: one text, several readings that must agree.

A condition such as ``custody == "detained" and felony_convictions > 0`` is a checked subset of Python
expressions. `parse` turns its text into a tree (`workflow.predicates.tree`) or says what is wrong with
it and where; the text itself is never run. Whatever reads the tree gives the same answer for the same case:

========== ============================ ==========================================================
reading    module                       result
========== ============================ ==========================================================
scalar     `workflow.predicates.scalar` a compiled Python function of one case
vector     `workflow.predicates.vector` numpy arrays over columns of millions of cases
symbolic   its place is ``symbolic.py`` a Z3 term: needs the extra ``prove``, so not imported here
========== ============================ ==========================================================

What makes them agree: a value is missing only if its field is declared optional, and then usable only
after ``is not None``, so no third truth value arises; numbers with decimals are compared, never added;
whole numbers cannot outgrow 64 bits; values of an enumeration are checked when the text is read.
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
