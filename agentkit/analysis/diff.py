"""Two rollouts beside each other: what they share, where they part, and how. Ids, times and the
form on the wire are no difference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from agentkit.analysis.alignment import CallPair, align_calls, call_meaning, text_of
from agentkit.errors import checked_keywords
from agentkit.files.reader import one_rollout
from agentkit.read.body.finish_words import MEANINGS, means
from agentkit.read.calls.known_tools import KnownTools
from agentkit.servers.redaction.secret_names import masked
from agentkit.types.answer import Response
from agentkit.types.problem import excerpt
from agentkit.types.record import Record, Viewed, clip, record
from agentkit.types.trajectory import Message, Trajectory, Turn
from agentkit.types.words import count

_HINT = (
    "pass two trajectories: ak.diff(before, dbg.trajectory); of files: ak.diff(ak.load(a),"
    " ak.load(b))"
)


@record
class Difference(Record):
    """One thing that is not the same on both sides."""

    what: str
    """`prompt`, `said`, `sampling`, `reasoning`, `content`, `refusal`, `finish_reason`,
    `arguments`, `name`, `order`, `missing`, `extra`, `result`, `turn`, `stop_reason`, `error`;
    `model`, `tools`, `dialect`, `profile`, `parser` or `policy` for what the whole rollout was run
    with. Finish reasons of two dialects differ where they mean another end, not in the word."""
    turn: int | None = None
    """The turn of the left side, or of the right one if the left has none; None for what belongs to
    no turn.
    """
    of: str = ""
    """The tool it is about."""
    pointer: str = ""
    """JSON pointer to the place: into the arguments for `arguments`, into the list of messages for
    `prompt`.
    """
    before: Any = None
    """On the left; at most an excerpt."""
    after: Any = None

    def summary(self) -> str:
        where = f"turn {self.turn}, " if self.turn is not None else ""
        what = f"{self.what} of {self.of}" if self.of else self.what
        place = f"{where}{what} {self.pointer}" if self.pointer else f"{where}{what}"
        return f"{place}: {clip(text_of(self.before), 80)} → {clip(text_of(self.after), 80)}"


@record
class Row(Record):
    """A turn of each side beside the other; one of them is None if the other side has no such
    turn.
    """

    left: Turn | None = None
    right: Turn | None = None
    calls: tuple[CallPair, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def index(self) -> int:
        """The turn's index on the left, else on the right."""
        turn = self.left or self.right
        return turn.index if turn else 0

    def summary(self) -> str:
        return f"turn {self.index}: {count(len(self.differences), 'difference')}"


