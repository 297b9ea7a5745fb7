"""A name means one thing: no two public classes or type aliases of the house are called the same."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duologue

SOURCES = Path(duologue.__file__).parent


def named(tree: ast.Module) -> Iterator[str]:
    """The public classes and type aliases of a module."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
                pass
            case _:
                continue
        if not name.startswith("_"):
            yield name


def test_a_name_of_a_class_stands_once() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(SOURCES.rglob("*.py")):
        for name in named(ast.parse(path.read_text(encoding="utf-8"))):
            found[name].append(str(path.relative_to(SOURCES)))
    assert len(found) > 500
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_classes_and_aliases_are_seen() -> None:
    tree = ast.parse("class Shown: pass\nclass _Own: pass\nPair: TypeAlias = tuple[int, int]\nlength: int = 1\n")
    assert list(named(tree)) == ["Shown", "Pair"]
