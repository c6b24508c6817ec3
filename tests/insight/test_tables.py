"""Statistics and history as tables, files and pictures."""

from __future__ import annotations

import json
import pickle
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from langchain_scaffolding import ScaffoldingConfig, ScaffoldingRouterLLM
from langchain_scaffolding.errors import ConfigurationError
from langchain_scaffolding.insight import (
    History,
    attempts_frame,
    breaker_chart,
    breaker_frame,
    choices_chart,
    choices_frame,
    export,
    feedback_chart,
    follow,
    latency_chart,
    pages,
    regret_chart,
    regret_frame,
    savings_chart,
    savings_frame,
    statistics_frame,
)
from langchain_scaffolding.outcomes import ErrorClass, Outcome
from langchain_scaffolding.performance import OutcomeStore, PerformanceTracker
from langchain_scaffolding.records import RouteRecord
from langchain_scaffolding.testing import FakeClock, Reply, ScriptedChatModel, provider_error

EVIL = "<script>alert(1)</script>"
START = 1_700_000_000.0


def history_of(*outcomes: Outcome) -> History:
    """A history as an observer of these attempts has it."""
    router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="m")])
    ranking = router.explain("hello")
    history = History()
    for each in outcomes:
        facts = {"decision_id": each.decision_id, "task": each.task, "ranking": ranking}
        history(RouteRecord(**facts, outcomes=(each,), chosen=each.model, source="llm", seconds=each.total_s or 0.0))
    return history


def attempt(number: int, model: str, *, at: float, **facts: Any) -> Outcome:
    facts = {"total_s": 1.0, "measured": facts.get("error") is None, "task": "title", **facts}
    return Outcome(model=model, decision_id=f"d{number}", at=START + at, **facts)


def test_S21_statistics_are_a_table_that_says_what_the_tracker_says() -> None:
    router = ScaffoldingRouterLLM(models=[ScriptedChatModel("one", provider_error("openai", status=503), name="m")])
    router.record_feedback(router.invoke("hello", task="title"), 0.5)
    router.invoke("hello", task="title")
    frame = statistics_frame(router)
    (row,) = router.performance.snapshot()
    assert list(frame.columns) == list(row.keys())
    assert frame.loc[0, "calls"] == row.calls == 2
    assert frame.loc[0, "feedback_mean"] == 0.5
    assert pd.isna(frame.loc[0, "first_token_p50_s"])
    assert frame.loc[0, "last_error"] == "overloaded"
    assert list(statistics_frame(PerformanceTracker()).columns) == list(frame.columns)


def test_S21_a_history_in_memory_and_one_in_a_store_make_the_same_table(tmp_path: Path) -> None:
    with_store = PerformanceTracker(store=OutcomeStore(f"sqlite:///{tmp_path}/o.db"))
    models = [
        ScriptedChatModel(provider_error("openai", status=503), "fine", name="a", metadata={"size_gb": 1}),
        ScriptedChatModel("good", name="b", metadata={"size_gb": 9}),
    ]
    router = ScaffoldingRouterLLM(models=models, performance=with_store)
    history = follow(router)
    answer = router.invoke("hello", task="title")
    router.invoke("hello", task="summary", model="a")
    router.record_feedback(answer, 1.0)
    kept, stored = attempts_frame(history), attempts_frame(router)
    with_store.close()
    assert kept["model"].tolist() == stored["model"].tolist() == ["a", "b", "a"]
    assert kept["error"].fillna("").tolist() == ["overloaded", "", ""]
    pd.testing.assert_frame_equal(kept.drop(columns="at"), stored.drop(columns="at"))
    assert (kept["at"] - stored["at"]).abs().max() < pd.Timedelta(seconds=5)
    assert kept["feedback"].fillna(-1).tolist() == [-1, 1.0, -1]
    assert attempts_frame(history, task="summary")["pinned"].tolist() == [True]


def test_a_router_without_a_history_says_how_to_keep_one() -> None:
    router = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="m")])
    with pytest.raises(ConfigurationError, match=r"follow\(router\).*OutcomeStore"):
        attempts_frame(router)


def test_a_history_keeps_no_more_than_it_may_and_no_text() -> None:
    router = ScaffoldingRouterLLM(models=[ScriptedChatModel("An answer of quinces", name="m")])
    history = follow(router, size=3)
    for _ in range(5):
        router.record_feedback(router.invoke("tangerine"), 1.0)
    assert len(history) == 3
    assert len(history.rows()) == 3
    assert not re.search("tangerine|quinces", json.dumps(history.rows()))
    with pytest.raises(ConfigurationError, match="at least 1"):
        History(size=0)


