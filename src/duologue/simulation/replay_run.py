"""A kept talk on the engines and the settings of now: who answers, how turns are taken, on which ears."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from duologue.app.calls.plan import CallPlans
from duologue.app.engines.engines import open_engines
from duologue.app.engines.languages import refuse_deaf
from duologue.app.show.cast import CastMember
from duologue.app.show.stage_set import house_moderator
from duologue.app.talking.partners import find_partner
from duologue.app.talking.talking import open_partner
from duologue.app.talking.text import WrittenVoice
from duologue.app.talking.turn_policy import talk_policy
from duologue.dialogue.session.session import SessionEngines
from duologue.dialogue.turns.policy import Policy
from duologue.errors import InputError
from duologue.settings import Settings
from duologue.simulation.recorded_talk import RecordedTalk
from duologue.simulation.replay import ReplayedTalk, as_recorded, at_work, clock_of, hear_again
from duologue.simulation.virtual_time import WorkingLoop, simulate

_WAY = ("half_duplex", "tail_ms")
"""What of a policy comes with the way in which a talk is held, where the settings leave it open."""


@dataclass(frozen=True, slots=True)
class ReplayWish:
    """How it is to be heard: with replies thought and voiced ``anew``, or those of then; by ``character``, where that
    is not who spoke then.
    """

    anew: bool = False
    character: str = ""


def run_replay(talk: RecordedTalk, settings: Settings, wish: ReplayWish) -> ReplayedTalk:
    """Hear it again with ``settings``. Blocking: it takes as long as the engines work.

    Raises :class:`InputError` for a character that is not there, and what an engine raises that does not come up.
    """
    member, policy = partner_of(talk, settings, wish.character)
    loop = WorkingLoop()
    return simulate(_replayed(talk, settings, wish, member, policy, loop), None, lambda: loop)


def partner_of(talk: RecordedTalk, settings: Settings, character: str = "") -> tuple[CastMember, Policy]:
    """Who answers, and how turns are taken: as ``settings`` say now, for the way in which the talk was held."""
    if talk.call is not None and not character:
        plans = CallPlans(settings)
        call = talk.call
        plan = plans.accounts.get(call.account) or plans.extensions.get(call.called) or plans.usual
        return plan.member, plan.policy
    try:
        member = find_partner(character or talk.character, settings)
    except InputError as error:
        raise InputError(error.what, where=error.where, remedy=f"Say who is to answer: --as. {error.remedy}") from error
    usual = Policy()
    needed: dict[str, Any] = {name: talk.policy.get(name, getattr(usual, name)) for name in _WAY}
    return member, talk_policy(settings, member.persona, **needed)


def changed_since(talk: RecordedTalk, policy: Policy) -> Mapping[str, tuple[object, object]]:
    """What of the taking of turns is other than then: as it was, and as it is."""
    usual = Policy()
    then = replace(usual, **{name: _valued(value) for name, value in talk.policy.items() if hasattr(usual, name)})
    names = Policy.__dataclass_fields__
    return {
        name: (getattr(then, name), getattr(policy, name))
        for name in names
        if getattr(then, name) != getattr(policy, name)
    }


def _valued(value: object) -> object:
    """As a policy has it: JSON knows no sets."""
    return frozenset(cast("list[str]", value)) if isinstance(value, list) else value


async def _replayed(
    talk: RecordedTalk, settings: Settings, wish: ReplayWish, member: CastMember, policy: Policy, loop: WorkingLoop
) -> ReplayedTalk:
    """What engines do to come up and to leave is work as well, which is done before the talk begins, and after it."""
    stack = AsyncExitStack()
    try:
        with loop.at_work():
            bare = await stack.enter_async_context(_open(settings, member, wish))
        before, clock = loop.worked, clock_of(talk, loop)
        engines = at_work(bare if wish.anew else as_recorded(talk, bare, clock), loop, anew=wish.anew)
        found = await hear_again(talk, member.persona, engines, policy, clock)
    finally:
        with loop.at_work():
            await stack.aclose()
    return replace(found, worked=found.worked - before)


@asynccontextmanager
async def _open(settings: Settings, member: CastMember, wish: ReplayWish) -> AsyncGenerator[SessionEngines]:
    """Warm engines; those that think and speak only where they are asked."""
    if wish.anew:
        async with open_partner(settings, member) as partner:
            yield partner.engines
        return
    async with open_engines(settings, hears=True, speaks=False) as lent:
        ears, noticing = lent.ears, lent.noticing
        assert ears is not None and noticing is not None
        refuse_deaf(member.persona.language.tag, ears, f"{member.persona.title} speaks")
        for each in (ears, noticing, lent.turn):
            if each is not None:
                await each.warm_up()
        yield SessionEngines(noticing.activity, ears, lent.llm, WrittenVoice(), house_moderator(settings), lent.turn)
