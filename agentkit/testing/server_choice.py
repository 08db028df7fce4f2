"""What `serve` is: the choice of the server that stands in for a real one."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any, Literal, overload

from agentkit.errors import UsageError, checked_keywords, suggest
from agentkit.testing.faults.catalogue import find_faults
from agentkit.testing.replay.replay_server import ReplayServer
from agentkit.testing.server.recorded import is_recorded
from agentkit.testing.server.reference_server import MANNERS, ReferenceServer
from agentkit.types.words import type_in_words

Manners = Literal["openai", "anthropic", "vllm", "sglang"]


@overload
def serve(*, record: Any, paced: bool = False) -> ReplayServer: ...
@overload
def serve(
    script: Any,
    manner: Manners = "openai",
    faults: Iterable[str] | str = (),
    *,
    model: str | Iterable[str] | None = None,
    key: str | None = None,
    tool_parser: bool = True,
    context: int = 32_768,
    rate: float = 1.0,
    seed: int = 0,
    turn: int | Collection[int] | None = None,
    latency: float = 0.0,
    pace: float = 0.0,
    store: bool | None = None,
) -> ReferenceServer: ...
@checked_keywords
def serve(
    script: Any = None,
    manner: Manners = "openai",
    faults: Iterable[str] | str = (),
    *,
    record: Any = None,
    paced: bool = False,
    model: str | Iterable[str] | None = None,
    key: str | None = None,
    tool_parser: bool = True,
    context: int = 32_768,
    rate: float = 1.0,
    seed: int = 0,
    turn: int | Collection[int] | None = None,
    latency: float = 0.0,
    pace: float = 0.0,
    store: bool | None = None,
) -> ReferenceServer | ReplayServer:
    """Make a server on loopback that answers from a script, or from a record; it listens inside a
    `with` (or `async with`) block.

    With `record=` it answers an agent as it was answered when it was recorded, found by request:
    see `ReplayServer`. All that follows is about scripts.

    The same request gets the same answer, ids included, at every run. An answer is sent whole:
    `max_tokens`, `stop` and the sampling of the request change nothing in what the script answers.
    The module of each manner lists what was captured and what is constructed, and so does the
    `source` of each fault.

    Args:
        script: as for `ScriptedServer`: a function of the messages, or a list of answers in the
            order of the requests (see also `by_turn`);
            or recorded rollouts (a trajectory, a list of them, the path of a cassette), which are
            played byte for byte. A function runs in the server's own thread and holds up all its
            requests.
        manner: whose form the answers have. Each answers in the dialect it is asked in: OpenAI Chat
            Completions and Responses, Anthropic Messages, vLLM and SGLang all three.
        faults: names of `faults()`, or divergence classes, that are switched on.
        record: the file that `ak.watch(…, record=…)` wrote, a tap or its flows, or recorded
            rollouts; goes with `paced` alone.
        paced: answers of a record come as late as they were recorded, piece by piece.
        model: the name, or names, it serves; None for any.
        key: the API key it asks for; None for none.
        tool_parser: started with a tool-call parser; without one vLLM refuses tools, and SGLang
            leaves calls as text.
        context: most tokens of a prompt.
        rate: share of the answers that are faulty, chosen by `seed` and the request.
        seed: another seed chooses other answers, and other ids.
        turn: only answers of this turn, or these, counting from 0, are faulty.
        latency: seconds before an answer.
        pace: seconds between the pieces of a stream.
        store: whether Responses answers are kept, so that `previous_response_id` finds them; None:
            as that kind of server does by itself (vLLM does not).

    Raises:
        NotFound: no fault has this name.
        UsageError: there is no such manner, it is no script, or a setting cannot be used.

    >>> with serve(["It is cold."], manner="vllm", faults=["markup_leak"]) as server:
    ...     [fault.name for fault in server.faults]
    ['markup_leak']
    """
    if record is not None:
        own = (manner, faults, model, key, tool_parser, context, rate, seed, turn, latency, pace)
        if script is not None or (*own, store) != _PLAIN:
            raise UsageError("a record is played as it is", hint="record= goes with paced= alone")
        return ReplayServer(record, paced=paced)
    if manner not in MANNERS:
        raise UsageError(
            f"no manner is named {manner!r}",
            hint=suggest(manner, MANNERS, f"choose one of: {', '.join(MANNERS)}"),
        )
    _check_numbers(rate=rate, latency=latency, pace=pace, context=context)
    _check_script(script)
    models = None if model is None else (model,) if isinstance(model, str) else tuple(model)
    turns = None if turn is None else (turn,) if isinstance(turn, int) else tuple(turn)
    return ReferenceServer(
        script,
        MANNERS[manner](),
        find_faults(faults),
        models=models,
        key=key,
        tool_parser=tool_parser,
        context=context,
        rate=rate,
        seed=seed,
        turns=turns,
        latency=latency,
        pace=pace,
        store=store,
    )


_PLAIN = ("openai", (), None, None, True, 32_768, 1.0, 0, None, 0.0, 0.0, None)
"""The settings of a script, where none is given."""


def _check_numbers(**numbers: Any) -> None:
    """Refuse settings that are no numbers, or none of their kind."""
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{name} is {value!r:.60}", hint=f"give a number: {name}=1")
        if value < (name == "context") or (name == "rate" and value > 1):
            raise UsageError(
                "rate lies between 0 and 1; latency, pace and context are not negative"
            )


def _check_script(script: Any) -> None:
    """Refuse what is no script before a request finds it out."""
    hint = (
        "a script is a list of answers, a function of the messages, or recorded rollouts; for one"
        " answer: serve(['It is cold.'])"
    )
    if isinstance(script, str) and not os.path.exists(script):
        raise UsageError(f"there is no file {script[:60]!r}", hint=hint)
    if not callable(script) and not is_recorded(script) and not isinstance(script, (list, tuple)):
        raise UsageError(f"{type_in_words(script)} is no script", hint=hint)
