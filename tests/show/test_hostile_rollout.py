"""A rollout in which every text attacks: nothing that is shown, written, logged or raised of it holds
a character that does not show itself, or live markup.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.types.problem import problem
from agentkit.types.request import Spec
from agentkit.types.trajectory import Attempt, Message, ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError
from agentkit.types.words import HIDDEN

HOSTILE = (
    "a\x1b]0;t\x07\x1b[31m\x9b\u202e\ud800\r\x07\x00$x$<script>alert(1)</script>"
    "[x](javascript:alert(1))<img src=x onerror=alert(1)>\x1b\x85\u2028z"
)
COLUMN = HOSTILE.replace("\ud800", "")
"""The same without half a surrogate pair, with which no column is named."""
LIVE = re.compile(r"<script>alert|<img src=x|href=[\"']?\s*javascript", re.IGNORECASE)
SHOWS = ("__repr__", "__str__", "text", "html", "summary", "heading", "_repr_html_")
WRITES = ("to_string", "to_csv", "to_html", "_repr_mimebundle_")
FRAMES = ("turns_df", "tool_calls_df", "messages_df", "problems_df", "tokens_df")


def hostile() -> Trajectory:
    """Make a rollout whose every text is hostile."""
    error = ApiError(
        kind="rate_limited",
        status=429,
        message=HOSTILE,
        code=HOSTILE,
        param=HOSTILE,
        hint=HOSTILE,
        retryable=True,
    )
    calls = [
        {"id": f"{HOSTILE}{i}", "type": "function", "function": {"name": name, "arguments": given}}
        for i, (name, given) in enumerate(((HOSTILE, "{}"), ("f", HOSTILE)))
    ]
    message = {"role": "assistant", "content": HOSTILE, "reasoning": HOSTILE, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": HOSTILE, "message": message}
    response = ak.read_response({"model": HOSTILE, "id": HOSTILE, "choices": [choice]}, ["f"])
    response = replace(response, exchange=replace(response.exchange, retries=(error,)))
    results = tuple(
        ToolResult(
            call_id=call.id,
            name=call.name,
            status="error",
            content=HOSTILE,
            error=HOSTILE,
            traceback=HOSTILE,
            printed=HOSTILE,
        )
        for call in response.tool_calls
    )
    added = Message(wire={"role": HOSTILE, "content": HOSTILE, "name": HOSTILE})
    turn = Turn(index=0, response=response, results=results, added=(added,))
    return Trajectory(
        spec=Spec(model=HOSTILE, sampling={"tool_choice": HOSTILE, HOSTILE: HOSTILE}),
        prompt=(Message(wire={"role": "user", "content": HOSTILE}), added),
        turns=(turn,),
        stop_reason="error",
        error=error,
        attempts=(Attempt(turn=1, error=error),),
        meta={"label": HOSTILE, HOSTILE: HOSTILE, COLUMN: HOSTILE},
        damage=(problem("file_damaged", HOSTILE, before=HOSTILE, after=HOSTILE),),
    )


def things(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield everything that is made of the rollout, by name."""
    t = hostile()
    turn = t.turns[0]
    yield from {"trajectory": t, "turn": turn, "answer": turn.response, "spec": t.spec}.items()
    yield from {"error": t.error, "attempt": t.attempts[0], "lost": t.damage[0]}.items()
    yield from (("call", call) for call in turn.tool_calls)
    yield from (("result", result) for result in turn.tool_results)
    yield from (("problem", one) for one in t.problems)
    yield from (("message", message) for message in t.prompt)
    yield from (("request", t.request(index)) for index in (0, 1))
    yield from ((name, getattr(ak, name)(t)) for name in FRAMES)
    yield "view", ak.view(t)
    yield "tokens", ak.tokens(t)
    yield "diff", ak.diff(t, replace(t, prompt=t.prompt[:1]))
    yield "reparse", ak.reparse(t)
    yield "sample tree", ak.sample_tree([t, t])
    explorer = ak.explore([t, t])
    yield "explorer", explorer
    yield "frame of the explorer", explorer.frame
    yield "filtered", explorer.filter("label=x\x1b[31m\u202e")
    yield "sorted", explorer.sort(COLUMN)
    yield "labelled", explorer.label(HOSTILE, 0)
    for name in ("curl", "python", "pytest", "notebook", "issue"):
        yield name, str(getattr(ak.export, name)(t, turn=0))
    yield "html", str(ak.export.html(t))
    path = folder / "x.jsonl"
    ak.save(t, path)
    index = ak.cassette.index(path)
    yield from {"index": index, "entry": index.entries[0]}.items()
    yield "doctor", ak.cassette.doctor(path)


