"""The difference of one measure between two scenarios: a row of a comparison."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from simulations.comparing.paired import Paired
from simulations.measuring.descriptors import few_came_in


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of one measure between the base and another scenario.

    Attributes
    ----------
    paired : Paired or None
        ``None`` if there is nothing to compare, such as a date that some replications do not reach.
    certain : bool
        Whether the difference follows from the input, such as that of a salary; it is not tested.
    hypothesis : int or None
        Rows with the same number say the same, and are tested once; ``None`` if the row is not tested.
    p_corrected : float or None
        Holm-corrected over the hypotheses of this comparison.
    needed : int or None
        If the difference is not significant: about how many replications would show it.
    """

    against: str
    measure: str
    court: str
    at: dt.date | None
    unit: str
    paired: Paired | None
    certain: bool = False
    hypothesis: int | None = None
    p_corrected: float | None = None
    needed: int | None = None

    def __repr__(self) -> str:
        when, paired = "" if self.at is None else f", {self.at}", self.paired
        value = "no value" if paired is None else f"{paired.difference:+.6g} {self.unit}"
        ends = "" if paired is None or paired.low is None else f" ({paired.low:.6g} to {paired.high:.6g})"
        return f"<Difference of {self.measure}, {self.court}{when}, against {self.against}: {value}{ends}>"

    @property
    def few_came_in(self) -> bool:
        """Return whether it is of a clearance rate without a meaning; it is neither shown nor tested."""
        return self.paired is not None and few_came_in(self.measure, self.paired.base, self.paired.other)

    def is_significant(self, confidence: float) -> bool:
        """Return whether the difference is significant after the correction."""
        return self.p_corrected is not None and self.p_corrected < 1 - confidence

    @classmethod
    def of_json(cls, row: Mapping[str, Any]) -> Difference:
        """Return the difference that `json` wrote."""
        paired = None if row["n"] is None else Paired(**{f.name: row[f.name] for f in fields(Paired)})
        at = None if row["at"] is None else dt.date.fromisoformat(row["at"])
        names = ("against", "measure", "court", "unit", "certain", "hypothesis", "p_corrected")
        return cls(at=at, paired=paired, needed=row["replications_needed"], **{name: row[name] for name in names})

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        names = ("n", "base", "other", "difference", "low", "high", "p")
        more = ("correlation", "variance_reduction", "spread")
        return {
            "against": self.against,
            "measure": self.measure,
            "court": self.court,
            "at": None if self.at is None else self.at.isoformat(),
            "unit": self.unit,
            **{name: getattr(self.paired, name, None) for name in names},
            "certain": self.certain,
            "hypothesis": self.hypothesis,
            "p_corrected": self.p_corrected,
            **{name: getattr(self.paired, name, None) for name in more},
            "replications_needed": self.needed,
        }
