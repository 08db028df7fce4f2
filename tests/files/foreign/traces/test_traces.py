"""One constructed run, as each tracer writes it: each must open as the same rollout."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import CassetteError
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.anything import gives_only_our_errors, goes_everywhere, mutated
from tests.files.foreign.traces import trace_samples as samples


def one(value: Any) -> Trajectory:
    """Read the one rollout of a value."""
    (rollout,) = ak.load(value, all=True)
    return rollout


@pytest.mark.parametrize("name", samples.TRACES)
def test_every_tracer_tells_the_same_run(name: str, tmp_path: Path) -> None:
    rollout = one(samples.TRACES[name])
    first, last = rollout.turns
    assert [message.content for message in rollout.prompt] == [
        "You know the weather.",
        "How cold is it in Oslo?",
    ]
    assert [(call.id, call.arguments) for call in first.tool_calls] == [
        ("call_oslo", {"city": "Oslo"})
    ]
    (result,) = first.tool_results
    assert (result.content, result.status, result.elapsed) == ("-3", "ok", 3.0)
    assert result.trajectory is not None
    assert result.trajectory.final == "-3"
    assert rollout.final == last.response.content == "It is three below."
    assert rollout.spec.model == "m"
    assert (last.started, last.elapsed) == (1767225607.0, 2.0)
    goes_everywhere(rollout, tmp_path)


@pytest.mark.parametrize("name", samples.TRACES)
def test_every_form_of_a_trace_is_read(name: str, tmp_path: Path) -> None:
    rows, path = samples.TRACES[name], tmp_path / "x.data"
    whole = one(rows)
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert one(path) == whole
    path.write_text(json.dumps(rows))
    assert one(path) == whole
    assert one(json.dumps(rows).encode()) == whole


@pytest.mark.parametrize("name", samples.TRACES)
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_is_in_a_trace_nothing_but_our_errors_comes(name: str, data: Any) -> None:
    gives_only_our_errors(data.draw(mutated(samples.TRACES[name])))


@pytest.mark.parametrize("name", ["genai", "openinference", "mlflow", "langfuse", "langsmith"])
def test_tools_and_sampling_are_taken_over(name: str) -> None:
    rollout = one(samples.TRACES[name])
    assert rollout.spec.tools[0]["function"]["name"] == "weather"
    assert rollout.spec.tools[0]["function"]["parameters"] == samples.PARAMETERS
    assert rollout.spec.sampling["temperature"] == 0.5


@pytest.mark.parametrize("name", ["genai", "genai events", "logfire", "mlflow", "openllmetry"])
def test_the_word_for_the_end_is_taken_over(name: str) -> None:
    turns = one(samples.TRACES[name]).turns
    assert [turn.response.finish_reason for turn in turns] == ["tool_calls", "stop"]


def test_the_order_of_spans_does_not_matter() -> None:
    assert one(list(reversed(samples.GENAI))) == one(samples.GENAI)


def test_a_table_of_spans_is_read() -> None:
    rows = [
        {
            "name": span["name"],
            "context.span_id": span["context"]["span_id"],
            "context.trace_id": "ab",
            "parent_id": span["parent_id"],
            "start_time": span["start_time"],
            "end_time": span["end_time"],
            **{f"attributes.{key}": value for key, value in span["attributes"].items()},
        }
        for span in samples.INFERENCE
    ]
    rollout = one(pd.DataFrame(rows))  # its empty cells make floats of counts
    assert rollout.messages == one(samples.INFERENCE).messages
    assert rollout.turns[0].usage.input_tokens == 10


def test_two_traces_are_two_rollouts_and_one_session_is_one() -> None:
    other = json.loads(json.dumps(samples.GENAI).replace('"0xab"', '"0xcd"'))
    assert len(ak.load([*samples.GENAI, *other], all=True)) == 2
    first, then = copy.deepcopy(samples.GENAI[1]), copy.deepcopy(samples.GENAI[3])
    then["context"]["trace_id"] = "0xcd"
    for span in (first, then):
        span["attributes"]["gen_ai.conversation.id"] = "talk"
    rollout = one([first, then])
    assert len(rollout.turns) == 2
    assert rollout.meta["session"] == "talk"


def test_a_model_that_failed_is_an_attempt() -> None:
    failed = copy.deepcopy(samples.GENAI[1])
    del failed["attributes"]["gen_ai.output.messages"]
    failed["status"] = {"status_code": "ERROR", "description": "429 slow down"}
    (attempt,) = one([failed]).attempts
    assert attempt.error.message == "429 slow down"


def test_a_tool_that_failed_says_so() -> None:
    spans = copy.deepcopy(samples.GENAI)
    spans[-1]["status"] = {"status_code": "ERROR", "description": "no wire"}
    (result,) = one(spans).turns[0].tool_results
    assert (result.status, result.error, result.content) == ("error", "no wire", "-3")


def test_the_result_of_the_last_call_is_that_of_its_run() -> None:
    spans = [span for span in samples.GENAI if not span["context"]["span_id"].endswith("m3")]
    rollout = one(spans)
    (result,) = rollout.turns[0].tool_results
    assert result.content == "-3"
    assert rollout.stop_reason is None


def test_events_may_be_records_of_a_log_beside_the_spans() -> None:
    spans = samples.otlp(copy.deepcopy(samples.GENAI_EVENTS))
    records = []
    for span in spans["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for event in span.pop("events"):
            body = [one for one in event["attributes"] if one["key"] != "gen_ai.system"]
            record = {"traceId": "ab", "spanId": span["spanId"], "eventName": event["name"]}
            records.append({**record, "body": {"kvlistValue": {"values": body}}})
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    assert one([spans, logs]) == one(samples.TRACES["genai events otlp"])


def test_records_of_a_log_may_be_all_there_is() -> None:
    records = []
    for span in samples.GENAI_EVENTS:
        place = {"trace_id": "0xab", "span_id": span["context"]["span_id"]}
        for event in span["events"]:
            named = {"event.name": event["name"]}
            when = {"timestamp": span["start_time"]}
            records.append({**place, **when, "body": event["attributes"], "attributes": named})
    found = ak.load(records, all=True)
    assert found[0].final == "It is three below."
    assert found[0].turns[0].started == 1767225601.0


def test_what_wraps_another_call_of_a_model_is_not_read_twice() -> None:
    spans = copy.deepcopy(samples.GENAI)
    wrap = copy.deepcopy(spans[1])
    wrap["context"]["span_id"] = "0xwrap"
    spans[1]["parent_id"] = "0xwrap"
    rollout = one([*spans, wrap])
    assert len(rollout.turns) == 2
    assert rollout.meta["import"]["lost"] == {"spans around another call of a model": 1}


def test_a_conversation_at_the_span_of_an_agent_alone_is_read() -> None:
    messages = [samples._parts(message) for message in (*samples.ASKED, samples.FINAL)]
    attributes = {"pydantic_ai.all_messages": json.dumps(messages)}
    span = {**samples.GENAI[0], "attributes": attributes}
    assert one([span]).final == "It is three below."


def test_spans_without_messages_are_refused_in_one_line() -> None:
    spans = copy.deepcopy(samples.GENAI)
    for span in spans:
        for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
            span["attributes"].pop(name, None)
    with pytest.raises(CassetteError, match="trace 0 holds no messages of a model"):
        ak.load(spans)


def test_a_raw_answer_that_was_kept_is_the_exchange() -> None:
    raw = one(samples.TRACES["mlflow"]).turns[1].raw
    assert (raw["id"], raw["object"]) == ("chatcmpl-1", "chat.completion")


def test_scores_users_and_tags_go_to_the_meta() -> None:
    meta = one(samples.TRACES["mlflow"]).meta
    assert (meta["session"], meta["scores"], meta["tags"]) == (
        "talk",
        {"right": True},
        {"team": "north"},
    )
    meta = one(samples.TRACES["langfuse"]).meta
    assert (meta["session"], meta["scores"]) == ("talk", {"right": 1})


def test_an_output_that_no_model_is_known_to_have_written_is_in_the_meta() -> None:
    trace = copy.deepcopy(samples.LANGFUSE)
    del trace["observations"][3]
    assert one([trace]).meta["output"] == "It is three below."


def test_a_chain_without_a_model_is_read_by_what_it_was_given_and_gave() -> None:
    run = {
        **samples.LANGSMITH,
        "child_runs": [],
        "outputs": {"messages": [*samples.ASKED, samples.CALLED, samples.GAVE, samples.FINAL]},
    }
    rollout = one([run])
    assert rollout.final == "It is three below."
    assert rollout.turns[0].tool_results[0].content == "-3"


def test_runs_of_langsmith_may_lie_in_a_list() -> None:
    root = {**samples.LANGSMITH, "child_runs": []}
    tool = {**samples._TOOL_RUN, "child_runs": [], "parent_run_id": "root"}
    parents = {"m1": "root", "m2": "t1", "m3": "root"}
    models = [{**run, "parent_run_id": parents[name]} for name, run in samples._LLM.items()]
    assert one([root, tool, *models]) == one([samples.LANGSMITH])


def test_gemini_has_no_ids_and_goes_on_all_the_same() -> None:
    hi = {"role": "user", "parts": [{"text": "Greet."}]}
    call = {"role": "model", "parts": [{"function_call": {"name": "greet", "args": {}}}]}
    gave = {"name": "greet", "response": {"text": "Hello"}}
    result = {"role": "user", "parts": [{"function_response": gave}]}
    final = {"role": "model", "parts": [{"text": "Hello."}]}
    config = {
        "system_instruction": "Be kind.",
        "tools": [{"function_declarations": [{"name": "greet"}]}],
    }

    def observation(name: str, second: int, contents: Any, content: Any) -> Any:
        given = {"model": "gemini", "config": config, "contents": contents}
        usage = {"prompt_token_count": 9, "candidates_token_count": 2}
        output = {"content": content, "finish_reason": "STOP", "usage_metadata": usage}
        made = samples._observation(
            name, None, second, second + 1, type="GENERATION", model="gemini"
        )
        return {**made, "input": json.dumps(given), "output": json.dumps(output)}

    rollout = one([observation("a", 1, [hi], call), observation("b", 3, [hi, call, result], final)])
    assert rollout.final == "Hello."
    assert rollout.prompt[0].content == "Be kind."
    assert rollout.spec.tools[0]["function"]["name"] == "greet"
    assert rollout.turns[0].tool_results[0].content == '{"text": "Hello"}'
    assert rollout.turns[0].usage.input_tokens == 9
    assert rollout.meta["import"]["lost"] == {"ids of calls, which are numbered": 1}


def test_tools_among_the_messages_of_the_langchain_callback_are_tools() -> None:
    trace = copy.deepcopy(samples.LANGFUSE)
    for place in (1, 2, 3):
        row = trace["observations"][place]
        offered = {"role": "tool", "content": samples.TOOL}
        row["input"] = [*row["input"]["messages"], offered]
    rollout = one([trace])
    assert rollout.spec.tools == (samples.TOOL,)
    assert len(rollout.turns) == 2
