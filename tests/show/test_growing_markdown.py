"""An answer while it streams: what is shown at its end is what would be shown of the whole."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.show.html import escape
from agentkit.show.notebook.live import Op
from agentkit.show.notebook.views.stream_rows import StreamRows
from agentkit.show.render.content.growing_markdown import GrowingMarkdown
from agentkit.show.render.content.markdown import blocks
from agentkit.types.wire import Chunk
from tests.show.test_content_texts import SIGNS
from tests.show.test_html import read
from tests.support.examples import examples
from tests.support.growth import assert_linear

TEXT = """# Two days

Oslo is **drier**
and colder.

- a
- b

  more of b

| a | b |
|---|---|
| 1 | 2 |

```python
x = 1

y = 2
```
Done.
"""


def grown(text: str, size: int) -> str:
    growing = GrowingMarkdown()
    done = "".join(growing.feed(text[i : i + size]) or "" for i in range(0, len(text), size))
    return done + (growing.drawn if growing.drawn is not None else growing.last)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_pieces_come_to_the_whole(size: int) -> None:
    assert read(grown(TEXT, size)).text.split() == read(grown(TEXT, 10_000)).text.split()
    whole = "".join(block.html for block in blocks(TEXT) or ())
    assert read(grown(TEXT, size)).tags[:20] == read(whole).tags[:20]


@settings(max_examples=examples(60))
@given(SIGNS, st.integers(1, 30))
def test_no_piece_is_lost(text: str, size: int) -> None:
    growing = GrowingMarkdown()
    for i in range(0, len(text), size):
        growing.feed(text[i : i + size])
    assert text.endswith(growing.last)


PIECES = ["word ", "**a** ", "a\n\n", "- a\n", "`x` ", "```\nx\n", "> a\n", "|a|b|\n|-|-|\n"]


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_a_long_answer_is_linear(piece: str) -> None:
    def work(size: int) -> Callable[[], object]:
        def feed() -> None:
            growing = GrowingMarkdown()
            for _ in range(size // 16):
                growing.feed((piece * 16)[:16])

        return feed

    assert_linear(work, 16_000, 128_000, what=piece)


def chunk(text: str) -> Chunk:
    delta = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return Chunk(text=f"data: {json.dumps(delta)}\n\n", at=0.0)


class ShownRows:
    """What a page shows: rows in their order, changed by operations."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def change(self, ops: list[Op]) -> None:
        for name, key, *rest in ops:
            if name == "insert":
                keys = list(self.rows)
                keys.insert(keys.index(rest[1]) + 1 if rest[1] in keys else len(keys), key)
                self.rows[key] = rest[0]
                self.rows = {each: self.rows[each] for each in keys}
            elif name == "set":
                assert key in self.rows
                self.rows[key] = rest[0]
            else:
                row = next(each for each in self.rows if key.startswith(each))
                start = self.rows[row].index(f'data-key="{key}">')
                end = self.rows[row].index("</", start)
                grown = self.rows[row][:end] + escape(rest[0]) + self.rows[row][end:]
                self.rows[row] = grown


@pytest.mark.parametrize("size", [1, 5, 80, 1000])
@pytest.mark.parametrize("text", [TEXT, "a word and\n\nanother\n" * 9, "*a*\n\n" * 30])
def test_a_page_that_follows_shows_what_a_new_one_does(text: str, size: int) -> None:
    followed, page = StreamRows(3), ShownRows()
    for i in range(0, len(text), size):
        followed.feed(chunk(text[i : i + size]))
        page.change(followed.ops("turn-2"))
    shown = dict(page.rows)
    assert next(iter(shown)) == "growing-3/head"
    assert list(shown)[-1] == "growing-3/content"
    assert {key: read(row).text for key, row in shown.items()} == {
        key: read(row).text for key, row in followed.rows().items()
    }


def test_what_has_come_is_sent_once() -> None:
    rows = StreamRows(0)
    sent = 0
    for i in range(400):
        rows.feed(chunk(f"word{i} "))
        sent += sum(len(str(op)) for op in rows.ops(""))
    assert sent < 60 * 400
