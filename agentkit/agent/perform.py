"""The one seam for effects: an async function from a step to its outcome. Everything else wraps it.

    live(server, run_tool)        asks the server, runs the tools
    approving(perform, approve)   a function decides about each call before it is run
    budgeted(perform, budget)     results that are too long for the model are shortened
    redacting(perform, secrecy)   secrets are taken out of what comes

Others are `agentkit.agent.record.recorder` (every finished step is written down),
`agentkit.agent.record.player` (what was recorded, offline) and `agentkit.testing.injection.inject`
(failures on purpose).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from agentkit.agent.tools.budget import Budget
from agentkit.agent.tools.pool import tool_pool
from agentkit.agent.tools.runner import RunTool, redacted_result
from agentkit.agent.tools.tool import Tool
from agentkit.dialects.json_body import encode_json
from agentkit.dialects.responses.chain import chained, next_link
from agentkit.dialects.responses.request import new_messages
from agentkit.errors import UsageError
from agentkit.files.cassette.writer import CassetteWriter
from agentkit.files.claims import RunWriter
from agentkit.read.calls.known_tools import KnownTools
from agentkit.servers.clients import SdkClient
from agentkit.servers.model_call import Call, ChatServer, Emit, fresh
from agentkit.servers.redaction.passage import Passage
from agentkit.servers.redaction.redactor import goes_along
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.servers.redaction.withheld import carried, revealed, without_original
from agentkit.servers.retry import Blockwise, ask
from agentkit.servers.server import Server
from agentkit.servers.transport.shipment import name_of
from agentkit.trajectory.history import check_asked, fields_of
from agentkit.trajectory.person.by_hand import NOT_APPROVED, rewritten, skipped, written_result
from agentkit.trajectory.sent_history import EncodedHistory, GivenHistory
from agentkit.types.answer import ToolCall
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words


class Perform(Protocol):
    """Performs a step. `emit` takes the pieces of a streamed answer as they come."""

    def __call__(self, step: Step, emit: Emit | None = None) -> Awaitable[Outcome]: ...


def clone_of(perform: Perform) -> Perform:
    """Copy a `Perform` for another branch of a rollout: what writes a rollout down needs one for
    each, what keeps nothing of it serves all.
    """
    clone = getattr(perform, "clone", None)
    return perform if clone is None else clone()


_SAY = (
    "dbg.say('…') says what is to be answered; from the end of the rollout, or from"
    " rollout.fork(turn=1), it goes on behind that answer"
)


def live(
    server: ChatServer,
    run_tool: RunTool,
    *,
    retries: int = 0,
    withheld: Any = None,
    may_block: bool = False,
) -> Perform:
    """Ask the server and run the tools. Messages that a turn sends again are neither made nor
    encoded again.

    Args:
        retries: how often a passing failure is asked again, where the server is reached by HTTP.
        withheld: fields of the request that are sent and not shown, of a rollout that has none
            of its own with it.
        may_block: where the server refuses to stream, ask for the answer as a whole from then on.
    """
    chat = Blockwise(server) if may_block else server
    by_http = isinstance(server, (Server, SdkClient))
    encoded, sent, fixed = EncodedHistory(), GivenHistory(fresh), _SentFields(withheld)

    async def perform(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            return Result(position=step.call.position, result=await run_tool(step))
        trajectory = step.trajectory
        check_asked(trajectory, _SAY)
        fields, extra, tools = fixed.of(trajectory)
        link = next_link(trajectory)
        if trajectory.spec.chain:
            fields = chained(fields, link)
        whole = by_http and link is None
        messages = () if whole else sent.messages(trajectory)
        call = Call(
            messages=messages if link is None else new_messages(messages, link.new),
            encoded=encoded.encode(trajectory) if whole else None,
            fields=fields,
            extra_body=extra,
            tools=tools if whole else None,
            given=not whole,
            dialect=trajectory.spec.dialect,
            stream=trajectory.spec.stream,
            raw=True,  # secrets are taken out when the arguments of calls have been read
        )
        exchange = (
            await ask(chat, call, emit, retries=retries)
            if retries and by_http
            else await chat.chat(call, emit)
        )
        task = asyncio.current_task()
        if (
            task is not None and task.cancelling()
        ):  # the server would not hear of it; the step was given up all the same
            raise asyncio.CancelledError
        return Answer(exchange=exchange)

    return perform


Performs = Callable[[Trajectory, int], Perform]
"""Makes the `Perform` of one rollout, given its start and its sample index."""


@dataclass(frozen=True, slots=True)
class LivePerforms:
    """Makes the `Perform` of rollouts that ask the server and run the tools."""

    server: ChatServer
    run_tool: RunTool
    retries: int
    """How often a passing failure is asked again."""
    approve: Approve | None
    """Decides about each call, where one is given."""
    secrecy: Secrecy
    may_block: bool = False
    """Where the server refuses to stream, ask for the answer as a whole."""

    def __call__(self, trajectory: Trajectory, sample: int) -> Perform:
        perform = live(
            self.server,
            self.run_tool,
            retries=self.retries,
            withheld=trajectory.spec.withheld,
            may_block=self.may_block,
        )
        perform = redacting(perform, self.secrecy)
        return perform if self.approve is None else approving(perform, self.approve)


def redacting(perform: Perform, secrecy: Secrecy) -> Perform:
    """Clean what each step brings. A tool is run with its arguments as the model wrote them."""

    async def redacted(step: Step, emit: Emit | None = None) -> Outcome:
        if isinstance(step, ToolStep):
            if step.limit is None and without_original(step.call, redacted=_redacted(step)):
                return Result(position=step.call.position, result=redacted_result(step.call))
            if step.call.withheld is not None:
                step = replace(step, call=replace(step.call, arguments=revealed(step.call)))
            outcome = await perform(step, emit)
        else:
            passage = Passage(lambda: secrecy.redact, emit) if emit is not None else None
            outcome = await perform(step, passage)
            if passage is not None:
                passage.close()
        if isinstance(outcome, Result):
            result, arguments = secrecy.result(outcome.result), outcome.arguments
            shown = arguments if arguments is None else secrecy.data(arguments)
            if result is outcome.result and shown is arguments:
                return outcome
            return replace(outcome, result=result, arguments=shown)
        trajectory = step.trajectory
        if outcome.response is not None and outcome.response.exchange is outcome.exchange:
            return outcome  # cleaned before
        clean = secrecy.answer(trajectory.spec, outcome.exchange, len(trajectory.turns))
        return carried(clean, outcome)

    return redacted


def _redacted(step: ToolStep) -> bool:
    opened = step.trajectory.open
    response = opened.response if opened is not None else None
    return response is not None and response.exchange.redacted


class _SentFields:
    """What the requests of a rollout hold besides its messages, with what is sent and not shown;
    made anew only where it is another than before.
    """

    def __init__(self, withheld: Any) -> None:
        self._withheld = withheld
        self._spec: Spec | None = None
        self._found: tuple[dict[str, Any], dict[str, Any] | None, bytes | None] = ({}, None, None)

    def of(self, trajectory: Trajectory) -> tuple[dict[str, Any], dict[str, Any] | None, Any]:
        """Give the fields, what is merged over them, and the tools as Chat Completions has them,
        encoded.
        """
        spec, own = trajectory.spec, trajectory.open.sampling if trajectory.open else None
        if own is not None:
            return *self._made(spec, own), None
        if spec is not self._spec:
            fields, extra = self._made(spec, None)
            tools = fields.get("tools") if spec.dialect == "chat" else None
            self._spec, self._found = spec, (fields, extra, encode_json(tools) if tools else None)
        return self._found

    def _made(
        self, spec: Spec, own: dict[str, Any] | None
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        used = self._withheld if spec.withheld is None else spec.withheld
        if used is not None:
            spec, own = replace(spec, sampling=used.restored(spec.sampling)), used.restored(own)
        return fields_of(spec, own)


Wrap = Callable[[Perform, Trajectory, int], Perform]
"""Makes another `Perform` of one, for this rollout and sample index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an agent is made of. A changed copy of an agent has a changed copy of this."""

    spec: Spec
    server: ChatServer
    performs: Performs
    """How steps are performed: live, or as recorded."""
    tools: Mapping[str, Tool] = field(default_factory=dict)
    system: str | None = None
    parallel_tools: bool = True
    retries: int = 0
    wraps: tuple[Wrap, ...] = ()
    """Put around `performs`, the first one innermost."""
    writers: tuple[CassetteWriter | RunWriter, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Added to the meta of every rollout."""
    may_stream: bool = False
    """Whether the server can stream, and nobody has said whether it should."""
    secrecy: Secrecy = field(default_factory=Secrecy)
    """Keeps secrets out of what is recorded, shown and sent back."""

    def check_sent(self) -> None:
        """Make sure that there is nothing in it that no other process could go on with.

        Raises:
            UsageError: it writes to a file, or its requests hold secrets.
        """
        if self.writers:
            raise UsageError(
                f"the agent records to {self.writers[0].path.name!r}, and a file has no place in a"
                " pickle",
                hint="use the agent before ak.record; ak.rollouts takes record=",
            )
        if self.spec.withheld is not None and not goes_along.get():
            raise UsageError(
                "the requests of the agent hold a secret (extra_body= or sampling=), which goes"
                " into no pickle",
                hint="ak.Server(…, pickle_key=True) says that the agent's secrets go along",
            )

    def parts(self) -> Iterator[tuple[str, Any]]:
        """List what may not go to another process, each with its name in words."""
        yield from ((f"the tool {name!r}", tool) for name, tool in self.tools.items())
        yield "the server", self.server
        yield "approve=", getattr(self.performs, "approve", None)
        yield from ((f"what wraps its steps, {name_of(wrap)}", wrap) for wrap in self.wraps)
        yield "its meta", self.meta
        yield "how its steps are performed", self.performs


