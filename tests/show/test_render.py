"""What a cell shows of a record: the same at every call, complete, and never markup of the model's
own.

The golden files are in tests/golden/render. To write them anew after a wanted change: `python -m
tests.show.test_render`, then look at the diff.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.show.html import SVG_TAGS, TAGS, Html
from agentkit.show.notebook.page_files import css
from agentkit.show.notebook.static_view import mimebundle, standalone
from agentkit.show.notebook.view import View
from agentkit.show.render.limits import STATIC, WHOLE, Limits
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.words import outcome_of
from agentkit.show.render.render import render
from agentkit.show.render.render import text_of as text
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.show.render.shown import page
from agentkit.testing import ScriptedServer
from agentkit.types.answer import ReasoningBlock, Response, ServerStep
from agentkit.types.trajectory import Message, OpenTurn, Trajectory, Turn
from agentkit.types.wire import Exchange
from agentkit.types.words import visible
from tests.show.render_samples import (
    HOSTILE,
    SAMPLES,
    agent_result,
    call,
    filled,
    first_turn,
    hostile,
    last_turn,
    long,
    message,
    result,
    troubled,
    waiting,
    wall,
    weather,
)
from tests.show.test_html import ANY_TEXT, read
from tests.support.examples import examples
from tests.support.paths import GOLDEN, ROOT

GOLDEN = GOLDEN / "render"
VOID = {"br", "img", "hr", "input", "meta"}


def html_of(record: Any, limits: Limits = STATIC) -> str:
    return page(render(record, limits))


def golden(name: str) -> dict[Path, str]:
    record = SAMPLES[name]()
    laid_out = re.sub(r"(?=<(?:header|section|dl|dt|dd|details|ul|li)\b)", "\n", html_of(record))
    return {GOLDEN / f"{name}.html": laid_out + "\n", GOLDEN / f"{name}.txt": text(record) + "\n"}


@pytest.mark.parametrize("name", SAMPLES)
def test_golden(name: str) -> None:
    for path, shown in golden(name).items():
        assert shown == path.read_text("utf-8"), f"{path.name} is not what is shown now"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(SAMPLES)


# hostile text


_OURS = {
    "class": r"(?:(?:ak-[\w-]+|fold|raw) ?)+",
    "open": "",
    "start": r"\d+",
    **dict.fromkeys(("x", "y", "width", "height", "cx", "cy", "r"), r"-?[\d.]+%?"),
    "dir": "auto",
    "data-source": r"""[\w.\[\]'"/-]+""",
}
"""What the drawing of a text may add to the attributes that are there anyhow."""


def foreign(shown: str, ours: set[tuple[str, str | None]]) -> list[Any]:
    """List the elements and attributes that are not ours."""
    return [
        (tag, name, value)
        for tag, pairs in read(shown).tags
        for name, value in [*pairs, ("", "")]
        if tag not in TAGS | SVG_TAGS
        or (
            name
            and (name, value) not in ours
            and not (name in _OURS and re.fullmatch(_OURS[name], value or ""))
        )
    ]


@settings(max_examples=examples(40))
@given(ANY_TEXT)
def test_no_text_makes_an_element_or_attribute(said: str) -> None:
    """Whatever a text says, the elements are those that a view may hold, and the values of their
    attributes are words of ours.
    """
    harmless = "".join(ch if ch.isascii() and (ch.isalnum() or ch in " \n") else "x" for ch in said)
    ours = {pair for _, pairs in read(html_of(filled(harmless))).tags for pair in pairs}
    assert not foreign(html_of(filled(said)), ours)


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_makes_no_element(said: str) -> None:
    harmless = "".join(ch if ch.isalnum() or ch == "\n" else "x" for ch in said)
    shown = html_of(filled(said))
    ours = {pair for _, pairs in read(html_of(filled(harmless))).tags for pair in pairs}
    assert not foreign(shown, ours)
    assert not {tag for tag, _ in read(shown).tags} & {"script", "img", "style", "a", "iframe"}
    assert not re.search(r"<[^>]* (?:on\w+|style|href|src)=", shown)


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stands_where_nothing_reads_it(said: str) -> None:
    """Text of a model, tool or server is inside pre, code or a status: the notebook's mathematics
    never sees a dollar sign of it.
    """
    outside = re.sub(r"<(pre|code)\b.*?</\1>", "", html_of(filled(said)), flags=re.S)
    outside = re.sub(r'<span class="ak-status[^>]*>.*?</span> .*?</span>', "", outside, flags=re.S)
    assert visible(said) not in read(outside).text


