"""What a server would refuse of a history, found before it is sent: pairing, order, ids, names,
arguments, content, missing reasoning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from agentkit.errors import checked_keywords
from agentkit.read.body.reasoning import FIELDS, LISTS
from agentkit.read.plain import plain
from agentkit.trajectory.profiles import Profile, get_profile
from agentkit.types.problem import Problem, problem
from agentkit.types.trajectory import Trajectory

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ID_FORMS = {
    "alnum9": re.compile(r"[a-zA-Z0-9]{9}"),
    "kimi": re.compile(r"functions\.[a-zA-Z0-9_-]+:\d+"),
}


@checked_keywords
def preflight(messages: Any, profile: Profile | str = "generic") -> tuple[Problem, ...]:
    """List everything in a history that the profile's kind of server refuses, in the order of the
    messages; nothing where it would be taken.

    Args:
        messages: chat messages as dicts or SDK objects, or a trajectory.
        profile: a profile or its name.

    Raises:
        NotFound: no profile has this name.

    >>> history = [
    ...     {"role": "user", "content": "hi"},
    ...     {"role": "tool", "tool_call_id": "a", "content": "1"},
    ... ]
    >>> [p.code for p in preflight(history)]
    ['history_orphan_tool_result']
    """
    chosen = profile if isinstance(profile, Profile) else get_profile(profile)
    listed = messages.messages if isinstance(messages, Trajectory) else plain(messages)
    if not isinstance(listed, list) or not listed:
        return (problem("history_role_order", "there are no messages"),)
    given = [message if isinstance(message, dict) else {} for message in listed]
    found = [
        *_order(given, chosen),
        *_pairs(given),
        *(_signatures(given) if chosen.extra_content else ()),
    ]
    for index, message in enumerate(given):
        found.extend(_message(message, f"/{index}", chosen))
    return tuple(sorted(found, key=lambda p: int(p.pointer.split("/")[1]) if p.pointer else -1))


def _order(messages: list[dict[str, Any]], profile: Profile) -> Iterator[Problem]:
    for index, message in enumerate(messages):
        role = message.get("role")
        if role not in _ROLES:
            yield problem(
                "history_role_order",
                f"no message has the role {role!r}",
                pointer=f"/{index}/role",
                before=role,
            )
        if (
            profile.system_first
            and role in ("system", "developer")
            and index > 0
            and messages[index - 1].get("role") not in ("system", "developer")
        ):
            yield problem(
                "history_role_order",
                "a system message stands behind the start",
                pointer=f"/{index}/role",
            )
    talk = [
        (i, m.get("role"))
        for i, m in enumerate(messages)
        if m.get("role") not in ("system", "developer")
    ]
    if profile.alternates and talk:
        yield from _alternation(talk)


def _alternation(talk: list[tuple[int, Any]]) -> Iterator[Problem]:
    """Check that user and assistant take turns.

    Args:
        talk: Position and role of each message that is no system message; at least one.
    """
    for (_, before), (index, role) in pairwise(talk):
        if role == before and role in ("user", "assistant"):
            yield problem(
                "history_role_order",
                f"two {role} messages follow each other",
                pointer=f"/{index}/role",
            )
        if role == "user" and before == "tool":
            yield problem(
                "history_role_order",
                "a user message follows a tool result without an answer between",
                pointer=f"/{index}/role",
            )
    if talk[0][1] not in ("user", "tool"):
        yield problem(
            "history_role_order",
            "the first message is not the user's",
            pointer=f"/{talk[0][0]}/role",
        )
    if talk[-1][1] == "assistant":
        yield problem(
            "history_role_order",
            "the last message is the assistant's",
            pointer=f"/{talk[-1][0]}/role",
        )


def _signatures(messages: list[dict[str, Any]]) -> Iterator[Problem]:
    """Check that, since the user's last message, every answer with calls carries a signature on its
    first call, where one of them does.
    """
    start = max(
        (index for index, message in enumerate(messages) if message.get("role") == "user"),
        default=0,
    )
    firsts = {
        index: calls[0]
        for index in range(start, len(messages))
        if (calls := _calls(messages[index]))
    }
    if any(call.get("extra_content") for call in firsts.values()):
        for index in (index for index, call in firsts.items() if not call.get("extra_content")):
            text = (
                "the first call has lost its `extra_content`, whose thought signature the model's"
                " next turn needs"
            )
            yield problem("history_reasoning_missing", text, pointer=f"/{index}/tool_calls/0")


def _pairs(messages: list[dict[str, Any]]) -> Iterator[Problem]:
    """Check that each call has exactly one result, right behind the message that makes it."""
    waiting: dict[Any, str] = {}
    answered: set[Any] = set()
    for index, message in enumerate(messages):
        if message.get("role") == "tool":
            yield from _answer(message, f"/{index}", waiting, answered)
            continue
        yield from _unanswered(waiting)
        waiting, answered = {}, set()
        for position, call in enumerate(_calls(message)):
            waiting.setdefault(_key(call.get("id")), f"/{index}/tool_calls/{position}")
    yield from _unanswered(waiting)


def _answer(
    message: dict[str, Any], pointer: str, waiting: dict[Any, str], answered: set[Any]
) -> Iterator[Problem]:
    key = _key(message.get("tool_call_id"))
    if key in waiting:
        del waiting[key]
        answered.add(key)
    elif key in answered:
        yield problem(
            "history_orphan_tool_result",
            "the call has a result already",
            pointer=f"{pointer}/tool_call_id",
            before=key,
        )
    else:
        message_text = "the result answers no call of the assistant message before it"
        yield problem(
            "history_orphan_tool_result",
            message_text,
            pointer=f"{pointer}/tool_call_id",
            before=message.get("tool_call_id"),
        )


def _unanswered(waiting: dict[Any, str]) -> Iterator[Problem]:
    for key, pointer in waiting.items():
        yield problem(
            "history_tool_result_missing", f"the call {key!r} has no result", pointer=pointer
        )


def _key(value: Any) -> Any:
    return value if isinstance(value, (str, int, type(None))) else repr(value)


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _message(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    role = message.get("role")
    calls = message.get("tool_calls")
    yield from _content(message, pointer, profile)
    if role == "tool" and "tool_call_id" in message:
        yield from _id(message["tool_call_id"], f"{pointer}/tool_call_id", profile)
    if role != "assistant":
        return
    if calls == [] and not profile.empty_tool_calls:
        yield problem(
            "history_empty_tool_calls",
            "`tool_calls` is an empty list; leave it out",
            pointer=f"{pointer}/tool_calls",
        )
    if calls is not None and not isinstance(calls, list):
        yield problem(
            "history_bad_content",
            "`tool_calls` is not a list",
            pointer=f"{pointer}/tool_calls",
            before=calls,
        )
    yield from _reasoning(message, pointer, profile)
    seen: set[Any] = set()
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        yield from _call(call, f"{pointer}/tool_calls/{position}", profile, seen)


def _content(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    role, content = message.get("role"), message.get("content")
    at = f"{pointer}/content"
    if content is None:
        has_more = role == "assistant" and (
            message.get("tool_calls") or message.get("function_call") or message.get("refusal")
        )
        if not has_more:
            yield problem("history_bad_content", f"the {role} message has no content", pointer=at)
    elif (
        role == "assistant"
        and content == ""
        and not message.get("tool_calls")
        and not profile.empty_answers
    ):
        yield problem(
            "history_bad_content",
            "the assistant message has neither text nor calls; leave it out",
            pointer=at,
        )
    elif not isinstance(content, (str, list)):
        yield problem(
            "history_bad_content",
            "the content is neither a text nor a list of parts",
            pointer=at,
            before=content,
        )
    elif content == [] and not (profile.empty_parts and message.get("tool_calls")):
        yield problem("history_bad_content", "the content is an empty list", pointer=at)


def _reasoning(message: dict[str, Any], pointer: str, profile: Profile) -> Iterator[Problem]:
    carried = [name for name in (*FIELDS, *LISTS) if message.get(name)]
    if (
        profile.reasoning_required
        and message.get("tool_calls")
        and not isinstance(message.get(profile.reasoning_field or ""), str)
    ):
        text = f"a message with calls must carry its reasoning as {profile.reasoning_field!r}"
        yield problem("history_reasoning_missing", text, pointer=pointer)
    for name in carried:
        if profile.refuses_reasoning or name in profile.refused_fields:
            yield problem(
                "unknown_field",
                f"the server refuses {name!r} in a message",
                pointer=f"{pointer}/{name}",
            )


def _call(call: Any, pointer: str, profile: Profile, seen: set[Any]) -> Iterator[Problem]:
    if not isinstance(call, dict):
        yield problem(
            "history_bad_content", "the call is not an object", pointer=pointer, before=call
        )
        return
    yield from _id(call.get("id"), f"{pointer}/id", profile)
    key = _key(call.get("id"))
    if key in seen:
        yield problem(
            "history_id_format", f"the id {key!r} stands on two calls", pointer=f"{pointer}/id"
        )
    seen.add(key)
    kind = "custom" if isinstance(call.get("custom"), dict) else "function"
    holder = call.get(kind)
    if not isinstance(holder, dict):
        yield problem("history_bad_name", "the call has no `function`", pointer=pointer)
        return
    yield from _named(holder.get("name"), f"{pointer}/{kind}/name", profile)
    if kind == "function":
        yield from _arguments(holder.get("arguments"), f"{pointer}/function/arguments", profile)


def _id(value: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    form = _ID_FORMS.get(profile.ids)
    if not isinstance(value, str) or not value:
        yield problem(
            "history_id_format", "the id is not a non-empty text", pointer=pointer, before=value
        )
    elif form is not None and not form.fullmatch(value):
        wanted = "nine letters and digits" if profile.ids == "alnum9" else "functions.name:index"
        yield problem(
            "history_id_format",
            f"the id {value!r} is not of the form {wanted}"[:200],
            pointer=pointer,
            before=value,
        )
    elif profile.id_limit is not None and len(value) > profile.id_limit:
        yield problem(
            "history_id_format",
            f"the id is longer than {profile.id_limit} characters",
            pointer=pointer,
            before=value,
        )


def _named(value: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield problem("history_bad_name", "the call has no name", pointer=pointer, before=value)
    elif profile.strict_names and not _NAME.fullmatch(value):
        yield problem(
            "history_bad_name",
            f"the name {value!r} is not made of letters, digits, _ and -"[:200],
            pointer=pointer,
            before=value,
        )


def _arguments(value: Any, pointer: str, profile: Profile) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield problem(
            "history_bad_arguments", "the arguments are not a text", pointer=pointer, before=value
        )
        return
    if not profile.json_arguments:
        return
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        yield problem(
            "history_bad_arguments",
            "the arguments are not a JSON object, which chat templates demand",
            pointer=pointer,
            before=value,
        )
