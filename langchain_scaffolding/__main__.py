"""`python -m langchain_scaffolding`."""

from langchain_scaffolding.cli import main

main()
