"""How much of the machine's memory the embedded server takes for its own cache."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MEGABYTE = 1024 * 1024
LEAST_MB, MOST_MB = 128, 2048
SHARE = 4  # a quarter, as PostgreSQL's manual advises; the workers and the kernel's cache live on the rest
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def find_cache_size(limits: tuple[Path, ...] = CGROUP_LIMITS) -> int:
    """Megabytes for shared_buffers. Pages are taken as they are used, so a small account costs no more than before."""
    return max(LEAST_MB, min(MOST_MB, find_memory(limits) // SHARE // MEGABYTE))


def find_memory(limits: tuple[Path, ...] = CGROUP_LIMITS) -> int:
    """Bytes that this process may use: the machine's memory, or less where a container sets a limit."""
    sizes = [size for path in limits if (size := _read_limit(path))]
    with contextlib.suppress(
        ValueError, OSError, AttributeError
    ):  # a system that does not say: the least will do
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(sizes, default=0)


def _read_limit(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0  # no such file, or "max": no limit
