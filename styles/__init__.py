"""Style sheets and themes: every colour and size of the console lives in this folder."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def sheet(name: str) -> Path:
    """Return the path of one style sheet: `sheet("sign_in")`."""
    return FOLDER / f"{name}.tcss"


@cache
def themes() -> dict[str, dict[str, Any]]:
    """Return the themes by name, each as the arguments of a Textual `Theme`."""
    loaded: dict[str, dict[str, Any]] = json.loads((FOLDER / "themes.json").read_text("utf-8"))
    return loaded
