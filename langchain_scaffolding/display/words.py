"""Numbers and facts as people read them, for HTML and terminals alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.display.shapes import Ranking, Record

MOST_ROWS = 50
"""Candidates that are shown; of more, the number is told."""


def seconds(value: float) -> str:
    """A duration.

    Example:
        >>> seconds(0.0123), seconds(2.345), seconds(75)
        ('12.3 ms', '2.35 s', '75 s')
    """
    if value < 0.995:
        return f"{value * 1000:.3g} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def tokens(number: int) -> str:
    """A number of tokens, with thousands apart."""
    return f"{number:,} tokens"


def asked(ranking: Ranking) -> str:
    """What was asked for, without a word of the prompt."""
    request = ranking.request
    needs = [name.replace("_", " ") for name in request.needs.__slots__ if getattr(request.needs, name)]
    facts = [f"~{tokens(request.input_tokens)}"]
    facts += [f"needs {' and '.join(needs)}"] if needs else []
    facts += [] if request.pinned is None else [f"pinned to {request.pinned}"]
    facts += [] if request.conversation_model is None else [f"continues a tool call of {request.conversation_model}"]
    facts += [f"under {', '.join(request.profiles)}"] if request.profiles else []
    decision = ranking.decision
    if decision is not None:
        facts.append(f"decided by {decision.policy}" + (", exploring" if decision.explored else ""))
    return " · ".join(facts)


def tagged(candidate: Any) -> str:
    """What is known of a candidate beforehand."""
    tags = candidate.tags
    facts = [None if tags.size_gb is None else f"{tags.size_gb:g} GB", tags.quantization]
    facts.append(None if tags.context_length is None else tokens(tags.context_length))
    facts.append(", ".join(sorted(tags.capabilities or ())))
    return " · ".join(fact for fact in facts if fact)


def learned(stats: Any) -> str:
    """What was learned of a candidate at the task; "" if nothing was."""
    if stats is None or not (stats.calls or stats.feedback_count):
        return ""
    facts = [f"{stats.calls} call{'' if stats.calls == 1 else 's'}"]
    facts += [f"{stats.errors} failed ({stats.last_error})"] if stats.errors else []
    facts += [] if stats.latency_mean_s is None else [seconds(stats.latency_mean_s)]
    facts += [] if stats.acceptance is None else [f"accepted {stats.acceptance:.0%}"]
    facts += [] if stats.feedback is None else [f"feedback {stats.feedback:.2f} ({stats.feedback_count})"]
    return " · ".join(facts)


def changes(ranking: Ranking, most: int = 12) -> Sequence[str]:
    """What would have to change for another winner, if the ranking can tell."""
    if ranking.what_if is None:
        return []
    return [str(each) for each in ranking.what_if(ranking)[:most]]


def ended(record: Record) -> str:
    """How a call ended."""
    took = seconds(record.seconds)
    if record.chosen is None:
        return f"nobody answered, after {took}"
    if record.source == "rule_based":
        return f"{record.chosen} answered in {took}, no model did"
    return f"{record.chosen} answered in {took}"


def verdict(outcome: Any) -> str:
    """How an attempt ended."""
    if outcome.error is None:
        return outcome.detail or "accepted"
    return f"{outcome.error}: {outcome.detail}" if outcome.detail else str(outcome.error)
