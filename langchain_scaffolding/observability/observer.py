"""`OpenTelemetryObserver`: each call as a span with one span for each attempt, and both as metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_scaffolding.observability import names
from langchain_scaffolding.observability.attributes import of_attempt, of_route, provider_and_model, without_unknown
from langchain_scaffolding.observability.extra import opentelemetry

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from langchain_scaffolding.outcomes import Outcome
    from langchain_scaffolding.records import RouteRecord

_NS = 1e9


class OpenTelemetryObserver:
    """An observer that tells OpenTelemetry of every call, without any text of prompts, answers or errors.

    A call becomes a span "route <task>" below whatever span is current when it ends, with a client span "chat <model>"
    for each attempt. Only durations are known of attempts: their spans stand one after the other from the start of the
    call, so pauses before retries, and attempts beside each other, show as a call longer or shorter than its attempts.

    Metrics are those of the conventions for generative AI on attempts (`gen_ai.client.operation.duration`,
    `...time_to_first_chunk`, `gen_ai.client.token.usage` of output tokens) and our own on calls
    (`scaffolding.route.duration`, `scaffolding.route.attempts`, `scaffolding.rejections`). All names are in
    `langchain_scaffolding.observability.names`.

    Args:
        tracer_provider: Where spans go; `None`: OpenTelemetry's global one.
        meter_provider: Where metrics go; `None`: OpenTelemetry's global one.
        clock: Wall-clock time in seconds since the epoch.

    Raises:
        ImportError: OpenTelemetry is not installed; the message has the line that installs it.

    Example:
        >>> from langchain_scaffolding import ScaffoldingRouterLLM
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> from opentelemetry.sdk.trace import TracerProvider
        >>> from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        >>> provider, spans = TracerProvider(), InMemorySpanExporter()
        >>> provider.add_span_processor(SimpleSpanProcessor(spans))
        >>> observer = OpenTelemetryObserver(tracer_provider=provider)
        >>> router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="tiny")], observers=[observer])
        >>> _ = router.invoke("Name three colours.", task="title")
        >>> [span.name for span in spans.get_finished_spans()]
        ['chat tiny', 'route title']
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._trace = opentelemetry("trace")
        self._tracer = self._trace.get_tracer(names.SCOPE, tracer_provider=tracer_provider)
        self._clock = clock
        meter = opentelemetry("metrics").get_meter(names.SCOPE, meter_provider=meter_provider)

        def seconds(name: str, what: str) -> Any:
            return meter.create_histogram(
                name, unit="s", description=what, explicit_bucket_boundaries_advisory=names.DURATION_BOUNDS
            )

        self._duration = seconds(names.DURATION, "GenAI operation duration.")
        self._first_chunk = seconds(names.TIME_TO_FIRST_CHUNK, "Time to receive the first chunk.")
        self._route_duration = seconds(names.ROUTE_DURATION, "Duration of calls with all their attempts.")
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE,
            unit="{token}",
            description="Number of output tokens used.",
            explicit_bucket_boundaries_advisory=names.TOKEN_BOUNDS,
        )
        self._attempts = meter.create_histogram(
            names.ROUTE_ATTEMPTS,
            unit="{attempt}",
            description="Attempts of calls.",
            explicit_bucket_boundaries_advisory=(0.0, 1.0, 2.0, 3.0, 5.0, 8.0),
        )
        self._rejections = meter.create_counter(
            names.REJECTIONS, unit="{candidate}", description="Candidates that could not serve a call."
        )

    def __call__(self, record: RouteRecord) -> None:
        """Tell of one call."""
        self._measure(record)
        end = self._clock()
        start = end - record.seconds
        route: Span = self._tracer.start_span(
            f"{names.ROUTE_SPAN} {record.task}", start_time=int(start * _NS), attributes=of_route(record)
        )
        if record.chosen is None:
            self._fail(route, "no_answer")
        context = self._trace.set_span_in_context(route)
        for number, outcome in enumerate(record.outcomes, start=1):
            start = self._attempt(record, outcome, number, start, context)
        route.end(int(end * _NS))

    def __reduce__(self) -> tuple[type[OpenTelemetryObserver], tuple[()]]:
        """Where it is unpickled, it tells that process's global providers."""
        return type(self), ()

    def __deepcopy__(self, _memo: object) -> OpenTelemetryObserver:
        """Itself: it stands for the process's own telemetry."""
        return self

    def _attempt(self, record: RouteRecord, outcome: Outcome, number: int, start: float, context: Any) -> float:
        """A span of an attempt; gives when it ended."""
        end = start + (outcome.total_s or 0.0)
        attributes = of_attempt(record, outcome, number)
        span: Span = self._tracer.start_span(
            f"{names.CHAT} {attributes[names.REQUEST_MODEL]}",
            context=context,
            kind=self._trace.SpanKind.CLIENT,
            start_time=int(start * _NS),
            attributes=attributes,
        )
        if outcome.error is not None:
            self._fail(span, str(outcome.error))
        span.end(int(end * _NS))
        return end

    def _fail(self, span: Span, error: str) -> None:
        span.set_attribute(names.ERROR_TYPE, error)
        span.set_status(self._trace.Status(self._trace.StatusCode.ERROR))

    def _measure(self, record: RouteRecord) -> None:
        task = {names.TASK: record.task}
        answered = without_unknown({**task, names.SOURCE: record.source, names.CANDIDATE: record.chosen})
        if record.chosen is None:
            answered[names.ERROR_TYPE] = "no_answer"
        self._route_duration.record(record.seconds, answered)
        self._attempts.record(len(record.outcomes), task)
        for rejected in record.ranking.rejected:
            why = {names.CANDIDATE: rejected.name, names.REJECTED_BY: rejected.by}
            self._rejections.add(1, {**task, **why})
        for outcome in record.outcomes:
            provider, model = provider_and_model(record, outcome.model)
            labels = {names.OPERATION: names.CHAT, names.PROVIDER: provider, names.REQUEST_MODEL: model, **task}
            if outcome.output_tokens is not None:
                self._tokens.record(outcome.output_tokens, {**labels, names.TOKEN_TYPE: names.OUTPUT})
            if outcome.first_token_s is not None:
                self._first_chunk.record(outcome.first_token_s, labels)
            if outcome.error is not None:
                labels[names.ERROR_TYPE] = str(outcome.error)
            if outcome.total_s is not None:
                self._duration.record(outcome.total_s, labels)
