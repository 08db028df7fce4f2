"""An agent: a model behind a server, tools, and how its answers are read. A rollout is what it does
with a prompt.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Self, get_args

from agentkit.agent.engine import Commit, Engine
from agentkit.agent.perform import (
    Approve,
    LivePerforms,
    Perform,
    Performs,
    Setup,
    Wrap,
    checked_approve,
    redacting,
)
from agentkit.agent.record.recorder import Recorder
from agentkit.agent.tools.budget import MAX_CALLS, checked_calls, checked_prices
from agentkit.agent.tools.call_output import note_rollout
from agentkit.agent.tools.runner import TOOL_SECONDS, Functions, tool_runner
from agentkit.agent.tools.tool import Tool, note_left_out, toolset
from agentkit.dialects.abilities import check_dialect
from agentkit.errors import UsageError, checked_keywords, suggest
from agentkit.files.cassette.writer import CassetteWriter
from agentkit.files.claims import RunWriter
from agentkit.read.calls.function_schema import shared_schemas
from agentkit.read.parsers.registry import get_parser
from agentkit.servers.clients import as_server, call_of, check_order, dialect_of, streams
from agentkit.servers.model_call import ChatServer, Emit
from agentkit.servers.redaction.known_secrets import checked_names
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.servers.server import Server
from agentkit.servers.transport.shipment import packed, unpacked, with_secrets
from agentkit.trajectory.history import given
from agentkit.trajectory.loop import checked_meta, start
from agentkit.trajectory.places import taken_up
from agentkit.trajectory.profiles import get_profile, profile_for
from agentkit.types.answer import Dialect, Policy
from agentkit.types.request import Spec
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.words import type_in_words


@checked_keywords
class Agent:
    """A model, its tools, and the server that runs it.

    Args:
        model: the name the server knows it by; None where the server serves one model and needs no
            name.
        tools: functions, or what `ak.tool` made of them. Functions run in a pool of threads, async
            ones on an event loop of their own: a client they use is made there.
        server: a base URL, an `ak.Server`, an openai client (sync, async, Azure), an anthropic
            client, or any object with an async `chat_completion(**kwargs)`.
            Without one: OPENAI_BASE_URL, else OpenAI; in Messages ANTHROPIC_BASE_URL, else
            Anthropic.
        dialect: the API to speak: `chat` (Chat Completions), `responses` (OpenAI) or `messages`
            (Anthropic). By default what the server was made for, else `chat`.
        chain: with `responses`: a request holds only what is new behind `previous_response_id`, and
            the whole history where the record is not what the server keeps, as after an edit.
        system: a system message put before every prompt that is a text.
        sampling: further fields of the request, such as `top_p`, `seed`, `logprobs`.
        profile: how the history goes back; by default what fits the server.
        parser: the tool-call format whose calls, found in text, are run; by default they are only
            listed as recoverable.
        policy: which calls may run: `strict`, `normalize` or `repair`.
        tool_timeout: seconds one tool call may run; None for no limit.
        max_calls: calls of one answer that are run; what a model wrote beyond them is answered
            with an error, and told as `calls_too_many`. None for no limit.
        parallel_tools: run the calls of one turn side by side.
        stream: ask for the answer in pieces; times to the first token and between tokens are then
            on the record. By default only `ak.debug` does, where the server can.
        prices: what a million tokens cost, as `{"input": 2.5, "cached": 1.25, "output": 10}`; it
            is kept with each rollout, whose `cost` it gives.
        retries: how often a rate limit or server error is asked again; each try is on the record.
        approve: a function, sync or async, asked about every call before it runs. It returns True
            (run it), False (refuse it), a dict (run it with these arguments) or a text (what the
            model gets in place of a result). To stop and look instead: `ak.debug(agent, prompt,
            approve=[names])`.
        keep_secrets: names of environment variables whose values are left in texts, though they
            look like secrets.

    Raises:
        UsageError: a server, tool, profile or policy that cannot be used.
    """

    _setup: Setup
    _redacts = True
    """Whether what its steps bring may hold a secret that is known here."""

    def __init__(
        self,
        model: str | None,
        tools: Iterable[Any] = (),
        server: Any = None,
        *,
        dialect: Dialect | None = None,
        chain: bool = False,
        system: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        max_turns: int | None = 30,
        extra_body: Mapping[str, Any] | None = None,
        sampling: Mapping[str, Any] | None = None,
        profile: str | None = None,
        parser: str | None = None,
        policy: Policy = "normalize",
        tool_timeout: float | None = TOOL_SECONDS,
        max_calls: int | None = MAX_CALLS,
        parallel_tools: bool = True,
        stream: bool | None = None,
        prices: Mapping[str, float] | None = None,
        retries: int = 2,
        approve: Approve | None = None,
        keep_secrets: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        functions = toolset(check_order(model, tools, server))
        own = Server(dialect=dialect, clock=clock) if server is None else server
        chat = as_server(own, clock=clock)
        body = dict(extra_body or {}) or None
        further = given(temperature=temperature, max_tokens=max_tokens, extra_body=body)
        schemas = shared_schemas(t.schema for t in functions.values())
        read = (profile, parser, policy, {**(sampling or {}), **further})
        limits = (max_turns, bool(stream), max_calls, prices)
        made = make_spec(chat, model, schemas, *read, *limits, dialect=dialect, chain=chain)
        runs = tool_runner(Functions(functions), timeout=tool_timeout, suggests=True, clock=clock)
        asks, secrecy = checked_approve(approve), Secrecy(checked_names(keep_secrets))
        perform = LivePerforms(chat, runs, retries, asks, secrecy, may_block=stream is None)
        self._setup = Setup(
            spec=secrecy.covered(made),
            server=chat,
            performs=perform,
            tools=functions,
            system=system,
            parallel_tools=parallel_tools,
            retries=retries,
            secrecy=secrecy,
            may_stream=stream is None and streams(chat),
        )

    @property
    def spec(self) -> Spec:
        """What every rollout is run with."""
        return self._setup.spec

    @property
    def server(self) -> ChatServer:
        """Where the model is asked."""
        return self._setup.server

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools by name."""
        return self._setup.tools

    @property
    def system(self) -> str | None:
        """The system message put before every prompt that is a text."""
        return self._setup.system

    @property
    def parallel_tools(self) -> bool:
        """Whether the calls of one turn run side by side."""
        return self._setup.parallel_tools

    @property
    def retries(self) -> int:
        """How often a passing failure is asked again."""
        return self._setup.retries

    def start(self, prompt: Any = None, *, meta: Mapping[str, Any] | None = None) -> Trajectory:
        """Make the trajectory of this prompt before its first turn; of a rollout, go on with it.

        Raises:
            UsageError: the prompt is neither a text nor a list of messages, or the meta no dict.
        """
        if prompt is None:
            raise UsageError("there is no prompt", hint="pass a text or a list of messages")
        more = {**self._setup.meta, **checked_meta(meta)}
        if isinstance(prompt, Trajectory):
            note_left_out(prompt.spec.tools, self.spec.tools)
            return self._setup.secrecy.changed(taken_up(prompt, self.spec, more), Trajectory())
        trajectory = start(prompt, self.spec, more)
        if self.system and isinstance(prompt, str):
            first = Message(wire={"role": "system", "content": self.system})
            trajectory = replace(trajectory, prompt=(first, *trajectory.prompt))
        return self._setup.secrecy.started(trajectory)

    def watched(self, trajectory: Trajectory) -> Trajectory:
        """Let a started trajectory ask for its answers in pieces, for somebody who watches them,
        where the server can and nothing else was asked for.
        """
        if not self._setup.may_stream:
            return trajectory
        return replace(trajectory, spec=replace(trajectory.spec, stream=True))

    def with_sample(
        self, trajectory: Trajectory, sample: int, *, meta: Mapping[str, Any] | None = None
    ) -> Trajectory:
        """Make a started trajectory one of several samples. A `seed` in the sampling goes up with
        them, so that they differ and repeat.

        Args:
            trajectory: the rollout as `start` gives it.
            sample: which sample of its prompt it is, counting from 0.
            meta: further metadata, kept with the trajectory.
        """
        spec, seed = trajectory.spec, trajectory.spec.sampling.get("seed")
        if type(seed) is int and sample:
            spec = replace(spec, sampling={**spec.sampling, "seed": seed + sample})
        more = self._setup.secrecy.data(dict(meta or {}))
        meta = {**trajectory.meta, **more, "sample": sample}
        return replace(trajectory, spec=spec, meta=meta)

    def perform(self, trajectory: Trajectory, sample: int = 0) -> Perform:
        """Make what performs the steps of one rollout. What records is outermost."""
        perform = self._setup.performs(trajectory, sample)
        for wrap in self._setup.wraps:
            perform = wrap(perform, trajectory, sample)
        if self._redacts:
            perform = redacting(perform, self._setup.secrecy)
        for writer in self._setup.writers:
            perform = Recorder(perform, writer)
        return perform

    def engine(
        self,
        trajectory: Trajectory,
        sample: int = 0,
        *,
        parallel_tools: bool | None = None,
        emit: Emit | None = None,
        commit: Commit | None = None,
    ) -> Engine:
        """Make an engine over a trajectory, ready for its next step.

        Args:
            trajectory: where it begins.
            sample: which of several samples of the prompt it is.
            parallel_tools, emit, commit: as `Engine` takes them; by default as the agent does.
        """
        engine = Engine(
            trajectory,
            self.perform(trajectory, sample),
            parallel_tools=self.parallel_tools if parallel_tools is None else parallel_tools,
            emit=emit,
            commit=commit,
            secrecy=self._setup.secrecy,
        )
        note_rollout(lambda: engine.tip)
        return engine

    def with_recorder(self, writer: CassetteWriter | RunWriter) -> Self:
        """Copy the agent, with every finished step written down, in each file only once."""
        others = (other for other in self._setup.writers if other.path != writer.path)
        return self._with(writers=(*others, writer))

    def with_meta(self, meta: Mapping[str, list[Any]]) -> Self:
        """Copy the agent, with this in the meta of every rollout, behind what an earlier copy has
        put there under the same name.
        """
        before = self._setup.meta
        added = {name: [*before.get(name, ()), *new] for name, new in meta.items()}
        return self._with(meta={**before, **added})

    def with_perform_factory(self, performs: Performs) -> Self:
        """Copy the agent, with the steps of its rollouts performed in another way than live."""
        return self._with(performs=performs)

    def with_perform(self, wrap: Wrap) -> Self:
        """Copy the agent, with every rollout's `Perform` wrapped."""
        return self._with(wraps=(*self._setup.wraps, wrap))

    def with_spec(self, spec: Spec) -> Self:
        """Copy the agent, with its rollouts run by another spec."""
        return self._with(spec=spec)

    def _with(self, **changed: Any) -> Self:
        clone = copy.copy(self)
        clone._setup = replace(self._setup, **changed)
        return clone

    def __copy__(self) -> Self:
        clone = type(self).__new__(type(self))
        vars(clone).update(vars(self))
        return clone

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        clone = type(self).__new__(type(self))
        vars(clone).update(copy.deepcopy(vars(self), memo))
        return clone

    def __reduce__(self) -> tuple[Any, ...]:
        setup = self._setup
        on_purpose = getattr(setup.server, "pickle_key", False)
        with with_secrets(on_purpose):
            setup.check_sent()
            return unpacked, (type(self), packed(self, vars(self), setup.parts))

    def __repr__(self) -> str:
        spoken = "" if self.spec.dialect == "chat" else f" speaks {self.spec.dialect}"
        return (
            f"<Agent {self.spec.model!r}{spoken} with {', '.join(self.tools) or 'no tools'} at"
            f" {self.server!r}>"
        )


