"""Stand-ins for a model and its server: for tests, for teaching, and for trying a client against a
fault before it is met.

A **script** gives the model's answers: a list of answers in order, a function of the messages, or
`by_turn(...)`, which any number of conversations can play side by side. `says` writes an answer,
`calls` a tool call in it.

>>> script = by_turn(says(None, calls("get_weather", city="Oslo")), "It is cold.")

`ScriptedServer` plays a script without a network, and a `FixedClock` makes its times repeat:

>>> import agentkit as ak
>>> def get_weather(city: str) -> str:
...     "The weather in a city."
...     return f"cold in {city}"
>>> agent = ak.Agent("m", tools=[get_weather], server=ScriptedServer(script))
>>> ak.rollout(agent, "Do I need a coat in Oslo?").final
'It is cold.'

`serve` plays it over real HTTP, in the manner of OpenAI, Anthropic, vLLM or SGLang, in the dialect
it is asked in (Chat Completions, Responses, Messages), in block and streamed answers. Whatever
speaks to such a server can be tried with it, by the server's `url`; `asked` holds the requests that
came, without keys:

>>> with serve(script, manner="vllm") as server:
...     agent = ak.Agent("m", tools=[get_weather], server=server.url, stream=True)
...     rollout = ak.rollout(agent, "Do I need a coat in Oslo?")
>>> rollout.turns[0].tool_calls[0].id[:14], len(server.asked)
('chatcmpl-tool-', 2)

**Faults** are switched on by name: every problem code a server can cause, and every class of
difference between two servers. `faults()` lists them with what each is read as; `captured` tells
whether real traffic showed it, or whether it is constructed.

>>> with serve(script, manner="vllm", faults=["call_in_text"]) as server:
...     agent = ak.Agent("m", tools=[get_weather], server=server.url)
...     rollout = ak.rollout(agent, "Do I need a coat in Oslo?")
>>> [problem.code for problem in rollout.problems]
['tool_call_in_content']
>>> next(fault for fault in faults() if fault.name == "answer_in_reasoning").source
'captured: vLLM 0.32 with --reasoning-parser qwen3, an answer without a think block'

A recorded rollout is a script too: `serve("rollout.jsonl")` answers a client with the bytes that
were recorded, by prompt and turn. With `record=`, an agent that is not ours is answered by request,
from the log of a tap (`ak.watch(…, record="session.jsonl")`) or from rollouts:

>>> with serve(record=rollout) as server:
...     agent = ak.Agent("m", tools=[get_weather], server=server.url)
...     offline = ak.rollout(agent, "Do I need a coat in Oslo?")
>>> offline == rollout, server.misses, server.unused
(True, [], [])

**Injections** put the same faults between an agent and whatever server it has, and failures into
its tools: refusals, cut streams, malformed arguments, tools that raise or time out. They are
seeded, so every run meets them at the same steps; `injections()` lists them, and
`injected(rollout)` lists what was put into a rollout:

>>> agent = ak.Agent("m", tools=[get_weather], server=ScriptedServer(script))
>>> faulty = inject(agent, "tool_error", tool="get_weather")
>>> injected(ak.rollout(faulty, "Do I need a coat in Oslo?"))
[(0, 0, 'tool_error')]
"""

from agentkit.testing.faults.catalogue import faults
from agentkit.testing.faults.fault import Fault
from agentkit.testing.injection.inject import inject, injected, injections
from agentkit.testing.replay.replay_server import Miss, ReplayServer
from agentkit.testing.scripted import FixedClock, Script, ScriptedServer, by_turn, calls, says
from agentkit.testing.server.loopback import Asked
from agentkit.testing.server.reference_server import ReferenceServer
from agentkit.testing.server_choice import serve

__all__ = [
    "Asked",
    "Fault",
    "FixedClock",
    "Miss",
    "ReferenceServer",
    "ReplayServer",
    "Script",
    "ScriptedServer",
    "by_turn",
    "calls",
    "faults",
    "inject",
    "injected",
    "injections",
    "says",
    "serve",
]


def __dir__() -> list[str]:
    """List what is public, for completion."""
    return __all__
