// A receiver of webhooks that keeps what arrives.

import { createServer } from "node:http";

export async function startReceiver() {
  const arrivals = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      arrivals.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
      response.end('{"got":"it"}');
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  const url = (path) => `http://127.0.0.1:${server.address().port}${path}`;
  const at = (path) => arrivals.filter((arrival) => arrival.path === path);
  const waitFor = (path, count) => until(() => at(path), (found) => found.length >= count);
  return { url, at, waitFor };
}

// Asks until the answer is enough.
export async function until(ask, enough, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await ask();
    if (enough(found)) return found;
    if (Date.now() > end) throw new Error(`never enough: ${JSON.stringify(found)}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
