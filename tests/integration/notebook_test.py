"""The notebook of examples/, run by Jupyter's own kernel: every cell runs, and prints what is stored in the file.

build/venv/bin/python tests/integration/notebook_test.py    # runs it and stores what it prints
"""

import re
from pathlib import Path
from typing import List

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "notebook" / "write_to_tecton.ipynb"
CELL_SECONDS = 120


def executed() -> "nbformat.NotebookNode":
    """The notebook with what its cells print now; CellExecutionError when one fails."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": NOTEBOOK.parent}}).execute()
    notebook.metadata = nbformat.read(NOTEBOOK, as_version=4).metadata
    for cell in notebook.cells:
        cell.metadata = {}  # times, which differ each time
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") == "stdout"]
    return notebook


def printed(notebook: "nbformat.NotebookNode") -> List[str]:
    """What each cell of code prints; ports differ each time."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts.append(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", "".join(output.text for output in cell.outputs)))
    return texts


def test_the_notebook_runs_and_prints_what_is_stored_in_it(monkeypatch):
    monkeypatch.delenv("TECTON_INSTANCE", raising=False)
    assert printed(executed()) == printed(nbformat.read(NOTEBOOK, as_version=4))


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
