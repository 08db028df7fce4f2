"""The state of a ManagedServer: read in every shape it comes in, and each fault of it told. The
nodes here are constructed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.read.managed import is_managed, read_managed
from agentkit.types.answer import Response
from agentkit.types.trajectory import Trajectory, Turn
from tests.show.render_samples import weather


class Node(BaseModel):
    full_text: str
    tokens: list[int]
    masked_tokens: list[int]
    logprobs: list[float]
    metadata: dict[str, Any] | None = None


def node(**changed: Any) -> dict[str, Any]:
    """Five prompt tokens, then five that were sampled."""
    tokens = list(range(100, 110))
    good = {
        "full_text": "What is 2+2? It is 4.",
        "tokens": tokens,
        "masked_tokens": [-100] * 5 + tokens[5:],
        "logprobs": [1.0] * 5 + [-0.5] * 5,
        "metadata": {"finish_reason": "stop"},
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not ...}


class Tensor:
    """As torch's: no sequence, but it has `tolist`."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def tolist(self) -> list[Any]:
        return self.values


def codes(state: Any, trajectory: Trajectory | None = None) -> list[str]:
    return [p.code for p in read_managed(state, trajectory).all_problems]


SHAPES: dict[str, Callable[[], Any]] = {
    "nodes": lambda: {"nodes": [node()]},
    "pydantic": lambda: {"nodes": [Node(**node())]},
    "sequences": lambda: {"sequences": {"text": node()}, "tree": {"text": node()}},
    "tree_only": lambda: {"tree": {"text": node()}, "sequences": None},
    "list": lambda: [node()],
    "one": node,
    "one_pydantic": lambda: Node(**node()),
    "object": lambda: SimpleNamespace(nodes=[SimpleNamespace(**node())]),
    "numpy": lambda: [
        node(
            tokens=np.arange(100, 110),
            masked_tokens=np.array(node()["masked_tokens"]),
            logprobs=np.array(node()["logprobs"]),
        )
    ],
    "float32": lambda: [
        node(
            logprobs=list(np.array(node()["logprobs"], dtype=np.float32)),
            tokens=list(np.arange(100, 110, dtype=np.int32)),
        )
    ],
    "tensor": lambda: [node(tokens=Tensor(list(range(100, 110))))],
    "batch": lambda: [node(tokens=np.arange(100, 110).reshape(1, 10))],
    "tuple": lambda: (node(tokens=tuple(range(100, 110))),),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_reads_the_same(shape: str) -> None:
    state = SHAPES[shape]()
    assert is_managed(state)
    found = read_managed(state)
    assert found.all_problems == ()
    assert found.nodes[0].tokens == tuple(range(100, 110))
    assert all(type(token) is int for token in found.nodes[0].tokens)
    assert (
        found.nodes[0].trained_count,
        found.nodes[0].masked_count,
        found.nodes[0].sampled_count,
    ) == (5, 5, 5)
    assert found.tree is (shape in ("sequences", "tree_only"))
    frame = ak.tokens_df(state)
    assert frame["trained"].tolist() == [False] * 5 + [True] * 5
    assert frame["logprob"].isna().tolist() == [True] * 5 + [False] * 5, (
        "the sentinel is no logprob"
    )


TOKENS = list(range(100, 110))
FAULTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("short logprobs", {"logprobs": [1.0] * 5 + [-0.5] * 3}, ["node_lengths_differ"]),
    ("long mask", {"masked_tokens": [-100] * 5 + TOKENS[5:] + [7]}, ["node_lengths_differ"]),
    ("trains on all", {"masked_tokens": TOKENS}, ["node_trains_on_prompt"]),
    (
        "trains on one of the prompt",
        {"masked_tokens": [-100] * 4 + TOKENS[4:]},
        ["node_trains_on_prompt"],
    ),
    ("no logprob was sampled", {"logprobs": [1.0] * 10}, ["node_trains_on_prompt"]),
    ("padded", {"logprobs": [1.0] * 5 + [-0.5] * 3 + [1.0] * 2}, ["node_logprobs_short"]),
    ("masked though sampled", {"masked_tokens": [-100] * 7 + TOKENS[7:]}, ["node_sampled_masked"]),
    (
        "nothing trained",
        {"masked_tokens": [-100] * 10, "logprobs": [1.0] * 10},
        ["node_trains_nothing"],
    ),
    (
        "another token",
        {"masked_tokens": [-100] * 5 + [105, 106, 3, 108, 109]},
        ["node_mask_differs"],
    ),
    (
        "zero as mask",
        {"masked_tokens": [0] * 5 + TOKENS[5:]},
        ["node_mask_differs", "node_trains_on_prompt"],
    ),
    ("positive", {"logprobs": [1.0] * 5 + [-0.5] * 4 + [0.25]}, ["node_logprob_positive"]),
    ("nan", {"logprobs": [1.0] * 5 + [-0.5] * 4 + [float("nan")]}, ["node_value_invalid"]),
    ("none", {"logprobs": [1.0] * 5 + [-0.5] * 4 + [None]}, ["node_value_invalid"]),
    ("text token", {"tokens": ["a", *TOKENS[1:]]}, ["node_value_invalid"]),
    ("not a list", {"tokens": 7}, ["node_value_invalid", "node_lengths_differ", "node_empty"]),
    ("a text", {"tokens": "abc"}, ["node_value_invalid", "node_lengths_differ", "node_empty"]),
    (
        "no mask",
        {"masked_tokens": ...},
        ["node_key_missing", "node_lengths_differ", "node_sampled_masked"],
    ),
    ("no logprobs", {"logprobs": ...}, ["node_key_missing", "node_lengths_differ"]),
    ("no tokens", {"tokens": None}, ["node_key_missing", "node_lengths_differ", "node_empty"]),
    ("empty", {"tokens": [], "masked_tokens": [], "logprobs": []}, ["node_empty"]),
    ("dummy", {"metadata": {"finish_reason": "stop", "dummy_tokens": True}}, ["node_dummy_tokens"]),
    ("dummy beside", {"dummy_tokens": True}, ["node_dummy_tokens"]),
    (
        "finish of SGLang",
        {"metadata": {"finish_reason": {"type": "length", "length": 5}}},
        ["finish_nonstandard"],
    ),
    ("no metadata", {"metadata": None}, []),
    ("no finish reason", {"metadata": {}}, []),
]


