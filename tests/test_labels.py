"""Names from outside: shown as labels, kept under names that no system takes for anything else."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from pdp.labels import MAX_LABEL, MAX_NAME, label, safe_name, safe_names
from tests.hostile_names import escapes, names


def test_no_name_leaves_its_folder_on_any_system() -> None:
    """Ten thousand hostile names and more: each becomes a plain file name by the rules of three systems."""
    corpus = names()
    assert len(corpus) >= 10_000
    assert sum(bool(escapes(name)) for name in corpus) > 9_000, "the corpus or its judge is blunt"
    assert {name: why for name in corpus if (why := escapes(safe_name(name)))} == {}
    assert all(len(safe_name(name).encode()) <= MAX_NAME for name in corpus)
    assert [name for name in corpus if safe_name(safe_name(name)) != safe_name(name)] == []


def test_names_are_kept_apart_on_any_system() -> None:
    """No two of them are one file for a system that ignores case, accents' form or width."""
    found = safe_names({f"id{number}": name for number, name in enumerate(names())})
    assert [name for name in found.values() if escapes(name)] == []
    folded = {unicodedata.normalize("NFKC", name).casefold() for name in found.values()}
    assert len(folded) == len(found) == len(names())


def test_files_stay_where_they_are_put(tmp_path: Path) -> None:
    """The real file system agrees: the folder holds all of them and nothing lies beside it."""
    folder = tmp_path / "deep" / "raw"
    folder.mkdir(parents=True)
    found = safe_names({str(number): name for number, name in enumerate(names()[::10])})
    for name in found.values():
        (folder / name).write_bytes(b"x")
    assert sorted(os.listdir(folder)) == sorted(found.values())
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "deep", folder, *folder.iterdir()])


def test_a_plain_name_stays_as_it_is() -> None:
    """So that the readers know an export by its name; one that two files share is led by a hash of each one's id."""
    export = "20251103_1234567890_MiFitness_hlth_center_fitness_data.csv"
    assert safe_name(export) == export
    assert safe_names({"a": export, "b": "Blutdruck – März.csv"}) == {"a": export, "b": "Blutdruck – März.csv"}
    both = safe_names({"b": "X.csv", "a": "x.csv", "c": "y.csv"})
    assert both == {"a": "ca978112-x.csv", "b": "3e23e816-X.csv", "c": "y.csv"}
    assert safe_names(dict(reversed(list({"b": "X.csv", "a": "x.csv", "c": "y.csv"}.items())))) == both
    assert safe_names({"a": "manifest.json"}) == {"a": "ca978112-_manifest.json"}
    assert safe_names({"a": "../../dodo.py"}) == {"a": "ca978112-__.._dodo.py"}


def test_a_label_is_one_visible_line() -> None:
    """Nothing in it moves a cursor or turns the writing round; long ones stay two, with their ends to be seen."""
    assert label("Blutdruck – Ma\u0308rz.csv") == "Blutdruck – März.csv"
    assert label("\x1b[2Ja\nb\u202egnp.csv\udc80\u00a0c") == "�[2Ja�b�gnp.csv� c"
    first, second = label("a" * 5000 + "1.csv"), label("a" * 5000 + "2.csv")
    assert first != second and first.endswith("1.csv")
    for name in names():
        assert len(label(name)) <= MAX_LABEL and label(name).isprintable()
