"""`Knowledge`: everything a tracker knows, and how it learns; no locks, no clock, no store."""

from __future__ import annotations

from dataclasses import replace
from itertools import starmap
from typing import TYPE_CHECKING

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.performance.evidence import Evidence, latency_mean_s
from langchain_scaffolding.performance.feedback import Counted, Feedback, FeedbackBook, keep
from langchain_scaffolding.performance.rows import PairStats
from langchain_scaffolding.performance.sources import Sources
from langchain_scaffolding.performance.usual import SLOW_FACTOR, WELL_KNOWN, Success, learn_usual

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.performance.events import Told
    from langchain_scaffolding.performance.means import Forgetting
    from langchain_scaffolding.performance.sources import Pair, Source
    from langchain_scaffolding.performance.usual import Pending


class Knowledge:
    """The evidence of every pair, which decision belongs to which pair, and the numbers that are asked for often.

    Args:
        forgetting: How fast evidence fades.
        idle_s: Seconds without a measured call after which a model's next one is a cold start.
        book: What is remembered of decisions and feedback.
    """

    def __init__(self, forgetting: Forgetting, idle_s: float, book: FeedbackBook) -> None:
        self.forgetting = forgetting
        self.idle_s = idle_s
        self.book = book
        self.sources = Sources()
        self.ready: dict[Pair, PairStats] = {}
        self._last_use: dict[str, float] = {}
        # What is still to be learned, usual outcomes of well-known pairs; nothing if none may wait.
        self.pending: list[Pending] = []
        self.may_wait = True
        # pairs that have settled and nobody was told of
        self.untold: set[Pair] = set()

    # ---------------------------------------------------------------- what this recorder sees

    def learn(self, outcome: Outcome, at: float) -> bool:
        """Learn from an attempt, after all that is pending of its model; return whether it counted as a cold start."""
        pair = (outcome.task, outcome.model)
        # an error is learned alike before and after what other tasks know of its model
        if self.pending and (self.awaits(pair) if outcome.error is not None else self._awaits_model(pair[1])):
            self.settle()
        return self._learn(pair, outcome, at)

    def awaits(self, pair: Pair) -> bool:
        """Whether something is pending of a pair."""
        return self.mean_s(pair) is not None and pair in [one[0] for one in self.pending[:]]

    def _awaits_model(self, model: str) -> bool:
        return model in [one[0][1] for one in self.pending[:]]

    def is_usual(self, evidence: Evidence, total_s: float, at: float) -> bool:
        """Whether a success of a well-known pair took about the usual time, of a model that was surely in memory."""
        mean, last = evidence.mean_s, self._last_use.get(evidence.pair[1])
        if evidence.calls < WELL_KNOWN or mean is None or last is None or not self.may_wait:
            return False
        return 0 <= total_s < SLOW_FACTOR * mean and at - total_s < last + self.idle_s

    def _learn(self, pair: Pair, outcome: Outcome | Success, at: float) -> bool:
        sources = self.sources
        cold = outcome.measured and outcome.error is None and self._is_cold(pair[1], outcome.total_s, at)
        evidence = self._evidence(sources.own, pair, at)
        pair, block, mean_s, total_s = evidence.pair, evidence.block, evidence.mean_s, outcome.total_s
        evidence.learn(outcome, at, self.forgetting, cold=cold, mean_s=mean_s)
        sources.own.sequence += 1
        if outcome.error is None:
            self._answered(outcome.decision_id, pair, sources.own, sources.own_id)
        elif evidence.block == block and (mean_s is None or total_s is None or total_s <= mean_s):
            # it says nothing of how long an answer takes, and nothing has faded away
            self.ready.pop(pair, None)
            return cold
        self.refresh(pair)
        return cold

    @property
    def sequence(self) -> int:
        """How many outcomes and judgements this recorder has seen."""
        return self.sources.own.sequence + len(self.pending)

    def settle(self) -> None:
        """Learn from all that is pending.

        Others may add to it meanwhile, without a lock. Until everything is learned it is not empty, so that whoever
        finds it empty finds everything learned.
        """
        pending = self.pending[:]
        if not pending:
            return
        try:
            if self.book.waiting:
                self._learn_one_by_one(pending)
            else:
                self._learn_together(pending)
        finally:
            del self.pending[: len(pending)]

    def _learn_one_by_one(self, pending: Iterable[Pending]) -> None:
        for one in starmap(Success, pending):
            self._learn(one.pair, one, one.at)
            self.untold.add(one.pair)

    def _learn_together(self, pending: list[Pending]) -> None:
        by_pair: dict[Pair, list[Pending]] = {}
        for one in pending:
            if one[0] in by_pair:
                by_pair[one[0]].append(one)
            else:
                by_pair[one[0]] = [one]
        own, decisions = self.sources.own, self.book.decisions
        for pair, some in by_pair.items():
            evidence = own.pairs.get(pair)
            at = None if evidence is None else learn_usual(evidence, some, self.forgetting)
            if at is None:
                self._learn_one_by_one(some)
                continue
            own.sequence += len(some)
            self._used(pair[1], at)
            self.refresh(pair)
            self.untold.add(pair)
            for one in some:
                decisions[one[2]] = pair
        while len(decisions) > self.book.limit:
            decisions.popitem(last=False)

    def _is_cold(self, model: str, total_s: float | None, at: float) -> bool:
        last = self._used(model, at)
        return last is None or at - (total_s or 0.0) - last > self.idle_s

    def _used(self, model: str, at: float) -> float | None:
        """Note when a model was used; return when it was before."""
        last = self._last_use.get(model)
        if last is None or at > last:
            self._last_use[model] = at
        return last

    def _evidence(self, source: Source, pair: Pair, at: float) -> Evidence:
        evidence = source.pairs.get(pair)
        if evidence is None:
            evidence = Evidence(pair, self.forgetting.block(at))
            evidence.mean_s = self.mean_s(pair)
            source.pairs[pair] = evidence
        return evidence

    def _answered(self, decision_id: str, pair: Pair, source: Source, source_id: str) -> None:
        book = self.book
        keep(book.decisions, decision_id, pair, book.limit)
        if book.waiting and decision_id in book.waiting:
            self._count(pair, decision_id, book.waiting.pop(decision_id), source, source_id)

    def judge(self, decision_id: str, feedback: Feedback) -> Pair | None:
        """Learn feedback given to this recorder; return the pair it belongs to, or `None` if it has to wait."""
        sources = self.sources
        sources.own.sequence = feedback.sequence
        pair = self.book.decisions.get(decision_id)
        if pair is None:
            self.book.wait(decision_id, feedback)
        else:
            self._count(pair, decision_id, feedback, sources.own, sources.own_id)
            self.refresh(pair)
        return pair

    def _count(self, pair: Pair, decision_id: str, feedback: Feedback, source: Source, source_id: str) -> None:
        """Let feedback stand in for what was said of the same answer before."""
        book = self.book
        before = book.counted.get(decision_id)
        if before is not None and before.feedback.stamp > feedback.stamp:
            return
        if before is not None and before.feedback.score == feedback.score:
            book.counted[decision_id] = replace(before, feedback=feedback)
            return
        evidence = self._evidence(source, pair, feedback.at)
        if before is not None:
            holding = self.sources.sources().get(before.holder)
            holder = None if holding is None else holding.pairs.get(pair)
            evidence.unlearn_feedback(before.feedback.score, before.at, before.forgotten, holder, self.forgetting)
        forgotten = evidence.learn_feedback(feedback.score, feedback.at, self.forgetting)
        counted = Counted(feedback=feedback, at=feedback.at, holder=source_id, forgotten=forgotten)
        keep(book.counted, decision_id, counted, book.limit)

    # ---------------------------------------------------------------- what a store tells

    def hear(self, piece: Told) -> set[Pair]:
        """Learn what a store tells; return the pairs it concerns."""
        told, told_id = self.sources.told(), self.sources.told_id()
        changed: set[Pair] = set()
        for attempt in piece.attempts:
            pair = (attempt.task, attempt.model)
            evidence = self._evidence(told, pair, attempt.at)
            mean_s = None if attempt.error is None else latency_mean_s((evidence,))
            evidence.learn(attempt, attempt.at, self.forgetting, cold=attempt.cold, mean_s=mean_s)
            if attempt.error is None:
                self._answered(attempt.decision_id, pair, told, told_id)
            changed.add(pair)
        for judgement in piece.judgements:
            feedback = Feedback(
                score=judgement.score,
                at=judgement.at,
                source=judgement.source,
                sequence=judgement.sequence,
                reason=judgement.reason,
            )
            known = self.book.decisions.get(judgement.decision_id)
            if known is None and judgement.task is not None and judgement.model is not None:
                known = (judgement.task, judgement.model)
            if known is None:
                self.book.wait(judgement.decision_id, feedback)
            else:
                self._count(known, judgement.decision_id, feedback, told, told_id)
                changed.add(known)
        told.sequence += 1
        self.sources.advance(piece.positions)
        self.sources.sum_up(changed)
        self._refresh_all(changed)
        return changed

    def answered(self, pairs: Mapping[str, Pair]) -> set[Pair]:
        """Learn to which pairs some decisions belong; return those for which feedback has waited."""
        sources = self.sources
        changed = {pair for decision_id, pair in pairs.items() if decision_id in self.book.waiting}
        sources.own.sequence += len(changed)
        for decision_id, pair in pairs.items():
            self._answered(decision_id, pair, sources.own, sources.own_id)
        self._refresh_all(changed)
        return changed

    def unlearn_told(self) -> set[Pair]:
        """Drop what a store told, to hear it again from the beginning; return the pairs it concerned."""
        told_id = self.sources.told_id()
        for decision_id, one in list(self.book.counted.items()):
            if one.holder == told_id:
                del self.book.counted[decision_id]
                if one.feedback.source == self.sources.own_id:
                    # the store does not tell this recorder what it has said itself
                    self.book.wait(decision_id, one.feedback)
        dropped = self.sources.unlearn_told()
        self._refresh_all(dropped)
        return dropped

    # ---------------------------------------------------------------- what another tracker tells

    def merge(self, other: Knowledge) -> set[Pair]:
        """Learn what another knows; return the pairs it concerns.

        Raises:
            ConfigurationError: The two cannot be told apart, or forget at different speeds.
        """
        mine, theirs = self.forgetting.half_life_s, other.forgetting.half_life_s
        if mine != theirs:
            msg = f"Trackers with half-lives of {mine!r} and {theirs!r} seconds cannot be merged. Give both the same."
            raise ConfigurationError(msg)
        if self.sources.overlaps(other.sources):
            msg = (
                "These trackers learned from one store, so merging would count attempts twice. "
                "Give both that store: each then learns what the other writes."
            )
            raise ConfigurationError(msg)
        changed = self.sources.join(other.sources.sources())
        self.sources.advance(other.sources.positions)
        book = self.book
        for decision_id, one in other.book.counted.items():
            known = book.counted.get(decision_id)
            if known is None or known.feedback.stamp < one.feedback.stamp:
                keep(book.counted, decision_id, one, book.limit)
        self._refresh_all(changed)
        return changed | self.answered(other.book.decisions)

    # ---------------------------------------------------------------- what is asked for

    def refresh(self, pair: Pair) -> None:
        """Bring up to date what is kept ready of a pair."""
        parts = self.sources.parts(pair)
        if parts:
            parts[0].mean_s = latency_mean_s(parts)
        if pair in self.ready:
            del self.ready[pair]

    def _refresh_all(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            self.refresh(pair)

    def mean_s(self, pair: Pair) -> float | None:
        """Mean latency of a pair in seconds; `None` without history."""
        evidence = self.sources.own.pairs.get(pair) or self.sources.rest.get(pair)
        return None if evidence is None else evidence.mean_s

    def stats(self, pair: Pair) -> PairStats | None:
        """Everything known of a pair but the quantiles."""
        found = self.ready.get(pair)
        if found is None:
            evidence = self.sources.combined(pair, quantiles=False)
            if evidence is not None:
                found = self.ready[pair] = PairStats.of(evidence, self.forgetting)
        return found

    def stats_of(self, pairs: Iterable[Pair]) -> list[PairStats | None]:
        """The `stats` of some pairs, most of which may be unknown."""
        own, rest = self.sources.own.pairs, self.sources.rest
        return [self.stats(pair) if pair in own or (rest and pair in rest) else None for pair in pairs]

    def wait(self, *, may: bool) -> None:
        """Let outcomes that tell nothing new wait, or not."""
        if may != self.may_wait:
            self.settle()
            self.may_wait = may

    # ---------------------------------------------------------------- copies, forks, oblivion

    def copy(self) -> Knowledge:
        """Knowledge of its own with the same content, but for what only holds in this process."""
        twin = Knowledge(self.forgetting, self.idle_s, self.book.copy())
        twin.sources = self.sources.copy()
        twin._refresh_all(twin.sources.pairs())
        return twin

    def renew(self) -> None:
        """Go on under new ids: a copy or a forked process must not count on under its original's."""
        self.sources.renew()
        self._refresh_all(self.sources.pairs())

    def forget(self, task: str | None, model: str | None) -> set[Pair]:
        """Drop all pairs of a task, of a model, of both, or all; return them."""

        def matches(pair: Pair) -> bool:
            return task in {None, pair[0]} and model in {None, pair[1]}

        book = self.book
        for decision_id in [name for name, pair in book.decisions.items() if matches(pair)]:
            del book.decisions[decision_id]
            book.counted.pop(decision_id, None)
        dropped = self.sources.forget(matches)
        self._refresh_all(dropped)
        return dropped
