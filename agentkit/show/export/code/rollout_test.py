"""A whole rollout as a test that holds its cassette: each turn must be read as it was."""

from __future__ import annotations

from typing import Any

from agentkit.errors import UsageError
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
from agentkit.show.export.code.literals import lines_of, literal
from agentkit.show.export.document import Export
from agentkit.show.export.exported_call import ModelCall
from agentkit.types.trajectory import Message, Trajectory, Turn
from agentkit.types.words import count

NAME = "test_rollout.py"
_FIELDS = (
    *("asked", "finish_reason", "content", "reasoning", "calls", "recoverable", "results"),
    *("usage", "problems"),
)

_TESTS = '''\
ROLLOUT = ak.load(CASSETTE)
PLACES = [(turn, field) for turn, fields in enumerate(EXPECTED) for field in fields]


def reading(turn):
    """What a turn is read as, without what differs from one run to the next."""
    response, usage = turn.response, turn.response.usage
    said = turn.added if turn.index else (*ROLLOUT.prompt, *turn.added)
    return {
        "asked": [message.wire for message in said],
        "finish_reason": response.finish_reason,
        "content": response.content,
        "reasoning": response.reasoning,
        "calls": [(call.name, call.arguments, call.status) for call in response.tool_calls],
        "recoverable": [(call.name, call.arguments) for call in response.recoverable],
        "results": [(one.name, one.status, one.content) for one in turn.results if one],
        "usage": usage and (usage.input_tokens, usage.output_tokens),
        "problems": [problem.code for problem in response.all_problems],
    }


def test_it_has_as_many_turns_and_ends_as_it_did():
    error = ROLLOUT.error and ROLLOUT.error.kind
    assert (len(ROLLOUT.all_turns), ROLLOUT.stop_reason, error) == (len(EXPECTED), *ENDED)


@pytest.mark.parametrize(("turn", "field"), PLACES)
def test_each_turn_is_read_as_it_was(turn, field):
    assert reading(ROLLOUT.all_turns[turn])[field] == EXPECTED[turn][field], f"turn {turn}: {field}"
'''


def rollout_test(call: ModelCall) -> Export:
    """Write the test of a rollout.

    Args:
        call: a model call of it, without secrets.

    Raises:
        UsageError: no answer came in it.
    """
    trajectory = call.trajectory
    if not (trajectory.all_turns or trajectory.attempts):
        raise UsageError(
            "no answer came in this rollout, so there is none to read again",
            hint="ak.export.curl(...) sends its request",
        )
    turns = count(len(trajectory.all_turns), "turn")
    about = (
        f'"""A recorded rollout of {turns}, in its cassette: read again offline, each turn must'
        f' say the same.\n\n    pytest {NAME}      fails with the turn and the field\n"""\n\n'
    )
    named = [
        f"CASSETTE = {lines_of(cassette_text(trajectory), 0)}\n",
        f"EXPECTED = {literal(readings(trajectory), 0, 11)}\n",
        f"ENDED = {literal(_end(trajectory))}\n",
    ]
    imports = "import pytest\n\nimport agentkit as ak\n\n"
    return Export(about + imports + "\n".join(named) + _TESTS, NAME)


def _end(trajectory: Trajectory) -> tuple[str | None, str | None]:
    error = trajectory.error
    return trajectory.stop_reason, error.kind if error is not None else None


def cassette_text(trajectory: Trajectory) -> str:
    """Write the lines of a rollout's cassette."""
    return "".join(map(encode_line, dump(trajectory)))


def readings(trajectory: Trajectory) -> list[dict[str, Any]]:
    """Return the reading of each turn, in the form of the exported test."""
    prompt = trajectory.prompt
    return [_reading(turn, () if turn.index else prompt) for turn in trajectory.all_turns]


def _reading(turn: Turn, prompt: tuple[Message, ...]) -> dict[str, Any]:
    response, usage = turn.response, turn.response.usage
    values = (
        [message.wire for message in (*prompt, *turn.added)],
        response.finish_reason,
        response.content,
        response.reasoning,
        [(call.name, call.arguments, call.status) for call in response.tool_calls],
        [(call.name, call.arguments) for call in response.recoverable],
        [(one.name, one.status, one.content) for one in turn.results if one],
        usage and (usage.input_tokens, usage.output_tokens),
        [problem.code for problem in response.all_problems],
    )
    return dict(zip(_FIELDS, values, strict=True))
