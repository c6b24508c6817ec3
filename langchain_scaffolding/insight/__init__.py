"""What a router has done and learned, as tables and pictures, and what would change its choices.

`counterfactuals` needs nothing beyond the library; the rest needs `pip install "langchain-scaffolding[insight]"`.
"""

from langchain_scaffolding.insight.charts import (
    breaker_chart,
    choices_chart,
    feedback_chart,
    latency_chart,
    regret_chart,
    savings_chart,
)
from langchain_scaffolding.insight.counterfactuals import Counterfactual, counterfactuals
from langchain_scaffolding.insight.findings import breaker_frame, regret_frame, savings_frame
from langchain_scaffolding.insight.frames import attempts_frame, choices_frame, statistics_frame
from langchain_scaffolding.insight.history import History, follow
from langchain_scaffolding.insight.live import watch
from langchain_scaffolding.insight.tables import Pages, export, pages

__all__ = [
    "Counterfactual",
    "History",
    "Pages",
    "attempts_frame",
    "breaker_chart",
    "breaker_frame",
    "choices_chart",
    "choices_frame",
    "counterfactuals",
    "export",
    "feedback_chart",
    "follow",
    "latency_chart",
    "pages",
    "regret_chart",
    "regret_frame",
    "savings_chart",
    "savings_frame",
    "statistics_frame",
    "watch",
]
