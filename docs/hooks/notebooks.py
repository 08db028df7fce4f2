"""Notebooks as pages: the cells in order, each with its stored outputs. Nothing is executed.

What a cell shows is put in behind Markdown's back, because Markdown would change it: the page holds
a mark for each output, and the mark is replaced once the page is done. Of an output the same form
is taken that a notebook without a running kernel shows.
"""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
_MARK = re.compile(r'<div data-output="([^"]+)"></div>')
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_STYLE = (
    ".dataframe{border-collapse:collapse;border:0;font-size:.85em}"
    ".dataframe :is(td,th){padding:.2em .8em;border:0;text-align:right;"
    "border-bottom:1px solid var(--md-default-fg-color--lightest)}"
)
"""What a notebook would bring for the tables of pandas."""
_outputs: dict[str, str] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and one that lists them."""
    listed = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        book = json.loads(path.read_text("utf-8"))
        page = _page(path.stem, book)
        listed.append(_listed(path.stem, page))
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=page))
    files.append(File.generated(config, "notebooks/index.md", content=_INDEX + "\n".join(listed)))
    return files


_INDEX = """# Notebooks

Each tells one story, and runs without a key and without a network: recorded servers and scripted
models stand in for real ones. They lie in the folder `notebooks/` of the repository; what is shown
here are the outputs that are stored in them, and that the tests compare with, cell by cell.

"""


def on_post_page(output: str, **_: Any) -> str:
    """Put the outputs where their marks are, once the page has been indexed for the search."""
    return _MARK.sub(lambda mark: _outputs[mark[1]], output)


def _listed(stem: str, page: str) -> str:
    title, lead = re.findall(r"^# (.*)\n+((?:.+\n)+)", page, re.MULTILINE)[0]
    return f"**[{title}]({stem}.md)**\n:   {' '.join(lead.split())}\n"


def _page(stem: str, book: dict[str, Any]) -> str:
    parts = []
    for number, cell in enumerate(book["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source.replace(".ipynb)", ".md)"))
            continue
        parts.append(f"```python\n{source}\n```")
        shown = "".join(_output(output) for output in cell["outputs"])
        if shown:
            key = f"{stem}-{number}"
            _outputs[key] = f'<div class="nb-output">{shown}</div>'
            parts.append(f'<div data-output="{key}"></div>')
    return "\n\n".join(parts) + "\n"


def _output(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return _text("".join(output["text"]))
    if output["output_type"] == "error":
        return _text(_ANSI.sub("", "\n".join(output["traceback"])))
    given = output["data"].items()
    data = {kind: "".join(value) for kind, value in given if isinstance(value, (str, list))}
    if "text/html" in data:
        return _apart(data["text/html"])
    if "image/svg+xml" in data:
        return data["image/svg+xml"]
    if "image/png" in data:
        png = base64.b64encode(base64.b64decode(data["image/png"])).decode()
        return f'<img src="data:image/png;base64,{png}" alt="">'
    return _text(data.get("text/plain", ""))


def _apart(markup: str) -> str:
    """Keep the style sheets of output and site apart; what inherits, as colours, goes through."""
    inside = f"<style>{_STYLE}</style>{markup}"
    return f'<div><template shadowrootmode="open">{inside}</template></div>'


def _text(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>" if text else ""
