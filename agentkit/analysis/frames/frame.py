"""How a frame is made: rows in the order of its columns, each column of one dtype, the same when
there is no row at all.

A value that is not known is `<NA>`, in a nullable dtype; a column of a plain dtype (`int64`,
`bool`) always has a value. Texts are pandas' own `string` dtype in Python storage, which holds any
text a model can write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentkit.types.trajectory import Trajectory, Turn

if TYPE_CHECKING:
    import pandas as pd

TEXT = "string[python]"
COUNT, MAYBE_COUNT = "int64", "Int64"
NUMBER = "Float64"
FLAG, MAYBE_FLAG = "bool", "boolean"

IDENTITY = {"rollout": COUNT, "sample": MAYBE_COUNT, "prompt": TEXT}
"""The first columns of every frame."""


def frame(
    columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]], of: Any = None
) -> pd.DataFrame:
    """The `pandas.DataFrame` of the rows; of a comparison with a column `side` behind `rollout`,
    which is the first.
    """
    import pandas as pd

    values: list[Any] = list(zip(*rows, strict=True)) or [()] * len(columns)
    named = zip(columns.items(), values, strict=True)
    made = pd.DataFrame(
        {name: pd.Series(list(column), dtype=dtype) for (name, dtype), column in named}
    )
    sides: Sequence[str] | None = getattr(of, "side_of", None)
    if sides is not None:
        made.insert(1, "side", pd.Series([sides[place] for place in values[0]], dtype=TEXT))
    return made


def identity(index: int, trajectory: Trajectory) -> tuple[int, int | None, str | None]:
    """The position in what was given, the sample and the text of the prompt."""
    sample = trajectory.meta.get("sample")
    return index, sample if type(sample) is int else None, asked(trajectory)


def asked(trajectory: Trajectory) -> str | None:
    """What the user asked: the last user message of the prompt, else the first one after it; None
    where there is none.
    """
    said = [
        *reversed(trajectory.prompt),
        *(message for turn in trajectory.all_turns[:1] for message in turn.added),
    ]
    return next((message.content for message in said if message.role == "user"), None)


def number(value: Any) -> float | None:
    """The value where it is a number, for what a user put into `meta`."""
    return float(value) if isinstance(value, (int, float)) else None


def server(turn: Turn) -> str | None:
    """The server's host and port. No more of its address is told: it can hold a key."""
    url = turn.response.exchange.url
    return urlsplit(url).netloc.rpartition("@")[2] or None if url else None
