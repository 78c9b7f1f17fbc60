"""Forms of signing up, of the account and of one's own profile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from django import forms
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.creating import create_account, suggest_account_name
from dynamail.accounts.invitations import accept_invitation
from dynamail.accounts.models import LANGUAGES, Account, Invitation, User
from dynamail.accounts.tenancy import account_scope
from dynamail.accounts.zones import list_zone_names
from dynamail.consent.topics import ensure_default_topic
from dynamail.lib.clock import utc_now
from dynamail.web.forms.sign_in import drop_placeholders
from dynamail.web.forms_look import offer_choices
from dynamail.web.invited import find_pending_invitation, forget_invitation

EMAIL_MAX = 254  # RFC 5321 §4.5.3.1.3: 256 octets of path, with its two brackets


class SignUpForm(SignupForm):
    """Only the email is mandatory (P2.2), and a password to come back with.

    Signing up makes an account with the user as its owner. Who follows an invitation joins that account instead, with the
    address that the invitation was sent to.
    """

    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    company = forms.CharField(
        label=_("Company"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "type": "tel"}),
    )

    field_order = ["email", "password1", "name", "company", "phone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_placeholders(self)
        self.fields["password1"].help_text = _(
            "At least 10 characters. A few words in a row are easy to remember."
        )
        # Without this allauth cuts a longer address off and writes to another one.
        self.fields["email"].validators.append(MaxLengthValidator(EMAIL_MAX))
        self.fields["email"].widget.attrs |= {"autofocus": True, "maxlength": EMAIL_MAX}
        self.invitation: Invitation | None = find_pending_invitation()
        if self.invitation is not None:
            self.fields["email"].initial = self.invitation.email
            self.fields["email"].disabled = True
            del self.fields["company"]

    @transaction.atomic
    def save(self, request: HttpRequest) -> User:
        return super().save(request)  # type: ignore[return-value]

    def custom_signup(self, request: HttpRequest, user: Any) -> None:
        user.name, user.phone = self.cleaned_data["name"], self.cleaned_data["phone"]
        user.language = get_language() if get_language() in dict(LANGUAGES) else "en"
        user.save(update_fields=["name", "phone", "language"])
        now = utc_now()
        if self.invitation is not None:
            accept_invitation(self.invitation, user=user, now=now)
            forget_invitation(request)
            # Who holds the link has received mail at that address.
            get_adapter().stash_verified_email(request, self.invitation.email)
        else:
            name = suggest_account_name(user.email, company=self.cleaned_data["company"])
            open_account(user, name=name, now=now)


def open_account(user: User, *, name: str, now: datetime, timezone: str = "UTC") -> Account:
    """A new account with what every account starts with."""
    account = create_account(user, name=name, now=now, timezone=timezone)
    with account_scope(account):
        ensure_default_topic(account, now=now)
    return account


class NewAccountForm(forms.Form):
    """Another account, or the first for someone who was removed from all."""

    name = forms.CharField(
        label=_("Company or project"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True}),
    )


class AccountForm(forms.ModelForm):
    """The account's own facts; they appear in the footer of its mail."""

    website = forms.URLField(label=_("Website"), max_length=200, required=False, assume_scheme="https")
    timezone = forms.ChoiceField(label=_("Time zone"))

    class Meta:
        model = Account
        fields = ["name", "website", "postal_address", "from_name", "timezone", "language", "tracking"]
        widgets = {
            "postal_address": forms.Textarea(attrs={"rows": 3, "autocomplete": "street-address"}),
            "tracking": forms.RadioSelect,
        }
        help_texts = {
            "postal_address": _("Stands in the footer of every campaign, as the law asks in most countries."),
            "from_name": _("What recipients see as the sender when a campaign names no other."),
            "language": _("The language of pages and mail that recipients see."),
            "tracking": _("For new topics. Individual tracking also needs the consent of each person."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = list_zone_names()
        if self.instance.timezone not in names:
            names = (self.instance.timezone, *names)
        offer_choices(self, "timezone", [(name, name.replace("_", " ")) for name in names])


class ProfileForm(forms.ModelForm):
    """What a user says about themselves."""

    class Meta:
        model = User
        fields = ["name", "phone", "language"]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "phone": forms.TextInput(attrs={"autocomplete": "tel", "type": "tel"}),
        }
