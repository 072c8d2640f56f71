// Calls every method of the official client that is served, once with success and once with an error, and
// says what each showed: one JSON object to a line.
//
// Usage: calls.mjs URL TOKEN

import assert from "node:assert/strict";

import { ApiException, Svix, Webhook } from "svix";

import { startReceiver, until } from "./receiver.mjs";

const [url, token] = process.argv.slice(2);
const client = (key = token, serverUrl = url) => new Svix(key, { serverUrl, retryScheduleInMs: [10] });
const svix = client();
const receiver = await startReceiver();
const shown = {};
const DAY = 24 * 3600 * 1000;

function told(method, success) {
  shown[method] = { ...shown[method], success };
}

// The call must fail so, with the client's typed error.
async function refused(method, call, status, what) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof ApiException, `${method}: ${error}`);
    assert.equal(error.code, status, `${method}: ${JSON.stringify(error.body)}`);
    // The client reads bodies of 4xx only.
    const body = typeof error.body === "string" ? JSON.parse(error.body) : error.body;
    const actual = status === 422 ? body.detail[0].loc.join(".") : body.code;
    assert.equal(actual, what, method);
    shown[method] = { error: `${status} ${what}`, ...shown[method] };
    return;
  }
  assert.fail(`${method} was not refused`);
}

async function eventTypes() {
  const types = svix.eventType;
  const schemas = { 1: { type: "object", examples: [{ id: 1 }] } };
  const paid = await types.create({ name: "js.paid", description: "Paid", schemas });
  assert.equal(paid.name, "js.paid");
  assert.equal(paid.archived, false);
  assert.deepEqual(paid.schemas, schemas);
  assert.ok(paid.createdAt instanceof Date);
  told("eventType.create", "a type with schemas");
  await refused("eventType.create", () => types.create({ name: "js.paid", description: "" }), 409, "event_type_exists");
  assert.equal((await types.get("js.paid")).description, "Paid");
  told("eventType.get", "the type");
  await refused("eventType.get", () => types.get("nothing"), 404, "not_found");
  const late = await types.upsert("js.late", { description: "Late" });
  assert.equal((await types.upsert("js.late", { description: "Later" })).description, "Later");
  told("eventType.upsert", "made, then replaced");
  await refused("eventType.upsert", () => types.upsert("a b", { description: "" }), 422, "body.name.__all__");
  const patched = await types.patch("js.late", { deprecated: true });
  assert.deepEqual([patched.description, patched.deprecated], ["Later", true]);
  told("eventType.patch", "what is absent stays");
  await refused("eventType.patch", () => types.patch("nothing", {}), 404, "not_found");
  await types.delete("js.late");
  const listed = await types.list({ limit: 250 });
  assert.ok(listed.data.some((each) => each.name === "js.paid"));
  assert.ok(!listed.data.some((each) => each.name === late.name));
  const all = await types.list({ limit: 250, includeArchived: true });
  assert.ok(all.data.some((each) => each.name === late.name && each.archived));
  told("eventType.list", "by name, archived ones when asked for");
  await refused("eventType.list", () => types.list({ limit: 251 }), 422, "query.limit.limit");
  await types.delete("js.late", { expunge: true });
  told("eventType.delete", "archived, and with expunge removed");
  await refused("eventType.delete", () => types.delete("js.late"), 404, "not_found");
}

