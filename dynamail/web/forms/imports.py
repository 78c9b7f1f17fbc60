from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.conditions.tree import Finding
from dynamail.consent.models import LawfulBasis, Topic
from dynamail.contacts.importing.encodings import ENCODINGS
from dynamail.contacts.importing.mapping import ATTRIBUTE, IGNORE, NEW, Target, find_sample_problem
from dynamail.contacts.importing.sniffing import SEPARATORS
from dynamail.contacts.importing.statement import (
    LEFT_OUT_AT_FIRST,
    MAX_STATEMENT_LENGTH,
    Merging,
    Options,
    Statement,
)
from dynamail.contacts.models import Attribute, ContactImport
from dynamail.contacts.tags import clean_tag_name
from dynamail.contacts.values import split_list
from dynamail.web.forms_look import offer_choices

NO_STATEMENT = "none"
# The surest first.
LEAVE_OUT_CHOICES = [
    (Finding.NO_MAIL_SERVER.value, gettext_lazy("Domains without a mail server: every message would bounce")),
    (Finding.TYPO.value, gettext_lazy("Mistyped domains, such as gmial.com")),
    (Finding.DISPOSABLE.value, gettext_lazy("Disposable mailboxes, which nobody keeps")),
    (Finding.ROLE.value, gettext_lazy("Desks instead of people, such as info@ or sales@")),
]


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        allow_empty_file=True,  # the import says what is wrong with an empty file
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,text/csv,text/tab-separated-values"}),
    )


class ReadingForm(forms.Form):
    """How to read a text file, when the guess was wrong."""

    encoding = forms.ChoiceField(label=gettext_lazy("Encoding"), choices=list(ENCODINGS.items()))
    separator = forms.ChoiceField(label=gettext_lazy("Separator"), choices=list(SEPARATORS.items()))
    has_header = forms.BooleanField(
        label=gettext_lazy("The first row holds the names of the columns"), required=False
    )


@dataclass(frozen=True)
class Sample:
    text: str
    problem: str


@dataclass(frozen=True)
class ColumnChoice:
    """A column on the mapping page: its name, samples with what is wrong with them, and what it may become."""

    name: str
    field: str
    target: str
    samples: Sequence[Sample]
    problems: int

    @property
    def is_ignored(self) -> bool:
        return self.target == IGNORE


@dataclass(frozen=True)
class TargetGroup:
    label: str
    options: Sequence[tuple[str, str]]


def list_targets(attributes: Sequence[Attribute]) -> list[TargetGroup]:
    """What a column may become, grouped for a select."""
    new = [
        (f"{NEW}{kind}", _("New: %s") % label)
        for kind, label in Attribute.Type.choices
        if kind != Attribute.Type.CHOICE
    ]
    groups = [TargetGroup(_("Contact"), [(value, str(label)) for value, label in Target.choices])]
    if attributes:
        known = [(f"{ATTRIBUTE}{row.pk}", f"{row.label} ({row.get_type_display()})") for row in attributes]
        groups.append(TargetGroup(_("Attributes"), known))
    return [*groups, TargetGroup(_("New attribute"), new)]


def list_column_choices(
    row: ContactImport, mapping: Sequence[str], attributes: Sequence[Attribute]
) -> list[ColumnChoice]:
    known = {attribute.pk: attribute for attribute in attributes}
    return [
        _make_column(row, place, target if _is_known(target, known) else IGNORE, known)
        for place, target in enumerate(mapping)
    ]


def _is_known(target: str, attributes: dict[int, Attribute]) -> bool:
    number = target.removeprefix(ATTRIBUTE)
    return not target.startswith(ATTRIBUTE) or (number.isdecimal() and int(number) in attributes)


def _make_column(
    row: ContactImport, place: int, target: str, attributes: dict[int, Attribute]
) -> ColumnChoice:
    cells = [sample[place] if place < len(sample) else "" for sample in row.samples]
    samples = [Sample(cell, find_sample_problem(target, cell, attributes)) for cell in cells]
    problems = sum(1 for sample in samples if sample.problem)
    shown = sorted((one for one in samples if one.text or one.problem), key=lambda one: not one.problem)[:3]
    return ColumnChoice(row.columns[place], f"column_{place}", target, shown, problems)


