"""What damage to a file costs: the rollout it is in, and no other; and nobody who reads the file
anything but an error with a hint.
"""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
import json
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import AgentkitError, CassetteError, FileError, NoFile, UsageError
from agentkit.files.cassette.writer import CassetteWriter
from tests.files.damage_cases import (
    HIT,
    PROMPTS,
    READERS,
    WRONG,
    agent,
    damaged_files,
    places,
    recorded,
    with_value,
)
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], list[ak.Trajectory]]:
    """A file of three rollouts, its lines, and what they are read as."""
    path = tmp_path_factory.mktemp("damage") / "x.jsonl"
    lines = recorded(path)
    return path, lines, ak.load(path, all=True)


def read(name: str, path: Path) -> Any:
    """Read the file; an error has to have a hint."""
    try:
        return READERS[name](path)
    except AgentkitError as exc:
        if not exc.hint:
            raise
        return None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_one_wrong_value_raises_nothing_bare_and_costs_no_other_rollout(
    whole: tuple[Path, list[str], list[ak.Trajectory]], data: st.DataObject
) -> None:
    path, lines, before = whole
    rows = [at for at, line in enumerate(lines) if json.loads(line)["sample"] == HIT]
    at = data.draw(st.sampled_from(rows))
    place = data.draw(st.sampled_from(list(places(json.loads(lines[at])))))
    text = with_value(lines[at], place, data.draw(st.sampled_from(WRONG)))
    path.write_text("".join([*lines[:at], text, *lines[at + 1 :]]), errors="surrogatepass")
    read(data.draw(st.sampled_from(list(READERS))), path)
    found = read("load", path)
    assert all(before[other] in found for other in (0, 2))


def test_no_wrong_value_of_a_last_line_stops_a_frame(
    whole: tuple[Path, list[str], list[ak.Trajectory]],
) -> None:
    """The last line says whether the others have to be read."""
    path, lines, before = whole
    own = [line for line in lines if json.loads(line)["sample"] == HIT]
    (at,) = (at for at, line in enumerate(own) if json.loads(line).get("step") == "end")
    for place in places(json.loads(own[at])):
        for value in WRONG:
            text = "".join([*own[:at], with_value(own[at], place, value), *own[at + 1 :]])
            path.write_text(text, errors="surrogatepass")
            read("turns_df", path)
    path.write_text("".join(lines))
    assert read("load", path) == before


def test_there_are_57_wrong_values() -> None:
    assert len({repr(value) for value in WRONG}) == 57


KINDS = ["torn line 2", "doubled line 2", "missing line 3", "text for line 1", "zeros for line 4"]


@pytest.mark.slow
def test_every_damaged_file_is_read_and_costs_no_other_rollout(
    whole: tuple[Path, list[str], list[ak.Trajectory]],
) -> None:
    path, lines, before = whole
    for name, data in damaged_files(lines).items():
        path.write_bytes(data)
        for reader in ("load", "index", "doctor", "open", "problems_df"):
            found = read(reader, path)
            if reader in ("load", "open"):
                assert all(before[other] in list(found) for other in (0, 2)), name


