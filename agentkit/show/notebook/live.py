"""What moves in a notebook: a view of something that changes, kept up to date by small numbered
messages.

A view that is shown sends one `reset` that holds all, unasked, then numbered `delta`s; the page
keeps what it hears until there is something to draw it in, as a kernel that is busy with the very
cell which shows the view cannot be asked. A page that missed something says `ready`, and gets a
`reset`. No trait holds anything of a model or tool: what is shown travels in messages, as markup
made by `agentkit.show.html`, and the page lets in only the elements it knows.
"""

from __future__ import annotations

import json
import threading
import weakref
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import anywidget
import traitlets

from agentkit.agent.event_loop import event_loop
from agentkit.servers.redaction.known_secrets import Known
from agentkit.show.html import Html
from agentkit.show.notebook.long_text import rest_of, text_at
from agentkit.show.notebook.page_files import module, packed

Op = list[Any]
"""One change of the page:

    set key html, insert key html after,
    remove key, rows [[key, html], ...]     its rows
    text key text keep                      a text grows, or goes on after its first `keep` letters
    state {name: value}                     what the script needs to know
    any other name …                        for the view's own script; a page that comes later gets
                                            the last of each name, or of each name and first
                                            argument where there are several

The key of a text that grows begins with that of its row and a slash.
"""

PAUSE = 0.055
"""Seconds between two messages of something that changes quickly."""
_COMING = ""
"""In place of a page: one that may be about to show the view."""
_SAID = 2_000
"""Characters of an error that are shown."""
_PACKED = 8_000
"""Characters beyond which a message is compressed: a server lets through a million bytes a second,
and drops what is more.
"""


