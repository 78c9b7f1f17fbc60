"""What a draft's content may begin with: a ready template, one of the account's own, or nothing but a frame."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.models import Account
from dynamail.consent.topics import find_topics
from dynamail.content.gallery import GalleryTemplate
from dynamail.content.models import Template
from dynamail.senders.models import Sender

_MJML = """<mjml>
  <mj-body background-color="#f4f5f7">
    <mj-section background-color="#ffffff" padding="32px 24px">
      <mj-column>
        <mj-text font-size="22px" font-weight="600" font-family="Arial, sans-serif">Hello {{ contact.first_name | default: "there" }},</mj-text>
        <mj-text font-size="16px" line-height="1.6" font-family="Arial, sans-serif">write your message here.</mj-text>
      </mj-column>
    </mj-section>
    <mj-section>
      <mj-column>
        <mj-text align="center" color="#6b7280" font-size="12px" font-family="Arial, sans-serif">
          {{ account.name }}, {{ account.postal_address }}<br />
          <a href="{{ unsubscribe_url }}">Unsubscribe</a>
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_HTML = """<h1>Hello {{ contact.first_name | default: "there" }},</h1>
<p>write your message here.</p>
<p><small>{{ account.name }}, {{ account.postal_address }}<br>
<a href="{{ unsubscribe_url }}">Unsubscribe</a></small></p>
"""
_TEXT = """Hello {{ contact.first_name | default: "there" }},

write your message here.

--
{{ account.name }}, {{ account.postal_address }}
Unsubscribe: {{ unsubscribe_url }}
"""


@dataclass(frozen=True)
class Blank:
    """An empty frame in one of the three languages."""

    kind: str
    title: str | Promise
    text: str | Promise
    icon: str
    body: str


BLANKS: tuple[Blank, ...] = (
    Blank("mjml", _("Blank MJML"), _("Looks right in every mail program"), "template", _MJML),
    Blank("html", _("Blank HTML"), _("Your own code, styles are inlined"), "code", _HTML),
    Blank("text", _("Plain text"), _("A letter, nothing else"), "file-text", _TEXT),
)


@dataclass(frozen=True)
class Start:
    """The first content of a draft."""

    kind: str
    body: str
    subject: str = ""
    preheader: str = ""


def start_blank(kind: str) -> Start:
    """Raises LookupError for an unknown kind."""
    for blank in BLANKS:
        if blank.kind == kind:
            return Start(blank.kind, blank.body)
    raise LookupError(kind)


def start_from_gallery(template: GalleryTemplate) -> Start:
    return Start("mjml", template.source, template.subject, template.preheader)


def start_from_template(template: Template) -> Start:
    return Start(template.kind, template.source, template.subject, template.preheader)


def find_defaults(account: Account) -> dict[str, int]:
    """Fields that a new draft takes for granted: the default sender and, where there is only one, the topic."""
    defaults = {}
    topics = find_topics(account)
    verified = Sender.objects.for_account(account).filter(verified_at__isnull=False)
    if len(topics) == 1:
        defaults["topic_id"] = topics[0].pk
    if sender := verified.order_by("-is_default", "pk").first():
        defaults["sender_id"] = sender.pk
    return defaults
