"""The one reader: every function that takes rollouts takes them in every form, and reads the
same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.compare.sides import stored
from agentkit.errors import AgentkitError, CassetteError, NoFile, UsageError
from agentkit.files.foreign.logs.flow_log import flow_line, head_line
from agentkit.files.reader import FORMS, forms_hint, rollouts_in
from agentkit.testing import calls, says, serve
from agentkit.testing.server.recorded import recorded
from agentkit.types.trajectory import Message
from agentkit.types.wire import Exchange, Flow
from tests.files.damage_cases import WRONG, places, with_value
from tests.support.loaded import load_one
from tests.support.paths import CORPUS

CHAT: list[dict[str, Any]] = [
    {"role": "user", "content": "weather in Oslo?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "a", "content": "rain"},
    {"role": "assistant", "content": "It rains."},
]
BODY = {
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": CHAT[3], "finish_reason": "stop"}],
}
PIECE = {"choices": [{"index": 0, "delta": CHAT[3], "finish_reason": "stop"}]}
STREAM = f"data: {json.dumps(PIECE)}\n\ndata: [DONE]\n\n"
CALLING = {**BODY, "choices": [{"message": CHAT[1], "finish_reason": "tool_calls"}]}
CAPTURE = [
    {"case": "weather/turn0", "request": {"messages": CHAT[:1]}, "body": json.dumps(CALLING)},
    {"case": "other", "request": {"messages": CHAT[:1]}, "body": json.dumps(BODY)},
    {"case": "weather/turn1", "request": {"messages": CHAT[:3]}, "body": json.dumps(BODY)},
]
ROLLOUT = ak.rollout(ak.demo())
FLOWS = [
    Flow(
        number=number,
        path="/v1/chat/completions",
        body=json.dumps({"messages": CHAT[:asked]}),
        started=1000.0 + number,
        exchange=Exchange(body=json.dumps(body), status=200, started=1000.0 + number, elapsed=0.5),
    )
    for number, (asked, body) in enumerate([(1, CALLING), (3, BODY)])
]
"""A run of an agent that is not ours, as a tap keeps it."""


def many() -> Any:
    return ak.rollouts(ak.demo(), ["coat in Rome?", "coat in Oslo?"], n=2)


def sdk() -> Any:
    from openai.types.chat import ChatCompletion

    return ChatCompletion.model_validate({**BODY, "id": "c", "created": 1})


def written(folder: Path, name: str, *values: Any) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def saved(folder: Path) -> Path:
    return ak.save(many(), folder / "saved.jsonl")


def flow_log(folder: Path) -> Path:
    path = folder / "flows.jsonl"
    path.write_text(head_line({"": "http://localhost:1/v1"}) + "".join(map(flow_line, FLOWS)))
    return path


def in_folder(folder: Path) -> str:
    written(folder, "1.jsonl", {"messages": CHAT})
    written(folder, "2.jsonl", *CAPTURE)
    return str(folder / "*.jsonl")


FORM: dict[str, tuple[Callable[[Path], Any], int]] = {
    "trajectory": (lambda _: ROLLOUT, 1),
    "debugger": (lambda _: ak.debug(ak.demo()), 1),
    "batch": (lambda _: many(), 4),
    "view": (lambda _: ak.view(CHAT), 1),
    "explorer": (lambda _: ak.explore(many()), 4),
    "diff": (lambda _: ak.diff(ROLLOUT, CHAT), 2),
    "comparison": (lambda _: ak.compare({"a": ROLLOUT, "b": ROLLOUT}), 2),
    "replay": (lambda folder: ak.replay(saved(folder)), 4),
    "holder of rollouts": (lambda _: SimpleNamespace(rollouts=[ROLLOUT, CHAT]), 2),
    "holder of sides": (lambda _: SimpleNamespace(rollouts={"a": many(), "b": [ROLLOUT]}), 5),
    "holder of one": (lambda _: SimpleNamespace(trajectory=ROLLOUT), 1),
    "turn": (lambda _: ROLLOUT.turns[0], 1),
    "response": (lambda _: ROLLOUT.turns[0].response, 1),
    "response of an error": (lambda _: ak.read_response({"error": {"message": "no"}}), 1),
    "exchange": (lambda _: ak.Exchange(status=500, body="no"), 1),
    "body": (lambda _: BODY, 1),
    "body as text": (lambda _: json.dumps(BODY), 1),
    "body as bytes": (lambda _: json.dumps(BODY).encode(), 1),
    "torn body": (lambda _: json.dumps(BODY)[:40], 1),
    "error page": (lambda _: "<html><h1>502</h1></html>", 1),
    "stream": (lambda _: STREAM, 1),
    "error body": (lambda _: {"error": {"message": "no such model"}}, 1),
    "pair": (lambda _: (200, BODY), 1),
    "pair with a text": (lambda _: (404, '{"detail": "Not Found"}'), 1),
    "pair with a stream": (lambda _: (200, STREAM), 1),
    "status and body": (lambda _: {"status": 200, "body": BODY}, 1),
    "SDK answer": (lambda _: sdk(), 1),
    "messages": (lambda _: CHAT, 1),
    "messages of ours": (lambda _: tuple(Message(wire=m) for m in CHAT), 1),
    "one message": (lambda _: CHAT[0], 1),
    "conversation": (lambda _: {"messages": CHAT, "reward": 1}, 1),
    "conversation as text": (lambda _: json.dumps({"messages": CHAT}), 1),
    "messages as text": (lambda _: json.dumps(CHAT), 1),
    "conversations": (lambda _: [CHAT, CHAT], 2),
    "capture": (lambda _: CAPTURE, 2),
    "captured exchange": (lambda _: CAPTURE[1], 1),
    "capture as text": (lambda _: "\n".join(map(json.dumps, CAPTURE)), 2),
    "flow log": (flow_log, 1),
    "flow log as text": (lambda folder: flow_log(folder).read_text(), 1),
    "flow": (lambda _: FLOWS[0], 1),
    "flows": (lambda _: list(FLOWS), 1),
    "frame": (lambda _: pd.DataFrame({"messages": [CHAT, CHAT[:1]], "reward": [1, 0]}), 2),
    "iterator": (lambda _: iter([{"messages": CHAT}, BODY]), 2),
    "cassette": (lambda folder: saved(folder), 4),
    "cassette as text": (lambda folder: saved(folder).read_text(), 4),
    "name of a cassette": (lambda folder: str(saved(folder)), 4),
    "opened cassette": (lambda folder: ak.cassette.open(saved(folder)), 4),
    "index": (lambda folder: ak.cassette.index(saved(folder)), 4),
    "chat log": (lambda folder: written(folder, "x.jsonl", {"messages": CHAT}, CHAT), 2),
    "capture file": (lambda folder: written(folder, "x.jsonl", *CAPTURE), 2),
    "captured by vllm": (lambda _: CORPUS / "captures" / "hermes-qwen3-ids.jsonl", 2),
    "odd file name": (lambda folder: written(folder, "[1] {x}.json", {"messages": CHAT}), 1),
    "pattern": (in_folder, 3),
    "mixture": (lambda _: [ROLLOUT, CHAT, BODY, (200, BODY), STREAM, many(), [BODY, BODY]], 11),
}
ENTRIES: dict[str, Callable[[Any, Path], Any]] = {
    "view": lambda x, _: list(ak.view(x)),
    "explore": lambda x, _: list(ak.explore(x)),
    "compare": lambda x, _: list(stored(x)),
    "replay": lambda x, _: list(ak.replay(x).recorded),
    "as a server": lambda x, _: list(recorded(x).trajectories),
    "load": lambda x, _: ak.load(x, all=True),
    "save": lambda x, folder: ak.load(ak.save(x, folder / "again.jsonl"), all=True),
}
"""What gives the rollouts it has read."""
COUNTED: dict[str, Callable[[Any], int]] = {
    "turns_df": lambda x: len(ak.turns_df(x)),
    "tool_calls_df": lambda x: len(ak.tool_calls_df(x)),
    "messages_df": lambda x: len(ak.messages_df(x)),
    "problems_df": lambda x: len(ak.problems_df(x)),
    "tokens_df": lambda x: len(ak.tokens_df(x)),
    "tokens": lambda x: len(ak.tokens(x).runs),
}
"""What gives as much as of the list of the rollouts."""
ONE: dict[str, Callable[[Any], Any]] = {
    "diff": lambda x: ak.diff(x, ROLLOUT).left,
    "reparse": lambda x: ak.reparse(x, parser="hermes").trajectory,
    "prefix_check": lambda x: ak.prefix_check(x).summary(),
    "export": lambda x: str(ak.export.curl(x)),
}
"""What takes one rollout."""


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Path]:
    """Give an empty folder at each call."""
    numbers = iter(range(1000))

    def folder() -> Path:
        made = tmp_path / str(next(numbers))
        made.mkdir()
        return made

    return folder


@pytest.mark.slow
@pytest.mark.parametrize("form", FORM)
def test_every_function_reads_the_same_rollouts(form: str, fresh: Callable[[], Path]) -> None:
    make, number = FORM[form]
    expected = rollouts_in(make(fresh()))
    assert len(expected) == number
    for name, read in ENTRIES.items():
        assert read(make(fresh()), fresh()) == expected, name
    if form not in ("turn", "response"):  # whose samples are the choices of the answer
        assert ak.sample_tree(make(fresh())).size == number or form == "debugger"


@pytest.mark.slow
@pytest.mark.parametrize("form", FORM)
def test_every_frame_counts_the_same_rollouts(form: str, fresh: Callable[[], Path]) -> None:
    make, _ = FORM[form]
    expected = rollouts_in(make(fresh()))
    for name, count in COUNTED.items():
        assert count(make(fresh())) == count(expected), name


@pytest.mark.parametrize("form", [form for form, (_, number) in FORM.items() if number == 1])
def test_what_takes_one_rollout_takes_it_in_every_form(
    form: str, fresh: Callable[[], Path]
) -> None:
    make, _ = FORM[form]
    (expected,) = rollouts_in(make(fresh()))
    for name, read in ONE.items():
        if name == "export" and (not expected.prompt or form in ("turn", "response")):
            continue  # it is not known what was asked, or it is the turn's own rollout
        assert read(make(fresh())) == read(expected), name


@given(
    st.lists(
        st.sampled_from([form for form in FORM if form not in ("iterator",)]),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
@example(["trajectory", "frame"], False)
@example(["flow", "flow"], False)
def test_a_list_holds_what_its_items_hold(
    tmp_path_factory: pytest.TempPathFactory, forms: list[str], nested: bool
) -> None:
    """Except that dicts, messages and flows in one list are one log: they may belong together."""
    folder = tmp_path_factory.mktemp("list")
    made = [[FORM[form][0](folder)] for form in forms]
    items = made if nested else [item for (item,) in made]
    alone = [trajectory for item in made for trajectory in rollouts_in(item)]
    entries = {"captured exchange", "one message", "flow"}
    if entries & set(forms) and not nested:
        assert len(rollouts_in(items)) <= len(alone)
    else:
        assert rollouts_in(items) == alone


def test_captured_turns_of_one_conversation_are_one_rollout(tmp_path: Path) -> None:
    path = written(tmp_path, "x.jsonl", *CAPTURE)
    assert [len(t.turns) for t in ak.view(path)] == [2, 1]
    assert ak.turns_df(path)["rollout"].tolist() == [0, 0, 1]
    assert ak.compare({"a": path, "b": path}).prompts == 1
    assert [len(side) for side in ak.compare({"a": path, "b": path}).rollouts.values()] == [2, 2]
    assert [r.content for r in ak.load(path, all=True)[0].turns[0].tool_results] == ["rain"]


def test_captured_turns_that_do_not_go_on_begin_another_rollout(tmp_path: Path) -> None:
    turn0, _, turn1 = CAPTURE
    two = [{**row, "server": server} for row in (turn0, turn1) for server in "ab"]
    assert [len(t.turns) for t in ak.load([turn0, turn1, turn0, turn1], all=True)] == [2, 2]
    assert [(t.meta["server"], len(t.turns)) for t in ak.load(two, all=True)] == [
        ("a", 2),
        ("b", 2),
    ]
    failed = {**turn0, "status": 500, "body": "no"}
    assert [t.stop_reason for t in ak.load([failed, turn0, turn1], all=True)] == ["error", "final"]


def test_other_traffic_in_a_log_is_left_out(tmp_path: Path) -> None:
    models = {"path": "/v1/models", "request": None, "body": '{"data": []}', "status": 200}
    path = written(tmp_path, "x.jsonl", models, *CAPTURE)
    assert ak.load(path) == ak.load(CAPTURE)
    with pytest.raises(UsageError, match="no entry holds messages"):
        ak.view([models])


def test_a_raw_answer_is_kept_to_the_letter() -> None:
    text = json.dumps(BODY, indent=3)
    for form in (text, text.encode(), (200, text)):
        assert load_one(form).turns[0].response.exchange.body == text
    assert load_one(STREAM).turns[0].response.exchange.text == STREAM


def test_tools_are_known_for_answers_without_their_request() -> None:
    schema = {"type": "function", "function": {"name": "f", "parameters": {}}}
    for form in (BODY, json.dumps(BODY), (200, BODY), {"status": 200, "body": BODY}, [BODY], CHAT):
        assert [t.spec.tools for t in rollouts_in(form, [schema])] == [(schema,)]


def test_load_gives_one_or_a_list() -> None:
    assert ak.load(ROLLOUT) is ROLLOUT
    assert ak.load(ROLLOUT, all=True) == [ROLLOUT]
    assert ak.load([ROLLOUT, CHAT]) == ak.load([ROLLOUT, CHAT], all=True)
    assert ak.load([], all=True) == []
    with pytest.raises(CassetteError, match="holds no rollout"):
        ak.load([])


@pytest.mark.parametrize(
    ("odd", "error", "message"),
    [
        (7, UsageError, "an int holds no rollout"),
        (None, UsageError, "a NoneType holds no rollout"),
        ({}, UsageError, "the dict holds no messages; it has: nothing"),
        ({"a": 1}, UsageError, "the dict holds no messages; it has: a"),
        ([ROLLOUT, 7], UsageError, "item 1 of the list: an int holds no rollout"),
        ([[], [7]], UsageError, "item 1 of the list: item 0 of the list: an int holds no rollout"),
        (iter(()), UsageError, "iterator holds no rollout"),
        (" ", NoFile, "there is no file"),
        (b"", UsageError, "an empty text"),
        ("nosuch.jsonl", NoFile, "there is no file 'nosuch.jsonl'"),
        ("[nosuch].jsonl", NoFile, "there is no file"),
        ("nosuch/*.jsonl", NoFile, "there is no file like 'nosuch"),
        ("http://localhost:8000/v1", UsageError, "is a URL"),
        (pd.DataFrame({"a": [1]}), UsageError, "a DataFrame with the columns a holds no rollout"),
        (SimpleNamespace(trajectory=3), UsageError, "a SimpleNamespace holds no rollout: an int"),
        (ak.Agent, UsageError, "holds no rollout"),
        ("\0", NoFile, "there is no file"),
    ],
)
def test_what_holds_no_rollout_is_named_with_what_would_be_read(
    odd: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        rollouts_in(odd)
    assert message in str(caught.value)
    assert isinstance(caught.value, ak.AgentkitError)
    assert getattr(caught.value, "hint", "") or caught.value.hint


def test_the_hint_lists_every_form() -> None:
    assert all(form.name in forms_hint() for form in FORMS)


@pytest.mark.parametrize("text", ["", "not json\n", '{"a": 1}\n', "5\n", '"nosuch"\n', "[]", "[5]"])
def test_a_file_without_rollouts_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(CassetteError, match=r"x\.jsonl"):
        ak.load(path)


# saving


@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x.jsonl.gz", "x.py"])
def test_an_unknown_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rollouts are not saved as") as caught:
        ak.save(ROLLOUT, tmp_path / name)
    assert ".jsonl" in (getattr(caught.value, "hint", "") or caught.value.hint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.jsonl", "x.JSONL", "x.json", "x"])
def test_a_known_ending_is_a_cassette(name: str, tmp_path: Path) -> None:
    assert ak.load(ak.save(ROLLOUT, tmp_path / name)) == ROLLOUT


def test_a_chat_log_is_saved_as_a_cassette(tmp_path: Path) -> None:
    path = written(tmp_path, "chat.jsonl", {"messages": CHAT, "id": 7})
    copy = ak.save(path, tmp_path / "cassette.jsonl")
    assert ak.load(copy) == ak.load(path)
    assert [entry.sample for entry in ak.cassette.index(copy)] == [0]


@pytest.mark.parametrize("name", ["no answer of mine " * 300, "x" * 256])
def test_a_text_too_long_for_a_path_is_no_file(name: str) -> None:
    with pytest.raises(NoFile, match="there is no file"):
        ak.load(name)
    with pytest.raises(NoFile, match="there is no file"):
        ak.view(name)


def test_a_key_given_to_a_server_is_not_saved(tmp_path: Path) -> None:
    """What a tool repeats of it, too."""
    key = "opensesame-of-the-reader"

    def config() -> str:
        """Read the configuration."""
        return f"key = {key}"

    with serve([says(None, calls("config")), says("done")]) as server:
        agent = ak.Agent("m", [config], ak.Server(server.url, key))
        ran = ak.rollout(agent, "go")
    assert ran.messages[-2]["content"] == "key = [redacted]"
    for name in ("x.jsonl", "x.html"):
        assert key not in ak.save(ran, tmp_path / name).read_text()


LOGGED: list[dict[str, Any]] = [
    {**CAPTURE[0], "status": 200, "headers": {"content-type": "application/json"}},
    {
        "case": "weather/turn1",
        "request": {
            "messages": [*CHAT[:1], CHAT[1], CHAT[2]],
            "tools": [],
        },
        "chunks": [[0.1, "data: [DONE]\n\n"], [0.2, "\n"]],
    },
    {"messages": CHAT, "response": BODY, "status": 200, "reward": 1},
    {"messages": CHAT[:1], "chunks": [[0.1, STREAM]]},
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_wrong_value_in_a_log_raises_nothing_bare(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands in a log of another tool, it is read, or refused with a hint."""
    lines = [json.dumps(row) for row in LOGGED]
    at = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.sampled_from(list(places(LOGGED[at]))))
    lines[at] = with_value(lines[at], place, data.draw(st.sampled_from(WRONG)))
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines), errors="surrogatepass")
    try:
        for trajectory in ak.load(path, all=True):
            ak.turns_df(trajectory)
    except AgentkitError as error:
        if not error.hint:
            raise


