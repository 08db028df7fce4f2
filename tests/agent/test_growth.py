"""What is done to a long rollout, or to a large file, costs in proportion to what is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit import cassette
from agentkit.files.cassette.writer import cassette as writer_of
from agentkit.testing import ScriptedServer, calls, says
from tests.support.growth import assert_linear

pytestmark = pytest.mark.slow


def note(n: int) -> str:
    """Note a number."""
    return str(n)


def agent(turns: int, number: int = 1, *, parallel: bool = False) -> ak.Agent:
    """An agent whose model makes so many calls in each of so many turns."""
    told = (says(None, *(calls("note", n=n) for n in range(number))) for _ in range(turns))
    return ak.Agent(
        "m",
        tools=[note],
        server=ScriptedServer([*told, says("done")]),
        max_turns=None,
        max_calls=None,
        parallel_tools=parallel,
    )


@pytest.mark.parametrize("parallel", [True, False])
def test_many_calls_in_one_turn(parallel: bool) -> None:
    def work(number: int) -> Callable[[], Any]:
        return lambda: ak.rollout(agent(1, number, parallel=parallel), "go")

    assert_linear(work, 400, 3200, what="calls")


@pytest.mark.parametrize("of_calls", [True, False])
def test_back_step_by_step_and_on_again(of_calls: bool) -> None:
    def work(number: int) -> Callable[[], Any]:
        dbg = ak.debug(agent(1, number) if of_calls else agent(number), "go")
        dbg.run()

        def there_and_back() -> None:
            for _ in range(number):
                dbg.back()
            dbg.run()

        return there_and_back

    assert_linear(work, 50, 400, what="back")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Files of so many rollouts, one after the other."""
    folder, rollout = tmp_path_factory.mktemp("growth"), ak.rollout(agent(1), "go")
    return {n: ak.save([rollout] * n, folder / f"{n}.jsonl") for n in (500, 4000)}


def test_the_entry_of_every_sample(files: dict[int, Path]) -> None:
    found = {number: cassette.index(path) for number, path in files.items()}
    assert [found[500].of_sample(n).sample for n in range(500)] == list(range(500))

    def work(number: int) -> Callable[[], Any]:
        return lambda: [found[number].of_sample(n) for n in range(number)]

    assert_linear(work, 500, 4000, what="of_sample")


@pytest.mark.parametrize("headless", [True, False])
def test_recording_does_not_cost_what_is_in_the_file(
    files: dict[int, Path], tmp_path: Path, headless: bool
) -> None:
    """Also where the rollouts in it have lost their first lines but for one."""
    rollout = ak.rollout(agent(1), "go")

    def work(number: int) -> Callable[[], Any]:
        lines = files[number].read_text().splitlines(keepends=True)
        steps = [line for line in lines if not line.startswith('{"agentkit"')]
        path = tmp_path / f"{number}.jsonl"
        path.write_text("".join([lines[0], *steps] if headless else lines))
        writer = writer_of(path)
        return lambda: [writer.begin(rollout) for _ in range(100)]

    assert_linear(work, 500, 4000, factor=2, what="begin")
