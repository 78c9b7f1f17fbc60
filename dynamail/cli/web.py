from __future__ import annotations

import argparse

from dynamail.cli.setup import start_django

HELP = "serve pages, the API and the tracking endpoints"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--serve",
        choices=("all", "pages", "api", "tracking"),
        default="all",
        help="what this process answers to; separate processes keep slow pages away from hot endpoints",
    )
    parser.add_argument("--host", help="address to listen on (default: DYNAMAIL_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on (default: DYNAMAIL_PORT)")


def run(options: argparse.Namespace) -> int:
    start_django("dynamail_web")
    from dynamail.asgi import serve

    serve(options.serve, host=options.host, port=options.port)
    return 0
