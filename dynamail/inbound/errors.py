from __future__ import annotations

from django.utils.functional import Promise


class InboundError(ValueError):
    """A sentence for a person. `code` is stable."""

    def __init__(self, code: str, text: str | Promise) -> None:
        super().__init__(text)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])
