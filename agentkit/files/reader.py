"""The one reader of whatever holds rollouts: values of ours, chat messages, raw answers, frames,
files, and lists that mix them.

`FORMS` is the table of all it knows: how each form is recognised, and how it is read. The first
that fits is taken. A new form is a new entry. Objects of later layers are known by the attribute
`rollouts` (or `trajectories`), or `trajectory`, alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from agentkit.errors import CassetteError, UsageError
from agentkit.files.cassette.codec import decode_lines, load_lines
from agentkit.files.cassette.index import Cassette, Index, is_cassette, load_all
from agentkit.files.cassette.index import open as open_cassette
from agentkit.files.foreign.formats import (
    files_in_turn,
    foreign_rollouts,
    may_be_empty,
    tell_left_out,
)
from agentkit.files.foreign.input.file_set import FileSet, bytes_set, path_set, values_set
from agentkit.files.foreign.input.json_log import json_values
from agentkit.files.foreign.input.likeness import made_by, refusal
from agentkit.files.foreign.input.remote import remote_sets
from agentkit.files.foreign.input.shape import is_frame, is_listed, is_pair, is_sdk_object
from agentkit.files.foreign.input.table_rows import frame_rows
from agentkit.files.foreign.logs.capture_log import captured_by_place, is_captured
from agentkit.files.foreign.logs.chat_log import is_message, trajectory_of
from agentkit.files.foreign.logs.raw_answer import (
    exchange_of,
    rollout_of_exchange,
    rollout_of_response,
    rollout_of_turn,
)
from agentkit.files.foreign.logs.rows import entries_of, entry_of, in_order, text_entries
from agentkit.files.foreign.logs.stitched_log import stitched
from agentkit.files.gate import all_opened
from agentkit.files.path import (
    UNPACKED,
    is_pattern,
    is_remote,
    is_url,
    path_in,
    paths_like,
    to_open,
)
from agentkit.read.managed import is_managed
from agentkit.read.plain import plain
from agentkit.types.answer import Response
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import Exchange, Flow
from agentkit.types.words import type_in_words, with_article

_HOLDERS = ("rollouts", "trajectories", "trajectory")
"""Attributes by which an object says which rollouts it holds."""
LOG_COLUMNS = (
    *("messages", "conversation", "conversations"),
    *("request", "response", "body", "choices"),
)
"""Columns that make the rows of a frame entries of a log."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form in which rollouts come."""

    name: str
    """What it is called, in the hint of an error."""
    of: type | tuple[type, ...] | Callable[[Any], object]
    """Classes of its values, or what tells whether a value has this form."""
    read: Callable[[Any, Any], Iterable[Trajectory]]
    """The rollouts of a value of this form; the second argument is the schemas of the tools, for
    answers that come without their request.
    """

    def fits(self, x: Any) -> bool:
        """Tell whether a value has this form."""
        if isinstance(self.of, (type, tuple)):
            return isinstance(x, self.of)
        return bool(self.of(x))


def rollouts_in(x: Any, tools: Any = None) -> list[Trajectory]:
    """Read the rollouts that a value holds, in order; an empty list or batch holds none.

    Args:
        x: any of `FORMS`.
        tools: schemas of the tools, for raw answers that come without their request.

    Raises:
        UsageError: it has none of the forms; the message names what came, the hint the forms.
        FileNotFoundError: there is no such file.
        CassetteError: the file holds nothing that can be read as rollouts.
    """
    for form in FORMS:
        if form.fits(x):
            return all_opened(form.read(x, tools))
    raise UsageError(f"{type_in_words(x)} holds no rollout", hint=forms_hint())


def is_begun(x: Any) -> bool:
    """Tell whether a value names a file whose writer has just begun, and which holds none yet."""
    path = path_in(x)
    return path is not None and may_be_empty(path_set(to_open(path)))


def one_rollout(x: Any, hint: str) -> Trajectory:
    """Read the one rollout that is meant.

    Args:
        x: any of `FORMS` that holds one rollout.
        hint: what to pass instead, for the error.

    Raises:
        UsageError: it holds none, or several.
        FileNotFoundError: there is no such file.
        CassetteError: the file holds nothing that can be read as rollouts.
    """
    try:
        found = rollouts_in(x)
    except UsageError as exc:
        raise UsageError(exc.args[0], hint=hint) from None
    if not found:
        raise UsageError(f"{type_in_words(x)} holds no rollout", hint=hint)
    if len(found) > 1:
        raise UsageError(f"there are {len(found)} rollouts", hint="pass the one that is meant")
    return found[0]


