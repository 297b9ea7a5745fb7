"""What the docs name exists: files, commands with their options, settings, metrics, targets of make, and each other."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, cast, get_args

import pytest
import typer
from pydantic import BaseModel

from duologue.cli.main import COMMANDS
from duologue.errors import InputError
from duologue.language.moderation import GROUP
from duologue.settings import ENGINE_GROUPS, Settings, installed_model, load_settings

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "README.md"
PAGES = [INDEX, ROOT / "CONTRIBUTING.md", ROOT / "packs" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SOURCE = re.compile(r"[\w./-]+\.(?:py|tsx?|css|mjs)")
FILE = re.compile(rf"{SOURCE.pattern}|[\w./-]+\.(?:jsonl|toml)")
THEIRS = ("pipecat/",)
"""Files of other projects."""
MADE_UP = re.compile(r"\b[A-Z]{2,}\b")
"""A word for the reader to fill in: `NAME`."""

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def spans(page: Path) -> list[str]:
    """What stands between backticks."""
    return [found.strip() for found in SPAN.findall(prose(page))]


def lines(page: Path) -> Iterator[str]:
    """What is to be typed: lines of shell, and what stands between backticks."""
    yield from spans(page)
    for language, block in FENCE.findall(page.read_text("utf-8")):
        if language in ("sh", "bash", "console", ""):
            for line in block.replace("\\\n", " ").splitlines():
                yield re.sub(r"\s#.*$", "", line)


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    shown = (LINK.sub("", heading).replace("[", "").replace("`", "") for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower().strip()).replace(" ", "-") for heading in shown}


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(SPAN.sub("", prose(page))):
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{link}: there is no such file"
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), f"{link}: there is no such heading"


PICTURE = re.compile(r'(?:\]\(|<img [^>]*src=")([^)"\s]+\.(?:png|webp))')


def test_every_picture_is_shown_and_every_one_that_is_shown_is_there() -> None:
    shown = {(page.parent / found).resolve() for page in PAGES for found in PICTURE.findall(page.read_text("utf-8"))}
    kept = {path.resolve() for path in (ROOT / "docs" / "pictures").rglob("*") if path.is_file()}
    assert len(kept) > 30
    assert shown == kept


def test_every_page_is_in_the_one_index() -> None:
    """But reports that are shown as examples: they are of the page that reads them."""
    listed = [link.partition("#")[0] for link in LINK.findall(INDEX.read_text("utf-8").partition("## Read on")[2])]
    every = {str(page.relative_to(ROOT)) for page in PAGES if page != INDEX and page.parent.name != "reports"}
    assert every - set(listed) == set()


@cache
def files() -> tuple[str, ...]:
    folders = ("src", "tests", "benchmarks", "frontend/src", "frontend/tests", "packs")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    found += [path for folder in (ROOT, ROOT / "frontend") for path in folder.iterdir() if path.is_file()]
    return tuple(f"/{path.relative_to(ROOT)}" for path in found)


@pages
def test_files_are_there(page: Path) -> None:
    named = [name for name in spans(page) if SOURCE.fullmatch(name) and not MADE_UP.search(name)]
    there = {name for name in named if any(file.endswith(f"/{name}") for file in files())}
    assert [name for name in named if name not in there and not name.startswith(THEIRS)] == []


@cache
def command(name: str) -> Any:
    place = COMMANDS[name]
    made = getattr(importlib.import_module(place.module), place.name)
    if place.group:
        return typer.main.get_command(made)
    alone = typer.Typer()
    alone.command()(made)
    return typer.main.get_command(alone)


def options(found: Any) -> set[str]:
    return {"--help", *(name for each in found.params for name in (*each.opts, *each.secondary_opts))}


def wrong(line: str) -> Iterator[str]:
    """What of the commands of a line there is not."""
    for part in re.split(r"\||&&|;", line):
        found = re.search(r"(?:^|\s)duologue ([a-z][\w-]*(?:\s.*)?)$", part.strip())
        if found is None:
            continue
        name, *rest = found[1].split()
        if name not in COMMANDS:
            yield name
            continue
        known, made = set[str](), command(name)
        inner = getattr(made, "commands", {})
        if inner and rest and re.fullmatch("[a-z]+", rest[0]):
            if rest[0] not in inner:
                yield f"{name} {rest[0]}"
                continue
            known = options(inner[rest[0]])
        known |= options(made)
        given = (re.split(r"[=,.)…/]", word)[0] for word in rest if re.match(r"--[a-z]", word))
        yield from (f"{name} {each}" for each in given if each not in known)


@pages
def test_commands_and_their_options_are_there(page: Path) -> None:
    assert [each for line in lines(page) for each in wrong(line)] == []


def test_a_wrong_command_is_found() -> None:
    assert list(wrong("DUOLOGUE_X=1 duologue shwo --turns 4")) == ["shwo"]
    assert list(wrong("duologue show --turn 4 && duologue store stat")) == ["show --turn", "store stat"]
    assert list(wrong("duologue show --turns=4 | tee log; duologue store backup --help")) == ["store backup"]


@cache
def settings() -> frozenset[str]:
    """Every setting by its whole name, sections too; of tables by name the part before and after it."""
    found: set[str] = set()

    def walk(model: type[BaseModel], prefix: str) -> None:
        for name, field in model.model_fields.items():
            found.add(f"{prefix}{name}")
            inner(field.annotation, f"{prefix}{name}.")

    def inner(annotation: object, prefix: str) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            walk(annotation, prefix)
        for part in get_args(annotation):
            inner(part, prefix)

    walk(Settings, "")
    for group in ENGINE_GROUPS:
        for point in entry_points(group=group):
            if (model := installed_model(point.name, group)) is not None:
                found.add(f"engines.{point.name}")
                walk(model, f"engines.{point.name}.")
    return frozenset(found)


def test_every_setting_is_described() -> None:
    """At least its own name stands somewhere as code."""
    code = [*(span for page in PAGES for span in spans(page))]
    code += [block for page in PAGES for _, block in FENCE.findall(page.read_text("utf-8"))]
    words = {word for text in code for word in re.findall(r"[a-z0-9_]+", text)}
    assert len(settings()) > 200
    assert sorted(name for name in settings() if name.rpartition(".")[2] not in words) == []


THE_READERS = r"needs engines\.kokoro\.model|no engine has a price|account_sid: .* match pattern"
"""What is missing in examples, being the reader's own: files, the prices of the block before, an account ("AC…")."""


