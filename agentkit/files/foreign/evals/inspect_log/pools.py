"""What an Inspect log keeps once and refers to: attachments, pooled messages and calls.

Source: inspect_ai, log/_condense.py and event/_pool.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.files.foreign.evals.fields import list_in, object_in, text_in

_PROTOCOLS = ("attachment://", "tc://")
"""How a text refers to what is kept elsewhere; the second is of 2024."""


class Pools:
    """The texts, messages and calls of a sample that are kept once."""

    def __init__(self, sample: Mapping[str, Any]) -> None:
        transcript = object_in(sample.get("transcript"))  # of 2024
        kept = sample.get("attachments") or transcript.get("content")
        self.attachments: Mapping[str, Any] | Sequence[Any]
        self.attachments = kept if isinstance(kept, list) else object_in(kept)
        pooled = object_in(sample.get("events_data"))
        self.messages = list_in(pooled.get("messages") or sample.get("message_pool"))

    def resolve(self, value: Any) -> Any:
        """Copy a value with every text that is kept elsewhere in its place."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self.resolve(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.resolve(one) for one in value]
        return value

    def _text(self, text: str) -> Any:
        for protocol in _PROTOCOLS:
            if text.startswith(protocol):
                key = text.removeprefix(protocol)
                if isinstance(self.attachments, Mapping):
                    return self.attachments.get(key, text)
                place = int(key) if key.isdecimal() and len(key) < 12 else -1
                return self.attachments[place] if 0 <= place < len(self.attachments) else text
        return text

    def input(self, event: Mapping[str, Any]) -> list[Any]:
        """Give the messages that a model event was asked with."""
        refs = event.get("input_refs")
        found = expanded(refs, self.messages) if refs else list_in(event.get("input"))
        return [self.resolve(message) for message in found]

    def request(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Give the request of a model event without the messages it was asked with."""
        call = object_in(event.get("call"))
        history = ("messages", "input", "contents", text_in(call.get("call_key")))
        asked = object_in(call.get("request"))
        return {key: self.resolve(value) for key, value in asked.items() if key not in history}


def expanded(refs: Any, pool: Sequence[Any]) -> list[Any]:
    """Give the entries of a pool that ranges `[start, end]` name, the end not among them."""
    found: list[Any] = []
    for pair in list_in(refs):
        if isinstance(pair, (list, tuple)) and [type(one) for one in pair] == [int, int]:
            found += pool[max(pair[0], 0) : max(pair[1], 0)]
    return found
