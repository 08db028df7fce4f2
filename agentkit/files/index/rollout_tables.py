"""DuckDB as we use it, in process and without a network; and the tables of an index of rollouts
that have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.files.columns import Kind
from agentkit.files.index.index_part import META, TABLES, Part
from agentkit.files.index.index_rows import IndexRows
from agentkit.files.index.sidecars.sidecar import Sidecar
from agentkit.types.record import clip

if TYPE_CHECKING:
    import pandas as pd

_SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
_LOCKED = "set enable_external_access = false; set lock_configuration = true"
_ASKS = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""Statements that only ask; several in one are those of a pivot."""
_RUNS = re.compile("analy[sz]e", re.IGNORECASE)
"""What makes an explanation run what it explains."""
TEXTS = {
    "rollouts": {"prompt_text": "prompt"},
    "turns": {"content": "content", "reasoning": "reasoning"},
    "calls": {"arguments": "arguments", "result": "result"},
}
"""By table: the columns that are texts, and of which kind."""
COUNTED = ("turn_rows", "call_rows")
"""Columns that say which rows of the others are a rollout's."""
_CALLED = "substring(arguments, length(coalesce(name::varchar, 'None')) + 2)"
SHOWN = {
    "rollouts": f"* exclude ({', '.join(COUNTED)})",
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


def connected(folders: Iterable[Path] = ()) -> Any:
    """Open a database in memory that fetches nothing, and reads no files but those in these
    folders.
    """
    check_packages()
    import duckdb

    connection = duckdb.connect(config=dict[str, Any](_SETTINGS))
    connection.execute("set enable_progress_bar = false")
    listed = [_quoted(folder.absolute()) for folder in folders]
    for own in listed[:1]:  # where DuckDB looks for extensions: there are none
        connection.execute(f"set extension_directory = {own}")
    connection.execute(f"set allowed_directories = [{', '.join(listed)}]; {_LOCKED}")
    return connection


def _quoted(text: Any) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def answer(connection: Any, query: Any) -> pd.DataFrame:
    """Ask in SQL, in a transaction that writes nothing.

    Raises:
        UsageError: it cannot be answered, or does more than ask; the message is DuckDB's.
    """
    import duckdb

    if not isinstance(query, str):
        hint = "give a text: sql('select * from rollouts limit 1')"
        raise UsageError(f"the query is of type {type(query).__name__}", hint=hint)
    try:
        _check_asks(connection.extract_statements(query))
        connection.execute("begin transaction read only")
        try:
            found: pd.DataFrame = connection.execute(query).df()
        finally:
            connection.execute("rollback")
    except duckdb.PermissionException:
        hint = "read another file with pandas, and merge it with what this gives"
        raise UsageError("a query asks the tables alone, and no file", hint=hint) from None
    except duckdb.Error as exc:
        raise UsageError(
            f"the query cannot be answered: {clip(str(exc), 500)}",
            hint="the tables are rollouts, turns and calls; select * from rollouts limit 1",
        ) from None
    return found


def _check_asks(statements: Sequence[Any]) -> None:
    """Refuse what is no single question.

    Raises:
        UsageError: it changes, reads or writes something beside the tables, or asks nothing.
    """
    hint = "ask like this: select * from rollouts limit 1"
    if not statements:
        raise UsageError("nothing is asked", hint=hint)
    if len(statements) > 1:
        raise UsageError(f"{len(statements)} queries are asked in one", hint="ask one at a time")
    kind = statements[0].type.name
    if kind not in _ASKS:
        wrong = f"a query only asks, and this is {kind.replace('_', ' ')}"
        raise UsageError(wrong, hint=f"it does not change the tables; {hint}")
    if kind == "EXPLAIN" and _RUNS.search(statements[0].query):
        raise UsageError("a query is explained without being run", hint="write explain select …")


class IndexTables:
    """The tables of an index over its files."""

    def __init__(
        self, sidecars: Sequence[Sidecar], bases: Sequence[int], rows: Any, is_plain: bool
    ) -> None:
        self.sidecars = sidecars
        self.bases = bases
        """The first row of each file."""
        self.rows = rows
        """An array: which row of the files each rollout is."""
        self.is_plain = is_plain
        """Whether each is the row of its own number."""
        self._is_clean = False

    def sql(self, query: str, places: Sequence[int] | None = None) -> pd.DataFrame:
        """Ask in SQL about the rollouts at these places; None for all."""
        try:
            return self._answer(query, places)
        except UsageError:
            if not self._clean():
                raise
        return self._answer(query, places)

    def _answer(self, query: str, places: Sequence[int] | None) -> pd.DataFrame:
        if places is None:
            return answer(self.connection, query)
        import pyarrow as pa

        connection = self.connection
        connection.register("chosen", pa.table({"row": pa.array(places, pa.int64())}))
        try:
            for table in TABLES:
                every = f"from memory.main.{table}"
                chosen = f"{every} where row in (from chosen)"
                connection.execute(f"create temp view {table} as {chosen}")
            return answer(connection, query)
        finally:
            for table in TABLES:
                connection.execute(f"drop view if exists temp.{table}")

    @cached_property
    def connection(self) -> Any:
        """The database that has them, and over each a view with the texts, `every_rollout`."""
        connection = connected(sidecar.folder for sidecar in self.sidecars)
        self._place(connection)
        for table in TABLES:
            sources = [
                self._source(connection, number, table)
                for number in range(len(self.sidecars))
                if self.sidecars[number].state.count(table)
            ]
            if not sources:
                connection.register(f"no_{table}", _empty(table))
            whole = " union all by name ".join(sources) or f"from no_{table}"
            every = f"every_{table.removesuffix('s')}"
            connection.execute(f"create view {every} as {whole}")
            if not self.is_plain:
                own = "select e.* replace (p.place as row)"
                every = f"({own} from {every} e join placed p on e.row = p.own)"
            kept = f"select {SHOWN[table]} from {every}"  # noqa: S608  (our own names)
            connection.execute(f"create view {table} as {kept}")
        return connection

    def _place(self, connection: Any) -> None:
        """Name the rollout of each row, where they are not in one order."""
        import numpy as np
        import pyarrow as pa

        placed = {"own": self.rows, "place": np.arange(len(self.rows), dtype=np.int64)}
        connection.register("placed", pa.table(placed))

    def _source(self, connection: Any, number: int, table: str) -> str:
        """Write the part of a view that is of one file, with its texts beside the table."""
        sidecar, base = self.sidecars[number], self.bases[number]
        parts = range(len(sidecar.state.parts))
        paths = [sidecar.part_path(part, table).absolute() for part in parts]
        listed = ", ".join(map(_quoted, paths))
        name = self._register(connection, number, table)
        file = _quoted(sidecar.name if len(self.sidecars) > 1 else sidecar.path.name)
        rows = f"select * replace (row + {base} as row), {file} as file"
        read = f"select * from read_parquet([{listed}], union_by_name = true)"  # noqa: S608
        return f"{rows} from ({read} positional join {name})"

    def _register(self, connection: Any, number: int, table: str, clean: bool = False) -> str:
        """Give a table of a file its texts, under a name of their own."""
        import pyarrow as pa

        stores = {shown: self.sidecars[number].texts(k) for shown, k in TEXTS[table].items()}
        columns = {shown: store.arrow(clean=clean) for shown, store in stores.items()}
        connection.register(name := f"{table}_texts_{number}", pa.table(columns))
        return name

    def _clean(self) -> bool:
        """Give the tables texts without half surrogate pairs, which DuckDB does not take; tell
        whether there are any in them.
        """
        if self._is_clean:
            return False
        self._is_clean = True
        found = [
            (number, table)
            for number, sidecar in enumerate(self.sidecars)
            for table, kinds in TEXTS.items()
            if sidecar.state.count(table) and any(sidecar.texts(k).is_odd() for k in kinds.values())
        ]
        for number, table in found:
            self._register(self.connection, number, table, clean=True)
        return bool(found)


def _empty(table: str) -> Any:
    """Make a table of nothing, with all its columns."""
    import pyarrow as pa

    found = Part().tables(0)[table]
    for column in (*TEXTS[table], "file"):
        found = found.append_column(column, pa.array([], pa.large_string()))
    return found


class RolloutTables:
    """Rollouts in memory as the three tables of an index."""

    def __init__(
        self, rows: Iterable[tuple[int, int, IndexRows, str | None]], noted: Mapping[str, Kind]
    ) -> None:
        """
        Args:
            rows: of each rollout, with its number and its sample before, and the name of its file
                behind.
            noted: the names of the caller's own columns, also of other rollouts, and what each
                holds.
        """
        self._part = Part()
        self._noted = noted
        self._files: list[str | None] = []
        self._places: list[int] = []
        for place, sample, each, file in rows:
            self._part.add(sample, [], each)
            self._files.append(file)
            self._places.append(place)

    def sql(self, query: str) -> pd.DataFrame:
        """Ask in SQL."""
        return answer(self._connection, query)

    @cached_property
    def _connection(self) -> Any:
        import pyarrow as pa

        connection = connected()
        for name, table in self._part.tables(0).items():
            for column, kind in TEXTS[name].items():
                table = table.append_column(column, [self._part.utf8_texts(kind)])
            files = pa.array(self._files, pa.string()).take(table.column("row"))
            places = pa.array(self._places, pa.int64()).take(table.column("row"))
            table = table.append_column("file", files).set_column(0, "row", places)
            connection.register(
                f"every_{name}", self._whole(table) if name == "rollouts" else table
            )
            shown = f"select {SHOWN[name]} from every_{name}"  # noqa: S608  (our own names)
            connection.execute(f"create view {name} as {shown}")
        return connection

    def _whole(self, table: Any) -> Any:
        """Add the caller's own columns that none of these rollouts has."""
        import pyarrow as pa

        for name, kind in self._noted.items():
            if (column := META + name) not in table.column_names:
                of = pa.float64() if kind == "number" else pa.string()
                table = table.append_column(column, pa.nulls(table.num_rows, of))
        return table
