"""A database of the benchmark's own, on the server in DATABASE_URL or an embedded one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import database


@contextmanager
def own_database(name: str) -> Iterator[None]:
    """Django is set up on an empty, migrated database of this name, which is dropped afterwards."""
    database.prepare_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    import django

    django.setup()
    from django.db import connection

    old_name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(old_name, verbosity=0)
        database.stop()
