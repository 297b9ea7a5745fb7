"""Scenarios in files: YAML to :class:`~duologue.simulation.scenario.Scenario`, with errors that name the line."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import yaml
from pydantic import ValidationError

from duologue.errors import InputError
from duologue.places import scenarios_folder
from duologue.simulation.scenario import Scenario
from duologue.text_files import read_text
from duologue.validation import did_you_mean, dotted, problems

MOST_BYTES = 200_000
SUFFIX = ".yaml"


def shipped() -> tuple[Path, ...]:
    """The scenarios that ship, by name."""
    return tuple(sorted(scenarios_folder().glob(f"*{SUFFIX}")))


def find_scenario(name: str) -> Path:
    """A file, or a scenario that ships by its name. Raises :class:`InputError`."""
    file = Path(name)
    if file.is_file():
        return file
    known = {each.stem: each for each in shipped()}
    if name in known:
        return known[name]
    raise InputError(f"there is no scenario {name!r}", where="scenario", remedy=did_you_mean(name, known))


def read_scenario(file: Path) -> Scenario:
    """Read and check a scenario. Raises :class:`InputError` that names line, key and remedy."""
    text = _read(file)
    try:
        node = yaml.SafeLoader(text).get_single_node()
        _refuse_doubles(node, file)
        data: object = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        what = f"this is not YAML: {error.problem or error.context}"
        raise InputError(what, where=f"{file}{line}", remedy="Mend that line.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"this is not YAML: {error}", where=str(file), remedy="Mend it.") from error
    if not isinstance(data, dict):
        raise InputError("a scenario is a table of keys", where=str(file), remedy="Begin with: name: my-scenario")
    return parse_scenario(cast("dict[object, object]", data), file, node)


def parse_scenario(data: dict[object, object], file: Path, node: yaml.Node | None = None) -> Scenario:
    """Check the content of a scenario. Raises :class:`InputError`."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        first = problems(error, Scenario)[0]
        path = next(
            detail["loc"] for detail in error.errors(include_url=False) if dotted(_plain(detail["loc"])) == first.key
        )
        line = _line(node, path)
        where = f"{file}{f':{line}' if line else ''}: {first.key}"
        raise InputError(first.what, where=where, remedy=first.remedy) from error


def _plain(path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    return tuple(part for part in path if part != "[key]")


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line (from 1) of the value at ``path``, or of the nearest table around it; 0 when nothing is known."""
    line = _begins(node)
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                break
            line, node = _begins(found[0]), found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = _begins(node)
        else:
            break
    return line


def _refuse_doubles(node: yaml.Node | None, file: Path) -> None:
    """YAML lets the second of two equal keys win in silence. Raises :class:`InputError`."""
    if isinstance(node, yaml.MappingNode):
        known: set[object] = set()
        for key, value in node.value:
            if key.value in known:
                where = f"{file}:{_begins(key)}: {key.value}"
                raise InputError(f"the key {key.value!r} is given twice", where=where, remedy="Take one away.")
            known.add(key.value)
            _refuse_doubles(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _refuse_doubles(each, file)


def _begins(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node and node.start_mark else 0


def _read(file: Path) -> str:
    if file.is_file() and file.stat().st_size > MOST_BYTES:
        raise InputError("the scenario is too large", where=str(file), remedy=f"Keep it under {MOST_BYTES} bytes.")
    return read_text(file, "the scenario")
