"""`race`: several models do one scaffold, and the first usable answer is taken."""

# Annotations are evaluated: pydantic reads them.

import asyncio
import queue
import threading
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from langchain_scaffolding.scaffolds.inputs import ScaffoldInput
from langchain_scaffolding.scaffolds.result import ScaffoldingResult
from langchain_scaffolding.scaffolds.several import Said, SeveralModels, Voice, from_model
from langchain_scaffolding.tasks import Task, task_of


class Race(SeveralModels):
    """A scaffold that several models work on at once; the first usable answer is taken, the others are left behind.

    It costs every model's call and takes the time of the fastest. Async calls of the others are cancelled; Python
    cannot stop a thread, so sync calls of the others run to their end unheard.
    """

    def invoke(self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any) -> ScaffoldingResult:
        """The first usable answer."""

        def call(input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            voices = self.voices(input, config, options)
            answers: queue.SimpleQueue[Said | _Fault] = queue.SimpleQueue()
            failed: list[Said] = []
            for voice in voices:
                work = copy_context()
                threading.Thread(
                    target=work.run, args=(_answer, voice, input, config, options, answers), daemon=True
                ).start()
            for _ in voices:
                answer = answers.get()
                if isinstance(answer, _Fault):
                    raise answer.error
                result = from_model(answer)
                if result is not None:
                    return result
                failed.append(answer)
            return self.by_rule(input, config, options, failed)

        return self._call_with_config(cast("Any", call), input, config)

    async def ainvoke(
        self, input: ScaffoldInput, config: RunnableConfig | None = None, **options: Any
    ) -> ScaffoldingResult:
        """The first usable answer."""

        async def call(input: ScaffoldInput, config: RunnableConfig) -> ScaffoldingResult:
            voices = self.voices(input, config, options)
            waiting = {asyncio.ensure_future(voice.ainvoke(input, config, options)) for voice in voices}
            failed: list[Said] = []
            try:
                while waiting:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for each in done:
                        result = from_model(each.result())
                        if result is not None:
                            return result
                        failed.append(each.result())
            finally:
                for each in waiting:
                    each.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            return self.by_rule(input, config, options, failed)

        return await self._acall_with_config(cast("Any", call), input, config)


@dataclass(frozen=True, slots=True)
class _Fault:
    """An error that is no model's failure."""

    error: BaseException


def _answer(
    voice: Voice,
    input: ScaffoldInput,
    config: RunnableConfig,
    options: dict[str, Any],
    answers: "queue.SimpleQueue[Said | _Fault]",
) -> None:
    try:
        answers.put(voice.invoke(input, config, options))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised in the caller's thread
        answers.put(_Fault(error))


def race(task: str | Task, models: Any, *, width: int = 2, **options: Any) -> Race:
    """A scaffold that several models work on at once; the first usable answer is taken.

    Args:
        task: The name of a known task, or a `Task`.
        models: A list of chat models, or a router, whose best candidates for each call are taken.
        width: How many of a router's candidates.
        **options: Options of every call.

    Example:
        >>> from langchain_scaffolding.testing import ScriptedChatModel
        >>> fast, lame = ScriptedChatModel("Rain at Last", name="fast"), ScriptedChatModel("", name="lame")
        >>> race("title", [lame, fast]).invoke("It rained in the whole valley.").model_used
        'fast'
    """
    return Race(task=task_of(task), models=models, width=width, options=options)
