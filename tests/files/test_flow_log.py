"""A flow log: what was written is what is read, byte for byte, and a bad line costs itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import CassetteError
from agentkit.files.foreign.logs.flow_log import (
    FlowReading,
    flow_line,
    head_line,
    is_flow,
    is_flow_head,
    read_flow,
)
from agentkit.types.problem import problem
from agentkit.types.wire import ApiError, Chunk, Exchange, Flow

raw_texts = st.binary(max_size=20).map(lambda raw: raw.decode(errors="surrogateescape"))
texts = st.text(max_size=12) | raw_texts | st.sampled_from(["\u2028\x85\r\n", "\ud83d", '"\\'])
words = st.text(max_size=6)
seconds = st.none() | st.floats(0, 1e9)
headers = st.lists(st.tuples(words, words), max_size=3).map(tuple)
errors = st.builds(
    ApiError, kind=words, message=words, retryable=st.booleans(), retry_after=seconds
)
chunks = st.builds(Chunk, at=st.floats(0, 1e6), text=texts)
exchanges = st.builds(
    Exchange,
    body=texts,
    status=st.none() | st.integers(100, 599),
    headers=headers,
    chunks=st.lists(chunks, max_size=3).map(tuple),
    transport_error=st.none() | errors,
    started=seconds,
    elapsed=seconds,
    by_hand=st.booleans(),
    redacted=st.booleans(),
)
flows = st.builds(
    Flow,
    number=st.integers(0, 10**9),
    label=words,
    method=st.sampled_from(["POST", "GET"]),
    path=words,
    headers=headers,
    body=texts,
    original_body=st.none() | texts,
    started=seconds,
    exchange=st.none() | exchanges,
    original_exchange=st.none() | exchanges,
    waited=seconds,
    problems=st.lists(st.builds(problem, st.just("flow_cut"), words), max_size=2).map(tuple),
)
ASKED = Flow(number=0, path="/v1/messages", body="{}", exchange=Exchange(body="{}", status=200))


@given(flows)
def test_what_was_written_is_what_is_read(flow: Flow) -> None:
    line = flow_line(flow)
    again = read_flow(line)
    assert again == flow
    assert flow_line(again) == line  # fields that are not compared are in it, too
    assert again.headers == flow.headers
    assert again.started == flow.started
    assert again.problems == flow.problems


@given(flows)
def test_a_flow_is_one_line_that_utf8_carries(flow: Flow) -> None:
    line = flow_line(flow)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert "\r" not in line
    assert read_flow(line.encode()) == flow


def test_the_form_is_plain_json() -> None:
    gzip = b"\x1f\x8b\xff".decode(errors="surrogateescape")
    streamed = Exchange(status=200, chunks=(Chunk(at=0.5, text="data: 1\n\n"),))
    flow = Flow(number=3, label="a", path="/v1/x", body=gzip, exchange=streamed)
    assert json.loads(flow_line(flow)) == {
        "number": 3,
        "label": "a",
        "path": "/v1/x",
        "body": {"base64": "H4v/"},
        "exchange": {"status": 200, "chunks": [[0.5, "data: 1\n\n"]]},
    }


def test_a_field_of_a_newer_version_stays() -> None:
    line = '{"number":1,"path":"/v1/x","body":"{}","spin":[1]}\n'
    assert json.loads(flow_line(read_flow(line))) == json.loads(line)


def test_a_head_names_the_servers_and_is_no_flow() -> None:
    head = json.loads(head_line({"": "http://localhost:8000/v1"}))
    assert head["servers"] == {"": "http://localhost:8000/v1"}
    assert is_flow_head(head)
    assert not is_flow(head)
    assert is_flow(json.loads(flow_line(ASKED)))
    assert not is_flow_head({"agentkit": 1, "kind": "rollout"})


@pytest.mark.parametrize(
    "line",
    [
        flow_line(ASKED)[:40],
        "[]",
        '"text"',
        "{}",
        '{"number":-1,"path":"/x","body":""}',
        '{"number":"0","path":"/x","body":""}',
        '{"number":0,"path":"/x","body":7}',
        '{"number":0,"path":"/x","body":{"base64":"%"}}',
        '{"number":0,"path":"/x","body":"","exchange":{"chunks":[[1]]}}',
        '{"number":0,"path":"/x","body":"","exchange":{"chunks":[["a","b"]]}}',
        '{"number":0,"path":"/x","body":"","exchange":{"chunks":7}}',
        '{"number":0,"path":"/x","body":"","exchange":[]}',
        '{"number":0,"path":"/x","body":"","started":NaN}',
        b'{"number":0,"path":"/x","body":"\xff"}',
    ],
)
def test_a_bad_line_costs_itself(line: str | bytes) -> None:
    with pytest.raises(CassetteError):
        read_flow(line)
    reading = FlowReading()
    lines = [head_line({}), flow_line(ASKED), line, flow_line(replace(ASKED, number=1))]
    assert [flow.number for flow in reading.take(lines)] == [0, 1]
    assert [problem.code for problem in reading.problems] == ["file_damaged"]
    assert "line 3" in reading.problems[0].message


def test_a_log_without_its_head_is_read() -> None:
    reading = FlowReading()
    assert list(reading.take(["", flow_line(ASKED)])) == [ASKED]
    assert reading.problems == []
    assert reading.servers == {}


def test_flows_below_another_head_are_numbered_on() -> None:
    reading = FlowReading()
    session = [head_line({"a": "http://a/v1"}), flow_line(ASKED)]
    assert [flow.number for flow in reading.take([*session, *session])] == [0, 1]
    assert reading.servers == {"a": "http://a/v1"}


def test_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    reading = FlowReading()
    head = head_line({}).replace('"version":1', '"version":2')
    assert list(reading.take([head, flow_line(ASKED)])) == [ASKED]
    assert "has version 2" in reading.problems[0].message
