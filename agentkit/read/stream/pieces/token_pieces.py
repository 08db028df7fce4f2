"""What the chunks of a stream say of its tokens: logprobs and ids, under the names they came in."""

from __future__ import annotations

from typing import Any

from agentkit.read.body.usage import BESIDE, OUTPUT_IDS, PROMPT_IDS

_OUTPUT = frozenset((*OUTPUT_IDS, "output_token_logprobs"))


class TokenPieces:
    """The tokens of one answer in the making."""

    def __init__(self) -> None:
        self._logprobs: dict[str, list[Any]] = {}
        self._ids: dict[str, list[Any]] = {}
        self._prompt: dict[str, Any] = {}

    def add(self, choice: dict[str, Any]) -> None:
        """Take what a choice of a chunk holds of them, in its delta and beside it too."""
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict):
            for name, listed in logprobs.items():
                if isinstance(listed, list):
                    self._logprobs.setdefault(name, []).extend(listed)
        self.add_beside(choice)
        delta = choice.get("delta")
        if isinstance(delta, dict) and len(delta) > 1:
            self.add_beside(delta)

    def add_beside(self, holder: dict[str, Any]) -> None:
        """Take the ids of a chunk, a choice or a delta, and of the objects beside them."""
        if _PLACES.isdisjoint(holder):  # nearly every chunk
            return
        self._take(holder)
        for name in BESIDE:
            if isinstance(holder.get(name), dict):
                self._take(holder[name])

    def _take(self, holder: dict[str, Any]) -> None:
        for name in holder.keys() & _NAMES:
            value = holder[name]
            if not isinstance(value, list) or not value:
                continue
            if name in PROMPT_IDS:
                self._prompt.setdefault(name, value)
            else:
                value = value[0] if name == "output_ids" and isinstance(value[0], list) else value
                self._ids.setdefault(name, []).extend(value)

    def wire(self) -> dict[str, Any]:
        """Return the fields of the choice that hold them."""
        return {**({"logprobs": self._logprobs} if self._logprobs else {}), **self._ids}

    def head(self) -> dict[str, Any]:
        """Return the fields of the body that hold the prompt's."""
        return self._prompt


_NAMES = _OUTPUT | frozenset(PROMPT_IDS)
_PLACES = _NAMES | frozenset(BESIDE)


def is_bare(holder: dict[str, Any]) -> bool:
    """Tell whether a chunk, a choice or a delta says nothing of its tokens."""
    return _PLACES.isdisjoint(holder)
