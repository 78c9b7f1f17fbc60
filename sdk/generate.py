"""Write the generated parts of both clients from the OpenAPI document: `make sdk`. With `--check` only say whether they are as they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sdk import writing_python, writing_typescript
from sdk.reading import read_api

ROOT = Path(__file__).resolve().parent
DOCUMENT = ROOT.parent / "docs" / "api" / "openapi.json"
PYTHON = ROOT / "python" / "src" / "dynamail_client"
TYPESCRIPT = ROOT / "typescript" / "src"


def make_files() -> dict[Path, str]:
    """What each generated file holds."""
    api = read_api(DOCUMENT)
    return {
        PYTHON / "types.py": _formatted(writing_python.write_types(api)),
        PYTHON / "resources.py": _formatted(writing_python.write_resources(api)),
        TYPESCRIPT / "types.ts": writing_typescript.write_types(api),
        TYPESCRIPT / "resources.ts": writing_typescript.write_resources(api),
    }


def main() -> int:
    files = make_files()
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(
                f"{path.relative_to(ROOT.parent)} is not what docs/api/openapi.json says; run `make sdk`.\n"
            )
        return int(bool(stale))
    for path in stale:
        path.write_text(files[path], encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT.parent)}\n")
    return 0


def _formatted(source: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    sorted_ = subprocess.run(
        [
            *ruff,
            "check",
            "--fix",
            "--quiet",
            "--select",
            "I,F401",
            "--stdin-filename",
            str(PYTHON / "x.py"),
            "-",
        ],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return subprocess.run(
        [*ruff, "format", "--stdin-filename", str(PYTHON / "x.py"), "-"],
        input=sorted_,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
