"""The time grows with the length of the text alone, whether it holds calls, almost calls or
none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import SupportsIndex

import pytest

import agentkit as ak
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_name import read_name
from agentkit.read.parsers.call_parser import Format
from agentkit.read.parsers.formats.call_formats import CANONICAL
from agentkit.read.parsers.formats.reasoning_formats import REASONING
from agentkit.read.parsers.output import Output, Piece
from agentkit.read.parsers.scanner import Scanner
from tests.read.parsers.call_formats import WRITTEN
from tests.support.growth import assert_linear

pytestmark = pytest.mark.slow

SHORT, LONG = 2_000, 8_000
MANY, MORE = 30_000, 300_000
"""Characters of whole calls."""
WHOLE = 100_000
"""Characters in which what is read and what is copied is counted."""
THINKING = [
    "<think>",
    "</think>",
    "<think>a</think>",
    "[THINK]",
    "<|channel|>analysis<|message|>",
    "<|start|>assistant",
    "to=self<|message|>",
]
QUOTED = ['\\"a', "\\'a", "\n", ", ", "[", "/*", "'a', ", '"a": ']
ANYWHERE = [
    '{"name": "f", "arguments": {"a": "',
    "[f(a=[{",
    '{"a": [',
    "\\",
    '"',
    "{'",
    " \n",
    "`",
    "<|",
    "<",
]


def almost_calls(name: str) -> list[str]:
    """What to repeat: markers, markers with what may follow them, and calls broken off at every
    tenth of their length.
    """
    form = CANONICAL[name]
    call = WRITTEN.get(name, WRITTEN["hermes"]).write([("f", {"a": "b", "c": "d"})])
    cut = [call[: len(call) * tenth // 10] for tenth in range(1, 10, 2)] + [
        call[len(call) * tenth // 10 :] for tenth in (2, 5)
    ]
    opened = [
        f"{marker}{behind}" for marker in form.calls for behind in ("", '{"a": "', "[", "\\", "'")
    ]
    return [unit for unit in dict.fromkeys([*cut, *opened, *form.roles, *ANYWHERE]) if unit]


def by_class() -> dict[str, str]:
    """One format of each class by the class's name; of calls in JSON also one whose markers are
    ordinary text, and one of a list.
    """
    kinds: dict[str, str] = {}
    for name in WRITTEN:
        form = CANONICAL.get(name)
        variants = [kind for kind in ("bare", "list_only") if getattr(form, kind, False) is True]
        kinds.setdefault(" ".join([type(form).__name__, *variants]), name)
    del kinds["NoneType"]
    return kinds


def whole_calls(name: str, size: int) -> dict[str, str]:
    """Texts of about this size: a huge call, the same cut off, many calls, many broken ones, and
    text without calls.
    """
    form = WRITTEN[name]
    value = "some words, 'quoted' or \"quoted\", [1] {2}\n" * (size // 40)
    huge = form.write([("f", {"a": value})])
    calls = form.write([("f", {"a": "vvv"})] * (size // len(form.write([("f", {"a": "vvv"})]))))
    return {
        "huge": huge,
        "cut": huge[: len(huge) * 9 // 10],
        "calls": calls,
        "broken": calls.replace("vvv", 'v" v'),
        "text": value,
    }


def assert_linear_in(
    run: Callable[[str], object], unit: str, short: int = SHORT, long: int = LONG
) -> None:
    assert_linear(
        lambda size: partial(run, unit * (size // len(unit) + 1)), short, long, what=repr(unit)
    )


@pytest.mark.parametrize("name", sorted(CANONICAL))
def test_whole_texts(name: str) -> None:
    for unit in almost_calls(name):
        assert_linear_in(ak.parsers.get_parser(name).parse, unit)


@pytest.mark.parametrize("name", sorted(CANONICAL))
def test_pieces(name: str) -> None:
    def in_pieces(text: str) -> None:
        reading = ak.parsers.get_parser(name).incremental()
        for at in range(0, len(text), 5):
            reading.feed(text[at : at + 5])
        reading.finish()

    for unit in almost_calls(name)[::2]:
        assert_linear_in(in_pieces, unit)


@pytest.mark.parametrize("name", ["hermes", "qwen3_coder", "pythonic", "openai", "muse"])
@pytest.mark.parametrize("kind", ["huge", "calls", "text"])
def test_pieces_cost_at_most_six_readings_of_the_whole(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = whole_calls(name, WHOLE)[kind]
    read: list[int] = []
    run = type(CANONICAL[name]).run

    def counted(form: Format, scanner: Scanner, out: Output) -> None:
        try:
            run(form, scanner, out)
        finally:
            read.append(len(scanner.text))

    monkeypatch.setattr(type(CANONICAL[name]), "run", counted)
    parser = ak.parsers.get_parser(name)
    reading = parser.incremental()
    shown = [piece for at in range(0, len(text), 4) for piece in reading.feed(text[at : at + 4])]
    assert reading.finish().tool_calls or kind == "text"
    assert sum(read) <= 6 * len(text)
    at_once = parser.incremental().feed(text)
    assert size_of(shown) > 0.7 * size_of(at_once), "too little was shown while the text grew"


def size_of(pieces: Iterable[Piece]) -> int:
    return sum(len(piece.text) for piece in pieces if piece.kind != "call")


@pytest.mark.parametrize("kind", ["huge", "cut", "calls", "broken", "text"])
@pytest.mark.parametrize(
    "name", [pytest.param(name, id=f"{kind}-{name}") for kind, name in by_class().items()]
)
def test_whole_calls(name: str, kind: str) -> None:
    parse = ak.parsers.get_parser(name).parse
    assert_linear(
        lambda size: partial(parse, whole_calls(name, size)[kind]), MANY, MORE, factor=20, what=kind
    )


class Counted(str):
    """A text that counts the characters that are copied from it and from its parts."""

    def __new__(cls, text: str, copied: list[int]) -> Counted:
        made = super().__new__(cls, text)
        made.copied = copied
        return made

    copied: list[int]
    """The length of each copy."""

    def __getitem__(self, key: SupportsIndex | slice) -> Counted:
        part = super().__getitem__(key)
        self.copied.append(len(part))
        return Counted(part, self.copied)


@pytest.mark.parametrize("kind", ["huge", "cut", "calls", "broken", "text"])
@pytest.mark.parametrize(
    "name", [pytest.param(name, id=f"{kind}-{name}") for kind, name in by_class().items()]
)
def test_no_call_copies_the_rest_of_the_text(name: str, kind: str) -> None:
    """Which a clock tells only in texts of very many calls."""
    copied: list[int] = []
    text = whole_calls(name, WHOLE)[kind]
    found = ak.parsers.get_parser(name).parse(Counted(text, copied))
    assert found == ak.parsers.get_parser(name).parse(text)
    assert sum(copied) < 20 * len(text)  # a copy of the rest at each call comes to hundreds


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_calls_cut_inside_a_value(name: str) -> None:
    head, value, _ = WRITTEN[name].write([("f", {"a": "vvv"})]).partition("vvv")
    assert value
    for unit in [*ANYWHERE, *QUOTED]:
        assert_linear_in(lambda text: ak.parsers.get_parser(name).parse(head + text), unit)


@pytest.mark.parametrize("name", sorted(REASONING))
def test_reasoning(name: str) -> None:
    parse = ak.parsers.get_reasoning_parser(name).parse
    for unit in ANYWHERE:
        assert_linear_in(parse, unit)
    for unit in THINKING:
        assert_linear_in(parse, unit, 100_000, 400_000)


@pytest.mark.parametrize(
    "unit", ["<", "<|", "[", "{", "<tool_call>", '{"name": "f"', "<｜tool", "functools", "a "]
)
def test_markers(unit: str) -> None:
    assert_linear_in(ak.parsers.has_call_markup, unit)
    assert_linear_in(ak.parsers.detect, unit)


def test_a_name_that_is_full_of_namespaces_is_read_in_linear_time() -> None:
    tools = KnownTools(["tide"])
    assert_linear(lambda n: lambda: read_name("a.b:c/" * n, tools), 20_000, 160_000)
    assert read_name(f"{'a.b:c/' * 1000}tide", tools)[0] == "tide"
