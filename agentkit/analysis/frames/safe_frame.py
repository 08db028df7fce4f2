"""A frame whose displays show a model's text as text: no mathematics, no control characters."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from agentkit.types.words import in_line, visible

if TYPE_CHECKING:
    import pandas as pd


def safe_frame(made: pd.DataFrame) -> pd.DataFrame:
    """Make the frame one that is safe to display and to write; its values stay what they are."""
    return _frame_class()(made)


def inferred_frame(data: Any, **options: Any) -> pd.DataFrame:
    """Make a safe frame whose columns have the dtypes of their values. Texts are in Python storage:
    Arrow's, which pandas takes where pyarrow is installed, refuses a lone surrogate.

    Args:
        data, options: as `pandas.DataFrame` takes them.
    """
    import pandas as pd

    with pd.option_context("mode.string_storage", "python"):
        return safe_frame(pd.DataFrame(data, **options))


def unpickled(values: Any) -> pd.DataFrame:
    """Make a safe frame again of what was pickled, which is pandas' own class."""
    return safe_frame(values)


def unpickled_column(values: Any) -> Any:
    """Make a column again of what was pickled."""
    return _column_class()(values)


@cache
def _frame_class() -> Any:
    """Return the class of the frames; pandas is not loaded before one is made."""
    import pandas as pd

    class DataFrame(pd.DataFrame):  # type: ignore[misc]
        """A `pandas.DataFrame` whose displays, CSV and Markdown hold texts that cannot reprogram a
        terminal, end a cell or be set as mathematics; the values are as they came.
        """

        @property
        def _constructor(self) -> Any:
            return _frame_class()

        @property
        def _constructor_sliced(self) -> Any:
            return _column_class()

        def __repr__(self) -> str:
            return visible(super().__repr__())

        def __reduce__(self) -> Any:
            return unpickled, (pd.DataFrame(self),)

        def _repr_html_(self) -> str | None:
            with pd.option_context("display.html.use_mathjax", False):
                shown = super()._repr_html_()
            return None if shown is None else visible(shown)

        def to_string(self, *args: Any, **kwargs: Any) -> Any:
            return _written(self, visible, "to_string", args, kwargs)

        def to_csv(self, *args: Any, **kwargs: Any) -> Any:
            return _written(self, visible, "to_csv", args, kwargs)

        def to_html(self, *args: Any, **kwargs: Any) -> Any:
            with pd.option_context("display.html.use_mathjax", False):
                return _written(self, visible, "to_html", args, kwargs)

        def to_markdown(self, *args: Any, **kwargs: Any) -> Any:
            return _written(self, _cell, "to_markdown", args, kwargs)

    return DataFrame


@cache
def _column_class() -> Any:
    """Return the class of a column of such a frame."""
    import pandas as pd

    class Series(pd.Series):  # type: ignore[misc]
        """A `pandas.Series` whose display cannot reprogram a terminal."""

        @property
        def _constructor(self) -> Any:
            return _column_class()

        @property
        def _constructor_expanddim(self) -> Any:
            return _frame_class()

        def __repr__(self) -> str:
            return visible(super().__repr__())

        def __reduce__(self) -> Any:
            return unpickled_column, (pd.Series(self),)

    return Series


def _cell(text: str) -> str:
    """Write a text for a cell of Markdown, which a line feed or a bar would end."""
    return in_line(text).replace("|", "\\|")


def _written(frame: Any, write: Any, method: str, args: Any, kwargs: Any) -> Any:
    """Write a copy of the frame, its texts and names written out, by a method of pandas."""
    import pandas as pd

    def text(value: Any) -> Any:
        return write(value) if isinstance(value, str) else value

    shown = pd.DataFrame(frame)
    for place, dtype in enumerate(shown.dtypes):
        if dtype == "object" or isinstance(dtype, pd.StringDtype):
            column = shown.iloc[:, place].astype(object).map(text)
            shown.isetitem(place, column)
    shown = shown.rename(columns=text)
    return getattr(shown, method)(*args, **kwargs)
