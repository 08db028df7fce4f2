"""Damage that a file of rollouts may come to, and every function that reads one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.testing import ScriptedServer, calls, says

PROMPTS = ["a", "b", "c"]
"""One rollout each; the second is the one that is damaged."""
HIT = 1

WRONG: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 7, 10**6, -(2**63), 2**63, 10**30, 0.5, -0.0, 1.5, 1e308),
    *(float("nan"), float("inf"), -float("inf"), "", " ", "x", "0", "1", "null", "true", "\x00"),
    *("\ud83d", "\u2028", "\x1b[31m", "</script>", "a" * 5000, "{}", "[]", '{"a": 1}', "data: {}"),
    *([], [None], [0], ["x"], [[]], [{}], [1, 2], [[0, 1]], [["a", "b"]], list(range(50)), [True]),
    *({}, {"a": 1}, {"a": None}, {"": ""}, {"role": "user"}, {"role": 5, "content": []}),
    *({"content": 5}, {"step": "model"}, {"agentkit": 1}, {"sample": 0}),
]
"""Values that are wrong nearly everywhere."""


def look(n: int) -> dict[str, int]:
    """Look it up."""
    return {"found": n}


def answer(messages: Any) -> Any:
    """Call the tool first, then answer with the prompt."""
    if messages[-1]["role"] == "tool":
        return says(f"to {messages[0]['content']}")
    return says("hm", calls("look", n=1), calls("look", n=2))


def agent(asked: list[str] | None = None) -> ak.Agent:
    """The agent whose rollouts are damaged; calls are run one after the other. It notes the prompt
    of each request.
    """

    def answered(messages: Any) -> Any:
        if asked is not None:
            asked.append(messages[0]["content"])
        return answer(messages)

    return ak.Agent("m", tools=[look], server=ScriptedServer(answered), parallel_tools=False)


def recorded(path: Path) -> list[str]:
    """Record a rollout of every prompt, and return the lines of the file."""
    ak.rollouts(agent(), PROMPTS, record=path, concurrency=1, reward=lambda t: 1.0)
    return path.read_text().splitlines(keepends=True)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a value inside of JSON data."""
    if not isinstance(value, (dict, list)):
        return
    for name, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield (*path, name)
        yield from places(inner, (*path, name))


def with_value(line: str, place: tuple[Any, ...], value: Any) -> str:
    """Put another value at one place of a line."""
    data = json.loads(line)
    inner = data
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return json.dumps(data, separators=(",", ":")) + "\n"


def resumed(path: Path) -> Any:
    """Go on with the file, on a copy of it."""
    copy = path.with_name("copy.jsonl")
    copy.write_bytes(path.read_bytes())
    return ak.rollouts(agent(), PROMPTS, resume=copy, progress=False, reward=lambda t: 1.0)


def replayed(path: Path) -> Any:
    """Play what the file holds again."""
    return ak.rollouts(ak.replay(path), progress=False)


READERS: dict[str, Callable[[Path], Any]] = {
    "load": lambda path: ak.load(path, all=True),
    "view": lambda path: ak.view(path)._repr_mimebundle_(),
    "turns_df": ak.turns_df,
    "tool_calls_df": ak.tool_calls_df,
    "messages_df": ak.messages_df,
    "problems_df": ak.problems_df,
    "tokens_df": ak.tokens_df,
    "index": lambda path: (repr(list(ak.cassette.index(path))), ak.cassette.index(path).text()),
    "open": lambda path: list(ak.cassette.open(path)),
    "doctor": lambda path: ak.cassette.doctor(path).text(),
    "explore": lambda path: ak.explore(path).html(),
    "explore_index": lambda path: ak.explore(ak.cassette.open(path)).text(),
    "sample_tree": lambda path: ak.sample_tree(path).text(),
    "replay": replayed,
    "resume": resumed,
    "diff": lambda path: ak.diff(*ak.load(path, all=True)[:2]).text(),
    "save": lambda path: ak.load(ak.save(path, path.with_name("again.jsonl")), all=True),
    "page": lambda path: ak.save(path, path.with_name("page.html")),
}
"""Every function that reads a file, as it is used."""


def damaged_files(lines: list[str]) -> dict[str, bytes]:
    """Every kind of damage to a file of three rollouts, in the lines of the second alone or in none
    of them.
    """
    rows = [at for at, line in enumerate(lines) if json.loads(line)["sample"] == HIT]
    files: dict[str, bytes] = {}

    def damage(name: str, change: Callable[[str], str]) -> None:
        for at in rows:
            text = "".join([*lines[:at], change(lines[at]), *lines[at + 1 :]])
            files[f"{name} line {at - rows[0]}"] = text.encode("utf-8", "surrogatepass")

    damage("torn", lambda line: line[: len(line) // 2] + "\n")
    damage("cut early", lambda line: line[:9] + "\n")
    damage("missing", lambda line: "")
    damage("doubled", lambda line: line * 2)
    damage("zeros for", lambda line: "\0" * len(line) + "\n")
    damage("text for", lambda line: "Traceback (most recent call last):\n")
    damage("text before", lambda line: "[INFO] still here\n" + line)
    damage("another object before", lambda line: '{"messages": []}\n' + line)
    damage("another object for", lambda line: '{"event": "x", "sample": 1}\n')
    damage("a number before", lambda line: "5\n" + line)
    damage("a list for", lambda line: "[1, 2]\n")
    damage("a step of nobody before", lambda line: '{"step":"tool","sample":77}\n' + line)
    damage("an unknown step before", lambda line: '{"step":"thought","sample":1,"x":1}\n' + line)
    damage("an older step before", lambda line: lines[rows[1]] + line)
    damage("two in one", lambda line: line.rstrip("\n"))
    damage("a bad byte in", lambda line: line[:-9] + "\ud800" + line[-9:])
    whole = "".join(lines)
    files["byte order mark"] = b"\xef\xbb\xbf" + whole.encode()
    files["CRLF"] = whole.replace("\n", "\r\n").encode()
    files["blank lines"] = whole.replace("\n", "\n\n").encode()
    files["no last line end"] = whole.rstrip("\n").encode()
    return files
