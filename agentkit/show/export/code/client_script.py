"""`ak.export.python`: a request as a script with the plain openai client."""

from __future__ import annotations

from typing import Any

from agentkit.errors import checked_keywords
from agentkit.read.plain import is_utf8
from agentkit.servers.redaction.redactor import REDACTED
from agentkit.show.export.code.literals import literal
from agentkit.show.export.code.shell import notes
from agentkit.show.export.document import Export
from agentkit.show.export.exported_call import ModelCall, model_call

_NAMED = frozenset(
    {
        "model",
        "messages",
        "tools",
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "stop",
        "seed",
        "stream",
        "stream_options",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "logprobs",
        "top_logprobs",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "user",
        "reasoning_effort",
        "metadata",
        "store",
    }
)
"""Arguments that every version of the client since 2.0 has; others go through `extra_body`."""
_LONG = ("messages", "tools")


@checked_keywords
def python(source: Any, turn: int | None = None, *, server: str | None = None) -> Export:
    """Write the request as a Python script that needs only the openai package.

    The key is read from an environment variable.

    Args:
        source: a turn, a rollout or what holds one (`Debugger`, `AgentResult`), or a `Request`.
        turn: which turn of the rollout, counting from 0; None: the last model call, failed or not.
        server: the base URL to ask in place of the recorded one.

    Raises:
        UsageError: it holds no rollout.
        NotFound: there is no such turn.
    """
    call = model_call(source, turn, server)
    about = "\n".join(
        ["The request of " + notes(call)[0] + ".", *(f"\n{line}" for line in notes(call)[1:])]
    )
    body = call.body
    send = _create(body) if is_utf8("".join(_texts(body))) else _post(body)
    client = client_lines(call)
    kind = "AzureOpenAI" if client.startswith("AzureOpenAI(") else "OpenAI"
    names = f"{kind}, omit" if "=omit" in send else kind
    standard = "import json\nimport os\n" if "json." in send else "import os\n"
    text = f'"""{about}"""\n\n{standard}\nfrom openai import {names}\n\nclient = {client}\n\n{send}'
    return Export(text, f"turn_{call.turn}.py")


def client_lines(call: ModelCall) -> str:
    """Write the expression that makes a client of the recorded address."""
    endpoint = call.endpoint
    if not endpoint.url:
        return (
            'OpenAI(api_key=os.environ.get("OPENAI_API_KEY", "EMPTY"), max_retries=0)  # the'
            " address: OPENAI_BASE_URL"
        )
    variable = literal(endpoint.variable)
    key = (
        f"os.environ[{variable}]" if endpoint.needs_key else f'os.environ.get({variable}, "EMPTY")'
    )
    query = {
        name: value
        for name, value in endpoint.query.items()
        if not (endpoint.azure and name == "api-version")
    }
    lines = [f"base_url={literal(endpoint.base)}", f"api_key={key}"]
    kind = "OpenAI"
    if endpoint.azure and "api-version" in endpoint.query:
        kind, lines = (
            "AzureOpenAI",
            [*lines, f"api_version={literal(endpoint.query['api-version'])}"],
        )
    if query:
        given = ", ".join(
            f"{literal(n)}: {key if REDACTED in value else literal(value)}"
            for n, value in query.items()
        )
        lines.append(f"default_query={{{given}}}")
    lines.append("max_retries=0")
    return f"{kind}(\n" + "".join(f"    {line},\n" for line in lines) + ")"


def _create(body: dict[str, Any]) -> str:
    """Write the call of `chat.completions.create`, with its long arguments named before it."""
    extra = {name: value for name, value in body.items() if name not in _NAMED or value is None}
    named = {name: value for name, value in body.items() if name not in extra}
    long = [
        f"{name} = {literal(named[name], 0, len(name) + 3)}\n\n" for name in _LONG if name in named
    ]
    arguments = [
        f"{name}={name if name in _LONG else literal(value, 1, len(name) + 1)}"
        for name, value in named.items()
    ]
    arguments = [*([] if "model" in named else ["model=omit"]), *arguments]
    if extra:
        arguments.append(f"extra_body={literal(extra, 1, 11)}")
    asks = (
        "client.chat.completions.create(\n"
        + "".join(f"    {argument},\n" for argument in arguments)
        + ")"
    )
    if not named.get("stream"):
        return (
            f"{''.join(long)}response = {asks}\nprint(response.model_dump_json(indent=2,"
            " exclude_unset=True))\n"
        )
    return (
        f"{''.join(long)}stream = {asks}\nfor chunk in stream:\n   "
        " print(chunk.model_dump_json(exclude_unset=True))\n"
    )


def _post(body: dict[str, Any]) -> str:
    """Write a request that sends bytes of our own.

    The client encodes a body as UTF-8, which a lone surrogate cannot be.
    """
    sent = (
        'content=json.dumps(body).encode(), options={"headers": {"Content-Type":'
        ' "application/json"}}'
    )
    return (
        "# a text in it holds half a surrogate pair, which the client cannot encode: it is sent"
        f" escaped\nbody = {literal(body, 0, 7)}\n\n"
        'answer = client.post("/chat/completions", cast_to=object,'
        f" {sent})\nprint(json.dumps(answer, indent=2))\n"
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (str(key), *_texts(item))]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
