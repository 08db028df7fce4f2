"""What a Responses body says of its tokens: how many, their ids, how likely each was."""

from __future__ import annotations

import sys
from typing import Any

from agentkit.types.wire import TokenIds, TokenLogprob, Usage


def read_usage(raw: Any) -> Usage | None:
    """Read token counts; None where there are none."""
    if not isinstance(raw, dict) or not raw:
        return None
    read, written = raw.get("input_tokens_details"), raw.get("output_tokens_details")
    return Usage(
        input_tokens=_count(raw, "input_tokens"),
        output_tokens=_count(raw, "output_tokens"),
        reasoning_tokens=_count(written, "reasoning_tokens"),
        cached_tokens=_count(read, "cached_tokens"),
        raw={sys.intern(key) if type(key) is str else key: value for key, value in raw.items()},
    )


def read_logprobs(listed: Any) -> list[TokenLogprob]:
    """Read the `logprobs` of a text; an entry that is no object is left out."""
    return [
        TokenLogprob(
            token=str(entry.get("token", "")),
            logprob=_number(entry.get("logprob")),
            token_id=entry["token_id"] if type(entry.get("token_id")) is int else None,
            top=tuple(
                (str(top.get("token", "")), _number(top.get("logprob")))
                for top in dicts(entry.get("top_logprobs"))
            ),
        )
        for entry in dicts(listed)
    ]


def read_ids(body: dict[str, Any], name: str, messages: str) -> TokenIds | tuple[()]:
    """Read token ids: under their name, or those that vLLM hangs on its own copies of the messages
    (`enable_response_messages`; `tokens` of `vllm.entrypoints.openai.responses.protocol`).

    Args:
        body: the body.
        name: what the list is called.
        messages: the field with vLLM's copies.
    """
    found = body.get(name)
    if not isinstance(found, list):
        found = [
            token
            for message in dicts(body.get(messages))
            if isinstance(message.get("tokens"), list)
            for token in message["tokens"]
        ]
    if not found or not all(type(token) is int and abs(token) < 2**62 for token in found):
        return ()
    return TokenIds(found)


def dicts(value: Any) -> list[dict[str, Any]]:
    """List the objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _count(holder: Any, name: str) -> int | None:
    value = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        return float("nan")
    return float(value)
