"""What a prefix check and a managed state show: a line for each turn or node, the tokens on both
sides of a difference, what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentkit.analysis.tokens.prefix import PrefixCheck, PrefixStep
from agentkit.read.managed import ManagedState
from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, note, row, status
from agentkit.show.render.rollout.problem import problems
from agentkit.types.words import count, visible

_VERDICTS = {
    True: ("ok", "every prompt extends the tokens before it"),
    False: ("error", "a prompt does not extend the tokens before it"),
    None: ("warning", "not known"),
}


@shown.register(PrefixCheck)
def prefix_parts(check: PrefixCheck, limits: Limits) -> dict[str, Html]:
    """Draw a `PrefixCheck`: a row for each turn or node."""
    mark, verdict = _VERDICTS[check.ok]
    off = (
        f"{check.off_policy:,} of {check.trained:,} trained tokens off policy"
        if check.trained
        else None
    )
    known = facts(count(len(check.steps), check.unit), off)
    parts = {
        "head": el(
            "header",
            bar(el("strong", "Prefix check"), status(mark), note(verdict), known),
            class_="ak-head",
            data_key="head",
        )
    }
    shown = _chosen(check.steps, limits.head + limits.tail)
    for step in shown:
        key = f"step-{step.position}"
        parts[key] = row(
            key, "step", ([el("strong", f"{check.unit} {step.position}")], _step(step))
        )
    rest = len(check.steps) - len(shown)
    return parts | (
        {
            "gap": row(
                "gap",
                "aside",
                (None, note("… ", count(rest, check.unit), " that extend not shown here")),
            )
        }
        if rest > 0
        else {}
    )


def _chosen(steps: Sequence[PrefixStep], most: int) -> list[PrefixStep]:
    """Choose the steps to show: all, or of very many those that differ first."""
    if len(steps) <= most:
        return list(steps)
    telling = [step for step in steps if step.status != "extends"][:most]
    return sorted(
        {step.position: step for step in [*telling, *steps[: most - len(telling)]]}.values(),
        key=lambda step: step.position,
    )


def _step(step: PrefixStep) -> list[Child]:
    sizes = facts(
        f"{step.before_length:,} tokens before" if step.before_length is not None else None,
        (
            f"{step.prompt_length:,} in the prompt"
            if step.prompt_length is not None and step.before_length is not None
            else None
        ),
        f"{step.off_policy:,} trained tokens off policy" if step.off_policy else None,
    )
    word = {
        "differs": f"differs from position {step.at:,} on" if step.at is not None else "differs"
    }.get(step.status, step.status)
    cause = code(step.cause) if step.cause else None
    head = bar(_word(step.status, word), cause, sizes)
    return [head, note(step.reason), break_table(step) if step.status == "differs" else None]


def _word(kind: str, word: str) -> Html:
    icon = {"first": "•", "extends": "✓", "differs": "✕", "unknown": "▲"}[kind]
    tone = {"first": "quiet", "extends": "good", "differs": "bad", "unknown": "warn"}[kind]
    return el(
        "span", el("span", icon, aria_hidden="true"), " ", word, class_=f"ak-status ak-{tone}"
    )


def break_table(step: PrefixStep) -> Html:
    """Draw the tokens on both sides of a difference."""
    head = el("tr", *(el("th", title, scope="col") for title in ("part", "tokens", "ids")))
    sides = (
        ("both before it", step.shared),
        ("sampled, or sent then", step.before),
        ("in this prompt", step.now),
    )
    return el(
        "table", el("thead", head), el("tbody", (_side(name, tokens) for name, tokens in sides))
    )


def _side(name: str, tokens: Iterable[tuple[int, str | None]]) -> Html:
    listed = list(tokens)
    texts = "".join(text if text is not None else f"⟨{token}⟩" for token, text in listed)
    ids = " ".join(str(token) for token, _ in listed)
    return el(
        "tr",
        el("th", name, scope="row"),
        el("td", code(visible(repr(texts)) if listed else "-")),
        el("td", code(ids or "-")),
    )


@shown.register(ManagedState)
def state_parts(state: ManagedState, limits: Limits) -> dict[str, Html]:
    """Draw a `ManagedState`: a row for each node."""
    trained = sum(node.trained_count for node in state.nodes)
    wrong = count(len(state.all_problems), "problem")
    known = facts(
        count(len(state.nodes), "node"),
        "a tree" if state.tree else None,
        f"{trained:,} trained tokens",
        wrong,
    )
    head = [bar(el("strong", "Managed state"), known), problems(state.problems, limits)]
    parts = {"head": el("header", head, class_="ak-head", data_key="head")}
    for node in state.nodes[: limits.items]:
        key = f"node-{node.index}"
        counts = facts(
            count(len(node.tokens), "token"),
            f"{node.trained_count:,} trained",
            f"{node.masked_count:,} masked",
            f"{node.sampled_count:,} sampled",
            ["finish ", code(node.finish_reason)] if node.finish_reason else "no finish reason",
            "placeholders" if node.dummy_tokens else None,
            "aligned" if node.aligned else "not aligned",
        )
        parts[key] = row(
            key,
            "node",
            ([el("strong", f"node {node.index}")], [counts, problems(node.problems, limits)]),
        )
    if (rest := len(state.nodes) - limits.items) > 0:
        parts["gap"] = row(
            "gap", "aside", (None, note("… ", count(rest, "more node"), " not shown here"))
        )
    return parts
