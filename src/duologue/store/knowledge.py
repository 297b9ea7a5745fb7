"""Characters' own files in the store, and the search in them: FTS5, or PostgreSQL's own. Within a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from duologue.ids import unique_id
from duologue.store.tables import Document, PassageRow
from duologue.store.values import FoundPassage, KnownDocument

MOST_WORDS = 24
"""Of a question that are searched for."""
_SQLITE = text(
    "SELECT documents.name, passages.place, passages.text FROM passages_search"
    " JOIN passages ON passages.id = passages_search.rowid JOIN documents ON documents.id = passages.document_id"
    " WHERE passages_search MATCH :words AND documents.character = :character"
    " ORDER BY bm25(passages_search, 2.0, 1.0), passages.id LIMIT :most"
)
_POSTGRESQL = text(
    "SELECT documents.name, passages.place, passages.text FROM passages"
    " JOIN documents ON documents.id = passages.document_id,"
    " websearch_to_tsquery('english', :words) AS asked"
    " WHERE to_tsvector('english'::regconfig, passages.place || ' ' || passages.text) @@ asked"
    " AND documents.character = :character"
    " ORDER BY ts_rank_cd(to_tsvector('english'::regconfig, passages.place || ' ' || passages.text), asked) DESC,"
    " passages.id LIMIT :most"
)


def documents(session: Session) -> list[KnownDocument]:
    """All files that were read."""
    return [
        KnownDocument(each.character, each.name, each.digest, each.failure)
        for each in session.scalars(select(Document).order_by(Document.character, Document.name))
    ]


def keep(session: Session, document: KnownDocument, passages: Sequence[tuple[str, str]], at: int) -> None:
    """A file as it is now, with its passages (place, text); what it was before goes."""
    drop(session, document.character, document.name)
    row = Document(
        id=unique_id(at), character=document.character, name=document.name, digest=document.digest,
        failure=document.failure, added=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add_all(
        PassageRow(document_id=row.id, number=number, place=place, text=words)
        for number, (place, words) in enumerate(passages)
    )


def drop(session: Session, character: str, name: str) -> None:
    """A file that is no more."""
    session.execute(delete(Document).where(Document.character == character, Document.name == name))


def search(session: Session, character: str, words: Sequence[str], most: int) -> list[FoundPassage]:
    """The passages of a character's files in which most of the words stand, the best first."""
    wanted = [word.replace('"', "") for word in words[:MOST_WORDS]]
    wanted = [word for word in wanted if any(letter.isalnum() for letter in word)]
    if not wanted or most <= 0:
        return []
    sqlite = session.get_bind().dialect.name == "sqlite"
    joined = " OR ".join(f'"{word}"' for word in wanted)
    values: Mapping[str, object] = {"words": joined, "character": character, "most": most}
    found = session.execute(_SQLITE if sqlite else _POSTGRESQL, values)
    return [FoundPassage(str(row[0]), str(row[1]), str(row[2])) for row in found]
