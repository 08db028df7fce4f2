"""What comes from elsewhere, without the secrets that this process knows: answers and errors that
are read alone, records made by hand, rollouts of files. What has none in it is the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, TypeVar, cast

from agentkit.errors import checked_keywords
from agentkit.read.failure import error
from agentkit.read.response import read_response as read_any
from agentkit.read.stream import stream_reader
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.types.answer import Response
from agentkit.types.record import read_later, reader_of, replace
from agentkit.types.trajectory import Message, ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange

Reader = TypeVar("Reader", bound=Callable[..., Response])
ErrorReader = TypeVar("ErrorReader", bound=Callable[..., ApiError])


def opened(trajectory: Trajectory) -> Trajectory:
    """Take the known secrets out of a rollout."""
    return Secrecy().opened(trajectory)


def all_opened(trajectories: Iterable[Trajectory]) -> list[Trajectory]:
    """Take the known secrets out of each rollout."""
    return list(each_opened(trajectories))


def each_opened(trajectories: Iterable[Trajectory]) -> Iterator[Trajectory]:
    """Take the known secrets out of rollouts as they come."""
    secrecy = Secrecy()
    is_clean = not secrecy.renewed()
    for trajectory in trajectories:
        yield trajectory if is_clean or _later(trajectory) else secrecy.opened(trajectory)


def in_file(trajectories: Iterable[Trajectory], name: str) -> list[Trajectory]:
    """Say of rollouts which of several files they were read from; none is read for it."""
    found = []
    for trajectory in trajectories:
        if file_of(trajectory) is None:
            read = reader_of(trajectory)
            if read is not None:
                object.__setattr__(trajectory, "_read", _Filed(read, name))
                object.__setattr__(trajectory, "file", name)
            else:
                trajectory = replace(trajectory, file=name)
        found.append(trajectory)
    return found


def file_of(trajectory: Trajectory) -> str | None:
    """Look up which file a rollout was read from, without reading it."""
    if reader_of(trajectory) is None:
        return trajectory.file
    try:
        name: str | None = object.__getattribute__(trajectory, "file")
    except AttributeError:
        return None
    return name


class _Filed:
    """Reads a rollout, and says from which file."""

    def __init__(self, read: Callable[[], Trajectory], name: str) -> None:
        self._read, self._name = read, name

    def __call__(self) -> Trajectory:
        return replace(self._read(), file=self._name)


class _Opening:
    """Reads a rollout, and takes the secrets out of it that are known by then."""

    def __init__(self, read: Callable[[], Trajectory]) -> None:
        self._read = read

    def __call__(self) -> Trajectory:
        return opened(self._read())


def _later(trajectory: Trajectory) -> bool:
    """Let a rollout that has not been read be cleaned when it is; tell whether it is one."""
    read = reader_of(trajectory)
    if read is not None and not isinstance(read, _Opening):
        name = file_of(trajectory)
        read_later(trajectory, _Opening(read))
        if name is not None:
            object.__setattr__(trajectory, "file", name)
    return read is not None


def shown(thing: Any) -> Any:
    """Give what is drawn of a record that may never have been part of a rollout."""
    match thing:
        case Trajectory():
            return opened(thing)
        case Turn():
            clean = opened(Trajectory(turns=(thing,)))
            return clean.turns[0] if clean.turns[0] is not thing else thing
    secrecy = Secrecy()
    if not secrecy.renewed():
        return thing
    match thing:
        case Response():
            return secrecy.response(thing)
        case Exchange():
            return secrecy.response(read_any(thing)).exchange
        case Message():
            return secrecy.messages((thing,))[0]
        case ToolResult():
            return secrecy.result(thing)
        case ApiError():
            return secrecy.error(thing)
    return thing


def _answers(read: Reader) -> Reader:
    """Make a reader of answers take the known secrets out of what it reads."""

    @wraps(read)
    def clean(obj: Any, tools: Any = None, *policy: Any, **options: Any) -> Response:
        found = read(obj, tools, *policy, **options)
        secrecy = Secrecy()
        if not secrecy.renewed():
            return found
        safe = secrecy.response(found)
        if safe is found:
            return found
        return read_any(safe.exchange, tools, *policy, **options)

    clean.__module__ = __name__
    return cast(Reader, checked_keywords(clean))


read_response = _answers(read_any)
read_stream = _answers(stream_reader.read_stream)


def _errors(read: ErrorReader) -> ErrorReader:
    """Make a reader of errors do so."""

    @wraps(read)
    def clean(*answer: Any, **options: Any) -> ApiError:
        return Secrecy().error(read(*answer, **options))

    clean.__module__ = __name__
    return cast(ErrorReader, checked_keywords(clean))


read_error = _errors(error.read_error)