def test_a_history_is_read_while_threads_write_it_and_goes_with_copies_of_its_router() -> None:
    router = ScaffoldingRouterLLM(models=[ScriptedChatModel("fine", name="m")])
    history = follow(router, size=50)
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda n: router.invoke("hello") if n % 2 else len(history.rows()), range(200))
        assert all(answer is not None for answer in answers)
    assert len(history) == 50
    again = pickle.loads(pickle.dumps(router))
    again.invoke("hello", task="title")
    assert again.observers[0].rows()[-1]["task"] == "title"
    assert all(row["task"] == "chat" for row in history.rows())


def test_calls_are_told_by_who_answered() -> None:
    frame = choices_frame(
        history_of(
            attempt(1, "a", at=0, error=ErrorClass.TIMEOUT),
            attempt(1, "b", at=1),
            attempt(2, "a", at=2, error=ErrorClass.TIMEOUT),
        )
    )
    assert frame[["decision_id", "chosen", "attempts"]].to_numpy().tolist() == [["d1", "b", 2], ["d2", "(no model)", 1]]


def test_regret_is_what_the_best_model_would_have_earned_more() -> None:
    history = history_of(*(attempt(n, "good" if n % 2 else "bad", at=n) for n in range(6)))
    for number in range(6):
        history.judge(f"d{number}", 0.9 if number % 2 else 0.4)
    frame = regret_frame(history)
    assert frame["regret"].tolist() == pytest.approx([0.5, 0, 0.5, 0, 0.5, 0])
    assert frame["total"].iloc[-1] == pytest.approx(1.5)


def test_the_breaker_timeline_is_what_the_breakers_did() -> None:
    clock = FakeClock(START)
    down = provider_error("openai", status=503)
    model = ScriptedChatModel(down, down, down, "back", name="m", clock=clock)
    router = ScaffoldingRouterLLM(models=[model], clock=clock, config=ScaffoldingConfig(breaker_threshold=3))
    history = follow(router, clock=clock)
    for _ in range(3):
        router.invoke("hello")
    health = router.health()[0]
    clock.advance(health.open_for_s + 2)
    router.invoke("hello")
    assert router.health()[0].state == "closed"
    frame = breaker_frame(history)
    assert frame[["model", "state", "error"]].to_numpy().tolist() == [
        ["m", "open", "overloaded"],
        ["m", "half-open", "overloaded"],
    ]
    lengths = (frame["end"] - frame["start"]).dt.total_seconds().tolist()
    assert lengths == pytest.approx([health.open_for_s, 2.0])
    assert len(breaker_frame(history, threshold=4)) == 0


def test_savings_compare_with_the_biggest_where_it_was_measured() -> None:
    router = ScaffoldingRouterLLM(
        models=[
            ScriptedChatModel(name="small", metadata={"size_gb": 1, "cost": 1.0}),
            ScriptedChatModel(name="big", metadata={"size_gb": 40, "cost": 10.0}),
        ]
    )
    history = history_of(
        attempt(1, "small", at=0, total_s=1.0, output_tokens=1000),
        attempt(2, "small", at=1, total_s=2.0, output_tokens=1000),
        attempt(3, "big", at=2, total_s=6.0, output_tokens=1000),
        attempt(4, "small", at=3, task="fill", output_tokens=None),
        attempt(5, "small", at=3, error=ErrorClass.TIMEOUT, total_s=99.0),
    )
    title = savings_frame(router, history).set_index("task").loc["title"]
    assert title["calls"] == title["compared"] == 3
    assert (title["seconds"], title["seconds_if_biggest"], title["seconds_saved"]) == (9.0, 18.0, 9.0)
    assert title["dollars"] == pytest.approx(0.012)
    assert title["dollars_saved"] == pytest.approx(0.018)
    fill = savings_frame(router, history).set_index("task").loc["fill"]
    assert (fill["calls"], fill["compared"]) == (1, 0)
    assert pd.isna(fill["seconds_saved"])
    assert pd.isna(fill["dollars_saved"])
    unsized = ScaffoldingRouterLLM(models=[ScriptedChatModel(name="m")])
    with pytest.raises(ConfigurationError, match="No model states its size"):
        savings_frame(unsized, history)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_are_exported_and_read_back(tmp_path: Path, suffix: str) -> None:
    frame = attempts_frame(history_of(attempt(1, EVIL, at=0), attempt(2, "b", at=1, error=ErrorClass.TIMEOUT)))
    path = export(frame, tmp_path / f"attempts{suffix}")
    back = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert back["model"].tolist() == [EVIL, "b"]
    assert back["total_s"].tolist() == [1.0, 1.0]
    if suffix == ".parquet":
        pd.testing.assert_frame_equal(back, frame)
    with pytest.raises(ConfigurationError, match=r"\.csv or \.parquet"):
        export(frame, tmp_path / "attempts.xls")


