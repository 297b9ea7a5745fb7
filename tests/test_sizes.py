"""What a reader holds in mind at once is bounded: the lines of a function, and those of a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "benchmarks", "tests", "packs")
MOST_OF_A_FUNCTION, MOST_OF_A_FILE = 60, 700


def sources(*folders: str) -> Iterator[Path]:
    """The Python files of the project in these folders, without what others' environments have there."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if not any(part.startswith(".") for part in file.relative_to(ROOT).parts):
                yield file


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each function with its lines: decorators do not count, comments and its docstring do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_functions_are_short(folder: str) -> None:
    long = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in sources(folder)
        for name, lines in functions(ast.parse(path.read_text(encoding="utf-8")))
        if lines > MOST_OF_A_FUNCTION
    ]
    assert long == []


def test_files_are_short() -> None:
    lines = {
        path: path.read_text(encoding="utf-8").count("\n") for path in sources("src", "benchmarks", "tests", "packs")
    }
    assert len(lines) > 1000
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count >= MOST_OF_A_FILE} == {}


def test_the_lines_of_a_function_are_counted() -> None:
    tree = ast.parse(
        "@decorated\ndef outer():\n    '''Says.'''\n\n    async def inner():\n        pass\n    return inner\n"
    )
    assert list(functions(tree)) == [("outer", 6), ("inner", 2)]
