"""The doctor of cassettes: each thing that keeps a rollout from being repeated is found and named,
and a sound file is called sound.
"""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import CassetteError
from agentkit.files.cassette.volatile import secrets, volatile
from agentkit.servers.redaction.secret_values import environment_secrets
from agentkit.show.notebook.static_view import mimebundle
from agentkit.testing import ScriptedServer, calls, says
from tests.agent.hermes.loop_cases import answer, call
from tests.files.cassette_samples import agent, by_prompt, lines, recorded
from tests.servers.http_stub import Answer, Asked, HttpServer


def healthy(path: Path) -> None:
    recorded(
        path,
        says("first", calls("double", n=1), calls("double", n=2)),
        says("done"),
        temperature=0.0,
    )


def test_a_sound_file_is_called_sound(tmp_path: Path) -> None:
    healthy(tmp_path / "x.jsonl")
    found = ak.cassette.doctor(tmp_path / "x.jsonl")
    assert (list(found), found.replays) == ([], True)
    assert "all is well; 1 rollout, 2 turns looked at" in repr(found)
    assert "all is well" in mimebundle(found)["text/html"]


# what is wrong with a file


def torn(text: list[str]) -> list[str]:
    return [*text[:-1], text[-1][:20]]


def beheaded(text: list[str]) -> list[str]:
    return [*text, text[1].replace('"sample":0', '"sample":5')]


def newer(text: list[str]) -> list[str]:
    return [
        *text,
        text[0].replace('"agentkit":1', '"agentkit":9').replace('"sample":0', '"sample":1'),
    ]


def unknown_step(text: list[str]) -> list[str]:
    return [*text[:1], '{"step":"dream","sample":0}\n', *text[1:]]


def lost_line(text: list[str]) -> list[str]:
    return [*text[:2], *text[3:]]


def cut_short(text: list[str]) -> list[str]:
    return text[:3]


def no_answer(text: list[str]) -> list[str]:
    return text[:1]


def other_prompt(text: list[str]) -> list[str]:
    return [text[0].replace('"content":"go"', '"content":"stop"'), *text[1:]]


def with_a_key(text: list[str]) -> list[str]:
    return [
        text[0].replace('"content":"go"', '"content":"use sk-proj-0123456789abcdefghij please"'),
        *text[1:],
    ]


DAMAGE = {
    torn: "line_torn",
    beheaded: "first_line_missing",
    newer: "version_unknown",
    unknown_step: "step_unknown",
    lost_line: "lines_do_not_fit",
    cut_short: "steps_missing",
    no_answer: "steps_missing",
    other_prompt: "request_key_differs",
    with_a_key: "secret_kept",
}


@pytest.mark.parametrize(("damage", "code"), DAMAGE.items())
def test_damage_is_found_and_named(
    tmp_path: Path, damage: Callable[[list[str]], list[str]], code: str
) -> None:
    path = tmp_path / "x.jsonl"
    healthy(path)
    path.write_text("".join(damage(path.read_text().splitlines(keepends=True))))
    found = ak.cassette.doctor(path)
    assert code in found.codes
    finding = next(f for f in found if f.code == code)
    assert all((finding.place, finding.message, finding.hint))
    assert code in mimebundle(found)["text/plain"]
    assert found.replays == (finding.severity != "error")


def test_a_failure_at_the_end_and_one_that_went_on(tmp_path: Path) -> None:
    recorded(
        tmp_path / "x.jsonl",
        says("a", calls("double", n=1)),
        (500, "broken"),
        says("b"),
        temperature=0,
    )
    assert ak.cassette.doctor(tmp_path / "x.jsonl").codes == []
    ak.rollout(ak.record(agent((500, "broken"), temperature=0), tmp_path / "y.jsonl"), "go")
    assert ak.cassette.doctor(tmp_path / "y.jsonl").codes == ["ends_in_failure"]
    with pytest.raises(CassetteError):
        ak.cassette.doctor(__file__)


# what is wrong with a rollout


def run_with(
    path: Path, tool: Any, *prompts: str, parallel: bool = False, server: Any = None, **options: Any
) -> list[str]:
    script = ScriptedServer(
        lambda messages: (
            says("done")
            if messages[-1]["role"] == "tool"
            else says(None, calls(tool.__name__), calls(tool.__name__))
        ),
        clock=time.time,
    )
    made = ak.Agent(
        "m",
        tools=[tool],
        server=server or script,
        parallel_tools=parallel,
        **{"temperature": 0, **options},
    )
    for prompt in prompts or ("go",):
        ak.rollout(ak.record(made, path), prompt)
    return ak.cassette.doctor(path).codes


