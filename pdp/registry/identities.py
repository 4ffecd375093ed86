"""Identities as the registry keeps them: in rows that many stage runs share.

The identity of a stage run is, nearly all of it, that of the run before: code, config, libraries, names. This text is kept
once (`common`), and each run names it. The hashes of its inputs are those of the versions in its lineage. What is in neither
is its own: the files of a snapshot; inputs of which a hole in the history took a version away.
"""

from __future__ import annotations

from pdp.registry import dump, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

OWN = frozenset(("inputs", "snapshot"))


def common_of(identity: dict[str, Any]) -> str:
    """What other runs of the stage are likely to have too, as one text."""
    return dump({name: value for name, value in identity.items() if name not in OWN})


def own_of(identity: dict[str, Any], inputs: dict[str, str]) -> str | None:
    """What a run has for itself; `inputs` are the hashes that its lineage tells."""
    own = {name: identity[name] for name in sorted(OWN & identity.keys())}
    if own["inputs"] == inputs:
        del own["inputs"]
    return dump(own) if own else None


def share(db: sqlite3.Connection, text: str) -> int:
    """The number of this common text, kept if it is new. Within the caller's transaction."""
    ask = "SELECT id FROM common WHERE text = ?"
    known = db.execute(ask, (text,)).fetchone()
    if known is None:
        db.execute("INSERT INTO common (text) VALUES (?)", (text,))
        known = db.execute(ask, (text,)).fetchone()
    return int(known[0])


def identity(db: sqlite3.Connection, stage_run: int) -> dict[str, Any]:
    """The identity of a stage run, put together again; empty for one that has none, because nothing was made."""
    row = db.execute(
        "SELECT c.text, r.own FROM stage_run r JOIN common c ON c.id = r.common WHERE r.id = ?", (stage_run,)
    ).fetchone()
    if row is None:
        return {}
    found: dict[str, Any] = {"inputs": _inputs(db, stage_run)} | load(row[0]) | load(row[1] or "{}")
    return found


def _inputs(db: sqlite3.Connection, stage_run: int) -> dict[str, str]:
    rows = db.execute(
        "SELECT a.name, a.hash FROM input i JOIN artifact a USING (name, version) WHERE i.stage_run = ? ORDER BY a.name",
        (stage_run,),
    )
    return {row[0]: row[1] for row in rows}


def teach(db: sqlite3.Connection) -> None:
    """Gives SQL the functions by which the third version divides the identities of the second."""
    db.create_function("identity_common", 1, lambda text: common_of(load(text)))
    db.create_function("identity_own", 2, lambda text, inputs: own_of(load(text), load(inputs)))
