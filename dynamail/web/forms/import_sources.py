from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.contacts.fetching.places import SSH_PORT, Secret
from dynamail.contacts.fetching.problems import FetchProblem, explain_egress
from dynamail.contacts.fetching.sftp_files import read_private_key
from dynamail.contacts.fetching.sources import INTERVALS, SourceSettings, is_elsewhere, make_place
from dynamail.contacts.models import ImportSource
from dynamail.lib.egress import EgressError, read_url
from dynamail.web.forms.hosts import clean_host_name

_INTERVAL_WORDS = {
    1: gettext_lazy("Every hour"),
    2: gettext_lazy("Every 2 hours"),
    4: gettext_lazy("Every 4 hours"),
    6: gettext_lazy("Every 6 hours"),
    12: gettext_lazy("Every 12 hours"),
    24: gettext_lazy("Every day"),
    48: gettext_lazy("Every 2 days"),
    168: gettext_lazy("Every week"),
}


def _password_field(label: Any, **options: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=label, required=False, max_length=1_000, strip=False, widget=widget, **options
    )


class SourceForm(forms.Form):
    """What both kinds of sources have in common. Secrets are never filled in again."""

    kind = ""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Such as: Shop, every night.")
    )
    every_hours = forms.TypedChoiceField(
        label=gettext_lazy("How often"),
        choices=[(hours, _INTERVAL_WORDS[hours]) for hours in INTERVALS],
        initial=24,
        coerce=int,
    )

    def __init__(self, *arguments: Any, source: ImportSource | None = None, **options: Any) -> None:
        self.source = source
        if source is not None:
            options.setdefault("initial", self.read_source(source))
        super().__init__(*arguments, **options)
        if source is not None and source.secret_sealed and "password" in self.fields:
            self.fields["password"].help_text = _("Leave it empty to keep the stored one.")

    def read_source(self, source: ImportSource) -> dict[str, Any]:
        return {"name": source.name, "every_hours": source.every_hours, "username": source.username}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            self._check_secret(self.settings())
        return values

    def _check_secret(self, entered: SourceSettings) -> None:
        """A stored secret is not handed to another server or another user."""
        source = self.source
        if (
            source is not None
            and source.secret_sealed
            and not entered.secret
            and is_elsewhere(source, entered)
        ):
            self.add_error(
                "password", _("Enter the password again: the stored one was for another server or user.")
            )

    def settings(self) -> SourceSettings:
        raise NotImplementedError


class WebSourceForm(SourceForm):
    """A file at a web address."""

    kind = ImportSource.Kind.URL.value

    url = forms.CharField(
        label=gettext_lazy("Address of the file"),
        max_length=1_000,
        widget=forms.URLInput(attrs={"placeholder": "https://shop.example.com/export/people.csv"}),
    )
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("If the server asks for one."),
    )
    password = _password_field(
        gettext_lazy("Password or token"),
        help_text=gettext_lazy("Without a user name it is sent as a bearer token."),
    )

    field_order = ("name", "url", "username", "password", "every_hours")

    def read_source(self, source: ImportSource) -> dict[str, Any]:
        return super().read_source(source) | {"url": source.address}

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        try:
            read_url(url)
        except EgressError as error:
            raise forms.ValidationError(str(explain_egress(EgressError(error.code)))) from None
        return url

    def _check_secret(self, entered: SourceSettings) -> None:
        super()._check_secret(entered)
        if entered.address.startswith("http:") and (entered.secret or entered.username):
            self.add_error("url", _("A password would travel unprotected: use an https address."))

    def settings(self) -> SourceSettings:
        data = self.cleaned_data
        return SourceSettings(
            name=data["name"],
            kind=self.kind,
            address=data["url"],
            username=data["username"],
            secret=Secret(password=data["password"]),
            every_hours=data["every_hours"],
        )


class SftpSourceForm(SourceForm):
    """The files of a folder on an SFTP server."""

    kind = ImportSource.Kind.SFTP.value

    host = forms.CharField(
        label=gettext_lazy("Server"),
        max_length=253,
        widget=forms.TextInput(attrs={"placeholder": "sftp.example.com"}),
    )
    port = forms.IntegerField(label=gettext_lazy("Port"), min_value=1, max_value=65_535, initial=SSH_PORT)
    username = forms.CharField(label=gettext_lazy("User name"), max_length=100)
    password = _password_field(gettext_lazy("Password"))
    private_key = forms.CharField(
        label=gettext_lazy("Or a private key"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(
            attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off", "class": "font-mono"}
        ),
        help_text=gettext_lazy(
            "As OpenSSH writes it, without a passphrase. Make one for this purpose alone."
        ),
    )
    folder = forms.CharField(
        label=gettext_lazy("Folder"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "/export"}),
        help_text=gettext_lazy("Empty: where the user arrives."),
    )
    pattern = forms.CharField(
        label=gettext_lazy("Files"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "people-*.csv, *.xlsx"}),
        help_text=gettext_lazy("Patterns separated by commas. Empty: all CSV, TSV, TXT and XLSX files."),
    )

    field_order = (
        "name",
        "host",
        "port",
        "username",
        "password",
        "private_key",
        "folder",
        "pattern",
        "every_hours",
    )

    def read_source(self, source: ImportSource) -> dict[str, Any]:
        place = make_place(source, with_secret=False)
        folder, _slash, pattern = source.path.rpartition("/")
        where = {"host": place.host, "port": place.port, "folder": folder, "pattern": pattern}
        return super().read_source(source) | where

    def clean_host(self) -> str:
        return clean_host_name(self.cleaned_data["host"], example="sftp.example.com").strip("[]")

    def clean_folder(self) -> str:
        return str(self.cleaned_data["folder"]).strip().rstrip("/")

    def clean_pattern(self) -> str:
        pattern = str(self.cleaned_data["pattern"]).strip()
        if "/" in pattern:
            raise forms.ValidationError(_("Write the folder in its own field."))
        return pattern

    def clean_private_key(self) -> str:
        key = str(self.cleaned_data["private_key"]).strip()
        if key:
            try:
                read_private_key(key + "\n")
            except FetchProblem as problem:
                raise forms.ValidationError(str(problem)) from None
            return key + "\n"
        return ""

    def _check_secret(self, entered: SourceSettings) -> None:
        super()._check_secret(entered)
        is_stored = self.source is not None and bool(self.source.secret_sealed)
        if not entered.secret and not is_stored:
            self.add_error("password", _("Enter a password or a private key."))

    def settings(self) -> SourceSettings:
        data = self.cleaned_data
        host = f"[{data['host']}]" if ":" in data["host"] else data["host"]
        return SourceSettings(
            name=data["name"],
            kind=self.kind,
            address=host if data["port"] == SSH_PORT else f"{host}:{data['port']}",
            path=f"{data['folder']}/{data['pattern']}" if data["folder"] else data["pattern"],
            username=data["username"],
            secret=Secret(password=data["password"], private_key=data["private_key"]),
            every_hours=data["every_hours"],
        )


FORMS: dict[str, type[SourceForm]] = {form.kind: form for form in (WebSourceForm, SftpSourceForm)}
