"""A small project and single edits to it, each with what it must do to the identity of ``REF``.

``PROJECT``: path -> text. ``EDITS``: edits of that project. ``CASES``: tiny projects of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REF = "app.main:run"


@dataclass(frozen=True)
class Edit:
    """Replace ``old`` by ``new`` in ``file`` (``old == ""``: append); ``changes``: must the digest differ?"""

    name: str
    file: str
    old: str
    new: str
    changes: bool


@dataclass(frozen=True)
class Case:
    """An edit with its own project."""

    edit: Edit
    files: dict[str, str]
    ref: str = "app.main:run"


def write(root: Path, files: dict[str, str]) -> Path:
    """Write the files below the root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def apply(edit: Edit, files: dict[str, str]) -> dict[str, str]:
    """The files after the edit; the old text must be there exactly once."""
    text = files.get(edit.file, "")
    if edit.old:
        assert text.count(edit.old) == 1, f"{edit.name}: {edit.old!r} occurs {text.count(edit.old)} times"
        return files | {edit.file: text.replace(edit.old, edit.new)}
    return files | {edit.file: text + edit.new}


PROJECT: dict[str, str] = {
    "app/__init__.py": '"""The app."""\nfrom app.setup_warnings import quiet\nquiet()\nUNUSED_HERE = 1\n',
    "app/setup_warnings.py": (
        "import warnings\n\ndef quiet():\n    warnings.simplefilter('ignore')\n\ndef loud():\n    return 1\n"
    ),
    "app/main.py": '''"""The entry."""
from __future__ import annotations

import json
import math as maths
from typing import TYPE_CHECKING

import app.deep.inner
import app.shapes as sh
from app import plugins, tables
from app.api import public_name
from app.base import Child, Point
from app.deco import logged
from app.helpers import convert, unused_helper
from app.patched import VALUE
from app.starry import *
from app.words import hello as greet
from . import relative as rel

if TYPE_CHECKING:
    from app.unrelated import Nothing

LIMIT = 10
LIMITS = {"a": LIMIT}
first, second = 1, 2
POINT = Point(1, 2)
DOUBLE = lambda x, k=3: x * k
SUM = sum(n for n in range(4))
if maths.pi > 3:
    def choose(x):
        return x + 100
else:
    def choose(x):
        return x + 200
try:
    import fastthing
except ImportError:
    fastthing = None
REBOUND = 1
REBOUND = 2
COUNT = 0


def bump():
    global COUNT
    COUNT = COUNT + 5


@logged
def run(rows, limit=LIMIT):
    """Run it."""
    # a comment
    from app.lazy import late
    total = [convert(row) for row in rows]
    total.append(late(limit))
    total.append(app.deep.inner.depth())
    total.append(getattr(sh, "area")(2))
    total.append(plugins.build("x"))
    total.append(tables.TABLE["k"] + tables.FILLED["z"] + tables.GROWN[0])
    total.append(public_name() + starred() + rel.relative_value())
    total.append(Child().go() + POINT.x + VALUE)
    total.append(greet())
    total.append(DOUBLE(SUM) + choose(REBOUND) + COUNT + first)
    match rows:
        case [one]:
            total.append(sh.SIDES)
        case _:
            total.append(f"{limit!r:>{second}} 'x'")
    return json.dumps(total)


def unrelated():
    return LIMITS


if __name__ == "__main__":
    run([])
''',
    "app/helpers.py": '''"""Helpers."""
from app.units import SCALE, to_kg
import os


def convert(row):
    """Convert."""
    return to_kg(row) * SCALE + inner_helper(row)


def inner_helper(row):
    return 1_000 if row else 2


def unused_helper():
    return os.getcwd()
''',
    "app/units.py": """SCALE = 2.5
OTHER = 3
POUND: float = 0.45


def to_kg(value, *, factor=POUND):
    return value * factor


def to_stone(value):
    return value * OTHER
""",
    "app/lazy.py": """def late(x):
    return _late(x)


def _late(x):
    return x - 7


def early(x):
    return x
""",
    "app/deep/__init__.py": '"""Deep."""\n',
    "app/deep/inner.py": """from ..units import OTHER as three


def depth():
    return three + BASE


BASE = 11
SPARE = 12
""",
    "app/shapes.py": "SIDES = 4\n\n\ndef area(x):\n    return x * x\n\n\ndef circle(x):\n    return 3 * x\n",
    "app/plugins.py": """REGISTRY = {}


def register(name):
    def wrap(function):
        REGISTRY[name] = function
        return function
    return wrap


def build(name):
    return REGISTRY[name]()


def spare():
    return 0
""",
    "app/plug_x.py": """from app.plugins import register
from app.units import to_stone


@register("x")
def make_x():
    return helper_x()


def helper_x():
    return 41


def not_registered():
    return to_stone(1)
""",
    "app/loader.py": "import app.plug_x\n",
    "app/tables.py": """TABLE = {}
TABLE["k"] = 5
FILLED = {}
for letter in "xyz":
    FILLED[letter] = ord(letter)
GROWN = []
GROWN.append(9)
GROWN += [10]
LONELY = {}
LONELY["k"] = 1


def fill():
    TABLE.update({"q": 8})


fill()
""",
    "app/api/__init__.py": "from app.api._impl import hidden_name as public_name\n__all__ = ['public_name']\n",
    "app/api/_impl.py": "def hidden_name():\n    return 77\n\n\ndef other_name():\n    return 78\n",
    "app/starry.py": (
        "__all__ = ['starred', 'starred_too']\n\n\ndef starred():\n    return 6\n\n\ndef starred_too():\n    return 7\n"
    ),
    "app/base.py": '''from dataclasses import dataclass
from app.meta import Meta


class Root:
    shift = 1

    def step(self):
        return self.shift


class Child(Root, metaclass=Meta):
    """A child."""

    def go(self):
        """Go."""
        return super().step() + self.doubled

    @property
    def doubled(self):
        return 2 * 2


@dataclass
class Point:
    x: int
    y: int = 0


class Stranger:
    z = 1
''',
    "app/meta.py": "class Meta(type):\n    def __call__(cls):\n        return super().__call__()\n",
    "app/deco.py": """import functools


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper


def silent(function):
    return function
""",
    "app/patched.py": "VALUE = 1\nOTHER_VALUE = 2\n",
    "app/patcher.py": "import app.patched\napp.patched.VALUE = 3\n",
    "app/words.py": "def hello():\n    return 'hi'\n\n\ndef bye():\n    return 'bye'\n",
    "app/relative.py": "from .words import bye\n\n\ndef relative_value():\n    return len(bye())\n",
    "app/unrelated.py": "class Nothing:\n    pass\n",
    "tests/test_app.py": "from app.plugins import REGISTRY\n\n\ndef test_it():\n    REGISTRY['x'] = None\n",
    "README.md": "An app.\n",
}


def _must(name: str, file: str, old: str, new: str) -> Edit:
    return Edit(name, file, old, new, True)


def _must_not(name: str, file: str, old: str, new: str) -> Edit:
    return Edit(name, file, old, new, False)


