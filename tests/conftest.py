"""One PostgreSQL for the run, one database per test process, and three people: Alice owns an account, Bob is a marketer on
Alice's team, Charlie has an account of his own and no access to theirs."""

from __future__ import annotations

import os

import django
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone, translation

from tests.support import database

database.prepare_environment()  # before Django reads its settings
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
django.setup()  # the personas import models
# A password that takes a third of a second to hash on purpose would be most of the run.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

pytest_plugins = ["tests.support.personas"]


def pytest_runtest_setup() -> None:
    """A page leaves its reader's language and time zone active in the thread; the next test begins without them."""
    translation.activate("en")
    timezone.deactivate()


def pytest_unconfigure() -> None:
    database.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_parallel_suffix(request: pytest.FixtureRequest) -> None:
    """Two runs on one server (PYTEST_DB_SUFFIX) and two workers of one run (xdist) each have their own database."""
    parts = [
        os.environ.get("PYTEST_DB_SUFFIX", ""),
        getattr(request.config, "workerinput", {}).get("workerid", ""),
    ]
    suffix = "_".join(filter(None, parts))
    if suffix:
        name = settings.DATABASES["default"]["NAME"]
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = f"test_{name}_{suffix}"
        connections["default"].settings_dict.setdefault("TEST", {})["NAME"] = f"test_{name}_{suffix}"
