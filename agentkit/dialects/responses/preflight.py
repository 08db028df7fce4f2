"""What a server of Responses would refuse of a request's input, found before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.dialects.responses.items.item_kinds import OUTPUTS, is_call
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Profile
from agentkit.types.words import with_article

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LONE = re.compile("[\ud800-\udfff]")
_SEALED = re.compile(r"[\w+/=.:|~-]+")
"""What encrypted content is made of: letters, digits and signs of base64, and of ids before it."""
_LONGEST_ID = 64
"""Characters a `call_id` may have (OpenAI: "string too long. Expected a string with maximum length
64")."""
_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "mcp_call": "mcp",
}
"""How OpenAI wants an item's own id to begin ("Expected an ID that begins with 'fc'")."""
_SPOKEN = ("user", "system", "developer", "assistant")
_WRITTEN = frozenset({"output_text", "refusal"})
_GIVEN = frozenset({"input_text", "input_image", "input_file", "input_audio"})
_ANSWERS = {kind: name for name, kind in OUTPUTS.items()} | {
    "function_call_output": "function_call"
}
"""The results, and the calls that they are of."""
_RESULT_CODE = "history_orphan_tool_result"
_MISSING = "history_tool_result_missing"


def input_problems(
    items: Sequence[Any], profile: Profile, *, chained: bool = False
) -> Iterator[Problem]:
    """Yield what would be refused of the input items, each with the pointer `/input/N` of its item.

    OpenAI pairs calls and results by `call_id`, each once; it takes reasoning only with the item
    that followed it, each item once, ids and names of a form, and a text only as the role that says
    it writes one. vLLM takes all of that but what its profile says.

    Args:
        items: the input items of the request, as `request.input_items` writes them.
        profile: the kind of server.
        chained: whether the request goes on from an answer that the server keeps
            (`previous_response_id`, `conversation`), so that results may be of calls in it.
    """
    yield from _pairs(items, chained)
    if profile.name != "vllm":  # which checks no order
        yield from _reasoning_order(items)
    if profile.name == "deepseek":
        yield from _interleaved(items)
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        at = f"/input/{index}"
        if not isinstance(item, dict):
            yield problem("history_bad_content", "the item is no object", pointer=at, before=item)
            continue
        yield from _own_id(item, at, profile, seen, index)
        yield from _item(item, at, profile)
        lone = _lone(item)
        if lone:
            text = f"half a surrogate pair, \\u{ord(lone):04x}, stands in the text"
            yield problem("history_bad_content", text, pointer=at)


def _kind(item: Any) -> str:
    """Return the type of an item; a message may leave it out."""
    kind = item.get("type") if isinstance(item, dict) else None
    return kind if isinstance(kind, str) else "message"


def _pairs(items: Sequence[Any], chained: bool) -> Iterator[Problem]:
    """Check that each call has one result of its kind behind it, and each result a call."""
    waiting: dict[Any, tuple[int, str]] = {}
    answered: set[Any] = set()
    for index, item in enumerate(items):
        kind = _kind(item)
        if isinstance(item, dict) and is_call(item):
            own = item.get("id") if kind == "mcp_approval_request" else item.get("call_id")
            waiting.setdefault(_key(own), (index, kind))
        elif kind in _ANSWERS and not (kind == "tool_search_output" and _of_server(item)):
            name = {"local_shell_call_output": "id", "mcp_approval_response": "approval_request_id"}
            key = _key(item.get(name.get(kind, "call_id")))
            yield from _answer(key, kind, f"/input/{index}", waiting, answered, chained)
    for key, (index, _) in waiting.items():
        text = f"the call {key!r} has no result"[:200]
        yield problem(_MISSING, text, pointer=f"/input/{index}")


def _answer(
    key: Any,
    kind: str,
    at: str,
    waiting: dict[Any, tuple[int, str]],
    answered: set[Any],
    chained: bool,
) -> Iterator[Problem]:
    """Check one result."""
    if key in waiting:
        called = waiting.pop(key)[1]
        answered.add(key)
        if _ANSWERS[kind] != called and called != "tool_search_call":  # which takes either
            wanted = OUTPUTS.get(called, "function_call_output")
            names = with_article(called), with_article(wanted), with_article(kind)
            text = "{} is answered by {}, not by {}".format(*names)
            yield problem(_RESULT_CODE, text, pointer=f"{at}/type", before=kind)
    elif key in answered:
        yield problem(_RESULT_CODE, "the call has a result already", pointer=at, before=key)
    elif not chained:
        text = f"no call before it has the id {key!r}"[:200]
        yield problem(_RESULT_CODE, text, pointer=at, before=key)


