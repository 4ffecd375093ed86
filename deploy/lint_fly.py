"""Checks fly.toml: what must be there, and that no word in it tells what the app is about."""

import sys
import tomllib
from pathlib import Path

WANTED = {
    "build.build-target": "dashboard",
    "http_service.force_https": True,
    "http_service.auto_stop_machines": "suspend",
    "http_service.min_machines_running": 0,
    "http_service.checks.0.path": "/healthz",
    "vm.0.memory": "512mb",
}
PRIVATE = ("health", "blood", "pressure", "sleep", "heart", "treatment", "medical", "patient")


def main(path: Path) -> int:
    """Prints what is wrong; gives the exit code."""
    text = path.read_text(encoding="utf-8")
    config = tomllib.loads(text)
    wrong = [
        f"{key} is {found!r}, not {value!r}" for key, value in WANTED.items() if (found := at(config, key)) != value
    ]
    told = text.lower().replace("/healthz", "")
    wrong += [f"the word {word} tells what the app is about" for word in PRIVATE if word in told]
    for sentence in wrong:
        print(f"{path}: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


def at(config: object, key: str) -> object:
    """The value of a dotted key; a number counts into a list."""
    for part in key.split("."):
        if isinstance(config, list):
            config = config[int(part)] if int(part) < len(config) else None
        elif isinstance(config, dict):
            config = config.get(part)
        else:
            return None
    return config


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
