"""`ak.explore`: thousands of rollouts as a table: filtered, sorted, searched, grouped, labelled,
and opened one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from agentkit.analysis.diff import Diff, diff
from agentkit.analysis.explore.aggregates import Aggregates, aggregates_of
from agentkit.analysis.explore.columns.opened_source import source_of
from agentkit.analysis.explore.columns.place_array import as_array, as_places
from agentkit.analysis.explore.columns.source import Source
from agentkit.analysis.explore.facets import Facet, Histogram, KeptRollouts, facets_of, histogram_of
from agentkit.analysis.explore.groups import Group, groups_of
from agentkit.analysis.explore.labels import Labels, labels_beside
from agentkit.analysis.explore.over_values import Axis, axes_of, axis_of, check_axis, over
from agentkit.analysis.explore.query import Query, order_meant, parse_query
from agentkit.analysis.explore.table_columns import TRIED, TableColumns
from agentkit.analysis.frames.safe_frame import inferred_frame
from agentkit.analysis.sample_tree import SampleTree, sample_tree
from agentkit.errors import checked_keywords, names_of
from agentkit.files.path import to_write
from agentkit.trajectory.person.notes import KEY, Remark, entries_of
from agentkit.types.record import Drawn
from agentkit.types.sequences.place import at_place
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import in_line

if TYPE_CHECKING:
    import pandas as pd

_NOTHING = Query()


@checked_keywords
class Explorer(Drawn, Sequence[Trajectory]):
    """Rollouts as a table. `filter` and `sort` give another table over the same rollouts and
    labels; a rollout is read when it is opened.
    """

    def __init__(
        self,
        source: Source,
        labels: Labels,
        places: Sequence[int] | None = None,
        *,
        title: str = "",
        asked: str = "",
        query: Query = _NOTHING,
        base: Sequence[int] | None = None,
    ) -> None:
        self.source = source
        self.labels = labels
        self.places = range(len(source)) if places is None else places
        """Positions in the source of the rollouts in this table, in its order."""
        self.title = title
        self.asked = asked
        """How it was filtered and sorted, in words."""
        self.query = query
        """The conditions and words by which it was filtered."""
        self._base = self.places if base is None else base
        self._columns = TableColumns(source, labels)

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> Explorer: ...
    def __getitem__(self, index: int | slice) -> Trajectory | Explorer:
        if isinstance(index, slice):
            return self._with(self.places[index], self.asked)
        return self._rollout(at_place(self.places, index, "rollout", "no rollout is in this table"))

    def __iter__(self) -> Iterator[Trajectory]:
        return map(self._rollout, self.places)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """All its rollouts, read."""
        return tuple(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names by which it can be filtered and sorted."""
        return self._columns.names

    def value(self, column: str, place: int) -> Any:
        """Return the value of a column for the rollout at this place of the source."""
        return self._columns.value(column, place)

    def filter(self, query: str) -> Explorer:
        """Keep the rollouts that fulfil a query: `reward<0.5 stop_reason=error label=bad Oslo`.

        Conditions are `column` and one of `= != < <= > >= ~` and a value, alternatives with commas.
        `content~`, `reasoning~`, `arguments~` and `result~` search the texts of one kind, `word=`
        finds a whole word; other words may be anywhere in the texts.

        Raises:
            UsageError: there is no such column, a number is none, or a quote is not closed.
        """
        asked = parse_query(query, self.columns)
        places: Sequence[int] = self.places
        searched = [c for c in asked.conditions if self._columns.is_search(c)]
        for condition in asked.conditions:
            if condition not in searched:
                self._columns.tell_absent(condition)
                chosen = as_array(places)
                places = as_places(chosen[self._columns.holding(condition)[chosen]])
        for condition in searched:
            places = self.source.matching(condition, places)
        if asked.words:
            places = self.source.holding(asked.words, places)
        whole = replace(
            self.query,
            conditions=(*self.query.conditions, *asked.conditions),
            words=(*self.query.words, *asked.words),
        )
        in_words = " ".join(filter(None, [self.asked, query.strip()]))
        return self._with(places, in_words, whole, self._base)

    def sort(self, column: str, *, descending: bool = False) -> Explorer:
        """Sort the rollouts by a column, `-reward` for the greatest first; those whose value is not
        known come last.

        Raises:
            UsageError: there is no such column.
        """
        column, descending = order_meant(column, descending, self.columns)
        self._columns.check(column)
        places = self._columns.order(column, self.places, descending)
        order = f"by {column} descending" if descending else f"by {column}"
        in_words = " ".join(filter(None, [self.asked, order]))
        return self._with(places, in_words, self.query, self._base)

    def sql(self, query: str) -> pd.DataFrame:
        """Ask in SQL (DuckDB's) about the rollouts of this table, over three tables: `rollouts`,
        `turns` and `calls`, whose `row` is the number of the rollout. What is noted of a rollout is
        in columns like `"meta.reward"`, texts are in `rollouts.prompt_text`, `turns.content`,
        `turns.reasoning`, `calls.arguments` and `calls.result`.

        Args:
            query: as `select "meta.reward", turns from rollouts where turns > 3`.

        Raises:
            UsageError: it cannot be answered, or duckdb is not installed.
        """
        return self.source.sql(query, self.places)

    def refresh(self) -> Explorer:
        """Open the table anew where its file has grown since; its filter and order are asked again
        by whoever wants them.

        Returns:
            A table of all the rollouts there are now.
        """
        return Explorer(self.source.renewed(), self.labels, title=self.title)

    def facets(self) -> tuple[Facet, ...]:
        """Count, for each value of the columns that say how it went, the rollouts that what else is
        asked leaves. Of a file, columns that its index does not hold are left out.
        """
        return facets_of(self._columns, self._kept(), self.query)

    def histogram(self, column: str = "reward") -> Histogram | None:
        """Count the numbers of a column in ten steps, of what is asked of other columns; None where
        there are none.
        """
        return histogram_of(self._columns, self._kept(), self.query, column)

    def aggregates(self) -> Aggregates:
        """Compute what its rollouts come to: the mean reward, how many failed, median turns and
        time, tokens.
        """
        return aggregates_of(self.source, self.places)

    def _kept(self) -> KeptRollouts:
        return KeptRollouts(self._columns, self._base, self.query)

    def over(self, column: str) -> pd.DataFrame:
        """Compute what the rollouts come to at each value of a column, as over the steps of a
        training: how many there are, how many failed, and the means of their numbers.

        Args:
            column: as `training_step`, `version` or another that was noted in `meta`.

        Returns:
            A row for each value, in order: `rollouts`, `failed`, `tool_errors` (those in which a
            tool failed), `reward`, `turns`, `calls`, `problems`, `output_tokens`, a noted length.

        Raises:
            UsageError: there is no such column.
        """
        check_axis(self._columns, column)
        return over(self._columns, self.places, column)

    @property
    def axes(self) -> tuple[str, ...]:
        """The columns that `axis` can be asked for: steps, times, versions that were noted."""
        return axes_of(self._columns)

    def axis(self, column: str = "") -> Axis | None:
        """Compute what the rollouts come to along a column (the first of `axes`), in at most forty
        points, of what is asked of other columns; None where it has but one value.

        Raises:
            UsageError: there is no such column.
        """
        check_axis(self._columns, name := column or next(iter(self.axes), ""))
        return axis_of(self._columns, self._kept(), self.query, name)

    def groups(self) -> tuple[Group, ...]:
        """Group the rollouts by prompt, each group with its spread of rewards, turns, calls and
        tokens.
        """
        return groups_of(self.source, self.places)

    def tree(self, position: int = 0) -> SampleTree:
        """Build the sample tree of one prompt, that of the rollout at this position of the table:
        what its rollouts have in common and where they part.
        """
        keys = self.source.prompt_numbers()
        chosen = as_array(self.places)
        same = chosen[keys[chosen] == keys[at_place(chosen, position, "rollout")]].tolist()
        return sample_tree([self.source.rollouts[place] for place in same])

    def compare(self, a: int, b: int) -> Diff:
        """Diff two rollouts of the table, by their positions."""
        return diff(
            self[a], self[b], names=(f"rollout {self.places[a]}", f"rollout {self.places[b]}")
        )

    def label(
        self, label: str, *positions: int, turn: int | None = None, call: int | None = None
    ) -> Explorer:
        """Give a label to the rollouts at these positions, or to all of them if none is named.

        Labels are kept beside the file of the rollouts, and go with the rollouts of this table
        wherever they are saved.

        Args:
            label: a short text.
            positions: of the rollouts in the table.
            turn: which turn of each it is for; None for the whole rollout.
            call: which call of the turn; None for the whole turn.

        Returns:
            This table.

        Raises:
            UsageError: it cannot be a label.
            IndexError: there is no such position.
        """
        self.labels.add(label, *self._keys(positions), turn=turn, call=call)
        return self

    def unlabel(
        self, label: str, *positions: int, turn: int | None = None, call: int | None = None
    ) -> Explorer:
        """Take a label from the rollouts at these positions, or from all of them if none is named.

        Args:
            label: what it says.
            positions: of the rollouts in the table.
            turn: which turn of each has it; None for the whole rollout.
            call: which call of the turn; None for the whole turn.

        Returns:
            This table.
        """
        self.labels.remove(label, *self._keys(positions), turn=turn, call=call)
        return self

    def _keys(self, positions: Sequence[int]) -> list[int]:
        return [self._key_at(p) for p in (positions or range(len(self)))]

    def labels_of(self, place: int) -> tuple[str, ...]:
        """List the labels of the rollout at this place of the source."""
        return self._columns.labels_of(place)

    def note(
        self, text: str, position: int, *, turn: int | None = None, call: int | None = None
    ) -> Explorer:
        """Write a note on the rollout at this position, on one of its turns or on a call. It is
        kept with the labels; an empty text takes it away.

        Args:
            text: the note.
            position: of the rollout in the table.
            turn: the turn it is about; None for the whole rollout.
            call: the position of the call in its turn; None for the whole turn.

        Returns:
            This table.
        """
        self.labels.note(text, self._key_at(position), turn, call)
        return self

    def remarks_of(self, place: int) -> tuple[Remark, ...]:
        """List the labels and notes on the rollout at this place of the source, its turns and
        calls: those of this table, then those that the rollout has in its meta.
        """
        own = self.labels.remarks_of(self.source.sample(place))
        return (*own, *(r for r in self.source.remarks(place) if r not in own))

    def _rollout(self, place: int) -> Trajectory:
        """Give a rollout what was said of it: it is saved and exported with its labels and
        notes.
        """
        trajectory = self.source.rollouts[place]
        there = self.source.remarks(place)
        new = [r for r in self.labels.remarks_of(self.source.sample(place)) if r not in there]
        if not new:
            return trajectory
        entries = [*trajectory.meta.get(KEY, ()), *entries_of(new)]
        return replace(trajectory, meta={**trajectory.meta, KEY: entries})

    def _key_at(self, position: int) -> int:
        return self.source.sample(at_place(self.places, position, "rollout"))

    @property
    def frame(self) -> Any:
        """A `pandas.DataFrame` with a row per rollout and every column; times in seconds, labels
        joined by commas.
        """
        import pandas as pd

        columns = {name: self._columns.objects(name, self.places) for name in self.columns}
        return inferred_frame(columns, index=pd.RangeIndex(len(self)))

    def _with(
        self,
        places: Sequence[int],
        asked: str,
        query: Query | None = None,
        base: Sequence[int] | None = None,
    ) -> Explorer:
        return Explorer(
            self.source,
            self.labels,
            places,
            title=self.title,
            asked=asked,
            query=query or _NOTHING,
            base=base,
        )

    def heading(self) -> str:
        """Summarize how many rollouts there are, of how many, and which."""
        total = len(self.source)
        number = (
            f"{len(self):,} rollout{'s' * (len(self) != 1)}"
            if len(self) == total
            else f"{len(self):,} of {total:,} rollouts"
        )
        return in_line(", ".join(filter(None, [self.title, number, self.asked])))

    def __repr__(self) -> str:
        slow = [name for name in self.source.columns if self.source.reads(name)]
        read = f"; slow, each rollout is read for it: {', '.join(slow)}" if slow else ""
        asked = "" if self.asked else ", not filtered or sorted"
        return f"<Explorer {self.heading()}{asked}{read}>"


