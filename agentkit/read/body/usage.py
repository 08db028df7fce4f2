"""The tokens of an answer: how many the server counted, their ids, and how likely each was,
wherever a server puts them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from agentkit.types.answer import Response
from agentkit.types.problem import Problem, problem
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.wire import Exchange, TokenLogprob, Usage

BESIDE = ("provider_specific_fields", "meta_info", "meta", "sglext")
"""Objects that hold what a server knows of the tokens beside OpenAI's fields: LiteLLM's, which
moves there what it does not know; SGLang's `meta_info`, and `sglext`.
"""
OUTPUT_IDS = (
    "token_ids",
    "output_token_ids",
    "response_token_ids",
    "completion_token_ids",
    "output_ids",
)
"""Names of the ids of the output: vLLM's and Fireworks' `token_ids`, SGLang's `response_token_ids`
of a choice and `output_ids` of `sglext`."""
PROMPT_IDS = ("prompt_token_ids", "input_token_ids", "input_ids", "fireworks_prompt_token_ids")
_LISTS = ("reasoning_content", "content", "refusal")
"""The lists of `logprobs`, in the order in which their tokens were written (DeepSeek has the
first, OpenAI the last)."""


def read_usage(raw: Any) -> Usage | None:
    """Read token counts under the names of OpenAI, Anthropic and DeepSeek; None where there are
    none.

    Reasoning that a server counts beside the output (xAI: its total is prompt, completion and
    reasoning together) is counted to the output, as everywhere else.
    """
    if not isinstance(raw, dict) or not raw:
        return None
    details = _inner(raw, "completion_tokens_details", "output_tokens_details")
    prompt = _inner(raw, "prompt_tokens_details", "input_tokens_details")
    read = _count(raw, "prompt_tokens", "input_tokens")
    written = _count(raw, "completion_tokens", "output_tokens")
    thought = _count({**raw, **details}, "reasoning_tokens")
    total = _count(raw, "total_tokens")
    if read and thought and written is not None and total == read + written + thought:
        written += thought
    return Usage(
        input_tokens=read,
        output_tokens=written,
        reasoning_tokens=thought,
        cached_tokens=_count(
            {**raw, **prompt},
            "cached_tokens",
            "prompt_cache_hit_tokens",
            "cache_read_input_tokens",
            "num_cached_tokens",
        ),
        raw=_named_once(raw),
    )


def _named_once(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the counts with names that all answers share: a parser makes them anew for each body,
    and every answer that is kept would keep its own.
    """
    return {sys.intern(name) if type(name) is str else name: value for name, value in raw.items()}


