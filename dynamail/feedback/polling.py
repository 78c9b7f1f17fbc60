"""Reports that arrive in a mailbox elsewhere, read by IMAP (RFC 9051) or POP3 (RFC 1939).

A message is marked or deleted only after its report is committed, so a broken connection repeats work and loses nothing. What is
no report about a message of ours stays as it was, for the person who reads that mailbox.
"""

from __future__ import annotations

import imaplib
import poplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import Any

from dynamail.feedback.receiving import Taken
from dynamail.protocols.raw_messages import read_address_pairs

TIMEOUT = 30.0  # seconds, for each answer
BATCH = 200  # messages in one visit; the rest waits for the next minute
MAX_REPORT_BYTES = 10 * 2**20
MOST_KEPT = 5_000  # unique ids that a POP3 position remembers
TOP_BYTES = 64 * 1024  # where the header is looked for
ADDRESS_FIELDS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")

Take = Callable[[bytes, list[str]], Taken]


class PollError(Exception):
    """The mailbox cannot be read; the text tells the user why and what to do."""


@dataclass(frozen=True)
class Login:
    """How to reach a mailbox."""

    protocol: str  # imap, pop3
    host: str
    port: int
    security: str  # none, starttls, tls
    username: str
    password: str
    folder: str = "INBOX"
    delete_processed: bool = False


@dataclass
class Visit:
    """What one visit did. `position` is where the next one begins."""

    position: dict[str, Any]
    seen: int = 0
    taken: int = 0
    failed: list[str] = field(default_factory=list)


def read_mailbox(login: Login, *, position: dict[str, Any], take: Take) -> Visit:
    """Hand every new message to `take`, which commits. Raises PollError; what was taken before stays taken."""
    try:
        if login.protocol == "pop3":
            return _read_pop3(login, position, take)
        return _read_imap(login, position, take)
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        raise PollError(f"{login.host}:{login.port} answered: {_clean(error)}") from error
    except ssl.SSLError as error:
        raise PollError(f"The encryption of {login.host}:{login.port} failed: {_clean(error)}") from error
    except OSError as error:
        raise PollError(f"{login.host}:{login.port} cannot be reached: {_clean(error)}") from error


# --- IMAP --------------------------------------------------------------------------------------------------------------


def _read_imap(login: Login, position: dict[str, Any], take: Take) -> Visit:
    with _open_imap(login) as client:
        validity = _select(client, login.folder)
        # UIDs mean what they meant only while UIDVALIDITY is the same (RFC 9051 §2.3.1.1).
        last = position.get("uid", 0) if position.get("validity") == validity else 0
        visit = Visit({"validity": validity, "uid": last})
        for uid in _list_new(client, last):
            raw = _fetch(client, uid)
            if raw is not None:
                taken = take(raw, list_addressees(raw))
                if taken.is_early:
                    break  # the next visit begins with it
                visit.seen += 1
                if taken.sent is not None:
                    visit.taken += 1
                    client.uid(
                        "STORE",
                        str(uid),
                        "+FLAGS",
                        "(\\Seen \\Deleted)" if login.delete_processed else "(\\Seen)",
                    )
            visit.position["uid"] = uid
        if login.delete_processed and visit.taken:
            client.expunge()
        return visit


@contextmanager
def _open_imap(login: Login) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context()
    client: imaplib.IMAP4
    if login.security == "tls":
        client = imaplib.IMAP4_SSL(login.host, login.port, ssl_context=context, timeout=TIMEOUT)
    else:
        client = imaplib.IMAP4(login.host, login.port, timeout=TIMEOUT)
    try:
        if login.security == "starttls":
            client.starttls(context)
        client.login(login.username, login.password)
        yield client
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            client.logout()


def _select(client: imaplib.IMAP4, folder: str) -> int:
    quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
    answer, data = client.select(quoted)
    if answer != "OK":
        raise PollError(f"There is no folder {folder!r}: {_clean(data[0])}")
    _, validity = client.response("UIDVALIDITY")
    return int(validity[0]) if validity and validity[0] else 0


def _list_new(client: imaplib.IMAP4, last: int) -> list[int]:
    _, data = client.uid("SEARCH", f"UID {last + 1}:*")
    found = sorted(int(uid) for uid in (data[0] or b"").split())
    return [uid for uid in found if uid > last][
        :BATCH
    ]  # "n:*" always names the last message, even an old one


def _fetch(client: imaplib.IMAP4, uid: int) -> bytes | None:
    """The message, not marked as read; None when it is gone or larger than a report can be."""
    _, sizes = client.uid("FETCH", str(uid), "(RFC822.SIZE)")
    size = re.search(rb"RFC822\.SIZE (\d+)", b" ".join(part for part in sizes if isinstance(part, bytes)))
    if size is None or int(size[1]) > MAX_REPORT_BYTES:
        return None
    _, data = client.uid("FETCH", str(uid), "(BODY.PEEK[])")
    return next((part[1] for part in data if isinstance(part, tuple)), None)


# --- POP3 --------------------------------------------------------------------------------------------------------------


def _read_pop3(login: Login, position: dict[str, Any], take: Take) -> Visit:
    """POP3 marks nothing, so what stays is remembered by its unique id (RFC 1939 §7 UIDL). Deletions happen at QUIT."""
    with _open_pop3(login) as client:
        numbers = dict(_read_pairs(client.uidl()[1]))
        sizes = dict(_read_pairs(client.list()[1]))
        present = set(numbers.values())
        kept = [uid for uid in position.get("kept", []) if uid in present]
        visit = Visit({"kept": kept})
        known = set(kept)
        # The newest first: of more messages than are remembered, old ones look new again and must not come before those that are.
        for number, uid in [pair for pair in numbers.items() if pair[1] not in known][-BATCH:]:
            is_taken = False
            if int(sizes.get(number, 0)) <= MAX_REPORT_BYTES:
                raw = b"\r\n".join(client.retr(int(number))[1]) + b"\r\n"
                taken = take(raw, list_addressees(raw))
                if taken.is_early:
                    continue
                visit.seen += 1
                is_taken = taken.sent is not None
                visit.taken += is_taken
            if is_taken and login.delete_processed:
                client.dele(int(number))
            else:
                kept.append(uid)
        del kept[:-MOST_KEPT]
        return visit


@contextmanager
def _open_pop3(login: Login) -> Iterator[poplib.POP3]:
    context = ssl.create_default_context()
    client: poplib.POP3
    if login.security == "tls":
        client = poplib.POP3_SSL(login.host, login.port, context=context, timeout=TIMEOUT)
    else:
        client = poplib.POP3(login.host, login.port, timeout=TIMEOUT)
    try:
        if login.security == "starttls":
            client.stls(context)
        client.user(login.username)
        client.pass_(login.password)
        yield client
        client.quit()
    finally:
        with suppress(OSError):
            client.close()


def _read_pairs(lines: list[bytes]) -> Iterator[tuple[str, str]]:
    for line in lines:
        number, _, value = line.decode("ascii", "replace").partition(" ")
        if number.isdigit():
            yield number, value


# --- both --------------------------------------------------------------------------------------------------------------


def list_addressees(raw: bytes) -> list[str]:
    """Where a message was sent to, as far as its header tells: a mailbox has no envelope any more."""
    headers = BytesHeaderParser(policy=compat32).parsebytes(raw[:TOP_BYTES])
    values = [str(value) for name in ADDRESS_FIELDS for value in headers.get_all(name, [])]
    return [address for _, address in read_address_pairs(values) if address][:20]


def _clean(words: object) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return " ".join(text.split())[:300]
