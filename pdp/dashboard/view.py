"""Who sees what: the setup of a server from the project, its config and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pdp import config
from pdp.dashboard.oidc import provider
from pdp.dashboard.server import Setup, View
from pdp.dashboard.vault import carried
from pdp.errors import PdpError, UsageError

TRUE = {"1", "true", "yes", "on"}


def demo_is_forced(environ: Mapping[str, str]) -> bool:
    return environ.get("DEMO_MODE", "").strip().lower() in TRUE


def local(root: Path, environ: Mapping[str, str]) -> Setup:
    """The data of this project for the person at this machine."""
    found = config.load(root, environ)
    if not (found.data_dir / "registry.db").is_file():
        hint = "run make run, or pdp demo and doit" if found.is_demo else "run doit"
        raise PdpError(f"nothing is built yet in {config.display(found.data_dir, root)}", hint=hint)
    words = "the demo, an invented person," if found.is_demo else "your data, for this machine alone,"
    return Setup(View(found.data_dir, carried(found.values), found.is_demo, "local"), root, words=words)


def public(root: Path, environ: Mapping[str, str], host: str) -> Setup:
    """Invented data for everybody, and the vault's door for its owner. No config of a person's own is read."""
    demo = config.demo(root, environ)
    if not (demo.data_dir / "registry.db").is_file():
        raise PdpError("the demo is not built", hint="PDP_CONFIG=configs/demo.toml pdp demo, then doit")
    vault = None if demo_is_forced(environ) else _vault(root, environ)
    gate = provider(environ) if vault else None
    behind = "its password and your OpenID provider" if gate else "its password"
    return Setup(
        View(demo.data_dir, carried(demo.values), True, "public"),
        root,
        words=f"the demo for everybody, and your vault behind {behind}," if vault else "the demo",
        vault=vault,
        provider=gate,
        static_page=demo.data_dir / "public.html",
        address_header=environ.get("PDP_ADDRESS_HEADER", ""),
        is_loopback=host in ("127.0.0.1", "::1", "localhost"),
    )


def _vault(root: Path, environ: Mapping[str, str]) -> Path | None:
    from pdp.dashboard.key import KEY

    if not environ.get("PDP_VAULT"):
        return None
    folder = root / os.path.expanduser(environ["PDP_VAULT"])
    if not (folder / KEY).is_file():
        raise UsageError(f"PDP_VAULT names {folder.name}, which is no vault", hint="make one: pdp vault init")
    return folder
