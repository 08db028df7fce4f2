"""A frame of a file is that of its rollouts, although few of their answers are read for it."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.frames import turns
from agentkit.dialects.chat.answer_out import body_events
from agentkit.dialects.codecs import CODECS
from agentkit.errors import AgentkitError
from agentkit.files.cassette import codec
from agentkit.files.cassette.index import load_all, load_all_for_rows
from agentkit.read.response import read_response
from agentkit.servers.model_call import Call, Emit
from agentkit.testing import by_turn, calls, says
from agentkit.types.answer import Dialect
from agentkit.types.record import reader_of, replace
from agentkit.types.sequences.tuple_like import TupleLike
from agentkit.types.wire import Chunk, Exchange
from tests.benchmarks.constructed_rollouts import write
from tests.benchmarks.kept_memory import run
from tests.support.dialect_answers import DIALECTS
from tests.support.examples import examples
from tests.support.growth import assert_linear
from tests.support.paths import CORPUS

LISTED = (tuple, list, TupleLike)
FRAMES = ("turns_df", "tool_calls_df", "messages_df", "problems_df")
FILES = sorted(path for path in CORPUS.rglob("*.jsonl") if path.stat().st_size < 300_000)


def differences(a: Any, b: Any, where: str = "") -> Iterator[str]:
    """Name every field of two records that differs, those that equality leaves out among them."""
    if is_dataclass(a) and type(a) is type(b):
        for field in fields(a):
            there = getattr(a, field.name), getattr(b, field.name)
            yield from differences(*there, f"{where}.{field.name}")
    elif isinstance(a, LISTED) and isinstance(b, LISTED) and len(a) == len(b):
        for at, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differences(one, other, f"{where}[{at}]")
    elif type(a) is not type(b) or a != b:
        yield where


def check(path: Path) -> int:
    """Compare frames and rollouts of a file; how many rollouts were made without reading them."""
    quick, whole = load_all_for_rows(path), load_all(path)
    made = [i for i, rollout in enumerate(quick) if reader_of(rollout) is None and rollout.turns]
    for place in made:
        assert not [*differences(quick[place], whole[place])]
    assert quick == whole
    loaded = ak.load(path, all=True)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(ak, name)(path), getattr(ak, name)(loaded))
    return len(made)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_frames_of_a_file_are_those_of_its_rollouts(path: Path, tmp_path: Path) -> None:
    """Each file of the corpus as it is, where it is a cassette, and saved anew."""
    try:
        rollouts = ak.load(path, all=True)
    except AgentkitError:
        return
    check(ak.save(rollouts, tmp_path / "saved.jsonl"))
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(ak, name)(path), getattr(ak, name)(rollouts))


def lookup(key: str) -> str:
    """Look it up."""
    return f"found {key}"


ANSWERS: dict[str, Any] = {
    "plain": says("Done", reasoning="I am done."),
    "a call": says("I look.", calls("lookup", key="a")),
    "two calls": says(None, calls("lookup", key="a"), calls("lookup", key="b")),
    "no text": says(""),
    "white space": says(" Done \n"),
    "think tags": says("<think>hm</think>Done"),
    "code": says("```json\n{}\n```"),
    "a failing call": says(None, calls("lookup", wrong=1)),
    "an unknown tool": says(None, calls("look", key="a")),
    "broken arguments": {
        "message": {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "function": {"name": "lookup", "arguments": "{"}}],
        },
        "finish_reason": "tool_calls",
    },
    "cut off": says("Do", finish_reason="length"),
    "an error": (500, "it broke"),
}
QUICK = {"plain", "a call", "two calls", "white space", "code"}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_has_problems_is_read(name: str, tmp_path: Path) -> None:
    server = ak.testing.ScriptedServer(by_turn(ANSWERS[name], "Done"))
    agent = ak.Agent("m", tools=[lookup], server=server)
    path = tmp_path / "made.jsonl"
    ak.rollouts(agent, ["go", "come"], record=path, reward=lambda t: 0.5)
    assert check(path) == (2 if name in QUICK else 0)


class Speaker(ak.testing.ScriptedServer):
    """Answers as its script says in a dialect, in a block or as a stream, which may be cut."""

    def __init__(self, script: Any, dialect: Dialect, stream: bool, cut: float = 1.0) -> None:
        super().__init__(script, dialect=dialect)
        self.streams, self.cut = stream, cut

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Give the next answer."""
        exchange = await super().chat(call)
        if not self.streams or exchange.status != 200:
            return exchange
        if self.dialect is not None and self.dialect in CODECS:
            listed = CODECS[self.dialect].events_out(read_response(exchange))
            texts = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in _finer(listed)]
        else:
            listed = list(body_events(json.loads(exchange.body), usage=True))
            texts = [f"data: {json.dumps(event)}\n\n" for event in listed] + ["data: [DONE]\n\n"]
        texts = texts[: math.ceil(self.cut * len(texts))]
        pieces = tuple(Chunk(at=0.1 * at, text=text) for at, text in enumerate(texts, 1))
        return replace(exchange, body="", chunks=pieces)


