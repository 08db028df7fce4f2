"""What each side did with each prompt."""

from __future__ import annotations

import agentkit as ak
from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.compare.prompt_outcomes import PromptOutcome, phrases
from agentkit.testing import ScriptedServer, calls, says
from agentkit.trajectory.loop import apply, start
from agentkit.types.steps import Answer
from agentkit.types.wire import Exchange
from tests.analysis.test_compare import agent, asks
from tests.support.paths import NOTEBOOKS

RECORDED = NOTEBOOKS / "cassettes"


def outcome(found: Comparison, prompt: int, side: str) -> PromptOutcome:
    (only,) = (o for o in found.outcomes if (o.prompt, o.side) == (prompt, side))
    return only


def recorded() -> Comparison:
    sides = {"vllm": "04_vllm_hermes_qwen3", "openai": "04_openai_shaped_constructed"}
    return ak.compare({name: str(RECORDED / f"{file}.jsonl") for name, file in sides.items()})


def test_every_prompt_is_listed_those_that_one_side_was_asked_too() -> None:
    found = recorded()
    assert [o.prompt for o in found.outcomes] == [n for n in found.asked for _ in found.sides]
    assert len(found.asked) > found.prompts, "more than were compared"
    absent = [o for o in found.outcomes if not o.samples]
    assert {o.side for o in absent} == {"openai"}
    assert all((o.state, o.did) == ("absent", "not asked") for o in absent)
    assert list(found.outcomes_df.columns)[:3] == ["prompt", "side", "samples"]
    assert len(found.outcomes_df) == len(found.outcomes)


def test_a_side_that_answers_into_its_reasoning_has_no_answer() -> None:
    found = recorded()
    broken, good = outcome(found, 2, "vllm"), outcome(found, 2, "openai")
    assert (broken.state, broken.did) == ("broken", "no answer")
    assert broken.detail == "the answer is in the reasoning, with no content"
    assert (good.state, good.did, good.detail) == ("good", "answer", "“You are welcome.”")


def test_a_call_that_was_left_in_the_text_is_no_answer() -> None:
    assert outcome(recorded(), 8, "openai").did == "call left in text"


def test_requests_that_failed_are_named() -> None:
    refused = Exchange(status=400, body='{"error": {"message": "bad"}}')
    failed = apply(start("Oslo"), Answer(exchange=refused))
    found = ak.compare({"up": ak.rollout(agent(asks()), "Oslo"), "down": failed})
    down = outcome(found, 0, "down")
    assert failed.error is not None
    assert (down.state, down.did, down.detail) == ("broken", failed.error.kind, "HTTP 400")
    assert outcome(found, 0, "up").state == "good"


def test_several_samples_are_counted() -> None:
    turns = iter([says(None, calls("weather", city="Oslo")), says("rain"), says(""), says("dry")])
    mixed = ak.Agent("m", server=ScriptedServer(lambda _: next(turns)), tools=[])
    calm = ak.Agent("m", server=ScriptedServer(lambda _: says("rain")))
    found = ak.compare({"a": mixed, "b": calm}, ["Oslo"], n=3, concurrency=1, progress=False)
    shown = outcome(found, 0, "a")
    assert shown.samples == 3
    assert shown.state != "good"
    assert "of 3" in shown.did
    assert outcome(found, 0, "b").did == "answer"


def test_a_cause_is_parted_by_side() -> None:
    found = recorded()
    for d in found.divergences:
        said = [text for side in d.sides for text in phrases(d, side)]
        assert "; ".join(f"{s}: {t}" for s in d.sides for t in phrases(d, s)) == d.cause
        assert said
