"""Runs as a script of its own: become the server's user, ask to die with the parent, execute the program.

    python -I -S launcher.py UID GID PARENT PROGRAM [ARGUMENT…]      (UID and GID are `-` to stay who we are)

A script instead of `preexec_fn`: the parent may have threads, and Python code between fork and exec can
deadlock there. It starts as root, so the interpreter itself may live where the server's user cannot look.
"""

from __future__ import annotations

import ctypes  # At the top: once we are the server's user, the interpreter's files may be out of reach.
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(uid: str, gid: str, parent: str, *command: str) -> None:
    os.umask(0o077)
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        _die_with(int(parent))
    os.execv(command[0], command)  # noqa: S606 that is its purpose


def _die_with(parent: int) -> None:
    """Ask for a fast shutdown (SIGINT) at the parent's end. After setuid: a change of user forgets it."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    if os.getppid() != parent:  # It ended before we asked.
        sys.exit("the process that wanted this server is gone")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"launcher: cannot run {sys.argv[4]} as user {sys.argv[1]}: {error}")
