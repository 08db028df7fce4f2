"""A call's arguments: the status table under every policy, and what holds for any text at all."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.read.calls.arguments import read_arguments
from agentkit.types.answer import Policy
from agentkit.types.problem import SEVERITIES
from tests.support.corpus import corpus_rows
from tests.support.growth import assert_within

RANK = {"ok": 0, "normalized": 1, "repaired": 2, "invalid": 3}
POLICIES: tuple[Policy, ...] = get_args(Policy)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), json_values, max_size=5)
near_json = st.lists(
    st.sampled_from(
        [
            *"{}[]\":,\\'`/*# \n\t\ufeff",
            '{"a": 1}',
            '"a"',
            "'a'",
            "null",
            "None",
            "True",
            "NaN",
            "1",
            "-",
            "1e9",
            "```",
            "json",
            "//",
            "/*",
            "*/",
            "</tool_call>",
            "<|im_end|>",
            "\\u",
            "\\x41",
            "\ud800",
            "\u2028",
            "word",
            "\x00",
        ]
    ),
    max_size=14,
).map("".join)


@pytest.mark.parametrize("row", corpus_rows("arguments"))
def test_status_table(row: dict[str, Any]) -> None:
    for policy in POLICIES:
        check_row(row, row["expect"], policy)


def check_row(row: dict[str, Any], expect: dict[str, Any], policy: Policy) -> None:
    read = read_arguments(row["raw"], parameters=row.get("parameters"), policy=policy, pointer="/x")
    assert read.status == expect["status"]
    assert [p.code for p in read.problems] == expect["problems"]
    runs = RANK[read.status] <= {"strict": 0, "normalize": 1, "repair": 2}[policy]
    assert read.value == (expect["value"] if runs else None)
    if not runs and expect["value"] is not None:
        assert read.suggestion is not None
    if "suggestion" in expect and (runs or read.status == "invalid"):
        assert read.suggestion == expect["suggestion"]
    if read.status == "ok":
        assert read.raw == row["raw"]


def test_a_problem_says_where_and_shows_what() -> None:
    read = read_arguments(
        '{"city": "x"}{"city": "y"}', pointer="/choices/0/message/tool_calls/0/function/arguments"
    )
    (found,) = read.problems
    assert found.pointer == "/choices/0/message/tool_calls/0/function/arguments"
    assert found.before == '{"city": "x"}{"city": "y"}'
    assert found.severity == SEVERITIES["arguments_concatenated"] == "error"


def test_a_schema_problem_points_into_the_arguments() -> None:
    (found,) = read_arguments(
        '{"city": {"a/b": 1}}',
        parameters={"properties": {"city": {"properties": {"a/b": {"type": "string"}}}}},
        pointer="/p",
    ).problems
    assert found.pointer == "/p/city/a~1b"


@pytest.mark.parametrize(
    "odd",
    [{"required": [["city"]]}, {"properties": {"city": {"required": [{}], "type": "object"}}}],
)
def test_a_schema_without_sense_proves_nothing(odd: dict[str, Any]) -> None:
    """Agents that are not ours bring schemas of any kind (constructed)."""
    read = read_arguments('{"city": {}}', parameters=odd)
    assert (read.status, read.problems) == ("ok", ())


def test_what_was_sent_as_an_object_is_shown_as_json() -> None:
    assert json.loads(read_arguments({"city": "Øslo"}).raw) == {"city": "Øslo"}


ODD = {
    "bytes": b'{"city": "Oslo"}',
    "attributes": SimpleNamespace(city="Oslo"),
    "a set": {"city": {1}},
    "an object": object(),
    "an endless integer": 10**5000,
    "an endless integer inside": {"n": 10**5000},
    "not a number": {"n": float("nan")},
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("policy", POLICIES)
def test_other_objects_never_raise(raw: Any, policy: Policy) -> None:
    read_arguments(raw, parameters=SCHEMA, policy=policy)


@given(objects)
def test_what_json_writes_is_ok_and_equal(value: dict[str, Any]) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        for policy in POLICIES:
            read = read_arguments(text, policy=policy)
            assert (read.status, read.value, read.problems) == ("ok", value, ())


odd_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud83d", "\ud83d\ude00", 10**4250, -(10**4250)]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.just("\udc00"), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(), odd_values, max_size=4),
    st.sampled_from(POLICIES),
    st.integers(0, 300),
)
def test_what_another_format_said_is_judged_as_its_json(
    value: dict[str, Any], policy: Policy, depth: int
) -> None:
    for _ in range(depth):
        value = {"a": [value]} if depth % 7 == 0 else value
    written = read_arguments(
        json.dumps(value, ensure_ascii=False), parameters=SCHEMA, policy=policy
    )
    read = read_arguments("as it stood", read=value, parameters=SCHEMA, policy=policy)
    assert read == replace(written, raw="as it stood")
    assert repr((read.value, read.suggestion)) == repr((written.value, written.suggestion))


@given(objects)
def test_what_python_writes_is_read_as_the_same_value(value: dict[str, Any]) -> None:
    value["none"] = None  # tells Python from JSON with an escape it does not know
    read = read_arguments(repr(value), policy="repair")
    assert (read.status, read.value) == ("repaired", value)


@given(objects, st.sampled_from(POLICIES), st.data())
def test_what_is_cut_never_runs(value: dict[str, Any], policy: Policy, data: st.DataObject) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value)):
        at = data.draw(st.integers(1, len(text) - 1))
        read = read_arguments(text[:at], policy=policy)
        assert read.status == "invalid"
        assert read.value is None


@given(st.one_of(st.text(), near_json), st.sampled_from(POLICIES), st.sampled_from([None, SCHEMA]))
def test_any_text_is_read(text: str, policy: Policy, parameters: dict[str, Any] | None) -> None:
    read = read_arguments(text, parameters=parameters, policy=policy)
    assert read.raw == text
    assert (read.value is not None) == (RANK[read.status] <= POLICIES.index(policy))
    assert (read.status == "ok") == all(p.code == "arguments_schema" for p in read.problems)
    assert (read.status == "invalid") == any(p.severity == "error" for p in read.problems)
    assert read == read_arguments(text, parameters=parameters, policy=policy)


@given(near_json)
def test_a_stricter_policy_runs_the_same_value_or_none(text: str) -> None:
    strict, normal, repair = (read_arguments(text, policy=policy) for policy in POLICIES)
    assert strict.status == normal.status == repair.status
    assert strict.value in (None, normal.value)
    assert normal.value in (None, repair.value)


kinds = st.sampled_from(
    [
        "object",
        "array",
        "string",
        "number",
        "integer",
        "boolean",
        "null",
        "nonsense",
        ["string", "null"],
    ]
)
schemas = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": kinds,
            "enum": st.lists(json_values, max_size=3),
            "description": st.just("x"),
            "minimum": st.just(1),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": kinds,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2),
            "additionalProperties": st.booleans() | inner,
        },
    ),
    max_leaves=8,
)
fitting = st.dictionaries(
    st.sampled_from("abcd"),
    st.integers(0, 2)
    | st.text(max_size=1)
    | st.none()
    | st.booleans()
    | st.lists(st.integers(), max_size=2)
    | st.just({"a": 1}),
)


@given(fitting, schemas)
def test_schema_problems_are_those_of_json_schema(
    value: dict[str, Any], schema: dict[str, Any]
) -> None:
    from jsonschema import SchemaError, validate
    from jsonschema.exceptions import ValidationError

    try:
        validate(value, schema)
        fits = True
    except SchemaError:
        fits = True
    except ValidationError:
        fits = False
    assert (read_arguments(json.dumps(value), parameters=schema).problems == ()) == fits


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    )
)
def test_any_value_is_read(value: Any) -> None:
    read = read_arguments(value, parameters=SCHEMA)
    assert read.status in RANK


N = 100_000
LONG = {
    "braces": "{" * N,
    "brackets": "[" * N,
    "braces and keys": '{"a":' * (N // 5),
    "quotes": '"' * N,
    "backslashes": "\\" * N,
    "backslashes in a string": '{"' + "\\" * N,
    "special tokens": "<|x|>" * N,
    "tokens before it": "<|x|>" * (N // 5) + '{"a":1}',
    "comment starts": "/*" * N,
    "comment starts inside": "{" + "/*" * N,
    "stars": "{/*" + "a*" * N,
    "slashes": "{" + "/" * N,
    "hashes": "#" * N,
    "commas": '{"a":1' + "," * N,
    "objects": "{}" * N,
    "objects and one cut": '{"a":1}' * (N // 7) + "{",
    "different objects": '{"a":1}{"b":2}' * (N // 14),
    "fences": "```" * N,
    "single quotes": "{'" + "\\'" * N,
    "escapes": '{"a":"' + "\\d" * (N // 2) + '"}',
    "control characters": '{"a":"' + "\n" * N + '"}',
    "deep": '{"a":' * (N // 5) + "1" + "}" * (N // 5),
    "spaces": " " * N + "{",
    "spaces behind": '{"a":1}' + " " * N + "!",
    "tags": "<a" * N + "{}",
    "tags behind": '{"a":1}' + "</x>" * (N // 4) + "!",
    "words": "{" + "True " * (N // 5),
    "digits": '{"a":' + "1" * N,
    "json": "json" * (N // 4) + "{}",
    "strings": "{" + '"a"' * (N // 3),
    "encoded twice": '"' + '\\"' * N + '"',
    "half pairs": '{"a":"' + "\\ud800" * (N // 6) + '"}',
    "keys twice": "{" + '"a":1,' * (N // 6) + '"a":1}',
    "a trailing comma": "{" + '"a":[1,],' * (N // 9) + "}",
    "brackets behind": "{}" + "}" * N,
    "upper-case markers": "[TOOL_CALLS" * (N // 11) + "{}",
    "byte-order marks": "\ufeff" * N + "{}",
    "minus signs": '{"a":' + "-" * N + "}",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_time_is_linear(text: str) -> None:
    assert_within(2, lambda: read_arguments(text, parameters=SCHEMA, policy="repair"))


CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("raw", "guess"),
    [
        ('{"city": "Os', {"city": "Os"}),
        ('{"city": "Oslo", "days": "3"', {"city": "Oslo", "days": 3}),
        ("<call>{city: Oslo", {"city": "Oslo"}),
        ("Oslo, please", None),
        ('{"a": ' * 400, None),
        ('{"city": "' + "x" * 20_000, None),
        ("[1, 2", None),
        ("{", None),
    ],
)
def test_a_guess_is_offered_and_never_run(raw: str, guess: dict[str, Any] | None) -> None:
    pytest.importorskip("json_repair")
    for policy in ("strict", "normalize", "repair"):
        read = read_arguments(raw, parameters=CITY, policy=policy)
        assert (read.status, read.value, read.suggestion) == ("invalid", None, guess)


def test_without_json_repair_there_is_no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    from agentkit.read.calls import tolerant_json

    monkeypatch.setattr(tolerant_json, "_repair", lambda: None)
    read = read_arguments('{"city": "Os', parameters=CITY)
    assert (read.status, read.value, read.suggestion) == ("invalid", None, None)


@given(st.text(alphabet="{}[]\",:\\'abc01 \n", max_size=200))
def test_a_guess_is_an_object_that_json_can_carry(text: str) -> None:
    suggestion = read_arguments(text).suggestion
    assert suggestion is None or json.loads(json.dumps(suggestion, allow_nan=False)) == suggestion
