"""`PerformanceTracker`: what is known of every model at every task."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.performance.feedback import Feedback, FeedbackBook, FeedbackImport, from_langsmith, score_of
from langchain_scaffolding.performance.forking import Members, guard
from langchain_scaffolding.performance.health import StoreError
from langchain_scaffolding.performance.knowledge import Knowledge
from langchain_scaffolding.performance.listeners import Listeners
from langchain_scaffolding.performance.means import Forgetting
from langchain_scaffolding.performance.options import check_positive
from langchain_scaffolding.performance.rows import PerformanceRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.performance.listeners import Judge, Listener
    from langchain_scaffolding.performance.rows import PairStats
    from langchain_scaffolding.performance.sources import Pair
    from langchain_scaffolding.performance.store import OutcomeStore
    from langchain_scaffolding.performance.usual import Pending

# Outcomes that are learned from together.
_BATCH = 16


class PerformanceTracker:
    """Learns from every attempt how fast, how reliable and how good each model is at each task.

    Latency comes from successes that a model really computed; a failure counts as a duration only if it took longer
    than the mean, since an answer would have taken at least as long. Cold starts stand apart where they are evidently
    slower. Old evidence fades; counters do not. Memory per pair of task and model is constant. Safe to share between
    threads, tasks and routers; a pickled, copied or forked tracker goes on independently, and `merge` puts two together
    without counting anything twice.

    Usual answers of well-known models are learned from sixteen at a time, which no reader sees: whoever asks is told
    of every attempt so far, and a store has each at once.

    Args:
        clock: Wall-clock time in seconds since the epoch, for what carries no time of its own.
        half_life_s: Seconds in which evidence halves; `None`: age alone forgets nothing.
        memory: Observations that a mean remembers: beyond it the newest counts for 1/memory.
        idle_s: After this many seconds without a measured call, a model's next one counts as a cold start. Ollama
            unloads a model after 300.
        recent: Decisions that are remembered to join feedback to; a store remembers the older ones.
        feedback_wait_s: Seconds that feedback for an unknown decision waits for its outcome.
        store: Where outcomes are kept and shared with other processes; `None`: memory only. What it holds is learned
            at once, what others add from time to time, see `OutcomeStore`.

    Raises:
        ConfigurationError: A value is out of range.

    Example:
        >>> from langchain_scaffolding.outcomes import Outcome
        >>> tracker = PerformanceTracker(clock=lambda: 0.0)
        >>> for seconds in (0.4, 0.6):
        ...     outcome = Outcome(task="title", model="tiny", decision_id=f"d{seconds}", total_s=seconds, measured=True)
        ...     tracker.record(outcome)
        >>> tracker.latency_mean_s("title", "tiny")
        0.5
        >>> tracker.record_feedback("d0.6", "good")
        True
        >>> [(row.model, row["calls"], row.acceptance, row.feedback_mean) for row in tracker.snapshot()]
        [('tiny', 2, 1.0, 1.0)]
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        half_life_s: float | None = 7 * 86_400.0,
        memory: int = 200,
        idle_s: float = 300.0,
        recent: int = 10_000,
        feedback_wait_s: float = 86_400.0,
        store: OutcomeStore | None = None,
    ) -> None:
        check_positive(
            half_life_s=half_life_s, memory=memory, idle_s=idle_s, recent=recent, feedback_wait_s=feedback_wait_s
        )
        self._clock = clock
        self._store = store
        forgetting = Forgetting(half_life_s=half_life_s, memory=memory)
        self._knowledge = Knowledge(forgetting, idle_s, FeedbackBook(recent, feedback_wait_s))
        self._set_up()
        self.refresh()

    def _set_up(self) -> None:
        """Make what belongs to this object alone."""
        self._listeners: Listeners[Listener] = Listeners()
        self._judges: Listeners[Judge] = Listeners()
        self._make_locks()
        _alive.add(self)
        if self._store is not None:
            self._store.attach(self)

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        # Taken before `_lock`: keeps what is counted and what is handed to the store in one order, without making
        # readers wait for a full queue.
        self._order = threading.Lock()
        self._refreshing = threading.Lock()

    def _after_fork(self) -> None:
        """Go on in a child process, beside the parent."""
        self._make_locks()
        # the parent will count what was pending as its own: so must the child, before it goes on under another id
        self._knowledge.settle()
        self._knowledge.renew()

    # ---------------------------------------------------------------- learning

    def record(self, outcome: Outcome) -> None:
        """Learn from one attempt.

        Raises:
            ConfigurationError: Its duration is negative or no number.
        """
        total_s = outcome.total_s
        at = outcome.at if outcome.at > 0 else self._clock()
        knowledge = self._knowledge
        evidence = knowledge.sources.own.pairs.get((outcome.task, outcome.model))
        if (
            evidence is not None
            and outcome.error is None
            and outcome.measured
            and not outcome.pinned
            and total_s is not None
            and knowledge.is_usual(evidence, total_s, at)
        ):
            pending = (evidence.pair, at, outcome.decision_id, total_s, outcome.first_token_s, outcome.output_tokens)
            if self._store is None:
                knowledge.pending.append(pending)
            else:
                self._store_pending(pending, outcome, self._store)
            if len(knowledge.pending) >= _BATCH or knowledge.untold:
                self.settle()
                self._tell()
            return
        if total_s is not None and not 0 <= total_s < math.inf:
            msg = f"`total_s` of an outcome must be seconds from 0, not {total_s!r}. Leave it out if it is unknown."
            raise ConfigurationError(msg)
        if self._store is None:
            with self._lock:
                knowledge.learn(outcome, at)
        else:
            with self._order:
                with self._lock:
                    cold = knowledge.learn(outcome, at)
                    source, sequence = knowledge.sources.own_id, knowledge.sequence
                self._store.append(source, sequence, at, outcome, cold=cold)
        self._tell([(outcome.task, outcome.model)])

    def _store_pending(self, pending: Pending, outcome: Outcome, store: OutcomeStore) -> None:
        knowledge = self._knowledge
        with self._order:
            with self._lock:
                knowledge.pending.append(pending)
                source, sequence = knowledge.sources.own_id, knowledge.sequence
            store.append(source, sequence, pending[1], outcome, cold=False)

    def settle(self) -> None:
        """Learn now from all that was recorded; so does whoever reads, but pair by pair."""
        if self._knowledge.pending:
            with self._lock:
                self._knowledge.settle()

    def _settled(self, pair: Pair | None = None) -> Knowledge:
        """Everything known, with what was still to be learned of a pair, or of all."""
        knowledge = self._knowledge
        if knowledge.pending and (pair is None or knowledge.awaits(pair)):
            self.settle()
        return knowledge

    def _tell(self, changed: Iterable[Pair] = ()) -> None:
        """Tell the listeners what has changed, and what has settled since they were told last."""
        knowledge = self._knowledge
        if knowledge.untold:
            with self._lock:
                untold, knowledge.untold = knowledge.untold, set()
            changed = {*untold, *changed}
        for pair in changed:
            self._listeners.tell(*pair)
        if knowledge.may_wait is not self._listeners.are_patient:
            with self._lock:
                knowledge.wait(may=self._listeners.are_patient)

    def record_feedback(self, decision_id: str, score: float | str, *, reason: str | None = None) -> bool:
        """Learn what somebody thought of an answer.

        It may come late, twice (it counts once) or again with another score (the last one counts).

        Args:
            decision_id: The decision that gave the answer: `message.response_metadata["routing"]["decision_id"]`.
            score: From 0 (useless) to 1 (perfect), or a label such as "good", "bad", "thumbs up".
            reason: Why, for whoever reads the store.

        Returns:
            True if it counts; False if the decision is unknown so far and the feedback waits for its outcome.

        Raises:
            ConfigurationError: The score is no number from 0 to 1 and no known label.
        """
        number, now = score_of(score), self._clock()
        knowledge, store = self._settled(), self._store
        if store is not None and decision_id not in knowledge.book.decisions:
            found = store.pairs_of([decision_id])
            with self._lock:
                knowledge.answered(found)
        with self._order:
            with self._lock:
                knowledge.settle()
                sources = knowledge.sources
                feedback = Feedback(
                    score=number, at=now, source=sources.own_id, sequence=sources.own.sequence + 1, reason=reason
                )
                knowledge.book.expire(now)
                pair = knowledge.judge(decision_id, feedback)
            if store is not None:
                store.append_feedback(decision_id, feedback)
        if pair is not None:
            self._tell([pair])
        self._judges.tell(decision_id, number)
        return pair is not None

    def import_langsmith_feedback(self, items: Iterable[object]) -> FeedbackImport:
        """Learn from feedback that LangSmith has collected on runs of the router.

        Args:
            items: What `langsmith.Client().list_feedback(run_ids=...)` gives, or dictionaries with `run_id`, `score`
                or `value`, and `comment`.
        """
        counted = waiting = skipped = 0
        for item in items:
            found = from_langsmith(item)
            if found is None:
                skipped += 1
            elif self.record_feedback(found[0], found[1], reason=found[2]):
                counted += 1
            else:
                waiting += 1
        return FeedbackImport(counted=counted, waiting=waiting, skipped=skipped)

    def refresh(self) -> int:
        """Learn what other processes have written to the store since; return how many attempts and judgements.

        The store also does this by itself, in the background, while attempts are recorded. If it cannot be read, that
        shows in its `health`, and what is known stays as it is.
        """
        store, knowledge = self._store, self._knowledge
        if store is None:
            return 0
        heard = 0
        changed: set[Pair] = set()
        with self._refreshing:
            with self._lock:
                knowledge.settle()
                knowledge.book.expire(self._clock())
                known, waiting = knowledge.sources.known(), list(knowledge.book.waiting)
            try:
                for piece in store.tell(known):
                    told = piece.by_others(knowledge.sources.own_id)
                    with self._lock:
                        changed |= knowledge.hear(told)
                    heard += len(told.attempts) + len(told.judgements)
            except StoreError:
                # it broke off in the middle of the first reading, which will start again from the beginning
                if heard:
                    with self._lock:
                        changed |= knowledge.unlearn_told()
                heard = 0
            found = store.pairs_of(waiting) if waiting else {}
            with self._lock:
                changed |= knowledge.answered(found)
        self._tell(changed)
        return heard

    # ---------------------------------------------------------------- reading

    def latency_mean_s(self, task: str, model: str) -> float | None:
        """Mean seconds of an answer of this model at this task; `None` without history."""
        knowledge, pair = self._knowledge, (task, model)
        if knowledge.pending and knowledge.awaits(pair):
            self.settle()
        # as `Knowledge.mean_s` does it: every decision asks this of every candidate
        sources = knowledge.sources
        evidence = sources.own.pairs.get(pair) or (sources.rest.get(pair) if sources.rest else None)
        return None if evidence is None else evidence.mean_s

    def stats(self, task: str, model: str) -> PairStats | None:
        """Everything known of this model at this task but the quantiles; `None` if nothing is known."""
        pair = (task, model)
        found = self._settled(pair).ready.get(pair)
        if found is None:
            with self._lock:
                found = self._knowledge.stats(pair)
        return found

    def stats_of(self, task: str, models: Sequence[str]) -> list[PairStats | None]:
        """The `stats` of several models at one task."""
        knowledge = self._settled()
        try:
            return [knowledge.ready[task, model] for model in models]
        except KeyError:
            with self._lock:
                return knowledge.stats_of([(task, model) for model in models])

    def snapshot(self) -> list[PerformanceRow]:
        """One row per task and model, sorted by both."""
        rows = []
        sources = self._settled().sources
        with self._lock:
            pairs = sources.pairs()
        for task, model in pairs:
            # a lock for each, so that no call waits for a long table
            with self._lock:
                evidence = sources.combined((task, model))
                if evidence is not None:
                    rows.append(PerformanceRow.of(task, model, evidence))
        return rows

    @property
    def store(self) -> OutcomeStore | None:
        """Where outcomes are kept; `None` if only in memory."""
        return self._store

    @property
    def feedback_waiting(self) -> int:
        """Decisions with feedback whose outcome is not known yet."""
        return len(self._settled().book.waiting)

    @property
    def feedback_expired(self) -> int:
        """Decisions with feedback whose outcome never came."""
        return self._settled().book.expired

    def __repr__(self) -> str:
        store = "" if self._store is None else f", store={self._store!r}"
        return f"{type(self).__name__}(pairs={len(self._knowledge.sources.pairs())}{store})"

    def subscribe(self, listener: Listener, *, patient: bool = False) -> Callable[[], None]:
        """Call `listener(task, model)` whenever something that scorers can see has changed.

        It is called in the thread that made the change, which may be the store's. A bound method is held weakly, so
        that subscribing keeps nothing alive. Copies and pickles have no listeners.

        Args:
            listener: What is called.
            patient: Whether it may be told of usual answers of well-known models up to 16 calls late. While all
                listeners are, these are learned from together, in a fraction of the time.

        Returns:
            A function that ends it.
        """
        if not patient:
            self.settle()
            self._tell()
        leave = self._listeners.add(listener, patient=patient)
        with self._lock:
            self._knowledge.wait(may=self._listeners.are_patient)
        return leave

    def subscribe_to_feedback(self, judge: Judge) -> Callable[[], None]:
        """Call `judge(decision_id, score)` whenever feedback is recorded here; held as by `subscribe`.

        What others write to the store comes as a change of its pair alone.

        Returns:
            A function that ends it.
        """
        return self._judges.add(judge)

    # ---------------------------------------------------------------- life

    def merge(self, other: PerformanceTracker) -> None:
        """Learn what another tracker knows; what both know already counts once.

        Feedback that waits for its outcome stays with the tracker it was given to. Trackers with one store learn from
        each other through it.

        Raises:
            ConfigurationError: The two forget at different speeds, or learned from one store and do not share it now.
        """
        if other is self:
            return
        if self._store is not None and other._store is not None and self._store.is_same_as(other._store):
            other._store.flush()
            self.refresh()
            return
        with other._lock:
            other._knowledge.settle()
            told = other._knowledge.copy()
        with self._lock:
            self._knowledge.settle()
            changed = self._knowledge.merge(told)
        self._tell(changed)

    def reset(self, task: str | None = None, model: str | None = None) -> None:
        """Forget what is known, of everything or of one task, one model, or one model at one task.

        A store is left as it is, and the next process learns from it again; `OutcomeStore.purge` erases there.
        """
        with self._lock:
            self._knowledge.settle()
            dropped = self._knowledge.forget(task, model)
        self._tell(dropped)

    def close(self) -> None:
        """Finish writing what the store still has to write; learning in memory goes on."""
        self._settled()
        if self._store is not None:
            self._store.close()

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            self._knowledge.settle()
            knowledge = self._knowledge.copy()
        return {"clock": self._clock, "store": self._store, "knowledge": knowledge}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._clock, self._store, self._knowledge = state["clock"], state["store"], state["knowledge"]
        self._knowledge.renew()
        self._set_up()

    def __copy__(self) -> PerformanceTracker:
        """A tracker that knows the same, with the same clock and the same store, and goes on by itself."""
        twin = type(self).__new__(type(self))
        twin.__setstate__(self.__getstate__())
        return twin

    def __deepcopy__(self, _memo: object) -> PerformanceTracker:
        return self.__copy__()


_alive = Members[PerformanceTracker]()
guard(_alive, lambda tracker: tracker._lock, PerformanceTracker._after_fork)  # noqa: SLF001
