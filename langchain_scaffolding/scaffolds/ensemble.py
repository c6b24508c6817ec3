"""`ensemble`: several models do one scaffold, and their answers are merged or put to the vote."""

# Annotations are evaluated: pydantic reads them.

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ContextThreadPoolExecutor
from langchain_core.runnables.utils import gather_with_concurrency

from langchain_scaffolding.rules.languages import guess_language
from langchain_scaffolding.rules.lists import MARKERS, Point, formatted
from langchain_scaffolding.rules.words import terms
from langchain_scaffolding.scaffolds.inputs import ScaffoldInput
from langchain_scaffolding.scaffolds.result import ScaffoldingResult
from langchain_scaffolding.scaffolds.several import SeveralModels, from_model
from langchain_scaffolding.tasks import Task, task_of

_RELEVANCE = 0.7
"""The weight of relevance against redundancy, as λ in the paper."""
_SAME = 0.6
"""Points that share so much of their words say the same."""

_Placed: TypeAlias = tuple[float, int, str, frozenset[str]]
"""A point with its relative place in its list, the number of that list, and its terms."""


class Ensemble(SeveralModels):
    """A scaffold that several models do, each on its own; deterministic, once their answers are there.

    The points of lists are merged by maximal marginal relevance: a point is relevant as far as the models agree on it,
    and redundant as far as one that was taken says the same (J. Carbonell, J. Goldstein, 1998, "The use of MMR,
    diversity-based reranking for reordering documents and producing summaries"). Of prose the answer is taken that the
    others resemble most.
    """

    width: int = 3

    def invoke(self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any) -> ScaffoldingResult:
        """The merged answer."""

        def call(input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            voices = self.voices(input, config, options)
            with ContextThreadPoolExecutor(max_workers=config.get("max_concurrency") or len(voices) or 1) as pool:
                answers = list(pool.map(lambda voice: voice.invoke(input, config, options), voices))
            values = self.values(input, config, options)
            return _merged(list(map(from_model, answers)), values) or self.by_rule(input, config, options, answers)

        return self._call_with_config(cast("Any", call), input, config)

    async def ainvoke(
        self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any
    ) -> ScaffoldingResult:
        """The merged answer."""

        async def call(input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            voices = self.voices(input, config, options)
            asking = [voice.ainvoke(input, config, options) for voice in voices]
            answers = await gather_with_concurrency(config.get("max_concurrency"), *asking)
            values = self.values(input, config, options)
            return _merged(list(map(from_model, answers)), values) or self.by_rule(input, config, options, answers)

        return await self._acall_with_config(cast("Any", call), input, config)


def _merged(answers: Sequence[ScaffoldingResult | None], values: Mapping[str, Any]) -> ScaffoldingResult | None:
    """What the usable answers say together; `None` if there is none."""
    given = [answer for answer in answers if answer is not None]
    if not given:
        return None
    central = given[most_alike(given)]
    lists = [answer.points for answer in given]
    if not all(lists) or len(given) == 1:
        return _signed(central, given)
    points = merge_points(lists, values.get("max_points") or max(map(len, lists)))
    own_style = "numbered" if str(central.content).startswith("1") else "bullet"
    style = values.get("style") if values.get("style") in MARKERS else own_style
    return _signed(central, given, formatted([Point(text=point) for point in points], str(style)), points)


def _signed(
    answer: ScaffoldingResult, given: Sequence[ScaffoldingResult], text: str | None = None, points: Sequence[str] = ()
) -> ScaffoldingResult:
    """An answer, or the text that was merged of several, with the names of all models that had a part in it."""
    routing = {**answer.routing, "models": [each.model_used for each in given]}
    metadata = {**answer.response_metadata, "routing": routing}
    if text is None:
        return answer.model_copy(update={"response_metadata": metadata})
    routing["model"] = "+".join(str(each.model_used) for each in given)
    metadata["scaffold"] = {**metadata["scaffold"], "points": list(points)}
    return answer.model_copy(update={"content": text, "response_metadata": metadata})


def merge_points(lists: Sequence[Sequence[str]], most: int) -> list[str]:
    """The points on which lists agree most, each once, in the order in which the lists have them.

    Example:
        >>> merge_points([["Compare the prices", "Add the shipping"], ["Compare prices", "Read reviews"]], 2)
        ['Compare the prices', 'Add the shipping']
    """
    language = guess_language("\n".join(point for each in lists for point in each))
    points = [
        (place / len(each), number, point, frozenset(terms(point, language)))
        for number, each in enumerate(lists)
        for place, point in enumerate(each)
    ]
    support = [_support(own, points, len(lists)) for _, _, _, own in points]
    taken: list[int] = []
    left = list(range(len(points)))
    while left and len(taken) < most:
        best = max(left, key=lambda index: (_marginal(index, taken, points, support), -points[index][0], -index))
        taken.append(best)
        left = [index for index in left if index != best and _likeness(points[index][3], points[best][3]) < _SAME]
    return [points[index][2] for index in sorted(taken, key=lambda index: (points[index][0], points[index][1]))]


def _support(own: frozenset[str], points: Sequence[_Placed], lists: int) -> float:
    """How far the lists agree on a point: the mean over them of the likeness of their closest point."""
    closest = [0.0] * lists
    for _, number, _, other in points:
        closest[number] = max(closest[number], _likeness(own, other))
    return sum(closest) / lists


def _marginal(index: int, taken: Sequence[int], points: Sequence[_Placed], support: Sequence[float]) -> float:
    redundancy = max((_likeness(points[index][3], points[other][3]) for other in taken), default=0.0)
    return _RELEVANCE * support[index] - (1 - _RELEVANCE) * redundancy


def most_alike(answers: Sequence[ScaffoldingResult]) -> int:
    """The index of the answer that the others resemble most; the first of equals."""
    words = [frozenset(terms(str(answer.content), guess_language(str(answer.content)))) for answer in answers]
    alike = [sum(_likeness(own, other) for other in words) for own in words]
    return alike.index(max(alike))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The Jaccard index of two sets of terms."""
    return len(one & other) / len(one | other) if one or other else 0.0


def ensemble(task: str | Task, models: Any, *, width: int = 3, **options: Any) -> Ensemble:
    r"""A scaffold that several models do, their points merged, or the answer taken that the others resemble most.

    Args:
        task: The name of a known task, or a `Task`.
        models: A list of chat models, or a router, whose best candidates for each call are taken.
        width: How many of a router's candidates.
        **options: Options of every call.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> answers = ["- Boil the water\n- Steep the leaves", "- Boil water\n- Warm the pot", "- Boil the water"]
        >>> models = [ScriptedChatModel(answer, name=f"m{number}") for number, answer in enumerate(answers)]
        >>> ensemble("outline", models).invoke("How to make tea.").points
        ['Boil the water', 'Steep the leaves', 'Warm the pot']
    """
    return Ensemble(task=task_of(task), models=models, width=width, options=options)