MAIN = "app/main.py"
EDITS: list[Edit] = [
    # -- the text itself
    _must("own body", MAIN, "return json.dumps(total)", "return json.dumps(total[1:])"),
    _must("own default", MAIN, "limit=LIMIT", "limit=LIMIT + 1"),
    _must("own decorator removed", MAIN, "@logged\n", ""),
    _must("f-string conversion", MAIN, "{limit!r:>", "{limit!s:>"),
    _must("f-string text", MAIN, "} 'x'", "} 'y'"),
    _must("match pattern", MAIN, "case [one]", "case [one, two]"),
    _must_not("comment", MAIN, "# a comment", "# another comment"),
    _must_not("own docstring", MAIN, '"""Run it."""', '"""Run it well."""'),
    _must_not("docstring removed", MAIN, '    """Run it."""\n', ""),
    _must_not("module docstring", MAIN, '"""The entry."""', '"""The door."""'),
    _must_not("blank lines", MAIN, "LIMIT = 10\n", "\n\n\nLIMIT = 10\n\n"),
    _must_not("line break", MAIN, "total.append(late(limit))", "total.append(\n        late(limit),\n    )"),
    _must_not("quotes", MAIN, '{"a": LIMIT}', "{'a': LIMIT}"),
    _must_not("quotes of an f-string", MAIN, "f\"{limit!r:>{second}} 'x'\"", 'f"""{limit!r:>{second}} \'x\'"""'),
    _must_not("parentheses", MAIN, "return json.dumps(total)", "return (json.dumps((total)))"),
    _must_not("semicolon", MAIN, "COUNT = 0\n", "COUNT = 0;\n"),
    _must_not("pass", MAIN, "    global COUNT\n", "    global COUNT\n    pass\n"),
    # -- constants, unpacking, lambdas, comprehensions, conditions
    _must("constant of a default", MAIN, "LIMIT = 10", "LIMIT = 11"),
    _must("unpacked constant", MAIN, "first, second = 1, 2", "first, second = 1, 3"),
    _must("lambda body", MAIN, "x * k", "x + k"),
    _must("lambda default", MAIN, "k=3", "k=4"),
    _must("generator at the top", MAIN, "range(4)", "range(5)"),
    _must("conditional definition", MAIN, "return x + 100", "return x + 101"),
    _must("other branch of it", MAIN, "return x + 200", "return x + 201"),
    _must("its condition", MAIN, "maths.pi > 3", "maths.pi > 4"),
    _must("rebound, first", MAIN, "REBOUND = 1", "REBOUND = 5"),
    _must("rebound, last", MAIN, "REBOUND = 2", "REBOUND = 5"),
    _must("rebound, swapped", MAIN, "REBOUND = 1\nREBOUND = 2", "REBOUND = 2\nREBOUND = 1"),
    _must("global statement elsewhere", MAIN, "COUNT = COUNT + 5", "COUNT = COUNT + 6"),
    _must("dict entry of a helper's module", "app/units.py", "POUND: float = 0.45", "POUND: float = 0.46"),
    # -- not reached
    _must_not("unrelated function", MAIN, "return LIMITS", "return dict(LIMITS)"),
    _must_not("unrelated constant", MAIN, '{"a": LIMIT}', '{"b": LIMIT}'),
    _must_not("main block", MAIN, "    run([])", "    run([1])"),
    _must_not("unused import", MAIN, "import json\n", "import csv\nimport json\n"),
    _must_not("unused import removed", MAIN, "convert, unused_helper", "convert"),
    _must_not("unused helper", "app/helpers.py", "os.getcwd()", "os.getpid()"),
    _must_not("type-checking import", MAIN, "    from app.unrelated import Nothing", "    from app.words import Nope"),
    _must_not("type-checking module", "app/unrelated.py", "pass", "x = 1"),
    _must_not("unrelated constant of a helper's module", "app/lazy.py", "return x\n", "return x + 1\n"),
    _must_not("new function in a reached module", "app/units.py", "", "\n\ndef fresh():\n    return 1\n"),
    _must_not("new constant in a reached module", "app/tables.py", "", "\n\nFRESH = 1\n"),
    _must_not("new module", "app/fresh.py", "", "X = 1\n"),
    _must_not("text file", "README.md", "An app.", "The app."),
    _must_not("a test that writes the registry", "tests/test_app.py", "= None", "= 1"),
    _must_not(
        "definitions swapped",
        "app/lazy.py",
        "def late(x):\n    return _late(x)\n\n\ndef _late(x):\n    return x - 7\n",
        "def _late(x):\n    return x - 7\n\n\ndef late(x):\n    return _late(x)\n",
    ),
    _must_not("constants swapped", "app/deep/inner.py", "BASE = 11\nSPARE = 12", "SPARE = 12\nBASE = 11"),
    _must_not("imports sorted", MAIN, "import json\nimport math as maths\n", "import math as maths\nimport json\n"),
    # -- helpers and imports
    _must("helper", "app/helpers.py", "* SCALE", "* SCALE * 2"),
    _must("helper of a helper", "app/helpers.py", "else 2", "else 3"),
    _must_not("number spelling", "app/helpers.py", "1_000", "1000"),
    _must("constant of a helper", "app/units.py", "SCALE = 2.5", "SCALE = 2.6"),
    _must("keyword default", "app/units.py", "factor=POUND", "factor=SCALE"),
    _must("function-level import", "app/lazy.py", "x - 7", "x - 8"),
    _must("import alias re-aimed", MAIN, "import hello as greet", "import bye as greet"),
    _must("outside import re-aimed", MAIN, "import math as maths", "import cmath as maths"),
    _must("submodule through a dotted import", "app/deep/inner.py", "three + BASE", "three - BASE"),
    _must("constant there", "app/deep/inner.py", "BASE = 11", "BASE = 12"),
    _must("relative import with an alias", "app/units.py", "OTHER = 3", "OTHER = 4"),
    _must("relative sibling", "app/words.py", "'bye'", "'goodbye'"),
    _must("from dot import", "app/relative.py", "len(bye())", "1 + len(bye())"),
    _must("re-export", "app/api/_impl.py", "return 77", "return 78"),
    _must("re-export re-aimed", "app/api/__init__.py", "import hidden_name as", "import other_name as"),
    _must_not("neighbour of a re-export", "app/api/_impl.py", "return 78", "return 79"),
    _must("star import", "app/starry.py", "return 6", "return 66"),
    _must_not("neighbour of a star import", "app/starry.py", "return 7", "return 77"),
    _must("getattr by a constant", "app/shapes.py", "x * x", "x ** 2"),
    _must_not("neighbour of getattr", "app/shapes.py", "3 * x", "4 * x"),
    _must("module attribute", "app/shapes.py", "SIDES = 4", "SIDES = 5"),
    _must("import fallback", MAIN, "fastthing = None", "fastthing = 0\n    REBOUND = 0"),
    # -- classes
    _must("method of a base", "app/base.py", "return self.shift", "return -self.shift"),
    _must("attribute of a base", "app/base.py", "shift = 1", "shift = 2"),
    _must("method", "app/base.py", "super().step()", "1 + super().step()"),
    _must("property", "app/base.py", "return 2 * 2", "return 2 * 3"),
    _must("dataclass field", "app/base.py", "y: int = 0", "y: int = 1"),
    _must("annotation of a dataclass", "app/base.py", "x: int", "x: float"),
    _must("metaclass", "app/meta.py", "return super().__call__()", "return None"),
    _must_not("class docstring", "app/base.py", '"""A child."""', '"""The child."""'),
    _must_not("method docstring", "app/base.py", '"""Go."""', '"""Go on."""'),
    _must_not("unrelated class", "app/base.py", "z = 1", "z = 2"),
    # -- decorators, containers, registries, side effects
    _must("decorator's wrapper", "app/deco.py", "return function(*args)", "return function(*args[:1])"),
    _must_not(
        "other decorator", "app/deco.py", "def silent(function):\n    return", "def silent(function):\n    yield"
    ),
    _must("item of a container", "app/tables.py", 'TABLE["k"] = 5', 'TABLE["k"] = 6'),
    _must("loop that fills", "app/tables.py", '"xyz"', '"zyx"'),
    _must("append", "app/tables.py", "append(9)", "append(8)"),
    _must("augmented assignment", "app/tables.py", "+= [10]", "+= [11]"),
    _must("order of filling", "app/tables.py", "GROWN.append(9)\nGROWN += [10]", "GROWN += [10]\nGROWN.append(9)"),
    _must("function that fills", "app/tables.py", '"q": 8', '"q": 9'),
    _must("its call", "app/tables.py", "\n\nfill()\n", "\n"),
    _must_not("unrelated container", "app/tables.py", 'LONELY["k"] = 1', 'LONELY["k"] = 2'),
    _must("registering decorator", "app/plugins.py", "REGISTRY[name] = function", "REGISTRY[name] = function or name"),
    _must("registered elsewhere", "app/plug_x.py", "return helper_x()", "return -helper_x()"),
    _must("helper of the registered", "app/plug_x.py", "return 41", "return 42"),
    _must("registered under another name", "app/plug_x.py", '@register("x")', '@register("y")'),
    _must(
        "registered in a new module",
        "app/plug_y.py",
        "",
        "from app.plugins import register\n\n\n@register('x')\ndef y():\n    return 2\n",
    ),
    _must_not("beside the registered", "app/plug_x.py", "to_stone(1)", "to_stone(2)"),
    _must_not("beside the registry", "app/plugins.py", "return 0", "return 1"),
    _must("monkeypatch", "app/patcher.py", "VALUE = 3", "VALUE = 4"),
    _must_not("beside a patched name", "app/patched.py", "OTHER_VALUE = 2", "OTHER_VALUE = 3"),
    _must("side effect of a package", "app/__init__.py", "quiet()\n", ""),
    _must("what the side effect does", "app/setup_warnings.py", "'ignore'", "'error'"),
    _must_not("beside the side effect", "app/setup_warnings.py", "return 1", "return 2"),
    _must_not("constant of a package", "app/__init__.py", "UNUSED_HERE = 1", "UNUSED_HERE = 2"),
    _must("new side effect in an imported module", "app/units.py", "", "\n\nimport sys\nsys.setrecursionlimit(99)\n"),
]


