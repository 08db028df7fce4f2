"""What a person says of rollouts: labels, notes on a rollout, a turn or a call, and ways to look at
the table. It is kept beside the file the rollouts are in, or in memory if there is none.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentkit.analysis.explore.columns.index_column import sort_key
from agentkit.errors import CassetteError, UsageError
from agentkit.files.path import to_write, write_whole
from agentkit.trajectory.person.notes import Remark, entries_of, remarks_in
from agentkit.types.words import count

_MOST = 200
"""The most characters of a label."""
_LONGEST = 20_000
"""The most characters of a note."""


class Labels:
    """The labels of each rollout, by its sample index in the file, or by its position."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path.absolute() if path else None
        """The file they are kept in; None: only in memory."""
        self._watchers: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._of: dict[int, list[str]] = {}
        self._remarks: dict[int, list[Remark]] = {}
        """Notes, and labels of turns and calls."""
        self.views: dict[str, dict[str, Any]] = {}
        """Filters, orders and columns that were kept under a name."""
        self.changes = 0
        """How often a label was given or taken; a larger number, other labels."""
        self._catch_up()

    def __repr__(self) -> str:
        return f"<Labels of {len(self.all)} rollouts>"

    def of(self, key: int) -> tuple[str, ...]:
        """Look up the labels of one rollout and of its turns and calls, in the order they were
        given.
        """
        parts = (r.text for r in self._remarks.get(key, ()) if r.is_label)
        return tuple(dict.fromkeys([*self._of.get(key, ()), *parts]))

    def add(self, label: str, *keys: int, turn: int | None = None, call: int | None = None) -> None:
        """Give a label to rollouts, or to a turn or a call of each.

        Raises:
            UsageError: it is no text, empty, or contains a comma or a line break.
        """
        name = checked(label)
        self._catch_up()
        for key in keys:
            if turn is not None:
                self._replace(
                    key, Remark(text=name, is_label=True, turn=turn, call=call), keep=True
                )
            elif name not in self._of.setdefault(key, []):
                self._of[key].append(name)
        self._write()

    def remove(
        self, label: str, *keys: int, turn: int | None = None, call: int | None = None
    ) -> None:
        """Take a label from the rollouts that have it, or from a turn or a call of each."""
        self._catch_up()
        for key in keys:
            if turn is not None:
                gone = Remark(text=label, is_label=True, turn=turn, call=call)
                self._replace(key, gone, keep=False)
            elif label in self._of.get(key, ()):
                self._of[key].remove(label)
        self._write()

    def _replace(self, key: int, remark: Remark, keep: bool) -> None:
        others = [other for other in self._remarks.get(key, ()) if other != remark]
        self._remarks[key] = [*others, *([remark] if keep else [])]

    def note(self, text: str, key: int, turn: int | None = None, call: int | None = None) -> None:
        """Write the note on a rollout, a turn or a call; an empty text takes it away.

        Args:
            text: the note.
            key: the rollout's.
            turn: which turn; None for the whole rollout.
            call: which call of the turn; None for the whole turn.

        Raises:
            UsageError: it is no text, or too long.
        """
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise UsageError(
                f"{text!r:.60} cannot be a note",
                hint=f"give a text of at most {_LONGEST:,} characters",
            )
        self._catch_up()
        for old in self._remarks.get(key, ()):
            if not old.is_label and (old.turn, old.call) == (turn, call):
                self._replace(key, old, keep=False)
        if text.strip():
            self._replace(key, Remark(text=text.strip(), turn=turn, call=call), keep=True)
        self._write()

    def remarks_of(self, key: int) -> tuple[Remark, ...]:
        """List labels and notes of a rollout, of the whole of it first."""
        labels = (Remark(text=label, is_label=True) for label in self._of.get(key, ()))
        return (*labels, *sorted(self._remarks.get(key, ()), key=_place))

    def keep_view(self, name: str, view: dict[str, Any] | None) -> None:
        """Keep a way to look at the table under a name; None takes it away."""
        self._catch_up()
        if view is None:
            self.views.pop(name, None)
        else:
            self.views[checked(name)] = view
        self._write()

    @property
    def all(self) -> dict[int, tuple[str, ...]]:
        """Every rollout that has a label, with its labels."""
        return {key: tuple(labels) for key, labels in sorted(self._of.items()) if labels}

    @property
    def keys(self) -> list[int]:
        """Every rollout of which something was kept."""
        return sorted(self._of.keys() | self._remarks.keys())

    @property
    def names(self) -> list[str]:
        """Every label that was given, in order."""
        return sorted({label for key in self.keys for label in self.of(key)}, key=sort_key)

    def save(self, path: Any) -> Path:
        """Keep the labels in this file from now on.

        A file with labels that are not among these is not overwritten: they would be lost.

        Raises:
            UsageError: the file contains other labels.
            CassetteError: it contains something else.
            NoFile: its folder is not there.
        """
        target = to_write(path)
        if self.path is not None and target.resolve() == self.path.resolve():
            self._catch_up()
        elif other := _missing(_read(target)[0] if target.exists() else {}, self._of):
            hint = (
                f"open them by ak.explore(rollouts, labels={str(path)!r}) and add to them, or save"
                " to another file"
            )
            raise UsageError(
                f"{target.name!r} holds labels of {count(other, 'rollout')} that are not among"
                " these",
                hint=hint,
            )
        self.path = target.absolute()
        self._write()
        return self.path

    def watch(self, changed: Callable[[], None]) -> None:
        """Call this method whenever a label was given or taken, as long as its object lives."""
        self._watchers.append(weakref.WeakMethod(changed))

    def _write(self) -> None:
        self.changes += 1
        if self.path is not None:
            kept: dict[str, Any] = {
                "agentkit_labels": 1,
                "labels": {str(key): list(labels) for key, labels in self.all.items()},
            }
            if any(self._remarks.values()):
                kept["notes"] = {
                    str(key): entries_of(of) for key, of in sorted(self._remarks.items()) if of
                }
            if self.views:
                kept["views"] = self.views
            try:
                write_whole(self.path, [json.dumps(kept, ensure_ascii=False, indent=1), "\n"])
            except OSError:
                self._catch_up()  # what could not be written is not shown as if it were
                raise
        self._watchers = [watcher for watcher in self._watchers if watcher() is not None]
        for changed in [watcher() for watcher in self._watchers]:
            if changed is not None:
                changed()

    def _catch_up(self) -> None:
        """Read what another table of the same file has written."""
        if self.path is not None and self.path.exists():
            self._of, self._remarks, self.views = _read(self.path)


