"""The vocabulary as tables, from the code itself: problem codes and divergence classes.

What a page says about a code is taken from the calls `problem("code", "message")` in the source and
from the faults that cause it, so that it cannot say what the code no longer does.
"""

from __future__ import annotations

import ast
import html
import re
from collections import defaultdict
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import agentkit as ak
from agentkit.analysis.divergence.classes import CLASSES
from agentkit.types.problem import SEVERITIES

_CODES = """# Problem codes

What a model, a tool or a server got wrong is data: a `Problem` with a code. `error` means that the
call or the turn cannot be used as it is, `warning` that it was handled, and is always shown. A
code never gets a second meaning. They are in `problem.code`, `ak.problems_df(x)`, in breakpoints
(`ak.break_on.problem("arguments_truncated")`) and in filters
(`ak.explore(x).filter("codes~arguments_truncated")`).

To see one, switch it on: `ak.testing.serve(script, faults=["arguments_truncated"])`. A fault
with another name than the code is in brackets. Small: the message, with `…` for what belongs
to the case.

"""
_DIVERGENCES = """# Divergences

What `ak.compare` and `ak.diff` find is named by a class. The layers are searched from the wire up,
and a class that lies deeper explains what follows from it. Behaviour is blamed only after repeats:
sampling noise is no divergence.

"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the two pages."""
    files.append(File.generated(config, "reference/problem_codes.md", content=_problem_codes()))
    files.append(File.generated(config, "reference/divergences.md", content=_divergences()))
    return files


def _problem_codes() -> str:
    messages = _messages()
    parts = [_CODES]
    for severity in ("error", "warning", "info"):
        codes = [code for code, found in SEVERITIES.items() if found == severity]
        if codes:
            rows = [[f"`{code}`", _meaning(code, messages[code])] for code in codes]
            table = _table(["code", "what happens, and its message"], rows)
            parts.append(f"## {severity.capitalize()}\n\n{table}\n")
    return "\n".join(parts)


def _happens(code: str) -> str:
    """Say what the server does, by the fault that causes the code."""
    causes = [fault for fault in ak.testing.faults() if code in fault.codes]
    if not causes:
        return ""
    fault = min(causes, key=lambda fault: (fault.name != code, len(fault.codes)))
    says = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(fault.says))
    return says if fault.name == code else f"{says} (`{fault.name}`)"


def _meaning(code: str, messages: list[str]) -> str:
    shortest = sorted(dict.fromkeys(messages), key=len)[:2]
    lines = [_happens(code), *(f"<small>{html.escape(message)}</small>" for message in shortest)]
    return "<br>".join(filter(None, lines))


def _divergences() -> str:
    parts = [_DIVERGENCES]
    for layer in dict.fromkeys(entry.layer for entry in CLASSES.values()):
        rows = []
        for entry in (entry for entry in CLASSES.values() if entry.layer == layer):
            source = f' <a href="{entry.link}">source</a>' if entry.link else ""
            means, hint = html.escape(entry.means) + source, html.escape(entry.hint)
            rows.append([f"`{entry.name}`", means, hint, entry.severity])
        table = _table(["class", "what differs", "what to do", "usually"], rows)
        parts.append(f"## {layer.capitalize()}\n\n{table}\n")
    return "\n".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """Write the text on one line, without what would end the cell."""
    return " ".join(text.split()).replace("|", "&#124;")


def _messages() -> dict[str, list[str]]:
    """Collect, by code, the messages it is reported with."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in Path(ak.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="problem"), args=[ast.Constant(value=str(code)), message, *_]
                ):
                    found[code] += filter(None, [_template(message)])
    return found


def _template(message: ast.expr) -> str:
    """Give the text of a literal or f-string, with … for each value; "" for anything else."""
    match message:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            shown = (str(v.value) if isinstance(v, ast.Constant) else "…" for v in values)
            return "".join(shown)
    return ""
