"""What a notebook keeps of a view: HTML and plain text, from recorded state alone. No script is in
it.
"""

from __future__ import annotations

import html
import os
import re
import sys
from functools import cache
from typing import Any

from agentkit.show.html import Html
from agentkit.show.notebook.page_files import KEPT, base, css, style
from agentkit.show.render.limits import STATIC, WHOLE
from agentkit.show.render.render import html_of, text_of
from agentkit.types.words import visible

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action"
    " 'none'"
)
WIDGET = "application/vnd.jupyter.widget-view+json"


def mimebundle(record: Any) -> Any:
    """Make what Jupyter shows of a record, a sequence of trajectories, or anything else that is
    drawn.

    Inside a kernel, what changes also has a view that lives; what is kept of it elsewhere is how it
    looked when it was shown.

    Returns:
        The data by mime type; with the metadata, where a widget has any: in Colab, where it says
        from where widgets are loaded.
    """
    kept = bundle(text_of(record), html_of(record, STATIC))
    if not _has_a_page():
        return kept
    from agentkit.show.notebook.display import begin, live_view

    view = live_view(record)
    if view is None:
        return kept
    begin(view)
    data, metadata = view._repr_mimebundle_() or ({}, {})
    alive = {**kept, WIDGET: data[WIDGET]}
    return (alive, metadata) if metadata else alive


def widget(record: Any) -> Any:
    """Find the view of a thing as a widget; what never changes is shown by one too."""
    from agentkit.show.notebook.display import begin, live_view
    from agentkit.show.notebook.views.conversation_view import StillView

    view = live_view(record) or StillView(record)
    if _has_a_page():
        begin(view)
    return view


def _has_a_page() -> bool:
    """Tell whether somebody may look at what a cell shows while the kernel runs.

    A program that only executes a notebook (nbclient, and so nbconvert; nbval; papermill) says that
    nobody can be asked for input. It would keep the widget's state, and an exporter that finds that
    shows an empty place instead of the HTML. Voila executes so too, but has a page.
    """
    kernel = getattr(
        getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)(), "kernel", None
    )
    asked: bool = getattr(kernel, "_allow_stdin", kernel is not None)
    return asked or (
        kernel is not None and os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    )


def bundle(plain: str, body: Html) -> dict[str, str]:
    """Make the two static mime types of a text and its markup."""
    return {
        "text/plain": plain,
        "text/html": f"<style>{_sheets(body)}</style>{body}",
    }


def _of_a_rollout(body: Html) -> bool:
    """Tell whether it has something that is styled as a part of a conversation; a table of rollouts
    has not.
    """
    names = {name for found in re.findall(r'class="([^"]*)"', body) for name in found.split()}
    return not names.isdisjoint(_rollout_classes()) or any(
        f"<{tag}" in body for tag in ("details", "del", "ins")
    )


def _sheets(body: Html) -> str:
    """Join the sheets of what is in it."""
    return (css() if _of_a_rollout(body) else base()) + _beside(body)


def _beside(body: Html) -> str:
    names = ("ak-beside", "ak-matrix", "ak-lanes", "ak-bands")
    two = style("beside") if any(name in body for name in names) else ""
    cards = "" if two or "ak-todo" not in body else style("beside/cards")
    return two + cards + (style("tokens/spans") if "ak-tokens" in body else "")


@cache
def _rollout_classes() -> frozenset[str]:
    kept = "".join(map(style, KEPT))
    return frozenset(re.findall(r"\.(ak-[\w-]+)", kept)) - frozenset(
        re.findall(r"\.(ak-[\w-]+)", base())
    )


def standalone(record: Any, title: str = "agentkit") -> str:
    """Write one HTML page that shows all of the record: no script, and nothing is loaded from
    anywhere.
    """
    body = html_of(record, WHOLE)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta'
        f' http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}"><meta'
        ' name="viewport" content="width=device-width"><meta name="color-scheme" content="light'
        f' dark"><title>{html.escape(visible(title))}</title><style>:root{{color-scheme:light'
        " dark}body{margin:0"
        f" auto;max-width:1100px;padding:1rem}}{css()}{_beside(body)}</style></head>"
        f"<body>{body}</body></html>\n"
    )
