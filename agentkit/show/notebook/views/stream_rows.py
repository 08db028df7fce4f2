"""An answer while it streams: a row for its reasoning, its text and each call, whose texts grow in
place. Of Markdown each block is drawn when it is finished, and only the last one again.
"""

from __future__ import annotations

from agentkit.read.stream.growing import Growing
from agentkit.show.html import Html, el
from agentkit.show.notebook.live import Op
from agentkit.show.notebook.views.conversation_view import LIVE
from agentkit.show.render.content.growing_markdown import GrowingMarkdown
from agentkit.show.render.parts.rows import box, head, line, part
from agentkit.show.render.rollout.turn.thinking import thoughts
from agentkit.types.wire import Chunk
from agentkit.types.words import visible

ROOM = 200_000
"""Characters of an answer that are shown while it streams; the whole is shown when it has come."""


class StreamRows:
    """The rows of one streamed answer. Each piece of text is sent once."""

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self._growing = Growing()
        self._texts: dict[str, list[str]] = {}
        self._fresh: dict[str, list[str]] = {}
        self._markdown = GrowingMarkdown()
        self._blocks: list[Html] = []
        """The blocks of the text that are finished."""
        self._plain = ""
        """What the page shows of the last block, where it is shown as it is written."""
        self._sent: list[str] = []
        self._room = ROOM
        self._thought = False
        """Whether its reasoning is done, as something else has come."""

    def feed(self, chunk: Chunk) -> None:
        """Take the next piece of the stream."""
        for delta in self._growing.feed(chunk):
            name = f"call-{delta.position}" if delta.kind in ("name", "arguments") else delta.kind
            text = delta.text[: self._room]
            self._room -= len(text)
            slot = f"{name}/{delta.kind}"
            self._fresh.setdefault(slot, []).append(text)
            self._texts.setdefault(slot, []).append(text)

    def rows(self) -> dict[str, Html]:
        """Draw all that has come, one row each."""
        fresh, self._fresh = self._fresh, {}
        self._blocks += self._finished(fresh)
        self._thought = not self._is_thinking(fresh)
        shown: dict[str, Html] = {}
        for name in dict.fromkeys(slot.partition("/")[0] for slot in self._texts):
            if not shown:
                shown[self._key("head")] = self._row("head")
            if name == "content":
                for i, block in enumerate(self._blocks):
                    shown[self._key(f"block-{i}")] = self._block(i, block)
            shown[self._key(name)] = self._row(name)
        self._sent = list(shown)
        return shown

    def ops(self, after: str) -> list[Op]:
        """List what has come since the last time; new rows come after this one."""
        fresh, self._fresh = self._fresh, {}
        finished = self._finished(fresh)
        self._blocks += finished
        ops = self._reasoning_ops(fresh)
        for slot, texts in fresh.items():
            name, _, kind = slot.partition("/")
            if not self._sent:
                ops += self._insert("head", self._row("head"), after)
            fresh_row = self._key(name) not in self._sent
            if fresh_row:
                ops += self._insert(name, self._row(name), self._sent[-1])
            if name == "content":
                ops += self._content_ops(finished) if finished or not fresh_row else []
            elif not fresh_row:
                ops.append(["text", f"{self._key(name)}/{kind}", visible("".join(texts))])
        return ops

    def removal(self) -> list[Op]:
        """List what takes the rows away again."""
        return [["remove", key] for key in self._sent]

    def _finished(self, fresh: dict[str, list[str]]) -> list[Html]:
        """Read on in the text, and return what is finished of it."""
        texts = fresh.get("content/content")
        done = self._markdown.feed("".join(texts)) if texts else None
        return [] if done is None else [done]

    def _reasoning_ops(self, fresh: dict[str, list[str]]) -> list[Op]:
        """List what changes in the reasoning where it does not just grow."""
        thought, self._thought = self._thought, not self._is_thinking(fresh)
        key = self._key("reasoning")
        changed = thought != self._thought or (thought and "reasoning/reasoning" in fresh)
        if not changed or key not in self._sent:
            return []
        fresh.pop("reasoning/reasoning", None)
        return [["set", key, self._row("reasoning")]]

    def _is_thinking(self, fresh: dict[str, list[str]]) -> bool:
        """Tell whether its reasoning still grows; it is drawn as it will stand once it does not."""
        last = next(reversed(fresh), None)
        return not self._thought if last is None else last == "reasoning/reasoning"

    def _content_ops(self, finished: list[Html]) -> list[Op]:
        """List what changes in the text: blocks are put before the last, which grows or is drawn
        anew.
        """
        ops: list[Op] = []
        place = self._sent.index(self._key("content"))
        for i, block in enumerate(finished, len(self._blocks) - len(finished)):
            key = self._key(f"block-{i}")
            ops.append(["insert", key, self._block(i, block), self._sent[place - 1]])
            self._sent.insert(place, key)
            place += 1
        was, self._plain = self._plain, self._last()
        if was and not finished and self._plain.startswith(was):
            slot = f"{self._key('content')}/content"
            return [*ops, ["text", slot, self._plain[len(was) :]]]
        return [*ops, ["set", self._key("content"), self._row("content")]]

    def _last(self) -> str:
        """Return what is shown of the last block as it is written; "" where it is drawn."""
        return "" if self._markdown.drawn is not None else visible(self._markdown.last)

    def _insert(self, name: str, row: Html, after: str) -> list[Op]:
        self._sent.append(self._key(name))
        return [["insert", self._key(name), row, after]]

    def _key(self, name: str) -> str:
        return f"growing-{self.turn}/{name}"

    def _block(self, place: int, block: Html) -> Html:
        return part(
            self._key(f"block-{place}"), "growing ak-begun", self._markdown_of(block, place)
        )

    def _markdown_of(self, block: Html, place: int) -> Html:
        """Draw a part of the text; one that goes on from another keeps the space between them."""
        return el("div", block, class_="ak-md ak-then" if place else "ak-md")

    def _row(self, name: str) -> Html:
        """Draw a row with all that has come of it."""
        key = self._key(name)
        if name == "head":
            known = el("small", "answering", class_="ak-facts")
            return head(key, None, ("Turn ", self.turn), known, tone="growing")
        if name == "content":
            self._plain = self._last()
            place = len(self._blocks)
            if (drawn := self._markdown.drawn) is not None:
                return part(key, "growing", self._markdown_of(drawn, place))
            slot = self._slot(key, "content", self._plain)
            return part(key, "growing", self._markdown_of(slot, place) if place else slot)
        kinds = ("name", "arguments") if name.startswith("call-") else (name,)
        texts = [visible("".join(self._texts.get(f"{name}/{kind}", ()))) for kind in kinds]
        slots = [self._slot(key, kind, text) for kind, text in zip(kinds, texts, strict=True)]
        if len(slots) > 1:
            return box(key, None, line("→", slots, "arguments arriving"), tone="growing")
        if name == "reasoning" and self._thought:
            return part(
                key, "thought", thoughts("".join(self._texts["reasoning/reasoning"]), LIVE, "")
            )
        if name == "reasoning":
            return part(key, "thought", el("div", slots, class_="ak-reasoning"))
        return part(key, "growing", slots)

    def _slot(self, row: str, kind: str, text: str) -> Html:
        key = f"{row}/{kind}"
        if kind == "name":
            return el("code", text, class_="ak-name", data_key=key)
        look = "ak-data" if kind == "arguments" else "ak-prose"
        return el("pre", text, class_=f"{look} ak-wide ak-slot", data_key=key)