def rollout_sequence(x: Any) -> Sequence[Trajectory]:
    """Read the rollouts that a value holds; those of a cassette stay in its file, and each is read
    when it is looked at.
    """
    path = path_in(x)
    if path is not None and is_cassette(path):
        return open_cassette(path)
    if isinstance(x, Index):
        return Cassette(x)
    inside = x if isinstance(x, Cassette) else _inside(x)
    return inside if isinstance(inside, Cassette) else tuple(rollouts_in(x))


def forms_hint() -> str:
    """List the forms that are read, for the hint of an error."""
    return f"rollouts are read from {', '.join(form.name for form in FORMS if form.name)}"


# what each form is


def _is_flows(x: Any) -> bool:
    """Tell whether it is a list of flows."""
    return isinstance(x, (list, tuple)) and bool(x) and all(isinstance(i, Flow) for i in x)


def _is_holder(x: Any) -> bool:
    return not isinstance(x, (str, bytes, Mapping, list, tuple)) and _inside(x) is not None


def _inside(x: Any) -> Any:
    """Look up what an object says it holds."""
    if isinstance(x, type):
        return None
    for name in _HOLDERS:
        inside = getattr(x, name, None)
        if inside is not None and inside is not x and not callable(inside):
            return inside
    return None


# how each form is read


def _of_response(response: Response, tools: Any) -> list[Trajectory]:
    return [rollout_of_response(response, tools)]


def _of_exchange(exchange: Exchange, tools: Any) -> list[Trajectory]:
    return [rollout_of_exchange(exchange, tools)]


def _of_index(index: Index, tools: Any) -> Iterable[Trajectory]:
    return Cassette(index)


def _of_holder(holder: Any, tools: Any) -> list[Trajectory]:
    inside = _inside(holder)
    parts = (
        list(inside.values()) if isinstance(inside, Mapping) else [inside]
    )  # the sides of a comparison
    try:
        return [trajectory for part in parts for trajectory in rollouts_in(part, tools)]
    except UsageError as exc:
        raise UsageError(
            f"{type_in_words(holder)} holds no rollout: {exc.args[0]}", hint=forms_hint()
        ) from None


def _of_message(message: Any, tools: Any) -> list[Trajectory]:
    return [trajectory_of([message], tools)]


def _refuse_managed(state: Any, tools: Any) -> list[Trajectory]:
    raise UsageError(
        "a managed state is no rollout",
        hint="ak.tokens(state) shows it, ak.tokens_df and ak.prefix_check take it too",
    )


def _refuse_url(url: str, tools: Any) -> list[Trajectory]:
    raise UsageError(
        f"{url!r} is a URL, and holds no rollout",
        hint="ask it with an agent: ak.Agent('model-name', server=url)",
    )


def _of_pair(pair: tuple[int, Any], tools: Any) -> list[Trajectory]:
    status, body = pair
    return [rollout_of_exchange(exchange_of(body, status), tools)]


def _of_mapping(value: Mapping[Any, Any], tools: Any) -> list[Trajectory]:
    known = foreign_rollouts(values_set([value], "the dict"))
    if known is not None:
        return known
    if is_captured(value):
        return list(captured_by_place([(0, value)]).values())
    found = entry_of(value, f"the {type(value).__name__}", tools)
    if not found:
        raise UsageError(f"the {type(value).__name__} holds no messages", hint=forms_hint())
    return found


def _of_sdk_object(value: Any, tools: Any) -> list[Trajectory]:
    data = plain(value)
    if not isinstance(data, dict):
        raise UsageError(f"{type_in_words(value)} holds no rollout", hint=forms_hint())
    return _of_mapping(data, tools)


def _of_frame(frame: Any, tools: Any) -> list[Trajectory]:
    columns = [str(name) for name in frame.columns]
    rows = frame_rows(frame)
    known = foreign_rollouts(values_set(rows, "the DataFrame"))
    if known is not None:
        return known
    if not set(columns) & set(LOG_COLUMNS):
        raise UsageError(
            f"a DataFrame with the columns {', '.join(columns)} holds no rollout"[:300],
            hint="it needs a column 'messages' with a conversation in each row",
        )
    return entries_of(rows, tools)


def _of_raw(text: Any, tools: Any) -> list[Trajectory]:
    """Read JSON text as what it holds, where that is a conversation or a log; any other text as a
    raw answer, to the letter.
    """
    if isinstance(text, (bytes, bytearray)):
        if bytes(text).startswith(UNPACKED):
            return _of_source(bytes_set("the bytes", bytes(text)), tools)
        text = bytes(text).decode(errors="replace")
    if not text.strip():
        raise UsageError("an empty text holds no rollout", hint=forms_hint())
    bad: list[str] = []
    try:
        values = json_values(text, "the text", bad)
    except CassetteError:
        values = []
    if len(bad) > len(values):  # lines of another text may be JSON by themselves
        values, bad = [], []
    known = foreign_rollouts(FileSet(name="the text", given=values, bad=bad))
    if known is not None:
        return known
    if values and isinstance(values[0], dict) and "agentkit" in values[0]:
        return load_lines(decode_lines(text.splitlines()))
    held = [value for value in values if isinstance(value, Mapping)]
    log = len(values) > 1 or any(isinstance(value, list) for value in values)
    if log or any(name in value for value in held for name in ("messages", "request", "input")):
        found = text_entries(values, tools, bad)
        tell_left_out("the text", bad)
        return found
    return [rollout_of_exchange(exchange_of(text), tools)]