def test_rollouts_of_several_files_say_which_each_came_from(tmp_path: Path) -> None:
    spoken = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hi"}]
    (tmp_path / "a.jsonl").write_text(json.dumps({"messages": spoken, "file": 1}))
    (tmp_path / "b").mkdir()
    ak.save(ak.load(tmp_path / "a.jsonl", all=True), tmp_path / "b" / "c.jsonl")
    names = [f"{tmp_path.name}/a.jsonl", f"{tmp_path.name}/b/c.jsonl"]
    found = ak.load(tmp_path, all=True)
    assert [one.file for one in found] == names
    assert found[0] == ak.load(tmp_path / "a.jsonl")
    explorer = ak.explore(tmp_path)
    assert list(explorer.frame["file"]) == names
    assert len(explorer.filter("file~c.jsonl")) == 1
    for table in (ak.turns_df, ak.messages_df, ak.problems_df, ak.tool_calls_df):
        assert "file" not in table(tmp_path / "a.jsonl").columns
    assert list(ak.turns_df(tmp_path)["file"]) == names
    assert list(ak.messages_df(found)["file"]) == [name for name in names for _ in spoken]
    assert list(ak.explore(str(tmp_path / "**" / "*.jsonl")).frame["file"]) == [
        str(tmp_path / "a.jsonl"),
        str(tmp_path / "b" / "c.jsonl"),
    ]
