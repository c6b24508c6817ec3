"""Calls as OpenTelemetry spans and metrics, read by the SDK's own exporters and over HTTP."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry, start_http_server

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import RoutingError
from langchain_scaffolding.observability import OpenTelemetryObserver, names, observe_health
from langchain_scaffolding.performance import PerformanceTracker
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, provider_error

SECRET = "sk-verysecret1234567"
PROMPT = "tangerine marmalade"


def model(name: str, *script: Any, **tags: Any) -> ScriptedChatModel:
    return ScriptedChatModel(*(script or ("An answer about quinces",)), name=name, metadata=tags)


class Telemetry:
    """Providers that keep what they are told."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def observer(self, **options: Any) -> OpenTelemetryObserver:
        return OpenTelemetryObserver(tracer_provider=self.tracers, meter_provider=self.meters, **options)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}

    @property
    def points(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        found = [] if data is None else data.resource_metrics[0].scope_metrics[0].metrics
        return {metric.name: list(metric.data.data_points) for metric in found}


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def test_S21_a_call_is_a_span_with_a_client_span_for_each_attempt(telemetry: Telemetry) -> None:
    models = [model("down", provider_error("openai", status=503), size_gb=1), model("up", size_gb=9)]
    router = ScaffoldingRouterLLM(
        models=[*models, model("p", capabilities=["IMAGE"])], observers=[telemetry.observer()]
    )
    message = router.invoke(PROMPT, task="title")
    spans = telemetry.spans
    route, failed, answered = spans["route title"], spans["chat down"], spans["chat up"]
    assert dict(route.attributes or {}) == {
        names.TASK: "title",
        names.DECISION: message.response_metadata["routing"]["decision_id"],
        names.CANDIDATE: "up",
        names.SOURCE: "llm",
        names.ATTEMPTS: 2,
        names.INPUT_TOKENS: 8,
        names.RANKED: ("down", "up"),
        names.SCORES: (4.0, 2.0),
        names.REJECTED: ("p",),
        names.REJECTED_BY: ("suits_preferred_capabilities",),
    }
    facts = dict(answered.attributes or {})
    assert facts.pop(names.OUTPUT_TOKENS) > 0
    assert facts == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "up",
        names.TASK: "title",
        names.CANDIDATE: "up",
        names.ATTEMPT: 2,
        names.MEASURED: True,
    }
    assert failed.kind is answered.kind is SpanKind.CLIENT
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "overloaded"
    assert route.status.status_code is StatusCode.UNSET
    for span in (failed, answered):
        assert span.parent is not None
        assert span.parent.span_id == route.context.span_id  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["invoke", "ainvoke", "stream", "astream"])
def test_a_call_stands_below_the_span_that_is_current(telemetry: Telemetry, path: str) -> None:
    router = ScaffoldingRouterLLM(
        models=[model("m")], observers=[telemetry.observer()], config=ScaffoldingConfig(attempt_timeout_ms=5000)
    )

    async def later() -> None:
        if path == "ainvoke":
            await router.ainvoke(PROMPT)
        else:
            async for _ in router.astream(PROMPT):
                pass

    with telemetry.tracers.get_tracer("test").start_as_current_span("request") as outer:
        if path.startswith("a"):
            asyncio.run(later())
        else:
            list(router.stream(PROMPT)) if path == "stream" else router.invoke(PROMPT)
    route = telemetry.spans["route chat"]
    assert route.parent is not None
    assert route.parent.span_id == outer.get_span_context().span_id


def test_spans_are_as_long_as_the_call_and_its_attempts(telemetry: Telemetry) -> None:
    clock = FakeClock()
    slow = ScriptedChatModel(Reply("An answer", delay_s=1.5), name="slow", clock=clock)
    observer = telemetry.observer(clock=lambda: 1000.0 + clock())
    ScaffoldingRouterLLM(models=[slow], observers=[observer], clock=clock).invoke(PROMPT)
    for name in ("route chat", "chat slow"):
        span = telemetry.spans[name]
        assert (span.start_time, span.end_time) == (1000 * 10**9, 1001.5 * 10**9)


def test_a_call_that_nobody_answers_is_an_error_and_one_that_the_rules_answer_is_none(telemetry: Telemetry) -> None:
    router = ScaffoldingRouterLLM(
        models=[model("down", ConnectionError("no"))],
        observers=[telemetry.observer()],
        config=ScaffoldingConfig(fallback_to_rule_based=False),
    )
    with pytest.raises(RoutingError):
        router.invoke(PROMPT)
    assert telemetry.spans["route chat"].status.status_code is StatusCode.ERROR
    telemetry.exporter.clear()
    ScaffoldingRouterLLM(models=[model("down", ConnectionError("no"))], observers=[telemetry.observer()]).invoke(PROMPT)
    route = telemetry.spans["route chat"]
    assert route.status.status_code is StatusCode.UNSET
    assert (route.attributes or {})[names.SOURCE] == "rule_based"


