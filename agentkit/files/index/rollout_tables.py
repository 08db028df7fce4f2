"""DuckDB as we use it, in process and without a network; and the tables of an index of rollouts
that have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.files.index.index_part import Part
from agentkit.files.index.index_rows import IndexRows
from agentkit.types.record import clip

if TYPE_CHECKING:
    import pandas as pd

_SETTINGS = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
TEXTS = {
    "rollouts": {"prompt_text": "prompt"},
    "turns": {"content": "content", "reasoning": "reasoning"},
    "calls": {"arguments": "arguments", "result": "result"},
}
"""By table: the columns that are texts, and of which kind."""
_CALLED = "substring(arguments, length(coalesce(name::varchar, 'None')) + 2)"
SHOWN = {
    "rollouts": "* exclude (turn_rows, call_rows)",
    "turns": "*",
    "calls": f"* replace ({_CALLED} as arguments)",
}
"""By table: which columns are shown. The texts of calls begin with the tool's name in the index, as
they are searched by it too.
"""


def check_packages() -> None:
    """Refuse to go on without the packages of the extra `scale`."""
    try:
        import duckdb  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as exc:
        raise UsageError(
            f"an index needs {exc.name}", hint="pip install 'agentkit-notebook[scale]'"
        ) from None


def connected() -> Any:
    """Open a database in memory that fetches nothing."""
    check_packages()
    import duckdb

    connection = duckdb.connect(config=dict[str, Any](_SETTINGS))
    connection.execute("set enable_progress_bar = false")
    return connection


def answer(connection: Any, query: str) -> pd.DataFrame:
    """Ask in SQL.

    Raises:
        UsageError: it cannot be answered; the message is DuckDB's.
    """
    import duckdb

    try:
        asked = connection.extract_statements(query)
        kinds = {statement.type for statement in asked}
        if not asked or kinds & {duckdb.StatementType.DROP, duckdb.StatementType.ALTER}:
            wrong = "a query does not change the tables" if asked else "nothing is asked"
            raise UsageError(wrong, hint="ask like this: select * from rollouts limit 1")
        found: pd.DataFrame = connection.execute(query).df()
    except duckdb.Error as exc:
        raise UsageError(
            f"the query cannot be answered: {clip(str(exc), 500)}",
            hint="the tables are rollouts, turns and calls; select * from rollouts limit 1",
        ) from None
    return found


class RolloutTables:
    """Rollouts in memory as the three tables of an index."""

    def __init__(self, rows: Iterable[IndexRows]) -> None:
        self._part = Part()
        for place, each in enumerate(rows):
            self._part.add(place, [], each)

    def sql(self, query: str) -> pd.DataFrame:
        """Ask in SQL."""
        return answer(self._connection, query)

    @cached_property
    def _connection(self) -> Any:
        connection = connected()
        for name, table in self._part.tables(0).items():
            for column, kind in TEXTS[name].items():
                table = table.append_column(column, [self._part.utf8_texts(kind)])
            connection.register(f"every_{name}", table)
            shown = f"select {SHOWN[name]} from every_{name}"  # noqa: S608  (our own names)
            connection.execute(f"create view {name} as {shown}")
        return connection