async function applications() {
  const app = svix.application;
  const one = await app.create({ name: "One", uid: "js", metadata: { plan: "pro" } });
  assert.match(one.id, /^app_[0-9A-Za-z]{27}$/);
  assert.deepEqual([one.name, one.uid, one.metadata], ["One", "js", { plan: "pro" }]);
  told("application.create", "an application with id, uid, metadata");
  await refused("application.create", () => app.create({ name: "" }), 422, "body.name");
  assert.equal((await app.getOrCreate({ name: "Other", uid: "js" })).id, one.id);
  const two = await app.getOrCreate({ name: "Two", uid: "js/2".replace("/", "-") });
  told("application.getOrCreate", "the one that is there, or a new one");
  await refused("application.getOrCreate", () => app.getOrCreate({ name: "x", uid: "a b" }), 422, "body.uid.__all__");
  assert.deepEqual(await app.get("js"), await app.get(one.id));
  told("application.get", "the same by id and by uid");
  await refused("application.get", () => app.get("a/b"), 404, "not_found");
  const replaced = await app.upsert("js", { name: "One!", uid: "js", throttleRate: 50 });
  assert.deepEqual([replaced.id, replaced.throttleRate, replaced.metadata], [one.id, 50, {}]);
  told("application.upsert", "replaced whole");
  await refused("application.upsert", () => app.upsert("js", { name: "x", uid: "js-2" }), 409, "conflict");
  const patched = await app.patch("js", { name: "Uno", uid: "js" });
  assert.deepEqual([patched.name, patched.throttleRate], ["Uno", 50]);
  told("application.patch", "what is absent stays");
  await refused("application.patch", () => app.patch("nobody", { name: "x" }), 404, "not_found");
  const page = await app.list({ limit: 1 });
  const next = await app.list({ limit: 1, iterator: page.iterator });
  assert.ok(!page.done && next.data[0].id > page.data[0].id);
  const down = await app.list({ order: "descending" });
  assert.equal(down.data[0].id, two.id);
  told("application.list", "pages, in both orders");
  await refused("application.list", () => app.list({ iterator: "app_x" }), 422, "query.iterator.__all__");
  await app.delete(two.id);
  told("application.delete", "gone, without a body");
  await refused("application.delete", () => app.delete(two.id), 404, "not_found");
  return one;
}

async function endpoints(app) {
  const ep = svix.endpoint;
  const made = await ep.create(app, { url: receiver.url("/hook"), uid: "hook", channels: ["eu"], headers: { "X-Own": "1" } });
  assert.deepEqual([made.uid, made.channels, made.disabled], ["hook", ["eu"], false]);
  told("endpoint.create", "an endpoint with channels, headers");
  await refused("endpoint.create", () => ep.create(app, { url: "x" }), 422, "body.url");
  assert.deepEqual(await ep.get(app, "hook"), made);
  told("endpoint.get", "the same by uid");
  await refused("endpoint.get", () => ep.get(app, "nothing"), 404, "not_found");
  const replaced = await ep.upsert(app, "hook", { url: receiver.url("/hook"), uid: "hook" });
  assert.deepEqual([replaced.id, replaced.channels ?? null], [made.id, null]);
  told("endpoint.upsert", "replaced whole");
  await refused("endpoint.upsert", () => ep.upsert(app, "hook", { url: "ftp://a" }), 422, "body.url");
  assert.equal((await ep.patch(app, "hook", { description: "Again" })).description, "Again");
  told("endpoint.patch", "what is absent stays");
  await refused("endpoint.patch", () => ep.patch(app, "hook", { channels: [] }), 422, "body.channels");
  const page = await ep.list(app, { limit: 1 });
  assert.deepEqual([page.data[0].id, page.done], [made.id, true]);
  told("endpoint.list", "in pages");
  await refused("endpoint.list", () => ep.list(app, { iterator: "ep_x" }), 422, "query.iterator.__all__");
  const secret = (await ep.getSecret(app, "hook")).key;
  assert.match(secret, /^whsec_/);
  told("endpoint.getSecret", "whsec_ and 24 bytes");
  await refused("endpoint.getSecret", () => ep.getSecret(app, "nothing"), 404, "not_found");
  await ep.rotateSecret(app, "hook", {});
  assert.notEqual((await ep.getSecret(app, "hook")).key, secret);
  told("endpoint.rotateSecret", "another key");
  await refused("endpoint.rotateSecret", () => ep.rotateSecret(app, "hook", { key: "x" }), 422, "body.key");
  await ep.setHeaders(app, "hook", { headers: { "X-One": "1", Authorization: "s" } });
  told("endpoint.setHeaders", "replaced whole");
  await refused("endpoint.setHeaders", () => ep.setHeaders(app, "hook", { headers: { Host: "x" } }), 422, "body.headers");
  await ep.patchHeaders(app, "hook", { headers: { "X-Two": "2" } });
  told("endpoint.patchHeaders", "merged");
  await refused("endpoint.patchHeaders", () => ep.patchHeaders(app, "hook", { headers: { A: "b\nc" } }), 422, "body.headers.__all__");
  const headers = await ep.getHeaders(app, "hook");
  assert.deepEqual([headers.headers, headers.sensitive], [{ "X-One": "1", "X-Two": "2" }, ["Authorization"]]);
  told("endpoint.getHeaders", "values but for sensitive ones");
  await refused("endpoint.getHeaders", () => ep.getHeaders("nobody", "hook"), 404, "not_found");
  const fresh = await ep.create(app, { url: receiver.url("/fresh"), disabled: true });
  await ep.delete(app, fresh.id);
  told("endpoint.delete", "gone, without a body");
  await refused("endpoint.delete", () => ep.delete(app, fresh.id), 404, "not_found");
  return made;
}

