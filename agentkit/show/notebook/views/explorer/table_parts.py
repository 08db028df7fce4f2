"""What stands around a table as its page makes it: facets, menus, figures, what to do with the
marked rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from agentkit.analysis.explore.facets import Choice, Facet, Histogram
from agentkit.analysis.explore.table_columns import LABEL
from agentkit.show.notebook.page_parts import Part, button, closing, part
from agentkit.show.notebook.views.explorer.table_cells import Cell
from agentkit.show.render.rollout.table import code_words, column_name, tone_of
from agentkit.types.record import clip

ICONS = {"good": "ok", "warn": "warn", "bad": "error", "quiet": "info"}
"""The icon of how something went."""
_CHOICES = 6
"""Values of a column that are shown at first."""
_MOST = 60
_KEYS = (
    ("/", "filter"),
    ("↑ ↓", "go through the rows; Page, Home and End too"),
    ("Enter", "open the row, close it"),
    ("J K", "open the next, the previous"),
    ("Space", "mark the row"),
    ("C", "compare the two that are marked"),
    ("Shift ← →", "on a heading: narrower, wider; Shift Enter fits"),
    ("Esc", "close what is open"),
)
_FILTERS = (
    ("reward<0.5 turns>=3", "= != < <= > >= and ~ (holds this text); all must hold"),
    ("ended=error,length", "either of two"),
    ("tools=get_weather", "called this tool"),
    ("reward=none", "not known"),
    ('label="wrong city"', "a text with a space stands in quotes"),
    ("Oslo get_weather", "both words, anywhere in the texts"),
)


def facet_parts(
    facets: Sequence[Facet],
    histogram: Histogram | None,
    unread: Iterable[str],
    opened: frozenset[str],
    total: int,
) -> list[Part]:
    """Describe the facets: each value is a button with how many there are of it, under a bar; the
    numbers of the reward are steps that are dragged over.

    Args:
        facets: the columns with their values.
        histogram: the steps of the reward.
        unread: columns for which the whole file must be read.
        opened: columns all of whose values are shown.
        total: how many rollouts there are.
    """
    return [
        *([_steps(histogram)] if histogram else []),
        *(_facet(facet, facet.column in opened, total) for facet in facets),
        *(_unread(name) for name in unread),
    ]


def _link(word: str, do: str, column: str, key: str) -> Part:
    return part(
        "button.ak-xlink", word, type="button", do=do, args={"column": column}, data_facet=key
    )


def clear(column: str, word: str) -> Part:
    """Describe what asks nothing of a column any more."""
    return _link(word, "any", column, f"clear {column}")


def _group(heading: str, column: str, inside: Iterable[Part]) -> Part:
    head = part(".ak-xrow", part("b", heading), clear(column, "clear") if column else None)
    return part("fieldset.ak-fc", head, *inside, aria_label=heading)


def _facet(facet: Facet, opened: bool, total: int) -> Part:
    most = _MOST if opened else _CHOICES
    shown = [c for i, c in enumerate(facet.choices) if i < most or c.chosen]
    rows = [_choice(facet.column, choice, total) for choice in shown]
    more = len(facet.choices) - len(shown)
    word = f"{more:,} more" if more > 0 else "fewer" if len(shown) > _CHOICES else ""
    if word:
        rows.append(_link(word, "unfold", facet.column, f"more {facet.column}"))
    chosen = any(choice.chosen for choice in facet.choices)
    return _group(column_name(facet.column), facet.column if chosen else "", rows)


def words_of(column: str, choice: Choice) -> str:
    """Write a value of a facet."""
    words = choice.value or ("no label" if column == LABEL else "none")
    return clip(code_words(words) if column == "codes" else words)


def _choice(column: str, choice: Choice, total: int) -> Part:
    value, words = choice.value or "none", words_of(column, choice)
    tone = tone_of(choice.value) if column == "ended" and choice.value else ""
    looks = f"span.ak-cut.ak-{tone}" if tone else "span.ak-cut"
    return part(
        "button.ak-fr",
        part(looks, words, icon=ICONS.get(tone)),
        part("span.ak-xn", f"{choice.count:,}"),
        part("i", style=f"width: {100 * choice.count / max(1, total):.4g}%"),
        type="button",
        title=words if len(words) > 20 else None,
        aria_pressed=choice.chosen,
        data_facet=f"{column} {value}",
        do="choose",
        args={"column": column, "value": value, "on": not choice.chosen},
    )


def _steps(histogram: Histogram) -> Part:
    """Describe the steps of a histogram, as wide as each other."""
    heading, counts, chosen = column_name(histogram.column), histogram.counts, histogram.chosen
    edges = [f"{histogram.edge(step):.4g}" for step in range(len(counts) + 1)]
    first = next((i for i, is_chosen in enumerate(chosen) if is_chosen), 0)
    steps = []
    for i, number in enumerate(counts):
        title = f"{edges[i]} to {edges[i + 1]}: {number:,}"
        height = max(2, round(40 * number / max(1, *counts))) if number else 0
        steps.append(
            part(
                "button",
                part("i", style=f"height: {height}px"),
                type="button",
                tab_index=0 if i == first else -1,
                title=title,
                aria_label=f"{heading} {title}",
                aria_pressed=bool(chosen and chosen[i]),
                data_facet=f"{histogram.column} {i}",
            )
        )
    label = "drag to choose a range"
    given = {"role": "group", "aria_label": label, "data_column": histogram.column}
    ends = part(".ak-ends", *(part("span", edges[i]) for i in (0, len(counts) // 2, len(counts))))
    words = _chosen_words(heading, edges, chosen) if chosen else heading
    column = histogram.column if chosen else ""
    return _group(words, column, [part(".ak-steps.ak-hist", *steps, **given), ends])


def _chosen_words(heading: str, edges: Sequence[str], chosen: Sequence[bool]) -> str:
    if not any(chosen):
        return f"{heading}: none"
    first = list(chosen).index(True)
    last = len(chosen) - list(chosen)[::-1].index(True)
    return f"{heading} ≥ {edges[first]}" if first else f"{heading} < {edges[last]}"


def _unread(column: str) -> Part:
    link = _link("read the file to count", "read", column, f"read {column}")
    return _group(column_name(column), "", [link])


def cell_parts(kind: str, cell: Cell) -> Part | list[Part]:
    """Describe what a cell shows, by the kind of its column: a text, or several parts."""
    if isinstance(cell, str):
        return cell
    if kind == "reward" and len(cell) == 2 and isinstance(cell[1], int):
        text, share = cell
        if share < 0:
            return [part("span.ak-quiet", text)]
        return [part("span.ak-rw", part("i", style=f"width: {share}%")), text]
    if kind == "ended":
        return [_toned(cell[1], cell[0])]
    if kind == "prompt":
        return [part("b", cell[0]), cell[1]]
    if kind == "ends":
        return [_toned(tone, f"{number} ") for tone, number in cell]
    if kind != "shape":
        return " ".join(map(str, cell))
    label = f"rewards in ten steps: {', '.join(map(str, cell))}"
    most = max(1, *cell) if cell else 1
    bars = [part("i", style=f"height: {ceil(18 * number / most)}px") for number in cell]
    return [part("span.ak-steps", *bars, role="img", aria_label=label)]


def _toned(tone: str, text: str) -> Part:
    return part(f"span.ak-{tone}", text, icon=ICONS[tone])


def sort_part(heading: Sequence[Any], descending: bool | None) -> Part:
    """Describe the button that sorts by a column, turns its order, then leaves it.

    Args:
        heading: the column's name, heading and kind.
        descending: how it is sorted now; None where it is not.
    """
    name, text, kind = heading
    first = kind not in ("prompt", "text", "mono", "ended")  # numbers from the greatest
    asks = {"sort": "" if descending is (not first) else name, "descending": first}
    if descending is first:
        asks["descending"] = not first
    sign = {None: "", True: " ▼", False: " ▲"}[descending]
    given = {"type": "button", "title": f"sort by {name}", "do": "ask", "args": asks}
    return part("button.ak-sort.ak-cut", f"{text}{sign}", **given)


def figure_parts(figures: Iterable[Sequence[str]]) -> list[Part]:
    """Describe what the rollouts come to: a number, its word, and what stands beside it."""
    return [
        part(
            ".ak-fig",
            part("strong", value),
            " ",
            part("small", beside) if beside else None,
            " " if beside else None,
            part("small", word),
        )
        for value, word, beside in figures
    ]


def menu_parts(
    names: Sequence[str], shown: Iterable[str], views: Iterable[str], kept: str
) -> list[list[Part]]:
    """Describe the three menus: columns, views that were saved, words and keys.

    Args:
        names: all columns.
        shown: those that are shown.
        views: the names of the views.
        kept: the file that holds them.
    """
    boxes = [
        part("input", type="checkbox", checked=name in shown, do="column", args={"name": name})
        for name in names
    ]
    columns: list[Part] = [
        part("strong", "Columns"),
        part(
            ".ak-xticks",
            *(part("label", b, f" {clip(n)}") for b, n in zip(boxes, names, strict=True)),
        ),
        button("The usual ones", "columns", kind="ak-line"),
    ]
    return [columns, _views(views, kept), _help(names)]


def _views(views: Iterable[str], kept: str) -> list[Part]:
    rows = [
        part(
            ".ak-xrow",
            button(view, "saved", {"name": view}, kind="ak-grow"),
            closing("forget", f"forget the view {view}", {"name": view}),
        )
        for view in views
    ]
    label = "name of the view"
    name = part("input", name="name", placeholder="name", aria_label=label, required=True)
    save = button("Save", kind="ak-line", type="submit")
    return [
        part("strong", "Saved views"),
        *rows,
        part("small", f"Filter, order, columns and mode; kept in {kept or 'memory'}"),
        part("form.ak-xrow", name, save, do="save"),
    ]


def _help(names: Sequence[str]) -> list[Part]:
    def listed(rows: Iterable[tuple[str, str]], tag: str) -> Part:
        pairs = [[part("dt", part(tag, what)), part("dd", means)] for what, means in rows]
        return part("dl.ak-xkeys", *(each for pair in pairs for each in pair))

    return [
        part("strong", "Keys"),
        listed(_KEYS, "kbd"),
        part("strong", "Filter"),
        listed(_FILTERS, "code"),
        part("small", f"Columns: {', '.join(map(clip, names))}"),
    ]


def same_parts(
    within: str, said: Sequence[tuple[str, str]], less: str, grouped: bool
) -> list[Part]:
    """Describe what is the same in all rollouts, and what a wider cell would show.

    Args:
        within: the one prompt whose rollouts are shown.
        said: a name with a space, and its value.
        less: the columns that a narrow cell leaves out.
        grouped: whether the rows are prompts.
    """
    found: list[Part] = []
    if within:
        label, kind = "show all prompts again", "ak-line ak-within"
        found.append(button(within, "all_prompts", icon="close", label=label, kind=kind))
    if said:
        found.append("all prompts begin alike: " if grouped else "the same in all: ")
    for i, (name, value) in enumerate(said):
        found += [f"{' · ' if i else ''}{name}", part("b", value)]
    if less:
        found.append(part("span.ak-wider", f"{' · ' if said else ''}in a wider cell: {less}"))
    return found


def empty_parts(total: int, query: str, refused: Sequence[str]) -> list[Part]:
    """Describe why there are no rows, and what to do.

    Args:
        total: how many rollouts there are.
        query: the filter, as it was typed.
        refused: why it cannot be read, a hint, and the filter that was meant.
    """
    why, hint, better = refused
    words, more = why or "No rollout fits this filter", hint if why else query
    if not total:
        words, more = "There are no rollouts", "Run some: ak.rollouts(agent, prompts)."
    asks = {"query": better}
    ways = [
        button(better, "ask", asks, kind="ak-main") if better else None,
        button("Clear the filter", "ask", {"query": ""}, kind="ak-line")
        if total and query
        else None,
    ]
    return [part("strong", words), part("small", more), part(".ak-xrow", *ways)]


def hint_keys(opened: Mapping[str, Any], rows: bool, grouped: bool) -> list[tuple[str, str]]:
    """List the keys that do something now, and what.

    Args:
        opened: what is open.
        rows: whether there are any.
        grouped: whether they are prompts.
    """
    found = []
    if rows and opened.get("row", 0) >= 0:
        found += [*([] if grouped else [("Space", "mark")]), ("Enter", "open")]
    if rows and opened.get("kind") != "compare":
        found.append(("J/K", "next, previous"))
    return [*found, *([("Esc", "close")] if opened else []), ("/", "filter"), ("?", "all keys")]


def mark_parts(
    marked: int, labels: Iterable[str], keys: Iterable[tuple[str, str]], names: str
) -> list[Part]:
    """Describe what to do with the marked rows, and the keys.

    Args:
        marked: how many there are.
        labels: those that were given, to choose from.
        keys: keys and what they do.
        names: a name for the list of labels, of its own in the page.
    """
    some = part(".ak-xrow", hidden=True)
    if marked:
        label = "label for the marked rollouts"
        field: dict[str, Any] = {
            "name": "label",
            "placeholder": "label",
            "list": names,
        }
        why = None if marked == 2 else "mark two rollouts to compare them"
        add: dict[str, Any] = {"icon": "label", "type": "submit", "name": "on", "value": "1"}
        some = part(
            "form.ak-xrow",
            part("strong", f"{marked:,} marked"),
            button("Compare", "compare", kind="ak-main", title=why, aria_disabled=bool(why)),
            part("input", required=True, aria_label=label, **field),
            part("datalist", *(part("option", value=label) for label in labels), id=names),
            button("Add label", kind="ak-line", **add),
            button("Remove label", kind="ak-line", type="submit", name="on", value=""),
            do="label",
        )
    hints: list[Part] = []
    for key, word in keys:
        hints += [part("kbd", key), f" {word} "]
    return [
        some,
        part(".ak-grow"),
        part("small.ak-hints", *hints),
        *([closing("mark_all", "unmark all", {"on": False})] if marked else []),
    ]
