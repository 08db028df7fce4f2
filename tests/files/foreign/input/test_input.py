"""What rollouts come in: Parquet, tables, YAML, URLs of file systems; and what is refused, how."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

import agentkit as ak
from agentkit.errors import CassetteError, NoFile, UsageError
from tests.files.foreign.datasets.rows import GLAIVE, PARTS, SLIME

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hi"}]


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "rows.parquet"
    pd.DataFrame([GLAIVE, {**GLAIVE, "id": 5, "reward": 1.0}]).to_parquet(path)
    return path


def test_rows_of_parquet_are_rollouts(parquet: Path) -> None:
    one, two = ak.load(parquet, all=True)
    assert [(c.name, c.arguments) for c in one.turns[0].tool_calls] == [("tide", {"port": "Brest"})]
    assert (one.final, one.meta["sample"]) == ("Six metres.", 4)
    assert "reward" not in one.meta
    assert two.meta["reward"] == 1.0
    assert one.meta["import"]["lost"] == {}
    assert len(ak.load(parquet.read_bytes(), all=True)) == 2
    assert len(ak.load(parquet.parent, all=True)) == 2


def test_rows_of_a_frame_are_read_alike(parquet: Path) -> None:
    assert ak.load(pd.read_parquet(parquet), all=True) == ak.load(parquet, all=True)
    frame = pd.DataFrame([SLIME, {**SLIME, "loss_mask": None}])
    assert [len(one.turns) for one in ak.load(frame, all=True)] == [2, 2]
    assert len(ak.load(pd.DataFrame([{"messages": CHAT, "reward": 1.0}, PARTS]), all=True)) == 2


def test_a_damaged_parquet_file_says_so(parquet: Path) -> None:
    parquet.write_bytes(parquet.read_bytes()[:100])
    with pytest.raises(CassetteError, match=r"'rows\.parquet' is a Parquet file that cannot be"):
        ak.load(parquet)


def test_messages_in_yaml_are_read(tmp_path: Path) -> None:
    path = tmp_path / "messages.yaml"
    path.write_text("- role: user\n  content: hi\n- role: assistant\n  content: Hi\n")
    (rollout,) = ak.load(path, all=True)
    assert rollout.final == "Hi"


@pytest.mark.parametrize(
    "head", ["", ": kept\n", "event: x\n", "id: 1\nevent: x\n", "event: x\r\n"]
)
def test_a_saved_stream_is_never_tried_as_yaml(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = pytest.importorskip("yaml")
    monkeypatch.delattr(yaml, "load_all")
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    chunk = json.dumps({"object": "chat.completion.chunk", "choices": [choice]})
    stream = f"{head}data: {chunk}\n\n{head}data: {chunk}\n\n"
    (rollout,) = ak.load(stream.encode(), all=True)
    assert rollout.turns[0].response.content == "HiHi"


def test_yaml_may_begin_like_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "messages.yaml"
    path.write_text(
        "id: 1\nmessages: [{role: user, content: hi}, {role: assistant, content: Hi}]\n"
    )
    (rollout,) = ak.load(path, all=True)
    assert rollout.final == "Hi"


def test_a_line_of_json_makes_no_json_lines_of_yaml(tmp_path: Path) -> None:
    path = tmp_path / "messages.yaml"
    path.write_text('- role: user\n  content: |-\n    {"type": "object"}\n    end\n')
    (rollout,) = ak.load(path, all=True)
    assert rollout.prompt[0].content == '{"type": "object"}\nend'


def test_aliases_of_aliases_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]"  # each ten times the one before
        for n in range(1, 12)
    ]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(CassetteError, match=r"looks like YAML that cannot be read"):
        ak.load(path)


class Files:
    """A file system in memory, of the few methods of fsspec that are asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def isdir(self, path: str) -> bool:
        return path not in self.files and any(name.startswith(f"{path}/") for name in self.files)

    def find(self, path: str) -> list[str]:
        return [name for name in self.files if name.startswith(f"{path}/")]

    def glob(self, path: str) -> list[str]:
        start = path.partition("*")[0]
        return [name for name in self.files if name.startswith(start)]

    def cat_file(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"messages": CHAT}).encode()
    system = Files({"runs/a.jsonl": line, "runs/b.jsonl": line + b"\n" + line})
    system.files["runs/b.jsonl.index/result.utf8"] = line

    def url_to_fs(url: str) -> tuple[Files, str]:
        kind, _, path = url.partition("://")
        if kind != "memory":
            raise ValueError(f"Protocol not known: {kind}")
        return system, path

    module: Any = ModuleType("fsspec")
    module.core = ModuleType("fsspec.core")
    module.core.url_to_fs = url_to_fs
    monkeypatch.setitem(sys.modules, "fsspec", module)


