"""Constructed rollouts of very many tokens, for the tests of the token view: no server sent any of
them.
"""

from __future__ import annotations

import random
from array import array

from agentkit.types.answer import Response
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.trajectory import Message, Trajectory, Turn
from agentkit.types.wire import TokenLogprob

WORDS = [
    f"{word}{tail}"
    for word in (
        " the",
        " a",
        " token",
        " model",
        " of",
        "\n",
        " weather",
        " is",
        "ing",
        "é",
        "日本",
    )
    for tail in ("", "s", ",", ".", "x")
]


def many_tokens(number: int = 32_000, turns: int = 8, *, top: int = 3) -> Trajectory:
    """A rollout of so many tokens, half of them sampled; texts, probabilities and alternatives
    differ.
    """
    chosen = random.Random(7)
    made, context = [], TokenIds()
    half = number // turns // 2
    for turn in range(turns):
        prompt = context + [chosen.randrange(50_000) for _ in range(half)]
        output = [chosen.randrange(50_000) for _ in range(half)]
        logprobs = tuple(_logprob(chosen, token, top) for token in output)
        made.append(
            Turn(
                index=turn,
                response=Response(
                    content="text",
                    prompt_token_ids=prompt,
                    token_ids=TokenIds(output),
                    logprobs=logprobs,
                ),
            )
        )
        context = prompt + output
    return Trajectory(
        prompt=(Message(wire={"role": "user", "content": "say"}),),
        turns=tuple(made),
        stop_reason="final",
    )


def _logprob(chosen: random.Random, token: int, top: int) -> TokenLogprob:
    text = f"{WORDS[token % len(WORDS)]}{token if token % 3 == 0 else ''}"
    value = -(chosen.random() ** 6) * 8
    others = tuple((WORDS[(token + k) % len(WORDS)], value - k) for k in range(1, top))
    return TokenLogprob(token=text, logprob=value, token_id=token, top=((text, value), *others))


def long_conversation(turns: int, *, again: int = 0) -> Trajectory:
    """A rollout of so many short turns, whose prompts share what came before as those of a real one
    do.

    Args:
        turns: how many.
        again: tokens at the end of each answer that the next prompt has as others.
    """
    made: list[Turn] = []
    context = array("q", range(20))
    for turn in range(turns):
        base = made[-1].response.prompt_token_ids if made else None
        prompt = TokenIds(context, base=base if isinstance(base, TokenIds) else None)
        output = TokenIds(range(1000 + turn, 1030 + turn))
        response = Response(content="text", prompt_token_ids=prompt, token_ids=output)
        made.append(Turn(index=turn, response=response))
        rest = [*output[: 30 - again], *range(again), *range(10)]
        context.extend(rest)
    return Trajectory(
        prompt=(Message(wire={"role": "user", "content": "say"}),),
        turns=tuple(made),
        stop_reason="final",
    )