def make_spec(
    server: ChatServer,
    model: Any,
    tools: tuple[dict[str, Any], ...],
    profile: str | None,
    parser: str | None,
    policy: Policy,
    sampling: dict[str, Any],
    max_turns: int | None,
    stream: bool,
    max_calls: int | None = None,
    prices: Any = None,
    dialect: Dialect | None = None,
    chain: bool = False,
) -> Spec:
    """Make what a rollout is run with, by default with the profile that fits the server.

    Args:
        server: decides the profile where none is named.
        model: the name the server knows it by.
        tools: schemas in OpenAI's format.
        profile: how the history goes back.
        parser: the format whose calls, found in text, are run.
        policy: which calls may run.
        sampling: further fields of the request.
        max_turns: model calls at most; None for no limit.
        max_calls: calls of one answer that are run at most; None for no limit.
        stream: whether answers are asked for in pieces.
        prices: what a million tokens cost, as a dict.
        dialect: the API to speak; None: the server's, else Chat Completions.
        chain: whether requests name the answer before them.

    Raises:
        UsageError: the model is no name, there is no such policy, a limit is no number, or the
            dialect cannot do what is asked for.
        NotFound: there is no such profile or parser.
    """
    if policy not in get_args(Policy):
        raise UsageError(
            f"no policy is named {policy!r}",
            hint=suggest(policy, get_args(Policy), "choose 'strict', 'normalize' or 'repair'"),
        )
    if parser is not None:
        get_parser(parser)
    chosen = profile or server.profile or profile_for(getattr(server, "url", None), model)
    spec = Spec(
        model=model,
        tools=tools,
        sampling=sampling,
        profile=get_profile(chosen).name,
        dialect=dialect_of(server, dialect),
        chain=chain,
        parser=parser,
        policy=policy,
        max_turns=checked_calls(max_turns, "max_turns") if max_turns != 0 else 0,
        max_calls=checked_calls(max_calls),
        stream=stream,
        prices=None if prices is None else checked_prices(prices),
    )
    check_dialect(spec)
    return spec


def checked(agent: Any, prompt: Any = None) -> Agent:
    """Check that it is an agent.

    Args:
        agent: what was given as one.
        prompt: what was given with it.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(agent, Agent):
        return agent
    if isinstance(prompt, Agent):
        raise UsageError(
            f"the agent and the prompt have changed places: the agent is {type_in_words(agent)}",
            hint="the agent comes first: ak.rollout(agent, prompt)",
        )
    raise UsageError(
        f"the agent is {type_in_words(agent)}", hint=f"make one: {call_of(server=agent)}"
    )
