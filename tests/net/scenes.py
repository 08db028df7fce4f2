"""Rollouts, debuggers and comparisons, made by public names alone.

The agents are scripted with a clock that repeats, so that each looks the same at every run.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import agentkit as ak
from agentkit.testing import FixedClock, ScriptedServer, by_turn, calls, says
from tests.support.paths import CORPUS

CASSETTES = CORPUS / "cassettes" / "version_1"
START = 1_700_000_000.0


def double(n: int) -> dict[str, int]:
    """Double it.

    Args:
        n: the number
    """
    return {"twice": 2 * n}


def fail(n: int) -> int:
    """Fail."""
    raise LookupError(f"no {n}")


# its traceback is shown: the same on every machine
fail.__code__ = fail.__code__.replace(co_filename="scenes.py", co_firstlineno=29)


TWO = says("both", calls("double", n=1), calls("double", n=2), reasoning="two at once")
BROKEN_CALL = {"type": "function", "function": {"name": "double", "arguments": '{"n": 1'}}
PREFIXED = {"name": "functions.double", "arguments": {"n": "4"}}
BROKEN = says(None, BROKEN_CALL, calls("nosuch", a=1), {"type": "function", "function": PREFIXED})
FOUND = says(
    'Let me see. <tool_call>{"name": "double", "arguments": {"n": 5}}</tool_call>',
    calls("double", n=3),
)
REFUSED = (429, {"error": {"message": "slow down", "type": "rate_limit_error"}})
TOO_LONG = (
    400,
    {
        "object": "error",
        "message": "This model's maximum context length is 2048 tokens.",
        "type": "BadRequestError",
        "code": 400,
    },
)
HOSTILE = "<script>fired()</script> </style><b>bold</b> \x1b[31m\u202etxt $x^2$ `tick` & \ud83d"


def agent(*script: Any, **options: Any) -> ak.Agent:
    clock = FixedClock(start=START)
    server = ScriptedServer(list(script), clock=clock)
    return ak.Agent(
        "m", [double, fail], server=server, clock=clock, parallel_tools=False, **options
    )


def debugger(*script: Any, prompt: Any = "go", approve: Any = (), **options: Any) -> ak.Debugger:
    return ak.debug(agent(*script, **options), prompt, approve=approve)


def stepped(steps: int, *script: Any, **options: Any) -> ak.Debugger:
    """A debugger that was stepped so often."""
    dbg = debugger(*script, **options)
    for _ in range(steps):
        dbg.step()
    return dbg


def used() -> ak.Debugger:
    """A debugger with branches, breakpoints, and a call in its text."""
    dbg = debugger(TWO, "first", "second", "third", FOUND)
    dbg.run()
    dbg.edit(turn=0, call=1, result="nothing")
    dbg.run()
    dbg.rerun()
    dbg.switch("main")
    dbg.breakpoints.add(ak.break_on.tool("double") & ak.break_on.problem("arguments_truncated"))
    dbg.breakpoints.add(ak.break_on.turn(5) | ak.break_on.tool_error("fail"))
    return dbg


def held() -> ak.Debugger:
    """A debugger that a breakpoint has stopped."""
    dbg = debugger(TWO, "done")
    dbg.run(until=ak.break_on.tool("double"))
    return dbg


def approving() -> ak.Debugger:
    dbg = debugger(TWO, "done", approve=["double"])
    dbg.run()
    return dbg


def back() -> ak.Debugger:
    """A debugger that has gone back, and so plays what was recorded."""
    dbg = debugger(TWO, "done")
    dbg.run()
    return dbg.goto(0)


def said() -> ak.Debugger:
    dbg = debugger(TWO, "done", "more")
    dbg.run()
    return dbg.say("And now?")


def changed() -> ak.Debugger:
    """A debugger with calls that a person changed, adopted, answered and skipped."""
    dbg = stepped(1, FOUND, "done")
    dbg.pending.change(0, {"n": 7})
    dbg.pending.adopt(0)
    dbg.pending.answer(0, {"twice": "by hand"})
    dbg.pending.skip(0)
    return dbg


def calm() -> ak.Trajectory:
    """A rollout in which nothing is wrong."""
    return ak.rollout(
        agent(TWO, "Two and four."), "Double one and two.", meta={"task": "sums", "reward": 1.0}
    )


def troubled() -> ak.Trajectory:
    """A rollout with a failed request, broken calls, a failing tool, and an answer that is cut."""
    dbg = debugger(
        REFUSED,
        BROKEN,
        says(None, calls("fail", n=1)),
        says("cut", finish_reason="length"),
        retries=0,
    )
    dbg.step()
    dbg.run()
    return dbg.trajectory


def hostile() -> ak.Trajectory:
    return ak.rollout(
        agent(says(HOSTILE, calls("double", n=HOSTILE), reasoning=HOSTILE), HOSTILE), HOSTILE
    )


def batch(reward: bool = True) -> Any:
    """Four rollouts, one of which ends in an error."""

    def script(messages: list[dict[str, Any]]) -> Any:
        answers = by_turn(says(None, calls("double", n=2)), says("four", reasoning="hm"))
        return TOO_LONG if messages[0]["content"] == "long" else answers(messages)

    clock = FixedClock(start=START)
    made = ak.Agent("m", [double], server=ScriptedServer(script, clock=clock), clock=clock)
    prompts = [{"prompt": "short", "task": "a"}, {"prompt": "long", "task": "b"}]
    worth = (lambda t: 1.0 if t.final else None) if reward else None
    return ak.rollouts(made, prompts, n=2, concurrency=1, progress=False, reward=worth)


def samples() -> list[ak.Trajectory]:
    """Samples of one prompt that share a call and part."""
    ends = [("four", 1.0), ("four", 1.0), ("five", 0.0)]
    return [
        ak.rollout(
            agent(says(None, calls("double", n=2)), end), "Double two.", meta={"reward": reward}
        )
        for end, reward in ends
    ]


def weather() -> list[ak.Trajectory]:
    """Rollouts of a small model on vLLM 0.32: a wrong city, a call left in text, and a refusal."""
    found = ak.load(CASSETTES / "vllm_compare_weather.jsonl", all=True)
    return found


def of_vllm() -> Any:
    """Many rollouts of a small model on vLLM 0.32."""
    return ak.load(CASSETTES / "vllm_rollouts.jsonl", all=True)


def with_tokens() -> list[ak.Trajectory]:
    """Rollouts of a small model on vLLM 0.32 with token ids and logprobs."""
    return ak.load(CASSETTES / "vllm_tokens.jsonl", all=True)


def compared() -> Any:
    """Two servers, one of which shouts."""

    def side(end: str) -> ak.Agent:
        clock = FixedClock(start=START)
        script = by_turn(says(None, calls("double", n=len(end))), end)
        return ak.Agent("m", [double], server=ScriptedServer(script, clock=clock), clock=clock)

    sides = {"vllm": side("four"), "openai": side("FOUR!")}
    return ak.compare(sides, ["one", "two"], n=2, concurrency=1, progress=False)


def diverged(name: str) -> Any:
    """The first case of a class of the corpus of divergences."""
    path = CORPUS / "divergence" / f"{name}-constructed.json"
    return compared_case(json.loads(path.read_text("utf-8"))[0])


def compared_case(case: dict[str, Any]) -> Any:
    """The two sides of a case of the corpus of divergences, compared."""
    return ak.compare({side: rows_of(case, side) for side in ("left", "right")})


def rows_of(case: dict[str, Any], side: str) -> list[dict[str, Any]]:
    given = case[side] if isinstance(case[side], list) else [case[side]]
    return [{"request": case["request"], **row} for row in given]


def managed(**changed: Any) -> dict[str, Any]:
    """The managed state of a server: five prompt tokens, then five that were sampled."""
    tokens = list(range(100, 110))
    node = {
        "full_text": "What is 2+2? It is 4.",
        "tokens": tokens,
        "masked_tokens": [-100] * 5 + tokens[5:],
        "logprobs": [1.0] * 5 + [-0.5] * 5,
        "metadata": {"finish_reason": "stop"},
    }
    return {"nodes": [{**node, **changed}]}


class ManagedServer:
    """A server with a managed state, as trainers have."""

    def __init__(self) -> None:
        self.asked = 0

    async def chat_completion(self, **asked: Any) -> dict[str, Any]:
        self.asked += 1
        answer = says("Yes.", calls("double", n=2)) if self.asked == 1 else says("It is 4.")
        for place, call in enumerate(answer["message"].get("tool_calls", ())):
            call["id"] = f"call_{place}"
        usage = {"prompt_tokens": 5, "completion_tokens": 5}
        return {
            "id": "c",
            "object": "chat.completion",
            "model": "m",
            "choices": [{"index": 0, **answer}],
            "usage": usage,
        }

    def get_state(self) -> dict[str, Any]:
        return managed()


def looped() -> ak.AgentResult:
    loop = ak.AgentLoop(
        ManagedServer(), tools=[double], task_id="task-1", clock=FixedClock(start=START)
    )
    return asyncio.run(loop.run([{"role": "user", "content": "What is 2+2?"}]))


def first_turn() -> ak.Turn:
    return weather()[0].turns[0]


def opened(name: str) -> Any:
    """A cassette under its own name."""
    return ak.cassette.open(CASSETTES / f"{name}.jsonl")


def nothing(line: str) -> None:
    """Takes no notice of progress."""


def shrunk() -> Any:
    system = {"role": "system", "content": "Be brief. " * 20}
    long = ak.rollout(agent("cut short"), [system, {"role": "user", "content": "Hi. " * 20}])

    def is_cut(response: ak.Response) -> bool:
        return "cut" in (response.content or "")

    return ak.export.shrink(long, is_cut, lambda request: says("cut"), progress=nothing)


def watched(kind: str) -> Any:
    """The last event of a kind that a debugger told of."""
    seen: list[Any] = []
    dbg = debugger(TWO, "done")
    end = dbg.watch(seen.append)
    dbg.run()
    end()
    return [event for event in seen if type(event).__name__ == kind][-1]


def parsed(name: str, text: str) -> Any:
    return ak.parsers.get_parser(name).parse(text)


HERMES = 'Let me see. <tool_call>\n{"name": "double", "arguments": {"n": 5}}\n</tool_call>'
