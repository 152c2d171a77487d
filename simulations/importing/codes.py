"""What the codes of the immigration courts mean, as names of the event log.

The same code means different things by the type of case and by the type of decision: ``T`` is *terminated* as a decision, and
*transfer* as an administrative completion. Decisions are therefore decoded through the release's own lookup table.
"""

from __future__ import annotations

import re
from typing import NamedTuple

CASE_TYPES = {
    "RMV": "removal", "DEP": "deportation", "EXC": "exclusion", "AOC": "asylum_only", "WHO": "withholding_only",
    "CFR": "credible_fear_review", "RFR": "reasonable_fear_review", "CSR": "claimed_status_review",
    "CDR": "continued_detention_review", "REC": "rescission", "NAC": "nacara", "DCC": "departure_control",
    "DDC": "decision_appeal", "BND": "bond",
}  # fmt: skip

CUSTODY = {"N": "never_detained", "D": "detained", "R": "released"}
ASYLUM_TYPES = {"E": "defensive", "I": "affirmative", "J": "juvenile"}
APPLICATIONS = {
    "ASYL": "asylum", "ASYW": "asylum_withholding", "WCAT": "convention_against_torture", "42A": "cancellation_resident",
    "42B": "cancellation_nonresident", "245": "adjustment", "VD": "voluntary_departure", "212C": "waiver_212c", "I881": "nacara",
    "SUSP": "suspension_of_deportation",
}  # fmt: skip

APPLICATION_OUTCOMES = {
    "F": "granted", "G": "granted", "L": "granted", "C": "granted_conditionally", "D": "denied", "A": "abandoned", "W": "withdrawn",
    "S": "administratively_closed", "T": "transferred", "R": "reserved", "O": "not_adjudicated", "M": "not_adjudicated",
}  # fmt: skip
"""What became of an application. Since May 2019 *not adjudicated* stands where *other* stood before."""

CRIMINAL_CHARGES = ("237a02", "212a02")
SECURITY_CHARGES = ("237a04", "212a03")
"""How charges of crimes, and of a threat to security, begin."""

CLOSED = ("A", "B", "M", "Y")
"""Administrative completions after which a case rests: a later proceeding is its recalendaring."""

MOVED = {"C": "change_venue", "T": "transfer"}
"""Administrative completions that move a case to another court."""

COMPLETIONS = {
    "A": "close_administratively", "B": "close_administratively", "C": "change_venue", "F": "fail_to_prosecute",
    "H": "complete_for_haitian_relief", "I": "terminate_by_discretion", "J": "send_to_appeals_board", "M": "close_by_discretion",
    "O": "complete_otherwise", "P": "grant_protected_status", "T": "transfer", "Y": "close_by_discretion",
}  # fmt: skip
"""Transitions of administrative completions (OTHER_COMP). Their codes mean the same for all types of cases."""

DECISIONS = {
    "remove": "order_removal", "removed": "order_removal", "deport": "order_deportation", "deported": "order_deportation",
    "exclude": "order_exclusion", "excluded": "order_exclusion", "relief granted": "grant_relief", "terminated": "terminate",
    "terminate": "terminate", "dismissed by ij": "dismiss", "voluntary departure": "depart_voluntarily", "withdrawn": "withdraw",
    "other": "decide_otherwise", "admitted": "admit", "affirm dhs decision": "affirm_agency", "vacate dhs decision": "vacate_agency",
}  # fmt: skip
"""Transitions of decisions, by their description in the lookup table; others get a name made of their description."""

KINDS = {"M": "master_hearing", "I": "individual_hearing", "C": "custody_hearing"}
"""Transitions of rows of the schedule, by CAL_TYPE; others are `OTHER_HEARING`."""

OTHER_HEARING = "other_hearing"

REASONED = {"PD": "prosecutorial_discretion_review", "24": "background_check"}
"""Transitions of rows of the schedule, by the reason of adjournment, whatever the hearing."""

NOT_HELD = ("8A", "9A", "9B", "9C", "55", "5A", "1A", "1B", "99")
"""Reasons of adjournment of hearings that did not take place: completed before, postponed, advanced, or a wrong row."""

VACATED = "vacate_hearing"

NOT_WORK = "*"
"""CAL_TYPE of rows of the schedule that are no hearings, such as leave."""

RETURNS = {
    "recalendar": "a later proceeding of an administratively closed case",
    "reopen": "a later proceeding of a decided case",
}
"""Transitions that begin a later proceeding."""

EVENTS = {
    "transfer": "transfer_order", "change_venue": "venue_motion", "recalendar": "recalendar_motion", "reopen": "reopen_motion",
    "withdraw": "withdrawal",
}  # fmt: skip
"""Transitions that come from outside, and are not what the work of a judge leads to, with the event that triggers each."""

UNDECODED = "decide_unknown"
"""A decision whose code the lookup table does not have for the type of case."""


class Spelling(NamedTuple):
    """How a transition stands in a release: the table, and the values of the columns that tell it."""

    place: str
    values: dict[str, str]


SPELLINGS = {
    "master_hearing": Spelling("hearing", {"CAL_TYPE": "M", "SCHEDULE_TYPE": "MR", "ADJ_RSN": "12"}),
    "individual_hearing": Spelling("hearing", {"CAL_TYPE": "I", "SCHEDULE_TYPE": "IR", "ADJ_RSN": "8B"}),
    "custody_hearing": Spelling("hearing", {"CAL_TYPE": "C", "SCHEDULE_TYPE": "CY", "ADJ_RSN": "8B"}),
    "other_hearing": Spelling("hearing", {"CAL_TYPE": "S", "SCHEDULE_TYPE": "SC", "ADJ_RSN": "13"}),
    "prosecutorial_discretion_review": Spelling("hearing", {"CAL_TYPE": "M", "SCHEDULE_TYPE": "MR", "ADJ_RSN": "PD"}),
    "background_check": Spelling("hearing", {"CAL_TYPE": "I", "SCHEDULE_TYPE": "IR", "ADJ_RSN": "24"}),
    "vacate_hearing": Spelling("hearing", {"CAL_TYPE": "M", "SCHEDULE_TYPE": "MR", "ADJ_RSN": "9A"}),
    "order_removal": Spelling("decision", {"DEC_CODE": "X"}),
    "grant_relief": Spelling("decision", {"DEC_CODE": "R"}),
    "terminate": Spelling("decision", {"DEC_CODE": "T"}),
    "dismiss": Spelling("decision", {"DEC_CODE": "U"}),
    "depart_voluntarily": Spelling("decision", {"DEC_CODE": "V"}),
    "withdraw": Spelling("decision", {"DEC_CODE": "W"}),
    "decide_otherwise": Spelling("decision", {"DEC_CODE": "O"}),
    **{name: Spelling("completion", {"OTHER_COMP": code}) for code, name in reversed(COMPLETIONS.items()) if name not in MOVED.values()},
    **{name: Spelling("move", {"OTHER_COMP": code}) for code, name in MOVED.items()},
    **{name: Spelling("return", {}) for name in RETURNS},
}  # fmt: skip
"""How each transition is written into a release; the reverse of what the import reads, for removal cases."""


def name_of(description: str) -> str:
    """Return the transition of a decision with this description.

    Examples
    --------
    >>> name_of("Relief Granted"), name_of("Grant CAT / Deferral")
    ('grant_relief', 'grant_cat_deferral')
    """
    words = " ".join(description.lower().split())
    slug = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    return DECISIONS.get(words) or (slug if slug[:1].isalpha() else f"decision_{slug}".rstrip("_")) or UNDECODED
