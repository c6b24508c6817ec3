"""What only the real weights can show: `make test-local`, after `models get smollm2-q8`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from langchain_scaffolding.discovery.gguf import read_gguf
from langchain_scaffolding.local.engine import local_models

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.local, pytest.mark.allow_hosts(["127.0.0.1"])]


def test_the_header_of_the_real_file(smollm2: Path) -> None:
    header = read_gguf(smollm2)
    assert (header.parameters, header.quantization, header.context_length) == (134_515_008, "Q4_1", 8192)
    assert header.licence == "apache-2.0"
    assert header.chat_template


def test_both_sizes_answer_in_one_program(smollm2: Path, smollm2_q8: Path) -> None:
    models = local_models(["smollm2", "smollm2-q8"], n_ctx=1024, n_threads=1, temperature=0, max_completion_tokens=40)
    for model in models:
        message = model.invoke("List three steps to make tea.")
        assert "water" in message.text.lower()
        assert message.response_metadata["model_name"] == (model.metadata or {})["name"]
    small, large = ((model.metadata or {})["size_gb"] for model in models)
    assert small < large
    assert [(model.metadata or {})["quantization"] for model in models] == ["Q4_1", "Q8_0"]


def test_the_real_model_is_held_to_a_schema_and_counts_its_tokens(smollm2: Path) -> None:
    class City(BaseModel):
        name: str

    (model,) = local_models([smollm2], n_ctx=1024, n_threads=1, temperature=0, max_completion_tokens=60)
    assert isinstance(model.with_structured_output(City).invoke("Name the capital of France."), City)
    question = [HumanMessage("What is the capital of France?")]
    usage = model.invoke(question).usage_metadata
    assert usage is not None
    assert model.get_num_tokens_from_messages(question) == usage["input_tokens"]
