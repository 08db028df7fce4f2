"""Where an MCP server is: URLs, commands and configurations, read without starting anything, and
the keys in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.tools.mcp.configuration import configured, servers_in
from agentkit.agent.tools.mcp.target import target_of_text
from agentkit.agent.tools.mcp.tool_names import sent_name
from agentkit.errors import NoFile, UsageError

KEY = "zq8Lm27PwXy41RtBnV0c"


@pytest.mark.parametrize(
    ("text", "name", "command", "args"),
    [
        ("uvx mcp-server-time", "mcp-server-time", "uvx", ("mcp-server-time",)),
        ("uvx --from git+https://x/y mcp-a --z", "mcp-a", "uvx", None),
        ("npx -y @scope/server-x 'a b'", "@scope/server-x", "npx", None),
        ("/opt/bin/python3.12 -m my_server", "my_server", "/opt/bin/python3.12", None),
        (["python", "-c", "import x"], "python", "python", ("-c", "import x")),
        (["my server", "a b"], "my server", "my server", ("a b",)),
    ],
)
def test_a_command_is_read_as_a_shell_would(
    text: Any, name: str, command: str, args: tuple[str, ...] | None
) -> None:
    found = target_of_text(text)
    assert (found.name, found.command, found.url) == (name, command, "")
    assert args is None or found.args == args


def test_a_url_is_named_without_its_login() -> None:
    found = target_of_text(f"https://me:{KEY}@tools.example/a/mcp?token={KEY}")
    assert found.name == "tools.example/a/mcp"
    assert KEY in found.secrets()
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ("", {}),
        ("uvx 'half", {}),
        ([], {}),
        (["a", 3], {}),
        (7, {}),
        ("http://x/mcp", {"env": {"A": "b"}}),
        ("uvx x", {"headers": {"A": "b"}}),
        ("uvx x", {"env": {"A": 3}}),
        ("uvx x", {"env": ["A=3"]}),
        ("uvx x", {"timeout": 0}),
        ({"servers": {"a": {"command": "x"}}}, {"env": {"A": "b"}}),
        ({"nothing": {}}, {}),
        ({"mcpServers": {}}, {}),
        ({"mcpServers": {"a": {"command": "x", "disabled": True}}}, {}),
        ({"mcpServers": {"a": 3}}, {}),
        ({"mcpServers": {"a": {"args": ["x"]}}}, {}),
        ({"mcpServers": {"a": {"command": "x", "args": "y"}}}, {}),
        ({"servers": {"a": {"url": "http://x/mcp", "headers": {"A": "${input:key}"}}}}, {}),
        ({"servers": {"a": {"command": "x", "env": {"A": "${NOT_SET_ANYWHERE}"}}}}, {}),
    ],
)
def test_what_is_no_server_is_refused_with_what_to_do(given: Any, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as raised:
        ak.mcp(given, **options)
    assert raised.value.hint


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoFile, match="there is no file"):
        ak.mcp(str(tmp_path / "mcp.json"))
    with pytest.raises(NoFile, match="there is no file"):
        ak.mcp(tmp_path / "anything")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(UsageError, match="is no JSON"):
        ak.mcp(broken)


def test_a_configuration_of_an_editor_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_KEY", KEY)
    folder = tmp_path / ".vscode"
    folder.mkdir()
    (folder / "mcp.json").write_text(
        """{ // comments and last commas are allowed here
          "inputs": [],
          "servers": {
            "files": {"command": "npx", "args": ["-y", "x", "${workspaceFolder}/a//b", "${NONE:-c}"],
                      "env": {"DEPTH": 3, "ON": true}, "cwd": "${workspaceFolder}",},
            "web": {"type": "http", "url": "https://web.example/mcp",
                    "headers": {"Authorization": "Bearer ${env:WEB_KEY}"}}, /* here too */
            "old": {"type": "sse", "url": "https://old.example/sse"},
          }
        }"""
    )
    files, web, old = configured(folder / "mcp.json")
    assert files.name == "files"
    assert files.args == ("-y", "x", f"{tmp_path}/a//b", "c")
    assert files.env == {"DEPTH": "3", "ON": "true"}
    assert files.cwd == str(tmp_path)
    assert web.headers == {"Authorization": f"Bearer {KEY}"}
    assert (web.old_events, old.old_events) == (False, True)


@pytest.mark.parametrize("outer", ["mcpServers", "servers"])
def test_all_servers_of_a_configuration_are_taken_in_its_order(outer: str) -> None:
    entry = {"command": "x"}
    data: dict[str, Any] = {outer: {"b": entry, "a": {"url": "http://x/mcp"}, "c": entry}}
    assert [t.name for t in servers_in(data, Path.cwd())] == ["b", "a", "c"]
    assert [t.name for t in servers_in({"mcp": data}, Path.cwd())] == ["b", "a", "c"]


@pytest.mark.parametrize(
    "server",
    [
        {"command": "x", "env": {"GITHUB_TOKEN": KEY}},
        {"command": "x", "env": {"FIREFLIES": KEY}},
        {"command": "x", "env": {"DATABASE": f"postgres://me:{KEY}@db/x"}},
        {"command": "x", "args": ["--api-key", KEY]},
        {"command": "x", "args": [f"--token={KEY}"]},
        {"command": "x", "args": ["-e", f"API_KEY={KEY}"]},
        {"command": "x", "args": ["--header", f"Authorization: Bearer {KEY}"]},
        {"command": "x", "args": [f"https://x.example/mcp?key={KEY}"]},
        {"url": "http://x/mcp", "headers": {"Authorization": f"Bearer {KEY}"}},
        {"url": "http://x/mcp", "headers": {"X-Whatever": KEY}},
        {"url": f"http://x/mcp?apikey={KEY}"},
    ],
)
def test_keys_of_a_server_are_known_and_not_shown(server: dict[str, Any]) -> None:
    (found,) = servers_in({"servers": {"a": server}}, Path.cwd())
    assert KEY in found.secrets()
    assert KEY not in repr(found)


def test_what_is_no_key_is_left_alone() -> None:
    env = {
        "MODE": "production",
        "MODEL": "claude-sonnet-4-20250514",
        "DIR": "/srv/data1/repository1",
    }
    args = ["--local-timezone=Europe/Oslo", "--repository", "/srv/data/repository1"]
    assert target_of_text(["x", *args], env=env).secrets() == []


def test_names_are_written_as_model_servers_take_them() -> None:
    taken: list[str] = []
    for name in ("a.b", "a/b", "a b", "x" * 128, "x" * 100, "", "ü", "fine-name_1"):
        taken.append(sent_name(name, taken))
    assert taken == [
        *("a_b", "a_b_2", "a_b_3", "x" * 64, f"{'x' * 62}_2", "tool", "_", "fine-name_1")
    ]
