"""`pdp demo --google`: a newcomer sees it all without an account."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pdp.demo import generate
from pdp.demo.google import entered
from tests.project import PATIENCE_S
from tests.test_determinism import Copy

DAYS = 8


def test_the_demo_on_google_gives_the_days_of_the_demo_s_files(tmp_path: Path) -> None:
    """Two runs of the unchanged pipeline, the second downloads nothing; the key is its owner's only; what leads to a real
    account, in the environment or in .env, is not looked at.
    """
    demo = generate(DAYS)
    project = Copy(tmp_path, demo, list(demo.files))
    files = project.build()
    project.write(".env", "GOOGLE_CREDENTIALS_BASE64=eyJ9\nMI_BAND_DRIVE_FOLDER_ID=1someonesfolder\n")
    done = project.command(sys.executable, "-m", "pdp", "demo", "--google", "--days", str(DAYS))
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (line for line in done.stdout.splitlines() if line.startswith("asked: "))
    downloads = sum(1 for name in demo.files if name.startswith("mi_band/"))
    assert f"downloaded {downloads}×" in first
    assert "sheet read 1×" in second and "downloaded 0×" in second
    data = tmp_path / "data-demo-google"
    assert (data / "merged/daily_metrics.csv").read_bytes() == files["merged/daily_metrics.csv"]
    assert (data / "google/service-account.json").stat().st_mode & 0o777 == 0o600


def test_the_double_can_stay(tmp_path: Path) -> None:
    """`--serve` prints what leads another shell to it, and ends in peace."""
    demo = generate(DAYS)
    project = Copy(tmp_path, demo, [])
    command = [sys.executable, "-u", "-m", "pdp", "demo", "--google", "--serve", "--days", str(DAYS)]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PDP_")}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        exported = {}
        for line in running.stdout:
            if line.startswith("  export "):
                name, _, text = line.removeprefix("  export ").strip().partition("=")
                exported[name] = text.strip("'")
            if line.startswith("then: "):
                break
        found = project.command(sys.executable, "-m", "pdp", "doctor", **exported)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=PATIENCE_S) in (0, 130)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "ok    sheet: shared" in found.stdout


def test_what_is_typed_becomes_what_a_sheet_makes_of_it() -> None:
    """In a sheet in German: dates, times and numbers; the rest stays text, as 31 February does."""
    import datetime as dt

    assert [entered(text) for text in ("01.09.2025", "2025-09-01", "07:30", "132", "132,5")] == [
        dt.date(2025, 9, 1), dt.date(2025, 9, 1), dt.time(7, 30), 132, 132.5
    ]  # fmt: skip
    kept = ["31.02.2025", "7:30 AM", "07:30 -03:00", "13O", "130/85", "132.5", ""]
    assert [entered(text) for text in kept] == kept