def _case(name: str, changes: bool, files: dict[str, str], file: str, old: str, new: str) -> Case:
    whole = {f"app/{path}.py": text for path, text in files.items()} | {"app/__init__.py": files.get("__init__", "")}
    return Case(Edit(name, f"app/{file}.py", old, new, changes), whole)


_CLOSURE = {"main": "from app.a import make\ndef run():\n    return make()()\n"}
_SHADOW = "from app.a import f\ndef run(xs):\n    return f(xs)\n"
_DISPATCH = {
    "main": "from app.core import show\ndef run(x):\n    return show(x)\n",
    "core": "from functools import singledispatch\n@singledispatch\ndef show(x):\n    return 0\n",
    "ints": "from app.core import show\n@show.register\ndef _(x: int):\n    return 1\ndef other():\n    return 5\n",
}
_CLASS = {
    "main": "from app.a import THING\ndef run():\n    return THING.go() + 1\n",
    "a": "from app.b import Thing\nTHING = Thing(3)\nUNUSED = Thing(4)\n",
    "b": "from app.c import Base\nclass Thing(Base):\n    def go(self):\n        return self.work()\n",
    "c": (
        "from abc import ABC, abstractmethod\nclass Base(ABC):\n    def __init__(self, n):\n        self.n = n\n"
        "    @abstractmethod\n    def go(self):\n        ...\n    def work(self):\n        return self.n\n"
        "class Apart(Base):\n    def go(self):\n        return 9\n"
    ),
}
_CHAIN = {
    "main": "from app.top import *\ndef run():\n    return renamed()\n",
    "top": "from app.mid import alias as renamed\n__all__ = ['renamed']\n",
    "mid": "from app.low import *\nfrom app.low import original as alias\n",
    "low": "def original():\n    return 1\ndef alias():\n    return 2\ndef third():\n    return 3\n",
}
_CIRCLE = {
    "main": "from app import a\ndef run():\n    return a.ping(3)\n",
    "a": "import app.b\ndef ping(n):\n    return n and app.b.pong(n - 1)\ndef aside():\n    return 0\n",
    "b": "import app.a\ndef pong(n):\n    return n and app.a.ping(n - 1)\n",
}
_TABLE = {
    "main": "from app.t import ACTIONS\ndef run(k):\n    return ACTIONS[k]()\n",
    "t": "from app import acts\nACTIONS = {'a': acts.one, 'b': acts.two}\n",
    "acts": "def one():\n    return 1\ndef two():\n    return 2\ndef three():\n    return 3\n",
}
_METHODS = {
    "main": "from app.reg import REG\nimport app.plug\ndef run():\n    return REG.all()\n",
    "reg": (
        "class Registry:\n    def __init__(self):\n        self.items = []\n    def add(self, f):\n"
        "        self.items.append(f)\n        return f\n    def all(self):\n        return [f() for f in self.items]\n"
        "REG = Registry()\nSPARE = Registry()\n"
    ),
    "plug": (
        "from app.reg import REG, SPARE\n@REG.add\ndef one():\n    return 1\ndef setup():\n    REG.add(late)\n"
        "def late():\n    return 2\nsetup()\n@SPARE.add\ndef spare():\n    return 3\n"
    ),
}
_SUBCLASSES = {
    "main": "from app.b import Base\ndef run():\n    return [c().go() for c in Base.__subclasses__()]\n",
    "b": "class Base:\n    def go(self):\n        return 1\n",
    "c": "from app.b import Base\nclass C(Base):\n    def go(self):\n        return 2\n",
}
_INIT_SUBCLASS = {
    "main": "from app.b import Base\ndef run():\n    return [c().go() for c in Base.known]\n",
    "b": (
        "class Base:\n    known = []\n    def __init_subclass__(cls):\n        Base.known.append(cls)\n"
        "    def go(self):\n        return 1\n"
    ),
    "c": "from app.b import Base\nclass C(Base):\n    def go(self):\n        return 2\n",
}
_ALIASES = {
    "main": "from app.x import X\nimport app.w\ndef run():\n    return X\n",
    "x": "X = []\nY = X\ndef table():\n    return X\nZ = [1]\nZ.append(2)\n",
    "w": (
        "from app.x import Y, table, X\nY.append(1)\ntable().append(2)\ndef fill():\n    t = X\n    t.append(3)\n"
        "fill()\n"
    ),
}
_CLASS_PATCH = {
    "main": "from app.k import A\nimport app.w\ndef run():\n    return A().go() + A.x\n",
    "k": "class A:\n    x = 1\n    def go(self):\n        return 1\nclass B:\n    x = 1\nBOTH = [A, B]\n",
    "w": ("from app import k\nfor c in k.BOTH:\n    c.x = 2\nsetattr(k.A, 'go', lambda self: 3)\nk.B.y = 4\n"),
}
_SCOPES = (
    "SCALE = 2\nlabel = 'x'\nouter = 1\nclass K:\n    SCALE = 5\n    def m(self):\n        return SCALE\n"
    "def f(xs, label='y'):\n    outer = [x for x in xs]\n    def inner():\n        nonlocal outer\n"
    "        outer = K().m()\n        return outer\n    return inner() + len(label)\n"
)
_DYNAMIC = {
    "main": (
        "import importlib\nfrom app import names\ndef run(n):\n    return importlib.import_module('app.dyn').go()\n"
    ),
    "dyn": "def go():\n    return 1\ndef aside():\n    return 2\n",
    "names": "X = 1\n",
}
_NAMED = {
    "main": (
        "from app.n import P, Colour, Shape, ctx, Vec, Gen, part, walrus\n"
        "def run(s: Shape):\n    with ctx() as c:\n        return P(1).d + Colour.RED.value + c + (Vec(1) + Vec(2)).n "
        "+ len(Gen[int]) + part() + walrus\n"
    ),
    "n": (
        "import enum, functools, contextlib, typing\nclass P(typing.NamedTuple):\n    a: int\n    d: int = 4\n"
        "class Colour(enum.Enum):\n    RED = 1\nclass Shape(typing.Protocol):\n    size: int\n"
        "@contextlib.contextmanager\ndef ctx():\n    yield enter()\ndef enter():\n    return 5\n"
        "class Vec:\n    def __init__(self, n):\n        self.n = n\n    def __add__(self, o):\n"
        "        return Vec(self.n + o.n)\nclass Gen:\n    def __class_getitem__(cls, k):\n        return 'abc'\n"
        "def base(a, b):\n    return a * b\npart = functools.partial(base, 6, 7)\n"
        "if (walrus := 8) > 1:\n    ok = True\ndef apart():\n    return walrus\n"
    ),
}
_GETATTR = {
    "main": "import app.m\ndef run():\n    return app.m.anything\n",
    "m": "from app.low import value\ndef __getattr__(name):\n    return value() + 1\n",
    "low": "def value():\n    return 1\n",
}