def test_a_tool_that_answers_otherwise_each_time(tmp_path: Path) -> None:
    count = iter(range(99))

    def counter() -> int:
        """Count."""
        return next(count)

    found = run_with(tmp_path / "x.jsonl", counter, "a", "b")
    assert found == ["results_differ"]
    (finding,) = ak.cassette.doctor(tmp_path / "x.jsonl")
    assert finding.count == 3


def test_calls_side_by_side_that_depend_on_their_order(tmp_path: Path) -> None:
    state = iter([0.05, 0.0])

    def racing() -> str:
        """Race."""
        mine = next(state)
        time.sleep(mine)
        return f"slept {mine}"

    assert "parallel_order" in run_with(tmp_path / "x.jsonl", racing, parallel=True)


def temp_path() -> str:
    """Where Python puts a file that is to be gone soon."""
    with tempfile.NamedTemporaryFile() as file:
        return file.name


VOLATILE: dict[str, Callable[[], str]] = {
    "time": lambda: datetime.datetime.now(datetime.UTC).isoformat(),
    "unix": lambda: str(time.time()),
    "date": lambda: f"today is {datetime.datetime.now(datetime.UTC):%B %d, %Y}",
    "uuid": lambda: "id 8b1a9953-c461-1296-a827-abf8c47804d7",
    "temp_path": temp_path,
    "cluster": lambda: f"wrote $SCRATCH/{Path(temp_path()).name}/out.txt",
    "address": lambda: "<Thing at 0x7f3a2c1d0e50>",
}


@pytest.mark.parametrize("kind", VOLATILE)
def test_text_that_is_another_at_every_run(tmp_path: Path, kind: str) -> None:
    text = VOLATILE[kind]()

    def tool() -> str:
        """Say."""
        return text

    assert run_with(tmp_path / "x.jsonl", tool) == ["volatile_result"]
    assert run_with(tmp_path / "y.jsonl", healthy_tool, f"It is {text}") == ["volatile_prompt"]


def healthy_tool() -> str:
    """Say something that is the same every time."""
    return "the report of 1999-12-31T23:59:59 lists 1234567890 and 42 things; see /home/report.txt, version 10.0.1"


def test_dates_that_belong_to_the_matter_are_left_alone(tmp_path: Path) -> None:
    assert (
        run_with(
            tmp_path / "x.jsonl",
            healthy_tool,
            "What happened on 2001-09-11? The meeting is on May 3, 2019.",
        )
        == []
    )
    assert [v.kind for v in volatile("2001-09-11T08:00", 1.7e9)] == []
    assert [v.kind for v in volatile("2001-09-11T08:00", None)] == ["time"]


def test_sampling_and_ids(tmp_path: Path) -> None:
    assert run_with(tmp_path / "a.jsonl", healthy_tool, temperature=0.7) == [
        "sampling_without_seed"
    ]
    assert run_with(tmp_path / "b.jsonl", healthy_tool, temperature=None) == [
        "sampling_without_seed"
    ]
    assert run_with(tmp_path / "c.jsonl", healthy_tool, temperature=0.7, sampling={"seed": 3}) == []
    random_id = {**call("healthy_tool"), "id": "chatcmpl-tool-ad4fb6eb861e8505"}
    server = ScriptedServer([answer(None, random_id), answer("done")], clock=time.time)
    assert run_with(tmp_path / "d.jsonl", healthy_tool, server=server) == ["ids_per_run"]