def test_ten_thousand_rows_are_shown_a_page_at_a_time() -> None:
    frame = pd.DataFrame({"task": "title", "model": [f"m{n}" for n in range(10_000)], "latency_p50_s": 0.25})
    first = pages(frame)
    html = first._repr_html_()
    assert html.count("<tr") == 51
    assert len(html) < 20_000
    assert "rows 1–50 of 10,000, page 1 of 200" in html
    assert "<td>m9999</td>" in first.page(200)._repr_html_()
    assert "250 ms" in html
    assert "rows 1–50 of 10,000" in repr(first)
    with pytest.raises(ConfigurationError, match="from 1 to 200"):
        first.page(201)
    with pytest.raises(ConfigurationError, match="at least 1"):
        pages(frame, rows=0)


def test_html_in_names_stays_text_in_tables_and_pictures() -> None:
    frame = attempts_frame(history_of(attempt(1, EVIL, at=0, task=EVIL), attempt(2, EVIL, at=1, task=EVIL)))
    for html in (pages(frame)._repr_html_(), frame._repr_html_(), _svg(latency_chart(frame))):
        assert "alert(1)" in html
        assert "<script" not in html
    assert "<td></td>" in pages(frame)._repr_html_()


def _svg(chart: Any) -> str:
    from vl_convert import vegalite_to_svg

    return str(vegalite_to_svg(chart.to_dict()))


def _long_history() -> History:
    history = history_of(
        *(
            attempt(n, "big" if n % 3 else "small", at=60.0 * n, task="title" if n % 2 else "fill", total_s=0.5 + n % 7)
            for n in range(300)
        ),
        *(attempt(300 + n, "big", at=18_000.0 + n, error=ErrorClass.TIMEOUT) for n in range(4)),
        attempt(999, "small", at=19_000.0),
    )
    for number in range(0, 300, 2):
        history.judge(f"d{number}", 0.5 + number % 5 / 10)
    return history


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (latency_chart, ["Seconds of an answer", "big", "small", "title", "fill"]),
        (choices_chart, ["Who answered", "big", "small", "(no model)"]),
        (feedback_chart, ["Feedback", "big", "small"]),
        (regret_chart, ["Regret", "feedback forgone"]),
        (breaker_chart, ["Models left alone", "big", "open", "half-open"]),
        (lambda source: savings_chart(_sized(), source), ["always the biggest", "as routed", "title"]),
    ],
    ids=["latency", "choices", "feedback", "regret", "breaker", "savings"],
)
def test_S21_pictures_are_drawn_and_stay_small(draw: Any, told: list[str]) -> None:
    chart = draw(_long_history())
    svg = _svg(chart)
    assert all(word in svg for word in told)
    assert len(chart.to_json()) < 60_000


@pytest.mark.parametrize("draw", [latency_chart, choices_chart, feedback_chart, regret_chart, breaker_chart])
def test_a_picture_of_nothing_is_empty_and_no_error(draw: Any) -> None:
    assert "<svg" in _svg(draw(History()))


def _sized() -> ScaffoldingRouterLLM:
    return ScaffoldingRouterLLM(
        models=[
            ScriptedChatModel(name="small", metadata={"size_gb": 1}),
            ScriptedChatModel(name="big", metadata={"size_gb": 40}),
        ]
    )


def test_the_latencies_in_the_picture_are_the_quantiles() -> None:
    history = history_of(*(attempt(n, "m", at=n, total_s=float(n + 1)) for n in range(101)))
    (row,) = latency_chart(history).data.to_dict("records")
    assert (row["answers"], row["p5"], row["p50"], row["p95"]) == (101, 6.0, 51.0, 96.0)


def test_what_slow_calls_took_is_in_the_history_of_a_real_router() -> None:
    clock = FakeClock()
    router = ScaffoldingRouterLLM(
        models=[ScriptedChatModel(Reply("fine", delay_s=2.0), name="slow", clock=clock)], clock=clock
    )
    history = follow(router)
    router.invoke("hello")
    assert attempts_frame(history)["total_s"].tolist() == [2.0]


@pytest.mark.parametrize(("missing", "ask"), [("pandas", statistics_frame), ("altair", latency_chart)])
def test_without_the_extra_the_install_line_is_told(missing: str, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r'pip install "langchain-scaffolding\[insight\]"'):
        ask(PerformanceTracker())
