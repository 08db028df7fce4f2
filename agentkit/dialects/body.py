"""A request as the JSON body of its dialect."""

from __future__ import annotations

import json
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.types.request import Request


def body_of(request: Request) -> dict[str, Any]:
    """Write the body of a request in its dialect, as it is sent."""
    codec = CODECS[request.dialect]
    head = {"model": request.model} if request.model is not None else {}
    tools = {"tools": list(request.tools)} if request.tools else {}
    fields = {**head, **tools, **request.sampling}
    parts = [codec.encode(message) for message in request.messages[request.known :]]
    written: dict[str, Any] = json.loads(codec.body(parts, fields, None, False))
    return written