def _of_server(item: dict[str, Any]) -> bool:
    return item.get("execution") != "client"


def _reasoning_order(items: Sequence[Any]) -> Iterator[Problem]:
    """Check that reasoning is followed by what the model did next: an item of its own, no result,
    no message of a person, not the end. OpenAI knows its message by the id, and refuses one without
    ("of type 'reasoning' was provided without its required following item").
    """
    for index, item in enumerate(items):
        if _kind(item) != "reasoning":
            continue
        after = items[index + 1] if index + 1 < len(items) else None
        theirs = isinstance(after, dict) and _kind(after) not in _RESULTS
        if isinstance(after, dict) and _kind(after) == "message":
            known = isinstance(after.get("id"), str) or not item.get("encrypted_content")
            theirs = after.get("role") == "assistant" and known
        if not theirs:
            text = "the reasoning is not followed by the item that came after it"
            yield problem("history_role_order", text, pointer=f"/input/{index}")


_RESULTS = frozenset(kind for kind in _ANSWERS if kind != "tool_search_output")


def _interleaved(items: Sequence[Any]) -> Iterator[Problem]:
    """Check that nothing stands between calls and their results (DeepSeek: "No tool output found
    for tool call call-a")."""
    waiting = 0
    for index, item in enumerate(items):
        kind = _kind(item)
        if isinstance(item, dict) and is_call(item):
            waiting += 1
        elif kind in _RESULTS:
            waiting = max(0, waiting - 1)
        elif waiting and kind == "message":
            text = "a message stands between calls and their results"
            yield problem(_MISSING, text, pointer=f"/input/{index}")


def _own_id(
    item: dict[str, Any], at: str, profile: Profile, seen: dict[str, int], index: int
) -> Iterator[Problem]:
    """Check the item's own id: once in the input, and of OpenAI's form where OpenAI is asked."""
    own, kind = item.get("id"), _kind(item)
    if not isinstance(own, str) or kind == "local_shell_call_output":
        return
    if own in seen and kind != "item_reference":
        text = f"the item {own!r} stands at /input/{seen[own]} too"[:200]
        yield problem("history_id_format", text, pointer=f"{at}/id", before=own)
    seen.setdefault(own, index)
    wanted = _PREFIXES.get(kind)
    if profile.name == "openai" and wanted and not own.startswith(wanted):
        whose = f"the id of {with_article(kind)}"
        text = f"{whose} begins with {wanted!r}; {own!r} does not; leave it out"[:200]
        yield problem("history_id_format", text, pointer=f"{at}/id", before=own)


def _item(item: dict[str, Any], at: str, profile: Profile) -> Iterator[Problem]:
    """Check an item by itself."""
    kind = _kind(item)
    if profile.name == "vllm":
        yield from _vllm(item, kind, at)
    if kind == "message":
        yield from _message(item, at)
    elif kind == "reasoning":
        yield from _sealed(item, at, profile)
    elif kind in ("function_call", "custom_tool_call"):
        yield from _call(item, kind, at, profile)
    elif kind in ("function_call_output", "custom_tool_call_output"):
        output = item.get("output")
        if not isinstance(output, (str, list)):
            text = "the output is neither a text nor a list of parts"
            yield problem("history_bad_content", text, pointer=f"{at}/output", before=output)
        elif isinstance(output, list):
            yield from _parts(output, f"{at}/output", _GIVEN)
    elif kind == "computer_call_output" and not isinstance(item.get("output"), dict):
        text = "the result of a computer call is a `computer_screenshot`"
        yield problem("history_bad_content", text, pointer=f"{at}/output")


