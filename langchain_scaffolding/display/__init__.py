"""How rankings and records look: HTML for notebooks, tables for terminals.

This room knows the shapes of what it draws and not their classes, so that these can ask it to draw them.
"""

from langchain_scaffolding.display.html import ranking_html, record_html
from langchain_scaffolding.display.markup import Markup, document, element

__all__ = ["Markup", "document", "element", "ranking_html", "record_html"]
