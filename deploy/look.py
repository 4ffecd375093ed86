"""Looks through the image that it runs in: whose user it is, and that it holds nothing of what it should not."""

import importlib.util
import os
import sys
from pathlib import Path

APP = Path("/app")
MAY = {"PATH", "HOME", "LANG", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PDP_DATA_DIR", "PDP_DEMO_DIR", "PORT"}
OURS = ("PDP_", "GOOGLE_", "MI_BAND_", "AWS_", "FLY_", "VAULT_")
SETTINGS = ("configs/pdp.toml", ".env", ".git", "data", "tests")


def main(unwanted: list[str]) -> int:
    """Prints what was found; gives the exit code."""
    wrong = [f"holds {name}" for name in unwanted if is_installed(name)]
    wrong += [f"holds {name}" for name in SETTINGS if (APP / name).exists()]
    wrong += [f"sets {name}" for name in os.environ if name.startswith(OURS) and name not in MAY]
    wrong += [f"{place} can be written" for place in (APP, Path(sys.prefix)) if os.access(place, os.W_OK)]
    if os.getuid() == 0:
        wrong.append("runs as root")
    print("; ".join(wrong) or f"user {os.getuid()}, without {', '.join(unwanted)}")
    return 1 if wrong else 0


def is_installed(name: str) -> bool:
    """Whether Python would find the module; its parent may be missing too."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
