"""What is built without pandas stays free of it, and a stage that wants it has it whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.checkout import CONFIGS, copy_pipeline

ROOT = Path(__file__).parent.parent
HEAD = "import sys; from pdp.lean import lean_arrow; import pyarrow as pa; lean_arrow(); lean_arrow();"


def run(code: str, cwd: Path = ROOT, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_arrays_of_python_values_do_not_bring_pandas():
    code = "import numpy as np; pa.array(np.arange(3)); pa.array(['a']); print('pandas' in sys.modules)"
    assert run(HEAD + code) == "False"


def test_a_stage_may_import_pandas_late_and_pyarrow_knows_its_frames():
    code = (
        "import pandas as pd; table = pa.Table.from_pandas(pd.DataFrame({'x': [1.0, None]}));"
        "print(table['x'].to_pylist(), table.to_pandas()['x'].tolist(), pa.array(pd.Series([2, 3])).to_pylist())"
    )
    assert run(HEAD + code) == "[1.0, None] [1.0, nan] [2, 3]"


def test_where_pandas_is_there_already_nothing_changes():
    code = (
        "print(pa.array(pandas.Series([1])).to_pylist(), [type(f).__module__ for f in sys.meta_path].count('pdp.lean'))"
    )
    assert run("import pandas;" + HEAD + code) == "[1] 0"


def test_only_the_help_on_functions_is_shorter():
    """Options by name work, and what read the help is as it was."""
    code = (
        "import pyarrow.compute as pc; from pyarrow.vendored.docscrape import NumpyDocString as Doc;"
        "print(pc.round(1.26, ndigits=1), pc.index_in('b', value_set=pa.array(['a', 'b'])), Doc('One.')['Summary'])"
    )
    assert run(HEAD + code) == "1.3 1 ['One.']"


def test_numpy_starts_no_threads_unless_a_person_says_so():
    """None beyond those that pyarrow has."""
    code = "import os, numpy; print(len(os.listdir('/proc/self/task')), os.environ['OPENBLAS_NUM_THREADS'])"
    lean = "from pdp.lean import lean_arrow; lean_arrow();" + code
    own = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", lean], cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == run("import pyarrow;" + code, OPENBLAS_NUM_THREADS="1")
    assert run(lean, OPENBLAS_NUM_THREADS="2").endswith(" 2")


def test_a_first_run_of_the_whole_demo_imports_no_pandas(tmp_path):
    copy_pipeline(tmp_path, *CONFIGS, known=False)
    environ = {"PDP_CONFIG": "configs/demo.toml", "PDP_DATA_DIR": str(tmp_path / "data")}
    run("import runpy, sys; sys.argv[1:] = ['demo']; runpy.run_module('pdp', run_name='__main__')", tmp_path, **environ)
    code = (
        "import sys; from doit.__main__ import main; sys.argv = ['doit']\n"
        "try: main()\nfinally: print(any(name.startswith('pandas') for name in sys.modules))"
    )
    assert run(code, tmp_path, **environ) == "False"
    assert (tmp_path / "data/merged/daily_metrics.parquet").exists()
