"""A streamed answer as far as it has come: what a view shows while it is written."""

from __future__ import annotations

from agentkit.dialects.delta import Delta
from agentkit.read.stream.stream_reader import StreamReader
from agentkit.types.record import Record, record
from agentkit.types.wire import Chunk


@record
class GrowingCall(Record):
    """A call as far as it has come. Nothing is checked yet: the arguments are the text the server
    sent, whole or not.
    """

    position: int
    """Its place in the order in which calls began."""
    name: str
    arguments: str


class _Text:
    """A text that grows; what was joined once is not joined again from its pieces."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        self._pieces.append(piece)

    def __str__(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""


class Growing:
    """Feeds on the pieces of one streamed answer; linear in the stream, however it is cut, and
    never raises.

    >>> growing = Growing()
    >>> growing.feed('data: {"choices": [{"delta": {"content": "Hel')
    []
    >>> [delta.text for delta in growing.feed('lo"}}]}' + 2 * chr(10))]
    ['Hello']
    >>> growing.text
    'Hello'
    """

    def __init__(self) -> None:
        self._reader = StreamReader()
        self._texts = {"content": _Text(), "reasoning": _Text(), "refusal": _Text()}
        self._calls: dict[int, tuple[_Text, _Text]] = {}

    def feed(self, piece: str | bytes | Chunk) -> list[Delta]:
        """Add a piece, and return what it added, in order: text, reasoning, a call's name or the
        next part of its arguments.
        """
        deltas = self._reader.feed(piece)
        for delta in deltas:
            self._slot(delta).add(delta.text)
        return deltas

    def _slot(self, delta: Delta) -> _Text:
        if delta.kind not in ("name", "arguments"):
            return self._texts[delta.kind]
        name, arguments = self._calls.setdefault(delta.position, (_Text(), _Text()))
        return name if delta.kind == "name" else arguments

    @property
    def text(self) -> str:
        """The content so far, as it came: think tags and call markup are still in it."""
        return str(self._texts["content"])

    @property
    def reasoning(self) -> str:
        """What came in a reasoning field so far."""
        return str(self._texts["reasoning"])

    @property
    def refusal(self) -> str:
        """What came as a refusal so far."""
        return str(self._texts["refusal"])

    @property
    def calls(self) -> tuple[GrowingCall, ...]:
        """The calls so far, in the order in which they began."""
        return tuple(
            GrowingCall(position=position, name=str(name), arguments=str(arguments))
            for position, (name, arguments) in sorted(self._calls.items())
        )