@pytest.mark.usefixtures("remote")
def test_a_url_of_a_file_system_is_read() -> None:
    assert len(ak.load("memory://runs/a.jsonl", all=True)) == 1
    assert len(ak.load("memory://runs/*.jsonl", all=True)) == 3
    assert len(ak.load("memory://runs", all=True)) == 3
    with pytest.raises(NoFile, match="there is no file 'memory://runs/c"):
        ak.load("memory://runs/c.jsonl")
    with pytest.raises(UsageError, match="Protocol not known"):
        ak.load("gopher2://runs")


@pytest.mark.usefixtures("remote")
def test_a_url_is_taken_by_whatever_takes_rollouts() -> None:
    assert len(ak.explore("memory://runs/*.jsonl").frame) == 3
    assert ak.turns_df("memory://runs/a.jsonl")["rollout"].nunique() == 1
    for write in (
        lambda: ak.index("memory://runs/a.jsonl"),
        lambda: ak.save(ak.rollout(ak.demo()), "memory://runs/b.jsonl"),
        lambda: ak.save(ak.rollout(ak.demo()), "memory://runs/b.json", format="atif"),
    ):
        with pytest.raises(UsageError, match=r"is no file of this machine; ak\.load reads it"):
            write()


def test_the_url_of_a_file_here_is_its_path(tmp_path: Path) -> None:
    path = tmp_path / "a run é.jsonl"
    ak.save([ak.rollout(ak.demo())], path.as_uri())
    assert path.exists()
    whole = path.as_uri().replace("a%20run", "a*")
    for url in (path.as_uri(), whole, tmp_path.as_uri()):
        assert len(ak.load(url, all=True)) == 1
        assert len(ak.explore(url).frame) == 1
        assert ak.turns_df(url)["rollout"].nunique() == 1
    assert len(ak.index(path.as_uri())) == 1


