"""Forms of signing up, of the account and of one's own profile."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import SignupForm
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.models import User


class SignUpForm(SignupForm):
    """Only the email is mandatory (P2.2), and a password to come back with."""

    name = forms.CharField(label=_("Your name"), max_length=150, required=False)
    company = forms.CharField(label=_("Company"), max_length=150, required=False)
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)

    field_order = ["email", "password1", "name", "company", "phone"]

    @transaction.atomic
    def save(self, request: HttpRequest) -> User:
        return super().save(request)  # type: ignore[return-value]

    def custom_signup(self, request: HttpRequest, user: Any) -> None:
        user.name, user.phone = self.cleaned_data["name"], self.cleaned_data["phone"]
        user.save(update_fields=["name", "phone"])
