"""The core runs where no terminal is: commands, servers and tests need no Textual."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
import tui_admin.wiring, tui_admin.database, tui_admin.models
from tui_admin import flows
flows.load_all()
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})))
"""


def run(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    return set(done.stdout.split())


def test_the_core_loads_no_textual() -> None:
    """DESIGN 3: importing wiring and every flow loads neither Textual nor Rich nor a screen."""
    loaded = run(CODE)
    assert "tui_admin" in loaded
    assert not loaded & {"textual", "rich", "screens", "styles", "typer"}


def test_security_loads_no_storage() -> None:
    """DESIGN 3: the mechanisms know no database."""
    loaded = run(
        "import sys\n"
        "from tui_admin.security import otp, passwords, sealed, text, tokens\n"
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    assert not loaded & {"sqlalchemy", "sqlmodel", "alembic", "aiosqlite", "psycopg", "textual"}