def budgeted(perform: Perform, budget: Budget) -> Perform:
    """Shorten tool results that do not fit the budget of their turn."""
    sizes: dict[int, int] = {}
    spent = 0

    async def shorten(step: Step, emit: Emit | None = None) -> Outcome:
        nonlocal spent
        outcome = await perform(step, emit)
        if isinstance(outcome, Answer):
            sizes.clear()
            spent = 0
            return outcome
        spent -= sizes.pop(outcome.position, 0)
        outcome = replace(outcome, result=budget.shortened(outcome.result, spent))
        sizes[outcome.position] = len(outcome.result.content)
        spent += sizes[outcome.position]
        return outcome

    return shorten


Approve = Callable[[ToolCall], Any]
"""Decides about a call before it runs, sync or async: True runs it, False refuses it, a dict runs
it with these arguments, a text is what the model gets in place of a result.
"""
_DECISIONS = "return True, False, a dict of arguments, or a text in place of the result"


def checked_approve(approve: Any) -> Approve | None:
    """Check what is given as `approve`.

    Raises:
        UsageError: it is not a function.
    """
    if approve is None:
        return None
    if callable(approve):
        decide: Approve = approve
        return decide
    raise UsageError(
        f"approve is {type_in_words(approve)}, not a function",
        hint="give a function of the call; names of tools to stop at belong to ak.debug(agent,"
        " prompt, approve=[names])",
    )


