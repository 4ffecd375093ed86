"""What the identity says, what it refuses, and that every Python gives the same."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pdp.errors import PdpError
from pdp.fingerprint import Project, explain_difference, fingerprint
from pdp.resource import resource
from tests.fingerprint_cases import PROJECT, REF, write

PDP = Path(__file__).parent.parent


@pytest.fixture
def root(tmp_path):
    return write(tmp_path / "project", PROJECT)


def edit(root: Path, file: str, old: str, new: str) -> None:
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))


def test_a_statement_says_where_it_is_and_how_it_is_reached(root):
    found = Project(root).fingerprint(REF)
    scale = next(s for s in found.statements if s.names == ("SCALE",) and s.module == "app.units")
    assert (scale.module, scale.file, scale.line) == ("app.units", "app/units.py", 1)
    assert scale.reached == "app.main:run -> app.helpers.convert -> app.units.SCALE"
    assert found.ref == REF and found.warnings == ()


def test_the_digest_does_not_know_where_the_project_is(root, tmp_path):
    other = write(tmp_path / "elsewhere" / "deeper", PROJECT)
    assert fingerprint(REF, root) == fingerprint(REF, other)


def test_the_ref_is_part_of_the_identity(tmp_path):
    root = write(tmp_path, {"a.py": "def f():\n    return g()\ndef g():\n    return f()\n"})
    project = Project(root)
    assert project.fingerprint("a:f").digest != project.fingerprint("a:g").digest
    assert project.fingerprint("a:f", "a:g").digest == project.fingerprint("a:g", "a:f").digest


def test_a_class_method_and_a_whole_module_are_refs(root):
    project = Project(root)
    assert {s.names[0] for s in project.fingerprint("app.base:Child.go").statements} >= {"Child", "Root", "Meta"}
    names = {n for s in project.fingerprint("app.units").statements for n in s.names}
    assert names >= {"SCALE", "OTHER", "POUND", "to_kg", "to_stone"}


def test_a_whole_module_ignores_comments_and_what_never_runs(tmp_path):
    plain = write(tmp_path / "a", {"m.py": "from typing import TYPE_CHECKING\nX = 1\ndef f():\n    return X\n"})
    noisy = write(
        tmp_path / "b",
        {
            "m.py": '"""Doc."""\nfrom typing import TYPE_CHECKING\n# note\nif TYPE_CHECKING:\n    import json\n'
            'X = (1)\n\n\ndef f():\n    """Doc."""\n    return X\nif __name__ == "__main__":\n    f()\n'
        },
    )
    assert fingerprint("m", plain).digest == fingerprint("m", noisy).digest


def test_a_difference_is_told_by_name(root):
    before = Project(root).fingerprint(REF).record()
    edit(root, "app/units.py", "SCALE = 2.5", "SCALE = 2.6")
    edit(root, "app/helpers.py", " + inner_helper(row)", " + brand_new(row)")
    edit(root, "app/helpers.py", "def inner_helper", "def brand_new")
    told = explain_difference(before, Project(root).fingerprint(REF).record())
    assert told == [
        "code: app.helpers.convert changed",
        "code: app.units.SCALE changed",
        "code: app.helpers.brand_new added",
        "code: app.helpers.inner_helper no longer reached",
    ]
    assert explain_difference(before, before) == []


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("app.mian:run", "app.mian:run: there is no module app.mian below project/; did you mean app.main?"),
        ("app.main:rnu", "app.main:rnu: app/main.py:1 binds no rnu; did you mean run?"),
        ("app.base:Root.stepp", "app.base:Root.stepp: Root at app/base.py:5 has no stepp; did you mean step?"),
    ],
)
def test_a_wrong_ref_is_refused_with_a_guess(root, ref, message):
    with pytest.raises(PdpError) as caught:
        Project(root).fingerprint(ref)
    assert str(caught.value) == message


def test_a_syntax_error_is_told_with_its_line(root):
    edit(root, "app/units.py", "OTHER = 3", "OTHER = = 3")
    with pytest.raises(PdpError, match=r"app/units.py:2 is not valid Python"):
        Project(root).fingerprint(REF)


def test_a_syntax_error_in_a_file_that_is_not_reached_is_no_concern(root):
    before = Project(root).fingerprint(REF).digest
    (root / "app" / "draft.py").write_text("def f(:\n")
    assert Project(root).fingerprint(REF).digest == before


def test_a_missing_root_is_refused(tmp_path):
    with pytest.raises(PdpError, match="there is no folder"):
        Project(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["eval(x)", "globals()[x]", "vars()", "__import__(x)", "exec('1')"])
def test_what_cannot_be_followed_widens_to_the_project_with_a_warning(tmp_path, text):
    root = write(tmp_path, {"a.py": f"def f(x):\n    return {text}\n", "b.py": "X = 1\n", "c.py": "def g(:\n"})
    found = fingerprint("a:f", root)
    assert {s.module for s in found.statements} == {"a", "b", "c"}
    assert len(found.warnings) == 1 and "a.py:2" in found.warnings[0]


def test_hidden_folders_and_environments_are_not_indexed(tmp_path):
    skipped = [".venv", "venv", "site-packages", "node_modules", "__pycache__", "build", "dist", ".git"]
    root = write(tmp_path, {"a.py": "X = 1\n"} | {f"{name}/m.py": "Y = 1\n" for name in skipped})
    assert [path for path, *_ in Project(root).state()] == ["a.py"]


def test_a_data_folder_holds_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a person laid among the raw files; and a run with nothing to do looks at none of them for its code."""
    root = write(tmp_path, {"a.py": "x = 1\n", "data/raw/band/b.py": "x = 2\n", "data/registry.db": ""})
    looked: list[str] = []
    scandir = os.scandir

    def seen(path: Path) -> object:
        looked.append(os.path.relpath(path, root))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", seen)
    assert [path for path, *_ in Project(root).state()] == ["a.py"]
    assert looked == [".", "data"]


