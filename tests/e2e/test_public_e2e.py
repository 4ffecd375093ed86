"""What everybody sees: the static page, the live one, and nothing of anybody's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash import process
from tests.e2e.conftest import Server, Visitor, environment, free_port, home, until_well
from tests.project import PATIENCE_S

Serve = Callable[..., Server]
Visit = Callable[..., Visitor]
OPENED = re.compile(r'"([^"]+)"')
PRIVATE = "Somebodys Own Medicine"


@pytest.fixture(scope="module")
def public(serve: Serve, demo: Path) -> Server:
    return serve(demo, "--public")


def test_public_page_is_there_at_once(public: Server, visitor: Visit) -> None:
    """The address opens on a page that paints a chart without asking anyone for anything more, and leads to the live charts."""
    anyone = visitor(public.address)
    anyone.see_chart()
    assert anyone.page.get_by_text("An invented person.").is_visible()
    anyone.shoot("public static")
    assert anyone.elsewhere == [] and anyone.errors == []
    anyone.page.get_by_role("link", name="Live charts").click()
    anyone.page.wait_for_url("**/live/**")
    told = anyone.hover(anyone.see_chart()).inner_text().lower()
    assert all(word in told for word in ("systolic", "diastolic", "mmhg"))
    assert anyone.elsewhere == [] and anyone.errors == []


@pytest.fixture(scope="module")
def owned(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path, Path]]:
    """A public dashboard, traced, in a project with a config, an `.env`, a report and data of one's own."""
    if process.strace_works():
        pytest.skip(process.strace_works())
    root = tmp_path_factory.mktemp("owned") / "project"
    shutil.copytree(home(), root)
    shutil.copytree(demo, root / "data")
    (root / "configs/pdp.toml").write_text(
        f'timezone = "Europe/Berlin"\ndata_dir = "data"\n[[treatments]]\ndate = 2025-11-11\nlabel = "{PRIVATE}"\n'
    )
    (root / ".env").write_text("PDP_DATA_DIR=data\n")
    port, log = free_port(), root.parent / "strace"
    environ = {name: value for name, value in environment(demo).items() if name not in ("PDP_CONFIG", "PDP_DATA_DIR")}
    traced = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "400", "-e", "trace=%file", "-o", str(log)]
    with (root.parent / "log").open("w") as file:
        running = subprocess.Popen(
            [*traced, sys.executable, "-m", "pdp", "dashboard", "--public", "--no-browser", "--port", str(port)],
            cwd=root, env=environ, stdout=file, stderr=file, text=True, start_new_session=True,
        )  # fmt: skip
    server = Server(f"http://127.0.0.1:{port}", running, root.parent / "log")
    until_well(server)
    yield server, root, log
    os.killpg(running.pid, signal.SIGTERM)  # strace itself waits for what it traces
    running.wait(timeout=PATIENCE_S)


@pytest.mark.slow
def test_public_process_opens_nothing_of_ones_own(owned: tuple[Server, Path, Path], visitor: Visit) -> None:
    """With a config, an `.env` and data of one's own in the project, every page is shown and none of these is touched."""
    server, root, log = owned
    anyone = visitor(server.address)
    answers: list[str] = []
    anyone.page.on("response", lambda answer: answers.append(answer.url))
    anyone.see_chart()
    texts = [anyone.page.content()]
    for path in ("", "before-after", "data-quality", "pipeline"):
        anyone.page.goto(f"{server.address}/live/{path}")
        anyone.see_chart()
        anyone.settle()
        texts.append(anyone.page.content())
    assert any("Medicine A, 5 mg" in text for text in texts), "the invented treatment is shown"
    assert not any(PRIVATE in text or str(root) in text for text in texts)
    private = [str(root / name) for name in ("configs/pdp.toml", ".env", "data/", "data")]
    opened = {name for line in log.read_text().splitlines() for name in OPENED.findall(line)}
    whole = {str((root / name).resolve()) if not name.startswith("/") else name for name in opened}
    assert str(root / "configs/demo.toml") in whole, "the trace sees what is opened"
    assert [name for name in whole if any(name == one or name.startswith(f"{root}/data/") for one in private)] == []
