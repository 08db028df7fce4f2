"""An agent: a model behind a server, tools, and how its answers are read. A rollout is what it does
with a prompt.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentkit.agent.engine import Engine
from agentkit.agent.event_loop import run
from agentkit.agent.perform import Perform, live
from agentkit.agent.record.recorder import Recording
from agentkit.agent.tools.runner import Functions, tool_runner
from agentkit.agent.tools.schema import shared_schemas
from agentkit.agent.tools.tool import toolset
from agentkit.errors import UsageError
from agentkit.files.cassette.writer import CassetteWriter
from agentkit.read.parsers.registry import get_parser
from agentkit.servers.clients import as_server
from agentkit.servers.model_call import ChatServer
from agentkit.servers.server import Server
from agentkit.trajectory.loop import start
from agentkit.trajectory.profiles import get_profile, profile_for
from agentkit.types.answer import Policy
from agentkit.types.trajectory import Message, Spec, Trajectory

Wrap = Callable[[Perform, Trajectory, int], Perform]
"""Makes another `Perform` of one: for this rollout, and its sample index."""


class Agent:
    """A model, its tools, and the server that runs it.

    Args:
        model: the name the server knows it by; None where the server serves one model and needs no
            name.
        tools: functions, or what `ak.tool` made of them.
        server: a base URL, an `ak.Server`, an openai client (sync, async, Azure), or any object
            with an async `chat_completion(**kwargs)`.
            Without one: OPENAI_BASE_URL, else OpenAI.
        system: a system message put before every prompt that is a text.
        sampling: further fields of the request, such as `top_p`, `seed`, `logprobs`.
        profile: how the history goes back; by default what fits the server.
        parser: the tool-call format whose calls, found in text, are run; by default they are only
            listed as recoverable.
        policy: which calls may run: `strict`, `normalize` or `repair`.
        tool_timeout: seconds one tool call may run.
        parallel_tools: run the calls of one turn side by side.
        stream: ask for the answer in pieces; times to the first token and between tokens are then
            on the record.
        retries: how often a rate limit or server error is asked again; each try is on the record.

    Raises:
        UsageError: a server, tool, profile or policy that cannot be used; the note says the hint.
    """

    def __init__(
        self,
        model: str | None,
        tools: Iterable[Any] = (),
        server: Any = None,
        *,
        system: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        max_turns: int | None = 30,
        extra_body: Mapping[str, Any] | None = None,
        sampling: Mapping[str, Any] | None = None,
        profile: str | None = None,
        parser: str | None = None,
        policy: Policy = "normalize",
        tool_timeout: float | None = None,
        parallel_tools: bool = True,
        stream: bool = False,
        retries: int = 2,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tools = toolset(tools)
        if (
            isinstance(server, str) and not server.strip()
        ):  # an empty setting must not become OpenAI
            raise UsageError(
                "the server is an empty text",
                hint="give its URL, as 'http://localhost:8000/v1'; None is OpenAI",
            )
        self.server: ChatServer = (
            Server(clock=clock) if server is None else as_server(server, clock=clock)
        )
        self.spec = make_spec(
            self.server,
            model,
            shared_schemas(t.schema for t in self.tools.values()),
            profile,
            parser,
            policy,
            {
                **(sampling or {}),
                **given(
                    temperature=temperature,
                    max_tokens=max_tokens,
                    extra_body=dict(extra_body or {}) or None,
                ),
            },
            max_turns=max_turns,
            stream=stream,
        )
        self.system = system
        self.parallel_tools = parallel_tools
        self.retries = retries
        self._run_tool = tool_runner(Functions(self.tools), timeout=tool_timeout, clock=clock)
        self._wrap: Wrap = lambda perform, trajectory, sample: perform
        self._writers: tuple[CassetteWriter, ...] = ()
        self._meta: dict[str, Any] = {}

    def start(self, prompt: Any = None, **meta: Any) -> Trajectory:
        """The trajectory of this prompt before its first turn.

        Raises:
            UsageError: the prompt is neither a text nor a list of messages.
        """
        if prompt is None:
            raise UsageError("there is no prompt", hint="pass a text or a list of messages")
        trajectory = start(prompt, self.spec, {**self._meta, **meta})
        if self.system and isinstance(prompt, str):
            first = Message(wire={"role": "system", "content": self.system})
            trajectory = replace(trajectory, prompt=(first, *trajectory.prompt))
        return trajectory

    def sampled(self, trajectory: Trajectory, sample: int, **meta: Any) -> Trajectory:
        """A started trajectory as one of several samples; a `seed` in the sampling goes up with
        them, so that they differ and repeat.
        """
        spec, seed = trajectory.spec, trajectory.spec.sampling.get("seed")
        if type(seed) is int and sample:
            spec = replace(spec, sampling={**spec.sampling, "seed": seed + sample})
        return replace(trajectory, spec=spec, meta={**trajectory.meta, **meta, "sample": sample})

    def perform(self, trajectory: Trajectory, sample: int = 0) -> Perform:
        """How the steps of one rollout are performed; what records is outermost, and so sees what
        the others make of an outcome.
        """
        perform = self._wrap(self.live(trajectory), trajectory, sample)
        for writer in self._writers:
            perform = Recording(perform, writer)
        return perform

    def live(self, trajectory: Trajectory) -> Perform:
        """How one rollout asks the server and runs the tools."""
        return live(self.server, self._run_tool, retries=self.retries)

    def engine(self, trajectory: Trajectory, sample: int = 0, **options: Any) -> Engine:
        """An engine over a trajectory, ready for its next step."""
        return Engine(
            trajectory,
            self.perform(trajectory, sample),
            **{"parallel_tools": self.parallel_tools, **options},
        )

    def recorded_by(self, writer: CassetteWriter) -> Agent:
        """The same agent with every finished step written down; once, however often it is asked
        for.
        """
        redact = getattr(self.server, "redact", None)
        if redact is not None:
            writer.guard(redact)
        twin = copy.copy(self)
        twin._writers = (*(other for other in self._writers if other is not writer), writer)
        return twin

    def noting(self, **meta: list[Any]) -> Agent:
        """The same agent with this in the meta of every rollout, behind what an earlier one of the
        name has put there.
        """
        twin = copy.copy(self)
        twin._meta = {
            **self._meta,
            **{name: [*self._meta.get(name, ()), *added] for name, added in meta.items()},
        }
        return twin

    def wrapped(self, wrap: Wrap) -> Agent:
        """The same agent with every rollout's `Perform` wrapped."""
        inner = self._wrap
        twin = copy.copy(self)
        twin._wrap = lambda perform, trajectory, sample: wrap(
            inner(perform, trajectory, sample), trajectory, sample
        )
        return twin

    def __repr__(self) -> str:
        return (
            f"<Agent {self.spec.model!r} with {', '.join(self.tools) or 'no tools'} at"
            f" {self.server!r}>"
        )


