"""What is opened in a table: a rollout with its labels and notes, two beside each other, the tree
of a prompt's samples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.groups import Group
from agentkit.errors import UsageError
from agentkit.show.html import Child, Html, el
from agentkit.show.notebook.live import LiveView, sendable
from agentkit.show.notebook.page_parts import Part
from agentkit.show.notebook.views.explorer.opened_parts import bar_parts, side_parts
from agentkit.show.notebook.views.explorer.table_cells import TableCells
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.words import outcome_of, tokens_in_short
from agentkit.show.render.rollout.table import cell_text, short_turns
from agentkit.trajectory.person.notes import Remark
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Usage
from agentkit.types.words import seconds

_OPEN = Limits(size=400_000)
"""For a rollout that is opened in the table."""
_NOTABLE = 200
"""Turns and calls that a note is offered for."""
_TREE = 500
"""Samples of a tree."""


class OpenedRollout:
    """The actions of a table that open something in it."""

    _all: Explorer
    _table: Explorer
    _base: Explorer
    _within: str
    _groups: tuple[Group, ...]
    _grouped: bool
    _marked: list[int]
    _cells: TableCells
    refresh: Any
    _put_in: Any
    _take_out: Any
    _reorder: Any
    _begin: Any
    reply: Any

    def __init__(self, target: Any) -> None:
        super().__init__(target)  # type: ignore[call-arg]
        self._opened: dict[str, Html] = {}
        self._open: dict[str, Any] = {}
        self._about = ""
        """What of the open rollout labels and notes are given to."""

    def _open_parts(self) -> dict[str, list[Part]]:
        """Describe what stands around what is open."""
        opened = self._open
        short = opened.get("how") == "short"
        return {
            "in_bar": bar_parts(opened, self._marked, len(self._rows)) if opened else [],
            "in_side": side_parts(opened, self._about, self._kept) if short else [],
        }

    def do_about(self, value: str) -> None:
        """Choose what of the open rollout labels and notes are given to."""
        self._about = str(value)
        self.refresh()

    def do_pair(self) -> None:
        """Mark the rollout that is open too, and compare it with the other one that is marked."""
        self._marked = [*(k for k in self._marked if k != self._open["key"]), self._open["key"]]
        if len(self._marked) == 2:
            self.do_compare()
            return
        self.reply(
            {"type": "say", "text": "marked; mark another row, then Compare below the table"}
        )
        self.refresh()

    @property
    def _kept(self) -> str:
        """The name of the file that labels and notes are kept in; "" for none."""
        path = self._all.labels.path
        return path.name if path is not None else ""

    @property
    def _rows(self) -> Sequence[Any]:
        """The rows of the table: places, or prompts."""
        raise NotImplementedError

    def do_open(self, row: int) -> None:
        """Open the row at this position: a rollout in short, or the tree of a prompt's samples."""
        rows = self._rows
        if not 0 <= row < len(rows):
            return
        found = rows[row]
        if isinstance(found, Group):
            self._open_tree(row, found.places, clip(found.prompt))
            return
        trajectory = self._all.source.rollouts[found]
        place = f"{row + 1:,} of {len(rows):,}"
        known = [
            f"{word} {trajectory.meta[name]}"
            for name, word in (("prompt_index", "prompt"), ("sample", "sample"))
            if isinstance(trajectory.meta.get(name), int)
        ]
        self._open = {
            "row": row,
            "key": found,
            "kind": "rollout",
            "title": f"Rollout {found}",
            "facts": " · ".join([place, ", ".join(known)]) if known else place,
            "how": "short",
            "places": _places(trajectory),
        }
        self._about = ""
        self._noted()
        self._take_out()
        self._opened = self._short(trajectory, found)
        self.refresh()

    def _short(self, trajectory: Trajectory, place: int) -> dict[str, Html]:
        """Draw a rollout in short: what it came to, and a line for each turn."""
        table = self._all
        reward = trajectory.meta.get("reward")
        shown: list[tuple[Child, str]] = []
        if reward is not None:
            written = self._cells.of("reward", place) if "reward" in table.columns else str(reward)
            shown.append((written if isinstance(written, str) else written[0], "reward"))
        end = outcome_of(trajectory)
        tone = f"ak-{end.tone}"
        shown.append((el("span", f"{end.icon} {clip(end.words)}", class_=tone), "ended"))
        turns = len(trajectory.all_turns)
        shown.append((f"{turns}", "turn" if turns == 1 else "turns"))
        times = [turn.elapsed for turn in trajectory.all_turns if turn.elapsed is not None]
        if times:
            shown.append((seconds(sum(times)), "time"))
        read, written_tokens = (table.value(n, place) for n in ("input_tokens", "output_tokens"))
        usage = Usage(input_tokens=read, output_tokens=written_tokens)
        if used := tokens_in_short(usage).removesuffix(" tokens"):
            shown.append((used, "tokens"))
        stats = el(
            "div",
            [
                el("div", el("strong", value), el("small", word), class_="ak-fig")
                for value, word in shown
            ],
            class_="ak-figs",
            data_key="short",
        )
        return {"short": stats, "short/turns": short_turns(trajectory)}

    def _noted(self) -> None:
        """Put labels and notes beside the rollout that is open."""
        if self._open.get("kind") != "rollout":
            return
        place = self._open["key"]
        own, said = self._all.labels, self._all.remarks_of(place)
        key = self._all.source.sample(place)
        theirs = own.remarks_of(key)
        self._open = {
            **self._open,
            "remarks": [[place_words(r), r.is_label, sendable(r.text), r in theirs] for r in said],
        }

    def do_within(self, row: int) -> None:
        """Show the rollouts of a prompt as rows."""
        if self._grouped and 0 <= row < len(self._groups):
            group = self._groups[row]
            self._base = self._all._with(group.places, "")
            self._within, self._grouped = clip(group.prompt), False
            self._table, self._groups = self._base, ()
            self._asked_for = self._sort = ""
            self._begin()

    def do_all_prompts(self) -> None:
        """Leave the one prompt whose rollouts are shown."""
        self._base, self._within = self._all, ""
        self._begin()

    def do_tree(self, step: int = 0) -> None:
        """Show the tree of a prompt's samples: of the open one, the one after it or before."""
        groups = self._table.groups()
        if not groups:
            return
        at = (self._open.get("at", 0) + int(step)) % len(groups)
        group = groups[at]
        self._open_tree(-1, group.places, clip(group.prompt), at=at, of=len(groups))

    def _open_tree(self, row: int, places: Sequence[int], prompt: str, **more: int) -> None:
        from agentkit.analysis.sample_tree import sample_tree

        tree = sample_tree([self._all.source.rollouts[place] for place in places[:_TREE]])
        title = f"Prompt {more['at'] + 1:,} of {more['of']:,}" if more else "What its samples did"
        what = {"row": row, "kind": "tree", "title": title, "facts": sendable(prompt), **more}
        self._show(what, render_shown(tree))

    def do_compare(self) -> None:
        """Put the two marked rollouts beside each other."""
        if len(self._marked) != 2:
            raise UsageError(
                f"{len(self._marked)} rollouts are marked",
                hint="mark the two that are to be compared",
            )
        from agentkit.analysis.diff import diff
        from agentkit.show.notebook.views.beside_view import DiffView

        a, b = self._marked
        rollouts = self._all.source.rollouts
        found = diff(rollouts[a], rollouts[b], names=(f"rollout {a}", f"rollout {b}"))
        facts = ", ".join(filter(None, [_shared(found.shared), self._differing(a, b)]))
        what = {"row": -1, "kind": "compare", "title": f"Rollouts {a} and {b}", "facts": facts}
        self._show({**what, "inner": self._put_in(DiffView, found)}, {})

    def _differing(self, a: int, b: int) -> str:
        """Say what was noted of the two otherwise."""
        table = self._all
        noted = {**table.source.rollouts[a].meta, **table.source.rollouts[b].meta}
        names = [name for name in noted if name in table.source.columns and name != "reward"]
        pairs = [(name, table.value(name, a), table.value(name, b)) for name in names]
        said = [
            f"{name} {cell_text(first) or 'none'} and {cell_text(second) or 'none'}"
            for name, first, second in pairs
            if first != second
        ]
        return ", ".join(said[:4])

    def do_whole(self) -> None:
        """Show the whole conversation of the rollout that is open."""
        from agentkit.show.notebook.views.conversation_view import ConversationView

        shown = self._all.source.rollouts[self._open["key"]]
        self._inside_open("whole", ConversationView, shown)

    def do_debug(self) -> None:
        """Open the rollout in a debugger, which has replayed it and can go back."""
        from agentkit.agent.record.replay import replay
        from agentkit.debugger.session import debug
        from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView

        dbg = debug(replay(self._all.source.rollouts[self._open["key"]]))
        dbg.run()
        self._inside_open("debugger", DebuggerView, dbg)

    def do_short(self) -> None:
        """Show the rollout that is open in short again."""
        self.do_open(self._open["row"])

    def _inside_open(self, how: str, kind: type[LiveView], shows: Any) -> None:
        self._open = {**self._open, "how": how, "inner": self._put_in(kind, shows)}
        self._opened = {}
        self.refresh()

    def do_close(self) -> None:
        """Close what is open."""
        self._close()
        self.refresh()

    def do_label(
        self, label: str, on: bool = True, key: int | None = None, where: str = ""
    ) -> None:
        """Give a label to the marked rollouts, or to one or a part of it, or take it away."""
        if key is None and not self._marked:
            raise UsageError("no rollout is marked", hint="mark those that are to be labelled")
        places = self._marked if key is None else [int(key)]
        keys = [self._all.source.sample(place) for place in places]
        give = self._all.labels.add if on else self._all.labels.remove
        give(label, *keys, **place_of(where))

    def do_note(self, key: int, text: str, where: str = "") -> None:
        """Write a note on a rollout, a turn or a call; an empty one is taken away."""
        self._all.labels.note(text, self._all.source.sample(int(key)), **place_of(where))

    def _show(self, what: dict[str, Any], shown: Mapping[str, Html]) -> None:
        if "inner" not in what:
            self._take_out()
        self._open, self._opened = what, dict(shown)
        self.refresh()

    def _close(self) -> None:
        self._take_out()
        self._open, self._opened = {}, {}


def _shared(turns: int) -> str:
    """Say how far two rollouts are the same."""
    if turns == 0:
        return "they part at the first turn"
    return "the first turn is the same" if turns == 1 else f"the first {turns} turns are the same"


def place_words(remark: Remark) -> str:
    """Say what a remark is on: `turn 3 call 0`; "" for the whole rollout."""
    at = [] if remark.turn is None else [f"turn {remark.turn}"]
    return " ".join([*at, *([f"call {remark.call}"] if remark.call is not None else [])])


def place_of(words: str) -> dict[str, int]:
    """Read what `place_words` says."""
    return {name: int(at) for name, at in re.findall(r"(turn|call) (\d+)", str(words))}


def _places(trajectory: Trajectory) -> list[str]:
    """List what a note can be on: the rollout, its turns, their calls."""
    found = [""]
    for turn in trajectory.all_turns:
        calls = range(len(turn.tool_calls))
        found += [f"turn {turn.index}", *(f"turn {turn.index} call {call}" for call in calls)]
    return found[:_NOTABLE]


def render_shown(thing: Any) -> dict[str, Html]:
    """Draw a thing as one part."""
    return {"shown": el("div", thing.html(_OPEN), data_key="shown")}
