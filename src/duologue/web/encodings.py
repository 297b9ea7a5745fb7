"""Which form of a file a client takes (RFC 9110, section 12.5.3): the build lays compressed ones beside it.

Only the page's files have such forms. The stream is compressed as it is, events are small and want to be sent at once,
and an answer that holds something secret beside something that its asker chose must not be compressed at all.
"""

from __future__ import annotations

from collections.abc import Collection

SUFFIXES = {"br": ".br", "gzip": ".gz"}
"""What a compressed form's name ends in, by its coding, the smallest form first."""


def choose(accepted: str, there: Collection[str]) -> str | None:
    """The coding of ``there`` (names as in :data:`SUFFIXES`) that ``Accept-Encoding: accepted`` prefers; None: the file
    as it is. What is preferred alike is had in the smaller form.
    """
    weights = dict(_weighed(part) for part in accepted.split(",") if part.strip())
    rest = weights.get("*", 0.0)
    offered = [(weights.get(coding, rest), coding) for coding in SUFFIXES if coding in there]
    weight, coding = max(offered, key=lambda one: one[0], default=(0.0, ""))
    return coding if weight > 0 and weight >= weights.get("identity", 0.0) else None


def _weighed(part: str) -> tuple[str, float]:
    """A coding and how much it is wanted, 0 to 1; what cannot be read is not wanted."""
    coding, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = "1"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            weight = value.strip()
    try:
        return coding, min(1.0, max(0.0, float(weight)))
    except ValueError:
        return coding, 0.0
