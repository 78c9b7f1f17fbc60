"""What the demo account's shop sends by itself: receipts and a password reset, one for each thing that can become of mail."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.lib.asking import run_inquiry
from dynamail.lib.clock import utc_now
from dynamail.messages.emails import accept_emails
from dynamail.messages.models import SourceKind
from dynamail.messages.new_email import NewEmail, NewRecipient

RECEIPT = """<!doctype html><html><body style="font-family: sans-serif; color: #1f2937">
<h1 style="font-size: 20px">Thank you, {name}!</h1>
<p>Your order <b>{order}</b> has left our shop in Grodno. It should be with you in two days.</p>
<p><a href="https://acme.example/orders/{order}">Follow your order</a></p>
<p style="color: #6b7280">Acme store, Sovetskaya 1, 230023 Grodno, Belarus</p></body></html>"""
# Recipients before the @ of the simulator's domain, and whom the receipt greets.
OUTCOMES = (
    ("delivered+anna", "Anna"),
    ("bounce-5.1.1", "Boris"),
    ("defer", "Clara"),
    ("complaint", "Dmitry"),
)


def send_demo_emails(account: Account, *, sender: str) -> None:
    """Inside the account. The deliver worker sends them like any other."""
    emails = [
        _write_receipt(
            f"{local}@{settings.SIMULATOR_DOMAIN}", name, order=f"A-{1042 + number}", sender=sender
        )
        for number, (local, name) in enumerate(OUTCOMES)
    ]
    reset = NewEmail(
        sender=sender,
        recipients=(NewRecipient("reader1@inbox.example", "Reader"),),
        subject="Choose a new password",
        text="Open this address within an hour: https://acme.example/password\n",
        tags=("password",),
    )
    with connection.cursor() as cursor:
        inquiry = accept_emails(
            account.pk, [*emails, reset], source_kind=SourceKind.API, key=None, now=utc_now()
        )
        run_inquiry(inquiry, cursor)


def _write_receipt(to: str, name: str, *, order: str, sender: str) -> NewEmail:
    return NewEmail(
        sender=sender,
        recipients=(NewRecipient(to, name),),
        subject=f"Order {order} is on its way",
        html=RECEIPT.format(name=name, order=order),
        text=f"Thank you, {name}! Your order {order} has left our shop in Grodno.\n",
        tags=("order", "shipped"),
        metadata={"order": order},
        track_clicks=True,
    )
