"""Routers and profiles out of files, which change while the program runs."""

from langchain_scaffolding.settings.profile_file import ProfileFile
from langchain_scaffolding.settings.router_file import options_from_file, performance_from_file
from langchain_scaffolding.settings.schema import json_schema

__all__ = ["ProfileFile", "json_schema", "options_from_file", "performance_from_file"]
