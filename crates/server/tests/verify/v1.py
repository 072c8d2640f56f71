"""Judges a delivery with the official library: prints "accepted" or "refused"."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

with open(sys.argv[1], encoding="utf-8") as file:
    delivery = json.load(file)
try:
    Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
    print("accepted")
except WebhookVerificationError:
    print("refused")
