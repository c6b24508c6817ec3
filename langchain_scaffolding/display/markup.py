"""HTML that is put together from elements, so that no text can become markup by being forgotten."""

from __future__ import annotations

from html import escape

from langchain_scaffolding.display.style import STYLE


class Markup(str):
    """Text that is HTML already. Whatever is no `Markup` is escaped where it is put into an element."""

    __slots__ = ()


_VOID = frozenset({"br", "hr"})


def element(name: str, *children: str, **attributes: str | None) -> Markup:
    """An element with its children; plain strings among them, and all attributes, are escaped.

    Args:
        name: The tag.
        *children: Text, or `Markup` that stays as it is.
        **attributes: Attributes; `class_` is `class`, an underscore within a name is a hyphen, `None` leaves it out.

    Example:
        >>> print(element("b", "<script>", title='"'))
        <b title="&quot;">&lt;script&gt;</b>
    """
    facts = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{name}{facts}>" if name in _VOID else f"<{name}{facts}>{inside}</{name}>")


def document(*children: str) -> str:
    """A whole picture with its style: a `div` that looks the same wherever it is shown."""
    style = Markup(f"<style>{STYLE}</style>")
    return str(element("div", style, *children, class_="lcs"))
