from __future__ import annotations

from dynamail.accounts.models import AuditEntry
from dynamail.web.audit_words import describe_entry
from tests.support.personas import NOW


def test_details_are_words_not_python() -> None:
    data = {
        "verified": True,
        "left_alone": 0,
        "options": {"tags": ["VIP", "new"], "statement": None, "has_header": True},
    }
    line = describe_entry(AuditEntry(at=NOW, action="contacts.import_started", actor_kind="user", data=data))
    assert line.sentence == "Started an import"
    assert line.details == [("verified", "yes"), ("options", "tags: VIP, new; has header: yes")]
