"""What every subcommand that needs Django or the database does first."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def prepare_home() -> Path:
    """Create the data folder and, once, the installation's secret key. Safe to call from several processes."""
    from dynamail.lib.environment import read_text
    from dynamail.postgres.location import default_home

    home = Path(read_text("DYNAMAIL_HOME") or default_home()).expanduser().resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in ("files", "journal", "hits"):
        (home / folder).mkdir(exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(home / "secret_key", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return home
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return home


def start_django(role: str) -> None:
    """Load Django with this process's database role (`login` for migrations, `dynamail_web`, `dynamail_work`)."""
    os.environ["DYNAMAIL_DATABASE_ROLE"] = role
    prepare_home()
    import django

    django.setup()
