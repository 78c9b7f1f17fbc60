"""The server's settings: `dynamail.conf` in the data folder is ours and written anew at each start.

It is included from postgresql.conf, followed by `local.conf`, which is the operator's and never touched.
"""

from __future__ import annotations

import os
from pathlib import Path

from dynamail.postgres.memory import find_cache_size

OWN_FILE = "dynamail.conf"
INCLUDES = f"\n# DynaMail\ninclude = '{OWN_FILE}'\ninclude_if_exists = 'local.conf'\n"

# The queue and the import write in bursts, so checkpoints are far apart; the many short statements gain
# nothing from the JIT; queue tables need vacuum at once, not after a minute; segments look at whole
# accounts, which is twice as fast where their contacts fit into the server's own cache. Names and addresses
# appear in the DETAIL and STATEMENT lines of errors, so the log goes without them.
SETTINGS = """\
# Written by DynaMail at each start. Put your own settings into local.conf beside this file.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = {cache}MB
effective_cache_size = {twice}MB
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_compression = pglz
jit = off
autovacuum_naptime = 10s
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %a '
log_startup_progress_interval = 1s
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


def include_settings(data: Path) -> None:
    """Make the fresh postgresql.conf of initdb include our file."""
    original = data / "postgresql.conf"
    descriptor = os.open(original, os.O_RDONLY | os.O_NOFOLLOW)
    with open(descriptor, encoding="utf-8") as file:
        text = file.read()
    _replace_file(original, text + INCLUDES)


def write_settings(data: Path) -> None:
    cache = find_cache_size()
    _replace_file(data / OWN_FILE, SETTINGS.format(cache=cache, twice=2 * cache))


def _replace_file(path: Path, text: str) -> None:
    """A new file in place of the old, for the owner of the folder.

    Root writes here into a folder of the server's user: never through a name that already exists, which
    could be a link to anything.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    owner = path.parent.stat()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fsync(descriptor)
    os.replace(partial, path)
