"""What spans say of calls and attempts: names, numbers and classes of errors, and no text of a user or a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_scaffolding.observability import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.records import RouteRecord


def of_route(record: RouteRecord) -> dict[str, Any]:
    """The attributes of a call."""
    ranking = record.ranking
    decision = ranking.decision
    return without_unknown({
        names.TASK: record.task,
        names.DECISION: record.decision_id,
        names.CANDIDATE: record.chosen,
        names.SOURCE: record.source,
        names.ATTEMPTS: len(record.outcomes),
        names.INPUT_TOKENS: ranking.request.input_tokens,
        names.RANKED: ranking.names,
        names.SCORES: [ranking.scores[name] for name in ranking.names],
        names.REJECTED: [each.name for each in ranking.rejected],
        names.REJECTED_BY: [each.by for each in ranking.rejected],
        names.POLICY: None if decision is None else decision.policy,
        names.EXPLORED: None if decision is None else decision.explored,
    })  # fmt: skip


def of_attempt(record: RouteRecord, outcome: Outcome, number: int) -> dict[str, Any]:
    """The attributes of an attempt."""
    provider, model = provider_and_model(record, outcome.model)
    return without_unknown({
        names.OPERATION: names.CHAT,
        names.PROVIDER: provider,
        names.REQUEST_MODEL: model,
        names.OUTPUT_TOKENS: outcome.output_tokens,
        names.FIRST_CHUNK: outcome.first_token_s,
        names.TASK: record.task,
        names.CANDIDATE: outcome.model,
        names.ATTEMPT: number,
        names.MEASURED: outcome.measured,
        names.PROPENSITY: outcome.propensity,
    })  # fmt: skip


def provider_and_model(record: RouteRecord, name: str) -> tuple[str, str]:
    """The provider of a candidate as the conventions call it, and the model as the provider calls it."""
    candidate = next((each for each in record.ranking.candidates if each.name == name), None)
    if candidate is None:  # the last resort
        return names.UNKNOWN_PROVIDER, name
    facts = candidate.chat_model._get_ls_params()  # noqa: SLF001 - LangChain's own tracers read it there
    stated = facts.get("ls_provider") or names.UNKNOWN_PROVIDER
    return names.PROVIDERS.get(stated, stated), str(facts.get("ls_model_name") or name)


def without_unknown(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that are known."""
    return {name: value for name, value in facts.items() if value is not None}
