"""The fault this project grew from: one answer as a dict, an SDK model, an attribute object, or a
mixture of them at any level, reads the same.
"""

from __future__ import annotations

import json
from collections import OrderedDict, UserDict, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import make_dataclass
from functools import cache, partial
from keyword import iskeyword
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.completion_usage import CompletionUsage
from pydantic import BaseModel, ConfigDict

from agentkit.read.plain import WIRE_NAMES, plain
from agentkit.read.response import read_response
from agentkit.types.answer import Response
from tests.support.corpus import captured, corpus_rows

Make = Callable[[dict[str, Any]], Any]


class Extras(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


class AttributeDict(dict[str, Any]):
    def __getattr__(self, name: str) -> Any:
        return self[name]


class Asked:
    """Answers for its fields only when asked, as lazy proxies do."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_fields"][name]
        except KeyError:
            raise AttributeError(name) from None


@cache
def slotted(names: tuple[str, ...]) -> type:
    return type("Slotted", (), {"__slots__": names})


def with_slots(fields: dict[str, Any]) -> Any:
    made = slotted(tuple(fields))()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def with_properties(fields: dict[str, Any]) -> Any:
    return type(
        "Properties", (), {name: property(partial(_value, value)) for name, value in fields.items()}
    )()


def _value(value: Any, owner: object) -> Any:
    return value


def class_attributes(fields: dict[str, Any]) -> Any:
    return type("Attributes", (), dict(fields))()


@cache
def dataclass_of(names: tuple[str, ...]) -> Any:
    return make_dataclass("Fields", [(name, Any) for name in names], frozen=True, slots=True)


@cache
def tuple_of(names: tuple[str, ...]) -> Any:
    return namedtuple("Fields", names)


def sdk(kind: Any) -> Make:
    return lambda fields: kind.construct(**fields)


ANY_KEYS: dict[str, Make] = {
    "dict": dict,
    "ordered": OrderedDict,
    "proxy": MappingProxyType,
    "user dict": UserDict,
    "attribute dict": AttributeDict,
}
NAMES: dict[str, Make] = {
    "namespace": lambda fields: SimpleNamespace(**fields),
    "pydantic": lambda fields: Extras.model_construct(**fields),
    "dataclass": lambda fields: dataclass_of(tuple(fields))(**fields),
    "named tuple": lambda fields: tuple_of(tuple(fields))(**fields),
    "slots": with_slots,
}
KNOWN: dict[str, Make] = {"properties": with_properties, "asked": Asked, "class": class_attributes}
ROLES = {"choices": Choice, "message": ChatCompletionMessage, "usage": CompletionUsage}
FORMS = [*ANY_KEYS, *NAMES, *KNOWN, "sdk"]


def forms_of(fields: dict[str, Any], role: str) -> dict[str, Make]:
    """The forms an object with these fields can take."""
    forms = dict(ANY_KEYS)
    if fields and all(
        name.isidentifier() and not iskeyword(name) and not name.startswith("_") for name in fields
    ):
        forms |= NAMES
    if fields and set(fields) <= set(WIRE_NAMES):
        forms |= KNOWN
    if role in ROLES and all(isinstance(name, str) and name.isidentifier() for name in fields):
        forms["sdk"] = sdk(ROLES[role])
    return forms


def reshaped(data: Any, choose: Callable[[list[str]], str], role: str = "answer") -> Any:
    """The same data with every object in a form that is chosen for it."""
    if isinstance(data, list):
        items = [reshaped(item, choose, role) for item in data]
        return tuple(items) if choose(["list", "tuple"]) == "tuple" else items
    if not isinstance(data, dict):
        return data
    forms = forms_of(data, role)
    fields = {name: reshaped(value, choose, name) for name, value in data.items()}
    return forms[choose(list(forms))](fields)


def uniform(form: str) -> Callable[[list[str]], str]:
    """Everything in this form, as far as it can be; what cannot be is a dict, and a list."""
    return lambda offered: form if form in offered else offered[0]


def said(response: Response) -> tuple[Any, ...]:
    """What a reading says, ids and all that equality leaves out."""
    calls = [
        (call.id, call.raw_id, call.id_synthetic, call.raw_name, call.span)
        for call in (*response.tool_calls, *response.recoverable)
    ]
    return (
        response,
        calls,
        response.wire_content,
        response.model,
        list(response.token_ids),
        list(response.prompt_token_ids),
        [(p.token, repr(p.logprob), p.token_id, p.top) for p in response.logprobs],
    )


def parsed_cases() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for param in corpus_rows("response"):
        (row,) = param.values
        try:
            yield str(param.id), row, row["body"] if "body" in row else json.loads(row["text"])
        except ValueError:
            continue


CASES = list(parsed_cases())
BODIES = [
    (f"{name}: {row['case']}", {"tools": row["request"].get("tools")}, json.loads(row["body"]))
    for name in ("hermes-qwen3", "wrong-parser")
    for row in captured(name)
    if row.get("body") and row["path"].endswith("chat/completions") and len(row["body"]) < 1200
]


def read(row: dict[str, Any], answer: Any) -> Response:
    return read_response(
        answer,
        row.get("tools"),
        **{key: row[key] for key in ("policy", "parser", "turn") if key in row},
    )


@cache
def expected(name: str) -> tuple[Any, ...]:
    """What a case says as plain dicts."""
    row, body = next((row, body) for known, row, body in CASES + BODIES if known == name)
    return said(read(row, body))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_the_same(form: str) -> None:
    for name, row, body in CASES + BODIES:
        assert said(read(row, reshaped(body, uniform(form)))) == expected(name), name


def test_a_constructed_model_reads_the_same() -> None:
    for name, row, body in CASES + BODIES:
        if isinstance(body, dict) and all(field.isidentifier() for field in body):
            assert said(read(row, ChatCompletion.construct(**body))) == expected(name), name


def test_a_validated_model_reads_the_same() -> None:
    for _, row, body in BODIES:
        if "choices" in body:
            check_validated(row, body)


def check_validated(row: dict[str, Any], body: Any) -> None:
    model = ChatCompletion.model_validate(body)
    assert said(read(row, model)) == said(read(row, body))
    model.choices[0].message.tool_calls = body["choices"][0]["message"].get(
        "tool_calls"
    )  # what vLLM's ToolCallTranslator does
    assert said(read(row, model)) == said(read(row, body))


@given(st.sampled_from(CASES + BODIES), st.data())
def test_any_mixture_reads_the_same(
    case: tuple[str, dict[str, Any], Any], data: st.DataObject
) -> None:
    _, row, body = case
    seed = data.draw(st.randoms(use_true_random=False))
    assert said(read(row, reshaped(body, seed.choice))) == said(read(row, body))


def test_unset_fields_of_a_model_are_as_good_as_absent() -> None:
    body: dict[str, Any] = {
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
        ]
    }
    assert plain(ChatCompletion.construct(**body)) == body


def test_a_default_of_a_model_counts() -> None:
    class Made(BaseModel):
        id: str = "made"
        function: dict[str, Any]
        index: int | None = None

    call = Made(function={"name": "f", "arguments": "{}"})
    assert plain(call) == {"id": "made", "function": {"name": "f", "arguments": "{}"}}
    assert read_response({"role": "assistant", "tool_calls": [call]}).tool_calls[0].id == "made"


def test_objects_that_refuse_are_data() -> None:
    class Refuses:
        @property
        def choices(self) -> Any:
            raise RuntimeError("no")

    class Endless:
        def __getattr__(self, name: str) -> Any:
            return Endless()

    cycle: list[Any] = []
    cycle.append(cycle)
    for odd in (
        Refuses(),
        Endless(),
        cycle,
        object(),
        print,
        type,
        Exception("x"),
        iter([]),
        1j,
        b"\xff",
        {1: {2: 3}},
        {("a",): b"x"},
    ):
        assert read_response(odd).problems
        json.dumps(plain(odd))


def test_a_mock_gives_only_what_was_set_on_it() -> None:
    from unittest.mock import MagicMock

    answer = MagicMock()
    answer.choices = [MagicMock(finish_reason="stop")]
    answer.choices[0].message.content = "Hi"
    answer.choices[0].message.tool_calls = None
    response = read_response(answer)
    assert (response.content, response.finish_reason, response.tool_calls) == ("Hi", "stop", ())


def test_a_shared_object_is_no_cycle() -> None:
    function = SimpleNamespace(name="f", arguments="{}")
    calls = [{"id": "a", "function": function}, {"id": "b", "function": function}]
    assert [
        call.name for call in read_response({"role": "assistant", "tool_calls": calls}).tool_calls
    ] == ["f", "f"]
