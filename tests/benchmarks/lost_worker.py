"""A worker of a batch that is killed in the middle: no rollout is lost, and none is there twice.

    python -m tests.benchmarks.lost_worker processes
    python -m tests.benchmarks.lost_worker ray --rounds 3      # with the package ray

Two workers run a recorded batch against a server of this process; one of them gets SIGKILL when some
rollouts have ended and others are in the middle. What is checked: every rollout ends, each is
returned and in the file once, what had ended is not asked again, and the others are asked again at
most for the answers that were on their way.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.testing import calls, says, serve

ROLLOUTS = 40
TURNS = 4
AT_ONCE = 8


def script(messages: list[dict[str, Any]]) -> Any:
    """Call the tool in all turns but the last."""
    results = sum(message["role"] == "tool" for message in messages)
    return says("done") if results == TURNS - 1 else says("", calls("where", n=results))


def where_tool() -> Callable[..., Any]:
    """Make the tool; what a function makes goes to the workers by value."""
    import os
    import time

    def where(n: int) -> str:
        """Say which process this is, after a while."""
        time.sleep(0.05)
        return str(os.getpid())

    return where


def kill_one(path: Path, killed: list[int]) -> None:
    """Kill a worker as soon as some rollouts have ended."""
    limit = time.monotonic() + 300
    while time.monotonic() < limit:
        time.sleep(0.01)
        lines = path.read_bytes() if path.exists() else b""
        if lines.count(b'"step":"end"') >= ROLLOUTS // 5:
            begun = [turn for t in ak.load(path, all=True) for turn in t.all_turns]
            killed.append(
                int(next(t for t in reversed(begun) if t.tool_results).tool_results[0].content)
            )
            os.kill(killed[0], signal.SIGKILL)
            return


def one_round(executor: str) -> str:
    """Run a batch, kill a worker of it, and say what came of it."""
    killed: list[int] = []
    with tempfile.TemporaryDirectory() as folder, serve(script) as server:
        path = Path(folder) / "runs.jsonl"
        killer = threading.Thread(target=kill_one, args=(path, killed))
        killer.start()
        agent = ak.Agent("m", [where_tool()], server.url)
        prompts = [f"p{number}" for number in range(ROLLOUTS)]
        done = ak.rollouts(
            agent,
            prompts,
            concurrency=AT_ONCE,
            record=path,
            executor=executor,
            workers=2,
            progress=False,
        )
        killer.join()
        again = ak.load(path, all=True)
        asked = Counter(
            (one.json["messages"][0]["content"], len(one.json["messages"])) for one in server.asked
        )
    workers = {r.content for t in done for turn in t.turns for r in turn.tool_results}
    assert len(killed) == 1
    assert str(killed[0]) in workers
    assert len(workers) == 3, workers  # two, and the one that took the place of the lost
    assert done.stop_reasons == {"final": ROLLOUTS}, done
    assert [t.meta["prompt_index"] for t in done] == list(range(ROLLOUTS))
    assert sorted(t.meta["prompt_index"] for t in again) == list(range(ROLLOUTS))
    assert all(t.stop_reason == "final" and len(t.turns) == TURNS for t in again)
    assert set(asked) == {(prompt, 2 * turn + 1) for prompt in prompts for turn in range(TURNS)}
    more = asked.total() - ROLLOUTS * TURNS
    assert max(asked.values()) <= 2
    assert more <= AT_ONCE
    return (
        f"{executor}: {ROLLOUTS} rollouts, 2 workers, one killed: 0 lost, 0 twice,"
        f" {more} of {ROLLOUTS * TURNS} answers asked for again"
    )


def main() -> None:
    """Run the rounds and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("executor", choices=("processes", "ray"))
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    if given.executor == "ray":
        import ray  # here two workers have room, however many processors there are

        ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    for _ in range(given.rounds):
        print(one_round(given.executor), flush=True)


if __name__ == "__main__":
    main()
