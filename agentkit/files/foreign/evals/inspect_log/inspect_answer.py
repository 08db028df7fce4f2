"""An answer of an Inspect log as an exchange: the raw one where the log kept it.

Source: inspect_ai, model/_model_call.py, _model_output.py and event/_model.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import answered
from agentkit.files.foreign.evals.fields import (
    count_in,
    given,
    number_in,
    object_in,
    raw_exchange,
    seconds_between,
    text_in,
    unix_in,
)
from agentkit.files.foreign.evals.inspect_log.pools import Pools
from agentkit.files.foreign.format import first_object
from agentkit.read.failure.error import read_error
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange

_FINISH = {
    "stop": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
"""OpenAI's words for Inspect's `stop_reason`; `unknown` is none."""


_STATUS = re.compile(r"Error code: (\d{3})\b")
"""How the packages of OpenAI and Anthropic begin the message of a refused request."""


def raw_dialect(event: Mapping[str, Any]) -> Dialect | None:
    """Tell in which API a model event was answered; None where its raw answer is of none, or was
    not kept.
    """
    raw = object_in(object_in(event.get("call")).get("response"))
    if isinstance(raw.get("choices"), list):
        return "chat"
    if raw.get("object") == "response" and isinstance(raw.get("output"), list):
        return "responses"
    if raw.get("type") == "message" and isinstance(raw.get("content"), list):
        return "messages"
    return None


def exchange_in(event: Mapping[str, Any], wire: Mapping[str, Any], pools: Pools) -> Exchange:
    """Make the exchange of a model event.

    Args:
        event: the event.
        wire: its answer as a chat message.
        pools: what the sample keeps once.
    """
    call, output = object_in(event.get("call")), object_in(event.get("output"))
    times = {"started": unix_in(event.get("timestamp")), "elapsed": _elapsed(event)}
    raw = pools.resolve(call.get("response"))
    if raw_dialect(event) is not None:
        return raw_exchange(raw, **times)
    choice = first_object(output.get("choices"))
    source = given(output=pools.resolve(output), response=raw, request=pools.request(event))
    return answered(
        wire,
        source=source,
        choice={
            "finish_reason": _FINISH.get(text_in(choice.get("stop_reason"))),
            "logprobs": choice.get("logprobs"),
        },
        id=output.get("response_id"),
        model=output.get("model"),
        usage=usage_in(output.get("usage")),
        **times,
    )


def _elapsed(event: Mapping[str, Any]) -> float | None:
    took = number_in(object_in(event.get("call")).get("time"))
    took = number_in(object_in(event.get("output")).get("time")) if took is None else took
    return seconds_between(event.get("timestamp"), event.get("completed")) if took is None else took


def usage_in(value: Any) -> dict[str, Any] | None:
    """Read token counts. Inspect's input is without what the cache read and wrote."""
    usage = object_in(value)
    read, written = count_in(usage.get("input_tokens")), count_in(usage.get("output_tokens"))
    if read is None or written is None:
        return None
    cached = count_in(usage.get("input_tokens_cache_read")) or 0
    stored = count_in(usage.get("input_tokens_cache_write")) or 0
    found: dict[str, Any] = {
        "prompt_tokens": read + cached + stored,
        "completion_tokens": written,
        "total_tokens": usage.get("total_tokens"),
    }
    if cached:
        found["prompt_tokens_details"] = {"cached_tokens": cached}
    thought = count_in(usage.get("reasoning_tokens"))
    if thought is not None:
        found["completion_tokens_details"] = {"reasoning_tokens": thought}
    return found


def failed_exchange(event: Mapping[str, Any]) -> Exchange | None:
    """Make the exchange of a model event that failed; None where it did not."""
    output = object_in(event.get("output"))
    message = text_in(event.get("error"))
    message = message or ("" if output.get("choices") else text_in(output.get("error")))
    if not message:
        return None
    status = _STATUS.match(message)
    error = read_error(int(status.group(1)) if status else None, (), message)
    return Exchange(
        transport_error=error, started=unix_in(event.get("timestamp")), elapsed=_elapsed(event)
    )
