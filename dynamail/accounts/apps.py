from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "dynamail.accounts"
    label = "accounts"

    def ready(self) -> None:
        from dynamail.accounts.row_security import raise_walls_after_migrate  # models must be loaded first

        post_migrate.connect(raise_walls_after_migrate, sender=self)
