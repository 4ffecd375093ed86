"""What is kept of modules from run to run makes no difference to any identity, whatever became of the file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pdp.errors import PdpError
from pdp.fingerprint import SCHEME, Fingerprint, Project
from pdp.fingerprint.answers import Answer, Answers
from pdp.fingerprint.memo import Memo
from pdp.fingerprint.module import Module
from tests.fingerprint_cases import CASES, EDITS, PROJECT, REF, Case, apply, write

ALL = [Case(edit, PROJECT, REF) for edit in EDITS] + CASES


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """Tests write no bytecode, and where none is written nothing is kept of modules either."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)


@pytest.fixture
def root(tmp_path):
    return write(tmp_path / "project", PROJECT)


def told(root, ref: str = REF) -> Fingerprint:
    return Project(root).fingerprint(ref)


def parsed(root, monkeypatch) -> list[str]:
    """The modules that a new project reads as Python."""
    found: set[str] = set()
    add = Module._add

    def noted(module, *arguments, **others):
        found.add(module.name)
        add(module, *arguments, **others)

    with monkeypatch.context() as patch:
        patch.setattr(Module, "_add", noted)
        told(root)
    return sorted(found)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.edit.name.replace(" ", "-"))
def test_an_edit_is_seen_as_if_nothing_were_kept(case: Case, tmp_path):
    root = write(tmp_path / "edited", case.files)
    told(root, case.ref)
    edited = apply(case.edit, case.files)
    for gone in case.files.keys() - edited.keys():
        (root / gone).unlink()
    with_memo = told(write(root, edited), case.ref)
    assert with_memo == told(write(tmp_path / "fresh", edited), case.ref)
    assert told(root, case.ref) == with_memo


def answer(root: Path, ref: str = REF) -> Answer | str:
    try:
        return Answers(root).of(ref, SCHEME)
    except PdpError as error:
        return str(error)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.edit.name.replace(" ", "-"))
def test_an_answer_that_is_kept_is_the_one_that_would_be_found(case: Case, tmp_path):
    """After any edit, and after it is undone."""
    root = write(tmp_path / "edited", case.files)
    before = answer(root, case.ref)
    edited = apply(case.edit, case.files)
    for one, other in ((case.files, edited), (edited, case.files)):
        for gone in one.keys() - other.keys():
            (root / gone).unlink()
        now = answer(write(root, other), case.ref)
        if other is edited:
            assert now == answer(write(tmp_path / "fresh", edited), case.ref)
    assert now == before == answer(write(tmp_path / "first", case.files), case.ref)


