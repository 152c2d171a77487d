"""One module of a library is imported without the rest, and whoever asks for the rest gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workflow.imports import bare_package, special_functions

ROOT = Path(__file__).parents[2]
FUNCTIONS = """
import sys
from workflow.imports import special_functions
alone = special_functions().gammaincinv(2.5, 0.3)
assert "numpy.f2py" not in sys.modules and "scipy.special" not in sys.modules
import scipy.special
assert special_functions() is scipy.special
assert alone == scipy.special.gammaincinv(2.5, 0.3)
"""
HOLIDAYS = """
import sys
from datetime import date
from workflow.model.working_days import HolidayRules
assert HolidayRules("US").dates(date(2011, 12, 26), date(2011, 12, 31)) == {date(2011, 12, 26): "Christmas Day (observed)"}
imported = [name for name in sys.modules if name.startswith("holidays.countries")]
assert imported == ["holidays.countries.united_states"], imported
import holidays, holidays.countries
assert holidays.countries.FR is type(holidays.country_holidays("FR"))
assert holidays.countries.US is type(holidays.country_holidays("US"))
"""


@pytest.mark.parametrize("program", [FUNCTIONS, HOLIDAYS], ids=["functions", "holidays"])
def test_the_rest_of_a_package_is_imported_when_somebody_asks_for_it(program: str) -> None:
    """The values are the same, and so are the classes."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_package_that_has_been_imported_stays_as_it_is() -> None:
    """So does one that does not exist, and one that is a single file."""
    import scipy.special

    with bare_package("scipy.special"):
        assert sys.modules["scipy.special"] is scipy.special
    for name in ("scipy.nothing", "json.decoder"):
        with bare_package(name):
            pass
    assert special_functions() is scipy.special
