"""Anthropic's manner: Messages alone, after recorded answers of api.anthropic.com; errors of wrong
keys and paths after its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.forms.messages.anthropic_messages import AnthropicMessages
from agentkit.testing.server.manners.manner import Manner


class Anthropic(Manner):
    """The manner of api.anthropic.com."""

    name = "anthropic"

    def forms(self, *, store: bool) -> list[DialectForm]:
        return [AnthropicMessages()]

    def error(self, refusal: Refusal) -> Any:
        return AnthropicMessages().error(refusal)

    def unauthorized(self, sent: str | None) -> Refusal:
        if not sent:
            text = "x-api-key header is required"
            return Refusal(401, text, type="authentication_error")
        return Refusal(401, "invalid x-api-key", type="authentication_error")

    def lacks(self, headers: Mapping[str, str]) -> Refusal | None:
        if "anthropic-version" in headers:
            return None
        return Refusal(400, "anthropic-version: header is required")

    def unknown_path(self, method: str, path: str) -> Refusal:
        if path == "/v1/messages":
            return Refusal(405, "Method Not Allowed", type="invalid_request_error")
        return Refusal(404, "Not Found", type="not_found_error")

    def malformed(self, position: int) -> Refusal:
        return Refusal(400, "The request body is not valid JSON", type="invalid_request_error")

    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        if path != "/v1/models":
            return None
        listed = [
            {
                "type": "model",
                "id": name,
                "display_name": name,
                "created_at": "2026-01-01T00:00:00Z",
            }
            for name in models
        ]
        first, last = (models[0], models[-1]) if models else (None, None)
        return {"data": listed, "has_more": False, "first_id": first, "last_id": last}
