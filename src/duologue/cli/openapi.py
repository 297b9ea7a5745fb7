"""``duologue openapi``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def openapi(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead.")] = None,
) -> None:
    """Print the web API's schema (OpenAPI 3.1) as JSON. The page's types are generated from it.

    Examples: duologue openapi > api.json · duologue openapi -o api.json
    """
    from duologue.web.application import openapi_schema

    text = json.dumps(openapi_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    from duologue.cli.output import write_out

    write_out(output, text, "the schema")
