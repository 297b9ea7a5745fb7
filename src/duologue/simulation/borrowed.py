"""An engine that is borrowed, with something done around it."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

CapabilitiesT = TypeVar("CapabilitiesT")
DescribedT_co = TypeVar("DescribedT_co", covariant=True)


class Described(Protocol[DescribedT_co]):
    """An engine that says what it is called, and what it can do."""

    @property
    def name(self) -> str:
        """As in settings."""
        ...

    @property
    def capabilities(self) -> DescribedT_co:
        """Valid when it is warm."""
        ...


class BorrowedEngine(Generic[CapabilitiesT]):
    """It is called as the engine that it borrows and can do the same; its owner starts and closes that one."""

    def __init__(self, engine: Described[CapabilitiesT]) -> None:
        self._borrowed = engine

    @property
    def name(self) -> str:
        """The engine's."""
        return self._borrowed.name

    @property
    def capabilities(self) -> CapabilitiesT:
        """The engine's."""
        return self._borrowed.capabilities

    async def warm_up(self) -> None:
        """The engine is warm already; its owner saw to that."""

    async def close(self) -> None:
        """Its owner sees to that."""
