"""Ready lines of code that send a first email, with the account's own addresses and key in them."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from dynamail.accounts.models import Account
from dynamail.senders.models import Sender

KEY_PLACE = "dm_test_…"  # stands for the key where there is none: the first one that is made is for tests


@dataclass(frozen=True)
class Snippet:
    """`text` is code: it is shown and copied as it is."""

    key: str
    title: str
    text: str


@dataclass(frozen=True)
class Letter:
    """Who writes to whom in the snippets. `is_own`: the sender is a verified one of the account."""

    sender: str
    sender_email: str
    recipient: str
    is_own: bool


def make_letter(account: Account, *, recipient: str) -> Letter:
    senders = Sender.objects.for_account(account).order_by("-is_default", "pk")
    own = senders.filter(verified_at__isnull=False).first()
    if own is None:
        return Letter("you@your-domain.example", "you@your-domain.example", recipient, is_own=False)
    return Letter(str(own), own.email, recipient, is_own=True)


def list_snippets(letter: Letter, *, secret: str = KEY_PLACE) -> list[Snippet]:
    return [
        Snippet("curl", "curl", _write_curl(letter, secret)),
        Snippet("python", "Python", _write_python(letter, secret)),
        Snippet("node", "Node.js", _write_node(letter, secret)),
        Snippet("smtp", "SMTP", _write_smtp(letter, secret)),
    ]


def _write_curl(letter: Letter, secret: str) -> str:
    body = _indent(_write_body(letter, indent=2), by=2)
    return (
        f"curl {settings.PUBLIC_URL}/api/v1/emails \\\n"
        f"  -H 'Authorization: Bearer {secret}' \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _write_python(letter: Letter, secret: str) -> str:
    body = _write_body(letter, indent=4)
    return (
        f"# {_('In a checkout of DynaMail:')} pip install ./sdk/python\n"
        "from dynamail_client import DynaMail\n\n"
        f'with DynaMail("{secret}", base_url="{settings.PUBLIC_URL}") as dynamail:\n'
        f"    sent = dynamail.emails.send({_indent(body, by=4)})\n"
        '    print(sent["id"])'
    )


def _write_node(letter: Letter, secret: str) -> str:
    body = _write_body(letter, indent=2)
    return (
        f"// {_('In a checkout of DynaMail:')} cd sdk/typescript && npm install && npm run build\n"
        f"// {_('Then in your project:')} npm install …/sdk/typescript\n"
        'import { DynaMail } from "dynamail";\n\n'
        f'const dynamail = new DynaMail("{secret}", {{ baseUrl: "{settings.PUBLIC_URL}" }});\n'
        f"const sent = await dynamail.emails.send({body});\n"
        "console.log(sent.id);"
    )


def _write_smtp(letter: Letter, secret: str) -> str:
    ports = [
        _("%(port)s with STARTTLS") % {"port": settings.SUBMISSION_PORT} if settings.SUBMISSION_PORT else "",
        _("%(port)s with TLS") % {"port": settings.SUBMISSION_TLS_PORT}
        if settings.SUBMISSION_TLS_PORT
        else "",
    ]
    lines = [
        (_("Server"), settings.PUBLIC_HOST),
        (_("Port"), ", ".join(filter(None, ports))),
        (_("User name"), "dynamail"),
        (_("Password"), secret),
        (_("From"), letter.sender),
    ]
    width = max(len(name) for name, _value in lines) + 2
    return "\n".join(f"{name + ':':<{width}}{value}" for name, value in lines)


def _write_body(letter: Letter, *, indent: int) -> str:
    """JSON with a line for each field, which is Python too."""
    body = {
        "from": letter.sender,
        "to": letter.recipient,
        "subject": _("Hello from DynaMail"),
        "html": f"<p>{_('It works.')}</p>",
        "tags": ["first"],
    }
    pairs = [
        f'{" " * indent}"{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in body.items()
    ]
    return "{\n" + ",\n".join(pairs) + "\n}"


def _indent(text: str, *, by: int) -> str:
    """The lines after the first further in."""
    return text.replace("\n", "\n" + " " * by)
