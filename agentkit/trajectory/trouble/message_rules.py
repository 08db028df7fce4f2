"""What a server would refuse of one message by itself: its content and its parts, its fields, its
calls with their ids, names and arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from agentkit.read.body.reasoning import FIELDS, LISTS
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Profile

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ID_FORMS = {
    "alnum9": re.compile(r"[a-zA-Z0-9]{9}"),
    "kimi": re.compile(r"functions\.[a-zA-Z0-9_-]+:\d+"),
}
_LONE = re.compile("[\ud800-\udfff]")
_ANTHROPIC = frozenset({"tool_use", "tool_result", "server_tool_use", "redacted_thinking"})
"""Parts of Anthropic's messages that no Chat Completions server knows."""
_ANTHROPIC_FILES = ("image", "document")
"""These too, where they carry their data as a `source`."""
_WORDS = frozenset({"text", "refusal", "input_text", "output_text", "thinking", "reference"})
"""Types of parts that hold text. `thinking` and `reference` are Mistral's."""


def message_problems(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    """Yield what is wrong with a message, whatever stands before and behind it.

    Args:
        message: the message.
        pointer: JSON pointer of the message in the history.
        profile: what the server wants.
    """
    role = message.get("role")
    yield from _content(message, pointer, profile)
    yield from _surrogates(message, pointer)
    if role == "tool" and "tool_call_id" in message:
        yield from _id(message["tool_call_id"], f"{pointer}/tool_call_id", profile)
    if role == "assistant":
        yield from _calls(message, pointer, profile)
        yield from _reasoning(message, pointer, profile)
        for name in (name for name in profile.refused_fields if name in message):
            if message[name] or name not in (*FIELDS, *LISTS):
                yield _refused(name, pointer)


def _calls(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    calls, at = message.get("tool_calls"), f"{pointer}/tool_calls"
    if calls == [] and not profile.empty_tool_calls:
        text = "`tool_calls` is an empty list; leave it out"
        yield problem("history_empty_tool_calls", text, pointer=at)
    if calls is not None and not isinstance(calls, list):
        yield problem("history_bad_content", "`tool_calls` is not a list", pointer=at, before=calls)
    seen: set[Any] = set()
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        yield from _call(call, f"{at}/{position}", profile, seen)


def _content(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    role, content = message.get("role"), message.get("content")
    at, calls = f"{pointer}/content", role == "assistant" and message.get("tool_calls")
    if isinstance(content, list) and content:
        for index, part in enumerate(content):
            yield from _part(part, role, f"{at}/{index}", profile)
        return
    if content is None:
        has_more = calls or (
            role == "assistant" and (message.get("function_call") or message.get("refusal"))
        )
        text = "" if has_more else f"the {role} message has no content"
    elif content == "":
        text = "the assistant message has neither text nor calls; leave it out"
        text = text if role == "assistant" and not calls and not profile.empty_answers else ""
    elif content == []:
        text = "" if calls and profile.empty_parts else "the content is an empty list"
    else:
        text = "the content is neither a text nor a list of parts"
        text = "" if isinstance(content, str) else text
    if text:
        yield problem("history_bad_content", text, pointer=at, before=content or None)


def _part(part: Any, role: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    """Check a part of a content: its type, and whether this role may send it."""
    kind = part.get("type") if isinstance(part, dict) else None
    named, known = isinstance(kind, str), profile.part_types
    text = ""
    if named and (
        kind in _ANTHROPIC or (kind in _ANTHROPIC_FILES and isinstance(part.get("source"), dict))
    ):
        instead = _INSTEAD.get(kind, "a part of Chat Completions")
        text = f"a part of type {kind!r} is Anthropic's; send {instead}"
    elif known and not named:
        text = "the part is no object with a `type`"
    elif known and kind not in known:
        text = f"no part is of the type {kind!r}; there are: {', '.join(known)}"
    elif named and kind not in _WORDS and role not in profile.media_roles and role is not None:
        text = f"a part of type {kind!r} stands in a message of the role {role!r}"
        text += "; only the user's may hold one" if profile.media_roles == ("user",) else ""
    if text:
        yield problem("history_bad_content", text[:300], pointer=pointer, before=kind)


_INSTEAD = {
    "tool_use": "the call in `tool_calls`",
    "server_tool_use": "the call in `tool_calls`",
    "tool_result": "a message of the role 'tool'",
    "image": "an `image_url`",
    "document": "a `file`",
    "redacted_thinking": "no thinking at all",
}
"""What stands in Chat Completions for a part of Anthropic's."""


def _surrogates(message: dict[str, Any], pointer: str) -> Iterator[Problem]:
    """Find half surrogate pairs, which no UTF-8 can hold: servers refuse their escapes, or read
    something else.
    """
    if not any(_holds_lone(value) for value in message.values()):
        return
    waiting: list[tuple[str, Any]] = [(pointer, message)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{at}/{_escaped(key)}", item) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{at}/{index}", item) for index, item in reversed([*enumerate(value)])]
        elif isinstance(value, str) and (lone := _LONE.search(value)):
            text = f"half a surrogate pair, \\u{ord(lone[0]):04x}, stands in the text"
            yield problem("history_bad_content", text, pointer=at)


def _holds_lone(value: Any) -> bool:
    """Tell by one cheap look whether a value may hold half a surrogate pair."""
    if isinstance(value, str):
        return not value.isascii() and _LONE.search(value) is not None
    return isinstance(value, (list, dict))


def _escaped(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _reasoning(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    field = profile.reasoning_field or ""
    if (
        profile.reasoning_required
        and message.get("tool_calls")
        and not isinstance(message.get(field), str)
    ):
        text = f"a message with calls must carry its reasoning as {profile.reasoning_field!r}"
        yield problem("history_reasoning_missing", text, pointer=pointer)
    if profile.refuses_reasoning:
        for name in (*FIELDS, *LISTS):
            if message.get(name):
                yield _refused(name, pointer)


def _refused(name: str, pointer: str) -> Problem:
    text = f"the server refuses {name!r} in a message"
    return problem("unknown_field", text, pointer=f"{pointer}/{name}")


def _call(call: Any, pointer: str, profile: Profile, seen: set[Any]) -> Iterator[Problem]:
    if not isinstance(call, dict):
        text = "the call is not an object"
        yield problem("history_bad_content", text, pointer=pointer, before=call)
        return
    yield from _id(call.get("id"), f"{pointer}/id", profile)
    key = as_key(call.get("id"))
    if key in seen:
        text = f"the id {key!r} stands on two calls"
        yield problem("history_id_format", text, pointer=f"{pointer}/id")
    seen.add(key)
    yield from _call_type(call, pointer, profile)
    kind = "custom" if isinstance(call.get("custom"), dict) else "function"
    holder = call.get(kind)
    if not isinstance(holder, dict):
        yield problem("history_bad_name", "the call has no `function`", pointer=pointer)
        return
    yield from _named(holder.get("name"), f"{pointer}/{kind}/name", profile)
    if kind == "function":
        yield from _arguments(holder.get("arguments"), f"{pointer}/function/arguments", profile)


def as_key(value: Any) -> Any:
    """Make something that a set can hold of an id, whatever it is."""
    return value if isinstance(value, (str, int, type(None))) else repr(value)


def _call_type(call: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    kind, at = call.get("type"), f"{pointer}/type"
    if kind is None:
        if not profile.typeless_calls:
            text = 'the call has no `type`; it is "function"'
            yield problem("history_bad_content", text, pointer=at)
    elif kind not in ("function", "custom"):
        text = 'the `type` of the call is not "function"'
        yield problem("history_bad_content", text, pointer=at, before=kind)


def _id(value: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    form = _ID_FORMS.get(profile.ids)
    if not isinstance(value, str) or not value:
        text = "the id is not a non-empty text"
    elif form is not None and not form.fullmatch(value):
        wanted = "nine letters and digits" if profile.ids == "alnum9" else "functions.name:index"
        text = f"the id {value!r} is not of the form {wanted}"[:200]
    elif profile.id_limit is not None and len(value) > profile.id_limit:
        text = f"the id is longer than {profile.id_limit} characters"
    else:
        return
    yield problem("history_id_format", text, pointer=pointer, before=value)


def _named(value: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield problem("history_bad_name", "the call has no name", pointer=pointer, before=value)
    elif profile.strict_names and not _NAME.fullmatch(value):
        text = f"the name {value!r} is not made of letters, digits, _ and -"[:200]
        yield problem("history_bad_name", text, pointer=pointer, before=value)


def _arguments(value: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    if not isinstance(value, str):
        text = "the arguments are not a text"
        yield problem("history_bad_arguments", text, pointer=pointer, before=value)
        return
    if not profile.json_arguments:
        return
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        text = "the arguments are not a JSON object, which chat templates demand"
        yield problem("history_bad_arguments", text, pointer=pointer, before=value)
