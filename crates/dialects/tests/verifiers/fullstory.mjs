// Checks a FullStory delivery as the vendor's sample receiver does: it has not kept the body, but
// parsed it and writes it again before it computes the signature.
//
// Reads {"signature": text, "body": text, "secret": text} from standard input; exits with 1 when the
// delivery is not genuine.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

const given = JSON.parse(readFileSync(0, 'utf8'));
const parts = Object.fromEntries(given.signature.split(',').map((part) => part.split(':')));
const body = JSON.parse(given.body);
const text = `${JSON.stringify(body)}:${parts.o}:${parts.t}`;
const expected = createHmac('sha256', given.secret).update(text).digest('base64');
process.exit(parts.v === expected ? 0 : 1);
