"""What a model thought before it answered, and what its server did by itself."""

from __future__ import annotations

from typing import Any

from agentkit.show.html import Html, element
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, data, excerpt, facts, fold, note, prose
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.parts.rows import away, box, line, sign, sub
from agentkit.types.answer import Response, ServerStep
from agentkit.types.words import count

IN_PLACE = 200
"""Characters of reasoning that stand where they are; longer ones are folded."""
_FIRST = 80
"""Characters of a folded reasoning that its line begins with."""
_NAME = element("code", class_="ak-name")


def reasoning(response: Response, limits: Limits, at: str) -> Html | None:
    """Draw the reasoning: a short one in place, a longer one folded with its first words, one line
    for what cannot be read; None where there is none.
    """
    text = response.reasoning or ""
    if not text and not response.reasoning_blocks:
        return None
    sealed = sealed_parts(response)
    return _REASONING(
        thoughts(text, limits, f"{at}.reasoning") if text else None,
        note(
            f"reasoning, encrypted: {count(len(sealed), 'part')} of"
            f" {count(sum(sealed), 'character')}, not for reading"
        )
        if sealed
        else None,
    )


_REASONING = element("div", class_="ak-thought")


def thoughts(text: str, limits: Limits, at: str) -> Html:
    """Draw a text of reasoning."""
    plain = text.strip()
    if len(plain) <= IN_PLACE and plain.count("\n") < 4:
        return _SHORT(away("reasoning: "), prose(plain, limits, at))
    title = ["reasoning, ", count(len(text), "character"), ": ", code(_beginning(plain))]
    if not limits.details:
        return fold(title[:2], excerpt(plain))
    return fold(title, prose(text.strip("\n"), limits, at), kind="fold ak-reasoning")


_SHORT = element("div", class_="ak-reasoning")


def _beginning(text: str) -> str:
    """Cut a text to its first words, on one line."""
    first = " ".join(text[: 2 * _FIRST].split())
    return (
        first if len(first) <= _FIRST else f"{first[:_FIRST].rpartition(' ')[0] or first[:_FIRST]}…"
    )


def sealed_parts(response: Response) -> list[int]:
    """List how large the parts of the reasoning are that cannot be read, in characters."""
    return [_size(b.raw) for b in response.reasoning_blocks if b.kind == "encrypted"]


def _size(raw: Any) -> int:
    """Return the length of the longest text in a block: what is encrypted is one."""
    values = raw.values() if isinstance(raw, dict) else [raw]
    return max((len(value) for value in values if isinstance(value, str)), default=0)


def step_row(key: str, step: ServerStep, limits: Limits, at: str) -> Html:
    """Draw what the server did by itself: never run here, and sent back as it came."""
    shown = pretty(step.raw) if step.raw is not None else ""
    came = verbatim(step.outcome) if step.outcome is not None else ""
    behind = sub(
        _behind("as sent", shown, limits, f"{at}.raw") if shown else None,
        _behind("what came of it", came, limits, f"{at}.outcome") if came else None,
    )
    done = sign(step.status) if step.status else None
    what = [_NAME(step.name or step.kind), " ", facts("done by the server")]
    return box(key, None, line("⟲", what, done), behind, tone="step")


def _behind(title: str, text: str, limits: Limits, at: str) -> Html:
    return fold(title, data(text, limits, at) if limits.details else excerpt(text))
