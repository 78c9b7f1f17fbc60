"""The message that the delivery benchmarks send: about 10 KB on the wire, five slots, eight tracked links."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from dynamail.messages.composing import FrozenCampaign
from dynamail.messages.freezing import FrozenSender, FrozenSettings, FrozenSource

_PARAGRAPH = (
    "Fresh beans from four farms are on the shelf, roasted on Tuesday and packed on Wednesday. The lighter ones taste of "
    "citrus and honey, the darker ones of cocoa and toasted nuts; all of them are good friends of a slow morning."
)
_LINK = '<p style="margin:0 0 12px"><a href="https://shop.example.com/coffee/{0}?ref=mail" style="color:#0b5d4a">Coffee number {0}</a></p>'
_BODY = """<!doctype html><html><head><title></title></head><body style="margin:0;background:#f6f4ef">
<div style="max-width:600px;margin:0 auto;padding:24px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px">
<h1 style="font-size:28px">Good morning, {{ contact.first_name | default: "friend" }}</h1>
<p>You live in {{ contact.city }} and your card {{ contact.card }} has {{ contact.points }} points, dear {{ contact.name }}.</p>
%s
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></div></body></html>"""


def make_source(kilobytes: int = 10) -> FrozenSource:
    """The HTML part is the most of it; the text part made from it adds about a third. Only the plain paragraphs multiply."""
    blocks = "\n".join(f"<p>{_PARAGRAPH}</p>{_LINK.format(number)}" for number in range(1, 9))
    extra = "\n".join(f"<p>{_PARAGRAPH}</p>" for _ in range(8 + (kilobytes - 10) * 2))
    return FrozenSource(kind="html", subject="News from the roastery", body=_BODY % f"{blocks}\n{extra}")


def make_settings(topic_id: int, *, tracking: str = "individual") -> FrozenSettings:
    return FrozenSettings(
        topic_id=topic_id,
        topic_name="Product news",
        campaign_name="November",
        account_name="Roastery",
        account_address="Main street 1, Grodno",
        tracking=tracking,
    )


def make_sender() -> FrozenSender:
    return FrozenSender(email="news@roastery.example", name="The Roastery")


def make_campaign(account_id: int, source_id: UUID, topic_id: int, launched_at: datetime) -> FrozenCampaign:
    return FrozenCampaign(
        account_id, source_id, launched_at, make_source(), make_sender(), make_settings(topic_id)
    )
