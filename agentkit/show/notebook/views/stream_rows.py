"""An answer while it streams: a row for its reasoning, its text and each call, whose texts grow in
place.
"""

from __future__ import annotations

from agentkit.read.stream.growing import Growing
from agentkit.show.html import Child, Html, el
from agentkit.show.notebook.live import Op
from agentkit.show.render.parts.block import row
from agentkit.types.wire import Chunk
from agentkit.types.words import visible

_LABELS = {"content": "assistant", "refusal": "refusal", "reasoning": "reasoning", "call": "→ call"}
ROOM = 200_000
"""Characters of an answer that are shown while it streams; the whole is shown when it has come."""


class StreamRows:
    """The rows of one streamed answer. Each piece of text is sent once."""

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self._growing = Growing()
        self._texts: dict[str, list[str]] = {}
        self._fresh: dict[str, list[str]] = {}
        self._sent: list[str] = []
        self._room = ROOM

    def feed(self, chunk: Chunk) -> None:
        """Take the next piece of the stream."""
        for delta in self._growing.feed(chunk):
            name = f"call-{delta.position}" if delta.kind in ("name", "arguments") else delta.kind
            text = visible(delta.text[: self._room])
            self._room -= len(text)
            slot = f"{name}/{delta.kind}"
            self._texts.setdefault(slot, []).append(text)
            self._fresh.setdefault(slot, []).append(text)

    def rows(self) -> dict[str, Html]:
        """Draw all that has come, one row each."""
        self._fresh.clear()
        names = list(dict.fromkeys(slot.partition("/")[0] for slot in self._texts))
        self._sent = [self._key(name) for name in names]
        return {self._key(name): self._row(name) for name in names}

    def ops(self, after: str) -> list[Op]:
        """List what has come since the last time; new rows come after this one."""
        fresh, self._fresh = self._fresh, {}
        ops: list[Op] = []
        for slot, texts in fresh.items():
            name = slot.partition("/")[0]
            if (key := self._key(name)) not in self._sent:
                ops.append(
                    ["insert", key, self._row(name, empty=True), (self._sent or [after])[-1]]
                )
                self._sent.append(key)
            ops.append(["text", f"{self._key(name)}/{slot.partition('/')[2]}", "".join(texts)])
        return ops

    def removal(self) -> list[Op]:
        """List what takes the rows away again."""
        return [["remove", key] for key in self._sent]

    def _key(self, name: str) -> str:
        return f"growing-{self.turn}/{name}"

    def _row(self, name: str, *, empty: bool = False) -> Html:
        kind = name.partition("-")[0]
        label: Child = el("strong", _LABELS[kind])
        parts = ("name", "arguments") if kind == "call" else (kind,)
        body = [
            self._slot(name, part, "" if empty else "".join(self._texts.get(f"{name}/{part}", ())))
            for part in parts
        ]
        return row(
            self._key(name),
            "call" if kind == "call" else "assistant ak-growing",
            (label, el("div", body, class_="ak-bar")),
        )

    def _slot(self, name: str, part: str, text: str) -> Html:
        key = f"{self._key(name)}/{part}"
        if part == "name":
            return el("code", text, data_key=key)
        kind = "ak-data" if part in ("reasoning", "arguments") else "ak-prose"
        return el("pre", text, class_=f"{kind} ak-wide", data_key=key)
