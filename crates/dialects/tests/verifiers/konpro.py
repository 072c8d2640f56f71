"""Checks a KonPro delivery, written from the provider's page alone.

Reads {"headers": {...}, "body": text, "secrets": [text], "header": name or absent} from standard
input, writes the event to standard output, and fails with a reason when the delivery is not genuine.
"""

import hashlib
import hmac
import json
import sys


def main():
    given = json.load(sys.stdin)
    headers = {name.lower(): value for name, value in given["headers"].items()}
    body = given["body"].encode("utf-8")
    signature = headers.get(given.get("header", "Signature").lower())
    if signature is None:
        sys.exit("there is no signature")
    # The key is the whole secret string, "whsec_" included; there is no timestamp.
    expected = hmac.new(given["secrets"][0].encode("utf-8"), body, hashlib.sha256)
    if not hmac.compare_digest(signature, expected.hexdigest()):
        sys.exit("the signature is not that of the body")
    if not headers.get("content-type", "").startswith("application/json"):
        sys.exit("the body is not said to be JSON")
    event = json.loads(body)
    if list(event) != ["event_type", "event_data"]:
        sys.exit("the envelope has other members")
    json.dump(event, sys.stdout)


main()
