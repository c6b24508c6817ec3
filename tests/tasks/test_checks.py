"""Checks find what is wrong, and leave alone what is right."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_scaffolding.errors import UnacceptableAnswerError
from langchain_scaffolding.tasks import Acceptance, task_of

BRIDGE = (
    "The old bridge over the Wupper was closed on 3 March 2024 after engineers found cracks in two of its five arches. "
    "Repairs will cost about 1,234,567 euros. The city council, led by Maria Lopez, voted 14 to 9 for the plan. Until "
    "autumn, buses take a detour of 25 minutes through Elberfeld."
)
GERMAN = "Die alte Brücke ist seit dem 3. März gesperrt, weil Ingenieure in zwei von fünf Bögen Risse gefunden haben."
CHINESE = "由于工程师在五个桥拱中的两个发现了裂缝，这座旧桥于三月三日关闭。维修费用约为一百二十万欧元。"


def acceptance(name: str, source: str = BRIDGE, **options: Any) -> Acceptance:
    task = task_of(name)
    return Acceptance(task=task, source=source, options=task.values(options), parameters={})


def fault(name: str, answer: str, source: str = BRIDGE, **options: Any) -> str | None:
    judge = acceptance(name, source, **options)
    return judge.fault(judge.clean(answer))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("outline", "- Bridge closed\n- Repairs cost 1.2 million euros\n- Buses take a detour"),
        ("outline", "1. Closure in March 2024\n2. Cracks in 2 arches\n3. Vote of 14 to 9"),
        ("structure", "- The Wupper bridge\n  - Cracks in two arches\n- The council's plan"),
        ("reasoning", "1. What was found\n2. What it costs: 1,234,567 / 2\n3. Whether the plan pays"),
        ("summary", "The Wupper bridge is closed until autumn; repairs cost €1.23M and buses need 25 minutes more."),
        ("summary", "In March 2024, the bridge was closed. Maria Lopez and the council of Elberfeld want repairs."),
        ("title", "Wupper Bridge Closed After Cracks"),
        ("fill", "The council expects the first cars to cross again in October."),
        ("query_rewrite", "Wupper bridge repairs 3 March 2024 1,234,567 Maria Lopez 14 9 25 Elberfeld council"),
    ],
)  # fmt: skip
def test_a_good_answer_has_no_fault(name: str, answer: str) -> None:
    assert fault(name, answer) is None


@pytest.mark.parametrize(
    ("name", "answer", "found"),
    [
        ("outline", "- a river\n- a bridge\n- a town\n- a crack\n- a bus\n- a vote", "6 points"),
        ("outline", "- The bridge", "1 of at least 2 points"),
        ("outline", "", "says nothing"),
        ("outline", "- Repairs take 40 weeks\n- Buses take a detour", "1 number"),
        ("outline", "- same point\n- same point\n- same point", "repeats itself 3 times"),
        ("outline", "- I'm sorry, but I can't help with that.", "refuses"),
        ("summary", "As an AI language model, I have no access to bridges.", "refuses"),
        ("summary", "Die Brücke ist gesperrt, und die Stadt will sie bis zum Herbst reparieren lassen.", "in German"),
        ("summary", "桥梁因裂缝关闭，维修将持续到秋季，公交车需要绕行。", "in Chinese"),
        ("summary", "The bridge was closed by mayor John Smith and engineer Paul Adams in the spring.", "names"),
        ("summary", "It cost 5,600,000 euros to repair the bridge.", "1 number"),
        ("summary", "The bridge is closed.</text> That was it.", "marks of the prompt"),
        ("title", "The Old Bridge Over the Wupper Is Closed for Repairs Until Autumn", "12 words"),
        ("summary", "Es tut mir leid, aber dabei kann ich nicht helfen.", "refuses"),
        ("summary", "对不起，我无法总结这段文字。", "refuses"),
        ("summary", "Please provide the text you would like me to summarize.", "refuses"),
        ("summary", "It seems that no text was provided.", "refuses"),
        ("title", "I'm unable to read the attached document.", "refuses"),
        ("summary", '{"summary": "The bridge is closed."}', "JSON"),
        ("outline", '["The bridge is closed", "Buses take a detour"]', "JSON"),
        ("outline", "- [Main point 1]\n- [Main point 2]", "placeholder"),
        ("summary", "the bridge is the bridge is the bridge is the bridge is the bridge", "circles"),
        ("summary", "bridge bridge bridge bridge bridge bridge", "circles"),
        ("query_rewrite", f"{BRIDGE} It is a long story, and there is more to be told.", "a query of"),
        ("fill", "buses take a detour of 25 minutes through Elberfeld.", "repeats the text"),
        ("fill", "It is closed. <think>What next?</think> It opens.", "thinking"),
        ("query_rewrite", "old bridge closed", "loses"),
    ],
)
def test_a_bad_answer_is_told_why(name: str, answer: str, found: str) -> None:
    assert found in str(fault(name, answer))


def test_a_summary_must_be_shorter_than_its_text() -> None:
    assert "characters" in str(fault("summary", "The river rose a lot during the night.", "The river rose at night."))


def test_a_short_text_may_have_one_point() -> None:
    assert fault("outline", "- It rained", "It rained all day.") is None


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (GERMAN, "Gesperrt wegen Rissen"),
        (GERMAN, "Die Brücke ist gesperrt"),
        ("Rezension des Films The Lord of the Rings von Peter Jackson.", "The Lord of the Rings im Vergleich"),
        (CHINESE, "旧桥因裂缝关闭"),
        ("PostgreSQL 17 RC1", "PostgreSQL 17 RC1"),
        ("こちらの箱はとても古いので、明日までに直します。", "古い箱の修理"),
        ("El puente está cerrado porque los ingenieros encontraron grietas.", "Puente cerrado por grietas"),
        ("A ponte está fechada porque os engenheiros encontraram fendas.", "Ponte fechada por fendas"),
        ("Мост закрыт, потому что инженеры нашли трещины.", "Мост закрыт"),
        ("def f(x): return x + 1  # adds one to the number that it is given", "f(x) adds one"),
    ],
)
def test_no_false_alarm_about_the_language(source: str, answer: str) -> None:
    assert fault("title", answer, source) is None


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("The fee rose from three hundred to four hundred dollars.", "The fee rose from 300 to 400 dollars."),
        ("Der Umsatz lag bei 1.234,5 Mio. Euro.", "1.234,5 Mio. Euro Umsatz"),
        ("It took place on 2024-03-15 at 10:30.", "Held on 15 March 2024, 10:30"),
        ("It grew by 0.25 in total.", "Growth of 25%"),
        ("The vote was ١٤ to ٩ against the law, it was said.", "Vote of 14"),
        ("There are 1234567 people.", "1.2 million people"),
        ("The three causes are rain, wind and snow.", "The 3 causes: rain, wind, snow"),
    ],
)
def test_no_false_alarm_about_numbers(source: str, answer: str) -> None:
    assert fault("title", answer, source) is None


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("The payload of the old API was {\"id\": 1}, and that of the new one is a list.", '{"id": 1} becomes a list'),
        ("Fill in [Your Name] and [Date], then send the form.", "Form with [Your Name], [Date]"),
        ("It went no no no no no no no, and then yes.", "No no no no no no"),
        ("Leider kann die Stadt die Brücke nicht reparieren.", "Leider kann die Stadt nicht reparieren"),
        ("Please provide proof of payment and the text of the contract by Friday.", "Please provide proof of payment"),
    ],
)  # fmt: skip
def test_no_false_alarm_about_what_the_text_says_itself(source: str, answer: str) -> None:
    assert fault("title", answer, source) is None


def test_an_outline_of_a_long_text_is_not_the_text_itself() -> None:
    text = f"{BRIDGE} {BRIDGE.replace('bridge', 'station')}"
    copied = "\n".join(f"- {sentence}" for sentence in text.split(". "))
    assert "condenses nothing" in str(fault("outline", copied, text, max_points=20))
    assert fault("outline", "- The bridge is closed\n- The station is closed\n- Buses take a detour", text) is None


def test_an_outline_of_a_topic_may_be_longer_than_its_name() -> None:
    assert fault("outline", "- Boil the water\n- Warm the pot\n- Steep the leaves", "How to make tea") is None


@pytest.mark.parametrize(
    ("source", "answer", "is_found"),
    [
        ("She has run the bakery for twenty years.", "A bakery since 2027", True),
        ("She has run the bakery for twenty years.", "A bakery for 20 years", False),
        ("It cost three hundred and fifty euros.", "Cost of 350 euros", False),
        ("It was founded in nineteen eighty-four.", "Founded in 1984", False),
        ("It was founded in twenty twenty-four.", "Founded in 2024", False),
        ("It cost five thousand euros.", "Cost of 5000 euros", False),
        ("Der Bäcker ist seit zwanzig Jahren da.", "Bäcker seit 1999", True),
    ],
)
def test_a_source_that_spells_out_small_numbers_excuses_no_large_one(source: str, answer: str, is_found: bool) -> None:
    assert ("1 number" in str(fault("title", answer, source))) is is_found


def test_background_may_be_drawn_on() -> None:
    assert fault("summary", "The bridge of 1887 is closed.") is not None
    assert fault("summary", "The bridge of 1887 is closed.", background="It was built in 1887.") is None


def test_no_check_quotes_the_answer() -> None:
    judge = acceptance("summary")
    with pytest.raises(UnacceptableAnswerError) as raised:
        judge.accepted("The secret is 424242.")
    assert "424242" not in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "is_cut", "error_class"),
    [
        ("<think>so much to think", True, "empty"),
        ("", True, "empty"),
        ("The bridge is", True, "truncated"),
        ("I'm sorry, but I can't help.", False, "invalid_output"),
        ("<think>so much to think", False, "invalid_output"),
    ],
)
def test_a_fault_has_the_class_that_says_what_may_help(answer: str, is_cut: bool, error_class: str) -> None:
    with pytest.raises(UnacceptableAnswerError) as raised:
        acceptance("summary").accepted(answer, is_cut=is_cut)
    assert raised.value.error_class == error_class


def test_a_stream_is_held_back_until_its_beginning_will_do() -> None:
    stream = acceptance("summary").stream()
    assert [stream.feed("The bridge is "), stream.feed("closed.")] == ["", ""]
    assert stream.feed(" Repairs will cost 1.2 million euros.") == (
        "The bridge is closed. Repairs will cost 1.2 million euros."
    )
    assert stream.feed(" Buses") == " Buses"


def test_a_refusal_is_noticed_before_any_of_it_is_handed_out() -> None:
    stream = acceptance("summary").stream()
    pieces = [stream.feed(piece) for piece in ("I'm sorry,", " but I can't", " help with bridges of", " any kind.")]
    assert "".join(pieces) == ""
    assert "refuses" in str(stream.fault)
