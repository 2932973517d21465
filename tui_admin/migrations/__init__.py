"""Alembic revisions, run by `tui-admin db upgrade`.

A revision's file is named by its number: `0001_first_tables.py` is revision `0001`, so that the
order and the newest are known without loading Alembic.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def revisions() -> list[str]:
    """Return all revision numbers, oldest first."""
    return sorted(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py"))
