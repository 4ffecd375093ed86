"""Two machines and a remote, through the commands: real projects, real registries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import PATIENCE_S, Project
from tests.sync_kill import sweep
from tests.sync_machine import Machine, fetch, files


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built project: doit ran once in it."""
    project = Project(tmp_path_factory.mktemp("seed"))
    done = project.doit()
    assert done.returncode == 0, done.stdout + done.stderr
    return project.root


Built = Callable[..., Path]


@pytest.fixture(scope="module")
def built(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Gives the seed after some raw files changed and doit ran; each only once, since doit takes its time."""
    known: dict[tuple[tuple[str, str], ...], Path] = {}

    def build(**raw: str) -> Path:
        key = tuple(sorted(raw.items()))
        if key not in known:
            project = Project(tmp_path_factory.mktemp("built"))
            shutil.rmtree(project.data)
            shutil.copytree(seed / "data", project.data)
            for name, text in raw.items():
                project.raw(f"{name}.txt", text)
            assert set(project.outcomes().values()) == {"built"}
            known[key] = project.root
        return known[key]

    return build


@pytest.fixture
def machines(tmp_path: Path, seed: Path) -> tuple[Machine, Machine]:
    """One that has built and pushed, and one with nothing."""
    one = Machine(tmp_path / "one", tmp_path / "remote", seed)
    two = Machine(tmp_path / "two", tmp_path / "remote", None)
    one.pdp("push")
    return one, two


def test_a_second_machine_ends_alike_and_has_nothing_to_do(machines: tuple[Machine, Machine]) -> None:
    """The same files, the same history, row for row; doit finds all current, and a push finds nothing to send."""
    one, two = machines
    said = two.pdp("pull")
    assert re.match(r"pulled generation 1 from the folder .*: 5 records, 6 objects, [\d.]+ (kB|bytes)\n", said)
    assert files(one) == files(two)
    assert one.history() == two.history()
    assert set(two.outcomes().values()) == {"current"}
    assert two.pdp("push").startswith("nothing to push: generation 1")
    assert two.pdp("pull").startswith("nothing to pull")


def test_two_that_ran_apart_are_refused_then_joined_alike(machines: tuple[Machine, Machine], built: Built) -> None:
    """Both histories are shown; after the merge both machines have one history and, after doit, the same outputs."""
    one, two = machines
    ran_apart(one, two, built)
    before = files(two), two.history()
    refused = two.pdp("push", code=5)
    assert "only here" in refused and "only in the remote" in refused and refused.count("merge built (total@v2") == 2
    assert two.pdp("pull", code=5).endswith("pdp pull --merge joins them\n")
    assert (files(two), two.history()) == before
    assert "5 records of your own follow" in two.pdp("pull", "--merge")
    assert (two.data / "raw/mi_band/b.txt").read_text() == "4 5"
    assert set(two.outcomes().values()) == {"built"}
    two.pdp("push")
    one.pdp("pull")
    assert one.history() == two.history()
    assert set(one.outcomes().values()) == {"current"}
    assert files(one) == files(two)
    assert one.triggers() == two.triggers() != []
    assert (one.total(), [row[1] for row in one.history()["artifact"] if row[0] == "total"]) == ("22", [1, 2, 3, 4])


@pytest.mark.parametrize(("keep", "total"), [("mine", "30"), ("theirs", "20")])
def test_a_raw_file_changed_on_both_sides_needs_a_word(
    machines: tuple[Machine, Machine], built: Built, keep: str, total: str
) -> None:
    """Refused with the file and both hashes; the one that is not kept is moved aside, and stays as a version."""
    one, two = machines
    one.become(built(a="20"))
    two.become(built(a="30"))
    one.pdp("push")
    refused = two.pdp("pull", "--merge", code=5)
    assert re.search(r"raw file mi_band/a\.txt changed on both sides: \w{12} here, \w{12} in the remote", refused)
    assert "--keep mine or --keep theirs" in refused
    said = two.pdp("pull", "--merge", "--keep", keep)
    edited = [path.read_text() for path in (two.data / "edited").glob("*")]
    assert edited == (["30"] if keep == "theirs" else [])
    assert ("was moved to" in said) == (keep == "theirs")
    two.outcomes()
    assert two.total() == total
    two.pdp("push")
    one.pdp("pull")
    assert one.total() == total and one.history() == two.history()


def test_what_another_machine_removed_or_replaced_is_moved_aside_here(
    machines: tuple[Machine, Machine], built: Built
) -> None:
    """A pull follows the other side, and overwrites nothing of a person's."""
    one, two = machines
    two.pdp("pull")
    one.become(built(a="9", b="1"))
    one.pdp("push")
    two.pdp("pull")
    (one.data / "raw/mi_band/b.txt").unlink()
    one.outcomes()
    one.pdp("push")
    two.pdp("pull")
    assert sorted(path.read_text() for path in (two.data / "edited").glob("*")) == ["1", "1 2 3"]
    assert set(two.outcomes().values()) == {"current"} and two.total() == one.total() == "9"


def test_a_pull_waits_for_a_run(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    import fcntl

    with (one.data / ".lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, "-m", "pdp", "pull"], cwd=one.root, stderr=subprocess.PIPE, text=True,
            env={"PATH": "", **one.environ},
        )  # fmt: skip
        assert waiting.stderr and "is at work" in waiting.stderr.readline()
        assert waiting.poll() is None
    assert waiting.wait(PATIENCE_S) == 0


def test_the_dry_run_says_what_would_travel_and_moves_nothing(machines: tuple[Machine, Machine]) -> None:
    one, two = machines
    said = two.pdp("sync", "--dry-run")
    assert "a pull would bring 5 records, 6 objects" in said and "a push would send 0 records, 0 objects" in said
    assert not (two.data / "merged").exists()
    assert "pulled generation 1" in two.pdp("sync")
    assert files(one) == files(two)


@pytest.mark.parametrize(
    ("environ", "told", "code"),
    [
        ({"PDP_STATE_REMOTE": ""}, "no remote is set; set remote under [state]", 2),
        ({"PDP_STATE_REMOTE": "file:///proc/none"}, "cannot be", 1),
        ({"PDP_AGE_IDENTITY": "AGE-SECRET-KEY-1CANARY"}, "holds no seal", 2),
        ({"PDP_STATE_RECIPIENTS": "age1nobody"}, "holds what is no age recipient", 2),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_a_sentence(
    machines: tuple[Machine, Machine], environ: dict[str, str], told: str, code: int
) -> None:
    one, _ = machines
    said = one.pdp("push", code=code, **environ)
    assert told in said and "CANARY" not in said


def test_a_full_disk_here_is_a_sentence(machines: tuple[Machine, Machine]) -> None:
    """And the next pull goes on: what had come is not fetched again."""
    one, two = machines
    two.root.joinpath("sitecustomize.py").write_text(
        "import errno, pdp.store\n"
        "def full(*words): raise OSError(errno.ENOSPC, 'No space left on device', 'x')\n"
        "pdp.store.os.replace = full\n"
    )
    said = two.pdp("pull", code=3, PYTHONPATH=os.pathsep.join([str(two.root), os.environ.get("PYTHONPATH", "")]))
    assert "No space left on device" in said and "make room" in said
    two.root.joinpath("sitecustomize.py").unlink()
    assert "pulled generation 1" in two.pdp("pull")
    assert files(one) == files(two)


# Encryption


def keyed(machine: Machine) -> tuple[str, str]:
    """Makes a key, puts the recipients into the config; gives the paper's two lines as variables."""
    said = machine.pdp("key", "init")
    recipients = re.search(r"recipients = (\[.*\])", said)
    paper = re.search(r"^  (AGE-SECRET-KEY-\S+)\n  (PDP-SEAL-\S+)$", said, re.MULTILINE)
    assert recipients and paper
    machine.environ["PDP_STATE_RECIPIENTS"] = ",".join(re.findall(r"age1\w+", recipients[1]))
    return paper[1], paper[2]


@pytest.fixture
def sealed(tmp_path: Path, seed: Path) -> tuple[Machine, dict[str, str]]:
    """A machine that has pushed an encrypted state, and the paper."""
    one = Machine(tmp_path / "one", tmp_path / "remote", seed)
    identity, seal = keyed(one)
    one.pdp("push")
    return one, {"PDP_AGE_IDENTITY": identity, "PDP_STATE_SEAL": seal}


def test_a_restore_with_nothing_but_the_paper(sealed: tuple[Machine, dict[str, str]], tmp_path: Path) -> None:
    """The drill: a new machine, the remote, two lines from paper; it ends with the same outputs, and can push."""
    one, paper = sealed
    new = Machine(tmp_path / "new", one.remote, None)
    new.environ |= paper
    new.pdp("pull", "--all")
    assert files(new) == files(one) and new.history() == one.history()
    assert set(new.outcomes().values()) == {"current"}
    new.pdp("sync")
    assert "nothing to pull" in one.pdp("pull")


def test_nothing_readable_lies_in_the_remote(sealed: tuple[Machine, dict[str, str]]) -> None:
    """No name, no number, no hash, no key of what was pushed; the key file is its owner's alone."""
    one, paper = sealed
    kept = b"\n".join([path.read_bytes() + str(path).encode() for path in one.remote.rglob("*") if path.is_file()])
    known = [path.name for path in (one.data / "store").glob("??/*")] + [one.history()["chain"][0][1]]
    ends = {
        path.read_bytes()[-12:] for path in (one.data / "store").glob("??/*")
    }  # of what is sealed, too long for chance
    assert any(end.endswith(b"PAR1") for end in ends)
    for word in ["mi_band", "total", "ingest", *paper.values(), *map(str, known)]:
        assert word.encode() not in kept, word
    assert [end for end in ends if end in kept] == []
    assert (one.root / "key.txt").stat().st_mode & 0o777 == 0o600
    (one.root / "key.txt").chmod(0o644)
    assert "others may read the key file" in one.pdp("push", code=2)


def test_rotation_leaves_nothing_that_the_old_key_reads(sealed: tuple[Machine, dict[str, str]], tmp_path: Path) -> None:
    """All is under new names, the old key is refused, the new one restores everything."""
    one, paper = sealed
    before = {path.name for path in one.remote.glob("??/*")}
    said = one.pdp("key", "rotate")
    assert before.isdisjoint({path.name for path in one.remote.glob("??/*")})
    old = Machine(tmp_path / "old", one.remote, None)
    assert "signature does not fit" in old.pdp("pull", code=4, **paper)
    assert "does not name your own key" in one.pdp("push", code=2)
    one.environ["PDP_STATE_RECIPIENTS"] = ",".join(re.findall(r"age1\w+", said.partition("recipients = ")[2])[:2])
    assert one.pdp("push").startswith("nothing to push: generation 2")
    identity, seal = re.findall(r"(AGE-SECRET-KEY-\S+|PDP-SEAL-\S+)", said)
    new = Machine(tmp_path / "new", one.remote, None)
    new.pdp("pull", PDP_AGE_IDENTITY=identity, PDP_STATE_SEAL=seal)
    assert files(new) == files(one)


def test_a_plain_state_is_encrypted_by_a_rotation(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    said = one.pdp("key", "rotate")
    assert "generation 2" in said and (one.remote / "head").read_bytes().startswith(b"pdp-state 1 sealed\n")
    one.environ["PDP_STATE_RECIPIENTS"] = ",".join(re.findall(r"age1\w+", said.partition("recipients = ")[2])[:2])
    assert one.pdp("push").startswith("nothing to push: generation 2")


# Kills


@pytest.mark.parametrize("command", ["push", "pull", "merge", "fetched"])
def test_killed_at_any_moment_nothing_is_lost(tmp_path: Path, seed: Path, built: Built, command: str) -> None:
    """A slice of `tests.sync_kill`: a real SIGKILL at moments spread over the whole command."""
    made = Project(tmp_path / "d")
    shutil.rmtree(made.data)
    shutil.copytree(seed / "data", made.data)
    fetch(made, ["8", "9 10"])
    made.outcomes()
    seeds = {"base": seed, "b": built(b="4 5"), "c": built(c="7"), "d": made.root}
    kills, broken = sweep(command, 3, seeds, tmp_path / "scene")
    assert (kills, broken) == (3, [])


def ran_apart(one: Machine, two: Machine, built: Built) -> None:
    """Both have the seed; then one adds a file and pushes, two adds another one."""
    one.become(built(b="4 5"))
    one.pdp("push")
    two.become(built(c="7"))


def test_status_tells_of_the_state(machines: tuple[Machine, Machine], built: Built) -> None:
    one, _ = machines
    assert re.search(r"^state     generation 1, seen \S+Z$", one.pdp("status"), re.MULTILINE)
    one.raw("d.txt", "1")
    one.outcomes()
    assert re.search(r"^state     generation 1, seen \S+Z; \d records are not pushed$", one.pdp("status"), re.MULTILINE)


def test_a_place_is_made_smaller_by_pushing_into_an_empty_one(
    machines: tuple[Machine, Machine], built: Built, tmp_path: Path
) -> None:
    """What was collected here does not go along; the history does, and a machine that pulls ends alike."""
    one, two = machines
    one.become(built(b="4 5"))
    one.pdp("push")
    old = sum(1 for _ in one.remote.glob("??/*"))
    one.environ |= {"PDP_STORE_KEEP_VERSIONS": "1", "PDP_STORE_KEEP_DAYS": "0"}
    one.pdp("gc")
    for machine in machines:
        machine.remote = tmp_path / "smaller"
        machine.environ["PDP_STATE_REMOTE"] = f"file://{machine.remote}"
    one.pdp("push")
    assert sum(1 for _ in one.remote.glob("??/*")) < old
    two.pdp("pull")
    assert files(two) == files(one) and two.history() == one.history()
    assert set(two.outcomes().values()) == {"current"}


def test_what_is_fetched_from_google_travels_where_there_is_room() -> None:
    """Not into a place that is one file; what a person put beside it travels everywhere, unless told not to."""
    from pdp.sync.raw import travelling

    places = {"mi_band": {"id": "1"}, "google_sheets": {"id": ""}}
    little = travelling({"state": {"raw": True}, "fetch": places}, fetched_too=False)
    assert [little("mi_band", name) for name in ("drive/ab/a.zip", "a.zip")] == [False, True]
    assert little("google_sheets", "sheet.json") and little("unknown", "drive/x")
    assert travelling({"state": {"raw": True}, "fetch": places}, fetched_too=True)("mi_band", "drive/ab/a.zip")
    assert not travelling({"state": {"raw": False}, "fetch": places}, fetched_too=True)("mi_band", "a.zip")


def test_a_registry_without_records_is_told_what_to_do(tmp_path: Path) -> None:
    """One of version 1 gets its records at its next run; until then nothing is pushed or pulled."""
    import sqlite3

    from pdp.registry import migrate

    old = Machine(tmp_path / "old", tmp_path / "remote", None)
    old.data.mkdir()
    with sqlite3.connect(old.data / "registry.db") as db:
        db.executescript((Path(migrate.__file__).parent / "schema/1.sql").read_text())
        db.execute("INSERT INTO run (started_at, status, command, versions) VALUES ('', 'ok', 'doit', '{}')")
        db.execute("INSERT INTO stage_run (run, stage, outcome, reasons, at) VALUES (1, 'merge', 'failed', '[]', '')")
        db.execute(f"PRAGMA application_id = {migrate.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    db.close()
    assert "run doit once" in old.pdp("push", code=1)
    assert not (tmp_path / "remote/head").exists()
