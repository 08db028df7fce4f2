"""What was asked, beside the messages."""

from __future__ import annotations

from typing import Any

from agentkit.html import Html, el
from agentkit.render.block import bar, code, facts, fold, whole
from agentkit.render.outline import Limits
from agentkit.render.pretty import pretty
from agentkit.render.words import count
from agentkit.types import Request, Spec

_SECRET = ("authorization", "cookie", "api-key", "api_key", "apikey", "secret", "password")
"""How the names of fields that hold credentials end."""


def asked(spec: Spec, limits: Limits) -> Html:
    """What every request of a rollout holds beside its messages, and how answers are read."""
    tools = {"tools": list(spec.tools)} if spec.tools else {}
    fields = masked({"model": spec.model, **spec.sampling, **({"stream": True} if spec.stream else {}), **tools})
    reading = {"profile": spec.profile, "parser": spec.parser, "policy": spec.policy, "max_turns": spec.max_turns}
    title = ["request ", facts(code(spec.model) if spec.model else None, count(len(spec.tools), "tool"))]
    shown = [whole(pretty(part), limits, "trajectory.spec") for part in (fields, reading)]
    return fold(title, shown[0], facts("how answers are read"), shown[1])


def request_head(request: Request, limits: Limits) -> Html:
    """The fields of a request beside its messages."""
    fields = {name: value for name, value in request.body.items() if name != "messages"}
    told = facts(code(request.model) if request.model else None, count(len(request.messages), "message"), count(len(request.tools), "tool"))
    shown = fold("fields beside the messages", whole(pretty(masked(fields)), limits, "request.body"))
    return el("header", bar(el("strong", "Request"), told), shown, class_="ak-head", data_key="head")


def masked(fields: Any) -> Any:
    """The fields with the values of credentials left out, at any depth of dicts and lists."""
    if isinstance(fields, dict):
        return {name: "[not shown]" if _secret(name) else masked(value) for name, value in fields.items()}
    return [masked(item) for item in fields] if isinstance(fields, list) else fields


def _secret(name: object) -> bool:
    return isinstance(name, str) and name.lower().endswith(_SECRET)
