"""Tells the kernel the pieces of answers on their way, while somebody looks: as text, and without
secrets that come together over several of them.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from agentkit.servers.arrival import MOST_BYTES
from agentkit.servers.redaction.passage import Passage
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.transport.encodings import Inflater, inflater
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.seam.passing import Passing
from agentkit.types.wire import Chunk


class Follower:
    """Tells what comes of one answer.

    Args:
        passing: the request it answers.
        redact: gives what knows the secrets by now.
        speaker: tells the kernel.
    """

    def __init__(self, passing: Passing, redact: Callable[[], Redactor], speaker: Speaker) -> None:
        self._passing, self._speaker = passing, speaker
        self._seen = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._inflate: Inflater | None = None
        self._hidden = False
        self._passage = Passage(redact, self._tell)

    def tell(self) -> None:
        """Tell what has come since."""
        if not self._seen:
            self._begin()
        while self._seen < len(self._passing.pieces) and not self._hidden:
            at, piece = self._passing.pieces[self._seen]
            self._seen += 1
            if self._inflate is not None:
                piece = self._inflate(piece, MOST_BYTES)
            if text := self._decode(piece):
                self._passage(Chunk(at=at, text=text))

    def _begin(self) -> None:
        named = [v for n, v in self._passing.answer_headers if n.lower() == b"content-encoding"]
        encoding = b",".join(named).decode("latin-1")
        if encoding:
            self._inflate = inflater(encoding)
            self._hidden = self._inflate is None

    def _tell(self, chunk: Chunk) -> None:
        data = {"number": self._passing.number, "at": chunk.at, "text": chunk.text}
        self._speaker.tell("piece", data)
