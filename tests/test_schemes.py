"""Records outlive the scheme that they were made by: an upgrade of pdp builds nothing anew, and no edit is missed by it."""

from __future__ import annotations

import ast
from contextlib import closing

import pytest

from pdp import fingerprint, identity
from pdp.fingerprint.canon import TEXTS
from pdp.registry import Registry
from tests.forked import doit_in
from tests.project import Project, outcomes


def ran(project: Project) -> dict[str, str]:
    """The tasks that were not current, with their outcomes."""
    code, printed = doit_in(project.root)
    assert code == 0, printed
    return {task: outcome for task, outcome in outcomes(printed).items() if outcome != "current"}


def schemes(project: Project) -> set[tuple[int, int]]:
    """(scheme of the identity, of the fingerprint) of every record of a stage."""
    with closing(Registry(project.data / "registry.db", read_only=True)) as registry:
        rows = registry.db.execute("SELECT id FROM stage_run WHERE stage NOT LIKE 'ingest%'").fetchall()
        found = [registry.identity(number) for (number,) in rows]
    return {(one["scheme"], one.get("fingerprint", 1)) for one in found}


def other_text(node: ast.AST, *, typing_only: bool = True) -> str:
    """Another canonical text: that of the first scheme, with its nodes' names in lower case."""
    return TEXTS[1](node, typing_only=typing_only).lower()


@pytest.fixture(params=["identity", "fingerprint"])
def upgraded(request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that was built by the scheme before; what runs now is by the next one.

    `doit_in` forks, so that the schemes of this process are those of the run.
    """
    if request.param == "identity":
        with monkeypatch.context() as old:
            old.setattr(identity, "SCHEME", 1)
            assert set(ran(project).values()) == {"built"}
        assert schemes(project) == {(1, 1)}
    else:
        assert set(ran(project).values()) == {"built"}
        monkeypatch.setitem(TEXTS, 2, other_text)
        monkeypatch.setattr(fingerprint, "SCHEME", 2)
        monkeypatch.setattr(fingerprint, "SCHEMES", frozenset(TEXTS))
        assert schemes(project) == {(2, 1)}
    return project


def test_every_scheme_of_fingerprints_has_its_text() -> None:
    """What a record may have been made by is told without loading what makes it; the two lists agree."""
    assert set(TEXTS) == fingerprint.SCHEMES and max(TEXTS) == fingerprint.SCHEME


def test_an_upgrade_runs_nothing(upgraded: Project) -> None:
    """Neither does what never counted: a comment, an unrelated function."""
    assert ran(upgraded) == {}
    steps = upgraded.root / "stages/steps.py"
    steps.write_text(steps.read_text().replace("return 1", "return 2  # unrelated"))
    assert ran(upgraded) == {}


def test_after_an_upgrade_each_edit_is_seen_and_an_undone_one_restored(upgraded: Project) -> None:
    """What the older scheme recorded is restored as well as what the newer one did."""
    before = schemes(upgraded)
    for edit, name in (("FACTOR = 3\n", "stages/help.py"), ("1 2 5", "data/raw/mi_band/a.txt")):
        path = upgraded.root / name
        original = path.read_text()
        path.write_text(edit)
        assert ran(upgraded)["merge"] == "built"
        path.write_text(original)
        assert set(ran(upgraded).values()) <= {"restored", "built"} and ran(upgraded) == {}
        path.write_text(edit)
        assert ran(upgraded)["merge"] == "restored"
        path.write_text(original)
        assert ran(upgraded)["merge"] == "restored"
    assert len(schemes(upgraded) - before) == 1


def test_after_an_upgrade_the_reason_is_the_change_and_not_the_upgrade(upgraded: Project) -> None:
    upgraded.write("stages/help.py", "FACTOR = 3\n")
    _, printed = doit_in(upgraded.root)
    (line,) = [line for line in printed.splitlines() if line.startswith("merge")]
    assert (" code" in line and "FACTOR" in line) or line.endswith("code changed")
    assert "config" not in line and "pdp" not in line


def test_after_an_upgrade_what_was_forgotten_is_built(upgraded: Project) -> None:
    assert doit_in(upgraded.root, "forget", "merge")[0] == 0
    assert ran(upgraded) == {"merge": "unchanged"}
    assert ran(upgraded) == {}


def test_a_record_of_a_newer_scheme_is_built_anew(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be compared; that is said."""
    with monkeypatch.context() as newer:
        newer.setitem(identity.SCHEMES, 3, lambda *known: identity.SCHEMES[2](*known) | {"scheme": 3})
        newer.setattr(identity, "SCHEME", 3)
        ran(project)
    code, printed = doit_in(project.root)
    assert code == 0 and "recorded by a newer pdp" in printed
    assert set(outcomes(printed).values()) <= {"current", "unchanged"}


def test_every_scheme_that_was_ever_used_is_still_there() -> None:
    """The first one gives what it always gave: these digests are not to change."""
    assert set(identity.SCHEMES) == set(range(1, identity.SCHEME + 1))
    assert set(TEXTS) == set(range(1, fingerprint.SCHEME + 1))
    code = ast.parse('def f(x: int = 1, *, y="a"):\n    """Doc."""\n    return [x, y, f"{x:>3}"]\n')
    assert (
        fingerprint.canon.digest(TEXTS[1](code)) == "b8c1d0a6d143df5d6a808a073f951f016315ba03e1e9c549941f589bfede0804"
    )
