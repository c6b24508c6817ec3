"""Results: whole answers, kept under everything that changes them."""

from langchain_scaffolding.results.cache import Inquiry, LocalCache, ResultCache

__all__ = ["Inquiry", "LocalCache", "ResultCache"]
