import functools
import operator
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.exceptions import ModelConnectionError
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_scaffolding.testing import RecordingHandler, Reply, ScriptedChatModel

CALLS = ({"name": "add", "args": {"a": 1, "b": 22}, "id": "c1"}, {"name": "now", "args": {}, "id": "c2"})
REPLIES = {
    "text": Reply("  Two words,\nthen  more. "),
    "empty": Reply(""),
    "explicit chunks": Reply(chunks=["al", "pha", "", " beta"]),
    "reasoning": Reply("yes", reasoning="let me think"),
    "tool calls": Reply("Calling.", tool_calls=CALLS),
    "only tool calls": Reply(tool_calls=CALLS, empty_first=True),
    "reasoning and tool calls": Reply(tool_calls=CALLS, reasoning="which tool"),
    "usage": Reply("x y", usage=(3, 4), response_metadata={"score": 0.5}, finish_reason="length"),
    "message": AIMessage("a b", id="msg-1", additional_kwargs={"refusal": "no", "reasoning_content": "hm hm"}),
    "blocks": Reply(
        [{"type": "text", "text": "one two", "annotations": [{"type": "citation"}]}, {"type": "image", "url": "u"}],
        reasoning="hm hm",
        tool_calls=CALLS,
    ),
}


async def collect(stream: AsyncIterator[Any]) -> list[Any]:
    return [chunk async for chunk in stream]


def merged(chunks: list[Any]) -> AIMessageChunk:
    return functools.reduce(operator.add, chunks)


def said(message: AIMessage) -> dict[str, Any]:
    """Everything but the run id and what only chunks have."""
    fields = message.model_dump(exclude={"type", "chunk_position", "tool_call_chunks", "id"})
    if not isinstance(message.content, str):
        fields["content"] = [{k: v for k, v in block.items() if k != "index"} for block in message.content]
    return fields


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
async def test_the_chunks_add_up_to_the_message_of_invoke(reply: Reply | AIMessage) -> None:
    model = ScriptedChatModel(reply)
    whole = model.invoke("hi")
    for chunks in (list(model.stream("hi")), [chunk async for chunk in model.astream("hi")]):
        assert said(merged(chunks)) == said(whole)
        assert merged(chunks).text == whole.text


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_only_the_last_chunk_has_usage_name_and_position(reply: Reply | AIMessage) -> None:
    *others, last = ScriptedChatModel(reply).stream("hi")
    assert last.chunk_position == "last"
    assert last.usage_metadata is not None
    assert last.response_metadata["model_name"] == "scripted"
    assert all(c.chunk_position is None and c.usage_metadata is None and not c.response_metadata for c in others)
    assert len({chunk.id for chunk in [*others, last]}) == 1


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("native_async", [True, False])
async def test_standard_content_is_the_same_streamed_and_whole(reply: Reply | AIMessage, native_async: bool) -> None:
    model = ScriptedChatModel(reply, output_version="v1", native_async=native_async)
    whole = await model.ainvoke("hi")
    streamed = merged([chunk async for chunk in model.astream("hi")])

    def blocks(message: AIMessage) -> list[dict[str, Any]]:
        return [{k: v for k, v in b.items() if k not in ("index", "id")} for b in message.content_blocks if b != {}]

    assert [b for b in blocks(streamed) if b.get("text") != ""] == [b for b in blocks(whole) if b.get("text") != ""]


def test_words_are_split_and_spacing_is_kept() -> None:
    chunks = [chunk.content for chunk in ScriptedChatModel(REPLIES["text"]).stream("hi")]
    assert chunks == ["  Two", " words,", "\nthen", "  more.", " ", ""]


def test_explicit_chunks_come_as_they_are() -> None:
    chunks = [chunk.content for chunk in ScriptedChatModel(REPLIES["explicit chunks"]).stream("hi")]
    assert chunks == ["al", "pha", "", " beta", ""]


def test_tool_calls_come_name_first_then_arguments_in_pieces_one_after_the_other() -> None:
    chunks = [c for chunk in ScriptedChatModel(REPLIES["tool calls"]).stream("hi") for c in chunk.tool_call_chunks]
    first = [(c["name"], c["id"], c["args"]) for c in chunks if c["index"] == 1]
    assert first[0] == ("add", "c1", "")
    assert "".join(args for _, _, args in first[1:]) == '{"a": 1, "b": 22}'
    assert len(first) == 4
    assert {(name, call_id) for name, call_id, _ in first[1:]} == {(None, None)}
    assert [c["index"] for c in chunks] == [1] * 4 + [2] * 3


def test_calls_of_later_answers_get_ids_of_their_own() -> None:
    model = ScriptedChatModel(Reply(tool_calls=({"name": "f"}, {"name": "f"})))
    ids = [call["id"] for _ in range(2) for call in model.invoke("hi").tool_calls]
    assert len(set(ids)) == 4


def test_broken_arguments_stream_as_they_are() -> None:
    reply = Reply(tool_calls=({"name": "f", "args": "not json"},))
    streamed = merged(list(ScriptedChatModel(reply).stream("hi")))
    assert streamed.tool_calls == []
    assert [(c["name"], c["args"]) for c in streamed.invalid_tool_calls] == [("f", "not json")]


def test_an_empty_first_chunk_says_nothing_and_is_not_waited_for() -> None:
    slept: list[float] = []
    model = ScriptedChatModel(Reply("a b", empty_first=True, first_token_s=2.0), sleep=slept.append)
    stream = model.stream("hi")
    first = next(stream)
    assert (first.content, first.tool_call_chunks, first.additional_kwargs, slept) == ("", [], {}, [])
    assert next(stream).content == "a"
    assert slept == [2.0]
    stream.close()


@pytest.mark.parametrize(
    ("error", "raised"),
    [(None, ModelConnectionError), (ValueError("cut"), ValueError), (OSError, OSError)],
)
@pytest.mark.parametrize(("after", "heard"), [(0, []), (2, ["a", " b"]), (99, ["a", " b", " c", ""])])
async def test_a_stream_breaks_after_so_many_chunks(error, raised, after, heard) -> None:
    model = ScriptedChatModel(Reply("a b c", break_after=after, error=error))
    seen = RecordingHandler()
    with pytest.raises(raised):
        list(model.stream("hi", {"callbacks": [seen]}))
    with pytest.raises(raised):
        await collect(model.astream("hi", {"callbacks": [seen]}))
    assert [event.value for event in seen.events if event.kind == "llm_new_token"] == heard * 2
    with pytest.raises(raised):
        model.invoke("hi")
    with pytest.raises(raised):
        await model.ainvoke("hi")
