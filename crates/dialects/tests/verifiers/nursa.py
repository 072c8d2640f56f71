"""Checks a Nursa delivery, written from the provider's page alone.

Reads {"headers": {...}, "body": text, "secrets": [text, ...]} from standard input, writes the event
with "signatures" and "t" beside it to standard output, and fails with a reason when none of the
signatures is that of one of the secrets.
"""

import hashlib
import hmac
import json
import sys


def main():
    given = json.load(sys.stdin)
    headers = {name.lower(): value for name, value in given["headers"].items()}
    header = headers.get("nursa-signature")
    if header is None:
        sys.exit("there is no signature")
    if " " in header or "\n" in header:
        sys.exit("the header is not in one line without spaces")
    times, signatures = [], []
    for part in header.split(","):
        prefix, _, value = part.partition("=")
        {"t": times, "v1": signatures}[prefix].append(value)
    if len(times) != 1:
        sys.exit("there is not one time")
    payload = (times[0] + "." + given["body"]).encode("utf-8")

    def signed(secret):
        return hmac.new(secret.encode("utf-8"), payload, hashlib.sha256).hexdigest()

    genuine = [signature for signature in signatures
               if any(hmac.compare_digest(signature, signed(secret)) for secret in given["secrets"])]
    if not genuine:
        sys.exit("no signature is that of a secret")
    event = json.loads(given["body"])
    if list(event) != ["data", "eventType"]:
        sys.exit("the envelope has other members")
    event["signatures"] = len(signatures)
    event["t"] = int(times[0])
    json.dump(event, sys.stdout)


main()
