"""How a frame is made: rows in the order of its columns, and each column of one dtype, even without
a single row.

A value that is not known is `<NA>`, in a nullable dtype; a column of a plain dtype (`int64`,
`bool`) always has a value. Texts are pandas' own `string` dtype in Python storage, which holds any
text a model can write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.file_rollouts import rollouts_of
from agentkit.analysis.frames.safe_frame import safe_frame
from agentkit.files.cassette.index import is_cassette
from agentkit.files.gate import each_opened, file_of
from agentkit.files.path import path_in, to_open
from agentkit.files.reader import rollouts_in
from agentkit.types.trajectory import Trajectory

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
    """Make a `pandas.DataFrame` of rows.

    Args:
        columns: the name and dtype of each column, in order.
        rows: the values, in the order of the columns.
        of: what the rows are of; for a comparison a column `side` follows the first, `rollout`.
    """
    import pandas as pd

    values: list[Any] = list(zip(*rows, strict=True)) or [()] * len(columns)
    named = zip(columns.items(), values, strict=True)
    made = pd.DataFrame({name: _column(list(column), dtype) for (name, dtype), column in named})
    sides: Sequence[str] | None = getattr(of, "side_of", None)
    if sides is not None:
        made.insert(1, "side", pd.Series([sides[place] for place in values[0]], dtype=TEXT))
    return safe_frame(made)


def rollout_frame(
    columns: Mapping[str, str],
    rows: Callable[[int, Trajectory], Iterable[tuple[Any, ...]]],
    x: Any,
    only: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Make a `pandas.DataFrame` of rollouts; where they come from several files, with a column
    `file` behind the prompt.

    Args:
        columns: the name and dtype of each column, in order.
        rows: gives the rows of a rollout that has this place.
        x: what holds the rollouts.
        only: the places of those that have rows, where that is known; None: each is read for it.

    Raises:
        UsageError: it contains no rollout.
    """
    import pandas as pd

    files: dict[int, str | None] = {}

    def every() -> Iterator[tuple[Any, ...]]:
        for place, trajectory in numbered(x) if only is None else ((at, x[at]) for at in only):
            files[place] = file_of(trajectory)
            yield from rows(place, trajectory)

    made = frame(columns, every(), x)
    if any(files.values()):
        named = [files[place] for place in made["rollout"]]
        made.insert(list(made).index("prompt") + 1, "file", pd.Series(named, dtype=TEXT))
    return made


def numbered(x: Any) -> Iterator[tuple[int, Trajectory]]:
    """Give the rollouts that a value holds, for rows, each with its place from 0. Those of a file
    are read one by one, and none is kept.
    """
    path = path_in(x)
    file = None if path is None else to_open(path)
    if file is None or not is_cassette(file):
        yield from enumerate(rollouts_in(x))
        return
    yield from enumerate(each_opened(rollouts_of(file)))


def _column(values: list[Any], dtype: str) -> pd.Series[Any]:
    """Make a column; a count too large for any, as a damaged file may have one, is not known."""
    import numpy as np
    import pandas as pd

    try:
        with np.errstate(invalid="raise"):  # else a count of 64 bits is another, with a warning
            return pd.Series(values, dtype=dtype)
    except (ArithmeticError, TypeError, ValueError):
        if dtype != MAYBE_COUNT:
            raise
    known = [value if type(value) is int and abs(value) < 1 << 63 else None for value in values]
    return pd.Series(known, dtype=dtype)


def identity(index: int, trajectory: Trajectory) -> tuple[int, int | None, str | None]:
    """List the position in what was given, the sample and the text of the prompt."""
    sample = trajectory.meta.get("sample")
    return index, sample if type(sample) is int else None, asked(trajectory)


def asked(trajectory: Trajectory) -> str | None:
    """Find what the user asked: the last user message of the prompt, else the first one after it.

    Returns:
        Its text; None if there is no user message.
    """
    later = [message for turn in trajectory.all_turns[:1] for message in turn.added]
    messages = (*reversed(trajectory.prompt), *later)
    return next((message.content for message in messages if message.role == "user"), None)


def number(value: Any) -> float | None:
    """Return the value if it is a number, and None else; for what a user put into `meta`."""
    return float(value) if isinstance(value, (int, float)) else None
