"""Answers that a server keeps, so that a request can go on from one by its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentkit.testing.server.question import Question


@dataclass(frozen=True)
class KeptAnswer:
    """One answer, and what it answered."""

    draft: Mapping[str, Any]
    question: Question
    messages: list[dict[str, Any]]
    """The conversation up to it, in chat form, as a request that goes on from it finds it."""


class AnswerStore:
    """What one server keeps while it runs."""

    def __init__(self) -> None:
        self._kept: dict[str, KeptAnswer] = {}

    def get(self, name: Any) -> KeptAnswer | None:
        """Find an answer by its id."""
        return self._kept.get(name) if isinstance(name, str) else None

    def drop(self, name: str) -> None:
        """Forget an answer."""
        self._kept.pop(name, None)

    def keep(self, name: str, draft: Mapping[str, Any], question: Question, lost: str) -> None:
        """Keep an answer.

        Args:
            name: its id.
            draft: the answer.
            question: what it answers.
            lost: "calls": only its text is kept.
        """
        message = {"role": "assistant", **draft["message"]}
        if lost == "calls":
            message = {"role": "assistant", "content": message.get("content")}
        said = [message] if message.get("content") or message.get("tool_calls") else []
        told = [m for m in question.messages if m.get("role") != "system" or "items" in m]
        self._kept[name] = KeptAnswer(draft, question, [*told, *said])