# -- data files ----------------------------------------------------------------------------------------------------

READS = {
    "app/__init__.py": "",
    "app/m.py": (
        "from pdp.resource import resource as res\nimport pdp.resource\n"
        "def f():\n    return res('units.json').read_text()\n"
        "def g(n):\n    return pdp.resource.resource(n)\ndef h():\n    return pdp.resource.resource('sub/x.csv')\n"
    ),
    "app/units.json": "{}",
    "app/other.json": "{}",
    "app/sub/x.csv": "1",
}


def test_a_named_data_file_is_part_of_the_identity(tmp_path):
    root = write(tmp_path, READS)
    before = fingerprint("app.m:f", root)
    assert [path for path, _ in before.resources] == ["app/units.json"]
    (root / "app/other.json").write_text("[]")
    assert fingerprint("app.m:f", root) == before
    (root / "app/units.json").write_text("[]")
    after = fingerprint("app.m:f", root)
    assert after.digest != before.digest
    assert explain_difference(before.record(), after.record()) == ["code: file app/units.json changed"]


def test_a_missing_data_file_is_recorded_as_missing(tmp_path):
    root = write(tmp_path, READS)
    (root / "app/units.json").unlink()
    found = fingerprint("app.m:f", root)
    assert found.resources == (("app/units.json", "missing"),)
    assert found.warnings == ("app/m.py:4 names app/units.json, which is missing",)


def test_a_computed_name_takes_every_data_file_of_the_folder(tmp_path):
    found = fingerprint("app.m:g", write(tmp_path, READS))
    assert [path for path, _ in found.resources] == ["app/other.json", "app/sub/x.csv", "app/units.json"]
    assert "app/m.py:6" in found.warnings[0]


def test_a_data_file_may_be_in_a_folder_below(tmp_path):
    assert [path for path, _ in fingerprint("app.m:h", write(tmp_path, READS)).resources] == ["app/sub/x.csv"]


def test_resource_finds_the_file_beside_the_caller():
    assert resource(Path(__file__).name) == Path(__file__).resolve()


@pytest.mark.parametrize("name", ["../pyproject.toml", "/etc/hostname", "nothing.json", ".", "exports"])
def test_resource_refuses_what_is_not_a_file_of_the_folder(name):
    with pytest.raises(PdpError):
        resource(name)


# -- state, speed, versions ----------------------------------------------------------------------------------------


