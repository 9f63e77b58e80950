"""A page of https://portal.example: has one text signed, with the PIN in $PIN or asked for by bridged."""

import hashlib
import os
import sys

sys.path.insert(0, "/usr/lib/bridged")

from bridged.client.blocking import connect
from bridged.model import Usage

with connect(origin="https://portal.example") as bridge:
    (certificate,) = bridge.certificates(usage=Usage.SIGNATURE)
    if pin := os.environ.get("PIN"):
        bridge.verify_pin(certificate.id, pin)
    digest = hashlib.sha256(b"a bid").digest()
    (signature,) = bridge.sign(certificate.id, [digest], title="a bid")
    sys.stdout.write(f"signed: {len(signature)}\n")
