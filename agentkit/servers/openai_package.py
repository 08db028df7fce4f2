"""What differs between the versions of the openai package: the HTTP library under it, and the
argument that takes ready bytes.
"""

from __future__ import annotations

import asyncio
import inspect
from functools import cache
from importlib import import_module
from typing import Any


@cache
def http_library() -> Any:
    """The module openai is built on: `httpx2` since version 3, `httpx` before."""
    import openai

    return import_module(openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


async def load() -> None:
    """Nothing, once the package can be used. It is imported in a thread: that takes a second, in
    which the event loop would hear of no Stop.
    """
    global _loaded
    if not _loaded:
        await asyncio.to_thread(_import)
        _loaded = True


_loaded = False


def _import() -> None:
    import openai

    openai.DefaultAioHttpClient, http_library(), takes_content()  # each loads a part of it


@cache
def takes_content() -> bool:
    """Whether `post` has an argument for ready bytes, or for pieces of them; else `body` takes
    bytes.
    """
    import openai

    return "content" in inspect.signature(openai.AsyncOpenAI.post).parameters


def unread(body: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the client's `post` that make it send these bytes, once, and return the response
    before its body is read.
    """
    name = "content" if takes_content() else "body"
    once = {"max_retries": 0, "follow_redirects": False, **options}
    return {
        name: body,
        "cast_to": http_library().Response,
        "stream": True,
        "stream_cls": object,
        "options": once,
    }