def shown(thing: Any) -> Iterator[tuple[str, str]]:
    """Yield every text that a thing is displayed or written as."""
    if isinstance(thing, str):
        yield "itself", thing
        return
    for name in (*SHOWS, *WRITES):
        show = getattr(thing, name, None)
        made = show() if callable(show) else None
        bundle = made[0] if isinstance(made, tuple) else made
        for kind, text in (bundle if isinstance(bundle, dict) else {"": bundle}).items():
            if isinstance(text, str):
                yield f"{name} {kind}", text


def assert_harmless(name: str, text: str, *, html: bool = False) -> None:
    """Assert that a text can reprogram no terminal and runs in no page."""
    found = HIDDEN.search(text)
    assert found is None, (name, ascii(text[max(0, found.start() - 60) : found.end() + 20]))
    live = LIVE.search(text) if html else None
    assert live is None, (name, ascii(text[max(0, live.start() - 60) : live.end() + 20]))


def test_nothing_that_is_shown_of_it_gets_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    number = 0
    with caplog.at_level(logging.DEBUG):
        for name, thing in things(tmp_path):
            for way, text in shown(thing):
                markup = "html" in way or name == "html"
                assert_harmless(f"{name} {way}", text, html=markup)
                number += 1
    assert number > 100
    for logged in caplog.messages:
        assert_harmless("log", logged)


def test_a_markdown_table_holds_it_in_a_cell(tmp_path: Path) -> None:
    pytest.importorskip("tabulate")
    for name in FRAMES:
        frame = getattr(ak, name)(hostile())
        text = frame.to_markdown()
        assert_harmless(name, text)
        assert len(text.splitlines()) == 2 + len(frame)


WRONG: dict[str, Callable[[], Any]] = {
    "dict": lambda: ak.load({HOSTILE: 1}),
    "list": lambda: ak.load([{HOSTILE: 1}]),
    "path": lambda: ak.load(HOSTILE),
    "address": lambda: ak.load(f"http://x/{HOSTILE}"),
    "server": lambda: ak.Server(HOSTILE),
    "keyword": lambda: ak.view(hostile(), **{HOSTILE: "x"}),
    "name": lambda: getattr(ak, HOSTILE),
    "name in a module": lambda: getattr(ak.export, HOSTILE),
    "parser": lambda: ak.parsers.get_parser(HOSTILE),
    "code": lambda: ak.break_on.problem(HOSTILE),
    "breakpoint": lambda: getattr(ak.break_on, HOSTILE),
    "tool": lambda: ak.tool(lambda x: x, name=HOSTILE),
    "profile": lambda: ak.preflight([{"role": "user", "content": "a"}], HOSTILE),
    "column": lambda: ak.explore([hostile()]).filter("nope=1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_no_error_lets_it_out(name: str) -> None:
    with pytest.raises(ak.AgentkitError) as caught:
        WRONG[name]()
    for text in (str(caught.value), caught.value.message, caught.value.hint):
        assert_harmless(name, text)
    assert_harmless(name, "".join(caught.value._render_traceback_()))


def test_a_file_that_is_read_in_part_is_told_on_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a\x1b[31m\u202e.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "a"}]}\n{"a\\u001b[31m\\n": 1}\n')
    assert ak.load(path, all=True)
    assert caplog.messages
    for logged in caplog.messages:
        assert_harmless("log", logged)
        assert "\n" not in logged
