"""The public page and the demo's settings behind it."""

from __future__ import annotations

import gzip
from pathlib import Path

from pdp import config
from pdp.dashboard import front

ROOT = Path(__file__).parent.parent
PAGE = (
    '<!doctype html><html><head><meta http-equiv="Content-Security-Policy" content="default-src \'none\'"></head>'
    "<body><p>text</p></body></html>"
)


def test_page_keeps_its_own_policy(tmp_path: Path) -> None:
    """The page is served under the policy that it names, may not be framed, and leads on; to a login only where there is one."""
    page = tmp_path / "public.html"
    page.write_text(PAGE)
    shut, door = front.read(page, False), front.read(page, True)
    assert shut and door and shut.policy == door.policy == "default-src 'none'; frame-ancestors 'none'"
    assert b'href="/live/"' in shut.content and b"/login" not in shut.content and b'href="/login"' in door.content
    assert gzip.decompress(door.packed) == door.content


def test_page_without_policy_is_not_served(tmp_path: Path) -> None:
    """A page that would let scripts in, or none, is as good as none: visitors are led to the live charts."""
    page = tmp_path / "public.html"
    assert front.read(page, True) is None
    page.write_text("<html><body><script>1</script></body></html>")
    assert front.read(page, True) is None


def test_page_made_anew_is_served_anew(tmp_path: Path) -> None:
    """No restart is needed."""
    page = tmp_path / "public.html"
    page.write_text(PAGE)
    assert front.read(page, True)
    page.write_text(PAGE.replace("text", "other words"))
    found = front.read(page, True)
    assert found and b"other words" in found.content


def test_demo_for_everybody_takes_nothing_from_ones_own(tmp_path: Path) -> None:
    """Neither `.env` nor the environment can put one's own data or config in the place of the invented one."""
    (tmp_path / "configs").mkdir()
    (tmp_path / config.DEMO).write_bytes((ROOT / config.DEMO).read_bytes())
    (tmp_path / config.OWN).write_text('timezone = "Asia/Tokyo"\n')
    (tmp_path / ".env").write_text("PDP_DATA_DIR=mine\nPDP_CONFIG=configs/pdp.toml\n")
    found = config.demo(tmp_path, {"PDP_DATA_DIR": "mine", "PDP_CONFIG": config.OWN})
    assert found.is_demo and found.data_dir == tmp_path / "data-demo"
    assert config.demo(tmp_path, {"PDP_DEMO_DIR": "elsewhere"}).data_dir == tmp_path / "elsewhere"
