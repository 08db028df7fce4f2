"""What a docstring of any common style says of a function and of its arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

_PLAIN = re.compile(r"[^\n:@]*")
"""One line without what marks a section or a field in any style."""


class FunctionDocs(NamedTuple):
    """A docstring, taken apart."""

    summary: str
    """What the function does: the docstring without its sections."""
    arguments: dict[str, str]
    """The descriptions of the arguments by name."""


def function_docs(function: Callable[..., Any]) -> FunctionDocs:
    """Read the docstring of a function, or of what is called like one."""
    return _read(_docstring(function))


def target_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function itself, or the one a `partial` was made of."""
    return function.func if isinstance(function, partial) else function


def _docstring(function: Callable[..., Any]) -> str:
    target = target_of(function)
    own = inspect.getdoc(target)
    return own or ("" if inspect.isroutine(target) else inspect.getdoc(type(target).__call__) or "")


@lru_cache(maxsize=1024)
def _read(text: str) -> FunctionDocs:
    """Read a docstring in the style in which most is found; the whole of it is the summary where
    none fits.
    """
    if _PLAIN.fullmatch(text):
        return FunctionDocs(text.strip(), {})
    from docstring_parser import ParseError, epydoc, google, numpydoc, rest

    sections = [
        *google.DEFAULT_SECTIONS,
        *(google.Section(name, "notes", google.SectionType.SINGULAR) for name in ("Note", "Notes")),
    ]
    best = None
    for parse in (google.GoogleParser(sections).parse, numpydoc.parse, rest.parse, epydoc.parse):
        try:
            found = parse(text)
        except ParseError:  # not of this style
            continue
        if best is None or len(found.meta) > len(best.meta):
            best = found
    if best is None:
        return FunctionDocs(text.strip(), {})
    arguments = {
        param.arg_name.strip(" *"): " ".join((param.description or "").split())
        for param in best.params
    }
    return FunctionDocs((best.description or "").strip(), arguments)
