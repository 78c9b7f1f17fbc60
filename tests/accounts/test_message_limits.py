"""The operator limits an account from the command line."""

from __future__ import annotations

import pytest

from dynamail.__main__ import main
from dynamail.accounts.models import Account, AuditEntry


@pytest.fixture(autouse=True)
def same_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command chooses a role for its own process; this one has another."""
    monkeypatch.setenv("DYNAMAIL_DATABASE_ROLE", "login")


def test_an_account_is_limited_and_listed(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["account", "limit", account.public_id, "--per-hour", "100", "--per-day", "none"]) == 0
    account.refresh_from_db()
    assert (account.messages_per_hour, account.messages_per_day) == (100, None)
    assert AuditEntry.objects.for_account(account).latest("id").action == "account.limited"
    assert main(["account", "list"]) == 0
    assert f"{account.public_id}  Acme store: 100 per hour, unlimited per day" in capsys.readouterr().out


def test_an_unknown_account_is_said_in_one_sentence(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("acc_nonsense", "x"):
        assert main(["account", "limit", name, "--per-hour", "1", "--per-day", "1"]) == 1
        assert "there is no account" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["-1", "many", "1.5"])
def test_an_impossible_limit_is_refused(account: Account, limit: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["account", "limit", account.public_id, "--per-hour", limit, "--per-day", "1"])
    assert ended.value.code == 2
