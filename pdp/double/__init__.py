"""A double of Google on this machine: Drive v3 and v2, Sheets v4 and the token endpoint, over real HTTP.

It accepts what the discovery documents of Google's own client library declare and nothing else, verifies the signature
of each service account, and counts and breaks answers as it is told. For `pdp demo --google` and for tests; what it
knows of Google's behaviour is written in docs/google.md.

    with Double() as google:
        account = google.service_account()             # its key, as the JSON that Google gives
        folder = google.drive.folder("exports", readers=[account["client_email"]])
        google.drive.file("a.csv", b"...", parent=folder.id)
        google.fail(2, "drive.files.list", 429)        # the next two answers
        google.counts["drive.files.get media"]         # how often content was asked for
"""

from pdp.double.faults import Fault
from pdp.double.server import Double

__all__ = ["Double", "Fault"]
