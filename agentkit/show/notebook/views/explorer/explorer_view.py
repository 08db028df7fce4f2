"""A table of rollouts in a notebook: the kernel pages it, so that fifty thousand rows cost what
fifty do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.agent.event_loop import event_loop
from agentkit.analysis.explore.explorer import Explorer, explore
from agentkit.analysis.explore.groups import Group
from agentkit.analysis.explore.query import mended
from agentkit.analysis.explore.table_columns import LABEL
from agentkit.show.html import Html
from agentkit.show.notebook.live import LiveView, Op, sendable
from agentkit.show.notebook.page_parts import Part, part
from agentkit.show.notebook.views.explorer.inner_view import InnerView
from agentkit.show.notebook.views.explorer.opened_rollout import OpenedRollout
from agentkit.show.notebook.views.explorer.table_cells import (
    GROUP_COLUMNS,
    Cell,
    TableCells,
    group_key,
    width_of,
)
from agentkit.show.notebook.views.explorer.table_counts import (
    TableCounts,
    TableQuestions,
    counts_of,
)
from agentkit.show.notebook.views.explorer.table_parts import (
    cell_parts,
    clear,
    empty_parts,
    figure_parts,
    hint_keys,
    mark_parts,
    menu_parts,
    same_parts,
    sort_part,
)
from agentkit.types.record import clip

_BLOCK = 200
"""Rows sent at once at most."""
_PAGE = 40
"""Rows that go with the table itself: as many as the script asks for at once."""
_NAMED = 60
"""Columns and labels that the page is told the names of."""
_LESS = ("calls", "input_tokens", "output_tokens", "elapsed")
"""Columns that give way in a narrow cell, as long as nobody chose them."""
_FEW = 2_000
"""Rollouts that are counted before they are shown; of more, while they are."""


class ExplorerView(TableQuestions, OpenedRollout, InnerView, LiveView):
    """Rows on demand, a filter with its counts, an order, prompts, marks, labels; and under the
    table's open row what was opened.
    """

    scripts = ("inner", "explorer")

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._all = self._table = explore(target)[:]  # not the target itself, which would never end
        self._base, self._within = self._all, ""
        self._all.labels.watch(self._labelled)
        self._cells = TableCells(self._all)
        self._asked_for = ""
        """What the filter says, as it was typed."""
        self._sort, self._descending, self._grouped = "", False, False
        self._chosen: tuple[str, ...] | None = None
        self._refused = ("", "", "")
        self._groups: tuple[Group, ...] = ()
        self._generation = self._order = self._sent = 0
        self._marked: list[int] = []
        self._working = False
        self._unfolded: frozenset[str] = frozenset()
        self._counts: TableCounts | None = None
        self._every: Any = None
        self._axis = ""
        """The column that the rollouts are looked at over; "" for the first there is."""
        if len(self._all) <= _FEW:
            self._counts = self._counted(self._all)

    @classmethod
    def suits(cls, thing: Any) -> bool:
        """Tell whether it is a table: a single rollout that is looked at is a conversation."""
        return isinstance(thing, Explorer) or len(thing) > 1

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is shown, in order."""
        return self._opened

    def state(self) -> dict[str, Any]:
        """Describe what the table needs."""
        labels, cells, counts = self._all.labels, self._cells, self._counts
        names = self._all.columns[:_NAMED]
        columns = self._headings()
        shown = {str(column[0]) for column in columns}
        whole = figure_parts([(f"{len(self._all):,}", "rollouts", "")])
        return {
            "total": len(self._all),
            "shown": len(self._rows),
            "generation": self._generation,
            "order": self._order,
            "query": sendable(self._asked_for),
            "refused": bool(self._refused[0]),
            "grouped": self._grouped,
            "columns": columns,
            "names": [[sendable(clip(name)), cells.kind(name)] for name in names],
            "views": [sendable(name) for name in labels.views],
            "marked": self._marked,
            "open": self._open,
            "working": self._working,
            "offers": counts.offers if counts else {},
            "asked": counts.asked if counts else 0,
            "in_facets": self._facet_parts(),
            "in_figures": counts.figures if counts else whole,
            "in_along": counts.along if counts else [],
            "in_same": self._same(columns),
            "in_empty": self._empty(),
            "in_marks": self._marks(),
            **self._open_parts(),
            "menus": menu_parts(names, shown, labels.views, self._kept),
        }

    def _marks(self) -> list[Part]:
        labels = self._all._columns.label_names[:_NAMED]
        keys = hint_keys(self._open, bool(len(self._rows)), self._grouped)
        marked = 0 if self._grouped else len(self._marked)
        return mark_parts(marked, labels, keys, f"ak-labels-{self.model_id}")

    def _facet_parts(self) -> list[Part]:
        head = [part("span", "Facets"), clear("", "clear all") if self._asked_for else None]
        shown = self._counts.facets if self._counts else [part("p", "counting …")]
        return [part(".ak-facets-head", *head), *shown]

    def _headings(self) -> list[list[Any]]:
        """Describe the columns: name, heading, kind and width of each, whether it gives way in a
        narrow cell, its order, and the button that sorts by it.
        """
        first = self._written(0, _PAGE)
        found = []
        for i, name in enumerate(GROUP_COLUMNS if self._grouped else self._columns()):
            heading = self._cells.heading(name, self._grouped)
            cells = [row[i] for row in first]
            width = width_of(str(heading[1]), str(heading[2]), cells)
            less = name in _LESS and self._chosen is None and not self._grouped
            sorted_by = self._descending if name == self._sort else None
            order = {None: "none", True: "descending", False: "ascending"}[sorted_by]
            found.append([*heading, width, less, order, sort_part(heading, sorted_by)])
        return found

    def _columns(self) -> tuple[str, ...]:
        return self._cells.usual if self._chosen is None else self._chosen

    def _same(self, columns: list[list[Any]]) -> list[Part]:
        names = () if self._grouped else self._columns()
        said = self._cells.constants(names, self._grouped)
        less = ", ".join(str(word) for _, word, _, _, gives, *_ in columns if gives)
        found = same_parts(self._within, said, less, self._grouped)
        if not self._all.asked:
            return found
        whole, asked = f"of {len(self._all.source):,} rollouts ", sendable(clip(self._all.asked))
        return [whole, part("b", asked), *([" · "] if found else []), *found]

    def _empty(self) -> list[Part]:
        if (len(self._rows) or (self._working and len(self._all))) and not self._refused[0]:
            return []
        return empty_parts(len(self._all), self._asked_for, self._refused)

    @property
    def _rows(self) -> Sequence[Any]:
        return self._groups if self._grouped else self._table.places

    def opening(self) -> list[Op]:
        """Send the first rows, which would be asked for next."""
        if not self._counts and not self._working:
            self._count_soon()
        return [["page", self._page(0, _PAGE)]]

    def difference(self) -> list[Op]:
        """List what is open, and the first rows where there are others than before."""
        ops = super().difference()
        if self._sent != self._order:
            self._sent = self._order
            ops.append(["page", self._page(0, _PAGE)])
        return ops

    def do_rows(self, start: int, stop: int, generation: int) -> None:
        """Send the cells of some rows."""
        if generation == self._generation:
            self.reply({"type": "rows", **self._page(max(0, int(start)), int(stop))})

    def _written(self, start: int, stop: int) -> list[list[Cell]]:
        """Write the cells of some rows."""
        rows = self._rows[start:stop]
        if self._grouped:
            written = self._cells.groups(self._groups)
            return [written.of(row) for row in rows]
        names = self._columns()
        return [[self._cells.of(name, place) for name in names] for place in rows]

    def _page(self, start: int, stop: int) -> dict[str, Any]:
        stop = min(stop, start + _BLOCK)
        names = GROUP_COLUMNS if self._grouped else self._columns()
        kinds = [str(self._cells.heading(name, self._grouped)[2]) for name in names]
        cells = [list(map(cell_parts, kinds, row)) for row in self._written(start, stop)]
        rows = self._rows[start:stop]
        keys = [row.places[0] if isinstance(row, Group) else row for row in rows]
        return {"generation": self._generation, "start": start, "keys": keys, "cells": cells}

    def do_ask(
        self,
        query: str | None = None,
        sort: str | None = None,
        descending: bool = False,
        grouped: bool | None = None,
    ) -> None:
        """Filter, sort or group. A search through thousands of texts goes on beside the page, which
        stays usable.
        """
        self._asked_for = self._asked_for if query is None else str(query)
        if sort is not None:
            self._sort, self._descending = str(sort), bool(descending)
        if grouped is not None and bool(grouped) != self._grouped:
            self._grouped = bool(grouped)
            self._sort, self._descending = ("spread", True) if self._grouped else ("", False)
            self._groups = ()
            if self._grouped:
                self._base, self._within = self._all, ""
        self._begin()

    def _begin(self) -> None:
        self._generation += 1
        self._working, self._refused = True, ("", "", "")
        self.refresh()
        asyncio.run_coroutine_threadsafe(self._answer(self._generation), event_loop())

    async def _answer(self, generation: int) -> None:
        try:
            table, groups, counts = await asyncio.to_thread(self._asked)
        except Exception as error:  # what was asked for, or the file: said where it was asked
            if generation == self._generation:
                message = str(getattr(error, "message", error)) or type(error).__name__
                better = mended(self._asked_for, self._all.columns)
                self._refused = (message, getattr(error, "hint", ""), better)
                self._working = False
                self.refresh()
            return
        if generation == self._generation:  # else another question was asked since
            self._table, self._groups, self._counts = table, groups, counts
            self._working = False
            self._reorder()
            self.refresh()

    def _asked(self) -> tuple[Explorer, tuple[Group, ...], TableCounts]:
        table = self._base.filter(self._asked_for) if self._asked_for.strip() else self._base
        counts = self._counted(table)
        if self._sort and not self._grouped:
            table = table.sort(self._sort, descending=self._descending)
        groups = table.groups() if self._grouped else ()
        if groups and self._sort in GROUP_COLUMNS:
            groups = tuple(
                sorted(groups, key=lambda g: group_key(g, self._sort), reverse=self._descending)
            )
        return table, groups, counts

    def _counted(self, table: Explorer) -> TableCounts:
        if self._every is None:
            self._every = self._all.aggregates()
        return counts_of(table, self._every, self._unfolded, len(self._all), self._axis)

    def _count_soon(self) -> None:
        """Count beside the page, which is shown first."""

        async def count() -> None:
            table, generation = self._table, self._generation
            counts = await asyncio.to_thread(self._counted, table)
            if generation == self._generation:
                self._counts = counts
                self.refresh_soon()

        asyncio.run_coroutine_threadsafe(count(), event_loop())

    def do_unfold(self, column: str) -> None:
        """Show all values of a column, or the first again."""
        self._unfolded ^= {column}
        self._begin()

    def do_read(self, column: str) -> None:
        """Read the whole file for a column that its index does not hold."""

        def read() -> None:
            self._all.source.values(column)

        async def answer() -> None:
            await asyncio.to_thread(read)
            self._begin()

        self._working = True
        self.refresh()
        asyncio.run_coroutine_threadsafe(answer(), event_loop())

    def do_columns(self, names: Sequence[str] | None = None) -> None:
        """Choose which columns are shown; the usual ones, where none are named."""
        known = [name for name in self._all.columns if names is not None and name in names]
        usual = [name for name in self._cells.usual if name in known]
        added = [name for name in known if name not in usual]
        self._chosen = (*usual, *added) if names is not None else None
        self._generation += 1
        self._order += 1
        self.refresh()

    def do_column(self, name: str, on: bool) -> None:
        """Show a column too, or no longer."""
        self.do_columns(
            [*(each for each in self._columns() if each != name), *([name] if on else [])]
        )

    def do_save(self, name: str) -> None:
        """Keep filter, order, columns and mode under a name."""
        columns = list(self._chosen) if self._chosen is not None else None
        self._all.labels.keep_view(
            name,
            {
                "query": self._asked_for,
                "sort": self._sort,
                "descending": self._descending,
                "grouped": self._grouped,
                "columns": columns,
            },
        )

    def do_saved(self, name: str) -> None:
        """Show what was kept under a name."""
        kept = self._all.labels.views[name]
        chosen = kept.get("columns")
        self._chosen = (
            tuple(name for name in chosen if name in self._all.columns) if chosen else None
        )
        self._grouped = bool(kept.get("grouped"))
        self._base, self._within, self._groups = self._all, "", ()
        self._order += 1
        self.do_ask(
            query=str(kept.get("query", "")),
            sort=str(kept.get("sort", "")),
            descending=bool(kept.get("descending")),
        )

    def do_forget(self, name: str) -> None:
        """Keep nothing under a name any longer."""
        self._all.labels.keep_view(name, None)

    def do_mark(self, key: int, on: bool) -> None:
        """Mark a rollout, or take its mark away."""
        if 0 <= key < len(self._all.source):
            self._marked = [*(k for k in self._marked if k != key), *([key] if on else [])]
            self.refresh()

    def do_mark_all(self, on: bool) -> None:
        """Mark all rollouts that are shown, or none."""
        self._marked = list(self._table.places) if on and not self._grouped else []
        self.refresh()

    def _labelled(self) -> None:
        self._generation += 1
        if LABEL in self._asked_for or len(self._all) > _FEW:
            self._begin()
            return
        self._counts = self._counted(self._table)
        self._noted()
        self.refresh()

    def _reorder(self) -> None:
        """Note that other rows are shown now."""
        self._generation += 1
        self._order += 1
        self._close()
