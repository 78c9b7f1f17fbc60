from __future__ import annotations

from django.apps import AppConfig


class SendersConfig(AppConfig):
    name = "dynamail.senders"
    label = "senders"
