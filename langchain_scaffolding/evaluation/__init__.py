"""Evaluating policies: on tables of what every model made of every query, and on one's own recorded traffic."""

from langchain_scaffolding.evaluation.calibration import Calibration, calibration
from langchain_scaffolding.evaluation.metrics import apgr, cpt, mean_and_error, recent_ranks, running_mean, trade_off
from langchain_scaffolding.evaluation.off_policy import Estimate, Logged, estimate, logged, what_if
from langchain_scaffolding.evaluation.replay import Replay, replay
from langchain_scaffolding.evaluation.report import Report, evaluate
from langchain_scaffolding.evaluation.table import Query, RoutingTable

__all__ = [
    "Calibration",
    "Estimate",
    "Logged",
    "Query",
    "Replay",
    "Report",
    "RoutingTable",
    "apgr",
    "calibration",
    "cpt",
    "estimate",
    "evaluate",
    "logged",
    "mean_and_error",
    "recent_ranks",
    "replay",
    "running_mean",
    "trade_off",
    "what_if",
]
