"""What is generated says what docs/api/openapi.json says; that the document says what the server does is tested with the API."""

from __future__ import annotations

from sdk.generate import DOCUMENT, ROOT, make_files
from sdk.reading import read_api


def test_the_clients_are_what_the_description_makes_them() -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in make_files().items() if path.read_text() != text]
    assert not stale, "run `make sdk`"


def test_every_operation_has_a_method_of_its_own() -> None:
    nouns = read_api(DOCUMENT).nouns
    assert {"emails", "contacts", "templates", "webhooks", "events", "suppressions"} <= nouns.keys()
    for noun, operations in nouns.items():
        verbs = [operation.verb for operation in operations]
        assert len(verbs) == len(set(verbs)), noun
    assert {"send", "send_batch", "get", "list", "cancel"} <= {one.verb for one in nouns["emails"]}