CASES: list[Case] = [
    _case(
        "closure",
        True,
        _CLOSURE
        | {"a": "def make():\n    k = 1\n    def g():\n        return k + h()\n    return g\ndef h():\n    return 2\n"},
        "a",
        "return 2",
        "return 3",
    ),
    _case(
        "class in a function",
        True,
        _CLOSURE
        | {
            "a": "def make():\n    class K:\n        def __call__(self):\n"
            "            return h()\n    return K()\ndef h():\n    return 2\n"
        },
        "a",
        "return 2",
        "return 3",
    ),
    _case(
        "parameter shadows a global",
        False,
        {"main": _SHADOW, "a": "def f(n):\n    return n\nn = 1\n"},
        "a",
        "n = 1",
        "n = 2",
    ),
    _case(
        "local shadows a global",
        False,
        {"main": _SHADOW, "a": "def f(xs):\n    n = 5\n    return n\nn = 1\n"},
        "a",
        "n = 1",
        "n = 2",
    ),
    _case(
        "comprehension shadows a global",
        False,
        {"main": _SHADOW, "a": "def f(xs):\n    return [n for n in xs]\nn = 1\n"},
        "a",
        "n = 1",
        "n = 2",
    ),
    _case(
        "comprehension iterates a global",
        True,
        {"main": _SHADOW, "a": "def f(xs):\n    return [n for n in n]\nn = [1]\n"},
        "a",
        "n = [1]",
        "n = [2]",
    ),
    _case(
        "class body does not shadow in a method", True, {"main": _SHADOW, "a": _SCOPES}, "a", "SCALE = 2", "SCALE = 3"
    ),
    _case("nonlocal is no global", False, {"main": _SHADOW, "a": _SCOPES}, "a", "outer = 1", "outer = 2"),
    _case("default shadows a global", False, {"main": _SHADOW, "a": _SCOPES}, "a", "label = 'x'", "label = 'z'"),
    _case(
        "class body uses the global it binds",
        True,
        {"main": _SHADOW, "a": "n = 1\nclass K:\n    n = n\ndef f(xs):\n    return K.n\n"},
        "a",
        "n = 1\n",
        "n = 2\n",
    ),
    _case(
        "except name is local",
        False,
        {
            "main": _SHADOW,
            "a": "def f(xs):\n    try:\n        return 1\n    except ValueError as n:\n        return n\nn = 1\n",
        },
        "a",
        "n = 1\n",
        "n = 2\n",
    ),
    _case("re-export chain: the end", True, _CHAIN, "low", "return 1", "return 9"),
    _case("re-export chain: the other name", False, _CHAIN, "low", "return 3", "return 9"),
    _case("re-export chain: __all__", True, _CHAIN, "top", "['renamed']", "[]"),
    _case("circular import", True, _CIRCLE, "b", "n - 1", "n - 2"),
    _case("circular import, aside", False, _CIRCLE, "a", "return 0", "return 1"),
    _case(
        "attribute chain through packages",
        True,
        {
            "main": "import app.p.q\ndef run():\n    return app.p.q.f()\n",
            "p/__init__": "",
            "p/q": "def f():\n    return 1\ndef g():\n    return 2\n",
        },
        "p/q",
        "return 1",
        "return 3",
    ),
    _case(
        "attribute chain, neighbour",
        False,
        {
            "main": "import app.p.q\ndef run():\n    return app.p.q.f()\n",
            "p/__init__": "",
            "p/q": "def f():\n    return 1\ndef g():\n    return 2\n",
        },
        "p/q",
        "return 2",
        "return 3",
    ),
    _case(
        "package init of a submodule",
        True,
        {
            "main": "import app.p.q\ndef run():\n    return app.p.q.f()\n",
            "p/__init__": "import os\nos.environ['A'] = '1'\n",
            "p/q": "def f():\n    return 1\n",
        },
        "p/__init__",
        "'1'",
        "'2'",
    ),
    _case("singledispatch in another module", True, _DISPATCH, "ints", "return 1", "return 2"),
    _case("singledispatch, aside", False, _DISPATCH, "ints", "return 5", "return 6"),
    _case("method through an instance in a module", True, _CLASS, "b", "self.work()", "-self.work()"),
    _case("inherited method", True, _CLASS, "c", "return self.n", "return -self.n"),
    _case("construction of the instance", True, _CLASS, "a", "Thing(3)", "Thing(5)"),
    _case("construction of another", False, _CLASS, "a", "Thing(4)", "Thing(5)"),
    _case("sibling class", False, _CLASS, "c", "return 9", "return 8"),
    _case("dispatch table entry", True, _TABLE, "acts", "return 2", "return 9"),
    _case("beside the dispatch table", False, _TABLE, "acts", "return 3", "return 9"),
    _case("method registry", True, _METHODS, "plug", "return 1", "return 9"),
    _case("method registry by a set-up function", True, _METHODS, "plug", "return 2", "return 9"),
    _case("another registry of the same class", False, _METHODS, "plug", "return 3", "return 9"),
    _case("method of the registry", True, _METHODS, "reg", "return f\n", "return None\n"),
    _case("__subclasses__", True, _SUBCLASSES, "c", "return 2", "return 3"),
    _case("__init_subclass__", True, _INIT_SUBCLASS, "c", "return 2", "return 3"),
    _case("alias of a container", True, _ALIASES, "w", "Y.append(1)", "Y.append(9)"),
    _case("container through a function", True, _ALIASES, "w", "append(2)", "append(9)"),
    _case("container through a local name", True, _ALIASES, "w", "append(3)", "append(9)"),
    _case("other container there", False, _ALIASES, "x", "append(2)", "append(9)"),
    _case("classes patched in a loop", True, _CLASS_PATCH, "w", "c.x = 2", "c.x = 3"),
    _case("class patched by setattr", True, _CLASS_PATCH, "w", "self: 3", "self: 4"),
    _case("import_module by a constant", True, _DYNAMIC, "dyn", "return 1", "return 3"),
    _case("import_module takes the whole module", True, _DYNAMIC, "dyn", "return 2", "return 3"),
    _case("import_module, other module", False, _DYNAMIC, "names", "X = 1", "X = 2"),
    _case("NamedTuple default", True, _NAMED, "n", "d: int = 4", "d: int = 5"),
    _case("enum member", True, _NAMED, "n", "RED = 1", "RED = 2"),
    _case("context manager's helper", True, _NAMED, "n", "return 5", "return 6"),
    _case("operator overload", True, _NAMED, "n", "self.n + o.n", "self.n - o.n"),
    _case("__class_getitem__", True, _NAMED, "n", "'abc'", "'abcd'"),
    _case("partial", True, _NAMED, "n", "base, 6, 7", "base, 6, 8"),
    _case("function in a partial", True, _NAMED, "n", "a * b", "a + b"),
    _case("walrus at the top", True, _NAMED, "n", "walrus := 8", "walrus := 9"),
    _case("protocol in an annotation", True, _NAMED, "n", "size: int", "size: float"),
    _case("beside all of these", False, _NAMED, "n", "def apart():\n    return walrus", "def apart():\n    return 0"),
    _case("module __getattr__", True, _GETATTR, "m", "value() + 1", "value() + 2"),
    _case("helper of a module __getattr__", True, _GETATTR, "low", "return 1", "return 2"),
    _case(
        "del and define again",
        True,
        {
            "main": "from app.a import f\ndef run():\n    return f()\n",
            "a": "def f():\n    return 1\ng = f\ndel f\ndef f():\n    return g() + 2\n",
        },
        "a",
        "return 1",
        "return 3",
    ),
    _case(
        "del of a container's item",
        True,
        {"main": "from app.a import T\ndef run():\n    return T\n", "a": "T = {1: 2, 3: 4}\ndel T[1]\n"},
        "a",
        "del T[1]",
        "del T[3]",
    ),
    _case(
        "property setter",
        True,
        {
            "main": "from app.a import K\ndef run():\n    k = K()\n    k.v = 1\n    return k.w\n",
            "a": "class K:\n    @property\n    def v(self):\n        return self.w\n"
            "    @v.setter\n    def v(self, x):\n"
            "        self.w = x + 1\n",
        },
        "a",
        "x + 1",
        "x + 2",
    ),
    _case(
        "override in another module",
        True,
        {
            "main": "from app.b import K\ndef run():\n    return K().go()\n",
            "b": "from app.a import Base\nclass K(Base):\n    def hook(self):\n        return 1\n",
            "a": "class Base:\n    def go(self):\n        return self.hook()\n",
        },
        "b",
        "return 1",
        "return 2",
    ),
    _case(
        "getattr by a computed name",
        True,
        {"main": "from app import a\ndef run(n):\n    return getattr(a, n)\n", "a": "x = 1\ny = 2\n"},
        "a",
        "y = 2",
        "y = 3",
    ),
    _case(
        "module handed on",
        True,
        {"main": "from app import a\ndef run(f):\n    return f(a)\n", "a": "x = 1\ny = 2\n"},
        "a",
        "y = 2",
        "y = 3",
    ),
    _case(
        "globals by a constant",
        True,
        {"main": "X = 1\nY = 2\ndef run():\n    return globals()['X']\n"},
        "main",
        "X = 1",
        "X = 3",
    ),
    _case(
        "globals by a constant, neighbour",
        False,
        {"main": "X = 1\nY = 2\ndef run():\n    return globals()['X']\n"},
        "main",
        "Y = 2",
        "Y = 3",
    ),
    _case("eval", True, {"main": "def run(e):\n    return eval(e)\n", "far": "X = 1\n"}, "far", "X = 1", "X = 2"),
    _case(
        "eval behind an alias",
        True,
        {"main": "import builtins as b\nrun_it = b.eval\ndef run(e):\n    return run_it(e)\n", "far": "X = 1\n"},
        "far",
        "X = 1",
        "X = 2",
    ),
    _case(
        "import_module of a computed name",
        True,
        {
            "main": "from importlib import import_module as load\ndef run(n):\n    return load('app.' + n)\n",
            "far": "X = 1\n",
        },
        "far",
        "X = 1",
        "X = 2",
    ),
    _case(
        "importer re-exported",
        True,
        {
            "main": "from app.a import load\ndef run():\n    return load('app.far').X\n",
            "a": "from importlib import import_module as load\n",
            "far": "X = 1\n",
        },
        "far",
        "X = 1",
        "X = 2",
    ),
    _case(
        "importer in a module of the project",
        True,
        {
            "main": "from app.a import load\ndef run():\n    return load('far')\n",
            "a": "import importlib\ndef load(n):\n    return importlib.import_module(n)\n",
            "far": "X = 1\n",
        },
        "far",
        "X = 1",
        "X = 2",
    ),
    _case(
        "sys.modules",
        True,
        {"main": "import sys\ndef run(n):\n    return sys.modules[n]\n", "far": "X = 1\n"},
        "far",
        "X = 1",
        "X = 2",
    ),
    _case(
        "patched from a function called at import",
        True,
        {
            "main": "from app import a, w\ndef run():\n    return a.V\n",
            "a": "V = 1\n",
            "w": "from app import a\ndef patch():\n    a.V = 2\npatch()\n",
        },
        "w",
        "a.V = 2",
        "a.V = 3",
    ),
    _case(
        "name that only a patch binds",
        True,
        {
            "main": "from app import a, w\ndef run():\n    return a.W\n",
            "a": "V = 1\n",
            "w": "from app import a\na.W = 2\n",
        },
        "w",
        "a.W = 2",
        "a.W = 3",
    ),
    _case(
        "outside class patched",
        True,
        {
            "main": "import app.w\nimport pandas as pd\ndef run():\n    return pd.DataFrame().extra()\n",
            "w": "import pandas as pd\ndef extra(self):\n    return 1\npd.DataFrame.extra = extra\n",
        },
        "w",
        "return 1",
        "return 2",
    ),
    _case(
        "accessor registered outside",
        True,
        {
            "main": "import app.w\ndef run(df):\n    return df.health.x()\n",
            "w": "import pandas as pd\n@pd.api.extensions.register_dataframe_accessor('health')\nclass H:\n"
            "    def x(self):\n        return 1\n",
        },
        "w",
        "return 1",
        "return 2",
    ),
    _case(
        "query text",
        True,
        {"main": "LIMIT = 1\nOTHER = 2\ndef run(df):\n    return df.query('x > @LIMIT')\n"},
        "main",
        "LIMIT = 1",
        "LIMIT = 3",
    ),
    _case(
        "query text, neighbour",
        False,
        {"main": "LIMIT = 1\nOTHER = 2\ndef run(df):\n    return df.query('x > @LIMIT')\n"},
        "main",
        "OTHER = 2",
        "OTHER = 3",
    ),
    _case(
        "string annotation of a model",
        True,
        {
            "main": "from pydantic import BaseModel\nfrom app.a import Inner\n"
            "class M(BaseModel):\n    x: 'list[Inner]'\ndef run(d):\n    return M(**d)\n",
            "a": "from pydantic import BaseModel\nclass Inner(BaseModel):\n    y: int = 1\n",
        },
        "a",
        "y: int = 1",
        "y: int = 2",
    ),
    _case(
        "docstring that is read",
        True,
        {"main": "def run():\n    return run.__doc__\ndef other():\n    pass\n"},
        "main",
        "def other():\n    pass",
        "def other():\n    'text'",
    ),
    _case(
        "unittest-like name in the package is code",
        True,
        {
            "main": "from app.tests_helper import f\ndef run():\n    return f()\n",
            "tests_helper": "def f():\n    return 1\n",
        },
        "tests_helper",
        "return 1",
        "return 2",
    ),
    _case(
        "loop variable at the top",
        True,
        {"main": "for step in (1, 2):\n    last = step\ndef run():\n    return step\n"},
        "main",
        "(1, 2)",
        "(1, 3)",
    ),
    _case(
        "with at the top",
        True,
        {
            "main": "import decimal\nwith decimal.localcontext() as c:\n    c.prec = 5\n"
            "    V = decimal.Decimal(1) / 3\ndef run():\n    return V\n"
        },
        "main",
        "prec = 5",
        "prec = 6",
    ),
    _case(
        "starred unpacking", True, {"main": "a, *b = 1, 2, 3\ndef run():\n    return b\n"}, "main", "1, 2, 3", "1, 2, 4"
    ),
    _case(
        "chained assignment",
        True,
        {"main": "a = b = [1]\nb.append(2)\ndef run():\n    return a\n"},
        "main",
        "append(2)",
        "append(3)",
    ),
    _case(
        "nested container filled",
        True,
        {"main": "T = {'a': []}\nT['a'].append(1)\ndef run():\n    return T\n"},
        "main",
        "append(1)",
        "append(2)",
    ),
    _case(
        "container filled by a helper of another module",
        True,
        {
            "main": "from app.t import T\nimport app.w\ndef run():\n    return T\n",
            "t": "T = []\n",
            "h": "def put(where, what):\n    where.append(what)\n",
            "w": "from app.t import T\nfrom app.h import put\nput(T, 5)\n",
        },
        "w",
        "put(T, 5)",
        "put(T, 6)",
    ),
    _case(
        "that helper's neighbour",
        False,
        {
            "main": "from app.t import T\nimport app.w\ndef run():\n    return T\n",
            "t": "T = []\n",
            "h": "def put(where, what):\n    where.append(what)\nX = 1\n",
            "w": "from app.t import T\nfrom app.h import put\nput(T, 5)\n",
        },
        "h",
        "X = 1",
        "X = 2",
    ),
    _case(
        "cache filled by another stage",
        False,
        {
            "main": "from app.h import look\ndef run(k):\n    return look(k)\n",
            "h": "CACHE = {}\ndef look(k):\n    CACHE[k] = k\n    return CACHE[k]\n",
            "other": "from app.h import look\ndef stage(k):\n    return look(k) + 1\n",
        },
        "other",
        "+ 1",
        "+ 2",
    ),
    _case(
        "shared columns of two schemas",
        False,
        {
            "main": "from app.s import A\ndef run(t):\n    return A.fit(t)\n",
            "s": "from app.schema import Schema\nBASE = ('x', 'y')\nA = Schema('a', BASE)\n"
            "B = Schema('b', BASE + ('z',))\n",
            "schema": "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Schema:\n    name: str\n"
            "    columns: tuple\n    def fit(self, t):\n        problems = []\n        problems.append(t)\n"
            "        return problems\n",
        },
        "s",
        "('z',)",
        "('w',)",
    ),
    _case(
        "value made by an outside call",
        False,
        {
            "main": "from app.s import A\ndef run(t):\n    return A\n",
            "s": "import re\nA = re.compile('a')\nB = re.compile('b')\n",
        },
        "s",
        "'b'",
        "'c'",
    ),
    _case(
        "import order of two modules that act",
        True,
        {
            "main": "import app.w1\nimport app.w2\nfrom app.t import T\ndef run():\n    return T\n",
            "t": "T = []\n",
            "w1": "from app.t import T\nT.append(1)\n",
            "w2": "from app.t import T\nT.append(2)\n",
        },
        "main",
        "import app.w1\nimport app.w2",
        "import app.w2\nimport app.w1",
    ),
    _case(
        "copy before or after filling",
        True,
        {"main": "A = []\nB = list(A)\nA.append(1)\ndef run():\n    return B, A\n"},
        "main",
        "B = list(A)\nA.append(1)",
        "A.append(1)\nB = list(A)",
    ),
    _case(
        "reader moved across a rebinding",
        True,
        {"main": "X = 1\nY = X\nX = 2\ndef run():\n    return X, Y\n"},
        "main",
        "Y = X\nX = 2",
        "X = 2\nY = X",
    ),
    _case(
        "reader by a call moved across a rebinding",
        True,
        {"main": "X = 1\ndef get():\n    return X\nY = get()\nX = 2\ndef run():\n    return X, Y\n"},
        "main",
        "Y = get()\nX = 2",
        "X = 2\nY = get()",
    ),
    _case(
        "same definition twice, swapped",
        True,
        {"main": "def f():\n    return 1\ndef f():\n    return 2\ndef run():\n    return f()\n"},
        "main",
        "def f():\n    return 1\ndef f():\n    return 2\n",
        "def f():\n    return 2\ndef f():\n    return 1\n",
    ),
    _case(
        "names of an import swapped",
        True,
        {
            "main": "from app.a import f as x, g as y\ndef run():\n    return x() - y()\n",
            "a": "def f():\n    return 1\ndef g():\n    return 2\n",
        },
        "main",
        "f as x, g as y",
        "g as x, f as y",
    ),
    _case(
        "builtin shadowed later",
        True,
        {"main": "def run(x):\n    return round(x)\n"},
        "main",
        "def run",
        "def round(x):\n    return 0\ndef run",
    ),
    _case(
        "star import shadows a builtin",
        True,
        {"main": "from app.a import *\ndef run(x):\n    return round(x)\n", "a": "def other(x):\n    return 0\n"},
        "a",
        "def other",
        "def round",
    ),
    _case(
        "submodule beside a function of its name",
        True,
        {
            "main": "import app.p.q\ndef run():\n    return app.p.q.f()\n",
            "p/__init__": "def q():\n    return 0\n",
            "p/q": "def f():\n    return 1\n",
        },
        "p/q",
        "return 1",
        "return 2",
    ),
    _case(
        "function that hides its module",
        True,
        {
            "main": "from app.p import q\ndef run():\n    return q()\n",
            "p/__init__": "from .q import q\n",
            "p/q": "def q():\n    return 1\nX = 1\n",
        },
        "p/q",
        "return 1",
        "return 2",
    ),
    _case(
        "function that hides its module, neighbour",
        False,
        {
            "main": "from app.p import q\ndef run():\n    return q()\n",
            "p/__init__": "from .q import q\n",
            "p/q": "def q():\n    return 1\nX = 1\n",
        },
        "p/q",
        "X = 1",
        "X = 2",
    ),
    _case(
        "decorated at the top by a plain name",
        True,
        {
            "main": "from app.d import cached\n@cached\ndef slow():\n    return 1\ndef run():\n    return slow()\n",
            "d": "STORE = {}\ndef cached(f):\n    STORE[f.__name__] = f\n    return lambda: STORE[f.__name__]()\n",
        },
        "d",
        "STORE[f.__name__]()",
        "STORE[f.__name__]() + 1",
    ),
    _case(
        "class decorator in another module",
        True,
        {
            "main": "from app.r import R\nimport app.p\ndef run():\n    return [c.v for c in R]\n",
            "r": "R = []\ndef add(c):\n    R.append(c)\n    return c\n",
            "p": "from app.r import add\n@add\nclass P:\n    v = 1\n",
        },
        "p",
        "v = 1",
        "v = 2",
    ),
    _case(
        "registered by hand",
        True,
        {
            "main": "from app.r import R, add\nimport app.p\ndef run():\n    return [c() for c in R]\n",
            "r": "R = []\ndef add(c):\n    R.append(c)\n",
            "p": "from app.r import add\ndef p():\n    return 1\nadd(p)\n",
        },
        "p",
        "return 1",
        "return 2",
    ),
    _case(
        "registered by a wrapper of the registrar",
        True,
        {
            "main": "from app.r import R\nimport app.p\ndef run():\n    return [c() for c in R]\n",
            "r": "R = []\ndef add(c):\n    R.append(c)\n",
            "p": "from app.r import add\ndef add_both(c):\n    add(c)\ndef p():\n    return 1\ndef setup():\n"
            "    add_both(p)\n",
        },
        "p",
        "return 1",
        "return 2",
    ),
    _case(
        "async function",
        True,
        {
            "main": "from app.a import go\nasync def run():\n    return await go()\n",
            "a": "async def go():\n    async for x in src():\n        return x\nasync def src():\n    yield 1\n",
        },
        "a",
        "yield 1",
        "yield 2",
    ),
    _case(
        "exception class",
        True,
        {
            "main": "from app.a import go, Bad\ndef run():\n    try:\n        go()\n"
            "    except Bad as bad:\n        return bad.code\n",
            "a": "class Bad(Exception):\n    code = 1\ndef go():\n    raise Bad\n",
        },
        "a",
        "code = 1",
        "code = 2",
    ),
    _case(
        "attribute of a function",
        True,
        {"main": "from app.a import f\ndef run():\n    return f.level\n", "a": "def f():\n    return 1\nf.level = 2\n"},
        "a",
        "f.level = 2",
        "f.level = 3",
    ),
    _case(
        "logging in an unrelated import",
        False,
        {
            "main": "from app.a import f\ndef run():\n    return f()\n",
            "a": "import logging\nlog = logging.getLogger(__name__)\ndef f():\n    return 1\n",
        },
        "a",
        "import logging\nlog = logging.getLogger(__name__)\n",
        "import logging\nlog = logging.getLogger('x')\n",
    ),
    _case(
        "dotted text names code",
        True,
        {
            "main": "from app.t import load\ndef run():\n    return load('app.far:go')\n",
            "t": "def load(x):\n    return x\n",
            "far": "def go():\n    return 1\n",
        },
        "far",
        "return 1",
        "return 2",
    ),
    _case(
        "empty else",
        False,
        {"main": "def run(x):\n    if x:\n        return 1\n"},
        "main",
        "return 1\n",
        "return 1\n    else:\n        pass\n",
    ),
    _case(
        "type-checking block in a function",
        False,
        {
            "main": "from typing import TYPE_CHECKING\ndef run(x):\n"
            "    if TYPE_CHECKING:\n        assert x\n    return 1\n"
        },
        "main",
        "assert x",
        "assert not x",
    ),
    _case(
        "a TYPE_CHECKING of its own",
        True,
        {"main": "TYPE_CHECKING = True\nif TYPE_CHECKING:\n    X = 1\ndef run():\n    return X\n"},
        "main",
        "X = 1",
        "X = 2",
    ),
    _case(
        "else of a main block",
        True,
        {"main": "if __name__ == '__main__':\n    X = 1\nelse:\n    X = 2\ndef run():\n    return X\n"},
        "main",
        "X = 2",
        "X = 3",
    ),
    _case(
        "text after the docstring",
        False,
        {"main": "def run():\n    'doc'\n    x = 1\n    'note'\n    return x\n"},
        "main",
        "'note'",
        "'other note'",
    ),
]


