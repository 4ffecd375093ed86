"""The lint of `stages/`: what the identity cannot see is not written there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdp.fingerprint.lint import lint
from tests.fingerprint_cases import write

ROOT = Path(__file__).parent.parent

BREACHES = [
    ("class A:\n    def __init_subclass__(cls):\n        pass\n", 2, "subclasses"),
    ("def f(a):\n    return a.__subclasses__()\n", 2, "subclasses"),
    ("def f():\n    return open(__file__)\n", 2, "data-file"),
    ("from pathlib import Path\nX = Path(__file__).parent\n", 2, "data-file"),
    ("import pkgutil\nX = pkgutil.get_data('a', 'b')\n", 2, "data-file"),
    ("from importlib import resources\n", 1, "data-file"),
    ("import importlib.resources as r\n", 1, "data-file"),
    ("import importlib\ndef f(x):\n    return importlib.import_module(x)\n", 3, "computed-import"),
    ("from importlib import import_module as load\ndef f(x):\n    return load(x)\n", 3, "computed-import"),
    ("def f(x):\n    return __import__(x)\n", 2, "computed-import"),
    ("def f(x):\n    return map(__import__, x)\n", 2, "computed-import"),
    ("def f(x):\n    return eval(x)\n", 2, "dynamic"),
    ("def f(x):\n    exec(x)\n", 2, "dynamic"),
    ("def f(x):\n    return globals()[x]\n", 2, "dynamic"),
    ("def f(x):\n    return vars()\n", 2, "dynamic"),
    ("def f(x):\n    return locals()\n", 2, "dynamic"),
    ("import builtins as b\nE = b.eval\n", 2, "dynamic"),
    ("import sys\nM = sys.modules\n", 2, "dynamic"),
    ("import os\nX = os.environ['A']\n", 2, "environment"),
    ("from os import environ\n", 1, "environment"),
    ("import os\ndef f():\n    return os.getenv('A')\n", 3, "environment"),
    ("import datetime as dt\ndef f():\n    return dt.datetime.now()\n", 3, "clock"),
    ("from datetime import datetime\ndef f():\n    return datetime.now()\n", 3, "clock"),
    ("from datetime import date\nX = date.today\n", 2, "clock"),
    ("import time\ndef f():\n    return time.time()\n", 3, "clock"),
    ("import pandas as pd\ndef f():\n    return pd.Timestamp.now()\n", 3, "clock"),
    ("import random\ndef f():\n    return random.random()\n", 3, "random"),
    ("def f():\n    return open('x')\n", 2, "path"),
    ("def f(p):\n    return p.read_text()\n", 2, "path"),
    ("import pandas as pd\ndef f():\n    return pd.read_csv('x')\n", 3, "path"),
    ("import requests\n", 1, "network"),
    ("def f():\n    from urllib.request import urlopen\n", 2, "network"),
    ("import logging\n", 1, "logger"),
    ("def f():\n    print(1)\n", 2, "logger"),
    ("import pickle\n", 1, "pickle"),
]


@pytest.mark.parametrize(("text", "line", "rule"), BREACHES)
def test_a_breach_is_found(tmp_path, text, line, rule):
    found = lint(write(tmp_path, {"stages/a.py": text}))
    assert ("stages/a.py", line, rule) in [(f.file, f.line, f.rule) for f in found]


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nX = importlib.import_module('stages.b')\n",
        "import json\nfrom pdp.resource import resource\nX = json.loads(resource('a.json').read_text())\n",
        "from datetime import datetime\ndef f(x):\n    return datetime.fromisoformat(x)\n",
        "def compile(x):\n    return x\ndef f(x):\n    return compile(x)\n",
        "def f(frame):\n    return frame.open + frame.time\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import logging\n",
        "def f(x):\n    return x\nif __name__ == '__main__':\n    print(f(1))\n",
        "import random\ndef f(seed):\n    return random.Random(seed)\n",
    ],
)
def test_what_the_identity_sees_is_allowed(tmp_path, text):
    assert lint(write(tmp_path, {"stages/a.py": text})) == []


def test_only_the_package_is_read_and_a_finding_is_one_line(tmp_path):
    root = write(tmp_path, {"stages/a/b.py": "import logging\n", "pdp/c.py": "import logging\n"})
    assert [str(f) for f in lint(root)] == [
        "stages/a/b.py:1 logger: logging: a stage has no logger; say it in the rows or in the schema's checks"
    ]


@pytest.mark.skipif(not (ROOT / "stages").is_dir(), reason="there are no stages yet")
def test_the_stages_of_this_project_keep_the_rules():
    """Ingest is the room that fetches, and the readers in `normalize` open the raw files that they are given."""
    found = [
        finding
        for finding in lint(ROOT)
        if not finding.file.startswith("stages/ingest/")
        and not (finding.rule == "path" and finding.file.startswith("stages/normalize/"))
    ]
    assert [str(finding) for finding in found] == []
