"""Checks a FullStory delivery, written from the provider's page alone.

Reads {"headers": {...}, "body": text, "secret": text, "org_id": text} from standard input, writes the
event's name and "t" to standard output, and fails with a reason when the delivery is not genuine.
"""

import base64
import hashlib
import hmac
import json
import sys


def main():
    given = json.load(sys.stdin)
    headers = {name.lower(): value for name, value in given["headers"].items()}
    header = headers.get("fullstory-signature")
    if header is None:
        sys.exit("there is no signature")
    # Parts apart by commas, names and values by colons; a padded signature holds no further colon.
    parts = dict(part.split(":") for part in header.split(","))
    if list(parts) != ["o", "t", "v"]:
        sys.exit("the header has other parts")
    if parts["o"] != given["org_id"]:
        sys.exit("the organisation is another one")
    text = given["body"] + ":" + parts["o"] + ":" + parts["t"]
    digest = hmac.new(given["secret"].encode("utf-8"), text.encode("utf-8"), hashlib.sha256).digest()
    if not hmac.compare_digest(parts["v"], base64.b64encode(digest).decode("ascii")):
        sys.exit("the signature is not that of the body, the organisation and the time")
    if not headers.get("content-type", "").startswith("application/json"):
        sys.exit("the body is not said to be JSON")
    event = json.loads(given["body"])
    if list(event) != ["eventName", "version", "data"] or event["version"] != 1:
        sys.exit("the envelope has other members")
    json.dump({"eventName": event["eventName"], "t": int(parts["t"])}, sys.stdout)


main()
