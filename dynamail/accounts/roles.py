"""What each role may do: one table, read by the pages, the API and `docs/guide/roles.md`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    MARKETER = "marketer", _("Marketer")
    DEVELOPER = "developer", _("Developer")
    ANALYST = "analyst", _("Analyst")


class Permission(models.TextChoices):
    VIEW_CONTACTS = "contacts.view", _("See contacts")
    EDIT_CONTACTS = "contacts.edit", _("Add, change and import contacts")
    EXPORT_CONTACTS = "contacts.export", _("Export contacts")
    VIEW_CAMPAIGNS = "campaigns.view", _("See campaigns and reports")
    EDIT_CAMPAIGNS = "campaigns.edit", _("Write campaigns and templates")
    SEND_CAMPAIGNS = "campaigns.send", _("Launch, pause and cancel campaigns")
    VIEW_MAILBOX = "mailbox.view", _("Read captured messages")
    MANAGE_DELIVERY = "delivery.manage", _("Change senders and transports")
    MANAGE_API_KEYS = "api_keys.manage", _("Create and revoke API keys")
    MANAGE_MEMBERS = "members.manage", _("Invite members and change roles")
    MANAGE_ACCOUNT = "account.manage", _("Change the account's settings")
    VIEW_AUDIT = "audit.view", _("Read the audit log")
    TRANSFER_OWNERSHIP = "account.transfer", _("Make another member the owner")


_VIEW = {Permission.VIEW_CONTACTS, Permission.VIEW_CAMPAIGNS}
_MARKETING = _VIEW | {
    Permission.EDIT_CONTACTS,
    Permission.EDIT_CAMPAIGNS,
    Permission.SEND_CAMPAIGNS,
    Permission.VIEW_MAILBOX,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission) - {Permission.TRANSFER_OWNERSHIP},
    Role.MARKETER: frozenset(_MARKETING | {Permission.EXPORT_CONTACTS}),
    Role.DEVELOPER: frozenset(
        _VIEW | {Permission.VIEW_MAILBOX, Permission.MANAGE_API_KEYS, Permission.MANAGE_DELIVERY}
    ),
    Role.ANALYST: frozenset(_VIEW),
}


def may(role: str, permission: Permission) -> bool:
    """Does this role hold the permission? An unknown role holds none."""
    return permission in PERMISSIONS.get(role, frozenset())  # type: ignore[call-overload]


def write_role_table() -> str:
    """The table as Markdown, for `docs/guide/roles.md`."""
    head = "| may | " + " | ".join(role.value for role in Role) + " |"
    rule = "|---|" + ":-:|" * len(Role)
    rows = (
        f"| {permission.label} | " + " | ".join("✓" if may(role, permission) else "" for role in Role) + " |"
        for permission in Permission
    )
    return "\n".join([head, rule, *rows]) + "\n"
