"""What a file that nobody can read looks like, for the one line that refuses it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from agentkit.errors import CassetteError
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.input.yaml_log import has_yaml, looks_like_yaml
from agentkit.types.record import clip

READ = (
    "read are cassettes, chat messages, requests and answers of the three APIs, data sets"
    " (ShareGPT, xLAM, …), runs of evaluations and trainers (Inspect, verifiers, tau, SWE-agent,"
    " ATIF, …), traces, sessions of agents, VCR, HAR and saved streams, as JSON, JSON Lines or"
    " Parquet: the guide's page on formats lists them"
)
"""What would be read instead."""
_LOG = re.compile(
    r"(?:\x1b\[\d+m)*[\[(]?(?:INFO|WARNING|ERROR|DEBUG|CRITICAL|TRACE|\d{4}-\d\d-\d\d[T ]\d\d:\d\d)"
)
_HTML = re.compile(r"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)
_PROMPT = "<|im_start|>"
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_KEYS = 8
_AUTOGEN = (
    *("TextMessage", "ToolCallRequestEvent", "ToolCallExecutionEvent", "ToolCallSummaryMessage"),
    *("MultiModalMessage", "HandoffMessage", "StopMessage", "ThoughtEvent"),
)
"""The kinds of messages that AutoGen writes."""


def refusal(source: FileSet) -> CassetteError:
    """Say in one line what a source looks like that has no format that is known."""
    name = repr(source.name)
    if source.values:
        what = f"{name} holds {_holds(source.values)}, and no rollout that is known"
        return CassetteError(what, hint=READ)
    what, hint = _text_like(source.text)
    return CassetteError(f"{name} {what}", hint=hint)


def made_by(values: Any) -> str | None:
    """Name what writes values of this kind, where that is known and nothing of it is read.

    Args:
        values: the decoded values of a source.
    """
    inner = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    row = next((one for one in inner if isinstance(one, Mapping)), {})
    if "span_data" in row or row.get("object") in ("trace", "trace.span"):
        return "traces of the OpenAI Agents SDK"
    if row.get("type") in _AUTOGEN and "source" in row:
        return "messages of AutoGen"
    if row.get("type") in ("thread.started", "turn.started", "item.completed"):
        return "events of `codex exec --json` (the session's own file, under sessions/, is read)"
    if row.get("type") == "session" and "cwd" in row:
        return "a session of pi"
    if "chunkedPrompt" in row:
        return "a prompt of Google AI Studio"
    return None


def _holds(values: Any) -> str:
    """Describe decoded values by their kinds and keys."""
    made = made_by(values)
    if made is not None:
        return f"what looks like {made}, none of which is read"
    first = values[0]
    if len(values) == 1 and isinstance(first, list):
        return f"a list of {_several(first)}" if first else "an empty list"
    return _kind(first) if len(values) == 1 else f"lines, {_several(values)}"


def _several(values: Any) -> str:
    first = next((one for one in values if isinstance(one, Mapping)), values[0])
    kinds = f"{len(values)} entries" if len(values) > 1 else "one entry"
    return f"{kinds}, the first {_kind(first)}"


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        keys = [clip(str(key), 40) for key in list(value)[:_KEYS]]
        more = f" and {len(value) - _KEYS} more" if len(value) > _KEYS else ""
        return f"an object with the keys {', '.join(keys)}{more}" if keys else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    words = {str: "a text", bool: "a truth value", int: "a number", float: "a number"}
    return words.get(type(value), "null")


def _is_table(head: str) -> bool:
    """Tell whether the first lines of a text have the same number of cells, so that prose with
    commas is no table.
    """
    for sign in (",", "\t", ";"):
        try:
            rows = [row for row in csv.reader(io.StringIO(head), delimiter=sign) if row][:2]
        except csv.Error:
            continue
        if len(rows) == 2 and len(rows[0]) == len(rows[1]) > 1:
            return True
    return False


def _text_like(text: str) -> tuple[str, str]:
    """Describe a text that is no JSON, and say what to do about it."""
    head = text[:4000]
    first = next((line for line in head.splitlines() if line.strip()), "")
    if not first:
        return "is empty", READ
    if len(_CONTROL.findall(head)) > len(head) // 100:
        return "is binary, and none of the packed forms that are unpacked", READ
    if _LOG.match(first):
        hint = "give its requests and answers, which ak.watch(server) and ak.record write"
        also = ", with prompts and no answers" if _PROMPT in head else ""
        return f"looks like the log of a server or a program{also}", f"{hint}; {READ}"
    if _HTML.match(head):
        return "looks like a page of HTML or XML", READ
    if head.lstrip()[:1] in ("{", "["):
        return "begins like JSON and is cut or damaged", "restore it, or take out what is no JSON"
    if looks_like_yaml(text):
        if has_yaml():
            return "looks like YAML that cannot be read, or holds no rollout", READ
        return "looks like YAML", "pip install pyyaml, which reads it, or write it as JSON"
    if _is_table(head):
        columns = clip(first.replace("\t", ","), 80)
        hint = f"ak.load(pandas.read_csv(…)) takes its rows; {READ}"
        return f"looks like a table as CSV, {columns!r}", hint
    return f"is a text that begins {clip(first, 60)!r}", READ
