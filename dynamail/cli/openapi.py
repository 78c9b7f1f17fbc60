from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dynamail.cli.setup import start_django

HELP = "write the API's OpenAPI document (developers)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, help="where to; none: standard output")


def run(options: argparse.Namespace) -> int:
    start_django("login")
    from django.conf import settings

    from dynamail.api.app import create_api
    from dynamail.api.openapi import encode_document, write_document
    from dynamail.tracking.pool import make_pool

    text = encode_document(write_document(create_api(make_pool(settings.DSN))))
    if options.file is None:
        sys.stdout.buffer.write(text)
    else:
        options.file.write_bytes(text)
    return 0