def read_mapping(row: ContactImport, data: Any) -> list[str]:
    return [data.get(f"column_{place}", IGNORE) for place in range(len(row.columns))]


class ConsentForm(forms.Form):
    """The statement of consent, the tags for everybody, and what happens to contacts that exist already."""

    topic = forms.ChoiceField(label=gettext_lazy("What did these people agree to?"), widget=forms.RadioSelect)
    basis = forms.ChoiceField(
        label=gettext_lazy("On what basis"),
        choices=LawfulBasis.choices,
        initial=LawfulBasis.CONSENT,
        required=False,
    )
    since = forms.DateField(
        label=gettext_lazy("Since when"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("The earliest day, if they came one by one."),
    )
    text = forms.CharField(
        label=gettext_lazy("How and with which words"),
        required=False,
        max_length=MAX_STATEMENT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "For example: “Ticked ‘Send me the newsletter’ in the shop's order form.” It is kept as your statement with each person."
        ),
    )
    tags = forms.CharField(
        label=gettext_lazy("Tags for everybody in this file"),
        required=False,
        max_length=1_000,
        help_text=gettext_lazy("Separated by commas. A new word makes a new tag."),
        widget=forms.TextInput(attrs={"list": "tag-names"}),
    )
    leave_out = forms.MultipleChoiceField(
        label=gettext_lazy("Leave these addresses out"),
        choices=LEAVE_OUT_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "What is noticed but not left out is taken and marked, so that you can find these people and decide later."
        ),
    )
    merging = forms.ChoiceField(
        label=gettext_lazy("Contacts that exist already"),
        choices=Merging.choices,
        initial=Merging.FILE_WINS,
        widget=forms.RadioSelect,
    )

    def __init__(self, *arguments: Any, topics: Sequence[Topic], row: ContactImport, **options: Any) -> None:
        self._topics = {topic.public_id: topic for topic in topics}
        super().__init__(*arguments, **(options | {"initial": self._make_initial(row)}))
        none = (NO_STATEMENT, _("Nothing yet: bring them in without subscribing anybody"))
        offer_choices(self, "topic", [*((topic.public_id, topic.name) for topic in topics), none])

    def clean_tags(self) -> list[str]:
        return list(filter(None, map(clean_tag_name, split_list(self.cleaned_data["tags"]))))

    def clean_since(self) -> Any:
        since = self.cleaned_data["since"]
        if since is not None and since > timezone.localdate():
            raise forms.ValidationError(_("Consent cannot begin in the future."))
        return since

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("topic", NO_STATEMENT) != NO_STATEMENT and not cleaned.get("text", "").strip():
            self.add_error("text", _("Say how they agreed: this is your proof when somebody asks."))
        return cleaned

    def make_options(self) -> Options:
        data = self.cleaned_data
        topic = self._topics.get(data["topic"])
        statement = None
        if topic is not None:
            basis = data["basis"] or LawfulBasis.CONSENT.value
            statement = Statement(topic.pk, basis, data["since"], data["text"].strip())
        return Options(
            merging=data["merging"],
            tags=tuple(data["tags"]),
            statement=statement,
            leave_out=tuple(data["leave_out"]),
        )

    def _make_initial(self, row: ContactImport) -> dict[str, Any]:
        options = Options.from_json(row.options)
        initial: dict[str, Any] = {"merging": options.merging, "tags": ", ".join(options.tags)}
        initial["leave_out"] = options.leave_out if "leave_out" in row.options else LEFT_OUT_AT_FIRST
        if options.statement is not None:
            by_pk = {topic.pk: public_id for public_id, topic in self._topics.items()}
            initial |= {
                "topic": by_pk.get(options.statement.topic_id, NO_STATEMENT),
                "basis": options.statement.basis,
                "since": options.statement.since,
                "text": options.statement.text,
            }
        return initial
