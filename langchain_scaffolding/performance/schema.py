"""The tables of a store, as of the newest version; `migrations` makes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text

metadata = MetaData()

versions = Table(
    "scaffolding_schema",
    metadata,
    Column("version", Integer, nullable=False),
    # tells databases apart, whatever URL leads to them
    Column("identity", Text, nullable=False),
)

# How far each recorder has written. Written in the transaction of the rows it counts, so whoever sees a position sees
# every row up to it: that, and not the order of a sequence of the database, is what makes reading exactly-once.
sources = Table(
    "scaffolding_sources",
    metadata,
    Column("id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("updated_at", Float, nullable=False),
)

outcomes = Table(
    "scaffolding_outcomes",
    metadata,
    Column("source", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("cold", Boolean, nullable=False),
    Column("task", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("error", Text),
    Column("total_s", Float),
    Column("first_token_s", Float),
    Column("output_tokens", BigInteger),
    Column("measured", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("run_id", Text),
    Column("policy", Text),
    Column("propensity", Float),
    # JSON in text: the driver would otherwise encode three columns of every row that has none
    Column("features", Text),
    Column("points", Text),
    Column("checks", Text),
    Index("scaffolding_outcomes_decision", "decision_id"),
    Index("scaffolding_outcomes_at", "at"),
)

feedback = Table(
    "scaffolding_feedback",
    metadata,
    Column("source", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("reason", Text),
    Index("scaffolding_feedback_decision", "decision_id"),
)