def examples() -> Iterator[Any]:
    """Settings files that pages show."""
    for page in PAGES:
        blocks = [block for language, block in FENCE.findall(page.read_text("utf-8")) if language == "toml"]
        for number, block in enumerate(blocks):
            if tomllib.loads(block).keys() <= Settings.model_fields.keys():
                yield pytest.param(block, id=f"{page.stem}-{number}")


@pytest.mark.parametrize("example", [*examples()])
def test_settings_of_the_examples_are_read_and_shown(example: str, tmp_path: Path) -> None:
    file = tmp_path / "duologue.toml"
    file.write_text(example, "utf-8")
    try:
        shown = {row.key: row.source for row in load_settings(config=file).rows()}
    except InputError as error:
        assert re.search(THE_READERS, str(error)), error
        return
    for key, value in leaves(tomllib.loads(example)):
        if not isinstance(value, list):
            assert shown.get(key) == str(file), key


def leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The keys of a settings file, as `duologue settings` writes them; but of lists of tables."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(cast("dict[str, Any]", value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


NO_SETTINGS = ("show.chosen",)
"""Names of the same form: an event of the log."""
NAMED = ("shows.", "prices.engines.", "spending.engines.", "web.tokens.")
"""Tables that the reader names."""


@pages
def test_settings_are_there(page: Path) -> None:
    sections = Settings.model_fields.keys()
    missing: list[str] = []
    for span in spans(page):
        key = re.split(r"\s*=", span)[0]
        if re.fullmatch(r"[a-z_]+(?:\.[a-z_]+)+", key) and key.partition(".")[0] in sections:
            named = key.startswith((*NO_SETTINGS, *NAMED)) or FILE.fullmatch(key)
            missing += [key] if not named and key not in settings() else []
        for variable in re.findall(r"DUOLOGUE_([A-Z_]+__[A-Z_]*[A-Z])", span):
            key = variable.lower().replace("__", ".")
            missing += [key] if not key.startswith(NAMED) and key not in settings() else []
    assert missing == []


@pages
def test_targets_of_make_are_there(page: Path) -> None:
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    asked = (re.match(r"(?:[A-Z_]+=\S+ )*make ([a-z-]+)", line.strip()) for line in lines(page))
    assert [found[1] for found in asked if found is not None and found[1] not in known] == []


@cache
def source() -> str:
    return "\n".join(path.read_text("utf-8") for path in (ROOT / "src" / "duologue").rglob("*.py"))


@pages
def test_metrics_are_there(page: Path) -> None:
    named = {name for span in spans(page) for name in re.findall(r"\bduologue_([a-z_]+)\b", span)}
    bare = {re.sub(r"_(?:total|bucket|sum|count|created)$", "", name) for name in named}
    assert sorted(name for name in bare if f'"{name}"' not in source() and f'"duologue_{name}"' not in source()) == []


LIBRARIES = ("AsyncOpenAI", "ConfigDict", "OpenAI", "Path", "TaskGroup")
"""Classes of others that an example uses."""


@pages
def test_classes_of_examples_are_there(page: Path) -> None:
    blocks = [block for language, block in FENCE.findall(page.read_text("utf-8")) if language == "python"]
    made = {name for block in blocks for name in re.findall(r"\b([A-Z][a-z]\w+)\(", block)}
    own = {name for block in blocks for name in re.findall(r"\bclass (\w+)", block)}
    known = {name for name in made if re.search(rf"^class {name}\b", source(), re.MULTILINE)}
    assert made - own - known - set(LIBRARIES) == set()


DOTTED = re.compile(r"duologue(?:\.[A-Za-z_]\w*)+")


@pages
def test_modules_and_what_is_in_them_are_there(page: Path) -> None:
    """What stands as a whole name between backticks, and what examples import."""
    named = {span.partition("(")[0] for span in spans(page)}
    for _, block in FENCE.findall(page.read_text("utf-8")):
        for place, found in re.findall(r"^from (duologue[\w.]*) import (.+?)(?:  #|$)", block, re.MULTILINE):
            named |= {f"{place}.{each.strip()}" for each in found.split(",")}
    dotted = sorted(name for name in named if DOTTED.fullmatch(name) and name not in {*ENGINE_GROUPS, GROUP})
    assert [name for name in dotted if not FILE.fullmatch(name) and not there(name)] == []


def there(name: str) -> bool:
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_a_wrong_name_is_found() -> None:
    assert there("duologue.app.talking.chat.open_chat") and not there("duologue.app.talking.talking_chat")


def test_the_plan_names_every_room_and_the_ground() -> None:
    plan = (ROOT / "docs" / "design.md").read_text("utf-8")
    folder = ROOT / "src" / "duologue"
    rooms = [path.parent.name for path in folder.glob("*/__init__.py")]
    ground = [path.name for path in folder.glob("[!_]*.py")]
    assert len(rooms) > 10 and len(ground) > 20
    assert [name for name in rooms if f"\n  {name}/" not in plan] == []
    assert [name for name in ground if not re.search(rf"\b{re.escape(name)}", plan)] == []
