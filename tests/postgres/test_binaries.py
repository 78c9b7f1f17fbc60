from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dynamail.postgres.binaries import ALL_PROGRAMS, find_binaries, iter_binaries, parse_major, read_version

from .conftest import PROJECT


def test_every_set_found_is_whole_and_new_enough() -> None:
    for binaries in iter_binaries():
        assert binaries.major >= 15
        assert all(Path(binaries.path(program)).is_file() for program in ALL_PROGRAMS)


def test_a_wanted_major_is_the_one_found() -> None:
    for binaries in iter_binaries():
        assert find_binaries(major=binaries.major).major == binaries.major


@pytest.mark.parametrize(("version", "major"), [("18.6", 18), ("19beta1", 19), ("15.18", 15), ("", 0)])
def test_the_major_is_the_first_number(version: str, major: int) -> None:
    assert parse_major(version) == major


def test_a_program_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    broken = tmp_path / "initdb"
    broken.write_text("not a program")
    broken.chmod(0o755)
    assert read_version(broken) is None
    assert read_version(tmp_path / "missing") is None


def test_the_package_knows_no_django() -> None:
    code = (
        "import importlib, pkgutil, sys, dynamail.postgres as package\n"
        "names = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name != 'launcher']\n"
        "[importlib.import_module(f'dynamail.postgres.{name}') for name in names]\n"
        "assert 'django' not in sys.modules and len(names) > 10"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
