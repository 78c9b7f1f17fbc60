"""What SendGrid's clients say: `POST /v3/mail/send`. Fields that SendGrid does not know are let pass, as it does."""

from __future__ import annotations

from typing import Any

import msgspec

Texts = dict[str, Any]


class SaidAddress(msgspec.Struct, frozen=True):
    email: str
    name: str | None = None


class Personalization(msgspec.Struct, frozen=True):
    """One email to one set of recipients."""

    to: list[SaidAddress] | None = None
    cc: list[SaidAddress] | None = None
    bcc: list[SaidAddress] | None = None
    sender: SaidAddress | None = msgspec.field(name="from", default=None)
    subject: str | None = None
    headers: dict[str, str] | None = None
    substitutions: Texts | None = None
    dynamic_template_data: Texts | None = None
    custom_args: Texts | None = None
    send_at: int | None = None


class SaidContent(msgspec.Struct, frozen=True):
    type: str
    value: str


class SaidFile(msgspec.Struct, frozen=True):
    content: str
    filename: str
    type: str | None = None
    disposition: str | None = None
    content_id: str | None = None


class Unsubscribe(msgspec.Struct, frozen=True):
    group_id: int | str
    groups_to_display: list[int | str] | None = None


class Switch(msgspec.Struct, frozen=True):
    """A setting that is on or off, with what goes with it."""

    enable: bool | None = None
    text: str | None = None
    html: str | None = None
    email: str | None = None
    substitution_tag: str | None = None


class MailSettings(msgspec.Struct, frozen=True):
    bcc: Switch | None = None
    bypass_list_management: Switch | None = None
    bypass_spam_management: Switch | None = None
    bypass_bounce_management: Switch | None = None
    bypass_unsubscribe_management: Switch | None = None
    footer: Switch | None = None
    sandbox_mode: Switch | None = None


class TrackingSettings(msgspec.Struct, frozen=True):
    click_tracking: Switch | None = None
    open_tracking: Switch | None = None
    subscription_tracking: Switch | None = None
    ganalytics: Switch | None = None


class Said(msgspec.Struct, frozen=True):
    personalizations: list[Personalization] | None = None
    sender: SaidAddress | None = msgspec.field(name="from", default=None)
    reply_to: SaidAddress | None = None
    reply_to_list: list[SaidAddress] | None = None
    subject: str | None = None
    content: list[SaidContent] | None = None
    attachments: list[SaidFile] | None = None
    template_id: str | None = None
    headers: dict[str, str] | None = None
    sections: dict[str, str] | None = None
    categories: list[str] | None = None
    custom_args: Texts | None = None
    send_at: int | None = None
    batch_id: str | None = None
    asm: Unsubscribe | None = None
    mail_settings: MailSettings | None = None
    tracking_settings: TrackingSettings | None = None

    @property
    def settings(self) -> MailSettings:
        return self.mail_settings or MailSettings()

    @property
    def tracking(self) -> TrackingSettings:
        return self.tracking_settings or TrackingSettings()


def is_on(switch: Switch | None) -> bool:
    return switch is not None and bool(switch.enable)
