from __future__ import annotations

from django.apps import AppConfig


# "messages" is taken by django.contrib.messages; labels are unique.
class MessagesConfig(AppConfig):
    name = "dynamail.messages"
    label = "dynamail_messages"
