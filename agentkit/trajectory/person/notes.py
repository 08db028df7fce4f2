"""Notes and labels that a person gives to a rollout, a turn or a call. They lie in the rollout's
meta, and are saved with it:

    meta["notes"] = [{"label": "wrong city", "turn": 3}, {"note": "the tool lies", "turn": 3,
                      "call": 0}]

Each entry has a `label` or a `note`; without a `turn` it is of the whole rollout, without a `call`
of the whole turn. Entries of any other form are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from agentkit.errors import NotFound, UsageError
from agentkit.types.record import Record, clip, record
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import with_article

KEY = "notes"
_MOST = {"label": 200, "note": 20_000}
"""The most characters of each."""


@record
class Remark(Record):
    """One note or label, and what it was given to."""

    text: str
    is_label: bool = False
    """Whether it is a label: short, and used to group and filter."""
    turn: int | None = None
    """The turn, from 0; None: the whole rollout."""
    call: int | None = None
    """The position of the call in the turn; None: the whole turn."""

    def summary(self) -> str:
        place = "" if self.turn is None else f" at turn {self.turn}"
        place += "" if self.call is None else f", call {self.call}"
        return f"{'label' if self.is_label else 'note'}{place}: {clip(self.text)}"


def remarks_of(trajectory: Trajectory) -> tuple[Remark, ...]:
    """List the notes and labels of a rollout and of all its turns and calls, in the order they were
    given.
    """
    return tuple(_read(_entries(trajectory)))


def labels_of(trajectory: Trajectory) -> tuple[str, ...]:
    """List every label in the rollout, each once."""
    return tuple(dict.fromkeys(r.text for r in remarks_of(trajectory) if r.is_label))


def with_remark(trajectory: Trajectory, remark: Remark) -> Trajectory:
    """Add a note or a label; a label that is there already is not added again.

    Raises:
        UsageError: it is no text, it is empty or too long, or a label holds a comma.
        NotFound: there is no such turn or call.
    """
    kind = "label" if remark.is_label else "note"
    text = remark.text.strip() if isinstance(remark.text, str) else ""
    text = " ".join(text.split()) if remark.is_label else text
    if not text or len(text) > _MOST[kind] or (remark.is_label and "," in text):
        hint = "give a short text without a comma, such as 'wrong city'"
        raise UsageError(
            f"{remark.text!r:.60} cannot be {with_article(kind)}",
            hint=hint if remark.is_label else "",
        )
    _check_place(trajectory, remark)
    remark = replace(remark, text=text)
    if remark.is_label and remark in remarks_of(trajectory):
        return trajectory
    return _with_entries(trajectory, [*_entries(trajectory), *entries_of([remark])])


def without_remark(trajectory: Trajectory, remark: Remark) -> Trajectory:
    """Take a note or a label away.

    Raises:
        NotFound: it is not there.
    """
    entries = _entries(trajectory)
    kept = [entry for entry in entries if remark not in _read([entry])]
    if len(kept) == len(entries):
        raise NotFound(f"there is no {remark.summary()}")
    return _with_entries(trajectory, kept)


def entries_of(remarks: Iterable[Remark]) -> list[dict[str, Any]]:
    """Write remarks as the entries that a meta holds."""
    return [
        {
            "label" if remark.is_label else "note": remark.text,
            **{
                name: at
                for name, at in (("turn", remark.turn), ("call", remark.call))
                if at is not None
            },
        }
        for remark in remarks
    ]


def remarks_in(entries: Any) -> Iterator[Remark]:
    """Read the entries of a meta; what is none is left out."""
    return _read(list(entries)) if isinstance(entries, (list, tuple)) else iter(())


def remarks_until(meta: dict[str, Any], turn: int, answered: bool) -> dict[str, Any]:
    """Copy the meta of a rollout without what was said of turns that are another's from here on.

    Args:
        meta: the meta.
        turn: the first turn that differs.
        answered: whether the answer of that turn is still the same.
    """
    entries = meta.get(KEY)
    if not isinstance(entries, list):
        return meta
    last = turn if answered else turn - 1
    gone = [entry for entry in entries if any((r.turn or 0) > last for r in _read([entry]))]
    return {**meta, KEY: [entry for entry in entries if entry not in gone]} if gone else meta


def _check_place(trajectory: Trajectory, remark: Remark) -> None:
    turns, turn, call = trajectory.all_turns, remark.turn, remark.call
    if turn is None:
        if call is not None:
            raise UsageError("a call is in a turn", hint="give its turn as well: turn=3, call=0")
        return
    if isinstance(turn, bool) or not isinstance(turn, int) or not 0 <= turn < len(turns):
        raise NotFound(f"there is no turn {turn!r}", hint=f"{len(turns)} have an answer, from 0")
    calls = turns[turn].tool_calls
    if call is not None and (not isinstance(call, int) or not 0 <= call < len(calls)):
        raise NotFound(
            f"there is no call {call!r} in turn {turn}", hint=f"it has {len(calls)}, from 0"
        )


def _entries(trajectory: Trajectory) -> list[Any]:
    entries = trajectory.meta.get(KEY)
    return list(entries) if isinstance(entries, (list, tuple)) else []


def _with_entries(trajectory: Trajectory, entries: list[Any]) -> Trajectory:
    return replace(trajectory, meta={**trajectory.meta, KEY: entries})


def _read(entries: list[Any]) -> Iterator[Remark]:
    for entry in entries:
        if isinstance(entry, dict):
            text, place = (
                entry.get("label", entry.get("note")),
                (entry.get("turn"), entry.get("call")),
            )
            if isinstance(text, str) and all(at is None or type(at) is int for at in place):
                yield Remark(text=text, is_label="label" in entry, turn=place[0], call=place[1])
