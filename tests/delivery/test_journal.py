from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.delivery import journal as journals
from dynamail.delivery.journal import Journal, Note, iter_remains, list_living, read_notes
from dynamail.delivery.records import BOUNCED, DELIVERED, Result
from dynamail.lib.ids import new_id

FINE = Result(DELIVERED, "", 250, "2.0.0", "queued as 1")


def die(journal: Journal) -> None:
    """What the kernel does for a killed process: descriptors and locks go, files stay."""
    os.close(journal._lock)
    os.close(journal._fd)


def notes_of(folder: Path) -> dict[UUID, Note]:
    (left,) = iter_remains(folder)
    left.keep()
    return left.notes


def test_the_notes_of_a_dead_worker_say_what_was_on_the_wire(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id())
    dotted, answered, forgotten = new_id(), new_id(), new_id()
    for message_id in (dotted, answered, forgotten):
        journal.note_dot(message_id)
    journal.note_reply(answered, FINE)
    journal.note_reply(forgotten, FINE)
    journal.forget([forgotten])
    die(journal)
    assert notes_of(tmp_path) == {dotted: Note(None), answered: Note(FINE)}


def test_the_notes_tell_a_dead_address_from_a_full_mailbox(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id())
    dead, full = new_id(), new_id()
    said = {
        dead: Result(BOUNCED, "invalid_recipient", 550, "5.1.1", "no such user", is_hard=True),
        full: Result(BOUNCED, "quota", 552, "5.2.2", "full"),
    }
    for message_id, result in said.items():
        journal.note_dot(message_id)
        journal.note_reply(message_id, result)
    die(journal)
    assert notes_of(tmp_path) == {message_id: Note(result) for message_id, result in said.items()}


def test_a_living_workers_journal_is_left_alone(tmp_path: Path) -> None:
    worker_id = new_id()
    journal = Journal(tmp_path, worker_id)
    assert list(iter_remains(tmp_path)) == []
    assert list_living(tmp_path) == [worker_id]
    journal.close()
    assert list_living(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_orderly_end_with_something_unrecorded_keeps_the_notes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id())
    journal.note_dot(new_id())
    journal.close()
    assert len(notes_of(tmp_path)) == 1


def test_remains_that_were_settled_are_gone(tmp_path: Path) -> None:
    die(Journal(tmp_path, new_id()))
    for left in iter_remains(tmp_path):
        left.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_from_before_the_last_boot_leaves_out_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "read_boot_id", lambda: "before")
    journal = Journal(tmp_path, new_id())
    answered = new_id()
    journal.note_reply(answered, FINE)
    die(journal)
    monkeypatch.setattr(journals, "read_boot_id", lambda: "after")
    (left,) = iter_remains(tmp_path)
    assert left.notes == {answered: Note(FINE)}
    assert not left.is_complete
    left.discard()


def test_a_full_journal_begins_anew_with_what_is_unrecorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "ROTATE_BYTES", 2000)
    journal = Journal(tmp_path, new_id())
    kept = new_id()
    journal.note_dot(kept)
    for _ in range(200):
        message_id = new_id()
        journal.note_dot(message_id)
        journal.note_reply(message_id, FINE)
        journal.forget([message_id])
    (path,) = tmp_path.glob("*.journal")
    assert path.stat().st_size < 4000
    die(journal)
    assert notes_of(tmp_path) == {kept: Note(None)}


def test_a_second_attempt_makes_the_first_answer_old(tmp_path: Path) -> None:
    journal, message_id = Journal(tmp_path, new_id()), new_id()
    journal.note_dot(message_id)
    journal.note_reply(message_id, Result(BOUNCED, "quota", 552, "5.2.2", "full"))
    journal.note_dot(message_id)
    die(journal)
    assert notes_of(tmp_path) == {message_id: Note(None)}


@given(cut=st.integers(0, 400), noise=st.binary(max_size=60))
def test_a_torn_or_damaged_journal_never_stops_a_recovery(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, new_id())
    for _ in range(4):
        message_id = new_id()
        journal.note_dot(message_id)
        journal.note_reply(message_id, FINE)
    die(journal)
    (path,) = folder.glob("*.journal")
    path.write_bytes(path.read_bytes()[:cut] + noise)
    notes, _ = read_notes(path)
    assert all(note.result is None or note.result.state for note in notes.values())


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The kernel refuses what goes beyond, as on a full disk: a part of a write may still go in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def note_dots(journal: Journal, message_ids: list[UUID]) -> None:
    for message_id in message_ids:
        journal.note_dot(message_id)


@pytest.mark.parametrize("room", range(0, 60, 7))
def test_a_full_disk_spoils_no_note_before_or_after_it(tmp_path: Path, room: int) -> None:
    journal = Journal(tmp_path, new_id())
    before, refused, after = new_id(), new_id(), new_id()
    journal.note_dot(before)
    with files_of_at_most(journal._path.stat().st_size + room):
        journal.note_reply(before, FINE)  # counts, written or not
        with pytest.raises(OSError, match="disk full"):
            note_dots(journal, [refused] * 4)
    journal.note_dot(after)
    die(journal)
    notes = notes_of(tmp_path)
    assert notes[before] == Note(FINE)
    assert notes[after] == Note(None)
    assert set(notes) <= {before, refused, after}


def test_nothing_is_sent_while_an_answer_is_not_on_the_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id())
    first, second = new_id(), new_id()
    journal.note_dot(first)
    with files_of_at_most(journal._path.stat().st_size):
        journal.note_reply(first, FINE)
        with pytest.raises(OSError, match="disk full"):
            journal.note_dot(second)
        journal.forget([first])
    journal.note_dot(second)
    die(journal)
    assert notes_of(tmp_path) == {second: Note(None)}


def test_a_worker_knows_its_own_notes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id())
    dotted, answered = new_id(), new_id()
    for message_id in (dotted, answered):
        journal.note_dot(message_id)
    journal.note_reply(answered, FINE)
    assert journal.find_note(dotted) == Note(None)
    assert journal.find_note(answered) == Note(FINE)
    assert journal.find_note(new_id()) is None
    journal.forget([answered])
    assert journal.find_note(answered) is None
    die(journal)
