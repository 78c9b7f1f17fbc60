from __future__ import annotations

from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "dynamail.content"
    label = "content"