class LiveView(anywidget.AnyWidget):
    """A view that lives: HTML under keys, a small state, large arrays, and actions.

    To build one:

        class ProgressView(LiveView):
            # static/scripts/progress.js, put after the runtime; may be left out
            scripts = ("progress",)

            def fragments(self): return {"head": el("p", ...)}  # what is shown, in order
            def state(self): return {"running": True}  # small JSON for the script
            def arrays(self): return [values.tobytes()]  # large data; it gets ArrayBuffers
            def do_pause(self): ...  # the page's `live.send("pause", {...})`

        view.refresh()          # sends what changed; from any thread
        view.refresh_soon()     # the same, at most 18 times a second

    Nothing is drawn or sent while no page shows the view, or may be about to. An error of an action
    is shown in the view. A method here that reads what it shows runs on whichever thread asked,
    under the view's lock.
    """

    scripts: ClassVar[tuple[str, ...]] = ()
    """The names of its own files, or folders of files, in `static/scripts/`, and of the sheets in
    `static/styles/`, where there are any.
    """
    _esm = module()
    packed = traitlets.Bytes().tag(sync=True)
    """The scripts and the sheet; as bytes, which no message writes as letters."""
    _is_inside = False
    counted = traitlets.Dict().tag(sync=True)
    """What a page says that has nothing else: how much is shown, in numbers alone."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "scripts" in cls.__dict__:
            cls._esm = module(*cls.scripts)
        super().__init_subclass__(**kwargs)

    def __init__(self, target: Any = None) -> None:
        super().__init__(counted=self.counts(target), packed=packed(*self.scripts))
        # Only a view that a page shows keeps alive what it shows (`_held`): else the debugger of a
        # cell that is run again would live, and draw, as long as the kernel does.
        self._known = _reference(target)
        self._held = target
        if isinstance(self._known, weakref.ref):
            # not at exit: the kernel is gone then, and closing would wait for its answer
            weakref.finalize(target, self.close).atexit = False
        self._secrets = Known()
        self._lock = threading.RLock()
        self._seq = 0
        self._pages: set[str] = set()
        self._shown: dict[str, Html] = {}
        self._sent_state: dict[str, Any] = {}
        self._soon = False
        self._asker: str | None = None
        self.on_msg(_listener(self))

    @classmethod
    def inside(cls, target: Any) -> Self:
        """Make a view that stands in another one, whose page gets no second model: one that is
        closed while it begins is reported as failed two seconds later.
        """
        view = cls.__new__(cls)
        view._is_inside = True
        cls.__init__(view, target)
        return view

    def open(self) -> None:
        """Open the way to a page, unless another view has one."""
        if not self._is_inside:
            super().open()

    @classmethod
    def suits(cls, thing: Any) -> bool:
        """Tell whether the thing has anything that lives; else its HTML is all there is."""
        return True

    @classmethod
    def counts(cls, thing: Any) -> dict[str, int]:
        """Count what is shown, under words of ours: {"turns": 3}. A page can tell that alone."""
        return {}

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is shown: markup under keys that stay, in order."""
        return {}

    def state(self) -> dict[str, Any]:
        """Describe what the script needs to know: small, JSON, the whole of it every time. Texts in
        it are shown as text.
        """
        return {}

    def arrays(self) -> Sequence[bytes]:
        """Return large data that goes with a reset."""
        return ()

    def difference(self) -> list[Op]:
        """List what changed since it was drawn last. A view of something long overrides it and
        `rows`, and draws only what is new.
        """
        shown = dict(self.fragments())
        ops = changes(self._shown, shown)
        self._shown = shown
        return ops

    def rows(self) -> Mapping[str, Html]:
        """Return all that was drawn last."""
        return self._shown

    def opening(self) -> list[Op]:
        """List what a page needs once it has the rows: the whole of what the view's own operations
        came to.
        """
        return []

    def do(self, action: str, arguments: dict[str, Any]) -> None:
        """Do what the page asked for: `do_<action>(**arguments)`.

        Raises:
            LookupError: there is no such action.
        """
        method = getattr(self, f"do_{action}", None)
        if method is None:
            raise LookupError(f"no action is named {action!r}")
        method(**arguments)

    def roots(self) -> Mapping[str, Any]:
        """Name what the place of a text can begin with, for `text_at`."""
        return {"trajectory": self.target}

    def do_more(self, at: str, start: int, ask: int) -> None:
        """Send the next part of a text that is shown in part."""
        text = text_at(self.roots(), at)
        html, after = rest_of(text, start)
        self.reply({"type": "more", "ask": ask, "html": html, "next": after, "of": len(text)})

    def do_source(self, at: str, ask: int) -> None:
        """Send a text as it was written, to be copied."""
        self.reply({"type": "source", "ask": ask, "text": sendable(text_at(self.roots(), at))})

    @property
    def target(self) -> Any:
        """What it shows; held only while a page shows it, so that a view keeps nothing alive which
        nobody looks at.
        """
        return self._known()

    @property
    def watched(self) -> bool:
        """Whether a page shows it, or may be about to."""
        return bool(self._pages)

    @property
    def awaited(self) -> bool:
        """Whether no page has spoken since it began."""
        return _COMING in self._pages

    def begin(self) -> None:
        """Send all there is to whoever is about to show it, and from then on what changes, until
        `settle`.
        """
        with self._lock:
            if not self._pages:
                self._reset(_COMING)

    def settle(self) -> None:
        """Send nothing more where no page has spoken since it began."""
        with self._lock:
            if self.awaited:
                self.forget(_COMING)

    def refresh(self) -> None:
        """Send what changed since the last time."""
        with self._lock:
            self._soon = False
            if self._pages:
                self.publish(self.difference())
                self.counted = self.counts(self.target)

    def refresh_soon(self) -> None:
        """Send what changed, together with what changes in the next twentieth of a second."""
        with self._lock:
            if self._soon or not self._pages:
                return
            self._soon = True
        loop = event_loop()
        loop.call_soon_threadsafe(loop.call_later, PAUSE, self._refresh)

    def _refresh(self) -> None:
        try:
            self.refresh()
        except Exception as error:  # an error of drawing is seen where it is missed
            self.report(error)

    def publish(self, ops: list[Op], arrays: Sequence[bytes] = ()) -> None:
        """Send these operations, and the state where it is another than before."""
        with self._lock:
            state = self.state()
            changed = {
                name: value
                for name, value in state.items()
                if name not in self._sent_state or self._sent_state[name] != value
            }
            self._sent_state = state
            if changed:
                ops = [*ops, ["state", changed]]
            if (ops or arrays) and self._pages:
                self._seq += 1
                self._post({"type": "delta", "seq": self._seq}, ops, arrays)

    def report(self, error: BaseException, ask: Any = None) -> None:
        """Show an error in the view; `ask` is the number of the question that has no answer."""
        text = str(getattr(error, "message", error)).strip() or type(error).__name__
        hint = str(getattr(error, "hint", ""))
        asked = {"ask": ask} if type(ask) is int else {}
        self.reply({"type": "failed", "message": text[:_SAID], "hint": hint[:_SAID], **asked})

    def reply(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send a message of its own to the page whose action is being done, to all pages outside an
        action; the script hears it.
        """
        whole = json.loads(sendable(self._secrets.redact(json.dumps(message, ensure_ascii=False))))
        to = {} if self._asker is None else {"to": self._asker}
        self.send({**whole, **to}, list(buffers))

    def _post(self, message: dict[str, Any], ops: list[Op], arrays: Sequence[bytes]) -> None:
        text = self._secrets.redact(json.dumps(ops, ensure_ascii=False, separators=(",", ":")))
        whole = text.encode("utf-8", "replace")  # a lone surrogate cannot travel
        if len(whole) <= _PACKED:
            self.send({**message, "ops": json.loads(whole)}, list(arrays))
        else:
            self.send(message, [zlib.compress(whole, 1), *arrays])

    def _heard(self, content: Any) -> None:
        match content:
            case {"type": "ready", "view": str(page)}:
                self._reset(page)
            case {"type": "shown", "view": str(page), "seq": int(seq)}:
                self._joined(page, seq)
            case {"type": "here", "view": str(page)}:
                self._pages.add(page)
                self._held = self.target
            case {"type": "gone", "view": str(page)}:
                self.forget(page)
            case {
                "type": "do",
                "view": str(page),
                "action": str(action),
                "arguments": dict(arguments),
            }:
                self._asker = page
                try:
                    self.do(action, arguments)
                except Exception as error:
                    self.report(error, arguments.get("ask"))
                finally:
                    self._asker = None

    def _reset(self, page: str) -> None:
        with self._lock:
            self.refresh()  # for the other pages, whose deltas go on from here
            if not self._pages:
                self.difference()
                self._sent_state = self.state()
                self._seq += 1  # who was shown it before does not know what came since
            self._add(page)
            ops: list[Op] = [
                ["rows", [[key, part] for key, part in self.rows().items()]],
                ["state", self._sent_state],
                *self.opening(),
            ]
            to = {"to": page} if page != _COMING else {}
            self._post({"type": "reset", "seq": self._seq, **to}, ops, self.arrays())

    def _joined(self, page: str, seq: int) -> None:
        """Take note of a page that shows what was sent up to this number."""
        with self._lock:
            if self._pages or seq == self._seq:
                self._add(page)
                self.refresh()
            else:
                self._reset(page)

    def _add(self, page: str) -> None:
        """Note a page; of the others those that say that they are here, as a page that is loaded
        again cannot say that it goes.
        """
        if page not in self._pages:
            others, self._pages = self._pages - {_COMING}, {page}
            if others:
                self.send({"type": "who"})
        self._held = self.target

    def forget(self, page: str) -> None:
        """Note that a page shows the view no longer."""
        self._pages.discard(page)
        if not self._pages:
            self._held = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _listener(view: LiveView) -> Any:
    """Hear messages without holding the view."""
    known = weakref.ref(view)

    def heard(_: Any, content: Any, buffers: Any) -> None:
        found = known()
        if found is not None:
            found._heard(content)

    return heard


def _reference(target: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(target)
    except TypeError:  # a record, which is a value and holds nothing that has to end
        return lambda: target


def sendable(text: str) -> str:
    """Replace lone surrogates, which no message can hold."""
    return text.encode("utf-8", "replace").decode()


def changes(old: Mapping[str, Html], new: Mapping[str, Html], after: str | None = None) -> list[Op]:
    """List the operations that make a page showing `old` show `new`; both come after the row
    `after`.
    """
    kept = [key for key in old if key in new]
    places = {key: place for place, key in enumerate(kept)}
    ops: list[Op] = [["remove", key] for key in old if key not in new]
    reached = -1
    for key, part in new.items():
        place = places.get(key)
        if place is None or place < reached:
            ops += [["remove", key]] if place is not None else []
            ops.append(["insert", key, part, after])
        else:
            reached = place
            if old[key] is not part and old[key] != part:
                ops.append(["set", key, part])
        after = key
    return ops
