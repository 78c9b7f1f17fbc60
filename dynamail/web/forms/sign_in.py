"""allauth's forms with our words. Labels stand above the fields, so nothing is repeated inside them."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.utils.translation import gettext_lazy as _


def drop_placeholders(form: forms.BaseForm) -> None:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class LoginForm(allauth.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_placeholders(self)
        self.fields["password"].help_text = ""  # the page has its own way to a new password
        self.fields["remember"].label = _("Stay signed in")
        self.fields["login"].widget.attrs["autofocus"] = True


class ReauthenticateForm(allauth.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_placeholders(self)
        self.fields["password"].help_text = ""


class ResetPasswordForm(allauth.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_placeholders(self)
        self.fields["email"].widget.attrs["autofocus"] = True


class NewPasswordForm(allauth.ResetPasswordKeyForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_new_password(self)


class ChangePasswordForm(allauth.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_new_password(self)
        self.fields["oldpassword"].label = _("Password now")
        self.fields["oldpassword"].help_text = ""


class ChangeEmailForm(allauth.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_placeholders(self)
        self.fields["email"].label = _("New address")


def _word_new_password(form: forms.BaseForm) -> None:
    drop_placeholders(form)
    form.fields["password1"].label = _("New password")
    form.fields["password1"].help_text = _(
        "At least 10 characters. A few words in a row are easy to remember."
    )
    form.fields["password2"].label = _("New password, once more")
