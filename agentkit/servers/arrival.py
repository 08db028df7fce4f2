"""One answer while it comes in: fed with bytes, it gives an `Exchange`. No I/O here.

Text is UTF-8; bytes that are not become lone surrogates (`surrogateescape`), so nothing is lost:
`exchange.text.encode("utf-8", "surrogateescape")` gives the bytes back. Only a body that is not
UTF-8 and declares another charset that fits is decoded as that.
"""

from __future__ import annotations

import codecs
import re
from typing import Any

from agentkit.read.plain import is_utf8
from agentkit.servers.address import without_path
from agentkit.servers.failures import transport_error
from agentkit.servers.model_call import Clock, Emit
from agentkit.servers.redaction.kept_headers import clean_url, kept_headers
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.redaction.secret_values import header_secrets, url_secrets
from agentkit.servers.transport.encodings import DamagedError, Inflater, inflater
from agentkit.servers.transport.stream_end import StreamEnd
from agentkit.types.wire import ApiError, Chunk, Exchange

_LINES_OF_JSON = re.compile(r"ndjson|jsonl|json-seq|event-stream\+json", re.IGNORECASE)
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)

MOST_BYTES = 64 * 2**20
"""The largest answer that is read, decompressed, where the caller gives no limit."""
_NO_LIMIT = 2**62
_TOO_LARGE = "pass a larger max_answer_bytes= to ak.Server, or None for no limit"