def labels_beside(path: Path) -> Path:
    """Name the file in which the labels of a file of rollouts are kept."""
    return path.with_name(f"{path.name}.labels.json")


def checked(label: Any) -> str:
    """Return a label without the space around it.

    Raises:
        UsageError: it cannot be one.
    """
    name = " ".join(label.split()) if isinstance(label, str) else ""
    if not name or "," in name or len(name) > _MOST:
        raise UsageError(
            f"{label!r:.60} cannot be a label",
            hint="give a short text without a comma, such as 'wrong city'",
        )
    return name


def _missing(there: Mapping[int, Sequence[str]], here: Mapping[int, Sequence[str]]) -> int:
    """Count the rollouts that have a label there which they do not have here."""
    return sum(not set(labels) <= set(here.get(key, ())) for key, labels in there.items())


def _place(remark: Remark) -> tuple[int, int]:
    """Order what was said by turn and call."""
    turn, call = (-1 if at is None else at for at in (remark.turn, remark.call))
    return turn, call


_Read = tuple[dict[int, list[str]], dict[int, list[Remark]], dict[str, dict[str, Any]]]


def _read(path: Path) -> _Read:
    try:
        kept = json.loads(path.read_text("utf-8"))
        labels = {int(key): [str(one) for one in of] for key, of in kept["labels"].items()}
        remarks = {int(key): list(remarks_in(of)) for key, of in kept.get("notes", {}).items()}
        return labels, remarks, {str(name): dict(of) for name, of in kept.get("views", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CassetteError(
            f"{path.name!r} is not a file of labels", hint="move it away; it is written anew"
        ) from None
