from __future__ import annotations

from pathlib import Path

from dynamail.accounts.roles import PERMISSIONS, Permission, Role, may, write_role_table

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "roles.md"


def test_the_guide_shows_the_table_of_the_code() -> None:
    assert write_role_table() in GUIDE.read_text(encoding="utf-8")


def test_an_owner_may_everything_and_every_permission_has_a_holder() -> None:
    assert PERMISSIONS[Role.OWNER] == frozenset(Permission)
    assert set(PERMISSIONS) == set(Role)


def test_only_an_owner_hands_the_account_over() -> None:
    assert [role for role in Role if may(role, Permission.TRANSFER_OWNERSHIP)] == [Role.OWNER]


def test_an_unknown_role_may_nothing() -> None:
    assert not any(may("emperor", permission) for permission in Permission)
