"""Runs the notebooks and keeps their outputs: `python notebooks/refresh.py [NAME.ipynb ...]`.

Each is executed from the top in a fresh kernel, without a key in its environment. Widgets, their
state, and everything that differs between two runs are dropped, so that a second run changes
nothing, and a notebook that is opened again shows the HTML and looks for no widget that is gone.
This is the only way outputs are made; they are never saved from a browser.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"


def refresh(path: Path) -> None:
    """Executes one notebook in place."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET, None)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL"))]:
        del os.environ[name]
    for target in [Path(name) for name in sys.argv[1:]] or sorted(HERE.glob("*.ipynb")):
        print(target.name)
        refresh(target)
