"""What holds for every format and every text: nothing raises, cutting changes nothing, what was
written is read, nothing is made up.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.read.parsers.formats.call_formats import CANONICAL
from agentkit.read.parsers.formats.reasoning_formats import REASONING
from agentkit.read.parsers.formats.sglang_formats import SGLANG
from agentkit.read.parsers.output import Parsed, Piece
from tests.read.parsers.call_formats import WRITTEN, Call, tools_for
from tests.support.examples import examples

pytestmark = pytest.mark.slow

NAMES = sorted(CANONICAL)
CALL: Call = ("f", {"a": "b c", "n": 7})
TOOLS = tools_for([CALL])
SOUP = [*"fa \n\"'\\{}[]():,=<>|1`;", "null", "```", '{"name": "f", "arguments": {']

text = st.text(alphabet="abé <>{}[]()\"'\\/=:,;|`\n1-_😀", max_size=30)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
identifiers = st.from_regex(r"[a-z]{3,8}(_[a-z]{1,5})?", fullmatch=True).filter(
    lambda name: name not in ("function", "name")
)
words = text.map(lambda inner: f"w{inner.replace('<', '').replace('|', '')}w")
"""Text that the formats without JSON can hold: no white space at its ends, nothing that starts a
marker.
"""


def soup(name: str) -> st.SearchStrategy[str]:
    """Texts made of a format's markers, of parts of them, and of the characters that matter."""
    form = CANONICAL[name]
    written = WRITTEN.get(name, WRITTEN["hermes"]).write([CALL, CALL])
    markers = sorted({*form.roles, *form.markers})
    cut = st.tuples(st.integers(0, len(written)), st.integers(0, 60)).map(
        lambda place: written[place[0] : place[0] + place[1]]
    )
    return st.lists(st.sampled_from([*markers, *SOUP, written]) | cut, max_size=12).map("".join)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    """The text in pieces as long as the numbers say, over and over."""
    out: list[str] = []
    at = 0
    while at < len(text):
        size = cuts[len(out) % len(cuts)]
        out.append(text[at : at + size])
        at += size
    return out


def fed(name: str, pieces: list[str], tools: Any) -> tuple[Parsed, list[Piece]]:
    reading = ak.parsers.get_parser(name).incremental(tools)
    shown = [shown for piece in pieces for shown in reading.feed(piece)]
    return reading.finish(), shown


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(25))
@given(st.data())
def test_any_text_is_read_and_however_it_is_cut(name: str, data: st.DataObject) -> None:
    given_text = data.draw(soup(name))
    tools = data.draw(st.sampled_from([None, TOOLS]))
    whole = ak.parsers.get_parser(name).parse(given_text, tools)
    parts, shown = fed(
        name,
        pieces_of(given_text, data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))),
        tools,
    )
    assert parts == whole
    assert ak.parsers.get_parser(name).parse(given_text, tools) == whole
    check_places(given_text, whole)
    certain = "".join(piece.text for piece in shown if piece.kind == "content")
    assert (whole.content or certain).strip().startswith(certain.strip())
    called = [piece.call for piece in shown if piece.call]
    assert [call.span for call in called] == [call.span for call in whole.tool_calls][: len(called)]


def check_places(given_text: str, parsed: Parsed) -> None:
    """The calls stand in order, each with its own text; the content is what was kept."""
    at = 0
    for call in parsed.tool_calls:
        assert call.span is not None
        assert at <= call.span[0] < call.span[1] <= len(given_text)
        assert call.raw_arguments in given_text[slice(*call.span)]
        assert (call.status == "invalid") <= bool(call.problems)
        assert call.origin.startswith("content:")
        at = call.span[1]
    assert "".join(given_text[start:end] for start, end in parsed.kept) == (parsed.content or "")
    assert all(
        one[1] < next_one[0] for one, next_one in zip(parsed.kept, parsed.kept[1:], strict=False)
    )


@given(st.text(), st.sampled_from(NAMES))
def test_no_text_raises(given_text: str, name: str) -> None:
    check_places(given_text, ak.parsers.get_parser(name).parse(given_text))
    ak.parsers.detect(given_text)
    ak.parsers.has_call_markup(given_text)


@settings(max_examples=examples(200))
@given(st.data(), st.sampled_from(sorted(SGLANG)))
def test_sglang_s_readings_are_the_same_however_a_text_is_cut(
    data: st.DataObject, name: str
) -> None:
    form = SGLANG[name]
    written = WRITTEN.get(name, WRITTEN["hermes"]).write([CALL, CALL])
    given_text = data.draw(
        st.lists(
            st.sampled_from([*sorted(form.roles), *SOUP, written, written[:40]]), max_size=12
        ).map("".join)
    )
    whole = ak.parsers.get_parser(f"sglang/{name}").parse(given_text, TOOLS)
    parts, _ = fed(
        f"sglang/{name}",
        pieces_of(given_text, data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))),
        TOOLS,
    )
    assert parts == whole
    check_places(given_text, whole)