@record
class Diff(Record, Viewed):
    """Two trajectories beside each other. Falsy if nothing differs."""

    left: Trajectory
    right: Trajectory
    names: tuple[str, str] = ("a", "b")
    rows: tuple[Row, ...] = ()
    around: tuple[Difference, ...] = ()
    """Differences of the prompts, of what the rollouts were run with, and of how they ended."""

    @property
    def trajectories(self) -> tuple[Trajectory, Trajectory]:
        """Both sides; other functions take this for a list of rollouts."""
        return (self.left, self.right)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All differences: the prompt, the turns in order, the ending, then what the rollouts were
        run with.
        """
        prompt = [d for d in self.around if d.what == "prompt"]
        turns = [d for row in self.rows for d in row.differences]
        ending = [d for d in self.around if d.what in ("stop_reason", "error")]
        others = (d for d in self.around if d.what not in ("prompt", "stop_reason", "error"))
        return (*prompt, *turns, *ending, *others)

    @property
    def first(self) -> Difference | None:
        """The first divergence in the order of the conversation; None if nothing differs."""
        return next(iter(self.differences), None)

    @property
    def shared(self) -> int:
        """How many turns are the same before the first that is not."""
        return next((i for i, row in enumerate(self.rows) if row.differences), len(self.rows))

    def __bool__(self) -> bool:
        return self.first is not None

    def summary(self) -> str:
        first = self.first
        return (
            f"first divergence: {first.summary()}; {count(len(self.differences), 'difference')}"
            if first
            else "nothing differs"
        )


@checked_keywords
def diff(a: Any, b: Any, *, names: tuple[str, str] = ("a", "b")) -> Diff:
    """Align two rollouts: which turns are the same, the first divergence, and every difference
    after it.

    Args:
        a: a trajectory, or what contains one (`Debugger`, `AgentResult`, `ak.view`), or a list of
            messages.
        b: the other one.
        names: what to call them.

    Returns:
        The differences; falsy if there are none.

    Raises:
        UsageError: one of them contains no rollout, or several.
    """
    left, right = one_rollout(a, _HINT), one_rollout(b, _HINT)
    offered = [*right.spec.tools, *left.spec.tools]
    tools = KnownTools(offered) if offered else None
    rows = tuple(_row(x, y, tools) for x, y in _aligned(left.all_turns, right.all_turns, tools))
    around = (*_prompts(left.prompt, right.prompt), *_specs(left, right), *_endings(left, right))
    return Diff(left=left, right=right, names=names, rows=rows, around=around)


def _aligned(
    left: Sequence[Turn], right: Sequence[Turn], tools: KnownTools | None
) -> Iterator[tuple[Turn | None, Turn | None]]:
    """Pair the turns. Turns that forks share are pairs, and so are equal turns that occur once;
    what is between two such anchors is paired in order.
    """
    start = 0
    while start < min(len(left), len(right)) and left[start] is right[start]:
        yield left[start], right[start]
        start += 1
    a, b = left[start:], right[start:]
    i = j = 0
    for x, y in (
        *_anchors([_sense(t, tools) for t in a], [_sense(t, tools) for t in b]),
        (len(a), len(b)),
    ):
        yield from _in_order(a[i:x], b[j:y])
        if x < len(a):
            yield a[x], b[y]
        i, j = x + 1, y + 1


def _in_order(
    left: Sequence[Turn], right: Sequence[Turn]
) -> Iterator[tuple[Turn | None, Turn | None]]:
    for k in range(max(len(left), len(right))):
        yield (left[k] if k < len(left) else None), (right[k] if k < len(right) else None)


def _anchors(left: list[Hashable], right: list[Hashable]) -> list[tuple[int, int]]:
    """Find the places of what occurs once on each side, as many as keep their order: the longest
    rising run (patience sorting).
    """
    counts = Counter(left), Counter(right)
    once = {key for key, n in counts[0].items() if n == 1 and counts[1][key] == 1}
    place = {key: j for j, key in enumerate(right) if key in once}
    pairs = [(i, place[key]) for i, key in enumerate(left) if key in once]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for k, (_, j) in enumerate(pairs):
        at = bisect_left(ends, j)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1], last[at : at + 1] = [j], [k]
    run: list[tuple[int, int]] = []
    k = last[-1] if last else -1
    while k >= 0:
        run.append(pairs[k])
        k = before[k]
    return run[::-1]


def _sense(turn: Turn, tools: KnownTools | None) -> Hashable:
    """Make a key of the content of a turn, to find it again on the other side."""
    calls = tuple(call_meaning(call, tools) for call in turn.tool_calls)
    return (
        calls,
        (turn.response.content or "").strip(),
        tuple(result.content for result in turn.tool_results),
    )


def _row(left: Turn | None, right: Turn | None, tools: KnownTools | None) -> Row:
    if left is right:
        return Row(left=left, right=right)
    if left is None or right is None:
        gone = Difference(
            what="turn",
            turn=(left or right).index,  # type: ignore[union-attr]
            before=_summary(left),
            after=_summary(right),
        )
        return Row(left=left, right=right, differences=(gone,))
    calls = align_calls(left.tool_calls, right.tool_calls, tools)
    found = (
        *_before(left, right),
        *_texts(left, right),
        *(d for pair in calls for d in _call(pair, left, right)),
    )
    return Row(left=left, right=right, calls=calls, differences=found)


def _summary(turn: Turn | None) -> str | None:
    return turn.response.summary() if turn else None


def _before(left: Turn, right: Turn) -> Iterator[Difference]:
    """Compare what the caller did before the answer: to the history, and to the sampling."""
    before, after = _added(left), _added(right)
    if before != after:
        before, after = excerpt(before), excerpt(after)
        yield Difference(what="said", turn=left.index, before=before, after=after)
    if (left.sampling or {}) != (right.sampling or {}):
        yield Difference(
            what="sampling",
            turn=left.index,
            before=masked(left.sampling),
            after=masked(right.sampling),
        )


def _added(turn: Turn) -> Any:
    """List the messages the caller added, with how many earlier ones were kept if some were not."""
    messages = [message.wire for message in turn.added]
    return messages if turn.kept is None else {"kept": turn.kept, "said": messages}


def _texts(left: Turn, right: Turn) -> Iterator[Difference]:
    for what in ("reasoning", "content", "refusal", "finish_reason"):
        before, after = getattr(left.response, what), getattr(right.response, what)
        alike = what == "finish_reason" and _ends_alike(left.response, right.response)
        if (before or "") != (after or "") and not alike:
            yield Difference(
                what=what, turn=left.index, before=excerpt(before), after=excerpt(after)
            )


def _ends_alike(left: Response, right: Response) -> bool:
    """Tell whether answers in two dialects ended for the same reason, each in its own word."""
    return left.dialect != right.dialect and _end(left) == _end(right)


def _end(response: Response) -> str:
    """Name what an answer's finish reason means; Responses has no word for calls."""
    word = response.finish_reason
    meant = next((meaning for meaning in MEANINGS if means(word, meaning)), None)
    if meant == "stop" and response.tool_calls:
        return "tool_calls"
    return meant or word or ""


