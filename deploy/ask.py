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
            health = json.loads(get(f"{address}/healthz"))
            break
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() - began > PATIENCE_S:
                print(f"the dashboard is not well after {PATIENCE_S} s: {error}", file=sys.stderr)
                return 1
            time.sleep(0.2)
    content = get(f"{address}/")
    print(f"{health['status']} after {time.monotonic() - began:.1f} s; public page of {len(content):,} bytes")
    return 0 if health["status"] == "ok" and b"vega" in content else 1


def get(address: str) -> bytes:
    """What a page of this machine's answers."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the address is the script's own
        return bytes(answer.read())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
