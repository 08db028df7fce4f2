"""The text of a streamed answer, put together from its pieces, also where a server sends what it
has sent before again.
"""

from __future__ import annotations

from itertools import pairwise

_LONGEST_CHANCE = 20
"""Characters; up to here a model may as well repeat itself."""


def whole_text(pieces: list[str]) -> tuple[str, bool]:
    """Join the pieces; where each holds the whole text so far, or the last one all of it once
    more, the last one is the text. Returns it, and whether text was sent again.
    """
    joined = "".join(pieces)
    given = [piece for piece in pieces if piece]
    if len(given) < 2 or len(given[-1]) <= _LONGEST_CHANCE or not given[-1].startswith(given[0]):
        return joined, False
    last = given[-1]
    if len(given) > 3 and 2 * len(last) == len(joined) and joined.startswith(last):
        return last, True
    grown = 0
    for before, after in pairwise(given):
        if not after.startswith(before):
            return joined, False
        grown += len(after.strip()) > len(before.strip())
    certain = grown >= 2 or (grown == 1 and len(given[0].strip()) > _LONGEST_CHANCE)
    return (last, True) if certain else (joined, False)
