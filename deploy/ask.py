"""Asks a dashboard that was just started whether it is well, and whether its public page is there."""

import json
import sys
import time
import urllib.error
import urllib.request

PATIENCE_S = 60


def main(address: str) -> int:
    """Prints what was found and how long the server took to be well; gives the exit code."""
    began = time.monotonic()
    while True:
        try:
            health = json.load(urllib.request.urlopen(f"{address}/healthz", timeout=10))
            break
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() - began > PATIENCE_S:
                print(f"the dashboard is not well after {PATIENCE_S} s: {error}", file=sys.stderr)
                return 1
            time.sleep(0.2)
    page = urllib.request.urlopen(f"{address}/", timeout=10)
    content = page.read()
    print(f"{health['status']} after {time.monotonic() - began:.1f} s; public page of {len(content):,} bytes")
    return 0 if health["status"] == "ok" and b"<svg" in content or b"vega" in content else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
