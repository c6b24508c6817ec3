"""The old service's names over the new one, for code that is not migrated yet.

| old | new |
|---|---|
| `TinyLlamaService` | `IntelligentScaffoldingService` |
| `ScaffoldResult`, `OutlineResult`, `SummaryResult` | `ScaffoldingResult` |
| `result.outline`, `result.summary`, `result.used_fallback` | `result.points`, `result.content`, `result.model_type` |
| `TinyLlamaConfig` | `ScaffoldingConfig` |

Making a service warns once, and says what to use instead.
"""

from langchain_scaffolding.tinyllama.results import (
    OutlineResult,
    ScaffoldResult,
    SummaryResult,
    TinyLlamaConfig,
    TinyLlamaHealthStatus,
)
from langchain_scaffolding.tinyllama.service import TinyLlamaService
from langchain_scaffolding.tinyllama.wrapping import get_tinyllama_service, wrap_tinyllama_service

__all__ = [
    "OutlineResult",
    "ScaffoldResult",
    "SummaryResult",
    "TinyLlamaConfig",
    "TinyLlamaHealthStatus",
    "TinyLlamaService",
    "get_tinyllama_service",
    "wrap_tinyllama_service",
]
