"""Counts of tokens as Langfuse keeps them, under OpenAI's names.

Its server takes the parts out of the whole: `input` is what is left of a prompt beside
`input_cached_tokens` and its kin, so that they add up (`usageDetails` of its public API).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.traces.loose import count, first, known

_SIDES = {"input": "prompt", "output": "completion"}
_PARTS = {
    "input": ("cached_tokens", ("input_cached_tokens", "cache_read_input_tokens")),
    "output": ("reasoning_tokens", ("output_reasoning_tokens", "output_reasoning")),
}


def langfuse_usage(details: Mapping[str, Any]) -> dict[str, Any]:
    """Give counts as a usage of OpenAI's; those that are one already as they are."""
    if not any(side in details for side in (*_SIDES, "total")):
        return dict(details)
    found = known(total_tokens=count(details.get("total")) or None)
    for side, name in _SIDES.items():
        if whole := _whole(side, details):
            found[f"{name}_tokens"] = whole
        part, names = _PARTS[side]
        if counted := first(*(count(details.get(one)) for one in names)):
            found[f"{name}_tokens_details"] = {part: counted}
    return found


def _whole(side: str, details: Mapping[str, Any]) -> int:
    """Add up what a side was counted in."""
    names = [name for name in details if name == side or name.startswith(f"{side}_")]
    return sum(count(details[name]) or 0 for name in names)