@pytest.mark.parametrize("kind", KINDS)
def test_resume_runs_the_damaged_rollout_again_and_no_other(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(damaged_files(recorded(path))[kind])
    damaged = ak.load(path, all=True)
    assert [bool(rollout.damage) for rollout in damaged] == [False, True, False]
    assert {p.code for p in damaged[HIT].problems} >= {"file_damaged"}
    asked: list[str] = []
    ran = ak.rollouts(agent(asked), PROMPTS, resume=path, progress=False, reward=lambda t: 1.0)
    assert [t.final for t in ran] == [f"to {prompt}" for prompt in PROMPTS]
    assert set(asked) == {PROMPTS[HIT]}
    after = ak.load(path, all=True)
    assert [(t.final, t.damage) for t in after] == [(f"to {prompt}", ()) for prompt in PROMPTS]
    assert len(ak.cassette.index(path)) == 3


def test_a_rollout_that_has_lost_its_first_line_is_begun_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(damaged_files(recorded(path))["torn line 0"])
    ak.rollouts(agent(), PROMPTS, resume=path, progress=False, reward=lambda t: 1.0)
    after = ak.load(path, all=True)
    assert [(t.final, t.damage) for t in after] == [(f"to {prompt}", ()) for prompt in PROMPTS]


def test_a_torn_last_line_is_told_of_once_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.jsonl"
    lines = recorded(path)
    torn = lines[-1][:25]
    path.write_text("".join([*lines[:-1], torn]))
    ak.rollouts(agent(), [*PROMPTS, "d"], resume=path, progress=False)
    assert "torn" in caplog.text
    caplog.clear()
    loaded = ak.load(path, all=True)
    assert caplog.text == ""
    assert [t.final for t in loaded] == ["to a", "to b", "to c", "to d"]
    assert not any(t.damage for t in loaded)
    assert [
        line["text"]
        for line in map(json.loads, path.read_text().splitlines())
        if line.get("step") == "torn"
    ] == [torn]


def test_a_first_line_that_a_crash_cut_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    lines = recorded(path)
    path.write_text(lines[0][:40])
    with pytest.raises(CassetteError) as refused:
        ak.load(path)
    assert refused.value.hint
    ran = ak.rollouts(agent(), PROMPTS, resume=path, progress=False)
    assert ran.stop_reasons == {"final": 3}
    assert len(ak.load(path, all=True)) == 3


def test_request_keys_are_kept_when_a_rollout_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    keys = [json.loads(line).get("request_key") for line in recorded(path)]
    again = ak.save(path, tmp_path / "y.jsonl")
    saved = [json.loads(line).get("request_key") for line in again.read_text().splitlines()]
    assert sorted(filter(None, saved)) == sorted(filter(None, keys))
    assert len(list(filter(None, keys))) == 6


# what is no file of rollouts


@pytest.mark.parametrize(
    ("pack", "hint"),
    [
        (lambda data: data.decode().encode("utf-16"), "utf-16"),
        (lambda data: data.decode().encode("utf-16-le"), "utf-16-le"),
        (lambda data: data.decode().encode("utf-32"), "utf-32"),
        (lambda data: b"PK\x03\x04" + data, "zip"),
    ],
)
def test_damaged_archives_and_other_encodings_are_refused_with_what_to_do(
    tmp_path: Path, pack: Callable[[bytes], bytes], hint: str
) -> None:
    path = tmp_path / "x.jsonl"
    recorded(path)
    path.write_bytes(pack(path.read_bytes()))
    for name in READERS:
        if name != "resume":
            with pytest.raises(AgentkitError) as caught:
                READERS[name](path)
            assert hint in caught.value.hint
    with pytest.raises(AgentkitError):
        READERS["resume"](path)


def _zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside/run.jsonl", data)
        archive.writestr("inside/notes.txt", "no rollout")
    return packed.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, _zipped])
def test_packed_files_are_unpacked_on_reading(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "x.jsonl"
    recorded(path)
    whole = ak.load(path, all=True)
    packed = pack(path.read_bytes())
    path.write_bytes(packed)
    assert ak.load(path, all=True) == whole
    assert ak.load(packed, all=True) == whole
    assert len(ak.turns_df(path)) == len(ak.turns_df(whole))
    assert len(ak.explore(path).frame) == len(whole)
    with pytest.raises(AgentkitError) as refused:  # its lines are read at their places
        ak.cassette.open(path)
    assert "unzip" in refused.value.hint or "gunzip" in refused.value.hint


def test_a_folder_is_read_as_the_files_in_it(tmp_path: Path) -> None:
    recorded(tmp_path / "a.jsonl")
    whole = ak.load(tmp_path / "a.jsonl", all=True)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "b.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes())
    (tmp_path / "README.md").write_text("no rollout")
    assert ak.load(tmp_path, all=True) == [*whole, *whole]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_pipes_and_devices_are_refused_and_never_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    uses: list[Callable[[Any], Any]] = [
        *(READERS[name] for name in READERS if name != "resume"),
        lambda path: ak.rollouts(agent(), "a", resume=path),
        lambda path: ak.rollouts(agent(), "a", record=path),
        lambda path: ak.record(agent(), path),
        lambda path: ak.save(ak.rollout(agent(), "a"), path),
    ]
    for path in (pipe, Path("/dev/null"), Path("/dev/full")):
        for use in uses:
            with pytest.raises(UsageError, match=r"is a (pipe|device)") as caught:
                use(path)
            assert caught.value.hint


def test_no_file_says_which(tmp_path: Path) -> None:
    for path in (tmp_path / "no.jsonl", tmp_path / "no*.jsonl"):
        with pytest.raises(NoFile) as caught:
            ak.load(path)
        assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(path))


def test_a_bad_row_of_a_chat_log_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "chat.jsonl"
    good = json.dumps({"messages": [{"role": "user", "content": "a"}]})
    rows = [good, '{"messages": [', good, '{"text": 5}', "5", good]
    path.write_text("".join(f"{row}\r\n" for row in rows), encoding="utf-8-sig")
    assert len(ak.load(path, all=True)) == 3
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    path.write_text('{"messages": [\n{"text": 5}\n')
    with pytest.raises(CassetteError) as refused:
        ak.load(path)
    assert refused.value.hint


# a full disk


