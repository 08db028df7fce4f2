"""What cannot go on, or what the caller got wrong. What a model, tool or server got wrong is data:
a `Problem`, a status, a stop reason.

AgentkitError
├── UsageError (ValueError)           an argument that cannot be used
│   ├── UnknownKeyword (TypeError too)  a keyword that a function does not have
│   ├── WrongCall (TypeError too)     an argument is missing, or there are too many
│   └── SchemaError (TypeError too)   a function that cannot be described as a tool
├── NotFound (LookupError)            no profile, turn or sample of that name
│   ├── NoPlace (IndexError too)      a sequence has nothing at that place
│   └── NoParser (KeyError too)       no parser of that name
├── UnknownName (AttributeError)      an object or module has nothing of that name
├── CassetteError (ValueError)        a file that is not ours, or of which nothing can be read
│   └── ReplayMiss (LookupError too)  a replay was asked for something the cassette does not hold
├── FileError (OSError)               a file that the system does not read or write
│   └── NoFile (FileNotFoundError)    no such file, or no such folder to write it in
├── Unreachable (ConnectionError)     an MCP server that did not start, or is gone
├── WorkerLost (ConnectionError)      a worker of a batch ended while it ran a rollout
│   └── NoWorkers                     no worker of a batch is left
└── Busy (RuntimeError)               a step is running; two at once would lose one
    └── FileInUse                     another run or process is writing the file

Each has `exc.message` and `exc.hint`, both in `str(exc)`; `%tb Verbose` shows every frame.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from errno import ENOENT
from traceback import FrameSummary, TracebackException, extract_tb
from types import FunctionType, TracebackType
from typing import Any, NoReturn, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

_UNNAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
_HOME = __file__.removesuffix("errors.py")
_STANDARD = inspect.__file__.rpartition("inspect.")[0]
_NOT_USERS = ("site-packages", "dist-packages", _STANDARD, "<frozen")
_WORD = re.compile(r"[^\W_]{4,}")
_CODE_LIMIT = 160
_FRAMES = 40
"""Frames of a traceback that are kept from either end."""


def _printable(text: str) -> str:
    """Write out what does not print, line feeds and tabs apart."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


class AgentkitError(Exception):
    """Base of every exception agentkit raises on purpose."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        message = _printable(message)
        super().__init__(message)
        self.message = message
        self.hint = _printable(hint)
        """What to do about it."""

    def __str__(self) -> str:
        return ("\n" if "\n" in self.message else "; ").join(
            filter(None, (self.message, self.hint))
        )

    def _render_traceback_(self) -> list[str]:
        """Give what IPython shows of it: the caller's own line, the message, the hint."""
        shell = _shell()
        own = getattr(shell, "InteractiveTB", None)
        if own is not None and getattr(own, "mode", "") == "Verbose":
            every: list[str] = own.structured_traceback(type(self), self, self.__traceback__)
            return every
        hint = [f"hint: {self.hint}"] if self.hint else []
        lines = [f"{type(self).__name__}: {self.message}", *hint]
        notes = [str(note) for note in getattr(self, "__notes__", ())]
        # what `%xmode Plain` and `Minimal` join is joined by nothing
        end = "\n" if getattr(own, "tb_join_char", "\n") == "" else ""
        return [f"{line}{end}" for line in (*_users_lines(self, shell), *lines, *notes)]


class UsageError(AgentkitError, ValueError):
    """An argument that cannot be used."""


class UnknownKeyword(UsageError, TypeError):
    """A keyword that a function does not have."""


class WrongCall(UsageError, TypeError):
    """A call of a function without an argument that it needs, or with too many."""


class SchemaError(UsageError, TypeError):
    """A function that cannot be described as a tool."""


class NotFound(AgentkitError, LookupError):
    """No profile, turn or sample of that name."""


class NoPlace(NotFound, IndexError):
    """A sequence has nothing at that place."""


class NoParser(NotFound, KeyError):
    """No parser of that name."""


class UnknownName(AgentkitError, AttributeError):
    """An object or a module has nothing of that name."""


class CassetteError(AgentkitError, ValueError):
    """A file that is not a cassette, or of which nothing can be read."""


class ReplayMiss(CassetteError, LookupError):
    """A replay was asked for something the cassette does not hold."""


