"""A comparison as the body of a bug report."""

from __future__ import annotations

from collections.abc import Iterator

from agentkit.analysis.compare.comparison import Comparison
from agentkit.show.export.code.shell import curl
from agentkit.show.render.analysis.findings import found_where, worst_first
from agentkit.show.render.parts.pretty import verbatim
from agentkit.types.record import clip
from agentkit.types.words import visible


def issue_body(comparison: Comparison) -> str:
    """Write a bug report in Markdown: the findings with excerpts, how to repeat them, and how sure
    they are.

    What a model or a server sent appears escaped, or inside fences that it cannot close.
    """
    parts = [f"### {_inline(comparison.heading())}", ""]
    for finding in (f for f in comparison.findings if f.divergences and f.severity != "cosmetic"):
        first = min(finding.divergences, key=worst_first)
        where = _inline(found_where(finding).lstrip(", "))
        parts += [
            f"#### {finding.class_} ({finding.severity}) {where}",
            "",
            _inline(clip(first.cause, 400)),
            "",
        ]
        for name, side in zip(first.sides, (first.left, first.right), strict=True):
            parts += [
                f"{_inline(name)} `{side.pointer or '/'}`:",
                _fenced(verbatim(side.value), "json"),
                "",
            ]
        parts += [f"Known: {first.link}", ""] if first.link else []
    parts += ["#### To repeat it", "", *_commands(comparison), "#### How sure this is", ""]
    parts += [
        f"- {row.measure}, {_inline(row.side)} beside {_inline(row.other)}: {_inline(row.says)}"
        for row in comparison.stats
        if row.other
    ]
    return "\n".join(parts) + "\n"


def _commands(comparison: Comparison) -> Iterator[str]:
    """Write the first request that shows a difference, as a command for each side."""
    first = next((d for d in comparison.divergences if d.severity != "cosmetic"), None)
    if first is None:
        return
    for name, trajectory in zip(
        first.sides, next(iter(comparison.pairs(first.prompt, first.sides)), ()), strict=False
    ):
        yield f"{_inline(name)}:"
        yield _fenced(curl(trajectory, min(first.turn, len(trajectory.turns))), "sh")
        yield ""


def _fenced(text: str, kind: str) -> str:
    shown = visible(text)
    fence = "```"
    while fence in shown:
        fence += "`"
    return f"{fence}{kind}\n{shown}\n{fence}"


def _inline(text: str) -> str:
    """Escape a text for a line of Markdown: it is never markup, a mention or a link."""
    escaped = "".join(f"\\{ch}" if ch in "\\`*_[]<>#|!~" else ch for ch in visible(clip(text, 500)))
    return escaped.replace("@", "@\u200b").replace("://", ":\u200b//")
