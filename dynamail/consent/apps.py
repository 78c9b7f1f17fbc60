from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "dynamail.consent"
    label = "consent"
