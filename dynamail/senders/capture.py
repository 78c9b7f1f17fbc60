"""How a deliver worker signs in to the Mailbox's listener for one account."""

from __future__ import annotations

from django.conf import settings

from dynamail.lib.signing import derive_key

SYSTEM_ACCOUNT = 0  # mail of the installation itself: verification, password reset, invitations


def capture_password(account_id: int) -> str:
    """Derived from the installation's secret: nothing is stored, and one account's password opens no other Mailbox."""
    return derive_key(settings.SECRET_KEY, f"capture:{account_id}").hex()