FULL = """
import resource, sys, agentkit as ak
from tests.files.damage_cases import agent
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
try:
    ak.rollouts(agent(), [str(n) for n in range(40)], record=sys.argv[1], concurrency=2)
except ak.AgentkitError as exc:
    print(type(exc).__name__, exc.errno, "resume=path" in exc.hint, 0 < len(exc.rollouts) < 40)
"""


@pytest.mark.slow
def test_a_full_disk_ends_a_batch_and_what_was_finished_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["FileError", str(errno.EFBIG), "True", "True"], done.stderr
    left = ak.load(path, all=True)
    assert sum(t.stop_reason == "final" for t in left) >= 2
    assert not any(t.damage for t in left)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_what_the_system_does_not_write_is_an_error_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "x.jsonl"
    recording = ak.record(agent(), path)
    kept = ak.rollout(recording, "a")

    def fail(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(CassetteWriter, "append", fail)
    with pytest.raises(FileError) as caught:
        ak.rollout(recording, "b")
    assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert caught.value.hint
    monkeypatch.setattr("agentkit.files.path.os.replace", fail)
    with pytest.raises(FileError) as caught:
        ak.save(kept, tmp_path / "y.jsonl")
    assert caught.value.hint
    assert [entry.name for entry in tmp_path.iterdir() if entry.suffix == ".jsonl"] == ["x.jsonl"]
    assert [t.final for t in ak.load(path, all=True)] == ["to a"]


# a file that goes away under a recorder


@pytest.mark.parametrize("how", ["removed", "emptied", "replaced"])
def test_a_rollout_begins_anew_in_a_file_that_is_another_one(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, other = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    dbg = ak.debug(ak.record(agent(), path), "a")
    dbg.step()
    dbg.step()
    if how == "removed":
        path.unlink()
    elif how == "emptied":
        path.write_text("")
    else:
        recorded(other)
        other.replace(path)
    dbg.run()
    assert "begins anew" in caplog.text
    assert ak.load(path, all=True)[-1] == dbg.trajectory
    assert not any(t.damage for t in ak.load(path, all=True))
    assert len(ak.load(path, all=True)) == (4 if how == "replaced" else 1)


def test_rollouts_side_by_side_begin_anew_and_keep_apart(tmp_path: Path) -> None:
    """A file that is removed under several: the index one has in the new file was another's in the
    old one, and neither goes on with the other's.
    """
    path = tmp_path / "x.jsonl"
    calls: list[str] = []

    class Slow:
        async def chat_completion(self, **kwargs: Any) -> dict[str, Any]:
            messages = kwargs["messages"]
            said = messages[0]["content"]
            turn = sum(message["role"] == "tool" for message in messages)
            calls.append(said)
            if len(calls) in (6, 13):
                path.unlink()
            await asyncio.sleep(0.001 * (1 + len(calls) % 3))
            call = {"id": f"c{turn}", "function": {"name": "look", "arguments": "{}"}}
            more = {"tool_calls": [{"type": "function", **call}]} if turn < 3 else {}
            return {"choices": [{"message": {"content": f"{said} {turn}", **more}}]}

    def look() -> str:
        """Look."""
        return "seen"

    prompts = [f"prompt {n}" for n in range(5)]
    agent = ak.Agent("m", tools=[look], server=Slow())
    ran = ak.rollouts(agent, prompts, record=path, concurrency=5, progress=False)
    there = ak.load(path, all=True)
    assert ran.stop_reasons == {"final": 5}
    assert not any(t.damage for t in there)
    for t in there:
        said = t.prompt[0].content
        assert [turn.response.content for turn in t.turns] == [f"{said} {n}" for n in range(4)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other names")
@pytest.mark.parametrize("name", ["loop.jsonl", "x\0y.jsonl", "\ud800.jsonl", "a" * 300])
def test_what_names_no_file_is_an_error_with_a_hint(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    path = f"{tmp_path}/{name}"
    for write in (
        lambda: ak.record(agent(), path),
        lambda: ak.rollouts(agent(), ["a"], resume=path, progress=False),
        lambda: ak.save(ak.rollout(agent(), "a"), path),
    ):
        with pytest.raises(UsageError) as caught:
            write()
        assert caught.value.hint


def test_a_replay_of_another_prompt_has_a_hint(tmp_path: Path) -> None:
    recorded(tmp_path / "x.jsonl")
    with pytest.raises(AgentkitError) as caught:
        ak.rollout(ak.replay(tmp_path / "x.jsonl"), "another one")
    assert caught.value.hint


def test_calls_that_are_no_list_cost_a_chat_log_no_other_row(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    rows = [[{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": 5}]] * 2
    path.write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    assert len(ak.load(path, all=True)) == 2
