"""docs/dependencies.md names every package that this house asks for."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = re.compile(r"[A-Za-z0-9._-]+")
DOCUMENT = (ROOT / "docs" / "dependencies.md").read_text("utf-8").lower()


def missing(names: list[str]) -> list[str]:
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", DOCUMENT)]


def test_every_package_of_python_is_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted: list[str] = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    names = [found[0] for entry in wanted if (found := NAME.match(entry))]
    assert len(names) == len(wanted) > 20
    assert not missing(names)


def test_every_package_of_the_page_is_named():
    package = json.loads((ROOT / "frontend" / "package.json").read_text("utf-8"))
    names = [name for name in (*package["dependencies"], *package["devDependencies"]) if not name.startswith("@types/")]
    assert len(names) > 5
    assert not missing(names)