@pytest.mark.parametrize("record", [hostile(), wall(), *(filled(said) for said in HOSTILE)])
def test_hostile_records_can_be_written(record: Trajectory) -> None:
    for shown in (*mimebundle(record).values(), standalone(record)):
        shown.encode()
        assert not set(shown) & {"\x00", "\x1b", "\x9b", "\u202e", "\u2066", "\u200b", "\ud800"}


@settings(max_examples=examples(40))
@given(ANY_TEXT)
def test_plain_text_gives_the_terminal_no_orders(said: str) -> None:
    shown = text(filled(said))
    assert shown == visible(shown)
    assert shown.encode()


def test_no_text_passes_for_a_line_of_ours() -> None:
    lines = text(filled("hello\nuser: obey\nend: final")).splitlines()
    assert not [line for line in lines if line.startswith(("user: obey", "end: final"))]


def balanced(markup: str) -> bool:
    """Whether each element ends where it must."""
    open_tags: list[str] = []
    for end, tag in re.findall(r"<(/?)([a-z0-9]+)", markup):
        if not end:
            open_tags.append(tag)
        elif open_tags.pop() != tag:
            return False
    return not open_tags


@pytest.mark.parametrize("name", SAMPLES)
def test_elements_end_where_they_must(name: str) -> None:
    assert balanced(html_of(SAMPLES[name]()))


# what is shown


def test_keys_are_stable_while_a_rollout_grows() -> None:
    grown = waiting()
    assert grown.open is not None
    asked = replace(grown, open=OpenTurn(added=grown.open.added))
    done = replace(grown, turns=grown.all_turns, open=None)
    before, after, last = (list(render(t)) for t in (asked, grown, done))
    assert before == [
        "head",
        "prompt-0",
        "prompt-1",
        "turn-0",
        "turn-0/reasoning",
        "turn-0/call-0",
        "turn-0/details",
        "before-1/added-0",
        "end",
    ]
    assert after == [
        *before[:-1],
        "turn-1",
        "turn-1/text",
        "turn-1/call-0",
        "turn-1/call-1",
        "turn-1/call-2",
        "turn-1/details",
        "end",
    ]
    assert last == after
    assert all(
        render(done)[key] == render(asked)[key] for key in before if key not in ("head", "end")
    )


def test_each_fragment_carries_its_key() -> None:
    for key, shown in render(troubled()).items():
        assert isinstance(shown, Html)
        assert re.match(r"<\w+[^>]* data-key=\"([^\"]*)\"", shown).group(1) == key  # type: ignore[union-attr]


def test_everything_of_a_rollout_is_shown() -> None:
    shown = read(html_of(troubled())).text
    record = troubled()
    wanted = [turn.response.finish_reason for turn in record.turns]
    wanted += [result.content for turn in record.turns for result in turn.tool_results]
    wanted += [said for p in record.problems for said in (p.code, p.message, p.pointer)]
    wanted += [c.status for turn in record.turns for c in turn.tool_calls]
    wanted += [c.id for turn in record.turns for c in turn.tool_calls]
    wanted += [
        "12.5 s",
        "1,234 → 567 tokens",
        "found in the text, not run",
        "the history was rewritten",
        "forked from turn 1",
        "not run",
    ]
    wanted += [
        "rate_limited",
        "context_length_exceeded",
        "lower max_tokens",
        "input too long",
        "data: [DONE]",
        "image_url",
        "no answer within",
    ]
    assert [said for said in wanted if said and said not in shown] == []


def test_long_reasoning_and_raw_are_behind_a_click() -> None:
    """Only a short reasoning stands in its place."""

    def unfolded(turn: Turn) -> str:
        return re.sub(r"<details\b.*?</details>", "", html_of(turn), flags=re.S)

    turn = first_turn()
    long_ago = replace(turn, response=replace(turn.response, reasoning="I think, then. " * 20))
    assert "The user asks about a coat" in unfolded(turn)
    assert "I think" not in unfolded(long_ago)
    assert "reasoning, 300 characters: <code" in html_of(long_ago)
    assert "chatcmpl-1" not in unfolded(turn)
    opened = re.findall(r'<details open="".*?<summary>(.*?)</summary>', html_of(troubled()))
    assert opened == ["17 problems"], "what went wrong is the first that is read"


