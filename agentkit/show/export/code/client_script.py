"""`ak.export.python`: a request as a script with the plain client of its dialect."""

from __future__ import annotations

from typing import Any

from agentkit.errors import checked_keywords
from agentkit.read.plain import is_utf8
from agentkit.servers.redaction.redactor import REDACTED
from agentkit.show.export.code.literals import literal
from agentkit.show.export.code.sdk import SDKS, Sdk
from agentkit.show.export.code.shell import notes
from agentkit.show.export.document import Export
from agentkit.show.export.endpoint import Endpoint
from agentkit.show.export.exported_call import ModelCall, model_call

_PATIENT = 16_000
"""Tokens of an answer from which Anthropic's client refuses to wait for it as a whole, unless it is
told how long.
"""


@checked_keywords
def python(source: Any, turn: int | None = None, *, server: str | None = None) -> Export:
    """Write the request as a Python script that needs only the openai package, or for Messages the
    anthropic package.

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
    body, sdk, endpoint = call.body, SDKS[call.endpoint.dialect], call.endpoint
    odd = sdk.client == "Anthropic" and bool(endpoint.url) and not endpoint.base.endswith("/v1")
    plain = is_utf8("".join(_texts(body))) and not odd
    send = _create(body, sdk) if plain else _post(body, sdk.path if not odd else endpoint.url)
    client = client_lines(call)
    names = client.partition("(")[0] + (", omit" if "=omit" in send else "")
    standard = "import json\nimport os\n" if "json." in send else "import os\n"
    imports = f"{standard}\nfrom {sdk.package} import {names}\n"
    key = f"key = {_key(endpoint)}\n" if len(endpoint.key_headers) > 1 else ""
    text = f'"""{about}"""\n\n{imports}\n{key}client = {client}\n\n{send}'
    return Export(text, f"turn_{call.turn}.py")


def _key(endpoint: Endpoint) -> str:
    """Write the expression that reads the key."""
    variable = literal(endpoint.variable)
    return (
        f"os.environ[{variable}]" if endpoint.needs_key else f'os.environ.get({variable}, "EMPTY")'
    )


def client_lines(call: ModelCall) -> str:
    """Write the expression that makes a client of the recorded address."""
    endpoint = call.endpoint
    kind = SDKS[endpoint.dialect].client
    if not endpoint.url:
        return (
            f'{kind}(api_key=os.environ.get("{endpoint.variable}", "EMPTY"), max_retries=0)  # the'
            f" address: {endpoint.base_variable}"
        )
    key = _key(endpoint)
    query = {
        name: value
        for name, value in endpoint.query.items()
        if not (endpoint.azure and name == "api-version")
    }
    base = endpoint.base.removesuffix("/v1") if kind == "Anthropic" else endpoint.base
    lines = [f"base_url={literal(base)}", f"api_key={key}"]
    if len(endpoint.key_headers) > 1:  # the client sends one of them by itself
        headers = '{"X-Api-Key": key, "Authorization": f"Bearer {key}"}'
        lines[1:] = ["api_key=key", f"default_headers={headers}"]
    if kind == "OpenAI" and endpoint.azure and "api-version" in endpoint.query:
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


def _create(body: dict[str, Any], sdk: Sdk) -> str:
    """Write the call that asks, with its long arguments named before it."""
    extra = {name: value for name, value in body.items() if name not in sdk.named or value is None}
    named = {name: value for name, value in body.items() if name not in extra}
    long = [
        f"{name} = {literal(named[name], 0, len(name) + 3)}\n\n"
        for name in sdk.long
        if name in named
    ]
    arguments = [
        f"{name}={name if name in sdk.long else literal(value, 1, len(name) + 1)}"
        for name, value in named.items()
    ]
    arguments = [*(f"{name}=omit" for name in sdk.required if name not in named), *arguments]
    if extra:
        arguments.append(f"extra_body={literal(extra, 1, 11)}")
    limit = body.get("max_tokens")
    if sdk.client == "Anthropic" and type(limit) is int and limit > _PATIENT:
        arguments.append("timeout=600")
    asks = f"client.{sdk.create}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
    if not named.get("stream"):
        return (
            f"{''.join(long)}response = {asks}\nprint(response.model_dump_json(indent=2,"
            " exclude_unset=True))\n"
        )
    return (
        f"{''.join(long)}stream = {asks}\nfor {sdk.piece} in stream:\n   "
        f" print({sdk.piece}.model_dump_json(exclude_unset=True))\n"
    )


def _post(body: dict[str, Any], path: str) -> str:
    """Write a request that sends bytes of our own, to a path or a whole URL.

    The client encodes a body as UTF-8, which a lone surrogate cannot be; Anthropic's knows one path
    alone.
    """
    sent = (
        'content=json.dumps(body).encode(), options={"headers": {"Content-Type":'
        ' "application/json"}}'
    )
    why = "# a text in it holds half a surrogate pair, which the client cannot encode: it is sent"
    noted = f"{why} escaped\n" if path.startswith("/") else ""
    return (
        f"{noted}body = {literal(body, 0, 7)}\n\n"
        f"answer = client.post({literal(path)}, cast_to=object,"
        f" {sent})\nprint(json.dumps(answer, indent=2))\n"
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (str(key), *_texts(item))]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
