"""`ak.export.curl`: a request as a curl command that any shell runs unchanged."""

from __future__ import annotations

from typing import Any

from agentkit.errors import checked_keywords
from agentkit.servers.address import MESSAGES_VERSION
from agentkit.show.export.code.literals import json_text
from agentkit.show.export.document import Export
from agentkit.show.export.exported_call import ModelCall, model_call


@checked_keywords
def curl(source: Any, turn: int | None = None, *, server: str | None = None) -> Export:
    """Write the request as a curl command: the body as it was sent, the recorded address, and the
    key read from an environment variable.

    The body goes through a quoted heredoc as JSON, in which no line can end it and nothing is
    expanded; no text of it is ever a word of the shell.

    Args:
        source: a turn, a rollout or what holds one (`Debugger`, `AgentResult`), or a `Request`.
        turn: which turn of the rollout, counting from 0; None: the last model call, failed or not.
        server: the base URL to ask in place of the recorded one.

    Raises:
        UsageError: it holds no rollout, or the recorded address is none of a server.
        NotFound: there is no such turn.
    """
    call = model_call(source, turn, server)
    streamed = "--no-buffer " if call.body.get("stream") else ""
    lines = [
        *(f"# {line}" for line in notes(call)),
        f"curl --silent --show-error {streamed}--globoff --proto '=http,https' \\",
        f"  --url {call.endpoint.shell_url} \\",
        *(f"  -H {header} \\" for header in _headers(call)),
        "  -H 'Content-Type: application/json' \\",
        "  --data-binary @- <<'END_OF_REQUEST'",
        json_text(call.body),
        "END_OF_REQUEST",
    ]
    return Export("\n".join(lines) + "\n", f"turn-{call.turn}.sh")


def notes(call: ModelCall) -> list[str]:
    """List what a reader of the export should know, a line each."""
    lines = [call.heading]
    if not call.endpoint.url:
        lines.append(
            f"no address was recorded: set {call.endpoint.base_variable}, and"
            f" {call.endpoint.variable} where the server wants a key"
        )
    if call.redacted:
        lines.append("what looked like a key was taken out of the request and reads [redacted]")
    return lines


def _headers(call: ModelCall) -> list[str]:
    """Write the headers that say who asks, and in which version."""
    endpoint = call.endpoint
    key = (
        f"${endpoint.variable}"
        if endpoint.needs_key and endpoint.url
        else f"${{{endpoint.variable}:-EMPTY}}"
    )
    version = [f"'anthropic-version: {MESSAGES_VERSION}'"] if endpoint.dialect == "messages" else []
    return [*(f'"{head}{key}"' for head in endpoint.key_headers), *version]
