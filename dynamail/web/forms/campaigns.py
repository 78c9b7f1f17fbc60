"""Forms of a campaign: its four cards, the test message, the time of its launch."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.models import Account
from dynamail.campaigns.audiences import Choice
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.readiness import Card
from dynamail.campaigns.trying import MOST_AT_ONCE
from dynamail.consent.topics import find_topics
from dynamail.contacts.tags import list_tags
from dynamail.lib.ids import UnknownId
from dynamail.segments.cataloging import load_catalog
from dynamail.senders.models import Sender
from dynamail.web.forms.conditions import ConditionField, give_catalog

LONGEST_SUBJECT = 300  # characters of source, with its Liquid


class NewCampaignForm(forms.Form):
    """The name alone; what the content starts with is the button that was pressed."""

    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        help_text=_("For yourself and your colleagues; readers do not see it."),
    )


class CardForm(forms.Form):
    """One card of a draft. `seen` is what the card said when the form was made: who was faster is not overwritten unseen."""

    saved_fields: tuple[str, ...] = ()
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, campaign: Campaign, **kwargs: Any) -> None:
        self.campaign = campaign
        super().__init__(data, auto_id=f"id_{self.prefix_of()}_%s", **kwargs)
        self.fill(campaign.account)
        self.initial = {"seen": self.fingerprint(), **self.initial_values()}
        self.visible_fields()[0].field.widget.attrs["autofocus"] = True

    @classmethod
    def prefix_of(cls) -> str:
        return cls.__name__.removesuffix("Form").lower()

    def fill(self, account: Account) -> None:
        """Offer the account's own rows."""

    def offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = choices

    def initial_values(self) -> dict[str, Any]:
        return {field: getattr(self.campaign, field) for field in self.saved_fields}

    def values(self) -> dict[str, Any]:
        """What is saved, by the fields of the row."""
        return {field: self.cleaned_data[field] for field in self.saved_fields}

    def fingerprint(self) -> str:
        values = [getattr(self.campaign, field) for field in self.saved_fields]
        return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()[:16]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and cleaned.get("seen") != self.fingerprint() and self._differs():
            # The next attempt has seen it.
            data: QueryDict = self.data.copy()  # type: ignore[attr-defined]
            data["seen"] = self.fingerprint()
            self.data = data
            raise forms.ValidationError(
                _(
                    "Somebody else changed this card while you had it open. What you wrote is below; save again to replace theirs."
                ),
                code="changed_meanwhile",
            )
        return cleaned

    def _differs(self) -> bool:
        return any(getattr(self.campaign, field) != value for field, value in self.values().items())


class ToForm(CardForm):
    saved_fields = ("topic_id", "include_tags", "exclude_tags", "condition")
    topic = forms.ChoiceField(
        label=_("Topic"), help_text=_("Only contacts who subscribed to it get the message.")
    )
    include = forms.MultipleChoiceField(
        label=_("With any of these tags"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    exclude = forms.MultipleChoiceField(
        label=_("But with none of these"), required=False, widget=forms.CheckboxSelectMultiple
    )
    condition = ConditionField(label=_("Only those who…"))

    def fill(self, account: Account) -> None:
        self.catalog = load_catalog(account.pk)
        give_catalog(self, self.catalog)
        self.topics = {topic.public_id: topic for topic in find_topics(account)}
        self.tags = {tag.public_id: tag for tag in list_tags(account.pk)}
        names = [(public_id, topic.name) for public_id, topic in self.topics.items()]
        self.offer("topic", [("", _("Choose a topic…")), *names])
        for field in ("include", "exclude"):
            self.offer(field, [(public_id, tag.name) for public_id, tag in self.tags.items()])

    def initial_values(self) -> dict[str, Any]:
        by_key = {tag.pk: public_id for public_id, tag in self.tags.items()}
        return {
            "topic": self.campaign.topic.public_id if self.campaign.topic else "",
            "include": [by_key[key] for key in self.campaign.include_tags if key in by_key],
            "exclude": [by_key[key] for key in self.campaign.exclude_tags if key in by_key],
            "condition": self.campaign.condition,
        }

    def clean_exclude(self) -> list[str]:
        both = set(self.cleaned_data["exclude"]) & set(self.cleaned_data.get("include", []))
        if both:
            names = ", ".join(self.tags[public_id].name for public_id in sorted(both))
            raise forms.ValidationError(_("%s is both wanted and unwanted: nobody would be left.") % names)
        return self.cleaned_data["exclude"]

    def values(self) -> dict[str, Any]:
        choice = self.choice()
        return {
            "topic_id": choice.topic_id,
            "include_tags": list(choice.include_tags),
            "exclude_tags": list(choice.exclude_tags),
            "condition": dict(choice.condition),
        }

    def choice(self) -> Choice:
        """Raises KeyError while the topic is not chosen."""
        return Choice(
            self.topics[self.cleaned_data["topic"]].pk,
            self._keys(self.cleaned_data.get("include", [])),
            self._keys(self.cleaned_data.get("exclude", [])),
            self.cleaned_data.get("condition", {}),
            self.campaign.public_id,
        )

    def _keys(self, public_ids: list[str]) -> tuple[int, ...]:
        return tuple(sorted(self.tags[public_id].pk for public_id in public_ids))


class FromForm(CardForm):
    saved_fields = ("sender_id",)
    sender = forms.ChoiceField(label=_("Sender"))

    def fill(self, account: Account) -> None:
        rows = Sender.objects.for_account(account).order_by("-is_default", "email")
        self.senders = {sender.public_id: sender for sender in rows}
        names = [(public_id, _name_sender(sender)) for public_id, sender in self.senders.items()]
        self.offer("sender", [("", _("Choose a sender…")), *names])

    def initial_values(self) -> dict[str, Any]:
        return {"sender": self.campaign.sender.public_id if self.campaign.sender else ""}

    def values(self) -> dict[str, Any]:
        return {"sender_id": self.senders[self.cleaned_data["sender"]].pk}


class SubjectForm(CardForm):
    saved_fields = ("subject", "preheader")
    subject = forms.CharField(label=_("Subject"), max_length=LONGEST_SUBJECT)
    preheader = forms.CharField(
        label=_("Preheader"),
        max_length=LONGEST_SUBJECT,
        required=False,
        help_text=_("The line that mail programs show after the subject."),
    )


CARD_FORMS: dict[Card, type[CardForm]] = {Card.TO: ToForm, Card.FROM: FromForm, Card.SUBJECT: SubjectForm}


class TestForm(forms.Form):
    """Who gets a test, and whose data it shows."""

    __test__ = False  # not a test class of pytest's

    to = forms.CharField(
        label=_("Addresses"),
        max_length=2_000,
        help_text=_("Up to %d, separated by commas.") % MOST_AT_ONCE,
    )
    person = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def clean_to(self) -> list[str]:
        return [one.strip() for one in self.cleaned_data["to"].replace(";", ",").split(",") if one.strip()]


class ScheduleForm(forms.Form):
    """When to launch, in the account's time zone."""

    at = forms.DateTimeField(
        label=_("Date and time"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )

    def clean_at(self) -> datetime:
        at = self.cleaned_data["at"]
        return timezone.make_aware(at) if timezone.is_naive(at) else at


def read_public_id(model: Any, text: str) -> Any:
    """The uid behind a public id, or None."""
    try:
        return model.uid_from(text)
    except UnknownId:
        return None


def _name_sender(sender: Sender) -> str:
    return str(sender) if sender.verified_at else _("%s (not verified)") % sender
