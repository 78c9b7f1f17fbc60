"""What can go wrong with the database server, each as one sentence that says what to do."""

from __future__ import annotations

from pathlib import Path


class PostgresError(Exception):
    """Base of everything this package raises on purpose. `str(error)` is written for the operator."""

    code = "postgres"


class BinariesMissing(PostgresError):
    code = "postgres.binaries_missing"


class BinariesUnreachable(PostgresError):
    code = "postgres.binaries_unreachable"


class NoServerUser(PostgresError):
    code = "postgres.no_server_user"


class FolderUnusable(PostgresError):
    code = "postgres.folder_unusable"


class OtherMajor(PostgresError):
    code = "postgres.other_major"


class SocketFolderTaken(PostgresError):
    code = "postgres.socket_folder_taken"


class NotRunning(PostgresError):
    code = "postgres.not_running"


class InitFailed(PostgresError):
    code = "postgres.init_failed"


class StartFailed(PostgresError):
    code = "postgres.start_failed"


class AlreadyRunning(PostgresError):
    """Another process holds the folder; `pid` is its process id, None when it could not be read."""

    code = "postgres.already_running"

    def __init__(self, folder: Path, pid: int | None) -> None:
        self.folder = folder
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"The database in {folder} is already in use by {holder}. Stop that process first, "
            "or choose another folder with DYNAMAIL_HOME."
        )


class DatabaseUnreachable(PostgresError):
    code = "postgres.unreachable"


class RolesMissing(PostgresError):
    """The login may not make the roles itself; `sql` is what an administrator runs once."""

    code = "postgres.roles_missing"

    def __init__(self, *, login: str, sql: str, reason: str) -> None:
        self.sql = sql
        super().__init__(
            f"The database login {login!r} may not prepare the roles DynaMail needs ({reason}). "
            f"Ask an administrator of the database to run this once, then start again:\n\n{sql}"
        )


class RoleTooPowerful(PostgresError):
    code = "postgres.role_too_powerful"


class BackupError(PostgresError):
    code = "postgres.backup_failed"


class FileExists(BackupError):
    code = "postgres.file_exists"


class NotReadable(BackupError):
    """The login does not see every row, so that a dump would be partial."""

    code = "postgres.not_everything_readable"


class ToolUnsuitable(BackupError):
    """pg_dump or pg_restore is older than the server, or lacks TLS where the server wants it."""

    code = "postgres.tool_unsuitable"


class NothingToBackUp(BackupError):
    code = "postgres.nothing_to_back_up"


class RestoreError(PostgresError):
    code = "postgres.restore_failed"


class NotABackup(RestoreError):
    code = "postgres.not_a_backup"


class DatabaseNotEmpty(RestoreError):
    code = "postgres.database_not_empty"


class DatabaseInUse(RestoreError):
    code = "postgres.database_in_use"
