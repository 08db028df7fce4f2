"""A table of rollouts in a notebook: the kernel pages it, so that fifty thousand rows cost what
fifty do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.agent.batch.progress import Progress
from agentkit.agent.event_loop import event_loop
from agentkit.analysis.explore.explorer import Explorer, explore
from agentkit.analysis.explore.groups import Group, spread_text
from agentkit.errors import UsageError
from agentkit.show.html import Html, el
from agentkit.show.notebook.live import LiveView, Op, sendable
from agentkit.show.render.limits import Limits
from agentkit.show.render.render import render
from agentkit.show.render.rollout.table import cell_text, column_name
from agentkit.types.record import clip
from agentkit.types.words import count

_BLOCK = 200
"""Rows sent at once at most."""
_PAGE = 40
"""Rows that go with the table itself: as many as the script asks for at once."""
_NAMED = 60
"""Columns and labels that the page is told the names of."""
_OPEN = Limits(size=400_000)
"""For a rollout that is opened in the table."""
_GROUP_COLUMNS = ("prompt", "count", "reward", "turns", "calls", "output_tokens", "stop_reasons")


class ExplorerView(LiveView):
    """Rows on demand, a filter, an order, groups, marks, labels; and under the table's open row
    what was opened.
    """

    scripts = ("explorer",)

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._all = self._table = explore(target)[:]  # not the target itself, which would never end
        self._base, self._within = self._all, ""
        self._all.labels.watch(self._labelled)
        self._query, self._sort, self._descending, self._grouped = "", "", False, False
        self._refused = ("", "")
        self._groups: tuple[Group, ...] = ()
        self._generation = self._order = self._sent = 0
        self._marked: list[int] = []
        self._opened: dict[str, Html] = {}
        self._open: dict[str, Any] = {}
        self._working = False

    @classmethod
    def suits(cls, thing: Any) -> bool:
        """Tell whether it is a table: a single rollout that is looked at is a conversation."""
        return isinstance(thing, Explorer) or len(thing) > 1

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is shown, in order."""
        return self._opened

    def state(self) -> dict[str, Any]:
        """Describe what the table needs."""
        names = _GROUP_COLUMNS if self._grouped else self._columns()
        return {
            "total": len(self._all),
            "shown": len(self._rows),
            "generation": self._generation,
            "order": self._order,
            "query": sendable(self._query),
            "refused": [sendable(text) for text in self._refused],
            "within": sendable(self._within),
            "sort": self._sort,
            "descending": self._descending,
            "grouped": self._grouped,
            "title": sendable(self._all.title),
            "columns": [
                [name, sendable(clip(column_name(name))), self._kind(name)] for name in names
            ],
            "names": [
                [sendable(clip(name)), self._kind(name)] for name in self._all.columns[:_NAMED]
            ],
            "labels": [sendable(label) for label in self._all.labels.names[:_NAMED]],
            "marked": self._marked,
            "open": self._open,
            "working": self._working,
            "kept": self._all.labels.path is not None,
        }

    def _columns(self) -> tuple[str, ...]:
        """Name the columns; labels have room once there are any."""
        return ("rollout", *self._all.source.shown, *(["label"] if self._all.labels.names else []))

    def _kind(self, name: str) -> str:
        column = self._all.source.columns.get(name)
        return (
            "number"
            if name in ("rollout", "count") or (column is not None and column.kind == "number")
            else "text"
        )

    @property
    def _rows(self) -> Sequence[Any]:
        return self._groups if self._grouped else self._table.places

    def opening(self) -> list[Op]:
        """Send the first rows, which would be asked for next."""
        return [["page", self._page(0, _PAGE)]]

    def difference(self) -> list[Op]:
        """List what is open, and the first rows where there are others than before."""
        ops = super().difference()
        if self._sent != self._order:
            self._sent = self._order
            ops += self.opening()
        return ops

    def do_rows(self, start: int, stop: int, generation: int) -> None:
        """Send the cells of some rows."""
        if generation == self._generation:
            self.send({"type": "rows", **self._page(max(0, int(start)), int(stop))})

    def _page(self, start: int, stop: int) -> dict[str, Any]:
        rows = self._rows[start : min(stop, start + _BLOCK)]
        cells = [
            self._group_cells(row) if isinstance(row, Group) else self._cells(row) for row in rows
        ]
        keys = [row.places[0] if isinstance(row, Group) else row for row in rows]
        return {"generation": self._generation, "start": start, "keys": keys, "cells": cells}

    def _cells(self, place: int) -> list[str]:
        table = self._all
        return [sendable(cell_text(table.value(name, place))) for name in self._columns()]

    def _group_cells(self, group: Group) -> list[str]:
        spreads = [
            spread_text(spread)
            for spread in (group.reward, group.turns, group.calls, group.output_tokens)
        ]
        spreads[0] = " ".join(filter(None, [group.reward_shape, spreads[0]]))
        endings = ", ".join(f"{number:,} {reason}" for reason, number in group.stop_reasons)
        return [sendable(cell_text(group.prompt)), f"{group.count:,}", *spreads, endings]

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
        self._query = self._query if query is None else str(query)
        if sort is not None:
            self._sort, self._descending = str(sort), bool(descending)
        self._grouped = self._grouped if grouped is None else bool(grouped)
        if grouped is not None:
            self._base, self._within = self._all, ""
        self._generation += 1
        self._working, self._refused = True, ("", "")
        self.refresh()
        asyncio.run_coroutine_threadsafe(self._answer(self._generation), event_loop())

    async def _answer(self, generation: int) -> None:
        try:
            table, groups = await asyncio.to_thread(self._asked)
        except Exception as error:  # what was asked for, or the file: said where it was asked
            if generation == self._generation:
                message = str(getattr(error, "message", error)) or type(error).__name__
                self._working, self._refused = False, (message, getattr(error, "hint", ""))
                self.refresh()
            return
        if generation == self._generation:  # else another question was asked since
            self._table, self._groups, self._working = table, groups, False
            self._reorder()
            self.refresh()

    def _asked(self) -> tuple[Explorer, tuple[Group, ...]]:
        table = self._base.filter(self._query) if self._query.strip() else self._base
        if self._sort and not self._grouped:
            table = table.sort(self._sort, descending=self._descending)
        groups = table.groups() if self._grouped else ()
        if groups and self._sort in _GROUP_COLUMNS:
            groups = tuple(
                sorted(
                    groups,
                    key=lambda group: _group_key(group, self._sort),
                    reverse=self._descending,
                )
            )
        return table, groups

    def do_open(self, row: int) -> None:
        """Open the row at this position: a rollout's conversation, or the tree of a group's
        samples.
        """
        rows = self._rows
        if not 0 <= row < len(rows):
            return
        found = rows[row]
        if isinstance(found, Group):
            members = [self._all.source.rollouts[place] for place in found.places]
            from agentkit.analysis.sample_tree import sample_tree

            shown = render_shown(sample_tree(members))
        else:
            shown = render(self._all.source.rollouts[found], _OPEN)
        self._show({"row": row, "kind": "group" if isinstance(found, Group) else "rollout"}, shown)

    def do_within(self, row: int) -> None:
        """Show the rollouts of a group as rows."""
        if self._grouped and 0 <= row < len(self._groups):
            group = self._groups[row]
            self._base = self._table = self._all._with(group.places, "")
            self._within, self._query, self._grouped = clip(group.prompt), "", False
            self._sort = self._sort if self._sort in self._all.columns else ""
            self._reorder()
            self.refresh()

    def do_compare(self) -> None:
        """Put the two marked rollouts beside each other."""
        if len(self._marked) != 2:
            raise UsageError(
                f"{len(self._marked)} rollouts are marked",
                hint="mark the two that are to be compared",
            )
        a, b = self._marked
        from agentkit.analysis.diff import diff

        rollouts = self._all.source.rollouts
        self._show(
            {"row": -1, "kind": "compare"},
            render_shown(diff(rollouts[a], rollouts[b], names=(f"rollout {a}", f"rollout {b}"))),
        )

    def do_close(self) -> None:
        """Close what is open."""
        self._close()
        self.refresh()

    def do_mark(self, key: int, on: bool) -> None:
        """Mark a rollout, or take its mark away."""
        if 0 <= key < len(self._all.source):
            self._marked = [*(k for k in self._marked if k != key), *([key] if on else [])]
            self.refresh()

    def do_unmark(self) -> None:
        """Take all marks away."""
        self._marked = []
        self.refresh()

    def do_label(self, label: str, on: bool = True) -> None:
        """Give a label to the marked rollouts, or take it from them."""
        if not self._marked:
            raise UsageError("no rollout is marked", hint="mark those that are to be labelled")
        keys = [self._all._label_key(place) for place in self._marked]
        (self._all.labels.add if on else self._all.labels.remove)(label, *keys)

    def _labelled(self) -> None:
        self._generation += 1
        self.refresh()

    def _show(self, what: dict[str, Any], shown: Mapping[str, Html]) -> None:
        self._open, self._opened = what, dict(shown)
        self.refresh()

    def _reorder(self) -> None:
        """Note that other rows are shown now."""
        self._generation += 1
        self._order += 1
        self._close()

    def _close(self) -> None:
        self._open, self._opened = {}, {}


def render_shown(thing: Any) -> dict[str, Html]:
    """Draw a thing as one part."""
    return {"shown": el("div", thing.html(_OPEN), data_key="shown")}


def _group_key(group: Group, column: str) -> tuple[bool, Any]:
    value = getattr(group, column)
    if column in ("reward", "turns", "calls", "output_tokens"):
        return value is not None, value.mean if value is not None else 0.0
    return True, value if column == "count" else str(value).casefold()


class ProgressView(LiveView):
    """How many rollouts have ended, and how."""

    def __init__(self, target: Progress) -> None:
        super().__init__(target)
        target.watch(lambda _: self.refresh_soon())

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is shown, in order."""
        now: Any = self.target
        if now is None:
            return self.rows()
        title = el("strong", f"{now.done} of {count(now.asked, 'rollout')}")
        return {"progress": el("p", title, " ", now.summary, class_="ak-title")}
