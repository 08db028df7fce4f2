"""A request as the JSON body of its dialect."""

from __future__ import annotations

import json
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.dialects.responses.request import new_messages
from agentkit.types.request import Request


def body_of(request: Request) -> dict[str, Any]:
    """Write the body of a request in its dialect, as it is sent."""
    codec = CODECS[request.dialect]
    head = {"model": request.model} if request.model is not None else {}
    tools = {"tools": list(request.tools)} if request.tools else {}
    fields = {**head, **tools, **request.sampling}
    sent: Any = request.messages
    if request.known:
        sent = new_messages(sent, len(sent) - request.known)
    parts = [codec.encode(message) for message in sent]
    written: dict[str, Any] = json.loads(codec.body(parts, fields, None, False))
    return written
