"""Checks a Collect delivery, written from the provider's page alone.

Reads {"headers": {...}, "body": text, "token": text, "header": name or absent} from standard input,
writes the event to standard output, and fails with a reason when the delivery is not genuine.
"""

import datetime
import hmac
import json
import sys


def main():
    given = json.load(sys.stdin)
    headers = {name.lower(): value for name, value in given["headers"].items()}
    token = headers.get(given.get("header", "X-Collect-Secret-Token").lower())
    if token is None:
        sys.exit("there is no token")
    # The token is sent as it is; there is no signature.
    if not hmac.compare_digest(token, given["token"]):
        sys.exit("the token is another one")
    if not headers.get("content-type", "").startswith("application/json"):
        sys.exit("the body is not said to be JSON")
    event = json.loads(given["body"])
    members = [name for name in event if name != "campaignId"]
    if members != ["type", "webhookId", "createdAt", "data"]:
        sys.exit("the envelope has other members")
    datetime.datetime.strptime(event["createdAt"], "%Y-%m-%d %H:%M:%S UTC")
    json.dump(event, sys.stdout)


main()