async function messages(app, hook) {
  const msg = svix.message;
  const payload = { amount: 5, text: "Grüße" };
  const made = await msg.create(app, { eventType: "js.paid", eventId: "js-1", payload, tags: ["first"] });
  assert.equal(made.eventId, "js-1");
  assert.ok(made.timestamp instanceof Date);
  told("message.create", "a message");
  await refused("message.create", () => msg.create(app, { eventType: "js.paid", eventId: "js-1", payload }), 409, "conflict");
  const [arrival] = await receiver.waitFor("/hook", 1);
  assert.equal(arrival.headers["svix-id"], made.id);
  const webhook = new Webhook((await svix.endpoint.getSecret(app, hook.id)).key);
  webhook.verify(arrival.body, arrival.headers);
  assert.deepEqual(JSON.parse(arrival.body), payload);
  assert.throws(() => webhook.verify(`${arrival.body} `, arrival.headers));
  const got = await msg.get(app, "js-1", { withContent: true });
  assert.deepEqual([got.id, got.payload], [made.id, payload]);
  told("message.get", "the same by eventId");
  await refused("message.get", () => msg.get(app, "nothing"), 404, "not_found");
  const listed = await msg.list(app, { tag: "first", withContent: false });
  assert.deepEqual(listed.data.map((each) => [each.id, each.payload]), [[made.id, {}]]);
  told("message.list", "by tag");
  await refused("message.list", () => msg.list(app, { eventTypes: ["a b"] }), 422, "query.__all__");
  const extra = await msg.create(app, { eventType: "other", payload: { secret: 1 } });
  await msg.expungeContent(app, extra.id);
  assert.deepEqual((await msg.get(app, extra.id, { withContent: true })).payload, { expired: true });
  told("message.expungeContent", "the payload is gone");
  await refused("message.expungeContent", () => msg.expungeContent(app, "nothing"), 404, "not_found");
  return made;
}

