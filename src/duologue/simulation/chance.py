"""Chance with a seed: distributions of times, as a scenario writes them, and streams of numbers that nothing disturbs.

Every engine and every habit of the caller draws from a stream of its own, named by scenario, seed and purpose, so that
one more draw here changes nothing there; and the same name gives the same numbers in every process.
"""

from __future__ import annotations

import math
from random import Random
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_KINDS = ("const", "uniform", "normal", "lognormal", "exponential")


class Distribution(BaseModel):
    """One of: ``const: a`` · ``uniform: [a, b]`` · ``normal: [mean, deviation]`` · ``lognormal: [median, sigma]`` ·
    ``exponential: mean``; never below ``least`` nor above ``most``. A bare number is a constant. Milliseconds, where
    the key says no other unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    const: float | None = Field(None, ge=0, description="Always this.")
    uniform: tuple[float, float] | None = Field(None, description="From the first to the second, all equally likely.")
    normal: tuple[float, float] | None = Field(None, description="Mean and standard deviation.")
    lognormal: tuple[float, float] | None = Field(None, description="Median, and sigma of the logarithm.")
    exponential: float | None = Field(None, gt=0, description="Mean.")
    least: float = Field(0.0, ge=0, description="Nothing is drawn below this.")
    most: float = Field(math.inf, gt=0, description="Nothing is drawn above this.")

    @model_validator(mode="after")
    def _has_one_kind(self) -> Distribution:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a distribution has {len(given)} kinds | Write one of {', '.join(_KINDS)}, or a bare number."
            )
        if self.uniform and self.uniform[0] > self.uniform[1]:
            raise ValueError("a uniform distribution goes downwards | Write the smaller number first.")
        if self.lognormal and self.lognormal[0] <= 0:
            raise ValueError("the median of a lognormal distribution is not positive | Write one above 0.")
        return self

    def draw(self, stream: Random) -> float:
        """The next value of ``stream``."""
        return min(max(self._draw(stream), self.least), self.most)

    def _draw(self, stream: Random) -> float:
        if self.uniform:
            return stream.uniform(*self.uniform)
        if self.normal:
            return stream.gauss(*self.normal)
        if self.lognormal:
            return stream.lognormvariate(math.log(self.lognormal[0]), self.lognormal[1])
        if self.exponential:
            return stream.expovariate(1 / self.exponential)
        return self.const or 0.0


def _from_number(value: Any) -> Any:
    return {"const": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Chance = Annotated[Distribution, BeforeValidator(_from_number)]
"""A :class:`Distribution`, or a number for a constant."""


def constant(value: float) -> Distribution:
    """Always ``value``."""
    return Distribution.model_validate({"const": value})


def stream(scenario: str, seed: int, purpose: str) -> Random:
    """Random numbers that depend on these three only (text seeds do not use Python's randomised hash)."""
    return Random(f"{scenario}/{seed}/{purpose}")
