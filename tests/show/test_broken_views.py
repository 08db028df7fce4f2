"""What a view does with what nobody thought of: a row that cannot be drawn, JSON as deep as it can
be read, a text of a million characters, questions that make no sense.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.show.html import Html
from agentkit.show.notebook.display import live_views
from agentkit.show.notebook.live import LiveView
from agentkit.show.notebook.views.turns.changed import changed_text
from agentkit.show.render.content.markdown import blocks
from agentkit.show.render.limits import STATIC
from agentkit.show.render.render import render
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.show.render.rollout.turn.answer import answer
from agentkit.testing import ScriptedServer, says


def heard_by(view: LiveView) -> list[dict[str, Any]]:
    """Collect what a view sends from now on; it has to be something that can travel."""
    sent: list[dict[str, Any]] = []

    def send(content: Any, buffers: Any = None) -> None:
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        sent.append(content)

    view.send = send
    view.begin()
    view._heard({"type": "ready", "view": "page"})
    return sent


def ask(view: LiveView, action: str, **arguments: Any) -> None:
    view._heard({"type": "do", "view": "page", "action": action, "arguments": arguments})


def three_turns() -> ak.Debugger:
    server = ScriptedServer([says("one"), says("two"), says("three")])
    dbg = ak.debug(ak.Agent("m", server=server), "go")
    dbg.run()
    dbg.say("more")
    dbg.run()
    return dbg


def test_a_row_that_cannot_be_drawn_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    dbg, draw = three_turns(), answer

    def faulty(key: str, *args: Any, **more: Any) -> dict[str, Html]:
        if key == "turn-1":
            raise ValueError("<b>")
        return draw(key, *args, **more)

    monkeypatch.setattr(f"{trajectory_fragments.__module__}.answer", faulty)
    drawn = render(dbg.trajectory, STATIC)
    assert "this cannot be drawn: <code>ValueError</code>" in drawn["turn-1"]
    assert "one" in "".join(part for key, part in drawn.items() if key.startswith("turn-0"))
    sent = heard_by(live_views()[ak.Debugger](dbg))
    assert [message["type"] for message in sent] == ["reset", "reset"]


@pytest.mark.parametrize("depth", [300, 900, 5_000, 100_000])
def test_a_deep_draft_is_compared_all_the_same(depth: int) -> None:
    for opened, closed in (('{"a":', "}"), ("[", "]")):
        was, now = (f"{opened * depth}{n}{closed * depth}" for n in (1, 2))
        assert "<del>" in str(changed_text(was, now))


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (" ".join(map(str, range(150_000))), " ".join(map(str, range(1, 150_000)))),
        ("()" * 500_000, "((" * 500_000),
        ("a" * 1_000_000, "a" * 1_000_000 + "b"),
        ("a b " * 100_000, "a c " * 100_000),
    ],
)
def test_a_long_draft_is_compared_briefly(was: str, now: str) -> None:
    assert len(changed_text(was, now) or "") < 10_000


def test_a_table_with_more_cells_than_anybody_reads_is_text() -> None:
    def table(columns: int, rows: int) -> str:
        return f"|{'a|' * columns}\n|{'-|' * columns}\n" + "|x\n" * rows

    assert "<table" in blocks(table(20, 20))[0].html  # type: ignore[index]
    assert blocks(table(1_000, 9_000)) is None
    assert not any("<table" in block.html for block in blocks(table(500, 2_500)) or ())


def test_what_cannot_be_answered_says_which_question_it_was() -> None:
    view = live_views()[ak.Debugger](three_turns())
    sent = heard_by(view)
    ask(view, "panel", turn=0, tab="x" * 100_000, ask=7)
    assert (sent[-1]["type"], sent[-1]["ask"]) == ("failed", 7)
    assert len(sent[-1]["message"]) <= 2_000
    ask(view, "panel", turn=0, tab="\ud800", ask=[])
    assert "ask" not in sent[-1]


@pytest.mark.parametrize("n", [0, -1, 10**9, "3", None, [], True + 0.5])
def test_a_view_asks_for_no_more_answers_than_stand_beside_each_other(n: Any) -> None:
    dbg = three_turns()
    view = live_views()[ak.Debugger](dbg)
    sent = heard_by(view)
    ask(view, "again", turn=0, n=n)
    assert "20 times" in sent[-1]["message"]
    assert not dbg.running


def test_a_label_that_cannot_be_written_is_not_shown_as_if_it_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.jsonl"
    ak.save([dbg.trajectory for dbg in (three_turns(), three_turns())], path)
    table = ak.explore(path)
    table.label("good", 0)

    def refused(*_: Any) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(f"{type(table.labels).__module__}.write_whole", refused)
    with pytest.raises(PermissionError):
        table.label("bad", 1)
    assert table.labels.all == {0: ("good",)}


def test_a_file_of_labels_as_deep_as_it_gets_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    ak.save([three_turns().trajectory] * 2, path)
    path.with_name("x.jsonl.labels.json").write_text("[" * 100_000)
    with pytest.raises(ak.AgentkitError, match="is not a file of labels"):
        ak.explore(path)
