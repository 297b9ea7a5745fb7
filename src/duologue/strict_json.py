"""JSON of others, read as strictly as it is written down again (RFC 8259, RFC 7493): UTF-8, finite numbers, whole
characters. Python's own reader takes what is none of these, and who writes it down again fails.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, cast

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""It may be half of a pair."""


def read_json(body: bytes | str) -> Any:
    """What ``body`` holds. Raises :class:`json.JSONDecodeError`, and nothing else."""
    try:
        text = body.decode() if isinstance(body, bytes) else body
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("it is not UTF-8", "", error.start) from error
    except UnicodeEncodeError as error:
        raise json.JSONDecodeError("it holds half of a character", "", 0) from error
    except RecursionError as error:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from error
    except ValueError as error:
        raise json.JSONDecodeError(f"it holds a number that is none: {str(error)[:60]}", "", 0) from error
    return value


def members(value: object) -> dict[str, Any]:
    """What an object of JSON holds by name; nothing where it is no object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def elements(value: object) -> list[object]:
    """What an array of JSON holds; nothing where it is no array."""
    return cast("list[object]", value) if isinstance(value, list) else []


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
