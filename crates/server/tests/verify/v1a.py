"""Judges a delivery's Ed25519 signature by the specification: prints "accepted" or "refused"."""

import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

with open(sys.argv[1], encoding="utf-8") as file:
    delivery = json.load(file)
headers = delivery["headers"]
public_key = Ed25519PublicKey.from_public_bytes(
    base64.b64decode(delivery["public_key"].removeprefix("whpk_"), validate=True)
)
version, signature = headers["webhook-signature"].split(",", 1)
assert version == "v1a"
signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{delivery['body']}"
try:
    public_key.verify(base64.b64decode(signature, validate=True), signed.encode())
    print("accepted")
except InvalidSignature:
    print("refused")