def _call(pair: CallPair, left: Turn, right: Turn) -> Iterator[Difference]:
    a, b = pair.left, pair.right
    if a is None or b is None:
        call = a or b
        name = call.name if call else ""
        yield Difference(
            what=pair.kind,
            turn=left.index,
            of=name,
            before=a and excerpt(a.raw_arguments),
            after=b and excerpt(b.raw_arguments),
        )
        return
    if a.name != b.name:
        yield Difference(what="name", turn=left.index, of=a.name, before=a.name, after=b.name)
    if pair.moved:
        yield Difference(
            what="order", turn=left.index, of=a.name, before=a.position, after=b.position
        )
    for change in pair.changes:
        yield Difference(
            what="arguments",
            turn=left.index,
            of=a.name,
            pointer=change.pointer,
            before=change.before,
            after=change.after,
        )
    yield from _result(a.name, _outcome(left, a.position), _outcome(right, b.position), left.index)


def _outcome(turn: Turn, position: int) -> tuple[str, str] | None:
    result = turn.results[position] if position < len(turn.results) else None
    return (result.status, result.content) if result else None


def _result(
    name: str, before: tuple[str, str] | None, after: tuple[str, str] | None, turn: int
) -> Iterator[Difference]:
    if before == after:
        return
    if before and after and before[0] == after[0]:  # the status is the same: only the texts differ
        shown: list[str | None] = [before[1], after[1]]
    else:
        shown = [": ".join(side) if side else None for side in (before, after)]
    yield Difference(
        what="result", turn=turn, of=name, before=excerpt(shown[0]), after=excerpt(shown[1])
    )


def _prompts(left: Sequence[Message], right: Sequence[Message]) -> Iterator[Difference]:
    for i in range(max(len(left), len(right))):
        before, after = (side[i].wire if i < len(side) else None for side in (left, right))
        if before == after:
            continue
        if before and after and {**before, "content": None} == {**after, "content": None}:
            yield Difference(
                what="prompt",
                pointer=f"/{i}/content",
                before=excerpt(before.get("content")),
                after=excerpt(after.get("content")),
            )
        else:
            yield Difference(
                what="prompt", pointer=f"/{i}", before=excerpt(before), after=excerpt(after)
            )


def _specs(left: Trajectory, right: Trajectory) -> Iterator[Difference]:
    if left.spec is right.spec:
        return
    for what in ("model", "tools", "sampling", "dialect", "profile", "parser", "policy"):
        before, after = getattr(left.spec, what), getattr(right.spec, what)
        if before != after:
            yield Difference(
                what=what, before=excerpt(masked(before)), after=excerpt(masked(after))
            )


def _endings(left: Trajectory, right: Trajectory) -> Iterator[Difference]:
    if left.stop_reason != right.stop_reason:
        yield Difference(what="stop_reason", before=left.stop_reason, after=right.stop_reason)
    before, after = (side.error.summary() if side.error else None for side in (left, right))
    if before != after:
        yield Difference(what="error", before=before, after=after)
