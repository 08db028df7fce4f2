"""What went wrong: the problems of an answer, and requests that gave none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agentkit.show.html import HOLE, Html, el, element, fragment, shape
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, facts, note, sentence, short, wording
from agentkit.show.render.parts.pretty import verbatim
from agentkit.show.render.parts.rows import sign
from agentkit.types.problem import Problem, Severity
from agentkit.types.wire import ApiError
from agentkit.types.words import count, seconds

_LIKE_JSON = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?|true|false|null")
_TONES = {"error": "bad", "warning": "warn"}
_SHORT = 300
"""Characters of a message that may well come again."""
_LIST = element("ul", class_="ak-problems")
_ROW = {
    tone: shape(
        el(
            "li",
            [HOLE, " ", HOLE, " ", el("div", HOLE, class_="ak-what")],
            class_=f"ak-problem ak-{tone}",
        )
    )
    for tone in ("bad", "warn", "quiet")
}
"""A problem by its tone: its mark, its code, and one sentence with where it is."""


def problems(found: Sequence[Problem], limits: Limits) -> Html | None:
    """Draw the list of problems; None where there are none."""
    if not found:
        return None
    rest = len(found) - limits.items
    items = [_problem(problem) for problem in found[: limits.items]]
    more = note("… ", count(rest, "more problem")) if rest > 0 else None
    return fragment(_LIST(*items), more)


def _problem(problem: Problem) -> Html:
    if problem.before is None and problem.after is None and len(problem.message) <= _SHORT:
        return _plain(problem.severity, problem.code, problem.message, problem.pointer)
    return _drawn(problem)


def _drawn(problem: Problem) -> Html:
    known = facts(
        _changed(problem.before, problem.after),
        fragment("at ", code(problem.pointer)) if problem.pointer else None,
    )
    message = sentence(problem.message)
    return _ROW[_TONES.get(problem.severity, "quiet")](
        sign(problem.severity), code(problem.code), fragment(message, " ", known)
    )


@lru_cache(512)
def _plain(severity: Severity, code: str, message: str, pointer: str) -> Html:
    """Draw a problem that holds no text of a model, as it comes in one turn after the other."""
    return _drawn(Problem(severity=severity, code=code, message=message, pointer=pointer))


def _value(value: Any) -> str:
    """Write a value; a text that would pass for a number or a word of JSON keeps its quotes."""
    quoted = isinstance(value, str) and _LIKE_JSON.fullmatch(value)
    return f'"{value}"' if quoted else verbatim(value)


def _changed(before: Any, after: Any) -> Html | None:
    if before is None and after is None:
        return None
    sent = fragment("sent ", code(_value(before))) if before is not None else None
    read = (
        fragment(" read as " if sent else "read as ", code(_value(after)))
        if after is not None
        else None
    )
    return fragment(sent, read)


def api_error(error: ApiError, limits: Limits, at: str, elapsed: float | None = None) -> Html:
    """Draw the error as its kind, the server's message and what to do about it; `elapsed` is the
    seconds until it came.
    """
    retry = "can be tried again" if error.retryable else "trying again will not help"
    wait = f"the server asks to wait {seconds(error.retry_after)}" if error.retry_after else None
    known = facts(
        seconds(elapsed),
        f"HTTP {error.status}" if error.status else None,
        retry,
        wait,
        _named("code", error.code),
        _named("field", error.param),
    )
    upstream = (
        [note("the provider behind it said:"), wording(error.upstream_message, limits, at)]
        if error.upstream_message
        else None
    )
    hint = note("→ ", sentence(error.hint)) if error.hint else None
    message = wording(error.message, limits, f"{at}.message")
    return _LIST(_ROW["bad"](sign("error"), code(error.kind), [message, known, upstream, hint]))


def failed_tries(errors: Sequence[ApiError]) -> Html:
    """Draw the tries that failed before an answer came, one a row."""
    return _LIST(*[_failed_try(error) for error in errors])


def _failed_try(error: ApiError) -> Html:
    wait = f"the server asked to wait {seconds(error.retry_after)}" if error.retry_after else None
    known = facts(f"HTTP {error.status}" if error.status else None, wait)
    message = sentence(short(error.message))
    return _ROW["warn"](sign("error"), code(error.kind), fragment(message, " ", known))


def _named(name: str, value: str | None) -> Html | None:
    return fragment(f"{name} ", code(value)) if value else None
