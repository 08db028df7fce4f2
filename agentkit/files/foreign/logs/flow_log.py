"""A flow log: the requests of agents that are not ours with their answers, as a tap recorded them.

    {"agentkit": "flows", "version": 1, "servers": {"": "http://localhost:8000/v1"}}
    {"number": 0, "path": "/v1/chat/completions", "headers": […], "body": "…", "started": 1.5,
     "exchange": {"body": "…", "status": 200, "elapsed": 0.7}}
    {"number": 1, …, "exchange": {"chunks": [[0.2, "data: …"], [0.3, "data: [DONE]"]], …}}

The first line is the head; then each flow has one line, written when it has ended, so that lines
are in the order of the ends, and `number` in that of the arrivals. Fields at their default are left
out, fields that this version does not know are kept. A text that was no UTF-8 holds the bytes in
Python's "surrogateescape" form, and is written as `{"base64": "…"}`. A tap that goes on with a file
writes another head; the numbers begin again below it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from agentkit.errors import CassetteError
from agentkit.files.cassette.json_records import from_json, to_json
from agentkit.files.cassette.line.line_text import decoded
from agentkit.read.plain import compact_json
from agentkit.types.problem import Problem, problem
from agentkit.types.record import clip
from agentkit.types.wire import Flow

VERSION = 1
_KIND = "flows"
_BODIES = ("body", "original_body")
_EXCHANGES = ("exchange", "original_exchange")
HEAD_START = '{"agentkit":"flows"'
"""How a flow log begins."""
_NUMBER = re.compile(r'\{"number":(\d+)[,}]')
_HAS_MORE = attrgetter("unknown")
_RESTORE = "restore the file; the line is damaged, or of other hands"


def head_line(servers: Mapping[str, str]) -> str:
    """Write the first line of a flow log, with its newline.

    Args:
        servers: the URL of each server by its name, without credentials.
    """
    head = {"agentkit": _KIND, "version": VERSION, "servers": dict(servers)}
    return compact_json(head) + "\n"


def flow_line(flow: Flow) -> str:
    """Write a flow as its line, with its newline."""
    came = flow.exchange
    pieces = () if came is None or any(map(_HAS_MORE, came.chunks)) else came.chunks
    if came is not None and pieces:  # two thousand are written at once, and not field by field
        flow = replace(flow, exchange=replace(came, chunks=()))
    data = to_json(flow)
    for name in _BODIES:
        if name in data:
            data[name] = _text(data[name])
    for name in _EXCHANGES:
        if name in data:
            data[name] = _exchange(data[name])
    if pieces:
        chunks = [[piece.at, _text(piece.text)] for piece in pieces]
        data["exchange"] = {**data.get("exchange", {}), "chunks": chunks}
    return compact_json(data) + "\n"


def read_flow(line: str | bytes) -> Flow:
    """Read the flow of a line.

    Raises:
        CassetteError: the line is damaged, or holds no flow.
    """
    data = decoded(line)
    if data is None:
        raise CassetteError("the line is torn, or no JSON object", hint=_RESTORE)
    return _flow(data)


def flow_number(line: str) -> int | None:
    """Read the number of a line as `flow_line` writes it, and no more; None where it has none."""
    found = _NUMBER.match(line)
    return int(found[1]) if found else None


def is_flow_head(value: Any) -> bool:
    """Tell whether decoded JSON is the first line of a flow log."""
    return isinstance(value, Mapping) and value.get("agentkit") == _KIND


def is_flow(value: Any) -> bool:
    """Tell whether decoded JSON is the line of a flow."""
    if not isinstance(value, Mapping) or type(value.get("number")) is not int:
        return False
    return "path" in value and ("body" in value or "exchange" in value)


class FlowReading:
    """A flow log, read line by line as it grows: a line that cannot be read costs itself alone."""

    def __init__(self) -> None:
        self.servers: dict[str, str] = {}
        """The URL of each server by its name, as the heads say."""
        self.problems: list[Problem] = []
        """What could not be read, a sentence each."""
        self._lines = 0
        self._first = 0
        self._next = 0
        self._taken: set[int] = set()
        """Numbers below the last head."""

    def take(self, lines: Iterable[str | bytes | Mapping[str, Any]]) -> Iterator[Flow]:
        """Read the next lines.

        Args:
            lines: whole lines, or what is decoded of them; the last of a file that is being
                written may lack its end, and is better left for later.

        Returns:
            The flows of them in the order of their ends; those below another head are numbered on.
        """
        for line in lines:
            self._lines += 1
            if isinstance(line, (str, bytes)) and not line.strip():
                continue
            data = decoded(line) if isinstance(line, (str, bytes)) else line
            if not isinstance(data, dict):
                self._report("is torn")
            elif is_flow_head(data):
                self._begin(data)
            else:
                yield from self._read(data)

    def _begin(self, head: Mapping[str, Any]) -> None:
        version, servers = head.get("version"), head.get("servers")
        if type(version) is not int or version > VERSION:
            found = clip(repr(version))
            self._report(f"has version {found}, and this agentkit reads up to {VERSION}")
        for name, url in servers.items() if isinstance(servers, dict) else ():
            self.servers[name] = str(url)
        self._first = self._next
        self._taken.clear()

    def _read(self, data: dict[str, Any]) -> Iterator[Flow]:
        try:
            flow = _flow(data)
        except CassetteError as exc:
            self._report(f"holds no flow: {exc.message}")
            return
        number = self._first + flow.number
        if number in self._taken:  # of a tap that had not ended yet when another one began
            number = self._next
        self._taken.add(number)
        self._next = max(self._next, number + 1)
        yield flow if number == flow.number else replace(flow, number=number)

    def _report(self, what: str) -> None:
        self.problems.append(problem("file_damaged", f"line {self._lines} {what}"))


# one flow


def _flow(data: dict[str, Any]) -> Flow:
    data = dict(data)
    for name in _BODIES:
        data[name] = _bytes(data.get(name), "" if name == "body" else None)
    for name in _EXCHANGES:
        if isinstance(data.get(name), dict):
            data[name] = _raw_exchange(data[name])
    flow: Flow = from_json(Flow, data)
    if flow.number < 0:
        raise CassetteError(f"{flow.number} is no place from 0 up", hint=_RESTORE)
    return flow


def _exchange(data: dict[str, Any]) -> dict[str, Any]:
    """Write an exchange, its pieces as pairs."""
    data = dict(data)
    if "body" in data:
        data["body"] = _text(data["body"])
    if "chunks" in data:
        data["chunks"] = [[piece["at"], _text(piece["text"])] for piece in data["chunks"]]
    return data


def _raw_exchange(data: dict[str, Any]) -> dict[str, Any]:
    """Read an exchange as `from_json` takes it."""
    data = {**data, "body": _bytes(data.get("body"), "")}
    pieces = data.get("chunks")
    if isinstance(pieces, list):
        data["chunks"] = [_piece(piece) for piece in pieces]
    return data


def _piece(piece: Any) -> Any:
    if not isinstance(piece, list) or len(piece) != 2:
        return piece
    return {"at": piece[0], "text": _bytes(piece[1], None)}


def _text(text: str) -> Any:
    """Write a text; bytes that are no UTF-8 as base64."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raw = _escaped(text)
        return text if raw is None else {"base64": base64.b64encode(raw).decode()}
    return text


def _escaped(text: str) -> bytes | None:
    """Give the bytes that a text stands for; None where it stands for no bytes."""
    try:
        raw = text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return None
    return raw if raw.decode(errors="surrogateescape") == text else None


def _bytes(value: Any, default: Any) -> Any:
    """Read a text; `default` where there is none."""
    if value is None:
        return default
    if isinstance(value, dict) and isinstance(value.get("base64"), str):
        try:
            raw = base64.b64decode(value["base64"], validate=True)
        except ValueError:
            raise CassetteError("a body is no base64", hint=_RESTORE) from None
        return raw.decode(errors="surrogateescape")
    return value
