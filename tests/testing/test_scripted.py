import asyncio
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.exceptions import ContextOverflowError, ModelInvalidRequestError, ModelRateLimitError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import ConfigurableField

from langchain_scaffolding.testing import FakeClock, Reply, Script, ScriptedChatModel, provider_error

HOOKS = ("_stream", "_astream", "_agenerate", "bind_tools", "with_structured_output")


def own_hooks(model: BaseChatModel) -> set[str]:
    return {hook for hook in HOOKS if getattr(type(model), hook) is not getattr(BaseChatModel, hook)}


def pickled(model: ScriptedChatModel) -> ScriptedChatModel:
    return pickle.loads(pickle.dumps(model))


def test_items_are_answered_in_order_and_the_last_one_repeats() -> None:
    model = ScriptedChatModel("one", AIMessage("two"), Reply("three"))
    assert [model.invoke("hi").content for _ in range(4)] == ["one", "two", "three", "three"]
    assert model.calls == 4


def test_an_empty_script_says_ok() -> None:
    assert ScriptedChatModel().invoke("hi").content == "ok"


@pytest.mark.parametrize("error", [ModelRateLimitError("429"), ModelRateLimitError, KeyboardInterrupt])
def test_an_exception_or_its_class_is_raised_and_the_script_goes_on(error: BaseException | type[BaseException]) -> None:
    model = ScriptedChatModel(error, "better")
    with pytest.raises(error if isinstance(error, type) else type(error)):
        model.invoke("hi")
    assert model.invoke("hi").content == "better"


def test_a_repeated_exception_keeps_no_old_traceback() -> None:
    error = ValueError("again")
    model = ScriptedChatModel(error)
    lengths = []
    for _ in range(3):
        with pytest.raises(ValueError, match="again") as caught:
            model.invoke("hi")
        lengths.append(len(caught.traceback))
    assert lengths[0] == lengths[1] == lengths[2]


def test_a_function_answers_from_messages_and_keywords() -> None:
    def item(messages, kwargs):
        return ValueError("no stop") if "stop" not in kwargs else messages[-1].text.upper()

    model = ScriptedChatModel(item)
    assert model.invoke("hello", stop=["x"]).content == "HELLO"
    with pytest.raises(ValueError, match="no stop"):
        model.invoke("hello")


@pytest.mark.parametrize("item", [3, None, int, ["text"]])
def test_an_item_that_is_none_of_the_kinds_is_refused_at_construction(item: object) -> None:
    with pytest.raises(TypeError, match="A script cannot hold"):
        ScriptedChatModel("fine", item)


def test_positional_items_and_a_script_exclude_each_other() -> None:
    with pytest.raises(TypeError, match="not both"):
        ScriptedChatModel("one", script=Script(["two"]))


def test_the_answer_names_the_model_that_gave_it() -> None:
    model = ScriptedChatModel("a", name="tiny", provider="acme")
    metadata = model.invoke("hi").response_metadata
    assert metadata == {"finish_reason": "stop", "model_name": "tiny", "model_provider": "acme"}
    assert model.model_name == model.get_name() == "tiny"
    assert model._get_ls_params() == {"ls_provider": "acme", "ls_model_name": "tiny", "ls_model_type": "chat"}


def test_a_message_item_is_answered_as_a_fresh_copy_with_all_it_has() -> None:
    item = AIMessage(
        [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "yes"}],
        id="msg-1",
        tool_calls=[{"name": "f", "args": {}, "id": "1"}],
        response_metadata={"model_name": "real"},
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    )
    model = ScriptedChatModel(item)
    first, second = model.invoke("hi"), model.invoke("hi")
    assert first == second
    assert first is not second
    assert first.content == item.content
    assert first.content is not item.content
    assert (first.id, first.tool_calls, first.usage_metadata) == ("msg-1", item.tool_calls, item.usage_metadata)
    assert first.response_metadata["model_name"] == "real"
    assert item.response_metadata == {"model_name": "real"}


def test_a_reply_brings_usage_reasoning_finish_reason_and_metadata() -> None:
    reply = Reply("x", usage=(5, 7), reasoning="hm", finish_reason="length", response_metadata={"region": "eu"})
    message = ScriptedChatModel(reply).invoke("hi")
    assert message.usage_metadata == {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    assert message.additional_kwargs == {"reasoning_content": "hm"}
    assert message.response_metadata["finish_reason"] == "length"
    assert message.response_metadata["region"] == "eu"


def test_reasoning_is_a_block_where_the_content_is_blocks() -> None:
    message = ScriptedChatModel(Reply([{"type": "text", "text": "x"}], reasoning="hm")).invoke("hi")
    assert message.content == [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "x"}]


