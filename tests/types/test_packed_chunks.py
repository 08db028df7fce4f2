"""A finished stream is packed and a kept rollout is small, and nobody who looks sees a difference."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.files.cassette.json_records import from_json, to_json
from agentkit.types.record import Unknown
from agentkit.types.sequences.seconds import Seconds
from agentkit.types.wire import Chunk, Exchange, PackedChunks
from tests.benchmarks.kept_memory import run

TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
CHUNKS = st.lists(st.builds(Chunk, at=st.floats(allow_nan=False), text=TEXTS), max_size=20)


@given(CHUNKS, st.integers(-25, 25), st.slices(20))
def test_packed_chunks_are_what_a_tuple_would_be(
    chunks: list[Chunk], index: int, part: slice
) -> None:
    plain, packed = tuple(chunks), PackedChunks(chunks)
    same: list[Any] = [packed, pickle.loads(pickle.dumps(packed)), copy.deepcopy(packed)]
    for found in same:
        assert found == plain
        assert plain == found
        assert [(c.at, c.text) for c in found] == [(c.at, c.text) for c in plain]
        assert hash(found) == hash(plain)
        assert repr(found) == repr(plain)
        assert len(found) == len(plain)
        assert bool(found) == bool(plain)
        assert found[part] == plain[part]
        assert [*reversed(found)] == [*reversed(plain)]
        assert found + plain == plain + found == plain + plain
        assert found.text == "".join(chunk.text for chunk in plain)
    if -len(plain) <= index < len(plain):
        assert packed[index] == plain[index]
        assert packed[index].at == plain[index].at
    else:
        with pytest.raises(IndexError):
            packed[index]


@given(st.lists(st.floats(allow_nan=False), max_size=9), st.slices(9))
def test_seconds_are_what_a_tuple_would_be(values: list[float], part: slice) -> None:
    plain, kept = tuple(values), Seconds(values)
    assert kept == plain
    assert plain == kept
    assert hash(kept) == hash(plain)
    assert repr(kept) == repr(plain)
    assert kept[part] == plain[part]
    assert [*kept] == values
    assert pickle.loads(pickle.dumps(kept)) == plain


def test_what_packing_would_change_stays_as_it_is() -> None:
    """A time that is a whole number, and what a newer version wrote beside a piece."""
    pieces = [Chunk(at=0.1 * i, text="data: {}\n\n") for i in range(6)]
    for odd in (replace(pieces[0], at=1), replace(pieces[0], unknown=Unknown(fields={"x": 1}))):
        exchange = Exchange(chunks=(*pieces, odd))
        exchange.pack()
        assert type(exchange.chunks) is tuple
    few = Exchange(chunks=tuple(pieces[:2]))
    few.pack()
    assert type(few.chunks) is tuple


def test_a_packed_exchange_is_written_and_read_as_before() -> None:
    plain = Exchange(chunks=tuple(Chunk(at=0.1 * i, text=f"data: {i}\n\n") for i in range(9)))
    packed = replace(plain)
    packed.pack()
    assert type(packed.chunks) is PackedChunks
    assert packed == plain
    assert packed.text == plain.text
    assert packed.raw == plain.raw
    assert to_json(packed) == to_json(plain)
    assert repr(packed) == repr(plain)
    assert from_json(Exchange, to_json(packed)).chunks == plain.chunks
    assert pickle.loads(pickle.dumps(packed)).chunks == plain.chunks


def test_a_streamed_rollout_is_packed_and_reads_as_before(tmp_path: Path) -> None:
    kept = run(1, stream=True)[0]
    exchanges = [turn.response.exchange for turn in kept.turns]
    assert all(type(exchange.chunks) is PackedChunks for exchange in exchanges)
    for turn in kept.turns:
        again = ak.read_stream(tuple(turn.response.exchange.chunks), kept.spec.tools)
        assert (again.content, again.reasoning) == (turn.response.content, turn.reasoning)
        assert again.token_gaps == turn.response.token_gaps
        assert again.time_to_first_token == turn.response.time_to_first_token
    ak.save(kept, tmp_path / "kept.jsonl")
    (loaded,) = ak.load(tmp_path / "kept.jsonl", all=True)
    assert loaded == kept
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert [t.response.exchange.chunks for t in loaded.turns] == [e.chunks for e in exchanges]


@pytest.mark.slow
@pytest.mark.parametrize(("stream", "most", "number"), [(False, 30_000, 400), (True, 40_000, 40)])
def test_a_kept_rollout_of_ten_turns_is_small(stream: bool, most: int, number: int) -> None:
    """Most of a block is its own text; a stream repeats itself in every event."""
    run(4, stream)  # what is made once, for all rollouts
    gc.collect()
    tracemalloc.start()
    try:
        kept = run(number, stream)  # so many that what else happens meanwhile is little of it
        gc.collect()
        size = tracemalloc.get_traced_memory()[0] / len(kept)
    finally:
        tracemalloc.stop()
    assert size <= most
