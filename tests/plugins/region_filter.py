"""A filter from outside: what runs elsewhere does not get the call."""

from __future__ import annotations

from langchain_scaffolding import Candidate
from langchain_scaffolding.filters import cacheable
from langchain_scaffolding.request import RouteRequest


@cacheable
def stays_in_europe(request: RouteRequest, candidate: Candidate) -> str | None:
    region = candidate.tags.extra.get("region", "unknown")
    return None if region == "eu" else f"runs in region {region}, must stay in eu"
