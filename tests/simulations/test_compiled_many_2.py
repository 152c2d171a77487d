"""Ten thousand random scenarios on both engines: the second half; a file for each of two workers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulations.both_engines import SOME, compare_drawn

pytest.importorskip("numba")


@pytest.mark.slow
@pytest.mark.parametrize("part", [2, 3])
@settings(SOME, max_examples=2500)
@given(data=st.data())
def test_both_engines_give_the_same_log_on_very_many(part: int, data: st.DataObject) -> None:
    """Ten thousand in four parts, two of them here."""
    compare_drawn(data, part)