def test_the_state_changes_with_any_file_that_counts(tmp_path):
    root = write(tmp_path, READS)
    states = [Project(root).state()]
    (root / "app/units.json").write_text("[1]")
    states.append(Project(root).state())
    (root / "app/new.py").write_text("")
    states.append(Project(root).state())
    (root / "app/m.py").unlink()
    states.append(Project(root).state())
    assert len(set(states)) == 4
    assert Project(root).state() == states[-1]
    assert ("data/x.json", -1, 0, 0, 0) in Project(root).state(["data/x.json"])


def test_each_file_is_parsed_once(tmp_path, monkeypatch):
    """The work of a project grows with its lines: however many stages reach a file, it is parsed once, an unread one never."""
    files = {f"app/m{n}.py": PROJECT["app/main.py"] for n in range(20)} | PROJECT
    parsed: Counter[str | bytes] = Counter()
    parse = ast.parse

    def counted(text, *rest, **how):
        parsed[text] += 1
        return parse(text, *rest, **how)

    monkeypatch.setattr(ast, "parse", counted)
    project = Project(write(tmp_path, files))
    project.fingerprint(REF)
    project.fingerprint(REF)
    contents = Counter(text.encode() if isinstance(next(iter(parsed)), bytes) else text for text in files.values())
    assert parsed and all(count <= contents[text] for text, count in parsed.items())


STRINGS = """
import a as b
N = None
def f(x, *, y=None, **k):
    u = u'text' "more" f"{x!r:>{y}} {x=} {{}}" f'' 'tail'
    v = f"{x:}" f"a" "b" + f"only text" + rb'\\\\x' .decode() + f"{x:%Y-%m-%d}" + f'''{
        x} {"q"}''' + f"{x = :>5}{x!s}{'a' 'b'}" + f"{f'{x}'}" + f"{f'{x}' 'z'}"
    w = (1_000, 0x10, 1e400, 1j, -0.0, True, None, ..., b'\\xff', '\\ud800', 1 if x else 2)
    with (open(x) as g, open(y) as h): pass
    try: pass
    except* ValueError as e: raise
    match x:
        case None | True | {'a': 1, **rest} | [1, *_, K(z=3)]: return {**k, 1: 2}
    return lambda *a, q=1, **kw: [i async for i in x if (j := i)]
class K(b.C, metaclass=M):
    x: 'int' = 1
    async def m(self, /, p: int, *args: int): return self.x[1:2, ::3]
X = eval(N)
"""


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_every_python_gives_the_same_digests(root, version):
    python = shutil.which(f"python{version}")
    environment = os.environ | {"PYENV_VERSION": version}  # a shim of pyenv asks for it
    if not python or subprocess.run([python, "-c", ""], env=environment, capture_output=True, check=False).returncode:
        pytest.skip(f"no Python {version} here")
    write(root, {"app/strings.py": STRINGS})
    code = (
        "import sys; from pathlib import Path; from pdp.fingerprint import Project\n"
        "p = Project(Path(sys.argv[1]))\n"
        "for ref in sys.argv[2:]: print(p.fingerprint(ref).digest)"
    )
    refs = [REF, "app.strings", "app.strings:f", "app.base"]
    run = subprocess.run(
        [python, "-c", code, root, *refs], cwd=PDP, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [Project(root).fingerprint(ref).digest for ref in refs]


def test_nothing_heavy_is_imported():
    code = (
        "import sys, pdp.fingerprint; print([m for m in ('pandas', 'pydantic', 'numpy', 'rich') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=PDP, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_no_stage_of_the_pipeline_reaches_the_engine():
    """Each stage's identity is its own code and what pdp offers to stages: an edit of the engine or a command reruns nothing."""
    project = Project(PDP)
    offered = {"pdp/errors.py", "pdp/labels.py", "pdp/redact.py", "pdp/regions.py", "pdp/resource.py", "pdp/schema.py"}
    offered |= {"pdp/snapshot.py", "pdp/filehash.py", "pdp/fetched.py", "pdp/__init__.py"}
    reads = ("stages.normalize.google_sheets:read", "stages.normalize.mi_fitness:read")
    for ref in (*reads, "stages.validate:sleep", "stages.validate:unreadable", "stages.merge:daily"):
        found = project.fingerprint(ref)
        files = {statement.file for statement in found.statements}
        assert found.warnings == ()
        assert {file for file in files if not file.startswith("stages/")} <= offered, ref
