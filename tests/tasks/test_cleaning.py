"""Thinking, preambles and closings come off once, however the answer is cut into chunks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_scaffolding.tasks import known_tasks, task_of
from langchain_scaffolding.tasks.acceptance import Acceptance
from langchain_scaffolding.tasks.cleaning import Cleaner, line_cleaner, list_cleaner, prose_cleaner

CLEANERS: dict[str, Callable[[], Cleaner]] = {
    "prose": lambda: prose_cleaner("Summary", "Title"),
    "line": lambda: line_cleaner("Title"),
    "list": lambda: list_cleaner("numbered"),
}
FRAGMENTS = (
    "<think>", "</think>", "<thi", "nk>", "[THINK]", "[/think]", "Sure", "!", ", ", " ", "Here is", " a summary:", "\n",
    "\n\n", "The river rose.", "Let me know if you", " need more", "- a", "1. b", "12. 2024", "**", '"', "```", ":",
    "Summary", "Title: ", "x", "。", "<summary>", "</summary>", "Of course, ", "here are the points:\n", ".", "'",
    "<|im_end|>", "<|im_", "start|>assistant\n", "</s>", "[INST]", "(Note: this summary is short.)", "Word count: 5",
    "---", "Based on the text, ", "Assistant: ", "### Response:\n",
    "As requested, ", "<|start_header_id|>", "<end_of_turn>",
    "U.S.", "I hope this helps", "#", "\n## ", " Okay", "如果您需要", "当然！",
)  # fmt: skip


def cleaned(cleaner: Cleaner, *pieces: str) -> str:
    return "".join(map(cleaner.feed, pieces)) + cleaner.end()


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=5)), max_size=14),
    st.sampled_from(sorted(CLEANERS)),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_chunk_borders_change_nothing(parts: list[str], kind: str, cuts: list[int]) -> None:
    text = "".join(parts)
    whole = cleaned(CLEANERS[kind](), text)
    borders = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    pieces = [text[start:end] for start, end in pairwise(borders)]
    assert cleaned(CLEANERS[kind](), *pieces) == whole
    assert cleaned(CLEANERS[kind](), *text) == whole


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("<think>Hm, short.</think>\nThe river rose.", "The river rose."),
        ("<think>a</think><think>b</think>The river rose.", "The river rose."),
        ("[THINK]a[/THINK]The river rose.", "The river rose."),
        ("◁think▷a◁/think▷The river rose.", "The river rose."),
        ("<think>it never ends", ""),
        ("The tag <think> opens.", "The tag <think> opens."),
        ("Sure! Here is a summary of the text:\n\nThe river rose.", "The river rose."),
        ("Certainly, here's the summary: The river rose.", "The river rose."),
        ("Of course. The river rose.", "The river rose."),
        ("Klar! Hier ist die Zusammenfassung:\nDer Fluss stieg.", "Der Fluss stieg."),
        ("Voici le résumé :\nLe fleuve est monté.", "Le fleuve est monté."),
        ("当然！以下是摘要：\n河水上涨。", "河水上涨。"),
        ("Summary: The river rose.", "The river rose."),
        ("**Summary:** The river rose.", "The river rose."),
        ("## Summary\n\nThe river rose.", "The river rose."),
        ("```\nThe river rose.\n```", "The river rose."),
        ("<summary>The river rose.</summary>", "The river rose."),
        ("The river rose.\n\nLet me know if you need more!", "The river rose."),
        ("The river rose. I hope this helps!", "The river rose."),
        ("The river rose.\n\nIch hoffe, das hilft dir weiter.", "The river rose."),
        ("<|im_start|>assistant\nThe river rose.<|im_end|>", "The river rose."),
        ("The river rose.</s>", "The river rose."),
        ("The river rose.<end_of_turn>\n<start_of_turn>user\nAnd then?", "The river rose."),
        ("[/INST] The river rose. [INST] Another text", "The river rose."),
        ("<think>Hm.<|end|></think>The river rose.<|return|>", "The river rose."),
        ("Assistant: The river rose.", "The river rose."),
        ("### Response:\nThe river rose.", "The river rose."),
        ("As requested, here is the summary: The river rose.", "The river rose."),
        ("Based on the text provided, here's a summary:\n\nThe river rose.", "The river rose."),
        ("Thank you for the text. Here is my summary:\nThe river rose.", "The river rose."),
        ("Certainly. Below is a summary.\n\nThe river rose.", "The river rose."),
        ("The river rose.\n\n(Note: This summary leaves out the names.)", "The river rose."),
        ("The river rose.\n\n**Note:** I left out the names.", "The river rose."),
        ("The river rose.\n\n---\nWord count: 3", "The river rose."),
        ("The river rose. Note the date: 3 May.", "The river rose. Note the date: 3 May."),
        ("Based on three wells, the river rose.", "Based on three wells, the river rose."),
        ("Assistants are paid: 12 euros.", "Assistants are paid: 12 euros."),
        ("If a < b, the river rose.", "If a < b, the river rose."),
        ("Sure, the river rose.", "Sure, the river rose."),
        ("Here is where the river turns: the old mill.", "Here is where the river turns: the old mill."),
        ("Apply soon. If you need a permit, apply by May.", "Apply soon. If you need a permit, apply by May."),
        ("Let me know my fate, said the king.", "Let me know my fate, said the king."),
        ("Great rivers rise.", "Great rivers rise."),
    ],
)
def test_prose_without_what_is_said_around_it(said: str, meant: str) -> None:
    assert cleaned(prose_cleaner("Summary"), said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ('"A Rising River"', "A Rising River"),
        ("**Title: A Rising River**", "A Rising River"),
        ('Title: "A Rising River."', "A Rising River"),
        ("# A Rising River\n\nThis title says it all.", "A Rising River"),
        ("1. A Rising River\n2. The Flood", "A Rising River"),
        ("A Rising River.", "A Rising River"),
        ('The "Great" Flood', 'The "Great" Flood'),
        ("12 Angry Rivers", "12 Angry Rivers"),
        ("A river in the U.S.", "A river in the U.S."),
        ("「洪水」", "洪水"),
        ("<title>A Rising River</title>", "A Rising River"),
        ("Why rivers rise?", "Why rivers rise?"),
        ("", ""),
    ],
)
def test_the_first_line_without_what_is_put_around_it(said: str, meant: str) -> None:
    assert cleaned(line_cleaner("Title"), said) == meant


@pytest.mark.parametrize("style", ["bullet", "numbered", "roman"])
def test_a_list_comes_in_the_style_that_was_asked_for(style: str) -> None:
    said = "Sure! Here you go:\n\n* **Rain** fell\n* 3D maps\n\nLet me know if you need more."
    markers = {"bullet": ("-", "-"), "numbered": ("1.", "2."), "roman": ("I.", "II.")}[style]
    assert cleaned(list_cleaner(style), said) == f"{markers[0]} **Rain** fell\n{markers[1]} 3D maps"


def test_headings_come_as_a_list() -> None:
    assert cleaned(list_cleaner("bullet"), "# Rain\n## Cold rain\n# Sun") == "- Rain\n  - Cold rain\n- Sun"


def test_prose_streams_by_tokens_and_lists_by_points() -> None:
    prose, points = prose_cleaner(), list_cleaner("bullet")
    assert [prose.feed(piece) for piece in ("Rivers", " rise", " now")] == ["Rivers", " rise", " now"]
    assert [points.feed(piece) for piece in ("1. Ra", "in\n2.", " Sun\n")] == ["", "- Rain", "\n- Sun"]


def test_a_text_about_chat_templates_may_be_told_with_their_marks() -> None:
    task = task_of("summary")
    source = "A turn ends with <|im_end|> in ChatML, and with </s> in the templates of Llama 2 and Mistral."
    acceptance = Acceptance(task=task, source=source, options=task.values({}), parameters={})
    assert acceptance.accepted("ChatML ends a turn with <|im_end|>.") == "ChatML ends a turn with <|im_end|>."


def test_thinking_whose_beginning_the_template_wrote_comes_off_a_whole_answer() -> None:
    task = task_of("title")
    acceptance = Acceptance(task=task, source="The river rose.", options=task.values({}), parameters={})
    assert acceptance.clean("The user wants a title.\n</think>\n\nA Rising River") == "A Rising River"


@pytest.mark.parametrize("name", [name for name, task in known_tasks().items() if not task.is_label])
def test_a_clean_answer_stays_as_it_is(name: str) -> None:
    task = task_of(name)
    answer = {"reasoning": "1. Read\n2. Think", "outline": "- Rain\n- Sun", "structure": "- Rain\n  - wet\n- Sun"}
    text = answer.get(name, "The river rose in the night")
    assert cleaned(task.cleaner(task.values({})), text) == text
