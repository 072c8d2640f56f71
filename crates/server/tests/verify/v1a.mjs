// Judges a delivery's Ed25519 signature by the specification: prints "accepted" or "refused".

import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const { headers, body, public_key } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const raw = Buffer.from(public_key.replace(/^whpk_/, ""), "base64");
const key = createPublicKey({
  key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") },
  format: "jwk",
});
const [version, signature] = headers["webhook-signature"].split(",");
if (version !== "v1a") throw new Error(`unexpected version ${version}`);
const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
console.log(verify(null, signed, key, Buffer.from(signature, "base64")) ? "accepted" : "refused");