class Arrival:
    """What has come of one answer so far.

    Args:
        clock: gives Unix time in seconds.
        stream: whether a stream was asked for; what comes may be none.
        emit: called with each piece of a stream as it comes.
        redact: takes secrets out of the text before anything else sees it.
        url: where the request goes, without secrets; "" until `asked` knows it.
        most: bytes of the body, decompressed, that are read; None for no limit.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        stream: bool,
        emit: Emit | None = None,
        redact: Redactor | None = None,
        url: str = "",
        most: int | None = MOST_BYTES,
    ) -> None:
        self._clock, self._emit = clock, emit
        self._started = clock()
        self.redact = Redactor() if redact is None else redact
        """Replaces the secrets known so far."""
        self._url = url
        self._status: int | None = None
        self._headers: tuple[tuple[str, str], ...] = ()
        self._encoding = self._content_type = ""
        self._streamed: bool | None = None if stream else False
        self._inflate: Inflater | None = None
        self._most, self._left = most, _NO_LIMIT if most is None else most
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._unfinished = ""  # its end may be the beginning of a secret
        self._parts: list[str] = []
        self._chunks: list[Chunk] = []
        self._error: ApiError | None = None
        self._end = StreamEnd()
        self.done = False
        """Whether a stream has sent what ends one: what happens to the connection after that does
        not matter.
        """
        self.full = False
        """Whether no more is read of it: it has come to the limit of its size, or is damaged."""

    def asked(self, request: Any) -> None:
        """Note where the request really went, and the secrets it carried, where that was not known
        before.
        """
        if self._url:
            return
        url = str(request.url)
        secrets = [*header_secrets(request.headers.items()), *url_secrets(url)]
        remember(secrets)
        self.redact = self.redact.with_secrets(secrets)
        self._url = self.redact(clean_url(url))

    def answered(self, status: int, headers: Any) -> None:
        """Note status and headers, a mapping of names in any case."""
        self._status = status
        self._headers = kept_headers(headers, self.redact)
        self._content_type = headers.get("content-type", "")
        listed = (v for name, v in headers.items() if name.lower() == "content-encoding")
        self._encoding = ",".join(listed).strip().replace("identity", "")

    def inflates(self) -> bool:
        """Choose who inflates the body, once its headers are known.

        Returns:
            True where it wants the bytes as they crossed the wire, and inflates them from now on;
            False where only the client might know the encoding.
        """
        if not self._encoding:
            return True
        self._inflate = inflater(self._encoding)
        return self._inflate is not None

    def feed(self, data: bytes) -> None:
        """Take the next bytes; what is beyond the limit of size is not taken."""
        if self._inflate is not None:
            try:
                data = self._inflate(data, self._left + 1)
            except DamagedError as exc:
                self._encoding_is_bad(str(exc))
                data, self._inflate, self.full = exc.good, None, not exc.plain
        self._left -= len(data)
        if self._left < 0:
            data = data[: self._left]
            self._too_large()
        self._take(self._decode(data))

    def fail(self, exc: BaseException, *, seconds: float | None = None) -> None:
        """Note that the answer ended in this exception; `seconds` is the limit that had passed."""
        if not self.done and self._error is None:
            error = transport_error(exc, without_path(self._url), seconds=seconds)
            self._note(error.kind, error.message, error.retryable, error.hint)

    def exchange(self) -> Exchange:
        """Close the answer and return it as a record; call it once, when nothing more will come."""
        self._take(self._decode(b"", True), last=True)
        self._check_encoding()
        body = (
            self.redact(_declared(text, self._content_type))
            if (text := "".join(self._parts))
            else ""
        )
        return Exchange(
            body=body,
            status=self._status,
            url=self._url,
            headers=self._headers,
            chunks=tuple(self._chunks),
            transport_error=self._error,
            started=self._started,
            elapsed=self._since(),
        )

    def _take(self, text: str, *, last: bool = False) -> None:
        # The network may cut a secret: what could be the start of one waits for the next piece.
        if self.redact:
            text = self.redact(self._unfinished + text)
            waiting = 0 if last else self.redact.unfinished(text)
            text, self._unfinished = (text[:-waiting], text[-waiting:]) if waiting else (text, "")
        if not text:
            return
        if self._streamed is None:
            self._streamed, text = self._sniff(text, last)
        if self._streamed:
            self._add_chunk(text)
        elif text:
            self._parts.append(text)

    def _sniff(self, text: str, last: bool) -> tuple[bool | None, str]:
        """Tell by its first character whether the answer to a stream request is a stream; JSON or
        a web page is not.

        Returns:
            Whether it is, None while nothing but white space has come; and the text to go on with.
        """
        begin = ("".join(self._parts) + text).lstrip("\ufeff \t\r\n")[:1]
        if not begin and not last:
            return None, text
        streamed = (self._status or 200) < 300 and (
            begin not in '{["<' or bool(_LINES_OF_JSON.search(self._content_type))
        )
        if streamed:
            text = "".join([*self._parts, text])
            self._parts.clear()
        return streamed, text

    def _add_chunk(self, text: str) -> None:
        self.done = self._end.feed(text)
        chunk = Chunk(at=self._since(), text=text)
        self._chunks.append(chunk)
        if self._emit:
            self._emit(chunk)

    def _check_encoding(self) -> None:
        """Note a compressed body that ends early, and bytes that stayed compressed because no
        client here knows the encoding.
        """
        if self._error or not self._encoding:
            return
        if self._inflate is not None and not self._inflate.complete:
            self._encoding_is_bad("the compressed data ends early")
        elif not _CHARSET.search(self._content_type) and not is_utf8(
            "".join([*self._parts, *(c.text for c in self._chunks)])
        ):
            self._encoding_is_bad("what came is not text")

    def _encoding_is_bad(self, detail: str) -> None:
        message = f"the body is not what its content-encoding {self._encoding!r} says: {detail}"
        self._note(
            "content_encoding_bad",
            message,
            False,
            "a proxy in between may have changed the body or its headers",
        )

    def _too_large(self) -> None:
        message = f"the answer is larger than {self._most:,} bytes; what is beyond is not read"
        self._note("body_too_large", message, False, _TOO_LARGE)
        self._left, self.full = 0, True

    def _note(self, kind: str, message: str, retryable: bool, hint: str) -> None:
        self._error = ApiError(
            kind=kind,
            message=self.redact(message),
            status=self._status,
            retryable=retryable,
            hint=self.redact(hint),
        )

    def _since(self) -> float:
        return max(0.0, self._clock() - self._started)


def _declared(body: str, content_type: str) -> str:
    """Decode the body in the charset it declares, where it is not UTF-8."""
    charset = _CHARSET.search(content_type)
    if charset is None or body.isascii() or is_utf8(body):
        return body
    try:
        return body.encode("utf-8", "surrogateescape").decode(charset[1])
    except (LookupError, ValueError):
        return body
