"""Asking a person to confirm a subscription by mail (double opt-in). `docs/api/contacts.md`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from django.db import connection
from litestar import Response, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import Account
from dynamail.api.answering import answer, get_row, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.contact_topics import METHOD, check_evidence, check_open
from dynamail.api.contacts import ONE, find_contact
from dynamail.api.describing import described
from dynamail.api.email_answers import name_code
from dynamail.api.errors import FieldError, Problem
from dynamail.api.reading import refuse
from dynamail.consent.confirming import AskedTooOften, Notes, may_be_asked, note_request
from dynamail.consent.leaving import Person
from dynamail.consent.models import ConsentState, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import find_subscriptions
from dynamail.consent.suppressing import ALL, MARKETING, find_suppression
from dynamail.contacts.aliases import find_reached
from dynamail.contacts.models import Contact
from dynamail.lib.asking import run_inquiry
from dynamail.lib.ids import new_id, to_public_id
from dynamail.messages.confirmation_mail import Invited, write_confirmation
from dynamail.messages.emails import accept_emails
from dynamail.messages.models import SourceKind
from dynamail.messages.new_email import AcceptedEmail, NewEmail, RefusedEmail
from dynamail.messages.own_pages import MAX_LENGTH as MAX_URL
from dynamail.messages.own_pages import is_own_page
from dynamail.protocols.address import write_mailbox
from dynamail.senders.models import Sender


class ConfirmationInput(msgspec.Struct, forbid_unknown_fields=True):
    """What the person said on the way to the confirmation.

    `text` holds the words beside the box that they ticked. `from` is a sender of the account, else its default one. `redirect_url` is a page
    at a verified sending domain of the account, where they go after they confirmed. `source` and `evidence` prove the wish.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    sender: Annotated[str, msgspec.Meta(max_length=320)] = msgspec.field(name="from", default="")
    redirect_url: Annotated[str, msgspec.Meta(max_length=MAX_URL)] = ""
    source: Annotated[str, msgspec.Meta(max_length=200)] = ""
    evidence: dict[str, Any] = {}
    tracking_allowed: bool | None = None


class ConfirmationBody(msgspec.Struct, frozen=True):
    """`state` is where the contact stands on the topic now: pending, or unsubscribed until they answer. `email` is the mail that was
    sent; null when they were subscribed already, and nothing was."""

    topic: str
    state: str
    asked_at: datetime | None
    email: str | None


@post(
    f"{ONE}/topics/{{topic:str}}/confirmation",
    **described(
        "Ask a contact to confirm a subscription",
        scope=Scope.WRITE_CONTACTS,
        body=ConfirmationInput,
        ids={"topic": "top"},
        answers={202: ConfirmationBody, 200: ConfirmationBody},
        statuses=(404, 409),
    ),
)
async def request_confirmation(
    request: ApiRequest, contact: FromPath[str], topic: FromPath[str]
) -> Response[ConfirmationBody]:
    """A mail with a link goes out; they are subscribed when they confirm. 200 and no mail when they are subscribed already."""
    said = await read_input(request, ConfirmationInput)

    def write(caller: Caller) -> ConfirmationBody:
        found, what = find_contact(caller, contact), get_row(caller, Topic, topic)
        _check(caller, said)
        return _ask(caller, _hold(caller, found), what, said)

    body = await in_account(request, write)
    return answer(body, status=202 if body.email else 200)


HANDLERS = [request_confirmation]


def _hold(caller: Caller, contact: Contact) -> Contact:
    """The contact, not to be changed by anybody before this request is done."""
    reached = find_reached(caller.account_id, contact.id, lock=True)
    if reached is None:
        raise not_found("contact")
    return reached.contact


def _check(caller: Caller, said: ConfirmationInput) -> None:
    """Raises Problem (422)."""
    errors = check_evidence(said.evidence)
    if not said.text.strip():
        errors.append(FieldError("text", "is missing: give the words that the person agreed to"))
    if said.redirect_url and not is_own_page(caller.account_id, said.redirect_url):
        message = "must be an address with https, without a port, at a verified sending domain of the account"
        errors.append(FieldError("redirect_url", message))
    if errors:
        raise refuse(*errors)


