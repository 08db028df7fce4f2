"""Sides of different dialects beside each other: what is said in other words is no difference, what
a dialect's own API never does is one, by name.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

import agentkit as ak
from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.divergence.detect import flat
from agentkit.testing import by_turn, calls, says, serve
from agentkit.testing.faults.catalogue import faults, find_faults
from agentkit.types.answer import Dialect


def get_weather(city: str) -> str:
    """Weather."""
    return f"{city}: cold"


def clock(zone: str) -> str:
    """Time."""
    return f"noon in {zone}"


DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
PROMPT = "Weather and time?"
PLAIN = by_turn(says(None, calls("get_weather", city="Oslo")), says("It is cold: 4°C."))
SPOKEN = by_turn(says("Let me see.", calls("get_weather", city="Oslo")), says("It is cold."))
THOUGHT = by_turn(
    says(
        None,
        calls("get_weather", city="Oslo"),
        calls("clock", zone="CET"),
        reasoning="I need both.",
    ),
    says("It is cold, and it is noon."),
)
CUSTOM = says(None, {"type": "custom", "custom": {"name": "run", "input": "print(1)"}})
SERVED = {
    "openai": ("chat", "responses"),
    "anthropic": ("messages",),
    "vllm": DIALECTS,
    "sglang": DIALECTS,
}
THINK = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def agent_of(url: str, dialect: Any, form: str, script: Any = None, **more: Any) -> ak.Agent:
    options = {"tools": [get_weather, clock], "retries": 0, **more}
    sampling = THINK if script is THOUGHT and dialect == "messages" else {}
    stream = form == "stream"
    return ak.Agent("m", server=url, dialect=dialect, stream=stream, sampling=sampling, **options)


def causes(found: Comparison) -> dict[str, str]:
    """What was found, folded or not: the causes by class."""
    told: dict[str, str] = {}
    for divergence, _ in flat(list(found.divergences)):
        told[divergence.class_] = f"{told.get(divergence.class_, '')} {divergence.cause}".strip()
    return told


@pytest.mark.parametrize("manner", SERVED)
@pytest.mark.parametrize("script", [PLAIN, SPOKEN], ids=["calls", "text and calls"])
def test_one_answer_in_every_dialect_and_form_has_no_difference(manner: Any, script: Any) -> None:
    with serve(script, manner=manner) as server:
        sides = {
            f"{dialect} {form}": agent_of(server.url, dialect, form)
            for dialect in SERVED[manner]
            for form in ("block", "stream")
        }
        found = ak.compare(sides, [PROMPT], progress=False)
    assert not found, found.text()


def test_servers_of_three_apis_that_say_the_same_do_not_differ() -> None:
    with serve(PLAIN, manner="openai") as one, serve(PLAIN, manner="anthropic") as other:
        sides = {
            "chat": agent_of(one.url, "chat", "block"),
            "responses": agent_of(one.url, "responses", "stream"),
            "messages": agent_of(other.url, "messages", "block"),
        }
        assert not ak.compare(sides, [PROMPT], progress=False)


@pytest.mark.parametrize("manner", ["openai", "anthropic"])
def test_reasoning_has_a_place_of_its_own_in_each(manner: Any) -> None:
    with serve(THOUGHT, manner=manner) as server:
        sides = {
            f"{dialect} {form}": agent_of(server.url, dialect, form, THOUGHT)
            for dialect in SERVED[manner]
            for form in ("block", "stream")
        }
        assert not ak.compare(sides, [PROMPT], progress=False)


def test_of_vllms_reasoning_messages_loses_the_count_and_streams_add_white_space() -> None:
    with serve(THOUGHT, manner="vllm") as server:
        sides = {
            "chat": agent_of(server.url, "chat", "block"),
            "messages": agent_of(server.url, "messages", "block", THOUGHT),
            "streamed": agent_of(server.url, "messages", "stream", THOUGHT),
        }
        found = ak.compare(sides, [PROMPT], progress=False)
    assert causes(found).keys() == {"usage", "content_form"}
    assert "messages: tokens of the reasoning are not counted apart" in causes(found)["usage"]
    assert "streamed: the content is white space" in causes(found)["content_form"]
    assert {d.severity for d in found.divergences} == {"cosmetic"}


def test_sglang_streams_messages_without_the_thinking() -> None:
    with serve(THOUGHT, manner="sglang") as server:
        agent = agent_of(server.url, "messages", "block", THOUGHT)
        found = ak.compare.stream_vs_block(agent, [PROMPT], progress=False)
    assert "stream: no reasoning" in causes(found)["reasoning_field"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_refusal_in_the_form_of_its_dialect_is_no_other_shape(dialect: Any) -> None:
    with serve(PLAIN, manner="sglang", faults=["bad_request"]) as server:
        sides = {
            "chat": agent_of(server.url, "chat", "block"),
            "other": agent_of(server.url, dialect, "block"),
        }
        found = ak.compare(sides, [PROMPT], progress=False)
    assert "error_shape" not in causes(found) or dialect == "messages"


CAUSES = {
    "call_in_deltas": ("stream_vs_block", "is streamed as 'message' and is 'function_call'"),
    "ids_differ": ("stream_identity", "the call_id of an item is another in its events"),
    "previous_calls_lost": ("history_rejected", "No tool call found"),
    "store_ignored": ("history_rejected", "by `previous_response_id` alone"),
    "item_complete_in_incomplete": ("truncation", "its last item says that it is completed"),
    "cut_completed": ("truncation", "its stream ends with response.completed"),
    "events_missing": ("stream_identity", "events are missing: none begins an output item"),
    "events_out_of_order": ("stream_identity", "events come in another order than OpenAI's"),
    "arguments_only_done": ("stream_vs_block", "the arguments of a call come whole at its end"),
    "reasoning_missing": ("reasoning_field", "no reasoning"),
    "reasoning_tokens_missing": ("usage", "tokens of the reasoning are not counted"),
    "cached_tokens_missing": ("usage", "tokens from the cache are not counted"),
    "custom_tools_dropped": ("tool_selection", "the other side calls custom tools"),
    "sequence_number_missing": ("stream_identity", "events carry no sequence_number"),
    "signature_missing": ("reasoning_roundtrip", "the thinking has no signature"),
    "signature_meaningless": ("reasoning_roundtrip", "the thinking is a random number"),
    "input_missing": ("stream_vs_block", "the input of a streamed call stays {}"),
    "block_start_missing": ("stream_identity", "events are missing: none begins a content block"),
    "blocks_out_of_order": ("stream_identity", "events come in another order than Anthropic's"),
    "usage_zero": ("usage", "no output tokens are counted, and there is output"),
    "cache_counts_missing": ("usage", "tokens from the cache are not counted"),
    "type_missing": ("stream_identity", "events have no type in their data"),
    "refused_in_block_alone": ("error_shape", "the request failed"),
}
"""By the fault of a dialect that only a comparison shows: its class, and what names it."""
STRUCK = [
    pytest.param(name, dialect, mode, id=f"{name}: {dialect} {mode}")
    for name in CAUSES
    for (fault,) in [find_faults(name)]
    for dialect in fault.dialects
    for mode in fault.modes_in(dialect)
]


def struck(
    name: str, dialect: Any, mode: str, on: tuple[str, ...], other: tuple[str, ...] = ()
) -> Comparison:
    """Compare a server that has a fault, or none, with a sound one, or with one like it."""
    (fault,) = find_faults(name)
    script: Any = THOUGHT if fault.needs == "reasoning" else PLAIN
    more: dict[str, Any] = {"chain": True} if fault.lost else {}
    if fault.needs == "custom":
        script = lambda messages: CUSTOM  # noqa: E731
        more = {"tools": [], "max_turns": 1}
    manner: Any = "openai" if dialect == "responses" else "anthropic"
    with (
        serve(script, manner=manner, faults=on) as bad,
        serve(script, manner=manner, faults=other) as good,
    ):
        sides = {
            "struck": agent_of(bad.url, dialect, mode, script, **more),
            "sound": agent_of(good.url, dialect, mode, script, **more),
        }
        return ak.compare(sides, [PROMPT], progress=False)


@pytest.mark.parametrize(("name", "dialect", "mode"), STRUCK)
def test_a_fault_of_a_dialect_is_named_by_its_cause(name: str, dialect: Any, mode: str) -> None:
    found = struck(name, dialect, mode, (name,))
    class_, words = CAUSES[name]
    assert words in causes(found).get(class_, ""), found.text()
    assert {d.at for d in found.divergences if d.class_ == class_} <= {"struck", None}


@pytest.mark.parametrize(("name", "dialect", "mode"), STRUCK)
def test_two_servers_with_one_fault_do_not_differ(name: str, dialect: Any, mode: str) -> None:
    assert not struck(name, dialect, mode, (name,), (name,))


@pytest.mark.parametrize("name", ["previous_calls_lost", "custom_tools_dropped"])
def test_a_sound_server_is_not_blamed(name: str) -> None:
    assert not struck(name, "responses", "block", ())


def test_every_fault_that_is_known_by_comparing_has_its_class() -> None:
    own = [f for f in faults() if "chat" not in f.dialects and f.divergence]
    assert {fault.name for fault in own} <= CAUSES.keys()
    assert {f.name: f.divergence for f in own} == {f.name: CAUSES[f.name][0] for f in own}


@pytest.mark.parametrize("fault", ["tool_call_in_content:hermes", "call_id", "finish_nonstandard"])
@pytest.mark.parametrize("dialect", ["responses", "messages"])
def test_a_fault_of_every_dialect_is_found_beside_sound_chat_completions(
    fault: str, dialect: Any
) -> None:
    with serve(PLAIN, manner="vllm", faults=[fault]) as bad, serve(PLAIN, manner="vllm") as good:
        sides = {
            "sound": agent_of(good.url, "chat", "block"),
            "struck": agent_of(bad.url, dialect, "block"),
        }
        found = ak.compare(sides, [PROMPT], progress=False)
    known = {"tool_call_in_content:hermes": "call_in_text", "finish_nonstandard": "finish_reason"}
    if fault == "call_id":  # each dialect has ids of its own
        assert "call_id" not in causes(found)
    else:
        assert known[fault] in causes(found)
        assert {d.at for d in found.divergences} == {"struck"}


def test_instructions_are_the_system_message_of_the_others() -> None:
    """A body that was captured has them beside its input."""
    chat = {
        "request": {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": "Hi"},
            ],
        },
        "body": {
            "choices": [
                {"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
            ]
        },
    }
    part = {"type": "output_text", "text": "Hello.", "annotations": []}
    item = {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
    responses = {
        "path": "/v1/responses",
        "request": {"model": "m", "instructions": "Be short.", "input": "Hi"},
        "body": {"object": "response", "status": "completed", "output": [item]},
    }
    other = {**chat, "request": {"model": "m", "messages": [{"role": "user", "content": "Ho"}]}}
    found = ak.compare({"chat": [other, chat], "responses": [responses]})
    assert found.unpaired == {"chat": 1}
    assert not [d for d in found.divergences if d.class_ != "usage"]


def test_a_side_on_anothers_history_is_compared_across_dialects() -> None:
    with serve(PLAIN, manner="vllm") as server:
        sides = {str(d): agent_of(server.url, d, "block") for d in DIALECTS}
        assert not ak.compare(sides, [PROMPT], history="chat", progress=False)


def test_a_recorded_side_is_compared_with_itself_in_another_dialect(tmp_path: Any) -> None:
    with serve(PLAIN, manner="vllm") as server:
        path = tmp_path / "both.jsonl"
        agent = agent_of(server.url, "responses", "stream")
        ak.rollout(ak.record(agent, path), PROMPT)
        found = ak.compare(
            {"recorded": path, "chat": agent_of(server.url, "chat", "block")},
            [PROMPT],
            progress=False,
        )
    assert not found
