"""What is asked of a store's tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from langchain_scaffolding.performance.events import Attempted, Judged
from langchain_scaffolding.performance.schema import feedback, outcomes, sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

# Rows that are fetched and learned from at a time.
_PIECE = 5_000
AS_JSON = ("features", "points", "checks")
"""The columns that hold named numbers."""

# The last feedback of a decision is the one that counts.
_STAMP = (feedback.c.at, feedback.c.source, feedback.c.sequence)

_GIVEN = Judged._fields[:-2]
# Sources that one condition names: a database plans with that many at once, and stumbles over a thousand.
_MANY = 100


def positions(connection: Connection) -> dict[str, int]:
    """How far each source has written."""
    return {row.id: row.position for row in connection.execute(sa.select(sources.c.id, sources.c.position))}


def _since(table: Table, grown: Mapping[str, int]) -> list[ColumnElement[bool]]:
    """The rows of some sources beyond what is known of each, as one condition or several."""
    new = [name for name, known in grown.items() if known == 0]
    if len(new) > _MANY:
        return [sa.true()]  # nearly all there is: one who has just come reads it in one go
    beyond = [sa.and_(table.c.source == name, table.c.sequence > known) for name, known in grown.items()]
    return [sa.or_(*beyond[start : start + _MANY]) for start in range(0, len(beyond), _MANY)]


def attempts_since(connection: Connection, grown: Mapping[str, int]) -> Iterator[list[Attempted]]:
    """The attempts of some sources beyond what is known of each, oldest first, in pieces."""
    table = outcomes.c
    query = sa.select(*(table[name] for name in Attempted._fields))
    query = query.order_by(table.at, table.source, table.sequence)
    conditions = _since(outcomes, grown)
    if len(conditions) > 1:
        found = [Attempted._make(row) for each in conditions for row in connection.execute(query.where(each))]
        yield sorted(found, key=lambda one: (one.at, one.source, one.sequence))
        return
    for condition in conditions:
        rows = connection.execution_options(yield_per=_PIECE).execute(query.where(condition))
        for piece in rows.partitions():
            yield [Attempted._make(row) for row in piece if row.sequence > grown.get(row.source, row.sequence)]


def judgements_since(connection: Connection, grown: Mapping[str, int]) -> list[Judged]:
    """The feedback of some sources beyond what is known of each, oldest first, with the pair it belongs to."""
    given = feedback.c
    query = (
        sa.select(*(given[name] for name in _GIVEN), outcomes.c.task, outcomes.c.model)
        .outerjoin_from(
            feedback,
            outcomes,
            sa.and_(outcomes.c.decision_id == given.decision_id, outcomes.c.error.is_(None)),
        )
        .order_by(*_STAMP, outcomes.c.at)
    )
    # several models may have answered one decision: the last one counts, as it does in memory
    found = {
        (row.source, row.sequence): Judged._make(row)
        for condition in _since(feedback, grown)
        for row in connection.execute(query.where(condition))
        if row.sequence > grown.get(row.source, row.sequence)
    }
    return sorted(found.values(), key=lambda one: (one.at, one.source, one.sequence))


def pairs_of(connection: Connection, decision_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The task and the model of those decisions that were answered."""
    table = outcomes.c
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(decision_ids), _PIECE):
        query = (
            sa.select(table.decision_id, table.task, table.model)
            .where(table.decision_id.in_(decision_ids[start : start + _PIECE]), table.error.is_(None))
            .order_by(table.at)
        )
        found |= {row.decision_id: (row.task, row.model) for row in connection.execute(query)}
    return found


def matching(task: str | None, model: str | None, before: float | None) -> ColumnElement[bool]:
    """The outcomes of a task, of a model, from before a time."""
    conditions: list[ColumnElement[bool]] = [sa.true()]
    if task is not None:
        conditions.append(outcomes.c.task == task)
    if model is not None:
        conditions.append(outcomes.c.model == model)
    if before is not None:
        conditions.append(outcomes.c.at < before)
    return sa.and_(*conditions)


def history(
    connection: Connection, task: str | None, model: str | None, after: tuple[float, str, int] | None
) -> list[dict[str, Any]]:
    """The next outcomes as they are stored, oldest first, each with the last feedback for its decision."""
    order = sa.tuple_(outcomes.c.at, outcomes.c.source, outcomes.c.sequence)
    query = sa.select(outcomes).where(matching(task, model, None)).order_by(*order.clauses).limit(_PIECE)
    if after is not None:
        query = query.where(order > after)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    given = sa.select(feedback.c.decision_id, feedback.c.score).order_by(*_STAMP)
    answered = given.where(feedback.c.decision_id.in_([row["decision_id"] for row in rows]))
    last = {judged.decision_id: judged.score for judged in connection.execute(answered)}
    for row in rows:
        row["feedback"] = last.get(row["decision_id"]) if row["error"] is None else None
        for name in AS_JSON:
            row[name] = None if row[name] is None else json.loads(row[name])
    return rows


def purge(connection: Connection, task: str | None, model: str | None, before: float | None) -> int:
    """Delete outcomes with the feedback for them; return how many outcomes."""
    chosen = matching(task, model, before)
    answered = sa.select(outcomes.c.decision_id).where(chosen, outcomes.c.error.is_(None))
    connection.execute(sa.delete(feedback).where(feedback.c.decision_id.in_(answered)))
    gone = connection.execute(sa.delete(outcomes).where(chosen)).rowcount
    if task is None and model is None:
        _purge_orphans(connection, before)
    return gone


def _purge_orphans(connection: Connection, before: float | None) -> None:
    """Delete old feedback that never found its outcome, and sources of which nothing is left."""
    orphaned = ~sa.exists().where(outcomes.c.decision_id == feedback.c.decision_id)
    silent = sa.and_(
        ~sa.exists().where(outcomes.c.source == sources.c.id), ~sa.exists().where(feedback.c.source == sources.c.id)
    )
    if before is not None:
        orphaned = sa.and_(orphaned, feedback.c.at < before)
        silent = sa.and_(silent, sources.c.updated_at < before)
    connection.execute(sa.delete(feedback).where(orphaned))
    connection.execute(sa.delete(sources).where(silent))
