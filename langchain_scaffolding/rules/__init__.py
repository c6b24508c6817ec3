"""The floor below all models: extractive rules that need no model, no network and no data.

A rule takes a text and returns a `RuleAnswer` made of the text's own words, or abstains with a
labelled note. `RuleBasedChatModel` offers the rules as a LangChain chat model.

>>> from langchain_scaffolding.rules import BUILT_IN
>>> BUILT_IN["title"]("How do I reset my password on the company laptop?").text
'Reset my password on the company laptop'
"""

from langchain_scaffolding.rules.answer import Rule, RuleAnswer
from langchain_scaffolding.rules.built_in import BUILT_IN
from langchain_scaffolding.rules.generic import generic
from langchain_scaffolding.rules.model import RuleBasedChatModel

__all__ = ["BUILT_IN", "Rule", "RuleAnswer", "RuleBasedChatModel", "generic"]
