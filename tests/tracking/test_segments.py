from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dynamail.tracking.segments import ROTATE_BYTES, SegmentWriter, close_abandoned, find_closed

DYING_WRITER = """
import os, sys
from pathlib import Path
from dynamail.tracking.segments import SegmentWriter
writer = SegmentWriter(Path(sys.argv[1]))
writer.append(b"x" * 48)
os.kill(os.getpid(), 9)
"""


def test_a_record_is_in_the_file_at_once(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "hits")
    writer.append(b"a" * 48)
    (path,) = (tmp_path / "hits").iterdir()
    assert path.read_bytes() == b"a" * 48
    assert path.stat().st_mode & 0o077 == 0
    writer.close()


def test_rotating_hands_over_and_goes_on_in_a_new_file(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    writer.rotate()
    assert find_closed(tmp_path) == []
    for letter in (b"a", b"b"):
        writer.append(letter)
        writer.rotate()
    writer.append(b"c")
    writer.close()
    assert sorted(path.read_bytes() for path in find_closed(tmp_path)) == [b"a", b"b", b"c"]


def test_a_large_file_is_rotated_by_itself(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    writer.append(bytes(ROTATE_BYTES))
    writer.append(b"next")
    assert len(find_closed(tmp_path)) == 1
    writer.close()


def test_closing_an_unused_writer_leaves_nothing(tmp_path: Path) -> None:
    SegmentWriter(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    writer.append(b"a")
    assert close_abandoned(tmp_path) == 0
    writer.close()


def test_the_file_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DYING_WRITER, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert find_closed(tmp_path) == []
    assert close_abandoned(tmp_path) == 1
    assert [path.read_bytes() for path in find_closed(tmp_path)] == [b"x" * 48]


def test_a_full_disk_is_an_error_and_the_next_file_is_whole(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    writer.append(b"a" * 48)
    writer._file = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        writer.append(b"b" * 48)
