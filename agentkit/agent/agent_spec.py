"""What the rollouts of an agent are run with, made of what its caller gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from agentkit.errors import UsageError, suggest
from agentkit.read.parsers.registry import get_parser
from agentkit.servers.clients import as_server
from agentkit.servers.model_call import ChatServer
from agentkit.trajectory.profiles import get_profile, profile_for
from agentkit.types.answer import Policy
from agentkit.types.trajectory import Spec


def server_of(server: Any, *, clock: Callable[[], float]) -> ChatServer:
    """Make a server of what the caller has: a URL, a client, an object.

    Raises:
        UsageError: it is none, or an empty text.
    """
    if isinstance(server, str) and not server.strip():
        # an empty setting must not become OpenAI
        raise UsageError(
            "the server is an empty text",
            hint="give its URL, as 'http://localhost:8000/v1'; None is OpenAI",
        )
    return as_server(server, clock=clock)


def given(**fields: Any) -> dict[str, Any]:
    """Keep those of the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def make_spec(
    server: ChatServer,
    model: Any,
    tools: tuple[dict[str, Any], ...],
    profile: str | None,
    parser: str | None,
    policy: Policy,
    sampling: dict[str, Any],
    *,
    max_turns: int | None,
    stream: bool,
) -> Spec:
    """Make what a rollout is run with, by default with the profile that fits the server.

    Args:
        server: decides the profile where none is named.
        model: the name the server knows it by.
        tools: schemas in OpenAI's format.
        profile: how the history goes back.
        parser: the format whose calls, found in text, are run.
        policy: which calls may run.
        sampling: further fields of the request.
        max_turns: model calls at most; None for no limit.
        stream: whether answers are asked for in pieces.

    Raises:
        UsageError: the model is no name, or there is no such policy.
        NotFound: there is no such profile or parser.
    """
    if model is not None and not isinstance(model, str):
        raise UsageError(
            f"the model is a {type(model).__name__}, not a name",
            hint="ak.Agent('model-name', tools=[...], server='http://localhost:8000/v1')",
        )
    if policy not in get_args(Policy):
        raise UsageError(
            f"no policy is named {policy!r}",
            hint=suggest(policy, get_args(Policy), "choose 'strict', 'normalize' or 'repair'"),
        )
    if parser is not None:
        get_parser(parser)
    chosen = profile or server.profile or profile_for(getattr(server, "url", None), model)
    return Spec(
        model=model,
        tools=tools,
        sampling=sampling,
        profile=get_profile(chosen).name,
        parser=parser,
        policy=policy,
        max_turns=max_turns,
        stream=stream,
    )
