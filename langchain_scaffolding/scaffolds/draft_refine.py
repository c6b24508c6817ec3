"""`draft_refine`: a quick model drafts, another one refines."""

# Annotations are evaluated: pydantic reads them.

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field, InstanceOf

from langchain_scaffolding.errors import RoutingError
from langchain_scaffolding.scaffolds.inputs import ScaffoldInput
from langchain_scaffolding.scaffolds.result import ScaffoldingResult
from langchain_scaffolding.scaffolds.scaffold import Scaffold
from langchain_scaffolding.tasks import Task, task_of

_REFINE = (
    "Improve this draft: correct what the material does not support, add what matters and is missing, cut what "
    "repeats. Keep the language and the form that were asked for, and answer with the improved version alone."
)


class DraftRefine(RunnableSerializable[ScaffoldInput, ScaffoldingResult]):
    """A scaffold that one model drafts and another refines; if the refined one is not usable, the draft is the answer.

    Attributes:
        drafting: The scaffold that drafts; its rule may do so, too.
        refiner: The model that refines.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    drafting: InstanceOf[Scaffold] = Field(repr=False)
    refiner: Any = Field(repr=False)

    def invoke(self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any) -> ScaffoldingResult:
        """The refined answer, else the draft."""

        def call(input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            draft = self.drafting.invoke(input, config, **options)
            refining = self._refining(draft)
            if refining is None:
                return draft
            try:
                refined = refining.invoke(input, config, **options)
            except RoutingError:
                return draft
            return _better(refined, draft)

        return self._call_with_config(cast("Any", call), input, config)

    async def ainvoke(
        self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any
    ) -> ScaffoldingResult:
        """The refined answer, else the draft."""

        async def call(input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            draft = await self.drafting.ainvoke(input, config, **options)
            refining = self._refining(draft)
            if refining is None:
                return draft
            try:
                refined = await refining.ainvoke(input, config, **options)
            except RoutingError:
                return draft
            return _better(refined, draft)

        return await self._acall_with_config(cast("Any", call), input, config)

    def _refining(self, draft: ScaffoldingResult) -> Scaffold | None:
        """The scaffold that refines a draft; `None` if there is none to refine."""
        task, prompt = self.drafting.task, self.drafting.task.prompt
        if prompt is None or draft.abstained:
            return None

        def with_draft(text: str, options: Mapping[str, Any]) -> list[BaseMessage]:
            return [*prompt(text, options), AIMessage(str(draft.content)), HumanMessage(_REFINE)]

        return Scaffold(
            task=replace(task, prompt=with_draft),
            model=self.refiner,
            options=self.drafting.options,
            fallback_to_rule_based=False,
        )


def _better(refined: ScaffoldingResult, draft: ScaffoldingResult) -> ScaffoldingResult:
    """The refined answer with a note of who drafted it, if a model gave it."""
    if refined.model_type != "llm":
        return draft
    routing = {**refined.routing, "draft": draft.routing}
    return refined.model_copy(update={"response_metadata": {**refined.response_metadata, "routing": routing}})


def draft_refine(task: str | Task, draft: Any, refine: Any = None, **options: Any) -> DraftRefine:
    """A scaffold that one model drafts and another refines.

    Args:
        task: The name of a known task, or a `Task`.
        draft: The chat model or router that drafts; `None` for the task's rule.
        refine: The one that refines; `None` for the same one.
        **options: Options of every call.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> small = ScriptedChatModel("- Boil water", name="small")
        >>> large = ScriptedChatModel("- Boil fresh water", name="large")
        >>> result = draft_refine("outline", small, large).invoke("How to make tea.")
        >>> result.points, result.routing["draft"]["model"]
        (['Boil fresh water'], 'small')
    """
    drafting = Scaffold(task=task_of(task), model=draft, options=options)
    return DraftRefine(drafting=drafting, refiner=draft if refine is None else refine)
