"""A misspelt keyword is refused with the name that was meant, in every public function alike."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from types import FunctionType
from typing import Any, TypeVar

from agentkit.errors import UnknownKeyword, nearest

T = TypeVar("T", bound=Callable[..., Any])

_CALLED = ("__init__", "__call__")
_UNNAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


def checked_keywords(public: T) -> T:
    """Make a function, or the constructor and the public methods of a class, refuse a keyword it
    does not have.

    Signature, docstring and type stay as they are. A function that takes any keyword is left alone.

    Raises:
        UnknownKeyword: on such a call; it is a `TypeError` and an `AgentkitError`.
    """
    if not isinstance(public, type):
        checked: T = _checked(public, public.__name__)
        return checked
    for name, member in list(vars(public).items()):
        if inspect.isfunction(member) and (name in _CALLED or not name.startswith("_")):
            setattr(public, name, _checked(member, public.__name__ if name in _CALLED else name))
    return public


def _checked(function: Any, name: str) -> Any:
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return function
    known = frozenset(parameter.name for parameter in parameters if parameter.kind not in _UNNAMED)
    ordered = [parameter.name for parameter in parameters if parameter.name in known]
    refuse = functools.partial(_refused, name, [one for one in ordered if one != "self"])

    if inspect.iscoroutinefunction(function):

        async def waited(*args: Any, **named: Any) -> Any:
            if not named.keys() <= known:
                raise refuse(named, args)
            return await function(*args, **named)

        wrapper: Any = waited
    else:

        def called(*args: Any, **named: Any) -> Any:
            if not named.keys() <= known:
                raise refuse(named, args)
            return function(*args, **named)

        wrapper = called
    # doctest tells by its globals which module a function is of
    at_home = FunctionType(
        wrapper.__code__, function.__globals__, function.__name__, None, wrapper.__closure__
    )
    return functools.update_wrapper(at_home, function)


def _refused(
    function: str, known: list[str], named: Iterable[str], values: Collection[Any]
) -> UnknownKeyword:
    wrong = next(name for name in named if name not in known)
    return UnknownKeyword(
        f"{function}() takes no keyword {wrong!r}", hint=_hint(wrong, known, values)
    )


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
    makers = [kind for kind in type(value).__mro__ if "__init__" in vars(kind)]
    maker = makers[0]
    if not maker.__module__.startswith("agentkit."):
        return ()
    return [
        (parameter.name, f"ak.{maker.__name__}")
        for parameter in inspect.signature(maker).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
