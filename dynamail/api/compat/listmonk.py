"""listmonk's door: `/compat/listmonk/api/tx`. `docs/api/compat_listmonk.md`.

Everybody who is named gets a copy of their own. Who must be a contact is looked up before anything is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from litestar import Response, post
from litestar.datastructures import Headers

from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.compat.doors import BASIC, NO_STORE, Credentials, find_basic, open_door, sentence_of, unfit
from dynamail.api.compat.forms import FormFile, read_form
from dynamail.api.compat.listmonk_emails import Said, Subscribers, read_subscribers, to_email
from dynamail.api.compat.reading import decode_raw, decode_said, missing
from dynamail.api.compat.sending import Outcome, may_send, refuse_unless_all_fit, send_each
from dynamail.api.errors import Problem
from dynamail.contacts.models import Contact
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.messages.new_email import NewEmail, NewRecipient
from dynamail.protocols.address import split_mailbox
from dynamail.senders.models import Sender

MAX_BYTES = 30 * 2**20
ASK_FOR_KEY = "Use “Authorization: token user:key” or Basic authentication, with an API key that works."
_STATUS = {422: 400, 401: 403, 415: 400}  # of ours, where listmonk's is another
_decoder = msgspec.json.Decoder(Said)


class SentBody(msgspec.Struct, frozen=True):
    data: bool = True


class ErrorBody(msgspec.Struct, frozen=True):
    message: str


@post("/tx", guards=[may_send], status_code=200)
async def send(request: ApiRequest) -> Response[SentBody]:
    said, files = await _read_request(request)
    subscribers = read_subscribers(said)
    addresses, sender = await in_account(request, lambda caller: _look_up(caller, subscribers, said))
    if not sender:
        raise missing("from_email", "The account has no default sender: name one in from_email.")
    email = to_email(said, files, sender)
    emails = [replace(email, recipients=(NewRecipient(one),)) for one in addresses]
    refuse_unless_all_fit(emails)
    _check_sent(emails, await send_each(request, emails))
    return Response(SentBody(), headers=NO_STORE)


# ── What was said ────────────────────────────────────────────────────────────────────────────────────────────────────
async def _read_request(request: ApiRequest) -> tuple[Said, tuple[FormFile, ...]]:
    """JSON, or a form with the JSON in `data` and files in `file`."""
    if request.content_type[0] != "multipart/form-data":
        return decode_said(request, await request.body(), _decoder), ()
    form = await read_form(request)
    if not form.one("data"):
        raise missing("data", "Put the message as JSON into the field data.")
    return decode_raw(form.one("data"), _decoder), tuple(form.files.get("file", ()))


def _look_up(caller: Caller, subscribers: Subscribers, said: Said) -> tuple[list[str], str]:
    """The addresses to write to and the address to write from. Raises Problem for somebody who is no contact."""
    sender = said.from_email or _find_default_sender(caller)
    if subscribers.contact_ids:
        return _find_by_ids(caller, subscribers.contact_ids), sender
    if subscribers.must_exist:
        _check_known(caller, subscribers.emails)
    return list(subscribers.emails), sender


def _find_default_sender(caller: Caller) -> str:
    row = Sender.objects.for_account(caller.account_id).order_by("-is_default", "pk").first()
    if row is None:
        return ""
    return f'"{row.name}" <{row.email}>' if row.name and '"' not in row.name else row.email


def _find_by_ids(caller: Caller, said: Sequence[str]) -> list[str]:
    ids = {}
    for text in said:
        try:
            ids[text] = from_public_id("con", text)
        except UnknownId:
            raise _unknown([text], "listmonk's numbers are not known here, ids begin with con_") from None
    rows = Contact.objects.for_account(caller.account_id).filter(id__in=ids.values())
    found = dict(rows.values_list("id", "email"))
    if lost := [text for text, contact_id in ids.items() if contact_id not in found]:
        raise _unknown(lost, "the account has no such contact")
    return [found[contact_id] for contact_id in ids.values()]


def _check_known(caller: Caller, emails: Sequence[str]) -> None:
    keys = {email: split_mailbox(email).address.key for email in emails}
    rows = Contact.objects.for_account(caller.account_id).filter(email_key__in=keys.values())
    found = set(rows.values_list("email_key", flat=True))
    if lost := [email for email, key in keys.items() if key not in found]:
        raise _unknown(lost, "add them, or use subscriber_mode fallback or external")


def _unknown(names: Sequence[str], advice: str) -> Problem:
    text = f"Subscriber not found: {', '.join(names)} ({advice}). Nothing was sent."
    return unfit("unknown_contact", "subscriber_emails", text)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _check_sent(emails: Sequence[NewEmail], outcomes: Sequence[Outcome]) -> None:
    """As listmonk does, somebody who gets nothing makes an error of an answer though the others get theirs. Raises Problem."""
    pairs = zip(emails, outcomes, strict=True)
    refused = [(email.recipients[0].text, one) for email, one in pairs if isinstance(one, Problem)]
    if not refused:
        return
    if len(refused) == len(emails):
        raise refused[0][1]
    names = ", ".join(name for name, _problem in refused)
    raise unfit(
        "partly_refused",
        "subscriber_emails",
        f"Not sent to {names}: {sentence_of(refused[0][1])} The others get it; do not send it to them again.",
    )


def tell(problem: Problem) -> Response[ErrorBody]:
    return Response(ErrorBody(sentence_of(problem)), status_code=_STATUS.get(problem.status, problem.status))


def find_key(headers: Headers) -> str:
    """`Authorization: token user:key`, or Basic."""
    scheme, _, said = headers.get("authorization", "").partition(" ")
    return said.partition(":")[2] if scheme.lower() == "token" else find_basic(headers)


DOOR = open_door(
    "/listmonk/api",
    [send],
    tell=tell,
    credentials=Credentials(find_key, ASK_FOR_KEY, BASIC),
    max_bytes=MAX_BYTES,
)