def _inner(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    return next((raw[name] for name in names if isinstance(raw.get(name), dict)), {})


def _count(raw: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = raw.get(name)
        if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if abs(value) < 1e15:
            return int(value)
    return None


def token_fields(body: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    """Read what a body says of the tokens of one choice, as fields of a `Response`: usage, ids and
    logprobs.
    """
    logprobs = read_logprobs(choice.get("logprobs"))
    ids = _ids(choice, body, OUTPUT_IDS)
    if not (logprobs and ids):
        logprobs = logprobs or tuple(_pairs(choice, body))
        ids = ids or _all_ids(logprobs)
    return {
        "usage": read_usage(body.get("usage") or choice.get("usage")),
        "logprobs": logprobs,
        "token_ids": ids,
        "prompt_token_ids": _ids(body, choice, PROMPT_IDS),
    }


def _ids(first: dict[str, Any], second: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Find token ids in a choice or the body around it: by name, or in the objects beside."""
    for holder in _holders(first, second):
        if holder.keys().isdisjoint(names):
            continue
        for name in names:
            if name in holder and (found := read_token_ids(_one(holder[name]))):
                return found
    return ()


def _one(value: Any) -> Any:
    """Take the ids of the first choice, where they are a list for each."""
    nested = isinstance(value, list) and value and isinstance(value[0], list)
    return value[0] if nested else value


def _holders(*parts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List the objects that may hold ids: each part, its message, and what lies beside in both."""
    for part in parts:
        for holder in (part, part.get("message")):
            if isinstance(holder, dict):
                yield holder
                if not holder.keys().isdisjoint(BESIDE):
                    yield from (
                        holder[name] for name in BESIDE if isinstance(holder.get(name), dict)
                    )


def _pairs(choice: dict[str, Any], body: dict[str, Any]) -> Iterator[TokenLogprob]:
    """Read SGLang's `output_token_logprobs`: lists of logprob, id and text, the text null where it
    was not asked for.
    """
    for holder in _holders(choice, body):
        listed = holder.get("output_token_logprobs")
        if isinstance(listed, list) and listed:
            for item in listed:
                if isinstance(item, (list, tuple)) and len(item) >= 2:
                    text = item[2] if len(item) > 2 and isinstance(item[2], str) else ""
                    found = item[1] if type(item[1]) is int else None
                    yield TokenLogprob(token=text, logprob=_number(item[0]), token_id=found)
            return


def _all_ids(logprobs: tuple[TokenLogprob, ...]) -> TokenIds | tuple[()]:
    """Take the ids out of the logprobs, where each has one: by `token_id`, or in the token's place
    (vLLM's `return_tokens_as_token_ids`).
    """
    if not logprobs or logprobs[0].token_id is None:
        return ()
    return read_token_ids([entry.token_id for entry in logprobs])


def read_logprobs(raw: Any) -> tuple[TokenLogprob, ...]:
    """Read the logprobs of the output tokens: those of the content (OpenAI, vLLM, SGLang), behind
    those of the reasoning (DeepSeek) and before those of a refusal (OpenAI).
    """
    if not isinstance(raw, dict):
        return ()
    lists = (raw.get(name) for name in _LISTS)
    return tuple(
        _logprob(item)
        for listed in lists
        if isinstance(listed, list)
        for item in listed
        if isinstance(item, dict)
    )


def _logprob(item: dict[str, Any]) -> TokenLogprob:
    token = str(item.get("token", ""))
    token_id = item.get("token_id")
    if type(token_id) is not int:
        token_id = int(token[9:]) if token.startswith("token_id:") and token[9:].isdigit() else None
    tops = item.get("top_logprobs")
    listed = [top for top in tops if isinstance(top, dict)] if isinstance(tops, list) else []
    return TokenLogprob(
        token=token,
        logprob=_number(item.get("logprob")),
        token_id=token_id,
        top=tuple((str(top.get("token", "")), _number(top.get("logprob"))) for top in listed),
    )


def _number(value: Any) -> float:
    return (
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
        else float("nan")
    )


def read_token_ids(raw: Any) -> TokenIds | tuple[()]:
    """Read token ids as sent; empty where there are none or one is not an integer."""
    if (
        not isinstance(raw, list)
        or not raw
        or not all(type(i) is int and abs(i) < 2**62 for i in raw)
    ):
        return ()
    return TokenIds(raw)


def token_problems(response: Response, pointer: str) -> Iterator[Problem]:
    """Report ids or logprobs that are fewer than the tokens the server counted: some are lost, so
    that the others cannot be told to be those of the whole answer.

    Args:
        response: the answer, with its text and calls.
        pointer: JSON pointer of the choice.
    """
    counted = response.usage.output_tokens if response.usage else None
    ids = len(response.token_ids)
    if counted and 0 < ids < counted:
        text = f"{_named(ids, 'token id')} for {_named(counted, 'token')} that the server counted"
        yield problem("token_ids_missing", f"{text}: the others are lost", pointer=pointer)
    known = sum(entry.logprob == entry.logprob for entry in response.logprobs)
    if counted and response.logprobs and _lacks(response, known, counted):
        text = f"{_named(known, 'logprob')} for {_named(counted, 'token')} that the server counted"
        yield problem("token_ids_missing", f"{text}: the others are lost", pointer=pointer)


def _lacks(response: Response, known: int, counted: int) -> bool:
    """Return whether logprobs are lost. A server that sends no ids gives the logprobs of the text
    alone, and counts what is no text too: the end of the turn, calls, reasoning that is not shown.
    """
    if known >= counted:
        return False
    if known < len(response.logprobs) or len(response.token_ids):
        return True
    if response.tool_calls:
        return False
    text = "".join(entry.token for entry in response.logprobs)
    shown = response.wire_content or response.refusal or ""
    return text != shown and not text.endswith(shown or "\0")


def _named(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


_QUEUES = ("usage", "x_groq", "meta_info", "choices", "metrics", "timings")


def queue_of(exchange: Exchange) -> float | None:
    """Find the seconds a server reports that a request waited: `usage.queue_time` (Groq),
    `meta_info.queue_time` (SGLang); None where it reports nothing.
    """
    if '"queue_time"' not in exchange.body and not any(
        '"queue_time"' in chunk.text for chunk in exchange.chunks[-4:]
    ):
        return None
    stack: list[Any] = [exchange.raw] if exchange.body else _events(exchange)
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(found := item.get("queue_time"), (int, float)):
                return float(found)
            stack.extend(value for key, value in item.items() if key in _QUEUES)
        elif isinstance(item, list):
            stack.extend(item)
    return None


def _events(exchange: Exchange) -> list[Any]:
    found = []
    for line in "".join(chunk.text for chunk in exchange.chunks[-4:]).splitlines():
        try:
            found.append(json.loads(line.removeprefix("data:")))
        except ValueError:  # [DONE], a comment, or a line cut in two
            continue
    return found