def test_S21_metrics_follow_the_conventions(telemetry: Telemetry) -> None:
    models = [model("down", provider_error("openai", status=503), size_gb=1), model("up", size_gb=9)]
    router = ScaffoldingRouterLLM(models=models, observers=[telemetry.observer()])
    list(router.stream(PROMPT, task="title"))
    points = telemetry.points
    durations = {
        point.attributes["gen_ai.request.model"]: point for point in points["gen_ai.client.operation.duration"]
    }
    assert durations["down"].attributes["error.type"] == "overloaded"
    assert "error.type" not in durations["up"].attributes
    assert durations["up"].explicit_bounds == names.DURATION_BOUNDS
    (tokens,) = points["gen_ai.client.token.usage"]
    assert tokens.attributes["gen_ai.token.type"] == "output"
    assert tokens.sum > 0
    assert [point.count for point in points["gen_ai.client.operation.time_to_first_chunk"]] == [1]
    (route,) = points["scaffolding.route.duration"]
    assert dict(route.attributes) == {names.TASK: "title", names.SOURCE: "llm", names.CANDIDATE: "up"}
    assert points["scaffolding.route.attempts"][0].sum == 2


def test_breakers_acceptance_and_feedback_are_gauges_that_hold_no_router(telemetry: Telemetry) -> None:
    clock = FakeClock()
    router = ScaffoldingRouterLLM(
        # made when it is raised: an error that the model keeps would hold, by its traceback, the frame of this test
        models=[model("m", "fine", lambda *_: provider_error("openai", status=401))],
        clock=clock,
        performance=PerformanceTracker(clock=clock),
    )
    observe_health(router, meter_provider=telemetry.meters)
    router.record_feedback(router.invoke(PROMPT), 0.5)
    router.invoke(PROMPT)
    points = telemetry.points
    assert [(point.value, point.attributes[names.STATE]) for point in points["scaffolding.breaker.open"]] == [
        (300.0, "open")
    ]
    assert [point.value for point in points["scaffolding.feedback"]] == [0.5]
    assert [point.value for point in points["scaffolding.acceptance"]] == [1.0]
    del router
    assert telemetry.points.get("scaffolding.breaker.open", []) == []


def test_no_prompt_answer_key_or_error_text_is_told(telemetry: Telemetry) -> None:
    failing = model("down", ValueError(f"bad key {SECRET} for prompt {PROMPT}"), size_gb=1)
    router = ScaffoldingRouterLLM(models=[failing, model("up", size_gb=9)], observers=[telemetry.observer()])
    router.invoke([HumanMessage(PROMPT)], task="title")
    told = "".join(span.to_json() for span in telemetry.exporter.get_finished_spans())
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    for text in (told, data.to_json()):
        assert "title" in text
        assert not any(word in text for word in ("tangerine", "quinces", SECRET, "bad key"))


def test_a_provider_is_named_as_the_conventions_name_it(telemetry: Telemetry) -> None:
    gemini = ScriptedChatModel(name="gemini-3", provider="google_genai")
    ScaffoldingRouterLLM(models=[gemini], observers=[telemetry.observer()]).invoke(PROMPT)
    assert (telemetry.spans["chat gemini-3"].attributes or {})["gen_ai.provider.name"] == "gcp.gemini"


@pytest.mark.enable_socket
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_S21_prometheus_scrapes_the_metrics_over_http() -> None:
    registry = CollectorRegistry()
    meters = MeterProvider([PrometheusMetricReader(registry=registry)])
    observer = OpenTelemetryObserver(meter_provider=meters)
    router = ScaffoldingRouterLLM(models=[model("m<1>", size_gb=1)], observers=[observer])
    observe_health(router, meter_provider=meters)
    for _ in range(3):
        router.invoke(PROMPT, task="title")
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as answer:
            page = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        meters.shutdown()
    counts = re.findall(
        r"^(gen_ai_client_operation_duration_seconds_count|scaffolding_\w+_count)\{.*\} (\S+)", page, re.MULTILINE
    )
    assert ("gen_ai_client_operation_duration_seconds_count", "3.0") in counts
    assert ("scaffolding_route_duration_seconds_count", "3.0") in counts
    assert "scaffolding_breaker_open_seconds{" in page
    assert "tangerine" not in page


def test_a_router_with_an_observer_is_copied_and_pickled(telemetry: Telemetry) -> None:
    router = ScaffoldingRouterLLM(models=[model("m")], observers=[telemetry.observer()])
    copy.deepcopy(router).invoke(PROMPT)
    assert "route chat" in telemetry.spans
    again = pickle.loads(pickle.dumps(router))
    assert isinstance(again.observers[0], OpenTelemetryObserver)
    assert again.invoke(PROMPT).content


def test_all_names_are_in_one_file() -> None:
    folder = Path(names.__file__).parent
    for file in folder.glob("*.py"):
        if file.name != "names.py":
            literals = re.findall(r'^[^#]*?"((?:gen_ai|error|scaffolding)\.[\w.]+)"', file.read_text(), re.MULTILINE)
            assert literals == [], file.name


def test_names_of_the_conventions_are_those_of_the_installed_conventions() -> None:
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as theirs
    from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

    known = {value for module in (theirs, gen_ai_metrics) for value in vars(module).values() if isinstance(value, str)}
    ours = {value for value in vars(names).values() if isinstance(value, str) and value.startswith("gen_ai.")}
    assert ours <= known
    assert set(names.PROVIDERS.values()) <= {each.value for each in theirs.GenAiProviderNameValues}


def test_without_the_extra_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ImportError, match=r'pip install "langchain-scaffolding\[otel\]"'):
        OpenTelemetryObserver()
