"""Forms of members and invitations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.members import list_assignable_roles
from dynamail.accounts.models import Member
from dynamail.accounts.roles import Role
from dynamail.web.forms_look import offer_choices


class RoleForm(forms.Form):
    """A role that the acting member may give."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)

    def __init__(self, *args: Any, by: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_choices(self, "role", [(role.value, role.label) for role in list_assignable_roles(by)])


class InviteForm(RoleForm):
    email = forms.EmailField(
        label=_("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    field_order = ["email", "role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].initial = Role.MARKETER.value