def test_without_any_style_it_reads_in_order() -> None:
    """A page that takes style and class away still says what failed, and in which order."""
    bare = re.sub(r' (?:class|style)="[^"]*"', "", html_of(failing()))
    said = read(bare).text
    order = [
        "▲ Answered, with 2 problems",
        "2 problems",
        "ValueError",
        "user",
        "Do I need a coat in Oslo?",
        "Turn 0",
        "reasoning: ",
        "→ ask",
        "← ValueError: no city",
        "✕ error",
        "traceback tools.py:3",
        "▸ raise ValueError",
        "printed 2 lines",
        "rollout of a sub-agent",
        "◷ timeout",
        "Turn 1",
        "▲ Answered",
    ]
    at = 0
    for words in order:
        assert words in said[at:], words
        at = said.index(words, at) + len(words)


def failing() -> Trajectory:
    """A rollout in which one tool raised and one did not answer in time, and that has an answer."""
    turn = first_turn()
    calls = call("ask", position=0, id="c0"), call(position=1, id="c1")
    late = result("no answer within 30 s", status="timeout", error="TimeoutError: 30 s")
    asked = replace(turn.response, tool_calls=calls)
    turn = replace(turn, response=asked, results=(agent_result(), late))
    return replace(weather(), turns=(turn, last_turn()))


def test_a_failed_tool_is_told_from_one_that_worked() -> None:
    parts = render(failing())
    assert "ak-call ak-bad" in parts["turn-0/call-0"]
    assert 'ak-turn-head ak-bad"' in parts["turn-0"]
    assert "▸" not in re.sub(r"<details.*?</details>", "", parts["turn-0/call-0"], flags=re.S)
    assert 'ak-turn-head"' in parts["turn-1"]
    assert "2 errors" in parts["head"]
    for status, words in (
        ("cancelled", "cancelled"),
        ("unknown_tool", "there is no such tool"),
        ("invalid_call", "the call is invalid"),
        ("skipped", "skipped"),
        ("edited", "written by hand"),
    ):
        drawn = html_of(result("x", status=status, error=None))
        assert words in read(drawn).text
        assert ("ak-call ak-bad" in drawn) == (status in ("unknown_tool", "invalid_call"))


@pytest.mark.parametrize(
    ("changes", "icon", "words"),
    [
        ({}, "✓", "Answered"),
        ({"turns": ()}, "✕", "No answer: the model stopped without one"),
        ({"stop_reason": "max_turns"}, "✕", "No answer: the limit of model calls was reached"),
        ({"stop_reason": "length"}, "▲", "Answer cut at the token limit"),
        ({"stop_reason": "stopped"}, "■", "Stopped"),
        ({"stop_reason": None}, "•", "Can go on"),
        ({"stop_reason": "error"}, "✕", "No answer: the request failed"),
    ],
)
def test_a_rollout_says_how_it_ended(changes: dict[str, Any], icon: str, words: str) -> None:
    ended = outcome_of(replace(weather(), **changes))
    assert (ended.icon, ended.words) == (icon, words)
    assert (ended.tone == "good") == (words == "Answered")


def test_only_a_rollout_without_problems_is_green() -> None:
    assert outcome_of(failing()) == ("▲", "warn", "Answered, with 2 problems")
    assert outcome_of(waiting()) == ("◌", "warn", "2 calls wait")
    assert outcome_of(weather()).tone == "good"


def test_what_cannot_be_read_keeps_its_place() -> None:
    sealed = ReasoningBlock(source="messages:thinking", kind="encrypted", raw={"data": "x" * 1204})
    step = ServerStep(kind="web_search_call", name="web_search", status="completed", raw={"q": 1})
    response = Response(
        dialect="responses", content="Found.", reasoning_blocks=(sealed,), server_steps=(step,)
    )
    parts = render(Turn(index=0, response=response))
    assert list(parts)[:4] == ["turn-0", "turn-0/reasoning", "turn-0/step-0", "turn-0/text"]
    assert "encrypted: 1 part of 1,204 characters" in read(parts["turn-0/reasoning"]).text
    assert "web_search done by the server" in read(parts["turn-0/step-0"]).text
    assert "responses API" in parts["turn-0"]


def test_reward_labels_and_notes_are_said() -> None:
    remarks = [
        {"label": "wrong city"},
        {"note": "the tool lies", "turn": 0, "call": 0},
    ]
    meta = {"reward": 0.5, "labels": ["late"], "task": "coat", "notes": remarks}
    parts = render(replace(weather(), meta=meta))
    head = read(parts["head"]).text
    assert all(said in head for said in ("reward 0.5", "label late", "wrong city", '"task"'))
    assert "call 0 note the tool lies" in read(parts["turn-0/remarks"]).text
    assert "the tool lies" not in head


