"""The vault: what its password opens, what it refuses, and what never lies on a disk."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pdp.dashboard import key as keys
from pdp.dashboard import memory
from pdp.dashboard.key import KEY, RECIPIENT, Key, WrongPassword, unwrap, wrap
from pdp.dashboard.vault import DATA, create, unlock, unpack, write
from pdp.errors import PdpError, UsageError
from tests.project import Project

PASSWORD = "four words are enough"
CHEAP = keys.COST | {"time_cost": 1, "memory_kib": 8}


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work factor is the attacker's burden, not the suite's; one test takes the real one."""
    monkeypatch.setattr("pdp.dashboard.key.wrap.__defaults__", (CHEAP,))


@pytest.fixture
def vault(tmp_path: Path, project: Project) -> tuple[Path, Path]:
    """A vault that holds a small project's generation, and the project's data folder."""
    project.doit()
    folder = tmp_path / "vault"
    create(folder, PASSWORD)
    write(project.data, folder, {"timezone": "Europe/Berlin"})
    return folder, project.data


def test_real_work_factor() -> None:
    """What is written says argon2id with at least OWASP's memory, and its password opens it."""
    content = wrap(Key.new(), PASSWORD, keys.COST)
    header = json.loads(content)
    assert header["kdf"] == "argon2id" and header["memory_kib"] >= 46 * 1024
    assert unwrap(content, PASSWORD).recipient


def test_opened_is_what_was_written(vault: tuple[Path, Path]) -> None:
    """A data folder in memory: the registry, each current object whole, and what the pages need of the config."""
    from pdp.registry.history import History
    from pdp.store import Store

    folder, data = vault
    opened = unlock(folder, PASSWORD)
    try:
        assert opened.config == {"timezone": "Europe/Berlin"}
        theirs, ours = (sorted(History.open(at / "registry.db").current_hashes()) for at in (opened.folder, data))
        assert theirs == ours and len(ours) > 1
        assert all(Store(opened.folder / "store").has(digest) for digest in ours)
        assert stat.S_IMODE(opened.folder.stat().st_mode) == 0o700
    finally:
        opened.close()
    assert not opened.folder.exists()


def test_wrong_password(vault: tuple[Path, Path]) -> None:
    """It opens nothing, and no repr or message holds a password or the key."""
    with pytest.raises(WrongPassword) as caught:
        unlock(vault[0], "another password altogether")
    assert "another" not in repr(caught.value)
    key = Key.new()
    assert key.secret not in repr(key)


@pytest.mark.parametrize("change", ["time_cost", "memory_kib", "salt", "nonce", "wrapped"])
def test_altered_key_opens_nothing(vault: tuple[Path, Path], change: str) -> None:
    """Every field is covered by the tag: nobody can make guessing cheaper."""
    folder, _ = vault
    content = json.loads((folder / KEY).read_bytes())
    value = content[change]
    content[change] = value + 8 if isinstance(value, int) else ("B" if value[0] == "A" else "A") + value[1:]
    (folder / KEY).write_text(json.dumps(content))
    with pytest.raises(WrongPassword):
        unlock(folder, PASSWORD)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"vault": 2}', b'{"vault": 1, "wrapped": 3}'])
def test_broken_key_is_a_sentence(vault: tuple[Path, Path], content: bytes) -> None:
    """A key file that is none is told, without a guess being counted as wrong."""
    (vault[0] / KEY).write_bytes(content)
    with pytest.raises(PdpError, match=r"key.json of the vault is no key") as caught:
        unlock(vault[0], PASSWORD)
    assert not isinstance(caught.value, WrongPassword)


def test_key_file_cannot_take_the_memory(vault: tuple[Path, Path]) -> None:
    """A key file that asks for terabytes is refused before anything is allocated."""
    content = json.loads((vault[0] / KEY).read_bytes()) | {"memory_kib": 1 << 40}
    (vault[0] / KEY).write_text(json.dumps(content))
    with pytest.raises(PdpError, match="is no key"):
        unlock(vault[0], PASSWORD)


def test_every_truncation_and_flip_is_refused(vault: tuple[Path, Path]) -> None:
    """A data file that was cut or altered anywhere is no data, and nothing of it is left in memory."""
    folder, _ = vault
    key = unwrap((folder / KEY).read_bytes(), PASSWORD)
    whole = (folder / DATA).read_bytes()
    size = len(whole)
    damaged = [whole[: size * n // 40] for n in range(40)]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, size, max(1, size // 40))]
    for content in damaged:
        (folder / DATA).write_bytes(content)
        with pytest.raises(PdpError, match="damaged"):
            unpack(folder, key)
    assert not list(left())


def test_foreign_data_is_refused(vault: tuple[Path, Path], tmp_path: Path) -> None:
    """Data for another vault's key does not open."""
    folder, data = vault
    other = tmp_path / "other"
    create(other, PASSWORD)
    write(data, other, {})
    (folder / DATA).write_bytes((other / DATA).read_bytes())
    with pytest.raises(PdpError, match="not its own"):
        unlock(folder, PASSWORD)


def test_writing_needs_no_secret(vault: tuple[Path, Path]) -> None:
    """The pipeline's machine holds the public half alone."""
    folder, data = vault
    (folder / KEY).unlink()
    assert write(data, folder, {}) > 0
    assert "AGE-SECRET" not in (folder / RECIPIENT).read_text()


def test_nothing_readable_is_left_beside(vault: tuple[Path, Path]) -> None:
    """After writing there is neither a temp file nor anything in the clear, and all files are private."""
    folder, data = vault
    assert {path.name for path in folder.iterdir()} == {KEY, RECIPIENT, DATA}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert not list(data.glob(".*.tar"))
    assert b"SQLite format" not in (folder / DATA).read_bytes()


def test_another_password(vault: tuple[Path, Path]) -> None:
    """It opens the same data; the old one no longer does; the recovery key always would."""
    folder, _ = vault
    key = unwrap((folder / KEY).read_bytes(), PASSWORD)
    create(folder, "some other longer words", key)
    unlock(folder, "some other longer words").close()
    with pytest.raises(WrongPassword):
        unlock(folder, PASSWORD)
    unpack(folder, Key.recovered(f" {key.secret}\n")).close()


def test_short_password_and_second_vault_are_refused(vault: tuple[Path, Path], tmp_path: Path) -> None:
    """A password that could be guessed is refused, and so is a vault over another one."""
    with pytest.raises(UsageError, match="fewer than 16"):
        create(tmp_path / "new", "short")
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match="is a vault already"):
        create(vault[0], PASSWORD)


def test_a_bad_recovery_key_is_not_repeated() -> None:
    """The sentence does not hold what was typed."""
    with pytest.raises(UsageError) as caught:
        Key.recovered("AGE-SECRET-KEY-1NONSENSE")
    assert "NONSENSE" not in str(caught.value) and caught.value.__cause__ is None


def test_what_a_killed_server_unlocked_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of processes that are gone are removed at the next start; those of living ones stay."""
    mine = f"{memory.PREFIX}{os.getpid()}-"  # servers that other tests start sweep too
    monkeypatch.setattr(memory, "PREFIX", mine)
    code = (
        f"from pdp.dashboard import memory; import os; memory.PREFIX = {mine!r}; print(memory.fresh(), flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    orphan, own = Path(done.stdout.strip()), memory.fresh()
    try:
        assert orphan.is_dir()
        memory.sweep()
        assert not orphan.exists() and own.is_dir()
    finally:
        own.rmdir()


def left() -> list[Path]:
    return [path for place in memory.PLACES for path in Path(place).glob(f"{memory.PREFIX}{os.getpid()}-*")]
