"""The rollouts of a file for the rows of a frame: one by one, and none is kept."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from agentkit.files.cassette.codec import decode_lines, sample_of
from agentkit.files.cassette.index import load_all_for_rows
from agentkit.files.cassette.scan import Scan, lines_at
from agentkit.types.trajectory import Trajectory


def rollouts_of(path: Path) -> Iterator[Trajectory]:
    """Read the rollouts of a cassette in the order of their sample index, of one without damage
    each when it is asked for.

    Raises:
        CassetteError: no rollout in it can be read.
    """
    with path.open("rb") as file:
        places = Scan().read(file).places() or [array("q")]
        each = (sample_of(decode_lines(lines_at(file, own)), for_row=True) for own in places)
        first = next(each)
        if first.damage:
            yield from load_all_for_rows(path)
        else:
            yield from chain([first], each)