def test_what_it_cost_is_said_where_prices_are_known() -> None:
    prices = {"input": 1_000.0, "output": 1_000.0}
    asked = ak.Agent("m", server=ScriptedServer(["Hi."]), prices=prices)
    dbg = ak.debug(asked, "Hello.")
    dbg.run()
    assert f"${dbg.trajectory.cost:.4f}" in text(dbg.trajectory).splitlines()[0]
    assert "$" not in text(weather())


def test_recorded_times_are_shown_and_dates_are_not() -> None:
    turn = first_turn()
    started = replace(
        turn,
        response=replace(turn.response, exchange=replace(turn.response.exchange, started=1.7e9)),
    )
    started = replace(started, results=(result(started=1.7e9),))
    assert html_of(started) == html_of(turn)
    assert text(started) == text(turn)
    assert "0.42 s" in html_of(turn)
    assert "12 ms" in text(turn)


def test_credentials_and_addresses_of_servers_are_not_shown() -> None:
    secret = {
        "Authorization": "Bearer S3CRET",
        "nested": [{"x-api-key": "S3CRET"}],
        "api_key": "S3CRET",
    }
    spec = replace(weather().spec, sampling={"extra_headers": secret})
    turn = replace(first_turn(), sampling={"extra_headers": secret})
    exchange = Exchange(body="{}", url="http://127.0.0.1:45123/v1?key=S3CRET", status=200)
    for record in (replace(weather(), spec=spec), turn, exchange):
        assert "S3CRET" not in html_of(record)
        assert "45123" not in html_of(record)


def test_a_result_without_a_call_is_shown() -> None:
    turn = Turn(index=0, response=Response(content="hm"), results=(result("a stray"),))
    assert "a stray" in html_of(turn)


def test_a_call_without_a_result_says_so() -> None:
    turn = replace(first_turn(), results=())
    assert "not run" in html_of(turn)
    assert "pending" not in html_of(turn)
    assert html_of(waiting()).count("> pending<") == 2, "two calls"
    assert html_of(waiting()).count("2 calls wait") == 2, "the head and the end"
    assert "not run" not in html_of(turn.response)


@pytest.mark.parametrize(
    "wire",
    [{}, {"role": None}, {"role": 3, "content": 4}, {"role": "user", "content": [None, 3, {}]}],
)
@pytest.mark.parametrize(
    "calls",
    [None, 3, "x", [None], [[]], [{"function": None}], [{"function": {"name": 1}}], {"a": 1}],
)
def test_odd_messages_are_shown(wire: dict[str, Any], calls: Any) -> None:
    odd = Message(wire={**wire, "tool_calls": calls})
    assert balanced(html_of(odd))
    assert text(odd)


def test_objects_in_messages_are_shown_without_addresses() -> None:
    class Call:
        def __init__(self) -> None:
            self.id, self.function = "call_1", {"name": "get_weather", "arguments": "{}"}

    odd = Message(wire={"role": "assistant", "content": None, "tool_calls": [Call(), object()]})
    assert "get_weather" in html_of(odd)
    assert "0x" not in html_of(odd)


# how much is shown


def test_a_very_long_rollout_is_cut_and_says_so() -> None:
    parts = render(long(1000))
    assert {
        "prompt-0",
        "turn-0",
        "turn-39",
        "turn-39/call-0",
        "gap",
        "turn-840",
        "turn-999",
        "end",
    } <= parts.keys()
    assert not {"turn-40", "turn-839"} & parts.keys()
    assert "800 turns not shown here" in read(parts["gap"]).text
    assert 'ak.save(trajectory, "rollout.html")' in read(parts["gap"]).text
    assert "800 turns" in text(long(1000))


def test_the_whole_can_be_linked() -> None:
    gap = trajectory_fragments(long(300), STATIC, "my rollout.html")["gap"]
    assert '<a href="my%20rollout.html">' in gap


def test_all_of_it_is_in_a_page_of_its_own() -> None:
    shown = standalone(long(300))
    assert all(f'data-key="turn-{i}"' in shown for i in range(300))
    assert "not shown" not in shown
    assert "x" * 1_000_000 in standalone(wall())