def _of_pattern(pattern: Any, tools: Any) -> list[Trajectory]:
    return files_in_turn((str(p), partial(_of_path, p, tools)) for p in paths_like(pattern))


def _of_path(x: Any, tools: Any) -> list[Trajectory]:
    path = to_open(x)
    if is_cassette(path):
        return load_all(path)
    source = path_set(path)
    found = _of_source(source, tools)
    if not found and path.is_dir():
        raise UsageError(f"{str(path)!r} is a folder without rollouts", hint="name a file in it")
    if not found and not may_be_empty(source):
        raise CassetteError(f"{path.name!r} is empty", hint=forms_hint())
    return found


def _of_remote(url: str, tools: Any) -> list[Trajectory]:
    return files_in_turn((s.name, partial(_of_source, s, tools)) for s in remote_sets(url))


def _of_source(source: FileSet, tools: Any) -> list[Trajectory]:
    """Read a file, or the members of an archive or a folder."""
    known = foreign_rollouts(source)
    if known is not None:
        return known
    if source.given is None and len(source.members) != 1:
        return _of_members(source, tools)
    if source.text.startswith('{"agentkit":'):  # a cassette that was packed
        return load_lines(decode_lines(source.text.splitlines()))
    if not source.values or made_by(source.values):
        raise refusal(source)
    try:
        found = entries_of(source.values, tools, source.bad)
    except UsageError:
        raise refusal(source) from None
    tell_left_out(source.name, source.bad)
    return found


def _of_members(source: FileSet, tools: Any) -> list[Trajectory]:
    """Read each member by itself; one that cannot be unpacked costs the others nothing."""
    files = ((member.name, partial(_of_source, member, tools)) for member in source.apart())
    found = files_in_turn(files, refuses=False)
    if source.bad and not found:
        raise CassetteError(source.bad[0], hint=forms_hint())
    tell_left_out(source.name, source.bad)
    return found


def _of_list(listed: Iterable[Any], tools: Any) -> list[Trajectory]:
    """Read a list of any forms. Dicts in it are entries of one log."""
    items, kind = list(listed), type(listed).__name__
    known = foreign_rollouts(values_set(items, f"the {kind}"))
    if known is not None:
        return known
    if not items and not isinstance(listed, Sequence):
        raise UsageError(
            f"{with_article(kind)} holds no rollout",
            hint="an iterator can be read once: pass a list of what it gives",
        )
    if all(isinstance(item, Trajectory) for item in items):
        return items
    if all(map(is_message, items)):
        return [trajectory_of(items, tools)]

    def read(place: int, item: Any) -> list[Trajectory]:
        try:
            if isinstance(item, Mapping):
                return entry_of(item, type_in_words(item), tools)
            return rollouts_in(item, tools)
        except UsageError as exc:
            raise UsageError(
                f"item {place} of the {kind}: {exc.args[0]}", hint=forms_hint()
            ) from None

    return in_order(items, read)


FORMS = (
    Form("a trajectory", Trajectory, lambda trajectory, tools: [trajectory]),
    Form("a turn", Turn, lambda turn, tools: [rollout_of_turn(turn)]),
    Form("a flow", Flow, lambda flow, tools: stitched([flow]).rollouts),
    Form("a list of flows", _is_flows, lambda flows, tools: stitched(flows).rollouts),
    Form("a response", Response, _of_response),
    Form("an exchange", Exchange, _of_exchange),
    Form("an index", Index, _of_index),
    Form("", is_url, _refuse_url),
    Form("", is_remote, _of_remote),
    Form("a path", path_in, _of_path),
    Form("a pattern of paths", is_pattern, _of_pattern),
    Form("a raw answer's text", (str, bytes, bytearray), _of_raw),
    Form("", is_managed, _refuse_managed),
    Form("what has `rollouts` or a `trajectory`", _is_holder, _of_holder),
    Form("a DataFrame with `messages`", is_frame, _of_frame),
    Form("a message", is_message, _of_message),
    Form("a dict", Mapping, _of_mapping),
    Form("an SDK's answer", is_sdk_object, _of_sdk_object),
    Form("a (status, body) pair", is_pair, _of_pair),
    Form("a list of these", is_listed, _of_list),
)
"""Every form in which rollouts come; the first that fits is taken. What is refused with a hint of
its own has no name.
"""
