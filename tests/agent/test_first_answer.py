"""What the first answer of a process needs is imported, and nothing else: that takes longer than
the answer.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from agentkit import testing

SCRIPT = """
import sys
import agentkit as ak

def lookup(key: str, count: int = 0) -> str:
    "Look something up."
    return "{}"

rollout = ak.rollout(ak.Agent("m", tools=[lookup], server=sys.argv[1], stream=STREAM), "go")
assert rollout.stop_reason == "final", rollout.summary()
print(*sorted(name for name in NAMES if name in sys.modules))
"""
NAMES = (
    *("openai", "anthropic", "httpx", "pydantic", "numpy", "pandas", "pyarrow", "duckdb"),
    *("plotly", "IPython", "ipywidgets", "anywidget", "mcp", "ray", "tenacity", "tqdm"),
    *("docstring_parser", "sysconfig"),
    *("agentkit.files.reader", "agentkit.files.foreign", "agentkit.show", "agentkit.analysis"),
)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
def test_a_first_rollout_imports_what_it_needs(stream: bool) -> None:
    script = SCRIPT.replace("NAMES", repr(NAMES)).replace("STREAM", repr(stream))
    with testing.serve([testing.calls("lookup", key="a"), testing.says("done")]) as server:
        ran = subprocess.run(
            [sys.executable, "-c", script, server.url], capture_output=True, text=True, check=False
        )
    assert (ran.stdout.split(), ran.stderr) == ([], "")
