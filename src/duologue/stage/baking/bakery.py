"""Where a stage's bakes come from: mapped from the shelf where they are, baked from the packs where they are not.

The room in one light and each character in one tint are things of their own, named by all that decides them: the
content of the pack, the view, the tint, the rungs, and the versions of what draws. So the second show of the house maps
what the first one baked, another light of a room is the only thing that is new about it, and a character keeps its bake
when its partner changes. Art (the rasterised layers) is looked at only to bake, and let go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from duologue.stage.baking.bake import (
    RIM_STEP,
    BakedCharacter,
    BakedRoom,
    BakedStage,
    Checkpoint,
    bake_character,
    bake_room,
    check_seats,
    go_on,
)
from duologue.stage.baking.file import FORMAT, WrittenBake, read_character, read_room, write_character, write_room
from duologue.stage.baking.mapped import Mapped
from duologue.stage.baking.shelf import BakeShelf
from duologue.stage.frames import check_size
from duologue.stage.lighting import Tint, tint_in
from duologue.stage.messages import StagePlan
from duologue.stage.motion.pose import Lights
from duologue.stage.packs.loading import CharacterPack, RoomPack, open_character, open_room

Thing = TypeVar("Thing")
COARSE = 3.0
"""How far a head's rim moves from one of the first, coarse angles to the next (pixels at 1080p)."""
THREADS = 2
"""That bake one character's layers."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A stage in one light. ``fine`` is False when something of it was baked coarsely, to have it sooner."""

    stage: BakedStage
    fine: bool


class Bakery:
    """Makes the stages of one plan. The packs are read anew for each, so that a mended pack needs no new show."""

    def __init__(self, plan: StagePlan) -> None:
        self._plan = plan
        self.shelf = BakeShelf(plan.cache)

    def stage(self, lights: Lights, checkpoint: Checkpoint = go_on) -> BakedStage:
        """The stage in a light, as fine as it gets, one thing after the other: at most one character is baked in memory
        that nobody shares. ``checkpoint`` is called between its parts. Raises :class:`InputError` for a bad pack.
        """
        return self._batch(lights, RIM_STEP, 1, checkpoint).stage

    def first_stage(self, lights: Lights, *, coarse: bool) -> Batch:
        """The same as soon as possible: all things at once, and coarsely if asked what would have to be baked."""
        return self._batch(lights, COARSE if coarse else RIM_STEP, 1 + len(self._plan.cast), go_on)

    def _batch(self, lights: Lights, rim_step: float, at_once: int, checkpoint: Checkpoint) -> Batch:
        plan = self._plan
        check_size(plan.width, plan.height)
        room = open_room(plan.room, plan.width, plan.height)
        check_seats(room.manifest.name, len(room.seats), len(plan.cast))
        seats = room.seats[: len(plan.cast)]
        packs = [
            open_character(seated.pack, scale=seat.scale, mirror=seat.mirror)
            for seated, seat in zip(plan.cast, seats, strict=True)
        ]
        tint = tint_in(room.manifest.tints(), room.manifest.light.lamp.tint, lights)
        one = max(1.0, plan.height / 1080)
        with (
            ThreadPoolExecutor(THREADS, thread_name_prefix="bake") as threads,
            ThreadPoolExecutor(at_once, thread_name_prefix="bakery") as orders,
        ):
            work = _Work(self.shelf, threads, checkpoint, rim_step * one, RIM_STEP * one)
            baked_room = orders.submit(work.room, room, lights)
            cast = [orders.submit(work.character, pack, tint) for pack in packs]
            characters = _all(cast)
        seated = [character.seated(seat.x, seat.y) for character, seat in zip(characters, seats, strict=True)]
        return Batch(BakedStage.of(baked_room.result(), seated, room.screen), work.fine)


def _all(orders: Sequence[Future[BakedCharacter]]) -> list[BakedCharacter]:
    """Their results; after a failure nothing more is begun."""
    try:
        return [order.result() for order in orders]
    except BaseException:
        for order in orders:
            order.cancel()
        raise


class _Work:
    """Finds or bakes single things; each method may be called from several threads at once."""

    def __init__(
        self, shelf: BakeShelf, threads: ThreadPoolExecutor, checkpoint: Checkpoint, rim_step: float, finest: float
    ) -> None:
        self._shelf = shelf
        self._threads = threads
        self._checkpoint = checkpoint
        self._rim_step = rim_step
        self._finest = finest
        self.fine = True

    def room(self, pack: RoomPack, lights: Lights) -> BakedRoom:
        """A room in a light."""
        key = _key("room", pack.key((lights.daylight,)), lights)
        found = self._shelf.find(key)
        if found is not None:
            return read_room(found)
        self._checkpoint()
        return self._kept(
            key, lambda: bake_room(pack.art(self._shelf, (lights.daylight,)), lights), write_room, read_room
        )

    def character(self, pack: CharacterPack, tint: Tint) -> BakedCharacter:
        """A character in a tint."""
        key = _key("character", pack.key, tint, self._finest)
        found = self._shelf.find(key)
        if found is not None:
            return read_character(found)
        self._checkpoint()

        def bake() -> BakedCharacter:
            art = pack.art(self._shelf)
            return bake_character(art, tint, self._threads, rim_step=self._rim_step, checkpoint=self._checkpoint)

        if self._rim_step > self._finest:
            self.fine = False
            return bake()
        return self._kept(key, bake, write_character, read_character)

    def _kept(
        self,
        key: str,
        bake: Callable[[], Thing],
        write: Callable[[Thing], WrittenBake],
        read: Callable[[Mapped], Thing],
    ) -> Thing:
        """What is baked, from the shelf if it could be kept there: then its memory is shared, and our own is freed."""
        thing = bake()
        self._shelf.keep(key, *write(thing))
        found = self._shelf.find(key)
        return thing if found is None else read(found)


def _key(*decides: object) -> str:
    return sha256(repr((FORMAT, *decides)).encode()).hexdigest()[:40]
