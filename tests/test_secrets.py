"""No key, token or header that a model holds or a provider sends back is to be seen anywhere."""

from __future__ import annotations

import ast
import json
import logging
import pickle
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.load import dumpd, dumps
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import Field, SecretStr
from typer.testing import CliRunner

import langchain_scaffolding
from langchain_scaffolding import Candidate, ModelTags, ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.cli.app import app
from langchain_scaffolding.doctor import diagnose
from langchain_scaffolding.errors import AllAttemptsFailedError, RoutingError
from langchain_scaffolding.insight import (
    History,
    attempts_frame,
    breaker_frame,
    choices_chart,
    choices_frame,
    counterfactuals,
    follow,
    latency_chart,
    pages,
    regret_frame,
    statistics_frame,
)
from langchain_scaffolding.observability import OpenTelemetryObserver, observe_health
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import ScriptedChatModel, provider_error
from tests.paths import PATHS, call

KEY = "sk-planted0123456789abcdef"
BOUND = "planted-organisation-7f3a9c"
"""Of no known form: nothing could strike it out, so it must not be shown at all."""
PROMPT = "the patient's name is Planted Promptholder"
SECRETS = (KEY, BOUND, "Planted Promptholder")


class Keyed(ScriptedChatModel):
    """A model with a key, as integrations hold it."""

    api_key: SecretStr = Field(default=SecretStr(KEY))

    @property
    def lc_secrets(self) -> dict[str, str]:
        return {"api_key": "PLANTED_API_KEY"}


def failing() -> Exception:
    error = provider_error("openai", status=401, message=f"Incorrect API key provided: {KEY}. Bearer {KEY}")
    error.response.headers["authorization"] = f"Bearer {KEY}"  # type: ignore[attr-defined]
    return error


def keyed(*script: Any, name: str = "keyed") -> Any:
    return Keyed(*script, name=name).bind(extra_headers={"x-organisation": BOUND})


def router(*script: Any, **options: Any) -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(models=[Candidate(name="keyed", model=keyed(*script))], **options)


def clean(*texts: object) -> None:
    for text in map(str, texts):
        for secret in SECRETS:
            assert secret not in text, text