def _ask(caller: Caller, contact: Contact, topic: Topic, said: ConfirmationInput) -> ConfirmationBody:
    """Raises Problem (409, 422)."""
    check_open(contact, topic)
    person = Person(caller.account_id, contact.id, contact.email_key)
    try:
        if not may_be_asked(person, topic.pk, now=caller.now):
            return ConfirmationBody(topic.public_id, ConsentState.SUBSCRIBED, None, None)
    except AskedTooOften as error:
        raise _too_often(error) from None
    if find_suppression(caller.account_id, contact.email_key, now=caller.now, scopes=(ALL, MARKETING)):
        raise _suppressed()
    record_id = new_id(caller.now)
    sender, reply_to = _find_sender(caller, said)
    account = Account.objects.get(pk=caller.account_id)
    invited = Invited(contact.email, contact.name, contact.language)
    email = write_confirmation(account, topic, invited, record_id=record_id, sender=sender, reply_to=reply_to)
    email_id = to_public_id("eml", _send(caller, email).id)
    note_request(
        person,
        topic.pk,
        record_id=record_id,
        proof=_prove(caller, said),
        notes=Notes(email_id=email_id, redirect_url=said.redirect_url, allow_tracking=said.tracking_allowed),
        now=caller.now,
    )
    state = find_subscriptions(caller.account_id, contact.id)[topic.pk].state
    return ConfirmationBody(topic.public_id, state, caller.now, email_id)


def _prove(caller: Caller, said: ConfirmationInput) -> Proof:
    return Proof(
        method=METHOD,
        text=said.text.strip(),
        source_kind="api_key",
        source_id=caller.key.public_id,
        evidence={**said.evidence, **({"source": said.source} if said.source else {})},
    )


def _find_sender(caller: Caller, said: ConfirmationInput) -> tuple[str, str]:
    """From and Reply-To. Raises Problem (422)."""
    if said.sender:
        return said.sender, ""
    senders = Sender.objects.for_account(caller.account_id).filter(verified_at__isnull=False)
    sender = senders.order_by("-is_default", "pk").first()
    if sender is None:
        raise refuse(FieldError("from", "is missing: the account has no sender of its own yet"))
    return write_mailbox(sender.name, sender.email), sender.reply_to


def _send(caller: Caller, email: NewEmail) -> AcceptedEmail:
    """Raises Problem (409, 422)."""
    with connection.cursor() as cursor:
        inquiry = accept_emails(
            caller.account_id, [email], source_kind=SourceKind.API, key=caller.key, now=caller.now
        )
        (result,) = run_inquiry(inquiry, cursor)
    if isinstance(result, AcceptedEmail):
        return result
    raise _refuse_email(result)


def _refuse_email(refused: RefusedEmail) -> Problem:
    code = name_code(refused)
    if code == "suppressed":
        return _suppressed()
    errors = tuple(
        FieldError("contact" if fault.field.startswith("to") else fault.field or "body", fault.text)
        for fault in refused.faults
    )
    return Problem(422, code, "The mail that asks for the confirmation cannot be sent.", errors)


def _suppressed() -> Problem:
    detail = "This address is suppressed: no mail is sent to it, also none to confirm a subscription."
    hint = "Look at its suppressions. A person who unsubscribed from everything comes back by the preference page that is linked in your mail."
    return Problem(409, "suppressed", detail, hint=hint)


def _too_often(error: AskedTooOften) -> Problem:
    detail = "This contact got as many mails to confirm a subscription in a day as anybody may."
    seconds = max(1, int(error.wait.total_seconds()) + 1)
    hint = "Retry-After says in how many seconds they may be asked again."
    # No 429: a client would try again within the minute.
    return Problem(409, "asked_too_often", detail, headers={"retry-after": str(seconds)}, hint=hint)