async function attempts(app, hook, message) {
  const att = svix.messageAttempt;
  const listed = await until(() => att.listByMsg(app, message.id, { withContent: true }), (page) => page.data.length === 1);
  const one = listed.data[0];
  assert.deepEqual([one.msgId, one.endpointId, one.status, one.responseStatusCode], [message.id, hook.id, 0, 200]);
  assert.equal(one.response, '{"got":"it"}');
  told("messageAttempt.listByMsg", "an attempt with what was answered");
  await refused("messageAttempt.listByMsg", () => att.listByMsg(app, "nothing"), 404, "not_found");
  const byEndpoint = await att.listByEndpoint(app, hook.id, { status: 0, after: new Date(Date.now() - DAY) });
  assert.ok(byEndpoint.data.some((each) => each.id === one.id));
  told("messageAttempt.listByEndpoint", "by status and time");
  await refused("messageAttempt.listByEndpoint", () => att.listByEndpoint(app, "nothing"), 404, "not_found");
  assert.equal((await att.get(app, message.id, one.id)).id, one.id);
  told("messageAttempt.get", "the attempt");
  await refused("messageAttempt.get", () => att.get(app, message.id, "nothing"), 404, "not_found");
  const seen = await att.listAttemptedMessages(app, hook.id, { status: 0 });
  assert.ok(seen.data.some((each) => each.id === message.id && each.status === 0));
  told("messageAttempt.listAttemptedMessages", "messages with their status");
  await refused("messageAttempt.listAttemptedMessages", () => att.listAttemptedMessages(app, "x"), 404, "not_found");
  const places = await att.listAttemptedDestinations(app, message.id);
  assert.deepEqual(places.data.map((each) => [each.id, each.status]), [[hook.id, 0]]);
  told("messageAttempt.listAttemptedDestinations", "endpoints with their status");
  await refused("messageAttempt.listAttemptedDestinations", () => att.listAttemptedDestinations(app, "x"), 404, "not_found");
  const before = receiver.at("/hook").length;
  await att.resend(app, message.id, hook.id);
  await receiver.waitFor("/hook", before + 1);
  const again = await until(() => att.listByMsg(app, message.id), (page) => page.data.length === 2);
  assert.equal(again.data[0].triggerType, 1);
  told("messageAttempt.resend", "one manual attempt");
  await refused("messageAttempt.resend", () => att.resend(app, message.id, "nothing"), 404, "not_found");
  await att.expungeContent(app, message.id, one.id);
  assert.equal((await att.get(app, message.id, one.id)).response, "EXPUNGED");
  told("messageAttempt.expungeContent", "the response is EXPUNGED");
  await refused("messageAttempt.expungeContent", () => att.expungeContent(app, message.id, "x"), 404, "not_found");
}

async function moreOfEndpoints(app, hook) {
  const ep = svix.endpoint;
  const stats = await until(() => ep.getStats(app, hook.id), (stats) => stats.success >= 2);
  assert.equal(stats.fail, 0);
  told("endpoint.getStats", "attempts by outcome");
  await refused("endpoint.getStats", () => ep.getStats(app, hook.id, { since: new Date(Date.now() - 60 * DAY) }), 400, "invalid_range");
  const before = receiver.at("/hook").length;
  assert.equal((await ep.sendExample(app, hook.id, { eventType: "js.paid" })).eventType, "js.paid");
  const arrivals = await receiver.waitFor("/hook", before + 1);
  assert.equal(arrivals.at(-1).body, '{"id":1}');
  told("endpoint.sendExample", "the example");
  await refused("endpoint.sendExample", () => ep.sendExample(app, hook.id, { eventType: "nothing" }), 404, "not_found");
  const task = await ep.recover(app, hook.id, { since: new Date(Date.now() - DAY) });
  assert.deepEqual([task.status, task.task], ["running", "endpoint.recover"]);
  told("endpoint.recover", "a task");
  await refused("endpoint.recover", () => ep.recover(app, hook.id, { since: new Date(0) }), 422, "body.since");
}

async function authentication(app) {
  const auth = svix.authentication;
  const access = await auth.appPortalAccess(app, { featureFlags: [] });
  assert.ok(access.url && access.token);
  const portal = client(access.token);
  assert.equal((await portal.application.get(app)).uid, "js");
  await refused("application.list", () => portal.application.list(), 403, "insufficient access");
  told("authentication.appPortalAccess", "a token for one application");
  await refused("authentication.appPortalAccess", () => auth.appPortalAccess(app, { expiry: 1 }), 422, "body.expiry");
  await portal.authentication.logout();
  await refused("application.get", () => portal.application.get(app), 401, "authentication_failed");
  told("authentication.logout", "the portal token counts no more");
  await refused("authentication.logout", () => svix.authentication.logout(), 501, "not_implemented");
}

await eventTypes();
const one = await applications();
const hook = await endpoints(one.id);
const message = await messages(one.id, hook);
await attempts(one.id, hook, message);
await moreOfEndpoints(one.id, hook);
await authentication(one.id);
await svix.health.get();
told("health.get", "well");
await refused("health.get", () => client(token, `${url}/api/v1`).health.get(), 404, "not_found");
for (const method of Object.keys(shown).sort()) {
  console.log(JSON.stringify({ method, ...shown[method] }));
}
process.exit(0);
