"""Why a prompt does not extend the tokens before it: inferred from what was sampled, what was sent
back, and what is there now.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from agentkit.analysis.tokens.runs import Vocabulary
from agentkit.analysis.tokens.spans import output_kinds
from agentkit.trajectory.history import assistant_message, get_profile, request
from agentkit.types.answer import Response
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.trajectory import Trajectory, Turn

Cause: TypeAlias = Literal[
    "reasoning_stripped",
    "retokenized",
    "call_rewritten",
    "answer_rewritten",
    "history_edited",
    "prompt_changed",
    "cut_back",
    "not_known",
]
CAUSES: dict[Cause, str] = {
    "reasoning_stripped": "the template left the reasoning of an earlier answer out",
    "retokenized": "the same text was cut into other tokens",
    "call_rewritten": "the template wrote a tool call anew, not as it was sampled",
    "answer_rewritten": "an answer went back with another text than was sampled",
    "history_edited": "the caller changed the history before this turn",
    "prompt_changed": (
        "tokens of the first prompt changed: its tools, its system prompt, or something the"
        " template puts there"
    ),
    "cut_back": "it ends within the tokens of the turn before",
    "not_known": "the record does not show why",
}
Found: TypeAlias = "tuple[Cause, str] | None"
_OPENING = 8
"""How many tokens a template may put before an answer, as `<|im_start|>assistant\\n<think>\\n`."""


class Break(NamedTuple):
    """A prompt that differs from the tokens before it."""

    trajectory: Trajectory
    turns: Sequence[Turn]
    turn: int
    before: TokenIds
    now: TokenIds
    at: int
    known: Vocabulary

    def begins(self, turn: int) -> int:
        """Find where the answer of a turn begins; 0 if it is not known."""
        return len(self.turns[turn].response.prompt_token_ids)


def likely_cause(found: Break) -> tuple[Cause, str]:
    """Infer the cause, and word it with its evidence as a sentence."""
    owner = _owner(found)
    cause, evidence = (
        _by_the_caller(found, owner)
        or _cut_back(found)
        or _in_an_answer(found, owner)
        or _before_an_answer(found)
        or _in_the_first_prompt(found)
        or ("not_known", "")
    )
    return cause, f"{CAUSES[cause]} ({evidence})" if evidence else CAUSES[cause]


def _owner(found: Break) -> int | None:
    """Find the turn whose sampled tokens the difference lies in; None if it lies in what was put
    around them.
    """
    for turn in range(found.turn - 1, -1, -1):
        start = found.begins(turn)
        if start and found.at >= start:
            inside = found.at < start + len(found.turns[turn].response.token_ids)
            return turn if inside else None
    return None


def _by_the_caller(found: Break, owner: int | None) -> Found:
    """Look for a change of the history by the caller."""
    kept = found.turns[found.turn].kept
    if kept is None or (
        owner is not None and len(request(found.trajectory, owner).messages) < kept
    ):
        return None  # the answer that differs was among the messages that were kept
    first, added = found.trajectory.prompt, found.turns[found.turn].added
    if kept == 0 and first and added and added[0].role == "system" and added[0] != first[0]:
        return "prompt_changed", "the caller gave another system message"
    if owner is None and found.at < found.begins(0) and kept >= len(first):
        return None
    return "history_edited", f"only its first {kept} messages went on"


def _cut_back(found: Break) -> Found:
    """Look for a prompt that ends within the tokens of the turn before."""
    if found.at < len(found.now):
        return None
    return "cut_back", f"it has {len(found.now):,} tokens, the turn before {len(found.before):,}"


def _in_the_first_prompt(found: Break) -> Found:
    """Look for a change before the first answer."""
    first = found.begins(0)
    if found.at >= first:
        return None
    settings = _asked_with(found.turns[found.turn])
    own = [n for n in ("tools", "chat_template", "chat_template_kwargs") if n in settings]
    if own:
        return "prompt_changed", f"this turn was asked with its own {', '.join(own)}"
    return "prompt_changed", f"within the {first:,} tokens of turn 0's prompt"


def _asked_with(turn: Turn) -> set[str]:
    sampling = turn.sampling or {}
    body = sampling.get("extra_body")
    return {*sampling, *(body if isinstance(body, dict) else ())}


def _before_an_answer(found: Break) -> Found:
    """Look for something the template opened the answer with and the history does not contain:
    `<think>`, or an empty think block.
    """
    for turn in range(found.turn):
        start = found.begins(turn)
        if start - min(_OPENING, start // 4) <= found.at < start:
            thought = bool(found.turns[turn].response.reasoning)
            evidence = (
                f"the prompt of turn {turn} ended with tokens that open the answer, and the history"
                " does not contain them"
            )
            if thought:
                return "reasoning_stripped", f"{evidence}; {_sent_back(found, turn)}"
            return "prompt_changed", evidence
    return None


def _in_an_answer(found: Break, owner: int | None) -> Found:
    """Look for an answer that went back with other tokens than were sampled."""
    if owner is None:
        return None
    response, start = found.turns[owner].response, found.begins(owner)
    sampled = list(response.token_ids)
    inside = found.at - start
    texts = [found.known.text(i) for i in sampled]
    kinds = output_kinds(texts, response)
    same = _same_text(found, texts[inside:])
    if same is not True and (stripped := _stripped(found, owner, sampled, inside, kinds)):
        return stripped
    if same is None:
        same = _sent_as_sampled(found, owner, kinds[inside])
    if same:
        return "retokenized", f"the answer of turn {owner} went back as the text it was"
    if kinds[inside] == "call" or (response.tool_calls and not response.content):
        return "call_rewritten", f"turn {owner}: {_rewritten(response)}"
    return "answer_rewritten", f"turn {owner}"


def _stripped(
    found: Break, owner: int, sampled: list[int], inside: int, kinds: Sequence[str]
) -> Found:
    """Look for reasoning that the template left out of an answer."""
    response = found.turns[owner].response
    if not response.reasoning:
        return None
    thinking = [i for i, kind in enumerate(kinds) if kind == "reasoning"]
    if thinking and inside > thinking[-1]:
        return None
    skipped = _left_out(sampled[inside:], found.now[found.at : found.at + len(sampled)])
    sent = _sent_back(found, owner)
    if skipped is None and "content" in sent:
        return None
    evidence = f"turn {owner}: {sent}"
    if skipped:
        evidence += f"; what was sampled {skipped} tokens later follows at once"
    return "reasoning_stripped", evidence


def _left_out(sampled: Sequence[int], now: Sequence[int]) -> int | None:
    """Count the sampled tokens after which the new prompt goes on with those that follow; None if
    it does not.
    """
    size = 4
    for skipped in range(1, len(sampled) - 1):
        ahead = sampled[skipped : skipped + size]
        if len(ahead) > 1 and list(ahead) == list(now[: len(ahead)]):
            return skipped
    return None


def _sent_back(found: Break, turn: int) -> str:
    """Describe how the reasoning of a turn went back to the server."""
    response = found.turns[turn].response
    message = assistant_message(response, get_profile(found.trajectory.spec.profile))
    names = ("reasoning", "reasoning_content", "reasoning_details", "thinking")
    field = next((name for name in names if message.get(name)), None)
    if field is None and (response.reasoning or "").strip() in str(message.get("content") or ""):
        field = "content"
    return f"it was sent back as {field!r}" if field else "it was not sent back"


def _same_text(found: Break, sampled: Sequence[str | None]) -> bool | None:
    """Tell whether the new prompt goes on with the text of the rest of the answer, without its last
    token; None if the texts do not show it.
    """
    if None in sampled:
        return None
    was = "".join(text or "" for text in sampled)
    now = ""
    for token in found.now[found.at : found.at + 4 * len(sampled) + 16]:
        text = found.known.text(token)
        if text is None:
            break
        now += text
    body = "".join(text or "" for text in sampled[:-1]) or was
    shared = min(len(body), len(now))
    if now[:shared] != body[:shared]:
        return False
    return True if shared == len(body) or shared >= 4 else None


def _sent_as_sampled(found: Break, turn: int, kind: str) -> bool:
    """Tell whether the text that was sent back is the text that was sampled, as far as the record
    shows.
    """
    response = found.turns[turn].response
    if kind == "call" or (response.tool_calls and not response.content):
        return all(
            call.status == "ok" and _as_the_template_writes(call.raw_arguments)
            for call in response.tool_calls
        )
    message = assistant_message(response, get_profile(found.trajectory.spec.profile))
    return (message.get("content") or "") == (response.wire_content or response.content or "")


def _as_the_template_writes(arguments: str) -> bool:
    """Tell whether the arguments are written as `tojson` of a chat template writes them, so that
    they come back unchanged.
    """
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False) == arguments
    except (ValueError, RecursionError):
        return False


def _rewritten(response: Response) -> str:
    """Describe why a call goes back in another form."""
    odd = next((call for call in response.tool_calls if call.status != "ok"), None)
    if odd is not None:
        return f"the call {odd.name!r} was {odd.status}, and its arguments go back in another form"
    return "the call goes back as an object, and the template writes its JSON in its own form"