@given(st.data(), st.sampled_from(sorted(REASONING)))
def test_reasoning_and_content_are_parts_of_the_text(data: st.DataObject, name: str) -> None:
    tags = [
        "<think>",
        "</think>",
        "[THINK]",
        "[/THINK]",
        "<tool_call>",
        "<|channel|>analysis<|message|>",
        "<|end|>",
        "<|start|>assistant",
        *"a\n ",
    ]
    given_text = data.draw(st.lists(st.sampled_from(tags), max_size=10).map("".join))
    for part in ak.parsers.get_reasoning_parser(name).parse(given_text):
        assert part != ""
        assert part is None or "append" in name or is_subsequence(part, given_text)


def is_subsequence(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(char in rest for char in part if char != "\n")


def written_calls(name: str) -> st.SearchStrategy[list[Call]]:
    """Calls whose arguments the format can say."""
    if WRITTEN[name].json:
        fields = st.dictionaries(text, values, max_size=4)
    else:
        fields = st.dictionaries(
            identifiers, words | st.integers(0, 10**9) | st.booleans(), max_size=4
        )
    return st.lists(st.tuples(identifiers, fields), min_size=1, max_size=4).filter(consistent)


def consistent(calls: list[Call]) -> bool:
    """One schema describes all calls of a name."""
    kinds: dict[tuple[str, str], set[type]] = {}
    for name, arguments in calls:
        for key, value in arguments.items():
            kinds.setdefault((name, key), set()).add(type(value))
    return all(len(kind) == 1 for kind in kinds.values())


@pytest.mark.parametrize("name", sorted(WRITTEN))
@settings(max_examples=examples(25))
@given(st.data())
def test_what_was_written_is_read(name: str, data: st.DataObject) -> None:
    calls = data.draw(written_calls(name))
    alone = name in ("pythonic", "xlam")
    beside = [("", ""), ("Let me see.", ""), ("Let me see.\n\n", "\nDone."), ("", "Done.")]
    before, after = data.draw(st.sampled_from(beside[:1] if alone else beside))
    given_text = before + WRITTEN[name].write(calls) + after
    parsed = ak.parsers.get_parser(name).parse(given_text, tools_for(calls))
    assert json.dumps([[call.name, call.arguments] for call in parsed.tool_calls]) == json.dumps(
        [[n, dict(a)] for n, a in calls]
    )
    assert (parsed.content or "").split() == (before + after).replace(
        ".Done", ". Done"
    ).split() or (parsed.content or "") == before + after
    check_places(given_text, parsed)


@pytest.mark.parametrize("name", sorted(WRITTEN))
@settings(max_examples=examples(25))
@given(st.data())
def test_a_cut_text_holds_the_first_calls_and_no_other(name: str, data: st.DataObject) -> None:
    calls = data.draw(written_calls(name))
    given_text = WRITTEN[name].write(calls)
    end = data.draw(st.integers(0, len(given_text)))
    parsed = ak.parsers.get_parser(name).parse(given_text[:end], tools_for(calls))
    read = [[call.name, call.arguments] for call in parsed.tool_calls if call.valid]
    assert read == [[n, dict(a)] for n, a in calls][: len(read)]
    whole = [len(WRITTEN[name].write(calls[: n + 1])) for n in range(len(calls))]
    assert len(read) >= sum(length <= end for length in whole)
    check_places(given_text[:end], parsed)


LITERALS = [
    "'a'",
    '"b"',
    "'None, True'",
    '"it\'s"',
    "'\\n'",
    "''",
    "None",
    "True",
    "false",
    "null",
    "1",
    "-0",
    "01",
    "1_0",
    "+1",
    "-0.0",
    "1.",
    "1e5",
    "1e999",
    "123456789012345678901",
    "nan",
    "x",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ":",
    ",",
    ", ",
    ": ",
    " ",
    "{'k': ",
    "'k': ",
    "[1, ",
]


def read_as_python(literal: str) -> list[str]:
    """What the two formats of Python, the strict and the loose one, read for an argument."""
    texts = {
        "pythonic": f"[f(x={literal})]",
        "lfm2": f"<|tool_call_start|>[f(x={literal})]<|tool_call_end|>",
    }
    return [
        repr(call.arguments)
        for name, text in texts.items()
        for call in ak.parsers.get_parser(name).parse(text).tool_calls
        if call.valid
    ]


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from(LITERALS), max_size=8).map("".join) | values.map(repr))
def test_a_container_of_python_is_read_alike_with_and_without_a_comment(inside: str) -> None:
    assert read_as_python(f"[{inside}]") == read_as_python(f"[{inside}#\n]")


@settings(max_examples=examples(300))
@given(st.text(alphabet="ab'\"\\nrtx041uN/é\n", max_size=12), st.sampled_from("'\""))
def test_a_text_of_python_is_read_alike_alone_and_in_parts(inside: str, quote: str) -> None:
    assert read_as_python(f"{quote}{inside}{quote}") == read_as_python(f'"" {quote}{inside}{quote}')


@pytest.mark.parametrize(
    "number", ["9" * 5000, "0x" + "f" * 5000, "0b" + "1" * 20_000, "1" * 5000 + ".5", "1e999"]
)
def test_a_number_that_nothing_can_hold_runs_nothing(number: str) -> None:
    for given_text in (f"[f(x={number})]", f"[f(x=[{number}])]", f"[f(x={{'a': {number}}})]"):
        assert not any(
            call.valid for call in ak.parsers.get_parser("pythonic").parse(given_text).tool_calls
        )
