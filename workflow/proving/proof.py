"""Decide rules for every possible case and history.

Facts, records and histories are too many to list. So the prover searches an abstraction of the workflow that follows
only some questions about facts and some record fields (`workflow.proving.abstraction`). Each answer is certain:

* If the abstraction has no history that breaks a rule, there is none.
* If it has one, Z3 looks for a case with this history (`workflow.proving.paths`). A case is a counterexample, and it is
  replayed on the `transitions` machine. If there is no case, Z3 names the questions and fields that show it; the
  precision grows by them, and the search starts again.

A rule is so decided on what it depends on, however many facts the workflow has.

References
----------
E. Clarke, O. Grumberg, S. Jha, Y. Lu, H. Veith (2003), "Counterexample-guided abstraction refinement for symbolic model
checking", Journal of the ACM 50 (5). https://doi.org/10.1145/876638.876643
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property

from workflow.deciding.machine import fact_names
from workflow.deciding.table import guards
from workflow.model.definition import Value, Workflow
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.proving.abstraction import Precision
from workflow.proving.atoms import Atoms
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.coverage import may_go_round, may_stay_open, why_vacuous
from workflow.proving.deadlines import Decided, decide_deadline
from workflow.proving.fact_space import plainest_case
from workflow.proving.histories import history_of
from workflow.proving.loops import LoopSearch
from workflow.proving.machine_check import ProofCheck, Walk, replay, replay_late
from workflow.proving.pace import is_fast_enough
from workflow.proving.paths import PathCheck
from workflow.proving.questions import Question
from workflow.proving.sampling import sample_cases
from workflow.proving.search import Refine, Search, Witness
from workflow.proving.verdict import Deadline, History, Verdict

MOST_NODES = 200_000


class _Inquiry:
    """The search for an answer to one question. It can be resumed after a limit was reached."""

    def __init__(self, workflow: Workflow, question: Question, paths: PathCheck) -> None:
        self.workflow, self.question, self.paths = workflow, question, paths
        self.atoms = Atoms(fact_names(workflow))
        self.lemmas: list[dict[int, bool]] = []
        # A missing value must be tested before use, so optional fields are followed from the start.
        self.precision = Precision(fields={name for name, field in workflow.record.items() if field.optional})
        self.search: Search | None = None

    def run(self, budget: Budget) -> Witness | None:
        """Return the path of a shortest history that answers the question; ``None`` if there is none."""
        while True:
            search = LoopSearch if self.question.goes_round else Search
            self.search = search(self.workflow, self.question, self.atoms, self.precision, self.paths, self.lemmas, budget)
            try:
                return self.search.run()
            except Refine as finer:
                self.precision = finer.precision


class Prover:
    """Decides rules of a workflow, and finds histories.

    Parameters
    ----------
    workflow : Workflow
    most_nodes : int
        Maximum number of nodes of one search; beyond it a rule is undecided.
    seconds : float
        Time limit for a rule, in seconds.
    bounds : Bounds, optional
        Bounds on time, besides those of the rules.

    Raises
    ------
    ProverMissing
        If Z3 is not installed.
    """

    def __init__(
        self, workflow: Workflow, most_nodes: int = MOST_NODES, seconds: float = 30.0, bounds: Bounds | None = None
    ) -> None:
        self.workflow, self.most_nodes, self.seconds = workflow, most_nodes, seconds
        self.bounds = bounds
        self.paths = PathCheck(workflow)
        self._unfinished: dict[int, tuple[Rule, _Inquiry]] = {}

    def find(self, question: Question, budget: Budget) -> Witness | None:
        """Return the path of a shortest history that answers the question; ``None`` if no case can have one.

        Raises
        ------
        LimitReached
        """
        return _Inquiry(self.workflow, question, self.paths).run(budget)

    def history(self, witness: Witness, budget: Budget) -> History:
        """Return the history of the plainest case that takes a path."""
        return history_of(self.workflow, witness, self.paths, budget)

    def decide(self, rule: Rule, seconds: float | None = None) -> Verdict:
        """Decide one rule, within `seconds` or the time limit of the prover.

        A rule that ran out of time can be decided again; the precision that was learned is kept.
        """
        if rule.per is not None:
            if rule.template == "at_least":
                verdict = self.decide(replace(rule, per=None), seconds)
                return replace(
                    verdict, rule=rule, vacuous=None, decision="monitored" if verdict.decision == "proved" else "undecided"
                )
            return self._paced(rule, self.decide(rule.without_time, seconds))
        start = time.perf_counter()
        budget = Budget(self.seconds if seconds is None else seconds, self.most_nodes)
        _, inquiry = self._unfinished.pop(id(rule), (rule, None))
        inquiry = inquiry or _Inquiry(self.workflow, Question.breaks(rule), self.paths)
        try:
            witness = inquiry.run(budget)
            history = None if witness is None else self._plainest_history(inquiry, witness, budget)
            if witness is None:
                history = self._forever(rule, budget)
        except LimitReached as reason:
            self._unfinished[id(rule)] = rule, inquiry
            return Verdict(rule, "undecided", time.perf_counter() - start, _size(inquiry), reason=str(reason))
        if history is not None:
            replay(self.workflow, rule, history)
            return Verdict(rule, "broken", time.perf_counter() - start, _size(inquiry), history=history)
        return self._proved(rule, inquiry, budget, start)

    def _paced(self, rule: Rule, verdict: Verdict) -> Verdict:
        """Return the verdict on a rule with ``per:``, given that on the rule without it."""
        verdict = replace(verdict, rule=rule)
        if verdict.history is None:
            return verdict
        bounds = rule.bounds if self.bounds is None else self.bounds.over(rule.bounds)
        try:
            breaks, deadline = is_fast_enough(self.workflow, rule, verdict.history, bounds)
        except LimitReached:
            breaks, deadline = False, Deadline()
        return verdict if breaks else replace(verdict, decision="monitored", history=None, deadline=deadline)

    def _plainest_history(self, inquiry: _Inquiry, witness: Witness, budget: Budget) -> History:
        """Return, of some shortest histories, the first that turns on the fewest facts."""
        assert inquiry.search is not None
        best = self.history(witness, budget)
        for other in inquiry.search.others() if best.turns_on else ():
            try:
                history = self.history(other, budget)
            except LimitReached:
                break
            if len(history.turns_on or ()) < len(best.turns_on or ()):
                best = history
        return best

    def _forever(self, rule: Rule, budget: Budget) -> History | None:
        """Return a history after which a case rests or goes round forever with an obligation open."""
        found = (self.find(question, budget) for question in Question.never_ends(rule, self.workflow))
        witness = next((one for one in found if one is not None), None)
        return None if witness is None else self.history(witness, budget)

    def _proved(self, rule: Rule, inquiry: _Inquiry, budget: Budget, start: float) -> Verdict:
        """Check a proof on the machine; return the verdict, with what else is to be known of the rule."""
        assert inquiry.search is not None
        walk = self._check(rule, inquiry.search, budget)
        vacuous: str | None = None
        outstanding, rounds = tuple[str, ...](), tuple[str, ...]()
        may_wait = rule.within is not None
        try:
            if not rule.is_live:
                outstanding, may_wait = may_stay_open(self, rule, budget)
                rounds = may_go_round(self, rule, budget)
            vacuous = why_vacuous(self, rule, walk, budget)
        except LimitReached:
            pass  # the rule is still proved
        if rule.within is not None and may_wait:
            return self._timed(rule, budget, start, Verdict(rule, "monitored", 0.0, _size(inquiry), vacuous, outstanding, rounds))
        return Verdict(rule, "proved", time.perf_counter() - start, _size(inquiry), vacuous, outstanding, rounds)

    def _timed(self, rule: Rule, budget: Budget, start: float, verdict: Verdict) -> Verdict:
        """Decide the time limit of a rule that holds without it, if there are bounds on time."""
        bounds = rule.bounds if self.bounds is None else self.bounds.over(rule.bounds)
        if bounds:
            try:
                found = decide_deadline(self.workflow, rule, bounds, self.paths, budget)
            except LimitReached as reason:
                found = Decided("undecided", Deadline(), reason=str(reason))
            if found.history is not None:
                replay_late(self.workflow, rule, found.history, bounds)
            verdict = replace(
                verdict,
                decision=found.decision,
                outstanding=verdict.outstanding if found.decision == "monitored" else (),
                history=found.history,
                reason=found.reason,
                deadline=found.deadline,
            )
        return replace(verdict, seconds=time.perf_counter() - start)

    def _check(self, rule: Rule, search: Search, budget: Budget) -> Walk:
        """Walk through the workflow on the machine, with cases that the guards and the rule tell apart."""
        cases = sample_cases(self.workflow, rule.conditions, self._plainest, 16) if rule.conditions else []
        return self._machine.check(rule, search, [*cases, *self._sample], budget)

    @cached_property
    def _machine(self) -> ProofCheck:
        return ProofCheck(self.workflow)

    @cached_property
    def _sample(self) -> list[tuple[Value, ...]]:
        return sample_cases(self.workflow, guards(self.workflow), self._plainest)

    @cached_property
    def _plainest(self) -> tuple[Value, ...]:
        return tuple(plainest_case(self.workflow, [], like=self.paths.facts).values())


def _size(inquiry: _Inquiry) -> int:
    return 0 if inquiry.search is None else len(inquiry.search.seen)
