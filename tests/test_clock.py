"""Time that does not step."""

from __future__ import annotations

from duologue.clock import SECOND, SteadyClock, VirtualClock


class SetClock(VirtualClock):
    """A machine's clock that can be set."""

    def __init__(self) -> None:
        super().__init__()
        self.set = 0

    def wall(self) -> int:
        return super().wall() + self.set


async def test_what_is_stamped_on_air_stays_in_order_when_the_clock_is_set_back_an_hour() -> None:
    machine = SetClock()
    clock = SteadyClock(machine)
    begun = clock.wall()
    assert begun == machine.wall()
    machine.advance(SECOND)
    machine.set = -3600 * SECOND
    assert clock.wall() == begun + SECOND
    await clock.wait_until(clock.now() + SECOND)
    clock.sleep_until(clock.now() + SECOND)
    assert (clock.wall() - begun, clock.now(), clock.cpu()) == (3 * SECOND, machine.now(), machine.cpu())
    assert SteadyClock(machine).wall() == machine.wall()  # the next show believes the machine again
