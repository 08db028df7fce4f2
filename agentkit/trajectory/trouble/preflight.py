"""What a server would refuse of a history, found before it is sent: the order of its messages,
pairs of calls and results, signatures, and each message by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from agentkit.dialects.native_preflight import body_problems
from agentkit.dialects.native_request import native_body
from agentkit.errors import checked_keywords
from agentkit.read.plain import plain
from agentkit.trajectory.profiles import get_profile
from agentkit.trajectory.trouble.message_rules import as_key, message_problems
from agentkit.trajectory.trouble.native_problems import rollout_problems
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Profile
from agentkit.types.trajectory import Trajectory

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


@checked_keywords
def preflight(messages: Any, profile: Profile | str = "generic") -> tuple[Problem, ...]:
    """List everything in a history that the profile's kind of server refuses, in the order of the
    messages; nothing where it would be taken.

    Args:
        messages: chat messages as dicts or SDK objects, or a trajectory; also the body of a
            request, in any dialect, and input items of Responses. What is wrong there has a pointer
            into the body.
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
    if isinstance(messages, Trajectory):
        if messages.spec.dialect != "chat":
            return tuple(rollout_problems(messages, chosen))
        listed: Any = messages.messages
    else:
        listed = plain(messages)
        native = native_body(listed, chosen.dialect)
        if native is not None:
            return tuple(body_problems(native[1], native[0], chosen))
        listed = listed.get("messages") if isinstance(listed, dict) else listed
    if not isinstance(listed, list) or not listed:
        return (problem("history_role_order", "there are no messages"),)
    given = [message if isinstance(message, dict) else {} for message in listed]
    found = [
        *_order(given, chosen),
        *_pairs(given),
        *(_signatures(given) if chosen.extra_content else ()),
    ]
    for index, message in enumerate(given):
        found.extend(message_problems(message, f"/{index}", chosen))
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
        if index > 0 and role in ("system", "developer"):
            before = messages[index - 1].get("role")
            if profile.system_first and before not in ("system", "developer"):
                text = "a system message stands behind the start"
                yield problem("history_role_order", text, pointer=f"/{index}/role")
            elif profile.one_system:
                text = "the template takes one system message; put both into one"
                yield problem("history_role_order", text, pointer=f"/{index}/role")
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
            waiting.setdefault(as_key(call.get("id")), f"/{index}/tool_calls/{position}")
    yield from _unanswered(waiting)


def _answer(
    message: dict[str, Any], pointer: str, waiting: dict[Any, str], answered: set[Any]
) -> Iterator[Problem]:
    key = as_key(message.get("tool_call_id"))
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


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
