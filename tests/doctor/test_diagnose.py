"""The doctor says which of the three troubles it is, why, and what to change."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from langchain_scaffolding import RoutingProfile, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.doctor import Diagnosis, Finding, diagnose
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.performance.store import OutcomeStore
from langchain_scaffolding.tasks import Task
from langchain_scaffolding.testing import ScriptedChatModel, provider_error


def model(name: str, *script: Any, **tags: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name=name, metadata=tags)


def router(*models: ScriptedChatModel, **options: Any) -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(models=models or [model("tiny", size_gb=1)], **options)


def outcomes(tracker: PerformanceTracker, name: str, number: int, task: str = "title", **facts: Any) -> None:
    for count in range(number):
        outcome = Outcome(
            task=task, model=name, decision_id=f"{name}{task}{count}{facts}", measured=not facts.get("error"), **facts
        )
        tracker.record(outcome)


def only(findings: tuple[Finding, ...]) -> Finding:
    (finding,) = findings
    return finding


def test_a_healthy_router_needs_nothing() -> None:
    assert diagnose(router()) == Diagnosis(findings=())
    assert str(diagnose(router())) == "nothing to change"


def test_S23_no_suitable_model_is_told_with_each_constraint_what_was_found_and_needed_and_the_fix() -> None:
    lost = router(model("dall-e", capabilities=["IMAGE"]), model("whisper", capabilities=["AUDIO"]))
    diagnosis = diagnose(lost, tasks=["title"])
    assert [(each.severity, each.model, each.constraint, each.found, each.needed) for each in diagnosis] == [
        (
            "error",
            None,
            "all constraints together",
            "all 2 models are rejected, so the rules answer",
            "one that can serve",
        ),
        ("warning", "dall-e", "preferred_capabilities", "IMAGE", "CHAT or REASONING"),
        ("warning", "whisper", "preferred_capabilities", "AUDIO", "CHAT or REASONING"),
    ]
    assert "register a model with CHAT or REASONING" in diagnosis.findings[1].fix
    assert not diagnosis.ok


def test_S23_without_the_rules_the_error_says_that_calls_fail() -> None:
    lost = router(model("dall-e", capabilities=["IMAGE"]), config=ScaffoldingConfig(fallback_to_rule_based=False))
    assert "so calls fail" in diagnose(lost).findings[0].found


LOCAL = RoutingProfile(name="private", local_only=True)


@pytest.mark.parametrize(
    ("options", "text", "constraint", "found", "needed", "fix"),
    [
        ({"context_length": 8}, "word " * 99, "context_length", "takes 8 tokens", "~127 tokens", "longer context"),
        (
            {"config": ScaffoldingConfig(max_context_length=5)},
            "word " * 99,
            "max_context_length",
            "~127",
            "at most 5",
            "raise",
        ),
        (
            {"profile": LOCAL},
            "x",
            "local_only of profile 'private'",
            "unknown to be local",
            "a local model",
            "local = true",
        ),
        (
            {"profile": RoutingProfile(name="p", max_size_gb=2), "size_gb": 4},
            "x",
            "max_size_gb of profile 'p'",
            "4 GB",
            "at most 2 GB",
            "register a smaller model",
        ),
        (
            {"profile": RoutingProfile(name="p", max_cost=2)},
            "x",
            "max_cost of profile 'p'",
            "unknown",
            "at most $2 per million tokens",
            "tag this one with its cost",
        ),
        (
            {"profile": RoutingProfile(name="p", deny=["tiny"])},
            "x",
            "deny of profile 'p'",
            "tiny",
            "any other",
            "`deny`",
        ),
        ({"profile": RoutingProfile(name="p", allow=[])}, "x", "allow of profile 'p'", "tiny", "nothing", "`allow`"),
        (
            {"tasks": [Task(name="title", required_capabilities={"CODE"})]},
            "x",
            "required_capabilities",
            "CHAT",
            "CODE",
            "register a model with CODE",
        ),
    ],
)
def test_S23_every_rejection_has_a_constraint_what_was_found_and_needed_and_a_fix(
    options: dict[str, Any], text: str, constraint: str, found: str, needed: str, fix: str
) -> None:
    tags = {name: options.pop(name) for name in ("context_length", "size_gb") if name in options}
    finding = diagnose(router(model("tiny", **tags), **options), text=text, tasks=["title"]).findings[1]
    assert (finding.model, finding.constraint, finding.tasks) == ("tiny", constraint, ("title",))
    assert found in finding.found
    assert needed in finding.needed
    assert fix in finding.fix


def test_a_filter_of_ones_own_is_told_by_its_name_and_reason() -> None:
    def not_on_fridays(_request: Any, _candidate: Any) -> str:
        return "is being retrained"

    finding = diagnose(router(filters=[not_on_fridays]), tasks=["chat"]).findings[1]
    assert (finding.constraint, finding.found) == ("not_on_fridays", "is being retrained")


def test_a_rejected_model_beside_one_that_serves_is_a_note_and_all_is_well() -> None:
    diagnosis = diagnose(router(model("tiny"), model("dall-e", capabilities=["IMAGE"])))
    note = only(diagnosis.findings)
    assert (diagnosis.ok, note.severity, note.model) == (True, "note", "dall-e")
    assert note.tasks[0] == "chat"
    assert set(note.tasks) == set(router().routing.tasks)


def test_S23_a_model_that_is_left_alone_is_told_with_its_error_and_remedy() -> None:
    broken = router(model("broken", provider_error("openai", status=401), size_gb=1), model("spare", size_gb=9))
    broken.invoke("hi")
    finding = next(each for each in diagnose(broken, tasks=["chat"]) if each.model == "broken")
    assert (finding.severity, finding.constraint, finding.fix) == (
        "warning",
        "circuit breaker",
        "check the API key of this model",
    )


def test_S23_a_profile_that_a_call_may_choose_is_looked_at_too() -> None:
    either = router(model("tiny", local=False), profiles=[LOCAL])
    assert diagnose(either).ok
    assert not diagnose(either, profile="private").ok
    with pytest.raises(ConfigurationError, match="Known profiles: private"):
        diagnose(either, profile="privat")


def test_S23_slow_is_told_of_the_model_that_calls_go_to() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "tiny", 12, total_s=3.0)
    slow = router(model("tiny", size_gb=1), performance=tracker)
    finding = only(diagnose(slow).about("slow"))
    assert (finding.model, finding.tasks, finding.found) == (
        "tiny",
        ("title",),
        "half of the answers take more than 3 s",
    )
    assert finding.needed == "at most 2 s"
    assert "register a smaller or quantized model" in finding.fix
    assert diagnose(slow, tasks=["chat"]).ok


def test_S23_slow_because_large_models_are_preferred_is_told_by_the_setting() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "big", 12, total_s=3.0)
    models = model("big", size_gb=30), model("tiny", size_gb=1)
    slow = router(*models, performance=tracker, config=ScaffoldingConfig(preferred_model_size="large"))
    assert only(diagnose(slow).about("slow")).fix == "set preferred_model_size=\"small\": it is 'large'"


def test_S23_where_another_model_is_faster_the_fix_names_it() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "big", 12, total_s=30.0)
    outcomes(tracker, "tiny", 12, total_s=2.5)
    profile = RoutingProfile(name="p", prefer=["big"])
    slow = router(model("big", size_gb=30), model("tiny", size_gb=1), performance=tracker, profile=profile)
    assert (
        "prefer 'tiny' for this task: half of its answers take at most 2.5 s" in only(diagnose(slow).about("slow")).fix
    )


def test_S23_missed_deadlines_are_told_with_the_limit_in_force() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "tiny", 9, total_s=0.4)
    outcomes(tracker, "tiny", 5, error=ErrorClass.TIMEOUT, total_s=0.5)
    slow = router(performance=tracker, config=ScaffoldingConfig(max_response_time_ms=500))
    finding = only(diagnose(slow).about("slow"))
    assert (finding.found, finding.needed) == ("5 of 14 attempts ran into a limit of time", "an answer within 0.5 s")


def test_S23_inconsistent_is_told_with_the_shares_of_the_models() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "tiny", 6, total_s=0.4)
    outcomes(tracker, "big", 6, total_s=0.4)
    mixed = router(model("tiny", size_gb=1), model("big", size_gb=30), performance=tracker)
    finding = only(diagnose(mixed).about("inconsistent"))
    assert finding.found == "answers came from tiny 50%, big 50%"
    assert finding.fix == "prefer 'tiny' for this task: a profile with tasks.title.prefer"


def test_S23_inconsistent_because_a_model_fails_is_told_with_its_error() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "tiny", 8, total_s=0.4)
    outcomes(tracker, "tiny", 6, error=ErrorClass.CONNECTION)
    outcomes(tracker, "big", 6, total_s=0.4)
    mixed = router(model("tiny", size_gb=1), model("big", size_gb=30), performance=tracker)
    fix = only(diagnose(mixed).about("inconsistent")).fix
    assert fix == "tiny fails 6 of 14 times (connection): start the model's server, and check its address"


def test_S23_answers_that_fail_the_checks_or_displease_are_told() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "tiny", 10, total_s=0.4)
    outcomes(tracker, "tiny", 10, error=ErrorClass.TRUNCATED, total_s=0.4)
    for number in range(10):
        tracker.record(Outcome(task="fill", model="tiny", decision_id=f"f{number}", total_s=0.4, measured=True))
        tracker.record_feedback(f"f{number}", 0.1)
    told = {each.constraint: each for each in diagnose(router(performance=tracker)).about("inconsistent")}
    assert told["acceptance"].found.endswith("% of its answers pass the checks")
    assert told["acceptance"].fix == "raise max_tokens, or take a model that is briefer"
    assert (told["feedback"].found, told["feedback"].fix) == (
        "mean feedback 0.1",
        "prefer another model for this task: a profile with tasks.fill.prefer",
    )


def test_few_calls_are_no_evidence() -> None:
    tracker = PerformanceTracker()
    outcomes(tracker, "tiny", 4, total_s=0.4)
    outcomes(tracker, "big", 4, total_s=0.4)
    outcomes(tracker, "tiny", 1, error=ErrorClass.TIMEOUT, total_s=0.5)
    few = router(
        model("tiny", size_gb=1),
        model("big", size_gb=30),
        performance=tracker,
        config=ScaffoldingConfig(max_response_time_ms=500),
    )
    assert diagnose(few).ok


def test_what_discovery_could_not_ask_and_a_store_that_fails_are_told(tmp_path: Any) -> None:
    store = OutcomeStore(f"sqlite:///{tmp_path}/outcomes.db")
    tracker = PerformanceTracker(store=store)
    (tmp_path / "outcomes.db").write_bytes(b"no database, but long enough to be read as a broken one" * 99)
    outcomes(tracker, "tiny", 1, total_s=0.4)
    store.flush(timeout_s=0.2)
    tracker.refresh()
    setup = diagnose(router(performance=tracker), troubles=[("ollama", "nobody listens")]).about("setup")
    assert [(each.severity, each.constraint) for each in setup] == [
        ("warning", "outcome store"),
        ("note", "source ollama"),
    ]
    store.close(timeout_s=0.2)  # it would wait for a database that cannot be written


def test_findings_are_values_for_people_and_machines() -> None:
    diagnosis = diagnose(router(model("dall-e", capabilities=["IMAGE"])), tasks=["title"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        diagnosis.findings[0].fix = "none"
    facts = json.loads(json.dumps(diagnosis.as_dict()))
    assert facts["ok"] is False
    assert set(facts["findings"][1]) == {each.name for each in dataclasses.fields(Finding)}
    assert str(diagnosis.findings[1]).startswith(
        "warning: no suitable model (title): dall-e: preferred_capabilities: found IMAGE; needed CHAT or REASONING."
    )