def test_usage_is_plausible_and_can_be_switched_off() -> None:
    usage = ScriptedChatModel("a short answer").invoke("x" * 400).usage_metadata
    assert usage is not None
    assert usage["input_tokens"] == 103
    assert usage["output_tokens"] == 4
    assert usage["total_tokens"] == 107
    assert ScriptedChatModel("a", usage=False).invoke("hi").usage_metadata is None


def test_a_cached_reply_carries_the_mark_of_langchains_cache() -> None:
    message = ScriptedChatModel(Reply("x", cached=True)).invoke("hi")
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_cost"] == 0


def test_invalid_arguments_make_an_invalid_tool_call() -> None:
    calls = ({"name": "f", "args": '{"a": 1}'}, {"name": "g", "args": '{"a"'})
    message = ScriptedChatModel(Reply(tool_calls=calls)).invoke("hi")
    assert [(c["name"], c["args"]) for c in message.tool_calls] == [("f", {"a": 1})]
    assert [(c["name"], c["args"]) for c in message.invalid_tool_calls] == [("g", '{"a"')]
    assert message.response_metadata["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("native_async", [True, False])
@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("tools", [True, False])
@pytest.mark.parametrize("structured", ["tool", "native", None])
async def test_what_an_option_takes_away_the_class_does_not_have(native_async, streams, tools, structured) -> None:
    model = ScriptedChatModel("a b", native_async=native_async, streams=streams, tools=tools, structured=structured)
    expected = {
        "_stream": streams,
        "_astream": streams and native_async,
        "_agenerate": native_async,
        "bind_tools": tools,
        "with_structured_output": structured is not None,
    }
    for made in (model, pickled(model), copy.deepcopy(model), copy.copy(model), model.model_copy()):
        assert own_hooks(made) == {hook for hook, there in expected.items() if there}
        assert isinstance(made, ScriptedChatModel)
        assert (made.native_async, made.streams) == (native_async, streams)
    assert (await model.ainvoke("hi")).content == "a b"
    assert len([chunk async for chunk in model.astream("hi")]) == (3 if streams else 1)
    kinds = [call.run_kind for call in model.history]
    assert kinds == [
        "ainvoke" if native_async else "invoke",
        ("astream" if native_async else "stream") if streams else ("ainvoke" if native_async else "invoke"),
    ]


class _Local(ScriptedChatModel):
    streams: bool = False


def test_a_subclass_may_change_the_defaults() -> None:
    model = _Local("a", native_async=False)
    assert own_hooks(model) == {"bind_tools", "with_structured_output"}
    assert own_hooks(_Local("a", streams=True)) == set(HOOKS)
    clone = pickled(model)
    assert isinstance(clone, _Local)
    assert own_hooks(clone) == own_hooks(model)


def test_shallow_copies_share_the_record_and_deep_ones_take_it_along() -> None:
    model = ScriptedChatModel("one", "two", "three")
    model.invoke("hi")
    assert model.model_copy(update={"name": "other"}).invoke("hi").content == "two"
    assert model.calls == 2
    for clone in (copy.deepcopy(model), pickled(model)):
        assert clone.calls == len(clone.history) == 2
        assert clone.invoke("hi").content == "three"
    assert model.calls == 2


def test_configurable_fields_keep_the_script_and_the_hooks() -> None:
    model = ScriptedChatModel("one", "two", streams=False)
    runnable = model.configurable_fields(temperature=ConfigurableField(id="heat"))
    config = {"configurable": {"heat": 0.5}}
    assert [runnable.invoke("hi", config).content for _ in range(2)] == ["one", "two"]
    assert model.calls == 2
    made, _ = runnable.prepare(config)
    assert own_hooks(made) == own_hooks(model)
    assert made.temperature == 0.5
    streaming = model.configurable_fields(streams=ConfigurableField(id="streams"))
    made, _ = streaming.prepare({"configurable": {"streams": True}})
    assert "_stream" in own_hooks(made)


def test_images_and_long_inputs_are_refused_by_models_that_cannot_take_them() -> None:
    image = HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}])
    assert ScriptedChatModel("seen").invoke([image]).content == "seen"
    with pytest.raises(ModelInvalidRequestError, match="cannot read images"):
        ScriptedChatModel(images=False).invoke([image])
    model = ScriptedChatModel("short", context_length=10)
    assert model.invoke("hi").content == "short"
    with pytest.raises(ContextOverflowError, match="takes 10 tokens, got 103"):
        model.invoke("x" * 400)


