"""People of the store: met, found, told about, forgotten to the last byte; and what is remembered of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from duologue.errors import InputError, PeerError
from duologue.store import database as database_module
from duologue.store.conversations import KeptCall, KeptConversation, KeptTurn, end
from duologue.store.database import Database, database_url
from duologue.store.facts import facts_of, forget_fact, remember, rewrite, within
from duologue.store.people import counts, export, find, forget, meet, named, people
from duologue.store.store import opened
from duologue.store.tables import Base, CorrectionRow, LessonRun, PersonRow, Review, Vocable
from duologue.store.values import MOST_FACTS, KnownFact, NewFact, Who

T = TypeVar("T")


class Do(Protocol):
    def __call__(self, work: Callable[[Session], T]) -> T: ...


SECRET = "the-password-is-swordfish"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture
def database(file: Path, address: str) -> Iterator[Database]:
    made = Database(database_url(address, file))
    made.open()
    yield made
    made.close()


@pytest.fixture
def do(database: Database) -> Do:
    def done(work: Callable[[Session], T]) -> T:
        with database.begin(writes=True) as connection, Session(connection) as session:
            found = work(session)
            session.flush()
            return found

    return done


def fill(session: Session) -> None:
    """All that there can be of one person."""
    person = meet(session, Who("ada"), 10)
    person.name = "Ada"
    KeptConversation("c1", "talk", "chad", 20, person.id, recording="/tmp/c1.opus").write(session)
    turn = KeptTurn("c1/p1", "c1", 1, "person", "person", SECRET, SECRET, "ended", 21)
    turn.write(session)
    KeptTurn("c1/r1", "c1", 2, "answer", "chad", "Oh.", "Oh.", "ended", 22, waited_ms=5.0, stages={"floor": 5.0}).write(
        session
    )
    KeptCall("k1", "c1", "lookup", "{}", '"found"', "", 23, 24).write(session)
    end(session, "c1", 30)
    remember(session, person.id, [NewFact(f"They said {SECRET}")], source="rules", at=25, conversation="c1")
    word = Vocable(id="v1", person_id=person.id, language="en", word="kettle")
    session.add_all(
        [
            word,
            CorrectionRow(
                id="k", person_id=person.id, conversation_id="c1", turn_id="c1/p1", said="I goed", better="I went"
            ),
            LessonRun(id="l", person_id=person.id, lesson="tea", details={"part": 1}),
        ]
    )
    session.flush()
    session.add(Review(id="r", vocable_id="v1", rating=3))
    meet(session, Who("ben"), 40)


def test_a_person_is_met_once_and_seen_again(do: Do) -> None:
    first = do(lambda session: meet(session, Who("ada"), 10).id)
    assert do(lambda session: meet(session, Who("ada"), 20).id) == first
    assert do(lambda session: meet(session, Who("ada", "guest"), 30).id) != first
    assert do(lambda session: find(session, Who("nobody"))) is None
    found = do(people)
    assert [(each.realm, each.began, each.seen) for each in found] == [("guest", 30, 30), ("", 10, 20)]


def test_who_is_meant(do: Do) -> None:
    do(fill)
    by_key = do(lambda session: named(session, "ada").id)
    assert do(lambda session: named(session, "ADA").id) == by_key  # the name that they said
    assert do(lambda session: named(session, str(by_key)).id) == by_key
    with pytest.raises(InputError, match="nobody called 'eve'"):
        do(lambda session: named(session, "eve"))
    do(lambda session: meet(session, Who("ada", "guest"), 1))
    with pytest.raises(InputError, match="several people") as caught:
        do(lambda session: named(session, "ada"))
    assert str(by_key) in caught.value.remedy


def test_a_name_is_meant_however_it_is_written_in_any_alphabet(do: Do) -> None:
    def name(session: Session) -> str:
        person = meet(session, Who("browser-1"), 10)
        person.name = "Élise Ångström"
        return person.id

    elise = do(name)
    for written in ("Élise Ångström", "élise ångström", "ÉLISE ÅNGSTRÖM", "E\u0301lise A\u030angstro\u0308m"):
        assert do(lambda session, written=written: named(session, written).id) == elise


def test_who_they_are_is_the_same_however_its_accents_are_written(do: Do) -> None:
    composed, apart = "Zoë", "Zoe\u0308"
    zoe = do(lambda session: meet(session, Who(apart), 10).id)
    assert do(lambda session: meet(session, Who(composed), 20).id) == zoe
    for written in (composed, apart):
        found = do(lambda session, written=written: (named(session, written), find(session, Who(written))))
        assert [each and each.id for each in found] == [zoe, zoe]


def test_all_of_a_person_is_told(do: Do) -> None:
    do(fill)
    told = do(lambda session: export(session, named(session, "ada")))
    assert told["person"]["name"] == "Ada"
    (conversation,) = told["conversations"]
    assert [turn["heard"] for turn in conversation["turns"]] == [SECRET, "Oh."]
    assert conversation["turns"][1]["stages"] == {"floor": 5.0} and conversation["ended"] == 30
    assert conversation["tool_calls"][0]["result"] == '"found"'
    assert told["vocabulary"][0]["reviews_made"][0]["rating"] == 3
    assert (told["corrections"][0]["better"], told["lessons"][0]["details"]) == ("I went", {"part": 1})
    assert told["facts"][0]["text"] == f"They said {SECRET}"


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_a_person_is_forgotten_to_the_last_byte(do: Do, database: Database, file: Path) -> None:
    do(fill)
    kept = [path for path in file.parent.iterdir() if path.name.startswith(file.name)]
    assert any(SECRET.encode() in path.read_bytes() for path in kept)
    assert do(lambda session: forget(session, named(session, "ada"))) == ["/tmp/c1.opus"]
    database.forget_traces()
    for path in file.parent.iterdir():
        assert SECRET.encode() not in path.read_bytes() and b"kettle" not in path.read_bytes(), path
    tables = [mapper.class_ for mapper in Base.registry.mappers]
    left = {name: count for name, count in do(lambda session: counts(session, tables)).items() if count}
    assert left == {"people": 1}


@pytest.mark.parametrize("holds", ["begin", "begin immediate"])
def test_what_cannot_leave_the_file_now_is_said_and_leaves_it_later(
    file: Path, monkeypatch: pytest.MonkeyPatch, holds: str
) -> None:
    """Another process reads the store as it was, or writes in it."""
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    with opened("", file) as session:
        fill(session)
    other = sqlite3.connect(file, isolation_level=None)
    if holds == "begin":
        other.execute(holds)
        assert other.execute("select count(*) from people").fetchone() == (2,)
    with opened("", file) as session:
        forget(session, named(session, "ada"))
    if holds != "begin":
        other.execute(holds)
    database = Database(database_url("", file))
    with pytest.raises(PeerError, match=r"what was deleted (can still|may still) be read") as caught:
        database.forget_traces()
    assert "duologue store" in caught.value.remedy
    other.execute("rollback")
    other.close()
    with opened("", file, writes=False) as session:
        assert [each.key for each in people(session)] == ["ben"]
    for path in file.parent.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path


def test_all_of_a_person_goes_and_nothing_of_others(do: Do) -> None:
    do(fill)
    everything = [mapper.class_ for mapper in Base.registry.mappers]
    before = do(lambda session: counts(session, everything))
    assert before["people"] == 2
    assert do(lambda session: forget(session, named(session, "ada"))) == ["/tmp/c1.opus"]
    assert {name: count for name, count in do(lambda session: counts(session, everything)).items() if count} == {
        "people": 1
    }


def test_what_no_database_takes_is_kept_all_the_same(do: Do) -> None:
    """U+0000, which PostgreSQL does not know, and half of a character, which no encoding does."""
    written = "one\0two \ud83d three"

    def write(session: Session) -> dict[str, Any]:
        person = meet(session, Who(written), 1)
        remember(session, person.id, [NewFact(written)], source="rules", at=1)
        KeptConversation("c", "talk", "chad", 2, person.id, topic=written).write(session)
        KeptTurn("t", "c", 1, "person", "person", written, written, "ended", 3).write(session)
        session.flush()
        session.expire_all()
        found = find(session, Who(written))
        assert found is not None and found is meet(session, Who(written), 2)
        return export(session, found)

    told = do(write)
    kept = "one\ufffdtwo ? three"
    assert (told["person"]["key"], told["facts"][0]["text"]) == (kept, kept)
    assert (told["conversations"][0]["topic"], told["conversations"][0]["turns"][0]["heard"]) == (kept, kept)


def test_every_table_of_a_person_goes_with_them(do: Do) -> None:
    """Whatever refers to a person or to what is theirs is deleted by the database; nobody has to remember it."""
    for mapper in Base.registry.mappers:
        for key in mapper.local_table.foreign_keys:
            assert key.ondelete in ("CASCADE", "SET NULL"), key
            if key.ondelete == "SET NULL":
                owner = [each for each in mapper.local_table.foreign_keys if each.column.table.name == "people"]
                assert owner and owner[0].ondelete == "CASCADE", key


def test_facts_are_known_once_and_slots_replaced(do: Do) -> None:
    person = str(do(lambda session: meet(session, Who("ada"), 1).id))

    def told(*found: NewFact, at: int) -> list[tuple[str, int]]:
        do(lambda session: remember(session, person, found, source="rules", at=at))
        return [(each.text, each.at) for each in do(lambda session: facts_of(session, person))]

    home = NewFact("They live in Rome.", slot="home")
    assert told(home, NewFact("They like tea."), at=1) == [("They like tea.", 2), ("They live in Rome.", 1)]
    assert told(NewFact("they LIKE  tea."), at=5) == [("They like tea.", 5), ("They live in Rome.", 1)]
    assert told(NewFact("They live in Oslo.", slot="home"), at=7) == [("They live in Oslo.", 7), ("They like tea.", 5)]


def test_beyond_their_bound_the_oldest_go_but_never_a_persons_own(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.store.facts.MOST_FACTS", 5)

    def write(session: Session) -> list[str]:
        person = meet(session, Who("ada"), 1)
        rewrite(session, person, [("", NewFact("Mine."))], 1)
        session.flush()
        for number in range(9):
            remember(session, person.id, [NewFact(f"Fact {number}.")], source="rules", at=2 + number)
            session.flush()
        return [each.text for each in facts_of(session, person.id)]

    assert do(write) == ["Fact 8.", "Fact 7.", "Fact 6.", "Fact 5.", "Mine."]


def test_a_person_changes_what_is_remembered(do: Do) -> None:
    def write(session: Session) -> PersonRow:
        person = meet(session, Who("ada"), 1)
        remember(session, person.id, [NewFact("They like tea."), NewFact("They like rain.")], source="model", at=1)
        session.flush()
        rain, tea = sorted(facts_of(session, person.id), key=lambda each: each.text)
        rewrite(session, person, [(tea.id, NewFact("They love tea.")), ("", NewFact("They sing.", "learnt"))], 9)
        session.flush()
        now = {(each.text, each.kind, each.source, each.at) for each in facts_of(session, person.id)}
        assert now == {("They love tea.", "fact", "person", 9), ("They sing.", "learnt", "person", 9)}
        with pytest.raises(InputError, match="no fact"):
            rewrite(session, person, [(rain.id, NewFact("Again."))], 10)
        with pytest.raises(InputError, match="facts"):
            rewrite(session, person, [("", NewFact("x"))] * (MOST_FACTS + 1), 10)
        with pytest.raises(InputError, match="without words"):
            rewrite(session, person, [("", NewFact("  "))], 10)
        with pytest.raises(InputError, match="no fact"):
            forget_fact(session, meet(session, Who("ben"), 1), tea.id)  # another one's
        forget_fact(session, person, tea.id)
        session.flush()
        assert [each.text for each in facts_of(session, person.id)] == ["They sing."]
        return person

    do(write)


@given(
    st.lists(st.tuples(st.text("ab ", min_size=1, max_size=40), st.booleans(), st.integers(0, 99)), max_size=30),
    st.integers(0, 200),
)
def test_what_fits_fits_and_slots_come_first(found: list[tuple[str, bool, int]], room: int) -> None:
    facts = [
        KnownFact(f"{at}-{number}", text, "fact", "name" if slot else "", "", "rules", at)
        for number, (text, slot, at) in enumerate(found)
    ]
    kept = within(facts, room)
    assert sum(len(fact.text) + 1 for fact in kept) <= room
    assert kept == sorted(kept, key=lambda each: (each.at, each.id))
    left = room - sum(len(fact.text) + 1 for fact in kept)
    assert not [fact for fact in facts if fact not in kept and len(fact.text) + 1 <= left]
    assert not [fact for fact in facts if fact.slot and fact not in kept and len(fact.text) + 1 <= left]