def _filled(
    name: str, filler: str, changes: bool = True, helper: str = "", t: str = "T = []\n", loaded: bool = False
) -> Case:
    """A container that module ``w`` fills with 5 at import; the edit fills it with 6."""
    load = "import app.w\n" if loaded else ""
    files = {"main": f"from app.t import T\n{load}def run():\n    return T\n", "t": t, "h": helper, "w": filler}
    return _case(name, changes, files, "w", "5", "6")


_PUT = "from app.t import T\ndef put():\n    T.append(VALUE)\nVALUE = 5\n"
CASES += [
    _filled("filled by a loop over functions", _PUT + "for g in (put,):\n    g()\n"),
    _filled("filled by a comprehension over functions", _PUT + "ALL = [put]\nDONE = [g() for g in ALL]\n"),
    _filled("filled by map", _PUT + "DONE = list(map(lambda _: put(), 'a'))\n"),
    _filled(
        "filled by a caller of functions",
        _PUT + "from app.h import call\nDONE = call(put)\n",
        helper="def call(f):\n    return f()\n",
    ),
    _filled(
        "filled by an object that keeps the function",
        _PUT + "from app.h import K\nDONE = K(put)\n",
        helper="class K:\n    def __init__(self, f):\n        self.f = f\n        self.go()\n"
        "    def go(self):\n        self.f()\n",
    ),
    _filled(
        "filled through a field",
        _PUT + "from app.h import R, go\nDONE = go(R(put))\n",
        helper="from dataclasses import dataclass\n@dataclass\nclass R:\n    rows: object\n"
        "def go(r):\n    return r.rows()\n",
    ),
    _filled("filled in a class body", _PUT + "class A:\n    x = put()\n"),
    _filled("filled through a default", "from app.t import T\ndef put(v, x=T):\n    x.append(v)\nDONE = put(5)\n"),
    _filled("filled through setdefault", "from app.t import T\nY = T.setdefault('a', [])\nY.append(5)\n", t="T = {}\n"),
    _filled("filled through an outer container", "from app.t import T\nA = {'x': T}\nA['x'].append(5)\n"),
    _filled(
        "filled through an attribute", "from app.t import T\nclass O:\n    pass\no = O()\no.x = T\no.x.append(5)\n"
    ),
    _filled("filled through an element", "from app.t import T\nA = []\nA.append(T)\nA[0].append(5)\n"),
    _filled(
        "filled through a method that returns it",
        "from app.h import S\nS().all().append(5)\n",
        helper="from app.t import T\nclass S:\n    def all(self):\n        return T\n",
    ),
    _filled(
        "filled through a local object",
        "from app.h import S\ndef put():\n    s = S()\n    s.all().append(5)\nDONE = put()\n",
        helper="from app.t import T\nclass S:\n    def all(self):\n        return T\n",
    ),
    _filled(
        "filled by a context manager",
        "from app.t import T\nfrom app.h import c\nwith c(T, 5):\n    pass\n",
        helper="import contextlib\n@contextlib.contextmanager\ndef c(t, v):\n    t.append(v)\n    yield\n",
    ),
    _filled("filled by a slice", "from app.t import T\nT[:] = [5]\n"),
    _filled("filled by unpacking", "from app.t import T\nT[0], T[1] = 5, 1\n", t="T = [0, 0]\n"),
    _filled("filled by a for target", "from app.t import T\nfor T[0] in (1, 5):\n    pass\n", t="T = [0]\n"),
    _filled("filled through a walrus", "from app.t import T\n(y := T).append(5)\n"),
    _filled("filled through vars", "import app.t\nvars(app.t)['T'] = 5\n"),
    _filled("filled through __dict__", "import app.t\napp.t.__dict__['T'] = 5\n"),
    _filled("filled through an update of __dict__", "import app.t\napp.t.__dict__.update(T=5)\n"),
    _filled("filled by setattr in a loop", "import app.t\nfor k in 'T':\n    setattr(app.t, k, 5)\n"),
    _filled("filled by an outside function", "import heapq\nfrom app.t import T\nheapq.heappush(T, 5)\n"),
    _filled("filled by a bound method", "from app.t import T\nadd = T.append\nadd(5)\n"),
    _filled(
        "filled by a partial", "from functools import partial\nfrom app.t import T\nadd = partial(T.append, 5)\nadd()\n"
    ),
    _filled("filled by a method given to map", "from app.t import T\nDONE = list(map(T.append, [5]))\n"),
    _filled("filled by unbound append", "from app.t import T\nlist.append(T, 5)\n"),
    _filled("filled by a comprehension", "from app.t import T\nDONE = [T.append(n) for n in (1, 5)]\n"),
    _filled("filled in a condition", "from app.t import T\nif T.append(5) is None:\n    ok = 1\n"),
    _filled("filled in a try", "from app.t import T\ntry:\n    T.append(5)\nexcept ValueError:\n    pass\n"),
    _filled("filled by a lambda called at once", "from app.t import T\nDONE = (lambda: T.append(5))()\n"),
    _filled(
        "filled by a nested function",
        "from app.t import T\ndef a():\n    def b():\n        T.append(5)\n    b()\nDONE = a()\n",
    ),
    _filled(
        "filled by a generator's body",
        "from app.t import T\ndef g():\n    T.append(5)\n    yield 1\nDONE = list(g())\n",
    ),
    _filled(
        "filled by a property",
        "from app.t import T\nclass A:\n    @property\n    def p(self):\n        T.append(5)\nDONE = A().p\n",
    ),
    _filled(
        "filled by an operator",
        "from app.t import T\nclass A:\n    def __add__(self, o):\n        T.append(5)\nDONE = A() + A()\n",
    ),
    _filled(
        "filled by a constructor",
        "from app.t import T\nclass A:\n    def __init__(self):\n        T.append(5)\nDONE = A()\n",
    ),
    _filled(
        "filled by a metaclass",
        "from app.t import T\nclass M(type):\n    def __init__(cls, *a):\n        T.append(5)\n"
        "class A(metaclass=M):\n    pass\n",
    ),
    _filled(
        "filled by __set_name__",
        "from app.t import T\nclass D:\n    def __set_name__(self, o, n):\n"
        "        T.append(5)\nclass A:\n    d = D()\n",
    ),
    _filled(
        "filled by a decorator of a method",
        "from app.t import T\ndef deco(f):\n    T.append(5)\n    return f\n"
        "class A:\n    @deco\n    def m(self):\n        pass\n",
    ),
    _filled(
        "filled by a decorator that calls",
        "from app.t import T\ndef now(f):\n    return f()\n@now\ndef x():\n    T.append(5)\n",
    ),
    _filled(
        "filled by an outside decorator that calls",
        "import atexit\nfrom app.t import T\nimport other\n@other.now\ndef x():\n    T.append(5)\n",
    ),
    _filled(
        "list of a class, through an instance",
        "from app.t import A\na = A()\na.add(5)\n",
        loaded=True,
        t="class A:\n    items = []\n    def add(self, x):\n        self.items.append(x)\nT = A.items\n",
    ),
    _filled(
        "list of a class, through a constructor",
        "from app.t import A\na = A(5)\n",
        t="class A:\n    items = []\n    def __init__(self, x):\n        self.items.append(x)\nT = A.items\n",
    ),
    _filled(
        "list of a base class, through a constructor",
        "from app.t import A\nclass B(A):\n    pass\nb = B(5)\n",
        t="class A:\n    items = []\n    def __init__(self, x):\n        self.items.append(x)\nT = A.items\n",
    ),
    _filled(
        "instance counted by its class",
        "from app.t import A\na = A(5)\n",
        t="class A:\n    last = 0\n    def __init__(self, x):\n        A.last = x\ndef T():\n    return A.last\n",
    ),
    _filled(
        "global counter", "from app.t import put\nDONE = put(5)\n", t="T = 0\ndef put(v):\n    global T\n    T = v\n"
    ),
    _filled("filled by a function of a table", _PUT + "TABLE = {'a': put}\nDONE = TABLE['a']()\n"),
    _filled(
        "filled by a method by name",
        "from app.t import T\nclass S:\n    def go(self):\n        T.append(5)\nDONE = getattr(S(), 'go')()\n",
    ),
    _filled("filled by threads", _PUT + "import threading\nthread = threading.Thread(target=put)\nthread.start()\n"),
    _filled("unrelated work in a module that is not imported", "X = [5]\nX.append(1)\n", changes=False),
    _filled("a reader of the container", "from app.t import T\nX = [5, len(T)]\n", changes=False),
    _filled("a body that reads the container", "from app.t import T\ndef x():\n    return T[5]\n", changes=False),
    _filled("a copy of the container", "from app.t import T\nX = sorted(T)\nY = [5, *T]\n", changes=False),
]