def test_without_fsspec_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match="pip install fsspec"):
        ak.load("s3://bucket/run.jsonl")


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ('INFO 11-29 10:00:00 [logger.py:43] prompt: "<|im_start|>user"', "log of a server"),
        ("2024-01-01 10:00:00,1 INFO a line", "log of a server"),
        ("<!doctype html><html></html>", "page of HTML"),
        ("prompt,answer,score\nhi,Hi,1\n", "table as CSV, 'prompt,answer,score'"),
        ("port;height\nBrest;6\n", "table as CSV, 'port;height'"),
        ("Once, twice, thrice\nupon a time\n", "a text that begins 'Once, twice"),
        ('A guide\n\n{"role": "user", "content": "hi"}\n\nsays hi\n', "a text that begins"),
        ('{"role": "admin", "email": "a@example.org"}', "an object with the keys role, email"),
        ('{"messages": [{"role": ', "begins like JSON and is cut"),
        ("\x00\x01\x02\x03", "is binary"),
        ("Once upon a time", "a text that begins 'Once upon a time'"),
        ('{"colour": "blue", "size": 3}', "an object with the keys colour, size"),
        ("[[1, 2], [3]]", "a list of 2 entries, the first a list of 2"),
        ('{"a": 1}\n{"a": 2}\n', "lines, 2 entries, the first an object with the keys a"),
        ("key: value\n", "an object with the keys key"),
        ("- key: [\n", "looks like YAML that cannot be read"),
    ],
)
def test_an_unknown_file_is_refused_in_one_line(text: str, looks: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.file"
    path.write_bytes(text.encode())
    with pytest.raises(CassetteError) as caught:
        ak.load(path)
    line = str(caught.value)
    assert "'odd.file'" in line
    assert looks in line
    assert "\n" not in line
    assert "read are" in line or "restore it" in line


def test_a_packed_file_is_shown_by_its_path_as_it_is_loaded(tmp_path: Path) -> None:
    line = json.dumps({"messages": CHAT}).encode()
    packed, archive = tmp_path / "chat.jsonl.gz", tmp_path / "chat.zip"
    packed.write_bytes(gzip.compress(line))
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("chat.jsonl", line)
    for path, count in ((packed, 1), (archive, 1), (tmp_path, 2)):
        assert ak.view(path).text().count("hi") == count
        assert len(ak.load(path, all=True)) == count


def test_of_many_lines_that_cannot_be_read_a_few_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text(f"{json.dumps({'messages': CHAT})}\n" + "{ cut\n" * 5000)
    assert len(ak.load(path, all=True)) == 1
    assert len(caplog.records) < 50
    assert "4980 more could not be read" in caplog.records[-1].getMessage()


def zipped(members: dict[str, bytes]) -> bytes:
    """Pack members as they are named."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in members.items():
            written.writestr(name, data)
    return file.getvalue()


def test_what_is_packed_to_fill_the_memory_is_refused(tmp_path: Path) -> None:
    huge = b" " * (257 * 2**20)
    for data in (gzip.compress(huge, 1), zipped({"a.json": huge})):
        path = tmp_path / "bomb"
        path.write_bytes(data)
        with pytest.raises(CassetteError, match="amounts to more than 200 times its size"):
            ak.load(path)


def test_what_is_packed_again_and_again_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    line = data = json.dumps({"messages": CHAT}).encode()
    for _ in range(8):
        data = gzip.compress(data, mtime=0)
    with pytest.raises(CassetteError, match="packed again and again"):
        ak.load(data)
    for place in range(8):
        line = zipped({f"{place}.zip": line, "other.txt": b"words"})
    assert ak.load(line, all=True) == []
    assert "packed again and again" in caplog.text


def test_a_member_that_is_damaged_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = json.dumps({"messages": CHAT}).encode()
    path = tmp_path / "logs.zip"
    path.write_bytes(zipped({"a.jsonl": line, "b.jsonl.gz": gzip.compress(line)[:20]}))
    (rollout,) = ak.load(path, all=True)
    assert rollout.final == "Hi"
    assert "cannot be unpacked" in caplog.text


def test_names_in_an_archive_are_no_places_on_this_machine(tmp_path: Path) -> None:
    line = json.dumps({"messages": CHAT}).encode()
    path = tmp_path / "inner" / "logs.zip"
    path.parent.mkdir()
    path.write_bytes(zipped({"../above.jsonl": line, str(tmp_path / "absolute.jsonl"): line}))
    assert len(ak.load(path, all=True)) == 2
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["inner", "logs.zip"]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"object": "trace.span", "id": "s", "span_data": {"type": "agent"}}, "OpenAI Agents SDK"),
        ({"source": "a", "type": "TextMessage", "content": "hi"}, "AutoGen"),
        ({"type": "thread.started", "thread_id": "t"}, "codex exec --json"),
        ({"type": "session", "version": 3, "id": "s", "cwd": "/"}, "a session of pi"),
        ({"runSettings": {}, "chunkedPrompt": {"chunks": []}}, "Google AI Studio"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(tmp_path: Path, row: Any, name: str) -> None:
    path = tmp_path / "x.json"
    failed = {**row, "error": {"message": "Error running tool"}}  # which is no answer of a server
    for rows in ([row], [row, failed]):
        path.write_text(json.dumps(rows))
        with pytest.raises(CassetteError, match=name) as caught:
            ak.load(path)
        assert caught.value.hint


def test_a_file_of_a_pattern_without_rollouts_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "b.jsonl").write_text('{"prompt": "Hi", "completion": "Hello"}\n')
    (tmp_path / "c.json").write_text('{"lr": 0.1}')
    (rollout,) = ak.load(tmp_path / "*.json*", all=True)
    assert (rollout.final, len(ak.turns_df(tmp_path / "*.json*"))) == ("Hello", 1)
    assert "a.jsonl' is empty" in caplog.text
    assert "the keys lr" in caplog.text
    with pytest.raises(CassetteError, match="the keys lr"):
        ak.load(tmp_path / "*.json")


@pytest.mark.parametrize("key", ["messages", "conversations"])
def test_messages_that_are_json_text_are_messages(key: str, tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "Hi"}]
    said = json.dumps(CHAT if key == "messages" else turns)
    lines = tmp_path / "rows.jsonl"
    lines.write_text("\n".join([json.dumps({key: said, "reward": 1.0})] * 3))
    frame = pd.DataFrame([{key: said, "reward": 1.0}] * 3)
    frame.to_parquet(tmp_path / "rows.parquet")
    for source in (lines, frame, tmp_path / "rows.parquet"):
        found = ak.load(source, all=True)
        assert [one.final for one in found] == ["Hi"] * 3
        assert found[0].meta["reward"] == 1.0
    index = ak.index(lines)
    assert [one.final for one in index] == ["Hi"] * 3


def test_a_text_that_is_no_message_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    texts = ['[{"x": 1}]', "[{", '[{"role": "user"}, 1]']
    path.write_text("\n".join(json.dumps({"prompt": t, "completion": "Hi"}) for t in texts))
    assert [one.prompt[0].content for one in ak.load(path, all=True)] == texts
