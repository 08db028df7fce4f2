"""Messages have their articles from one function, which knows how a noun is spoken."""

from __future__ import annotations

import re
from pathlib import Path

import agentkit as ak


def test_no_message_writes_an_article_before_a_name_itself() -> None:
    """Whatever is put into a message behind an article comes with it, from `with_article`."""
    before_a_name = re.compile(r"""f["'](?:[^"']*[ (])?an? \\{(?!["'\\d])""", re.IGNORECASE)
    package = Path(ak.__file__).parent
    found = [
        f"{path.relative_to(package)}:{number}: {line.strip()}"
        for path in package.rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if before_a_name.search(line)
    ]
    assert not found