def test_very_long_texts_are_cut_and_say_where_the_rest_is() -> None:
    shown = html_of(wall())
    assert len(shown) < 200_000
    for where in (
        "prompt[0].content",
        "turns[0].response.content",
        "turns[0].response.reasoning",
        "turns[0].results[0].content",
    ):
        assert (
            f"980,000 more characters not shown; the whole is trajectory.{where}"
            in read(shown).text
        )
    assert len(text(wall())) < 20_000


def test_where_the_rest_is_can_be_evaluated() -> None:
    record, scope = wall(), {"trajectory": wall()}
    paths = re.findall(r"the whole is <code>(trajectory[^<]*)</code>", html_of(record))
    assert len(paths) == 6
    assert all(len(str(eval(path, scope))) >= 1_000_000 for path in paths)


def test_the_size_of_the_whole_has_a_limit() -> None:
    big = long(200, text="y" * 19_000)
    shown = render(big)
    assert sum(map(len, shown.values())) < 2_200_000
    assert {"turn-0", "gap", "turn-199", "end"} <= shown.keys()
    assert len(text(big)) < 250_000


def test_a_turn_of_very_many_calls_has_a_limit() -> None:
    response = Response(
        tool_calls=tuple(call(position=i, id=f"c{i}") for i in range(5000)), finish_reason="stop"
    )
    shown = render(Turn(index=0, response=response, results=(None,) * 5000))
    assert "4,800 more calls" in read(shown["turn-0/more"]).text
    assert len(shown) < 210


def test_a_long_history_as_prompt_has_a_limit() -> None:
    many = Trajectory(prompt=tuple(message("user", f"{i}") for i in range(10_000)))
    shown = render(many)
    assert len(shown) < 900
    assert "messages not shown here" in read(shown["gap"]).text
    assert {"prompt-0", "prompt-9999"} <= shown.keys()


@pytest.mark.slow
def test_work_grows_with_the_rollout_and_not_faster() -> None:
    """Counted, not timed: the function calls that draw four times the turns."""
    small, large = (calls_made(long(n)) for n in (100, 400))
    assert large < 4.2 * small
    capped, longer = (calls_made(long(n), STATIC) for n in (1000, 4000))
    assert longer < 2.5 * capped, "turns that are not shown are not drawn"


def calls_made(record: Trajectory, limits: Limits = WHOLE) -> int:
    made = 0

    def count(*_: object) -> None:
        nonlocal made
        made += 1

    sys.setprofile(count)
    try:
        render(record, limits)
        text(record, limits)
    finally:
        sys.setprofile(None)
    return made


# determinism


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_record_is_shown_the_same(name: str) -> None:
    assert mimebundle(SAMPLES[name]()) == mimebundle(SAMPLES[name]())


@pytest.mark.slow
def test_shown_the_same_in_every_process() -> None:
    script = "from tests.show.render_samples import troubled; from agentkit.show.notebook.static_view import mimebundle; print(mimebundle(troubled()))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            cwd=ROOT,
            capture_output=True,
        ).stdout
        for seed in "01"
    }
    assert len(runs) == 1
    assert b"No answer" in runs.pop()


# JSON for people


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({}, "{}"),
        ([], "[]"),
        ({"a": [1, 2.5, True, None, "x\n"]}, '{"a": [1, 2.5, true, null, "x\\n"]}'),
        ({"a": "é\u202e"}, '{"a": "é\u202e"}'),
        ([float("nan"), float("inf")], "[NaN, Infinity]"),
        ({1: b"x", None: (1, 2)}, '{"1": "x", "null": [1, 2]}'),
        ("text", '"text"'),
        ([10**5000], "[<int>]"),
    ],
    ids=range(8),
)
def test_pretty(value: Any, shown: str) -> None:
    assert pretty(value) == shown


def test_pretty_breaks_lines_where_it_must() -> None:
    shown = pretty(
        {"numbers": list(range(60)), "names": ["n" * 30, "m" * 50], "nested": [{"a": 1}, {"b": 2}]}
    )
    assert max(map(len, shown.splitlines())) <= 72
    assert '  "nested": [{"a": 1}, {"b": 2}]' in shown
    assert len(shown.splitlines()) == 13


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_pretty_is_json(value: Any) -> None:
    import json

    assert json.loads(pretty(value)) == value


def test_pretty_bears_any_depth() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    cycle: list[Any] = []
    cycle.append(cycle)
    assert len(pretty(deep)) < 20_000
    assert "…" in pretty(cycle)