def test_many_rollouts_are_told_in_few_findings(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    ak.rollouts(ak.demo(), n=30, record=path)
    (finding,) = ak.cassette.doctor(path)
    assert (finding.code, finding.count, finding.place) == ("sampling_without_seed", 30, "sample 0")
    assert "and 29 more" in mimebundle(ak.cassette.doctor(path))["text/plain"]


# keys


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-0123456789abcdefghij",
        "Authorization: Bearer abcdefghijklmnopqrstuv",
        "ghp_0123456789abcdefghijABCDEFGHIJ",
        "AKIAIOSFODNN7EXAMPLE",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "postgres://user:hunter2hunter2@host/db",
        '{"api_key": "abcdefgh12345678"}',
        "password=correcthorse",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghij",
        "-----BEGIN RSA PRIVATE KEY-----",
        "xoxb-1234567890-abcdefghij",
    ],
)
def test_what_looks_like_a_key_is_found_and_not_repeated(text: str) -> None:
    (hint,) = list(dict.fromkeys(secrets(text)))[:1]
    assert hint.endswith("characters)")
    assert len(hint.partition("…")[0]) == 4


@pytest.mark.parametrize(
    "text",
    [
        "the key idea is a token of thanks",
        "Bearer [redacted]",
        "api_key: null",
        "max_tokens=4096",
        "sk-learn",
        "http://localhost:8000/v1",
        '"key":"value"',
    ],
)
def test_ordinary_text_is_no_key(text: str) -> None:
    assert list(secrets(text)) == []


keys = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/+=", min_size=16, max_size=40
).filter(lambda key: key[0] not in "/.~" and not key.isdigit())


@given(keys, keys, keys, keys, keys)
def test_no_key_reaches_a_file_from_anywhere(
    tmp_path_factory: pytest.TempPathFactory,
    key: str,
    header: str,
    query: str,
    password: str,
    variable: str,
) -> None:
    every = (key, header, query, password, variable)
    folder = tmp_path_factory.mktemp("keys")
    os.environ["SOME_SERVICE_TOKEN"] = variable

    def env() -> dict[str, str]:
        """The environment, as a careless tool shows it."""
        return {"SOME_SERVICE_TOKEN": os.environ["SOME_SERVICE_TOKEN"], "key": key}

    def echo(asked: Asked) -> Answer:
        echoed = f"{asked.path} {' '.join(asked.headers.values())} {' '.join(every)}"
        if len(asked.json["messages"]) > 2:
            return Answer(
                {"error": {"message": echoed}},
                status=401,
                headers={"x-request-id": echoed[:200].replace("\n", " ")},
            )
        return Answer(answer(echoed, call("env"), call("env", {"token": key, "all": echoed})))

    try:
        with HttpServer(echo) as http:
            url = http.url.replace(
                "http://",
                f"http://user:{password.replace('/', '_').replace('+', '_').replace('=', '_')}@",
            )
            server = ak.Server(
                url,
                headers={"X-Api-Key": header, "Authorization": f"Bearer {key}"},
                params={"api_key": query},
            )
            made = ak.Agent("m", tools=[env], server=server, retries=0)
            happened = ak.rollouts(
                made, [f"my token is {variable} and {key}"], record=folder / "x.jsonl"
            )
            ak.save(happened, folder / "y.html")
        assert happened[0].turns
        text = (folder / "x.jsonl").read_text()
        for secret in (key, header, query, variable):
            assert secret not in text
            assert json.dumps(secret)[1:-1] not in text
        assert variable not in (folder / "y.html").read_text()
        ak.load(folder / "x.jsonl")
        assert "lines_do_not_fit" not in ak.cassette.doctor(folder / "x.jsonl").codes
        assert ak.rollouts(ak.replay(folder / "x.jsonl")).stop_reasons == {"error": 1}
    finally:
        del os.environ["SOME_SERVICE_TOKEN"]


def test_variables_that_only_point_to_a_key_are_no_secret() -> None:
    named = {
        "HF_TOKEN_PATH": "/home/me/.cache/token",
        "TOKENIZERS_PARALLELISM": "falsefalsefalse",
        "A_KEY": "/etc/keys/of/mine",
        "B_TOKEN": "123456789012345",
        "C_SECRET": "short",
        "D_KEY": "x1" * 6,
    }
    assert environment_secrets(named) == ["x1" * 6]


def test_the_doctor_reads_line_by_line(tmp_path: Path) -> None:
    for prompt in ("a", "b"):
        ak.rollout(ak.record(by_prompt(), tmp_path / "x.jsonl"), prompt)
    both = (tmp_path / "x.jsonl").read_text()
    (tmp_path / "y.jsonl").write_text(both + both)  # joined files
    assert ak.cassette.doctor(tmp_path / "y.jsonl").rollouts == 4
    assert len(lines(tmp_path / "y.jsonl")) == 12
