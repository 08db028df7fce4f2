"""What the tests of exports share: rollouts whose texts try to get out, and ways to run what was
exported.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import agentkit as ak
from agentkit.show.export.document import Export
from agentkit.trajectory.loop import start
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory
from tests.support.paths import NOTEBOOKS

CASSETTE = NOTEBOOKS / "cassettes" / "vllm_compare_weather.jsonl"

HOSTILE = [
    "it's",
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}",
    "!!",
    "\\",
    "\\'",
    '"',
    '"""',
    "'''",
    "\\n",
    "\n",
    "\r\n",
    "\x00",
    "\x1b[31m",
    "END_OF_REQUEST",
    "\nEND_OF_REQUEST\ntouch pwned\n",
    "@/etc/passwd",
    "\u202etxt.exe",
    "\u2028",
    "\u200b",
    "\x85",
    "\x7f",
    "\ud83d",
    "é 漢字 😀",
    "{0} {x} %s",
    "```\n@someone <img src=http://x>",
    "````",
    "</script><script>alert(1)</script>",
    "<!--",
    "-->",
    "[redacted]",
    "#",
    "-H",
    "\t",
]
"""Constructed: what breaks out of a quoted word, a heredoc, a literal, a fence, a page."""

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=20),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def rollouts(draw: st.DrawFn, *, encodable: bool = False) -> Trajectory:
    """A rollout before its first turn whose messages, tools and fields hold anything."""
    roles = st.sampled_from(["system", "user", "user"])
    messages = [
        {
            "role": draw(roles),
            "content": draw(texts),
            **({"name": draw(texts)} if draw(st.booleans()) else {}),
        }
        for _ in range(draw(st.integers(1, 3)))
    ]
    tools = [
        {
            "type": "function",
            "function": {
                "name": draw(texts),
                "description": draw(texts),
                "parameters": {"type": "object", "x": draw(values)},
            },
        }
        for _ in range(draw(st.integers(0, 2)))
    ]
    sampling: dict[str, Any] = {
        "temperature": draw(st.floats(0, 2)),
        **({"extra_body": {"guided": draw(values), "seed": 3}} if draw(st.booleans()) else {}),
    }
    spec = Spec(
        model=draw(st.none() | texts),
        tools=tuple(tools),
        sampling=sampling,
        stream=draw(st.booleans()),
    )
    return start(messages, spec)


def weather() -> list[Trajectory]:
    """Real rollouts of a small model on vLLM 0.32: one that asks for a wrong city, one with its
    call left in the text, one that was refused.
    """
    found: list[Trajectory] = ak.load(CASSETTE, all=True)
    return found


def run_shell(script: Export, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = script.save(folder / "request.sh")
    env = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        ["bash", str(path)],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=folder,
        env=env,
        timeout=30,
    )


def run_python(script: Export) -> str:
    """What the script prints, run in this process: a new one takes seconds to import openai."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(script, "exported.py", "exec"), {"__name__": "__main__"})
    return printed.getvalue()