def _vllm(item: dict[str, Any], kind: str, at: str) -> Iterator[Problem]:
    """Check what vLLM 0.32 does not take: most kinds of items ("Unsupported input item type: …"), a
    refusal (it fails with a 500), and parts of an assistant without `type: "message"`.
    """
    content = item.get("content")
    listed = content if isinstance(content, list) else []
    parts = [part for part in listed if isinstance(part, dict)]
    if kind not in _OF_VLLM:
        text = f"vLLM takes no item of the type {kind!r}"[:200]
        yield problem("history_bad_content", text, pointer=f"{at}/type", before=kind)
    elif kind == "message" and any(part.get("type") == "refusal" for part in parts):
        text = "vLLM fails on a refusal: write it as a text"
        yield problem("history_bad_content", text, pointer=f"{at}/content")
    elif kind == "message" and item.get("role") == "assistant" and parts and "type" not in item:
        text = 'vLLM takes parts of an assistant only beside `type: "message"`'
        yield problem("history_bad_content", text, pointer=at)


_OF_VLLM = frozenset(
    {
        *("message", "reasoning", "function_call", "function_call_output"),
        *("custom_tool_call", "custom_tool_call_output"),
    }
)


def _call(item: dict[str, Any], kind: str, at: str, profile: Profile) -> Iterator[Problem]:
    call_id, name = item.get("call_id"), item.get("name")
    field = "arguments" if kind == "function_call" else "input"
    if not isinstance(call_id, str) or not call_id:
        text = "the `call_id` is not a non-empty text"
        yield problem("history_id_format", text, pointer=f"{at}/call_id", before=call_id)
    elif profile.id_limit is not None and len(call_id) > _LONGEST_ID:
        text = f"the `call_id` is longer than {_LONGEST_ID} characters"
        yield problem("history_id_format", text, pointer=f"{at}/call_id", before=call_id)
    if not isinstance(name, str) or not name:
        text = "the call has no name"
        yield problem("history_bad_name", text, pointer=f"{at}/name", before=name)
    elif profile.strict_names and not _NAME.fullmatch(name):
        text = f"the name {name!r} is not made of letters, digits, _ and -"[:200]
        yield problem("history_bad_name", text, pointer=f"{at}/name", before=name)
    if not isinstance(item.get(field), str):
        text = f"the `{field}` are not a text"
        yield problem("history_bad_arguments", text, pointer=f"{at}/{field}")


def _sealed(item: dict[str, Any], at: str, profile: Profile) -> Iterator[Problem]:
    """Check reasoning that is encrypted: it goes back as it came."""
    sealed, where = item.get("encrypted_content"), f"{at}/encrypted_content"
    if sealed is not None and not (isinstance(sealed, str) and _SEALED.fullmatch(sealed)):
        text = "the encrypted content is not what a server sends; it was changed"
        yield problem("reasoning_unsigned", text, pointer=where, before=sealed)
    elif sealed and profile.name == "vllm":
        text = "vLLM knows no encrypted reasoning: leave the item out"
        yield problem("history_bad_content", text, pointer=where)
    if not isinstance(item.get("summary"), list):
        text = "the reasoning has no `summary`, which may be an empty list"
        yield problem("history_bad_content", text, pointer=f"{at}/summary")


def _message(item: dict[str, Any], at: str) -> Iterator[Problem]:
    role, content = item.get("role"), item.get("content")
    if role not in _SPOKEN:
        text = f"no input message has the role {role!r}"[:200]
        yield problem("history_role_order", text, pointer=f"{at}/role", before=role)
    elif isinstance(content, list):
        wanted = _WRITTEN if role == "assistant" else _GIVEN
        yield from _parts(content, f"{at}/content", wanted)
    elif not isinstance(content, str):
        text = f"the {role} message has no content"
        yield problem("history_bad_content", text, pointer=f"{at}/content", before=content)


def _parts(content: list[Any], at: str, wanted: frozenset[str]) -> Iterator[Problem]:
    """Check the parts of a content: an assistant's texts are `output_text`, all others'
    `input_text` (OpenAI: "Invalid value: 'input_text'. Supported values are: 'output_text' and
    'refusal'").
    """
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or kind not in wanted:
            text = f"no part is of the type {kind!r} here; there are: {', '.join(sorted(wanted))}"
            yield problem("history_bad_content", text[:300], pointer=f"{at}/{index}", before=kind)


def _lone(value: Any) -> str | None:
    """Find half a surrogate pair, which no UTF-8 can hold."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and not value.isascii() and (found := _LONE.search(value)):
            return found[0]
    return None


def _key(value: Any) -> Any:
    """Make something that a dict can hold of an id, whatever it is."""
    return value if isinstance(value, (str, int, type(None))) else repr(value)
