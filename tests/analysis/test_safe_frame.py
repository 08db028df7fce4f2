"""Frames show and write a hostile text as text; the values in them stay what they are."""

from __future__ import annotations

import csv
import io
import pickle
from pathlib import Path

import pandas as pd
import pytest

from agentkit.analysis.frames.safe_frame import safe_frame
from agentkit.types.words import HIDDEN

HOSTILE = [
    *(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"),
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\u202e",
    "\u2066",
    "\ud800",
    "\u2028",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_reprograms_a_terminal_or_ends_a_cell(text: str, tmp_path: Path) -> None:
    value = f"a{text}b"
    made = safe_frame(pd.DataFrame({"text": pd.Series([value], dtype="string[python]"), "n": [1]}))
    assert made["text"][0] == value
    made.to_csv(tmp_path / "frame.csv")
    written = (tmp_path / "frame.csv").read_text("utf-8")
    shown = (repr(made), made._repr_html_(), made.to_string(), made.to_html(), repr(made["text"]))
    for one in (*shown, written, made.to_csv(), repr(made[made["n"] == 1]), repr(made.head(1))):
        assert not HIDDEN.search(str(one))
    assert len(list(csv.reader(io.StringIO(written)))) == 2
    again = pickle.loads(pickle.dumps(made))
    assert again["text"][0] == value
    assert type(again) is type(made)


def test_dollars_are_no_mathematics() -> None:
    made = safe_frame(pd.DataFrame({"text": ["$5 or $6", r"\(x\)"]}))
    for shown in (made._repr_html_(), made[made["text"] != ""]._repr_html_(), made.to_html()):
        assert "tex2jax_ignore" in str(shown)