def test_history_holds_messages_keywords_and_hook() -> None:
    model = ScriptedChatModel("a")
    model.invoke("hi", stop=["x"], temperature=0.1)
    list(model.stream("ho"))
    first, second = model.history
    assert first.messages == (HumanMessage("hi"),)
    assert dict(first.kwargs) == {"stop": ["x"], "temperature": 0.1}
    assert (first.run_kind, second.run_kind) == ("invoke", "stream")


def test_a_script_without_record_only_counts() -> None:
    model = ScriptedChatModel(script=Script(["a"], record=False))
    model.invoke("hi")
    assert (model.calls, model.history) == (1, ())


def test_counts_are_exact_under_threads_and_each_item_is_given_once() -> None:
    model = ScriptedChatModel(*(str(number) for number in range(200)))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: model.invoke("hi").content, range(200)))
    assert sorted(answers, key=int) == [str(number) for number in range(200)]
    assert model.calls == len(model.history) == 200


async def test_counts_are_exact_over_a_thousand_tasks() -> None:
    model = ScriptedChatModel(Reply("a", delay_s=0.5), clock=(clock := FakeClock()))
    await asyncio.gather(*(model.ainvoke("hi") for _ in range(1000)))
    assert model.calls == 1000
    assert clock() == 500.0


def test_pauses_run_on_the_fake_clock() -> None:
    clock = FakeClock()
    model = ScriptedChatModel(Reply("a b c", delay_s=1.0, first_token_s=2.0, token_s=0.5), clock=clock)
    model.invoke("hi")
    assert clock() == 4.0
    arrivals = [(chunk.content, clock()) for chunk in model.stream("hi")]
    assert arrivals == [("a", 7.0), (" b", 7.5), (" c", 8.0), ("", 8.0)]


async def test_async_pauses_run_on_the_same_clock() -> None:
    clock = FakeClock()
    model = ScriptedChatModel(Reply("a b", first_token_s=2.0, token_s=0.5, empty_first=True), clock=clock)
    arrivals = [(chunk.content, clock()) async for chunk in model.astream("hi")]
    assert arrivals == [("", 0.0), ("a", 2.0), (" b", 2.5), ("", 2.5)]
    await model.ainvoke("hi")
    assert clock() == 5.0


def test_sleep_can_be_any_function() -> None:
    slept: list[float] = []
    ScriptedChatModel(Reply("a", delay_s=3.0), sleep=slept.append).invoke("hi")
    assert slept == [3.0]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"delay_s": -1.0}, "delay_s is -1.0"),
        ({"token_s": float("nan")}, "token_s is nan"),
        ({"break_after": -1}, "break_after is -1"),
        ({"error": ValueError}, "give break_after"),
        ({"content": "ab", "chunks": ["a", "c"]}, "add up to 'ac'"),
    ],
)
def test_a_reply_that_makes_no_sense_is_refused(fields, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        Reply(**fields)


def test_scripted_provider_errors_survive_pickle_and_deepcopy_of_the_model() -> None:
    model = ScriptedChatModel(provider_error("openai", status=429, retry_after=3))
    for clone in (copy.deepcopy(model), pickled(model)):
        with pytest.raises(Exception, match="429") as caught:
            clone.invoke("hi")
        assert caught.value.response.headers["retry-after"] == "3"


def test_tokens_are_counted_without_a_tokenizer() -> None:
    assert ScriptedChatModel().get_num_tokens("x" * 40) == 10


def test_threads_have_their_own_turn_in_the_script() -> None:
    seen: list[str] = []
    model = ScriptedChatModel(lambda messages, kwargs: threading.current_thread().name)
    thread = threading.Thread(target=lambda: seen.append(str(model.invoke("hi").content)), name="worker")
    thread.start()
    thread.join()
    assert seen == ["worker"]