def test_a_known_answer_takes_no_syntax_tree(root, monkeypatch):
    """Nor one that a touch or a copy of the sources left as they were; any other content, or a new file, does."""
    refs = (REF, "app.units")
    expected = [Answers(root).of(ref, SCHEME) for ref in refs]
    asked: list[str] = []
    real = Project.fingerprint

    def noted(project, ref):
        asked.append(ref)
        return real(project, ref)

    monkeypatch.setattr(Project, "fingerprint", noted)
    for path in root.rglob("*.py"):
        path.write_bytes(path.read_bytes())
    assert [Answers(root).of(ref, SCHEME) for ref in refs] == expected and asked == []
    (root / "app/unheard_of.py").write_text("")
    assert [Answers(root).of(ref, SCHEME) for ref in refs] == expected and asked == [*refs]
    kept = Answers(root).path
    whole = kept.read_bytes()
    for damaged in (b"", whole[:40], whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        asked.clear()
        kept.write_bytes(damaged)
        assert [Answers(root).of(ref, SCHEME) for ref in refs] == expected and asked == [*refs]
    asked.clear()
    monkeypatch.setattr(sys, "version", "another")
    assert [Answers(root).of(ref, SCHEME) for ref in refs] == expected and asked == [*refs]


def test_a_file_beside_the_modules_concerns_code_that_does_not_name_what_it_reads(root, monkeypatch):
    """For all other code it is no reason to find anything out anew."""
    (root / "app/named.py").write_text(
        "from pdp.resource import resource\n\ndef f(): return resource('one.json').read_text()\n"
    )
    (root / "app/any.py").write_text("from pdp.resource import resource\n\ndef f(x): return resource(x).read_text()\n")
    (root / "app/one.json").write_text("1")
    refs = (REF, "app.named:f", "app.any:f")
    before = {ref: Answers(root).of(ref, SCHEME) for ref in refs}
    assert before["app.any:f"].warnings and before["app.named:f"].resources == ("app/one.json",)
    asked: list[str] = []
    real = Project.fingerprint

    def noted(project, ref):
        asked.append(ref)
        return real(project, ref)

    monkeypatch.setattr(Project, "fingerprint", noted)
    (root / "notes.txt").write_text("")
    assert Answers(root).of(REF, SCHEME) == before[REF] and asked == []
    (root / "app/two.json").write_text("2")
    assert Answers(root).of(REF, SCHEME) == before[REF] and asked == []
    assert Answers(root).of("app.any:f", SCHEME).digest != before["app.any:f"].digest and asked == ["app.any:f"]
    assert Answers(root).of("app.named:f", SCHEME) == before["app.named:f"]


def test_a_source_that_is_edited_while_it_is_read_is_not_kept_for_the_one_before(root, monkeypatch):
    """An answer is kept for what was read, whatever the file holds by then."""
    unit, before = root / "app/units.py", (root / "app/units.py").read_text()
    edited = before.replace("SCALE = ", "SCALE = 7 * ")
    assert edited != before
    parse = Module.parse

    def late(module, memo):
        if module.file == "app/units.py":
            unit.write_text(edited)
        parse(module, memo)
        unit.write_text(before)

    with monkeypatch.context() as patch:
        patch.setattr(Module, "parse", late)
        wrong = Answers(root).of(REF, SCHEME)
    right = Answers(root).of(REF, SCHEME)
    assert right != wrong and right == answer(write(root.parent / "fresh", PROJECT))
    unit.write_text(edited)
    assert Answers(root).of(REF, SCHEME) == wrong


def test_files_outside_the_project_are_told_by_their_text(tmp_path, root):
    """A comment changes nothing; a statement does."""
    path = tmp_path / "engine.py"
    path.write_text("X = 1\n")
    first = Answers(root).of_files(path, scheme=SCHEME)
    assert Answers(root).of_files(path, scheme=SCHEME) == first
    path.write_text("X = 1  # one\n")
    assert Answers(root).of_files(path, scheme=SCHEME) == first
    path.write_text("X = 2\n")
    assert Answers(root).of_files(path, scheme=SCHEME) != first


def test_only_what_was_edited_is_parsed_again(root, monkeypatch):
    everything = parsed(root, monkeypatch)
    assert len(everything) > 5 and parsed(root, monkeypatch) == []
    (root / "app/units.py").write_text((root / "app/units.py").read_text() + "\nNEW = 1\n")
    assert parsed(root, monkeypatch) == ["app.units"]


def test_a_file_that_is_damaged_cut_off_or_of_another_python_does_not_count(root, monkeypatch):
    expected = told(root)
    path = Memo(root).path
    whole = path.read_bytes()
    everything = parsed(write(root.parent / "other", PROJECT), monkeypatch)
    for damaged in (b"", whole[:40], whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        path.write_bytes(damaged)
        assert parsed(root, monkeypatch) == everything
        assert told(root) == expected
    monkeypatch.setattr(sys, "version", "another")
    assert parsed(root, monkeypatch) == everything


def test_nothing_is_kept_where_python_keeps_no_bytecode(root, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    told(root)
    assert not Memo(root).path.exists()


def test_a_folder_that_cannot_be_written_is_no_error(root):
    (root / "__pycache__").write_text("a file")
    assert told(root) == told(root)


def test_a_module_that_is_no_python_is_refused_each_time(root):
    (root / "app/units.py").write_text("def broken(:\n")
    for _ in range(2):
        with pytest.raises(PdpError, match=r"units.py:1 is not valid Python"):
            told(root)
