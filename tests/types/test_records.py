"""The records themselves: documented to the last field, and what they derive from what they
hold.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import agentkit
from agentkit.files.cassette.codec import load_lines
from agentkit.files.cassette.lines import dump
from agentkit.trajectory.loop import apply, start
from agentkit.trajectory.person.by_hand import written_answer
from agentkit.types.problem import SEVERITIES, problem
from agentkit.types.record import Unknown
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import ApiError, Usage

FILES = sorted((Path(agentkit.__file__).parent / "types").glob("*.py"))


def test_the_text_of_an_error_says_what_and_the_hint() -> None:
    error = ApiError(kind="model_not_found", status=404, message="No model `m`.", hint="ask for it")
    assert str(error) == "model_not_found 404: No model `m`; ask for it"
    assert str(replace(error, message="a\nb")) == "model_not_found 404: a\nb\nask for it"
    assert str(replace(error, status=None, hint="")) == "model_not_found: No model `m`."
    assert repr(error) == "<ApiError model_not_found 404: No model `m`.>"


def is_record(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any(
        isinstance(mark, ast.Name) and mark.id == "record" for mark in node.decorator_list
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_field_is_documented(path: Path) -> None:
    bare = []
    for node in filter(is_record, ast.walk(ast.parse(path.read_text("utf-8")))):
        assert isinstance(node, ast.ClassDef)
        assert ast.get_docstring(node), node.name
        for part, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(part, ast.AnnAssign) and not (
                isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            ):
                bare.append(f"{node.name}.{ast.unparse(part.target)}")
    assert bare == []


def answered(name: str) -> Trajectory:
    """A rollout whose model has called a tool of this name."""
    function = {"name": name, "arguments": "{}"}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }
    return apply(start("go"), Answer(exchange=written_answer(message)))


def result(**fields: object) -> ToolResult:
    made = ToolResult(call_id="call_1", name="ask", status="ok", content="done")
    return replace(made, **fields)  # type: ignore[arg-type]


def test_what_a_call_left_behind_is_saved_with_it() -> None:
    inner = apply(answered("look"), Result(position=0, result=result(name="look", printed="in\n")))
    given = result(traceback="File x, line 1", printed="out\n", trajectory=inner)
    rollout = apply(answered("ask"), Result(position=0, result=given))
    lines = dump(rollout)
    (again,) = load_lines(lines)
    found = again.turns[0].results[0]
    assert found is not None
    assert (found.traceback, found.printed) == ("File x, line 1", "out\n")
    assert found.trajectory == inner
    assert found.trajectory.turns[0].tool_results[0].printed == "in\n"
    assert dump(again) == lines


def test_an_empty_result_is_written_as_before() -> None:
    rollout = apply(answered("ask"), Result(position=0, result=result()))
    data = {"call_id": "call_1", "name": "ask", "status": "ok", "content": "done"}
    assert dump(rollout)[2]["result"] == data


def test_what_is_outside_of_equality() -> None:
    assert result(printed="a", traceback="b", trajectory=answered("x")) == result()
    assert result(unknown=Unknown(fields={"a": 1})) == result()


def test_the_servers_own_total_counts_where_it_is_kept() -> None:
    usage = Usage(input_tokens=10, output_tokens=5)
    assert usage.total_tokens == usage.counted_tokens == 15
    own = replace(usage, raw={"total_tokens": 17})
    assert (own.total_tokens, own.counted_tokens) == (17, 15)
    assert replace(usage, raw={"total_tokens": True}).total_tokens == 15
    assert own == usage


def test_a_turn_knows_its_request() -> None:
    rollout = apply(answered("ask"), Result(position=0, result=result()))
    assert rollout.turns[0].request == rollout.request(0)
    assert replace(rollout.turns[0], before=None).request is None


def test_every_code_has_its_severity() -> None:
    assert problem("name_unknown", "no such tool").severity == "warning"
    assert problem("secret_redacted", "a key").severity == "info"
    assert set(SEVERITIES.values()) == {"error", "warning", "info"}
