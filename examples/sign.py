"""Sign a text with the IC card in the reader: python examples/sign.py TEXT [PORT]."""

from __future__ import annotations

import base64
import hashlib
import sys
from getpass import getpass

from bridged.client.blocking import connect
from bridged.config import runtime_dir
from bridged.errors import BridgedError
from bridged.model import DEFAULT_PORT, Usage


def sign(text: str, port: str = str(DEFAULT_PORT)) -> bytes:
    """Ask for the PIN and return the signature of a text."""
    token = (runtime_dir() / f"token-{port}").read_text()
    with connect(f"ws://127.0.0.1:{port}/v1", token=token) as bridge:
        certificate = bridge.certificates(usage=Usage.SIGNATURE)[0]
        lease = bridge.verify_pin(certificate.id, getpass(f"PIN ({certificate.label}): "))
        algorithm = certificate.algorithms[0]
        digest = hashlib.new(f"sha{algorithm[2:]}", text.encode()).digest()
        (signature,) = bridge.sign(certificate.id, [digest], algorithm=algorithm, title=text)
        bridge.release(lease)
    return signature


try:
    print(base64.b64encode(sign(*sys.argv[1:])).decode())
except BridgedError as error:
    sys.exit(error.messages()["ja"])
except OSError as error:
    sys.exit(f"bridgedが動作していません。起動してから、やり直してください。({error})")
