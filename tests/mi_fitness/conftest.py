from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, params=["line by line", "by shape"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is held here holds for both ways to read a line."""
    monkeypatch.setattr("stages.normalize.mi_scan.FEW", 1 if request.param == "by shape" else 2**31)
