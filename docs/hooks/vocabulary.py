"""The vocabulary as tables: problem codes and divergence classes, from the code itself, with what is said of each and how to see it.

Messages are taken from the calls `problem("code", "message")` in the source, so a page cannot say what the code no longer does.
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
from agentkit.divergence.classes import CLASSES
from agentkit.types import SEVERITIES

_CODES = """# Problem codes

What a model, a tool or a server got wrong is data: a `Problem` with a code. `error` means that the call or the turn cannot be used as it stands,
`warning` that it was handled, and is always shown. A code never gets a second meaning. They stand in `problem.code`, in `ak.problems_df(x)`, in
breakpoints (`ak.break_on.problem("arguments_truncated")`) and in filters (`ak.explore(x).filter("codes~arguments_truncated")`).

To see one, switch it on: `ak.testing.serve(script, faults=["arguments_truncated"])`. Where the fault has another name than the code, it stands in
brackets. In messages, `…` is what belongs to the case.

"""
_DIVERGENCES = """# Divergences

What `ak.compare` and `ak.diff` find is named by a class. The layers are searched from the wire up, and a class that lies deeper explains what
follows from it. Behaviour is blamed only after repeats: sampling noise is no divergence.

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
            rows = [[f"`{code}`", "<br>".join(filter(None, (_happens(code), _says(messages[code]))))] for code in codes]
            parts.append(f"## {severity.capitalize()}\n\n{_table(['code', 'what happens, and its message'], rows)}\n")
    return "\n".join(parts)


def _happens(code: str) -> str:
    """What the server does, by the fault that causes the code; of several, the one that bears its name."""
    causes = [fault for fault in ak.testing.faults() if code in fault.codes]
    if not causes:
        return ""
    fault = min(causes, key=lambda fault: (fault.name != code, len(fault.codes)))
    says = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(fault.says))
    return says if fault.name == code else f"{says} (`{fault.name}`)"


def _says(messages: list[str]) -> str:
    return "<br>".join(f"<small>{html.escape(message)}</small>" for message in sorted(dict.fromkeys(messages), key=len)[:2])


def _divergences() -> str:
    parts = [_DIVERGENCES]
    for layer in dict.fromkeys(entry.layer for entry in CLASSES.values()):
        rows = []
        for entry in (entry for entry in CLASSES.values() if entry.layer == layer):
            source = f' <a href="{entry.link}">source</a>' if entry.link else ""
            rows.append([f"`{entry.name}`", html.escape(entry.means) + source, html.escape(entry.mend), entry.severity])
        parts.append(f"## {layer.capitalize()}\n\n{_table(['class', 'what differs', 'what to do', 'usually'], rows)}\n")
    return "\n".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _messages() -> dict[str, list[str]]:
    """By code, the messages it is reported with."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in Path(ak.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="problem"), args=[ast.Constant(value=str(code)), message, *_]):
                    text = _template(message)
                    if text:
                        found[code].append(text)
    return found


def _template(message: ast.expr) -> str:
    """The text of a literal or an f-string, with an ellipsis for each value; "" for anything else."""
    match message:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values)
    return ""
