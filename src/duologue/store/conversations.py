"""What is written while a conversation goes on: values that say what, and how each is written. Within a transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from duologue.ids import unique_id
from duologue.store.tables import ConversationRow, PersonRow, ShowNote, Timing, ToolCallRow, Turn


@dataclass(frozen=True, slots=True)
class KeptConversation:
    """The head of a conversation. Times are Unix ns."""

    id: str
    part: str
    character: str
    began: int
    person_id: str | None = None
    topic: str = ""
    recording: str = ""

    def write(self, session: Session) -> None:
        """Once; not at all if its person was forgotten meanwhile."""
        if self.person_id is not None and session.get(PersonRow, self.person_id) is None:
            return
        session.merge(
            ConversationRow(
                id=self.id, person_id=self.person_id, part=self.part, character=self.character, topic=self.topic,
                recording=self.recording, began=self.began,
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as far as it has come."""

    id: str
    conversation: str
    number: int
    role: str
    speaker: str
    text: str
    heard: str
    state: str
    at: int
    interrupted: bool = False
    failure: str = ""
    language: str = ""
    waited_ms: float = 0.0
    stages: dict[str, float] = field(default_factory=dict[str, float])

    def write(self, session: Session) -> None:
        """Whenever more of it was heard, as long as the conversation was not forgotten."""
        if session.get(ConversationRow, self.conversation) is None:
            return
        session.merge(
            Turn(
                id=self.id, conversation_id=self.conversation, number=self.number, role=self.role,
                speaker=self.speaker, text=self.text, heard=self.heard, state=self.state, at=self.at,
                interrupted=self.interrupted, failure=self.failure, language=self.language,
            )
        )  # fmt: skip
        session.flush()
        if self.stages:
            session.merge(Timing(turn_id=self.id, waited_ms=self.waited_ms, stages=self.stages))


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A tool that was called. Times are Unix ns."""

    id: str
    conversation: str
    name: str
    arguments: str
    result: str
    failure: str
    began: int
    ended: int

    def write(self, session: Session) -> None:
        """Once; not at all if the conversation was forgotten meanwhile."""
        if session.get(ConversationRow, self.conversation) is None:
            return
        session.merge(
            ToolCallRow(
                id=self.id, conversation_id=self.conversation, name=self.name, arguments=self.arguments,
                result=self.result, failure=self.failure, began=self.began, ended=self.ended,
            )
        )  # fmt: skip


def end(session: Session, conversation: str, at: int) -> None:
    """It is over."""
    session.execute(update(ConversationRow).where(ConversationRow.id == conversation).values(ended=at))


def record(session: Session, conversation: str, file: str) -> None:
    """It is recorded in ``file``."""
    session.execute(update(ConversationRow).where(ConversationRow.id == conversation).values(recording=file))


def note(session: Session, show: str, kind: str, text: str, at: int) -> None:
    """A show remembers a topic or a joke once, with how often and when last."""
    found = session.scalar(select(ShowNote).where(ShowNote.show == show, ShowNote.kind == kind, ShowNote.text == text))
    if found is None:
        found = ShowNote(id=unique_id(at), show=show, kind=kind, text=text, times=0, at=at)
        session.add(found)
    found.times += 1
    found.at = at


def notes(session: Session, show: str, kind: str, most: int) -> list[str]:
    """What a show remembers, the newest first."""
    wanted = select(ShowNote.text).where(ShowNote.show == show, ShowNote.kind == kind)
    return list(session.scalars(wanted.order_by(ShowNote.at.desc(), ShowNote.id.desc()).limit(most)))


def said_before(session: Session, show: str, speaker: str, text: str, conversation: str) -> bool:
    """Whether ``speaker`` was heard to say just this in another conversation of the show."""
    wanted = (
        select(func.count())
        .select_from(Turn)
        .join(ConversationRow, Turn.conversation_id == ConversationRow.id)
        .where(ConversationRow.part == show, ConversationRow.id != conversation, Turn.speaker == speaker)
        .where(Turn.heard == text)
    )
    return bool(session.scalar(wanted))
