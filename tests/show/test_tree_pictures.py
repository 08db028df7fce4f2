"""Trees as pictures: what is drawn of the branches of a debugger and of samples of one prompt."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

import agentkit as ak
from agentkit.show.render.limits import STATIC
from agentkit.testing import ScriptedServer, calls, says


def weather(city: str) -> str:
    """The weather of a city."""
    if city == "Atlantis":
        raise LookupError("no such city")
    return f"rain in {city}"


def sampled(city: str, reward: float | None = None, said: str = "It rains.") -> ak.Trajectory:
    server = ScriptedServer([says(None, calls("weather", city=city)), says(said)])
    made = ak.rollout(ak.Agent("m", [weather], server=server), "Do I need a coat?")
    return made if reward is None else replace(made, meta={"reward": reward})


def bands(html: str) -> list[tuple[float, str]]:
    """How wide each band ends, and its tone."""
    found = re.findall(r'<path d="M([^"]*)Z" class="ak-band ak-(\w+)">', html)
    ends = [(re.findall(r"-?[\d.]+", d), tone) for d, tone in found]
    return [(round(float(n[8]) - float(n[7]), 1), tone) for n, tone in ends]


def test_a_band_is_as_wide_as_its_samples_are_many() -> None:
    tree = ak.sample_tree([sampled("Oslo")] * 6 + [sampled("Rome")] * 3)
    widths = [width for width, _ in bands(tree.html(STATIC))]
    assert len(widths) == 4
    assert max(widths) == pytest.approx(2 * min(widths), abs=0.2)


def test_bands_are_coloured_by_how_the_samples_came_out() -> None:
    tree = ak.sample_tree([sampled("Oslo", 1.0), sampled("Rome", 0.0), sampled("Lima", 0.0, "")])
    tones = [tone for _, tone in bands(tree.html(STATIC))]
    assert (tones.count("good"), tones.count("bad")) == (2, 4)
    assert "✓ It rains." in tree.html(STATIC)
    assert "✕ an empty answer" in tree.html(STATIC)


def test_the_same_stands_in_a_table_and_in_the_text() -> None:
    tree = ak.sample_tree([sampled("Oslo"), sampled("Rome")])
    assert all("weather(city='Oslo')" in shown for shown in (tree.html(STATIC), tree.text()))
    assert "as a table" in tree.html(STATIC)


def test_many_ways_are_one_box() -> None:
    tree = ak.sample_tree([sampled(f"City {i}") for i in range(14)])
    assert "4 other ways" in tree.html(STATIC)


def branched() -> ak.Debugger:
    cities = iter(["Atlantis", "Oslo"])
    server = ScriptedServer(
        lambda messages: (
            says("done")
            if messages[-1]["role"] == "tool"
            else says(None, calls("weather", city=next(cities, "Oslo")))
        )
    )
    dbg = ak.debug(ak.Agent("m", [weather], server=server), "Do I need a coat?")
    dbg.run()
    return dbg.fork(1)


def test_a_lane_marks_what_failed_where_it_left_and_where_we_are() -> None:
    html = branched().tree.html(STATIC)
    main, fork = re.findall(r"<tr[^>]* data-key=\"branch-\w+\">.*?</tr>", html)
    assert "main, turn 0: " in main
    assert 'class="ak-mark ak-bad"' in main
    assert 'class="ak-mark ak-last"' in main
    assert "Answered, with 1 problem" in main
    assert "▶ at turn 1" in fork
    assert 'class="ak-now"' in fork
    assert "ak-mark" not in fork, "what it shares is drawn once"
    assert "left main at turn 1" in html


def test_lanes_are_as_high_as_each_other_so_that_their_lines_meet() -> None:
    html = branched().tree.html(STATIC)
    heights = re.findall(r'viewBox="0 0 \d+ (\d+)"', html)[1:]
    assert len(heights) == 2
    assert all(a == b for a, b in pairwise(heights))
