"""The few functions of higher layers that lower ones call, named here and imported when they are
first called: so that imports point down, and a record can still be shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Literal, TypeAlias

Hook: TypeAlias = Literal[
    "bundle",
    "html",
    "text",
    "page",
    "display",
    "widget",
    "issue",
    "code",
    "messages",
    "request",
    "request_body",
    "problem_words",
    "fork",
]

HOOKS: dict[Hook, str] = {
    "bundle": "agentkit.show.notebook.static_view:mimebundle",
    "html": "agentkit.show.render.render:html_of",
    "text": "agentkit.show.render.render:text_of",
    "page": "agentkit.show.notebook.static_view:standalone",
    "display": "agentkit.show.notebook.display:display",
    "widget": "agentkit.show.notebook.static_view:widget",
    "issue": "agentkit.show.export.issue_body:issue_body",
    "code": "agentkit.show.export.written_as:written_as",
    "messages": "agentkit.trajectory.history:messages",
    "request": "agentkit.trajectory.history:request",
    "request_body": "agentkit.dialects.native_request:body_of",
    "fork": "agentkit.tap.hold.rollout_fork:fork_of",
    "problem_words": "agentkit.trajectory.trouble.points:problem_words",
}
"""Hook to the module and the function behind it. A test resolves each."""


@cache
def hook(name: Hook) -> Callable[..., Any]:
    """Import the function behind a hook."""
    module, _, function = HOOKS[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
