"""What the reference page says before its routes: how requests are made, and how clients that are there already connect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

# Nouns in the order of the page, with what each is about. The OpenAPI document's tags are these.
NOUNS = {
    "emails": "Single emails: sent now or later, one or many; their log; what can still be changed.",
    "templates": "Templates: listed, made, changed, archived, and rendered with data.",
    "contacts": "People: added and changed one by one or in batches, found by filters, segments or conditions, with their topics.",
    "topics": "What people subscribe to: listed, made, changed, archived.",
    "attributes": "The catalogue of what is known of contacts: each attribute has a key and a type.",
    "tags": "Words that contacts carry.",
    "segments": "Groups of contacts by condition: listed, made, changed, archived, counted, and who is in them.",
    "events": "What people do in your own systems: one event, or a batch.",
    "campaigns": "One email to many people: drafts, tests, launch, schedule, and what becomes of them.",
    "webhooks": "Your own address is told what happens: made, changed, tested, rotated, and what was delivered.",
    "inbound": "Incoming mail: where it is taken, and what came.",
    "suppressions": "Addresses that must not be mailed: listed, added, looked up, lifted.",
    "streams": "Kinds of mail that are kept apart.",
    "domains": "Domains that mail is sent from, with their DNS records.",
    "senders": "Addresses that mail is sent from.",
    "media": "Files of the account: kept, listed, fetched, deleted.",
    "exports": "Contacts, suppressions or the log of emails as a CSV file, made in the background.",
    "requests": "The log of your requests and their answers.",
    "work": "Work in the background: how far it is, and how it ended.",
}


@dataclass(frozen=True)
class Part:
    """A chapter of the introduction. `code` is shown as it is, with $HOST replaced."""

    anchor: str
    title: str
    paragraphs: tuple[str, ...]
    code: str = ""


BASICS = (
    Part(
        "authentication",
        "Authentication",
        (
            "Make a key under Settings → API keys. It travels in the header Authorization and nowhere else. A key has scopes, may be bound "
            "to addresses, and may expire. Mail of a key dm_test_… goes to the Mailbox only.",
        ),
        'export KEY=dm_test_…\ncurl -H "Authorization: Bearer $KEY" $HOST/api/v1/emails',
    ),
    Part(
        "errors",
        "Errors",
        (
            "Every error is application/problem+json (RFC 9457). Programs read code, people detail and hint; errors names the fields. "
            "request_id, also in the header x-request-id of every answer, finds the request in the log.",
        ),
        '{\n  "type": "about:blank",\n  "status": 422,\n  "title": "Unprocessable Entity",\n  "code": "invalid",\n'
        '  "detail": "The request has fields that cannot be accepted; see “errors”.",\n'
        '  "hint": "Correct the fields that are named, then send the request again.",\n'
        '  "request_id": "req_01m83krzc2ea3bstfps363zj32",\n  "errors": [{"field": "email", "message": "The address contains a space."}]\n}',
    ),
    Part(
        "paging",
        "Lists",
        (
            "A list answers data, has_more and next. Give next as after to read on; it is null on the last page. limit says how many.",
        ),
    ),
    Part(
        "limits",
        "Limits",
        (
            "Every answer says ratelimit-limit, ratelimit-remaining and ratelimit-reset. Who asks too fast gets 429 and Retry-After in "
            "seconds. A batch counts as one request for every ten things in it.",
        ),
    ),
    Part(
        "idempotency",
        "Repeating a request",
        (
            "A POST with the header Idempotency-Key is done once: the same key with the same request gets the same answer for 24 hours, "
            "with idempotency-replayed: true. The same key with another request is 409. What was refused may be sent again, corrected.",
        ),
    ),
)
CLIENTS = (
    Part(
        "client-postmark",
        "Postmark",
        (
            "The server token is an API key. Clients that keep no more of a base URL than its host are known by X-Postmark-Server-Token.",
        ),
        "from postmarker.core import PostmarkClient\n\n"
        'postmark = PostmarkClient(server_token="dm_test_…", root_api_url="$HOST/compat/postmark/")\n'
        'postmark.emails.send(From="hello@acme.example", To="ann@example.com", Subject="Hi", TextBody="Hello")',
    ),
    Part(
        "client-resend",
        "Resend",
        (
            "The key is an API key. The variables RESEND_API_URL (Python) and RESEND_BASE_URL (Node) name the base URL as well.",
        ),
        "import { Resend } from 'resend';\n\n"
        "const resend = new Resend('dm_test_…', { baseUrl: '$HOST/compat/resend' });\n"
        "await resend.emails.send({ from: 'hello@acme.example', to: 'ann@example.com', subject: 'Hi', text: 'Hello' });",
    ),
    Part(
        "client-sendgrid",
        "SendGrid",
        ("The key is an API key. In Node set the base URL after the key, which sets it back.",),
        "import sendgrid\nfrom sendgrid.helpers.mail import Mail\n\n"
        'client = sendgrid.SendGridAPIClient("dm_test_…", host="$HOST/compat/sendgrid")\n'
        'client.send(Mail("hello@acme.example", "ann@example.com", "Hi", "Hello"))',
    ),
    Part(
        "client-mailgun",
        "Mailgun",
        ("The user name is api, the password an API key.",),
        "curl --user api:$KEY $HOST/compat/mailgun/v3/acme.example/messages \\\n"
        "  -F from=hello@acme.example -F to=ann@example.com -F subject=Hi -F text=Hello",
    ),
    Part(
        "client-listmonk",
        "listmonk",
        (
            "Transactional messages: the user name may be anything, the password is an API key. template_id is the id or the name of a template here.",
        ),
        "curl --user shop:$KEY $HOST/compat/listmonk/api/tx \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"subscriber_email": "ann@example.com", "subscriber_mode": "external", "template_id": "welcome"}\'',
    ),
    Part(
        "client-segment",
        "Segment",
        ("The write key is an API key with the scopes contacts.write and events.write.",),
        "import segment.analytics as analytics\n\n"
        'analytics.write_key = "dm_live_…"\nanalytics.host = "$HOST/compat/segment"\n'
        'analytics.identify("ann@example.com", {"name": "Ann Lee"})\n'
        'analytics.track("ann@example.com", "Order Completed", {"total": 25})',
    ),
)


def list_basics() -> Iterator[Part]:
    yield from BASICS
    if settings.SUBMISSION_PORT or settings.SUBMISSION_TLS_PORT:
        yield _tell_smtp()


def _tell_smtp() -> Part:
    """With the host and the ports of this installation."""
    host, port, tls_port = settings.PUBLIC_HOST, settings.SUBMISSION_PORT, settings.SUBMISSION_TLS_PORT
    ports = [f"{port} with STARTTLS"] if port else []
    ports += [f"{tls_port} with TLS from the first byte"] if tls_port else []
    paragraphs = [
        f"The server is {host}, the port {' or '.join(ports)}. Any user name will do; the password is an API key with the scope messages.send. "
        "Each message is stored before it is answered with 250, and becomes an email like those of the API."
    ]
    url = f"smtp://{host}:{port} --ssl-reqd" if port else f"smtps://{host}:{tls_port}"
    if settings.IS_LOOPBACK:
        paragraphs.append(
            "On your own machine the server makes its certificate itself: let your program accept it."
        )
        url += " --insecure"
    code = (
        f"curl {url} --user dynamail:$KEY \\\n"
        "  --mail-from hello@acme.example --mail-rcpt ann@example.com --upload-file message.eml"
    )
    return Part("smtp", "Sending by SMTP", tuple(paragraphs), code)
