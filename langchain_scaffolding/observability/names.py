"""Every name that is told to OpenTelemetry.

Those that begin with `gen_ai.` and `error.` are of the semantic conventions for generative AI, which still move
(github.com/open-telemetry/semantic-conventions-genai); they are written here, and nowhere else. Our own begin with
`scaffolding.`.
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "langchain_scaffolding"

# --- attributes of the conventions
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - a piece of text
ERROR_TYPE: Final = "error.type"

CHAT: Final = "chat"
OUTPUT: Final = "output"

# --- metrics of the conventions, with the bounds of buckets that they ask for
DURATION: Final = "gen_ai.client.operation.duration"
DURATION_BOUNDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - a piece of text
TOKEN_BOUNDS: Final = tuple(float(4**power) for power in range(14))

# --- our own attributes
TASK: Final = "scaffolding.task"
DECISION: Final = "scaffolding.decision.id"
CANDIDATE: Final = "scaffolding.candidate"
SOURCE: Final = "scaffolding.source"
RANKED: Final = "scaffolding.ranked"
SCORES: Final = "scaffolding.scores"
REJECTED: Final = "scaffolding.rejected"
REJECTED_BY: Final = "scaffolding.rejected_by"
INPUT_TOKENS: Final = "scaffolding.input_tokens.estimated"
POLICY: Final = "scaffolding.policy"
PROPENSITY: Final = "scaffolding.propensity"
EXPLORED: Final = "scaffolding.explored"
ATTEMPT: Final = "scaffolding.attempt.number"
ATTEMPTS: Final = "scaffolding.attempts"
MEASURED: Final = "scaffolding.measured"
STATE: Final = "scaffolding.breaker.state"

# --- our own metrics
ROUTE_DURATION: Final = "scaffolding.route.duration"
ROUTE_ATTEMPTS: Final = "scaffolding.route.attempts"
REJECTIONS: Final = "scaffolding.rejections"
BREAKER: Final = "scaffolding.breaker.open"
ACCEPTANCE: Final = "scaffolding.acceptance"
FEEDBACK: Final = "scaffolding.feedback"

# --- names of spans
ROUTE_SPAN: Final = "route"

# --- providers, by what LangChain calls them, where the conventions call them otherwise
PROVIDERS: Final = {
    "amazon_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
}
UNKNOWN_PROVIDER: Final = "_OTHER"