def approving(perform: Perform, approve: Approve) -> Perform:
    """Ask about every call that can be run before it is.

    The calls of one turn are asked about one at a time and in order, even where they run side by
    side: a person who answers at a prompt must not be asked twice at once.
    """
    turn = asyncio.Lock()

    async def approved(step: Step, emit: Emit | None = None) -> Outcome:
        if not isinstance(step, ToolStep) or not step.call.valid or step.limit is not None:
            return await perform(step, emit)
        call = step.call
        async with turn:
            decision = await _decision(approve, call)
        if decision is True:
            return await perform(step, emit)
        if isinstance(decision, Mapping):
            further = [name for name in decision if name not in (call.arguments or {})]
            KnownTools(step.trajectory.spec.tools).check_names(call.name or "", further)
            outcome = await perform(replace(step, call=rewritten(call, decision)), emit)
            changed = dict(decision)
            return replace(outcome, arguments=changed) if isinstance(outcome, Result) else outcome
        if isinstance(decision, str):
            return Result(position=call.position, result=written_result(call, decision))
        if decision is False:
            return Result(position=call.position, result=skipped(call, NOT_APPROVED))
        raise UsageError(f"approve returned {decision!r:.80} for {call.summary()}", hint=_DECISIONS)

    return approved


async def _decision(approve: Approve, call: ToolCall) -> Any:
    """Call the function in a thread of the tools' pool, so that one that waits for a person holds
    up neither the event loop nor the end of the process.
    """
    try:
        ran = await tool_pool().run(lambda: approve(call))
        if ran.error is not None:
            raise ran.error
        return await ran.value if inspect.isawaitable(ran.value) else ran.value
    except asyncio.CancelledError:
        raise
    except Exception as exc:
        exc.add_note(f"approve was asked about {call.summary()}")
        raise
    except BaseException as exc:  # SystemExit in it must not end the event loop
        raise UsageError(f"approve raised {type(exc).__name__}", hint=_DECISIONS) from exc
