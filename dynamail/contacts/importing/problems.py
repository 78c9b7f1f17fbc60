from __future__ import annotations


class ImportProblem(ValueError):
    """The file, or what is wanted of it, cannot be taken; the text says why and what to do. `code` is stable."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class RowProblem(ValueError):
    """One row cannot be taken; the rest goes on."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
