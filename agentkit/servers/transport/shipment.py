"""What goes to another process, as Ray ships it: functions of a notebook or a script by value,
those of a module that can be imported there by name. A secret goes along on purpose only.
"""

from __future__ import annotations

import copyreg
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from agentkit.errors import AgentkitError, UsageError
from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.servers.redaction.redactor import goes_along
from agentkit.servers.transport.shipped_code import pickler

Parts = Callable[[], Iterable[tuple[str, Any]]]
"""Lists what a thing is made of, each part with its name in words."""

_HINT = (
    "give what holds a connection, a lock or a file to no function from outside: open it inside the"
    " function, where it is first used"
)


def packed(owner: Any, state: Any, parts: Parts) -> bytes:
    """Write the state of an object as bytes, from which `unpacked` makes it anew.

    Args:
        owner: what it is the state of, for errors.
        state: what is written.
        parts: what it is made of, which is looked at where it cannot be written.

    Raises:
        UsageError: a part of it cannot be sent, or holds a secret.
    """
    data = _written(state)
    if isinstance(data, bytes):
        _check_secrets(owner, data, parts)
        return data
    for name, part in parts():
        found = _written(part)
        if not isinstance(found, bytes):
            raise _refusal(owner, name, found)
    raise _refusal(owner, "something in it", data)


def unpacked(kind: type, data: bytes) -> Any:
    """Make an object anew from its packed state."""
    made = copyreg.__newobj__(kind)  # type: ignore[attr-defined]
    vars(made).update(opened(data))
    return made


def opened(data: bytes) -> Any:
    """Read what was packed; only what this very user has packed is ever given to it."""
    import pickle

    return pickle.loads(data)  # noqa: S301


@contextmanager
def with_secrets(wanted: bool) -> Iterator[None]:
    """Let secrets go along in what is packed meanwhile, where that is wanted."""
    before = goes_along.set(wanted or goes_along.get())
    try:
        yield
    finally:
        goes_along.reset(before)


def name_of(function: Any) -> str:
    """Name a function, or an object that is called."""
    return str(getattr(function, "__qualname__", type(function).__name__))


def _written(value: Any) -> bytes | Exception:
    file = io.BytesIO()
    try:
        pickler()(file).dump(value)
    except Exception as exc:  # whatever a part of the caller's raises while it is written
        return exc
    return file.getvalue()


def _refusal(owner: Any, name: str, reason: Exception) -> AgentkitError:
    if isinstance(reason, AgentkitError):
        return reason
    return UsageError(
        f"{owner!r} cannot be sent to another process: {name} holds what cannot go there"
        f" ({reason})",
        hint=_HINT,
    )


def _check_secrets(owner: Any, data: bytes, parts: Parts) -> None:
    """Make sure that no secret of this process stands in the bytes.

    Raises:
        UsageError: one does.
    """
    if goes_along.get() or not _shows_secret(data):
        return
    names = (name for name, part in parts() if _shows_secret(_written(part)))
    raise UsageError(
        f"{owner!r} cannot be sent: {next(names, 'something in it')} holds a secret",
        hint="read it from the environment where it is used, or ak.Server(…, pickle_key=True) for"
        " the key of a server",
    )


def _shows_secret(data: bytes | Exception) -> bool:
    redact = known_secrets()
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
    return redact.finds(text) and bool(redact.spans(text))
