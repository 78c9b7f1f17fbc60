from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.models import Account, AuditEntry, Member, User
from dynamail.content.compiling import EmailSource, Kind
from dynamail.content.editing import (
    ContentConflict,
    archive_template,
    create_template,
    duplicate_template,
    restore_template,
    save_template,
)
from dynamail.content.models import Template
from tests.support.personas import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def by(account: Account, alice: User) -> Member:
    return Member.objects.for_account(account).get(user=alice)


@pytest.fixture
def template(account: Account, by: Member) -> Template:
    return create_template(account, name="News", kind="html", subject="Hi", source="<p>x</p>", by=by, now=NOW)


def actions(account: Account) -> list[str]:
    rows = AuditEntry.objects.for_account(account).filter(action__startswith="template.")
    return list(rows.order_by("id").values_list("action", flat=True))


def test_a_template_is_created_with_its_public_id(template: Template, account: Account) -> None:
    assert template.public_id.startswith("tpl_")
    assert template.as_email() == EmailSource(Kind.HTML, "<p>x</p>", "Hi")
    assert actions(account) == ["template.created"]


def test_saving_raises_the_version(template: Template, by: Member) -> None:
    saved = save_template(template, source="{{ unfinished", by=by, now=LATER, version=1)
    assert (saved.version, saved.source, saved.updated_at) == (2, "{{ unfinished", LATER)


def test_saving_over_somebody_elses_version_changes_nothing(template: Template, by: Member) -> None:
    save_template(template, source="theirs", by=by, now=LATER, version=1)
    with pytest.raises(ContentConflict) as caught:
        save_template(template, source="mine", by=by, now=LATER, version=1)
    assert caught.value.saved_version == 2
    assert Template.objects.for_account(template.account_id).get(pk=template.pk).source == "theirs"


def test_only_the_fields_of_a_template_can_be_saved(template: Template, by: Member) -> None:
    with pytest.raises(TypeError):
        save_template(template, account_id=5, by=by, now=LATER)


def test_a_copy_is_a_template_of_its_own(template: Template, by: Member, account: Account) -> None:
    copy = duplicate_template(template, name="News 2", by=by, now=LATER)
    assert copy.public_id != template.public_id
    assert (copy.name, copy.source, copy.version) == ("News 2", template.source, 1)
    assert actions(account) == ["template.created", "template.duplicated"]


def test_archiving_twice_is_recorded_once_and_can_be_undone(
    template: Template, by: Member, account: Account
) -> None:
    archive_template(template, by=by, now=LATER)
    archive_template(template, by=by, now=LATER)
    template.refresh_from_db()
    assert template.is_archived
    restore_template(template, by=by, now=LATER)
    template.refresh_from_db()
    assert not template.is_archived
    assert actions(account) == ["template.created", "template.archived", "template.restored"]


def test_another_account_does_not_see_it(template: Template, other_account: Account) -> None:
    assert not Template.objects.for_account(other_account).filter(pk=template.pk).exists()
