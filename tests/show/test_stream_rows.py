"""An answer while it streams is drawn in the block of its turn."""

from __future__ import annotations

import json
from itertools import pairwise

from agentkit.show.notebook.views.stream_rows import StreamRows
from agentkit.types.wire import Chunk


def piece(**delta: object) -> Chunk:
    return Chunk(at=0.1, text=f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n")


def answered() -> StreamRows:
    rows = StreamRows(3)
    rows.feed(piece(reasoning_content="I think."))
    rows.feed(piece(content="Oslo it is"))
    function = {"name": "book", "arguments": '{"city"'}
    rows.feed(piece(tool_calls=[{"index": 0, "id": "c", "function": function}]))
    return rows


def test_what_comes_stands_in_the_block_of_its_turn() -> None:
    drawn = answered().rows()
    assert list(drawn) == [
        f"growing-3/{name}" for name in ("head", "reasoning", "content", "call-0")
    ]
    assert "Turn 3" in drawn["growing-3/head"]
    assert "data-turn" not in drawn["growing-3/head"], "nothing can be done to it yet"
    assert "Oslo it is" in drawn["growing-3/content"]
    assert "arguments arriving" in drawn["growing-3/call-0"]


def test_reasoning_is_drawn_as_it_will_stand_once_something_else_comes() -> None:
    """Nothing moves for it when the answer has come; where it goes on, it grows again."""
    rows, key = StreamRows(3), "growing-3/reasoning"
    rows.feed(piece(reasoning_content="I **think** " * 60))
    rows.ops("end")
    rows.feed(piece(content="Oslo"))
    ops = {op[1]: op for op in rows.ops("end")}
    assert ops[key][0] == "set"
    assert "<summary>reasoning, 720 characters" in ops[key][2]
    rows.feed(piece(content=" it is"))
    assert [op[1] for op in rows.ops("end")] == ["growing-3/content/content"]
    rows.feed(piece(reasoning_content="again"))
    (again,) = rows.ops("end")
    assert again[:2] == ["set", key]
    assert "again</pre>" in again[2]
    rows.feed(piece(reasoning_content=" and again"))
    assert rows.ops("end") == [["text", f"{key}/reasoning", " and again"]]
    rows.feed(piece(content=", I say"))
    rows.feed(piece(reasoning_content="!"))
    grown = [op[1] for op in rows.ops("end")]
    assert grown == ["growing-3/content/content", f"{key}/reasoning"]
    assert "and again!" in rows.rows()[key]


def test_rows_come_one_after_the_other_and_go_together() -> None:
    rows = answered()
    inserted = [op for op in rows.ops("end") if op[0] == "insert"]
    assert inserted[0][3] == "end"
    assert all(later[3] == op[1] for op, later in pairwise(inserted))
    rows.feed(piece(content=" then"))
    assert rows.ops("end") == [["text", "growing-3/content/content", " then"]]
    assert rows.removal() == [["remove", op[1]] for op in inserted]
