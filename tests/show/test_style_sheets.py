"""The style sheets of the views: all of them apply to every view of a page, so a class by itself means
one thing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

STYLES = Path(str(files("agentkit.show.notebook").joinpath("static", "styles")))
BASE = {"design", "agentkit", "live", "rollout", "content"}
"""Sheets of every view: others go on from what they say."""


def selectors(text: str) -> list[tuple[str, ...]]:
    """Of each rule of a sheet, its selectors from the outermost in."""
    found, around, read = [], [], ""
    for letter in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL):
        if letter == "{":
            around.append(read.strip())
            found.append(tuple(each for each in around if not each.startswith("@")))
        elif letter == "}":
            around.pop()
        read = "" if letter in "{};" else read + letter
    return found


def alone(rule: tuple[str, ...]) -> list[str]:
    """The classes that a rule styles wherever they are in any view."""
    root, *inside = rule or ("",)
    if len(inside) != 1 or not re.match(r"\.ak-(root|live)\b", root):
        return []
    parts = [part.strip() for part in re.split(r",(?![^(]*\))", inside[0])]
    groups = [
        found[1].split(",") for part in parts if (found := re.fullmatch(r":is\(([^()]*)\)", part))
    ]
    listed = [*parts, *(each.strip() for group in groups for each in group)]
    return [part[1:] for part in listed if re.fullmatch(r"\.ak-[\w-]+", part)]


def test_no_two_views_style_one_class_by_itself() -> None:
    styled = defaultdict(set)
    for path in STYLES.rglob("*.css"):
        sheet = path.relative_to(STYLES).parts[0].removesuffix(".css")
        for rule in selectors(path.read_text("utf-8")):
            for name in alone(rule):
                styled[name].add(sheet)
    assert len(styled) > 50
    # what a base sheet styles, no other styles by itself: the other view on the page would change
    shared = {name: sorted(by) for name, by in styled.items() if len(by) > 1}
    assert {name: by for name, by in shared.items() if not BASE.issuperset(by)} == {}
