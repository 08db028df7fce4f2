"""Traffic that other tools recorded: the requests of one agent become its rollout."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import AgentkitError, CassetteError
from tests.files.foreign.logs.traffic import HAR, LITE_LLM, TRAFFIC, VCR
from tests.files.foreign.mutation import mutated


@pytest.mark.parametrize("name", TRAFFIC)
def test_requests_become_the_rollout_of_their_agent(name: str) -> None:
    (rollout,) = ak.load(json.dumps(TRAFFIC[name]), all=True)
    assert rollout.prompt[0].content == "How high is the tide in Brest?"
    called, _ = rollout.turns
    assert [(c.name, c.arguments) for c in called.tool_calls] == [("tide", {"port": "Brest"})]
    assert [result.content for result in called.tool_results] == ["6 m"]
    assert (rollout.final, rollout.spec.model) == ("Six metres.", "m")
    kept = name != "LiteLLM's spend"  # whose rows have no column for it
    assert rollout.spec.sampling == ({"temperature": 0} if kept else {})
    assert not ak.problems_df(rollout).shape[0]
    assert rollout.meta["import"]["lost"] == {}


def test_other_requests_are_left_out_and_counted() -> None:
    cassette = copy.deepcopy(VCR)
    cassette["interactions"].insert(
        0,
        {
            "request": {"method": "POST", "uri": "https://example.org/login", "body": '{"a": 1}'},
            "response": {"status": {"code": 200}, "body": {"string": "{}"}},
        },
    )
    (rollout,) = ak.load([cassette], all=True)
    assert rollout.meta["import"]["lost"] == {"requests that ask no model": 1}
    cassette["interactions"] = cassette["interactions"][:1]
    with pytest.raises(CassetteError, match="no request in it asks a model for an answer: /login"):
        ak.load([cassette])


def test_times_are_those_of_the_recording() -> None:
    (rollout,) = ak.load([HAR], all=True)
    exchange = rollout.turns[0].response.exchange
    assert (exchange.started, exchange.elapsed) == (1704067200.0, 0.25)
    (rollout,) = ak.load(LITE_LLM, all=True)
    assert rollout.turns[1].response.exchange.elapsed == 0.5


def test_no_key_of_a_url_or_a_header_is_taken_over() -> None:
    for log in (HAR, VCR):
        (rollout,) = ak.load([log], all=True)
        assert "secret" not in repr(ak.view(rollout).text())
        assert "Bearer" not in ak.view(rollout).text()


def test_a_failed_call_is_the_error_of_its_rollout() -> None:
    row = {
        **LITE_LLM[0],
        "status": "failure",
        "response": None,
        "error_str": "slow down",
        "error_information": {"error_code": "429"},
    }
    (rollout,) = ak.load([row], all=True)
    assert rollout.error is not None
    assert (rollout.error.kind, rollout.error.status) == ("rate_limited", 429)


def test_a_cassette_in_yaml_is_read(tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "cassette.yaml"
    path.write_text(yaml.safe_dump(VCR))
    (rollout,) = ak.load(path, all=True)
    assert rollout.final == "Six metres."


@given(st.data())
def test_no_log_raises_anything_but_our_errors(data: Any) -> None:
    log = data.draw(st.sampled_from(list(TRAFFIC.values())))
    broken = mutated(log, data.draw)
    try:
        for rollout in ak.load(broken if isinstance(broken, list) else [broken], all=True):
            ak.view(rollout).text()
    except AgentkitError:
        pass


def test_an_answer_whose_body_was_not_kept_is_not_called_empty() -> None:
    entry = json.loads(json.dumps(HAR["log"]["entries"][0]))
    entry["response"] = {"status": 200, "headers": [], "content": {"size": 900}}
    (rollout,) = ak.load({"log": {"entries": [entry]}}, all=True)
    (attempt,) = rollout.attempts
    assert attempt.error.message == "the record holds no body of this answer"
