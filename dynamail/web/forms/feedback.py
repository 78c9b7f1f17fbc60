from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamail.feedback.mailboxes import MailboxSettings
from dynamail.feedback.models import ReportMailbox
from dynamail.web.forms.hosts import clean_host_name


class ReportMailboxForm(forms.Form):
    """A mailbox in which reports arrive, as its operator describes it."""

    protocol = forms.ChoiceField(label=_("Protocol"), choices=ReportMailbox.Protocol.choices, initial="imap")
    host = forms.CharField(label=_("Host"), max_length=253)
    port = forms.IntegerField(
        label=_("Port"),
        min_value=1,
        max_value=65535,
        initial=993,
        help_text=_("Usually 993 for IMAP and 995 for POP3."),
    )
    security = forms.ChoiceField(
        label=_("Encryption"), choices=ReportMailbox.Security.choices, initial=ReportMailbox.Security.TLS
    )
    username = forms.CharField(label=_("User name"), max_length=254)
    password = forms.CharField(
        label=_("Password"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    folder = forms.CharField(
        label=_("Folder"), max_length=200, initial="INBOX", help_text=_("Only IMAP has folders.")
    )
    delete_processed = forms.BooleanField(
        label=_("Delete reports that were taken"),
        required=False,
        help_text=_("Everything else in the mailbox stays untouched."),
    )
    is_enabled = forms.BooleanField(label=_("Read it every minute"), required=False, initial=True)

    def __init__(self, *args: Any, mailbox: ReportMailbox | None = None, **kwargs: Any) -> None:
        if mailbox is not None:
            names = [name for name in self.base_fields if name != "password"]
            kwargs.setdefault("initial", {name: getattr(mailbox, name) for name in names})
        super().__init__(*args, **kwargs)
        self.mailbox = mailbox
        if mailbox is not None and mailbox.password_sealed:
            self.fields["password"].help_text = _("Leave it empty to keep the stored one.")

    def clean_host(self) -> str:
        return clean_host_name(self.cleaned_data["host"], example="imap.example.com")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        is_same = self.mailbox is not None and (self.mailbox.host, self.mailbox.username) == (
            values.get("host"),
            values.get("username"),
        )
        if not values.get("password") and not is_same:
            # A stored password is not handed to another server.
            self.add_error("password", _("Enter the password of this mailbox."))
        return values

    def settings(self) -> MailboxSettings:
        """What was typed; an empty password keeps the stored one."""
        return MailboxSettings(**(self.cleaned_data | {"password": self.cleaned_data["password"] or None}))
