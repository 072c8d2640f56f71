// Judges a delivery with the official library: prints "accepted" or "refused".

import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const delivery = JSON.parse(readFileSync(process.argv[2], "utf8"));
try {
  new Webhook(delivery.secret).verify(delivery.body, delivery.headers);
  console.log("accepted");
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
  console.log("refused");
}