@pytest.mark.parametrize(
    ("changed", "expected"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_each_fault_is_told(changed: dict[str, Any], expected: list[str]) -> None:
    if "masked_tokens" in changed and changed["masked_tokens"] is ...:
        expected = [code for code in expected if code != "node_sampled_masked"]
    assert codes([node(**changed)]) == expected
    ak.tokens_df([node(**changed)])


def test_placeholders_are_known_without_being_named() -> None:
    """What the dummy server stores where a server gives no tokens."""
    dummy = node(
        tokens=list(range(128)), masked_tokens=[-100, *range(1, 128)], logprobs=[-0.5] * 128
    )
    found = read_managed([dummy]).nodes[0]
    assert found.dummy_tokens
    assert "node_dummy_tokens" in [p.code for p in found.problems]


def test_problems_say_where_and_how_many() -> None:
    found = read_managed([node(masked_tokens=TOKENS)]).nodes[0].problems[0]
    assert found.pointer == "/nodes/0/masked_tokens/0"
    assert "5 positions, 0 to 4" in found.message


def test_several_nodes_in_a_chat() -> None:
    other = node(
        full_text="another",
        tokens=[*TOKENS, 7],
        masked_tokens=[-100] * 10 + [7],
        logprobs=[1.0] * 10 + [-1.0],
    )
    assert codes({"nodes": [node(), other]}) == ["nodes_several"]
    assert codes({"sequences": {"a": node(), "b": other}}) == [], (
        "a tree has a node for each answer"
    )
    assert codes({"nodes": [node(), node()]}) == ["nodes_several", "nodes_repeated"]
    assert codes({"nodes": []}) == ["node_empty"]


def test_the_node_is_right_about_how_it_ended() -> None:
    said = Response(content="It is 4.", wire_content="It is 4.", finish_reason="stop")
    trajectory = replace(weather(), turns=(Turn(index=0, response=said),))
    cut = node(metadata={"finish_reason": "length"})
    assert codes({"nodes": [cut]}, trajectory) == ["node_finish_differs"]
    assert codes({"nodes": [node()]}, trajectory) == []
    result = ak.AgentResult(messages=[], trajectory=trajectory, managed_state={"nodes": [cut]})
    assert ak.tokens_df(result)["node"].tolist() == [0] * 10
    found = read_managed({"nodes": [cut]}, trajectory).nodes[0].problems[0]
    assert (found.before, found.after) == ("stop", "length")


@pytest.mark.parametrize("wrong", [{}, {"a": 1}, 3, None, "text", [], [1], object()])
def test_what_is_no_state_is_refused(wrong: Any) -> None:
    assert not is_managed(wrong)
    if wrong != [] and not isinstance(wrong, list):
        with pytest.raises(UsageError):
            read_managed(wrong)


def test_nodes_that_are_no_list_are_told() -> None:
    assert codes({"nodes": 3}) == ["node_value_invalid", "node_empty"]