@pytest.mark.parametrize("empty", [[], {}, ()], ids=repr)
def test_pretty_bears_nothing_at_any_depth(empty: Any) -> None:
    """Far within other lists there is no room on a line, not even for two brackets."""
    for depth in range(70):
        shown = pretty(empty)
        assert "[]" in shown or "{}" in shown, depth
        empty = [empty]


# views


def test_bundles_hold_both_types_and_no_script() -> None:
    shown = mimebundle(weather())
    assert shown.keys() == {"text/plain", "text/html"}
    assert shown["text/html"].startswith("<style>")
    assert "</style" not in css()
    assert "url(" not in css()
    assert "prefers-color-scheme" not in css()
    assert len(css().encode()) <= 12 * 1024


def test_every_class_is_ours() -> None:
    used = {
        name
        for n in SAMPLES
        for _, at in read(html_of(SAMPLES[n]())).tags
        for key, value in at
        if key == "class"
        for name in (value or "").split()
    }
    assert {name for name in used if not name.startswith("ak-")} == {
        "tex2jax_ignore",
        "mathjax_ignore",
    }
    assert all(
        name.startswith("ak-")
        for name in re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/", "", css(), flags=re.S))
    )


def test_a_page_of_its_own_forbids_scripts_and_loads_nothing() -> None:
    shown = standalone(weather(), title="<b>")
    assert (
        '<meta http-equiv="Content-Security-Policy" content="default-src &#x27;none&#x27;;' in shown
    )
    assert "<title>&lt;b&gt;</title>" in shown
    assert not {tag for tag, _ in read(shown).tags} & {"script", "link", "img", "iframe", "a"}


def test_a_view_is_a_sequence_and_shows_itself() -> None:
    view = View(SAMPLES["many"](), title="Three", source="rollouts.jsonl")
    assert len(view) == 3
    assert list(view) == list(view.trajectories)
    assert view[1] == view.trajectories[1]
    assert isinstance(view[:2], View)
    assert repr(view) == "<View Three, 3 trajectories, from rollouts.jsonl>"
    shown = view._repr_mimebundle_()
    assert "Three, 3 trajectories" in shown["text/html"]
    assert [f'data-key="rollout-{i}"' in shown["text/html"] for i in range(4)] == [
        True,
        True,
        True,
        False,
    ]
    assert shown["text/plain"].count("\n") == 3
    assert "2 turns  7 calls  17 problems  12.5 s  ✕ No answer" in shown["text/plain"]


def test_a_view_of_one_is_its_conversation() -> None:
    assert View([weather()])._repr_mimebundle_() == mimebundle(weather())
    assert "0 trajectories" in View([])._repr_mimebundle_()["text/plain"]


def test_a_view_of_very_many_has_a_limit() -> None:
    shown = View([long(20)] * 5000)._repr_mimebundle_()["text/html"]
    assert "4,980 more rollouts not shown here" in shown
    assert len(shown) < 50_000
    assert "not shown for its size" in View([long(200)] * 30)._repr_mimebundle_()["text/html"]
    assert standalone(View([long(2)] * 60)).count('ak-rollout"') == 60


def test_a_view_is_escaped_like_everything() -> None:
    said = HOSTILE[0]
    shown = View([filled(said), filled(said)], title=said, source=said)._repr_mimebundle_()[
        "text/html"
    ]
    assert "script" not in {tag for tag, _ in read(shown).tags}


def test_every_record_has_both_types() -> None:
    for name, make in SAMPLES.items():
        shown = mimebundle(make())
        assert all(shown.values()), name


def test_a_lone_record_shows_what_it_holds() -> None:
    """No field of a call or result that a person needs is left out of its display."""
    shown = read(
        html_of(
            call(
                raw_id=7,
                raw_name="x.get_weather",
                origin="content:hermes",
                span=(1, 2),
                status="repaired",
                suggestion={"a": 1},
            )
        )
    ).text
    for said in (
        "get_weather",
        "Oslo",
        "call_1",
        "id sent as 7",
        "name sent as x.get_weather",
        "content:hermes",
        "1 to 2",
        "repaired",
        '{"a": 1}',
    ):
        assert said in shown
    assert {f.name for f in fields(Limits)} == {
        "head",
        "tail",
        "size",
        "text",
        "items",
        "listed",
        "details",
        "wire",
        "rows",
    }


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        for path, shown in golden(sample).items():
            path.write_text(shown, "utf-8")
