"""How each call is answered: by the account that was called, by the extension, or as the line is set. Made once, when
the line comes up, so that what cannot be is said then and not to a caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from duologue.app.show.cast import CastMember
from duologue.app.talking.partners import find_partner
from duologue.app.talking.turn_policy import talk_policy
from duologue.dialogue.replies.chunker import Chunker
from duologue.dialogue.turns.policy import Policy
from duologue.language.languages import Language, load_language
from duologue.phone.leg import CallInfo
from duologue.settings import Settings
from duologue.settings_phone import AnswerSettings, PhoneSettings, Remembered

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallPlan:
    """As whom a call is answered. ``opening`` is said at once, word for word (empty: the character thinks of
    something); ``policy`` is how turns are taken; ``remember`` is what is kept of whoever calls.
    """

    member: CastMember
    opening: str
    policy: Policy
    record: bool
    announce_operator: str = ""
    """Is said when an operator takes the call over."""
    remember: Remembered = "nothing"

    @property
    def lines(self) -> tuple[str, ...]:
        """What it may say word for word on any call: to be voiced beforehand."""
        language = self.member.persona.language
        usual = language.telephone
        handed_over = (usual.handing_over, usual.not_reached, self.announce_operator, usual.back)
        said = (self.opening, usual.closing, usual.silent, *handed_over)
        return tuple(sentence for text in said for sentence in sentences(text, language))


class CallPlans:
    """See the module. Raises :class:`~duologue.errors.InputError` for a character that is not there."""

    def __init__(self, settings: Settings) -> None:
        phone = settings.phone
        self._members: dict[tuple[str, str | None], CastMember] = {}
        self._settings = settings
        self.usual = self._plan(phone, AnswerSettings())
        """Of what is called without an account or a table of its own."""
        self.accounts: Mapping[str, CallPlan] = {each.user: self._plan(phone, each) for each in phone.accounts}
        self.extensions: Mapping[str, CallPlan] = {
            name: self._plan(phone, each) for name, each in phone.extensions.items()
        }

    def of(self, info: CallInfo) -> CallPlan | None:
        """How a call is answered; None: there is nobody of that name."""
        if info.account in self.accounts:
            return self.accounts[info.account]
        if info.outgoing:
            return self.usual
        if info.called in self.extensions:
            return self.extensions[info.called]
        if info.called in self.accounts:
            return self.accounts[info.called]
        return None if self.extensions else self.usual

    @property
    def all(self) -> tuple[CallPlan, ...]:
        """Each of them."""
        return (self.usual, *self.accounts.values(), *self.extensions.values())

    def _plan(self, phone: PhoneSettings, own: AnswerSettings) -> CallPlan:
        greeting, announce = _first(own.greeting, phone.greeting), _first(own.announce, phone.announce)
        member = self._member(_first(own.persona, phone.persona), own.language)
        half, turns = _first(own.duplex, phone.duplex) == "half", {**phone.dialogue, **own.dialogue}
        policy = talk_policy(self._settings, member.persona, turns, half_duplex=half)
        record = own.record and phone.record is not None
        remember: Remembered = phone.remember if own.remember is None else own.remember
        return CallPlan(
            member, f"{announce} {greeting}".strip(), policy, record, phone.announce_operator, remember
        )  # fmt: skip

    def _member(self, name: str, language: str | None) -> CastMember:
        if (name, language) not in self._members:
            member = find_partner(name, self._settings)
            if language is not None:
                member = replace(member, persona=replace(member.persona, language=load_language(language)))
            self._members[name, language] = member
        return self._members[name, language]


def sentences(text: str, language: Language) -> tuple[str, ...]:
    """As a session cuts what it is told to say."""
    chunker = Chunker(language=language)
    return tuple(each.spoken for each in (*chunker.feed(text), *chunker.finish()) if each.spoken.strip())


def _first(own: T | None, usual: T) -> T:
    return usual if own is None else own
