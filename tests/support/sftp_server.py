"""A real SSH server with SFTP on loopback, serving one folder, in a thread of its own.

with SftpServer(tmp_path, password="secret") as server:
    (tmp_path / "people.csv").write_bytes(...)
    server.address                       # host:port
    server.rekey()                       # from now on it shows another host key
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import asyncssh


class SftpServer:
    host = "127.0.0.1"
    username = "shop"

    def __init__(self, folder: Path, *, password: str = "", public_key: str = "") -> None:
        self.folder = folder
        self.logins: list[str] = []  # the passwords that were offered
        self.users: list[str] = []  # who began to log in
        self.connections = 0
        self.locked: set[str] = set()  # paths that nobody may read
        self._password = password
        self._public_key = public_key
        self._keys = [asyncssh.generate_private_key("ssh-ed25519")]
        self._ready = threading.Event()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def rekey(self, algorithm: str = "ssh-ed25519") -> None:
        """Show another host key to whoever connects next."""
        self.show_keys([asyncssh.generate_private_key(algorithm)])

    @property
    def keys(self) -> list[asyncssh.SSHKey]:
        return list(self._keys)

    def show_keys(self, keys: list[asyncssh.SSHKey]) -> None:
        self._keys[:] = keys
        self._call(self._listen(self.port))

    def __enter__(self) -> SftpServer:
        self._loop = asyncio.new_event_loop()
        self._acceptor: Any = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._listen(0))
        self.port: int = self._acceptor.get_port()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, port: int) -> None:
        await self._close()
        outer = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: Any) -> None:
                outer.connections += 1
                self._connection = conn

            def begin_auth(self, username: str) -> bool:
                outer.users.append(username)
                if outer._public_key:
                    self._connection.set_authorized_keys(asyncssh.import_authorized_keys(outer._public_key))
                return True

            def password_auth_supported(self) -> bool:
                return bool(outer._password)

            def validate_password(self, username: str, password: str) -> bool:
                outer.logins.append(password)
                return (username, password) == (outer.username, outer._password)

        class Files(asyncssh.SFTPServer):
            def __init__(self, channel: Any) -> None:
                super().__init__(channel, chroot=str(outer.folder))

            def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
                if path.decode() in outer.locked:
                    raise asyncssh.SFTPPermissionDenied("locked")
                return super().open(path, pflags, attrs)

        self._acceptor = await asyncssh.listen(
            self.host,
            port,
            server_factory=Server,
            server_host_keys=self._keys,
            sftp_factory=Files,
            reuse_address=True,
        )

    async def _close(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
