"""A manner is how one kind of server answers: which dialects it speaks, how it writes each (names,
order and presence of fields, ids, events, errors), and what it says of its models. Each manner's
own modules list what was taken from captured traffic and what was constructed after documentation
or source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.form import DialectForm


class Manner(ABC):
    """How one kind of server answers; the base of the four there are."""

    name: ClassVar[str]
    stores: ClassVar[bool] = False
    """Whether it keeps its Responses answers, where nobody says whether it should."""

    @abstractmethod
    def forms(self, *, store: bool) -> list[DialectForm]:
        """Give what writes each dialect the server speaks.

        Args:
            store: whether Responses answers are kept.
        """

    @abstractmethod
    def error(self, refusal: Refusal) -> Any:
        """Give the body of a request that is refused before its dialect is known."""

    @abstractmethod
    def unauthorized(self, sent: str | None) -> Refusal:
        """Give the refusal of a wrong key, or of none."""

    def lacks(self, headers: Mapping[str, str]) -> Refusal | None:
        """Refuse a request without a header that the server wants; None where all are there."""
        return None

    @abstractmethod
    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        """Answer a GET; None where there is nothing.

        Args:
            path: what is asked for.
            models: the names it serves.
            context: most tokens of prompt and answer.
        """

    def unknown_path(self, method: str, path: str) -> Refusal:
        """Give the refusal of a path that is not there, or not for this method: FastAPI's own."""
        known = ("/v1/chat/completions", "/v1/responses", "/v1/messages")
        text = "Method Not Allowed" if path in known and method != "POST" else "Not Found"
        return Refusal(404 if text == "Not Found" else 405, text, body={"detail": text})

    @abstractmethod
    def malformed(self, position: int) -> Refusal:
        """Give the refusal of a body that is not JSON, by where it ceases to be."""