class Tracer(BaseTracer):
    """Keeps runs as a tracing service receives them."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.kept.append(run)


def test_what_is_shown_of_a_router_holds_no_secret() -> None:
    one = router("ok")
    chain = one.attempt_chain(PROMPT)
    ranking = one.explain(PROMPT)
    for each in (one, chain, ranking, ranking.chosen, one.models, one.performance, one.health(), one.config):
        clean(repr(each), str(each))
    clean(ranking.as_line(), *chain.steps(), one.bind_tools([]), one.with_structured_output({"title": "T"}))
    clean(ranking._repr_html_())


@pytest.mark.parametrize("path", PATHS)
def test_the_errors_of_a_call_hold_no_secret(path: str) -> None:
    config = ScaffoldingConfig(fallback_to_rule_based=False)
    with pytest.raises(AllAttemptsFailedError) as caught:
        call(router(failing(), config=config), path, PROMPT)
    error = caught.value
    clean(str(error), repr(error), *error.attempts, error.__dict__, pickle.dumps(error))
    assert "auth" in str(error)


@pytest.mark.parametrize("path", PATHS)
def test_records_statistics_and_routing_facts_hold_no_secret(path: str) -> None:
    records: list[RouteRecord] = []
    one = router(failing(), observers=[records.append])
    message = call(one, path, PROMPT, task="title")
    (record,) = records
    clean(repr(record), record.outcomes, record.ranking)
    clean(json.dumps(message.response_metadata["routing"]))
    clean(*one.performance.snapshot(), *one.health(), pickle.dumps(one.performance))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("answer", ["ok", failing()])
def test_the_logs_hold_no_secret_and_no_text_of_the_prompt(
    path: str, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_record: RouteRecord) -> None:
        raise RuntimeError("no metrics today")

    caplog.set_level(1, logger="langchain_scaffolding")
    caplog.set_level(1, logger="kari")
    one = router(answer, observers=[broken], config=ScaffoldingConfig(max_response_time_ms=60_000))
    call(one, path, PROMPT, task="title")
    assert any(record.levelno == logging.DEBUG for record in caplog.records)
    clean(caplog.text)


@pytest.mark.parametrize("path", PATHS)
def test_the_routers_own_run_in_a_trace_holds_no_secret(path: str) -> None:
    tracer = Tracer()
    call(router(failing()), path, "Name three colours.", {"callbacks": [tracer]})
    (run,) = tracer.kept
    own = {name: value for name, value in run.model_dump().items() if name != "child_runs"}
    # the failed model's own run below it is LangChain's, which keeps the provider's words
    clean(json.dumps(own, default=str))


def test_what_is_serialized_holds_no_secret() -> None:
    one = router("ok")
    for text in (dumps(one), json.dumps(dumpd(one), default=str), dumps(keyed("ok"))):
        assert KEY not in text
    clean(dumps(one), one._identifying_params)


def test_a_pickled_router_holds_a_key_only_inside_its_models() -> None:
    one = router("ok")
    one.invoke(PROMPT)
    bare = one.model_copy(update={"models": (Candidate(name="other", model=ScriptedChatModel("ok")),)})
    clean(pickle.dumps(bare))
    copy = pickle.loads(pickle.dumps(one))
    assert copy.invoke("x").content == "ok"
    assert copy.models[0].chat_model.api_key.get_secret_value() == KEY


def test_the_error_of_a_failed_call_keeps_the_providers_own_as_its_cause_alone() -> None:
    with pytest.raises(RoutingError) as caught:
        router(failing(), config=ScaffoldingConfig(fallback_to_rule_based=False)).invoke("x")
    assert KEY in str(caught.value.__cause__)
    clean(pickle.dumps(caught.value))


@dataclass(frozen=True, kw_only=True)
class Used:
    """A router that has failed and answered calls which hold secrets, and what has watched it."""

    router: ScaffoldingRouterLLM
    history: History
    records: list[RouteRecord]
    telemetry: list[str]
    database: Path


@pytest.fixture
def used(tmp_path: Path) -> Iterator[Used]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    records: list[RouteRecord] = []
    router = ScaffoldingRouterLLM(
        models=[
            Candidate(name="down", model=keyed(failing_now), tags=ModelTags(size_gb=1)),
            Candidate(name="up", model=keyed(f"An answer to {PROMPT}"), tags=ModelTags(size_gb=9)),
        ],
        observers=[records.append, OpenTelemetryObserver(tracer_provider=tracers, meter_provider=meters)],
        performance=PerformanceTracker(store=OutcomeStore(f"sqlite:///{tmp_path}/outcomes.db")),
    )
    history = follow(router)
    observe_health(router, meter_provider=meters)
    for path in PATHS:
        message = call(router, path, PROMPT, task="title")
        router.record_feedback(message, 0.5, reason="fine")
    router.performance.store.flush()
    told = [span.to_json() for span in exporter.get_finished_spans()]
    data = reader.get_metrics_data()
    assert data is not None
    yield Used(
        router=router,
        history=history,
        records=records,
        telemetry=[*told, data.to_json()],
        database=tmp_path,
    )
    router.performance.close()


def failing_now(_messages: Any, _kwargs: Any) -> Exception:
    return failing()


def test_pictures_of_rankings_and_records_hold_no_secret(used: Used) -> None:
    ranking = used.router.explain(PROMPT, task="title")
    assert "down" in ranking._repr_html_()
    clean(ranking._repr_html_(), *[record._repr_html_() for record in used.records])
    clean(*counterfactuals(used.router, ranking))


def test_tables_and_charts_hold_no_secret(used: Used) -> None:
    for source in (used.history, used.router):
        frames = [make(source) for make in (attempts_frame, choices_frame, regret_frame)]
        assert len(frames[0]) == 2 * len(PATHS) - 3  # the breaker has left the refused model alone
        for frame in (*frames, statistics_frame(used.router), breaker_frame(used.router)):
            clean(frame.to_csv(), pages(frame)._repr_html_())
        for chart in (latency_chart(source), choices_chart(source)):
            clean(chart.to_json())
    clean(used.history.rows(), repr(used.history))


def test_what_the_doctor_finds_holds_no_secret(used: Used) -> None:
    found = diagnose(used.router, text=PROMPT)
    assert found.findings
    clean(found, repr(found), *found.findings)


def test_spans_and_metrics_hold_no_secret(used: Used) -> None:
    assert len(used.telemetry) > len(PATHS)
    clean(*used.telemetry)


def test_the_rows_of_a_store_hold_no_secret(used: Used) -> None:
    files = []
    for path in list(used.database.iterdir()):
        with suppress(FileNotFoundError):  # SQLite removes its side files when nobody has the database open any more
            files.append(path.read_bytes())
    assert any(b"title" in data for data in files)
    for data in files:
        clean(data.decode("latin-1"))
    clean(repr(used.router.performance), repr(used.router.performance.store), used.router.performance.store.health)


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize(
    "command", [["discover"], ["doctor"], ["explain", PROMPT], ["stats"], ["scaffold", "The fee rises to 75 pounds."]]
)
def test_no_command_prints_a_secret(
    command: list[str], more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    monkeypatch.setenv("PLANTED_ORGANISATION", BOUND)
    file = tmp_path / "router.toml"
    file.write_text(
        f"""
        store = "sqlite:///{tmp_path}/outcomes.db"
        [[models]]
        model = "openai:x"
        options.api_key = {{ env = "PLANTED_KEY" }}
        options.organization = {{ env = "PLANTED_ORGANISATION" }}
        options.max_retries = 0
        """,
        encoding="utf-8",
    )
    OutcomeStore(f"sqlite:///{tmp_path}/outcomes.db").close()
    told = CliRunner().invoke(app, [*command, "--config", str(file), *more])
    assert told.exit_code == 0 or command == ["doctor"], told.output
    clean(told.output, told.exception)


SOURCES = sorted(Path(langchain_scaffolding.__file__).parent.rglob("*.py"))


def calls_of(source: Path) -> list[str]:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_nothing_is_unpickled_or_evaluated() -> None:
    forbidden = {"eval", "exec", "pickle.load", "pickle.loads", "marshal.loads", "yaml.load", "__import__", "os.system"}
    assert len(SOURCES) > 100
    found = {(source.name, each) for source in SOURCES for each in calls_of(source) if each in forbidden}
    assert found == set()
    imports = {source.name for source in SOURCES if "import pickle" in source.read_text(encoding="utf-8")}
    assert imports == set()