_meant = names_of("a table", [n for n in dir(Explorer) if n[0] != "_"], "table", TRIED)
Explorer.__getattr__ = staticmethod(_meant)  # type: ignore[attr-defined]


@checked_keywords
def explore(x: Any, *, labels: Any = None, title: str = "") -> Explorer:
    """Open rollouts as a table to filter, sort, search, group, label and look into.

    A file is opened by a list of its places and not read whole; one of more than ten thousand
    rollouts by `ak.index`, which is made on first use where duckdb and pyarrow are installed.

    Args:
        x: what `ak.rollouts` gave, a list of trajectories, or whatever else `ak.view` shows; the
            path of a cassette, `ak.cassette.open(path)`, `ak.cassette.index(path)` or what
            `ak.index` gave.
        labels: the file labels are kept in; by default beside the rollouts' file, or only in memory
            if they have none.
        title: a heading.

    Raises:
        UsageError: it contains no rollouts.
        FileNotFoundError: there is no such file.
        CassetteError: the file cannot be read.
    """
    if isinstance(x, Explorer):
        return x
    title = title or getattr(x, "title", "")
    kept = to_write(labels) if labels is not None else None
    source, file = source_of(x)
    if kept is None and file is not None:
        kept = labels_beside(file)
    return Explorer(source, Labels(kept), title=title if isinstance(title, str) else "")