def _finer(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Cut the deltas of events into pieces of two characters."""
    number = 0
    for event in events:
        delta = event.get("delta")
        inner = delta if isinstance(delta, dict) else {}
        name = next((n for n in ("text", "thinking", "partial_json") if inner.get(n)), None)
        whole: Any = inner[name] if name else delta
        for at in range(0, len(whole), 2) if isinstance(whole, str) and whole else [None]:
            piece = event
            if at is not None:
                part: Any = whole[at : at + 2]
                piece = {**event, "delta": {**inner, name: part} if name else part}
            yield {**piece, "sequence_number": number} if "sequence_number" in event else piece
            number += 1


FORMS = [(dialect, stream) for dialect in DIALECTS for stream in (False, True)]


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize(("dialect", "stream"), FORMS)
def test_every_dialect_and_form(name: str, dialect: Dialect, stream: bool, tmp_path: Path) -> None:
    server = Speaker(by_turn(ANSWERS[name], "Done, as I was asked"), dialect, stream)
    agent = ak.Agent("m", tools=[lookup], server=server, stream=stream)
    path = tmp_path / "made.jsonl"
    ak.rollouts(agent, ["go", "come"], record=path, reward=lambda t: 0.5)
    made = check(path)
    if name in ("plain", "a call", "two calls"):
        assert made == 2


@given(
    names=st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=4),
    form=st.sampled_from(FORMS),
    cut=st.sampled_from([1.0, 1.0, 1.0, 0.9, 0.6, 0.3, 0.0]),
    policy=st.sampled_from(["normalize", "strict", "repair"]),
)
@settings(max_examples=examples(30), deadline=None)
def test_frames_of_any_rollout(
    names: list[str], form: tuple[Dialect, bool], cut: float, policy: Any
) -> None:
    """Constructed rollouts of any answers, in every dialect and form, whose streams may be cut."""
    dialect, stream = form
    server = Speaker([*(ANSWERS[name] for name in names), "Done"], dialect, stream, cut)
    agent = ak.Agent("m", [lookup], server, stream=stream, policy=policy, retries=0, max_turns=3)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "made.jsonl"
        ak.rollouts(agent, ["go"], record=path)
        check(path)


@pytest.mark.parametrize("change", ["twice", "torn", "sums", "before", "newer", "problem"])
def test_a_file_that_was_changed_is_read(change: str, tmp_path: Path) -> None:
    server = ak.testing.ScriptedServer(by_turn(ANSWERS["a call"], "Done"))
    path = tmp_path / "made.jsonl"
    ak.rollouts(ak.Agent("m", tools=[lookup], server=server), ["go"], record=path)
    lines = path.read_text().splitlines()
    end = json.loads(lines[-1])
    if change == "twice":
        lines.insert(2, lines[2])
    elif change == "torn":
        lines[2] = lines[2][:60]
    elif change == "before":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "newer":
        lines[-1] = json.dumps({**end, "new": 1})
    elif change == "sums":
        lines[-1] = json.dumps({**end, "totals": {**end["totals"], "calls": 7}})
    else:
        lines[-1] = json.dumps({**end, "totals": {**end["totals"], "problems": 1}})
    path.write_text("\n".join(lines) + "\n")
    assert check(path) == 0


@pytest.mark.parametrize("stream", [False, True])
def test_no_plain_answer_is_read_for_a_frame(
    stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ak.save(run(3, stream=stream), tmp_path / "kept.jsonl")
    monkeypatch.setattr(codec._Rollout, "_read", None)
    assert len(ak.turns_df(path)) == 30


def test_a_frame_of_a_file_keeps_no_rollout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ak.save(run(20, stream=True), tmp_path / "kept.jsonl")
    alive: list[int] = []
    rows = turns.turn_rows

    def watched(index: int, trajectory: Any) -> Any:
        alive.append(sum(type(one) is ak.Trajectory for one in gc.get_objects()))
        yield from rows(index, trajectory)

    monkeypatch.setattr(turns, "turn_rows", watched)
    assert len(ak.turns_df(path)) == 200
    assert max(alive) - min(alive) <= 3


@pytest.mark.slow
def test_a_frame_of_a_file_is_linear_in_its_rollouts(tmp_path: Path) -> None:
    def make(number: int) -> Any:
        path = ak.save(run(1, stream=False) * number, tmp_path / f"{number}.jsonl")
        return lambda: ak.turns_df(path)

    assert_linear(make, 20, 80, what="turns_df of a file")


def test_a_last_line_that_counts_nothing_wrong_is_no_problem(tmp_path: Path) -> None:
    write(path := tmp_path / "constructed.jsonl", 3)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    [*_, end] = lines
    assert end["totals"]["trouble"] == 0
    assert check(path) == 3
    end["totals"]["trouble"] = 1
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert check(path) == 2