def given(**fields: Any) -> dict[str, Any]:
    """Those of the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def make_spec(
    server: ChatServer,
    model: Any,
    tools: tuple[dict[str, Any], ...],
    profile: str | None,
    parser: str | None,
    policy: Policy,
    sampling: dict[str, Any],
    *,
    max_turns: int | None,
    stream: bool,
) -> Spec:
    """What a rollout is run with, by default with the profile that fits the server.

    Raises:
        UsageError: the model is no name, or there is no such policy.
        NotFound: there is no such profile or parser.
    """
    if model is not None and not isinstance(model, str):
        raise UsageError(
            f"the model is a {type(model).__name__}, not a name",
            hint="ak.Agent('model-name', tools=[...], server='http://localhost:8000/v1')",
        )
    if policy not in ("strict", "normalize", "repair"):
        raise UsageError(
            f"no policy is named {policy!r}", hint="choose 'strict', 'normalize' or 'repair'"
        )
    if parser is not None:
        get_parser(parser)
    chosen = profile or server.profile or profile_for(getattr(server, "url", None), model)
    return Spec(
        model=model,
        tools=tools,
        sampling=sampling,
        profile=get_profile(chosen).name,
        parser=parser,
        policy=policy,
        max_turns=max_turns,
        stream=stream,
    )


def checked(agent: Any) -> Agent:
    """The agent itself.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(agent, Agent):
        raise UsageError(
            f"the agent is a {type(agent).__name__}",
            hint="make one: ak.Agent('model-name', tools=[...], server='http://localhost:8000/v1')",
        )
    return agent


def rollout(agent: Agent, prompt: Any = None, **meta: Any) -> Trajectory:
    """The trajectory of one rollout, run to its end. A failed request ends it with
    `stop_reason="error"`, and nothing is lost.

    An interrupt is raised as it is, with what had finished as its `trajectory`; to stop, look
    around and go on, use `ak.debug`.

    Raises:
        UsageError: it is not an agent, or there is no prompt.
    """
    engine = checked(agent).engine(agent.start(prompt, **meta))
    try:
        run(engine.run())
    except BaseException as exc:
        exc.trajectory = engine.trajectory  # type: ignore[attr-defined]
        exc.add_note("what had finished is kept: sys.last_value.trajectory")
        raise
    return engine.trajectory
