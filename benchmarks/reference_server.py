from __future__ import annotations


def serve_reference(target: str, port: int, *, factory: bool = False) -> None:
    """An ASGI application under the settings of `dynamail.asgi.serve`, until SIGTERM."""
    from granian import Granian
    from granian.constants import Interfaces, Loops, RuntimeModes
    from granian.log import LogLevels

    Granian(
        target,
        factory=factory,
        port=port,
        interface=Interfaces.ASGI,
        runtime_mode=RuntimeModes.st,
        loop=Loops.uvloop,
        websockets=False,
        backlog=2048,
        log_level=LogLevels.warning,
    ).serve()
