"""What stands beside each other, as it is shown: the diff of two rollouts and the report of a
comparison.

The golden files were read by eye; to write them anew: `python -m tests.show.test_beside_display`,
and read the difference.
"""

from __future__ import annotations

import re
import weakref
from pathlib import Path

import pytest

from agentkit.show.notebook.display import live_view
from agentkit.show.notebook.static_view import mimebundle
from agentkit.show.render.analysis.matrix import matrix
from agentkit.show.render.limits import STATIC, TEXT
from agentkit.types.words import visible
from tests.show.beside_samples import BESIDE, comparison
from tests.show.render_samples import HOSTILE
from tests.show.test_html import read
from tests.show.test_render import balanced
from tests.support.paths import GOLDEN

GOLDEN = GOLDEN / "beside"


def golden(name: str) -> dict[Path, str]:
    shown = BESIDE[name]()
    laid_out = re.sub(
        r"(?=<(?:header|section|dl|dt|dd|details|table|tr|li|p)\b)", "\n", shown.html(STATIC)
    )
    return {
        GOLDEN / f"{name}.html": laid_out + "\n",
        GOLDEN / f"{name}.txt": shown.text(TEXT) + "\n",
    }


@pytest.mark.parametrize("name", BESIDE)
def test_golden(name: str) -> None:
    for path, shown in golden(name).items():
        assert shown == path.read_text("utf-8"), f"{path.name} is not what is shown now"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(BESIDE)


@pytest.mark.parametrize("name", BESIDE)
def test_what_was_said_is_text(name: str) -> None:
    """Constructed from the hostile corpus: nothing of it is an element, and every bundle is the
    same twice.
    """
    html, plain = (mimebundle(BESIDE[name]())[kind] for kind in ("text/html", "text/plain"))
    body = html[html.index("</style>") :].removeprefix("</style>")
    assert balanced(body)
    assert not {tag for tag, _ in read(body).tags} & {"script", "img", "style", "iframe", "b"}
    assert plain == "\n".join(map(visible, plain.split("\n")))
    if "hostile" in name:
        assert visible(HOSTILE[0]) in plain
    assert mimebundle(BESIDE[name]()) == {"text/html": html, "text/plain": plain}


@pytest.mark.parametrize("name", BESIDE)
def test_it_has_one_view_that_lives(name: str) -> None:
    shown = BESIDE[name]()
    view = live_view(shown)
    assert view is not None
    assert live_view(shown) is view
    assert weakref.ref(shown)() is shown, "the view need not keep it alive"


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for part_name in BESIDE:
        for file, content in golden(part_name).items():
            file.write_text(content, "utf-8")


def test_what_two_sides_say_alike_is_written_once_in_a_row() -> None:
    """The sides answer alike to one prompt, and otherwise to the rest."""
    drawn = matrix(comparison(), STATIC)
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", drawn)
    assert [("the same" in row, row.count("it rains")) for row in rows if "it rains" in row] == [
        (True, 1)
    ]
