"""The style of what is shown in notebooks, on light and dark pages."""

from __future__ import annotations

SERIES = 8
"""Colours that tell scorers apart; further ones begin again, and each bar says its name besides."""

_LIGHT = {
    "ink": "#1f2328",
    "soft": "#59636e",
    "line": "#d1d9e0",
    "back": "#ffffff",
    "good": "#1a7f37",
    "bad": "#b42318",
    "c0": "#3b6fd4",
    "c1": "#2b9a66",
    "c2": "#d9822b",
    "c3": "#8e5bd0",
    "c4": "#c2417c",
    "c5": "#2491a8",
    "c6": "#8a7a2f",
    "c7": "#6b7785",
}
_DARK = {
    "ink": "#e6edf3",
    "soft": "#9aa4af",
    "line": "#3d444d",
    "back": "#0d1117",
    "good": "#4ac26b",
    "bad": "#ff8a80",
    "c0": "#79a6f6",
    "c1": "#56c596",
    "c2": "#f0a95b",
    "c3": "#b794f0",
    "c4": "#ee86b3",
    "c5": "#62c4d8",
    "c6": "#cbb964",
    "c7": "#9aa7b5",
}

# what pages say of themselves, whatever the system prefers: JupyterLab and Notebook, VS Code, documentation sites
_IS_LIGHT = ("[data-jp-theme-light=true]", ".vscode-light", "[data-theme=light]")
_IS_DARK = ("[data-jp-theme-light=false]", ".vscode-dark", ".vscode-high-contrast", "[data-theme=dark]")


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--lcs-{name}:{colour};" for name, colour in colours.items())


def _rules() -> str:
    light, dark = _variables(_LIGHT), _variables(_DARK)
    colours = "".join(f"{_HERE} .c{number}{{background:var(--lcs-c{number})}}" for number in range(SERIES))
    return "".join([
        f".lcs{{{light}}}",
        f"@media (prefers-color-scheme:dark){{.lcs{{{dark}}}}}",
        f"{','.join(f'{page} .lcs' for page in _IS_LIGHT)}{{{light}}}",
        f"{','.join(f'{page} .lcs' for page in _IS_DARK)}{{{dark}}}",
        _LAYOUT.replace("@", _HERE),
        colours,
    ])  # fmt: skip


_HERE = ".lcs.lcs.lcs"
"""Said three times, so that rules of the page for all its tables give way."""

_LAYOUT = (
    "@{color:var(--lcs-ink);background:var(--lcs-back);font:13px/1.5 system-ui,sans-serif;"
    "padding:10px 12px;border:1px solid var(--lcs-line);border-radius:8px;max-width:1100px;overflow-x:auto}"
    "@ .head{font-size:14px;margin-bottom:4px}"
    "@ .soft{color:var(--lcs-soft)}@ .good{color:var(--lcs-good)}@ .bad{color:var(--lcs-bad)}"
    "@ .legend span{margin-right:12px;white-space:nowrap}"
    "@ .legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:4px}"
    "@ table{border-collapse:collapse;width:100%;table-layout:auto;margin:6px 0;color:inherit;background:none}"
    "@ tr,@ tbody tr:nth-child(odd),@ tbody tr:hover{background:none}"
    "@ th,@ td{padding:3px 10px 3px 0;border:0;border-top:1px solid var(--lcs-line);text-align:left;"
    "vertical-align:top;font-size:13px;color:inherit}"
    "@ th{font-weight:600;color:var(--lcs-soft);border-top:0}"
    "@ .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "@ .wide{width:34%;min-width:140px}"
    "@ .bar{display:flex;height:12px;margin-top:4px}"
    "@ .bar i{display:block;height:12px;min-width:1px}"
    "@ .bar i:last-child{border-radius:0 3px 3px 0}"
    "@ .bar .less{background-image:repeating-linear-gradient(45deg,transparent 0 3px,var(--lcs-back) 3px 6px)}"
    "@ .ok{background:var(--lcs-good)}@ .failed{background:var(--lcs-bad)}"
    "@ .first td{font-weight:600}@ .first .soft,@ .first td:last-child{font-weight:400}"
    "@ ul{margin:2px 0 2px 18px;padding:0}"
    "@ code{font:12px ui-monospace,monospace;background:none;color:inherit;padding:0;border:0}"
    "@ details{margin-top:6px}@ summary{cursor:pointer;color:var(--lcs-soft)}"
)

STYLE = _rules()
"""One style sheet, all of whose rules hold below the class `lcs` only."""