class FileError(AgentkitError, OSError):
    """A file that the system does not read or write, as on a full disk; an `OSError` too."""

    _errno: int | None = None

    def __init__(
        self, message: str, *, hint: str = "", errno: int | None = None, filename: Any = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.errno = self._errno if errno is None else errno
        self.filename = None if filename is None else str(filename)
        self.strerror = message

    def __reduce__(self) -> tuple[Any, ...]:
        made = functools.partial(type(self), errno=self.errno, filename=self.filename)
        return made, (self.message,), self.__dict__


class NoFile(FileError, FileNotFoundError):
    """No such file, or no such folder to write it in."""

    _errno = ENOENT


class Unreachable(AgentkitError, ConnectionError):
    """An MCP server that did not start, is not there, or is gone."""


class WorkerLost(AgentkitError, ConnectionError):
    """A worker of a batch ended while it ran a rollout."""


class NoWorkers(WorkerLost):
    """No worker of a batch is left, or none can run what it is sent."""


class Busy(AgentkitError, RuntimeError):
    """A step is running already."""


class FileInUse(Busy):
    """Another run or process is writing the file."""


def suggest(
    name: object,
    known: Iterable[object],
    otherwise: str = "",
    *,
    show: Callable[[str], str] = repr,
) -> str:
    """Give the hint for a name that was looked up in vain.

    Args:
        name: what was asked for.
        known: the names there are.
        otherwise: the hint where none of them is near.
        show: how a name is written in the hint.
    """
    names = [*map(str, known)]
    words = set(_WORD.findall(str(name).casefold()))  # `step` is akin to `training_step`
    akin = [one for one in names if words & set(_WORD.findall(one.casefold()))]
    near = nearest(name, names) or akin[:3]
    return f"did you mean {' or '.join(map(show, near))}?" if near else otherwise


def names_of(
    owner: str, known: Iterable[str], prefix: str, others: Mapping[str, str] | None = None
) -> Callable[[str], NoReturn]:
    """Make the `__getattr__` of a module or object: it gives the name that was meant.

    Args:
        owner, known: what is asked, in words, and the names it has.
        prefix: what a name is written behind, as `ak.export`.
        others: what to write for names that are looked for there and are elsewhere.
    """

    def refuse(name: str) -> NoReturn:
        meant = known if name[:1] != "_" else ()  # which machinery asks for, as _repr_html_
        hint = (others or {}).get(name) or suggest(name, meant, show=f"{prefix}.{{}}".format)
        raise UnknownName(f"{owner} has no {name!r}", hint=hint)

    return refuse


def nearest(name: object, known: Iterable[object], n: int = 3, *, cutoff: float = 0.6) -> list[str]:
    """Give those of the known names that are most like this one, the most alike first."""
    # a slip of the shift key is the smallest of all, and the one difflib counts most
    by_folded = {str(one).casefold(): str(one) for one in known}
    folded = str(name).casefold()
    return [by_folded[one] for one in get_close_matches(folded, by_folded, n, cutoff)]


def _shell() -> Any:
    """Give the running IPython shell, or None; IPython is never imported for it."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def _users_lines(exc: BaseException, shell: Any) -> Iterator[str]:
    """Give the caller's line that led here, and the line of a function of theirs that raised."""
    raised: BaseException | None = exc
    while raised is not None:
        frame = _users_frame(raised.__traceback__)
        if frame is not None:
            what = "" if raised is exc else f"  # {type(raised).__name__}"
            yield f"{_written(frame, shell)}{what}"
        raised = raised.__cause__


def raised_at(exc: BaseException) -> str:
    """Give the line of a caller's function that raised, as ` at x.py, line 3: return 1 / 0`."""
    frame = _users_frame(exc.__traceback__)
    return f" at {_written(frame, _shell())}" if frame is not None else ""


def _written(frame: FrameSummary, shell: Any) -> str:
    code = (frame.line or "").strip()
    shown = code if len(code) <= _CODE_LIMIT else f"{code[: _CODE_LIMIT - 1]}…"
    place = _cell(frame.filename, shell) or re.split(r"[/\\]", frame.filename)[-1]
    return f"{place}, line {frame.lineno}{': ' if shown else ''}{shown}"


def _users_frame(trace: TracebackType | None) -> FrameSummary | None:
    """Give the innermost frame that is neither ours nor of an installed package."""
    for frame in reversed(extract_tb(trace)):
        name = frame.filename
        if not name.startswith(_HOME) and not any(part in name for part in _NOT_USERS):
            return frame
    return None


def source_name(filename: str) -> str:
    """Name what code was read from, as a traceback here shows it: a cell by its number."""
    return _cell(filename, _shell()) or filename


def _cell(filename: str, shell: Any) -> str | None:
    """Name the cell that code was read from; None where it is a file."""
    named = getattr(getattr(shell, "compile", None), "format_code_name", None)
    cell = named(filename) if named is not None else None
    return " ".join(cell) if cell else None


def own_traceback(exc: BaseException) -> str | None:
    """Write the traceback of an exception without our frames, those that led to the tool and those
    behind it; a cell has its number in place of a file's name. None where no other is left.
    """
    shell, own = _shell(), False
    parts = [TracebackException.from_exception(exc, compact=True)]
    for part in parts:
        kept = [frame for frame in part.stack if not frame.filename.startswith(_HOME)]
        own = own or bool(kept)
        for frame in kept:
            frame.filename = _cell(frame.filename, shell) or frame.filename
        part.stack[:] = kept[:_FRAMES] + kept[max(_FRAMES, len(kept) - _FRAMES) :]
        parts += [p for p in (part.__cause__, part.__context__, *(part.exceptions or ())) if p]
    return "".join(parts[0].format()).rstrip() if own else None


def checked_keywords(public: T) -> T:
    """Make a function, or the constructor and the public methods of a class, refuse a keyword it
    does not have, and too few or too many arguments.

    What it looks like stays as it is. A function that takes any keyword is left alone.

    Raises:
        UnknownKeyword, WrongCall: on such a call; each is a `TypeError` too.
    """
    if not isinstance(public, type):
        checked: T = _checked(public, public.__name__)
        return checked
    names = {"__init__": public.__name__, "__call__": public.__name__.lower()}
    for name, member in list(vars(public).items()):
        if inspect.isfunction(member) and (name in names or not name.startswith("_")):
            setattr(public, name, _checked(member, names.get(name, name)))
    return public


def _checked(function: Any, name: str) -> Any:
    parameters = list(inspect.signature(function).parameters.values())
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return function
    known = frozenset(parameter.name for parameter in parameters if parameter.kind not in _UNNAMED)
    ordered = [parameter.name for parameter in parameters if parameter.name in known]
    refuse = functools.partial(_refused, name, [one for one in ordered if one != "self"])
    unfit = functools.partial(_wrong_call, name, parameters)
    if inspect.iscoroutinefunction(function):

        async def waited(*args: Any, **named: Any) -> Any:
            if not named.keys() <= known:
                raise refuse(named, args)
            try:
                return await function(*args, **named)
            except TypeError as exc:
                if exc.__traceback__ and exc.__traceback__.tb_next:  # it had begun
                    raise
                raise unfit(args, named) from None

        wrapper: Any = waited
    else:

        def called(*args: Any, **named: Any) -> Any:
            if not named.keys() <= known:
                raise refuse(named, args)
            try:
                return function(*args, **named)
            except TypeError as exc:
                if exc.__traceback__ and exc.__traceback__.tb_next:  # it had begun
                    raise
                raise unfit(args, named) from None

        wrapper = called
    # doctest tells by its globals which module a function is of
    at_home = FunctionType(
        wrapper.__code__, function.__globals__, function.__name__, None, wrapper.__closure__
    )
    return functools.update_wrapper(at_home, function)


def _wrong_call(
    name: str,
    parameters: list[inspect.Parameter],
    args: Collection[Any],
    named: Collection[str],
) -> WrongCall:
    own = [p for p in parameters if p.name != "self" and p.kind is not p.VAR_POSITIONAL]
    placed = [p.name for p in own if p.kind is not p.KEYWORD_ONLY]
    others = [p.name for p in own if p.name not in placed]
    given = len(args) - any(p.name == "self" for p in parameters)
    hint = f"it is called {name}({', '.join([*placed, *(f'{one}=…' for one in others[:8])])})"
    if given > len(placed):
        return WrongCall(f"{name}() takes {len(placed)} by place, not {given}", hint=hint)
    twice = [one for one in placed[:given] if one in named]
    have = {*placed[:given], *named}
    lacks = [p.name for p in own if p.default is p.empty and p.name not in have]
    what = f"is given {twice[0]} twice" if twice else f"lacks {' and '.join(lacks)}"
    return WrongCall(f"{name}() {what}", hint=hint)


def _refused(
    function: str, known: list[str], named: Iterable[str], values: Collection[Any]
) -> UnknownKeyword:
    wrong = next(name for name in named if name not in known)
    hint = _hint(wrong, known, values)
    return UnknownKeyword(f"{function}() takes no keyword {wrong!r}", hint=hint)


def _hint(wrong: str, known: list[str], values: Collection[Any]) -> str:
    """Say what was meant: a keyword of the function, one of an object it was given, or metadata."""
    theirs = {name: maker for value in values for name, maker in _settings(value)}
    if wrong in theirs:
        return f"{wrong} belongs to {theirs[wrong]}({wrong}=…)"
    near = nearest(wrong, known)
    if near:
        return f"did you mean {' or '.join(f'{name}=' for name in near)}?"
    further = nearest(wrong, theirs, 1, cutoff=0.75)
    if further:
        return f"did you mean {further[0]}= of {theirs[further[0]]}(…)?"
    if "meta" in known:
        return f"metadata is given as meta={{{wrong!r}: …}}"
    return f"it takes {', '.join(known)}" if known else "it takes none"


def _settings(value: Any) -> Iterable[tuple[str, str]]:
    """Give the keywords of the class of one of our objects, each with the name of the class."""
    maker = next(kind for kind in type(value).__mro__ if "__init__" in vars(kind))
    if not maker.__module__.startswith("agentkit."):
        return ()
    return [
        (parameter.name, f"ak.{maker.__name__}")
        for parameter in inspect.signature(maker).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
