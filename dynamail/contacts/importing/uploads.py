"""The uploaded file: stored as it came, under the account's own folder, for seven days."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.models import ContactImport, ImportReject
from dynamail.lib.personal_data import RETENTION_DAYS, Retention

KEEP_DAYS = RETENTION_DAYS[Retention.CAMPAIGN_BODY] or 7


@dataclass(frozen=True)
class StoredFile:
    """`path` is relative to settings.FILES_DIR."""

    path: str
    sha256: str
    size_bytes: int


def store_upload(account_id: int, uid: UUID, chunks: Iterable[bytes]) -> StoredFile:
    """Write the chunks to disk as they come. Raises ImportProblem when the file is empty or too large; then nothing is left."""
    relative = PurePath(str(account_id), "imports", f"{uid.hex}.upload")
    target = Path(settings.FILES_DIR, relative)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.IMPORT_MAX_BYTES:
                    raise ImportProblem(
                        "too_large",
                        _("The file is larger than %(limit)s MB.")
                        % {"limit": settings.IMPORT_MAX_BYTES // 2**20},
                    )
                digest.update(chunk)
                file.write(chunk)
        if not size:
            raise ImportProblem("empty", _("The file is empty."))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return StoredFile(str(relative), digest.hexdigest(), size)


def find_upload(row: ContactImport) -> Path:
    """Where the file is. Raises ImportProblem when it was removed already."""
    path = Path(settings.FILES_DIR, row.file_path)
    if not row.file_path or not path.is_file():
        raise ImportProblem(
            "file_gone",
            _("The uploaded file was removed: files are kept for %(days)s days. Upload it again.")
            % {"days": KEEP_DAYS},
        )
    return path


def remove_upload(row: ContactImport) -> None:
    """Delete the file and what was copied from it; counts and the hash stay."""
    if row.file_path:
        Path(settings.FILES_DIR, row.file_path).unlink(missing_ok=True)
    ImportReject.objects.for_account(row.account_id).filter(import_id=row.pk).delete()
    ContactImport.objects.for_account(row.account_id).filter(pk=row.pk).update(
        file_path="", columns=[], samples=[]
    )


def remove_old_uploads(now: datetime) -> int:
    """Retention: files, samples and rejected rows go after seven days, and so do files that no row names. Returns how many imports."""
    limit = now - timedelta(days=KEEP_DAYS)
    old = (
        ContactImport.objects.across_accounts(reason="retention of uploaded files")
        .filter(created_at__lt=limit)
        .exclude(file_path="")
    )
    rows = list(old.exclude(state=ContactImport.State.RUNNING))
    for row in rows:
        remove_upload(row)
    _remove_strays(limit)
    return len(rows)


def _remove_strays(limit: datetime) -> None:
    """A request that failed between file and row leaves a file; twice the period is far beyond any import.

    A process that was killed while it fetched leaves a folder.
    """
    for folder in Path(settings.FILES_DIR).glob("*/imports/fetch-*"):
        if folder.stat().st_mtime < limit.timestamp():
            shutil.rmtree(folder, ignore_errors=True)
    for path in Path(settings.FILES_DIR).glob("*/imports/*.upload"):
        if path.stat().st_mtime < (limit - timedelta(days=KEEP_DAYS)).timestamp():
            path.unlink(missing_ok=True)
