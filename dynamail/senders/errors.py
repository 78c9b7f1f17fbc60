from __future__ import annotations


class SenderError(Exception):
    """A sender or transport that cannot be used as asked; the text is for the member, `code` is stable."""

    def __init__(self, code: str, sentence: object) -> None:
        super().__init__(str(sentence))
        self.code = code
