"""Calls every method of the official client that is served, once with success and once with an error, and
says what each showed: one JSON object to a line.

Usage: calls.py URL TOKEN
"""

import datetime
import json
import sys

from svix.api import (
    AppPortalAccessIn,
    ApplicationIn,
    ApplicationListOptions,
    ApplicationPatch,
    EndpointGetStatsOptions,
    EndpointHeadersIn,
    EndpointHeadersPatchIn,
    EndpointIn,
    EndpointListOptions,
    EndpointPatch,
    EndpointSecretRotateIn,
    EndpointUpsertIn,
    EventExampleIn,
    EventTypeDeleteOptions,
    EventTypeIn,
    EventTypeListOptions,
    EventTypePatch,
    EventTypeUpsertIn,
    MessageAttemptListByEndpointOptions,
    MessageAttemptListByMsgOptions,
    MessageCreateOptions,
    MessageGetOptions,
    MessageIn,
    MessageListOptions,
    RecoverIn,
    Svix,
    SvixOptions,
)
from svix.exceptions import HttpError, HTTPValidationError
from svix.webhooks import Webhook, WebhookVerificationError

from receiver import Receiver, until

URL, TOKEN = sys.argv[1:3]
NOW = datetime.datetime.now(datetime.timezone.utc)


def client(token=TOKEN, url=URL):
    return Svix(token, SvixOptions(server_url=url, retry_schedule=[0.01]))


svix = client()
receiver = Receiver()
shown = {}


def told(method, success):
    shown.setdefault(method, {})["success"] = success


def seen(method, error):
    """The first error that a method showed is the one that is told."""
    shown.setdefault(method, {}).setdefault("error", error)


def refused(method, call, status, code=None, loc=None):
    """The call must fail so, with the client's typed error."""
    try:
        call()
    except HttpError as error:
        assert loc is None, error
        assert (error.status_code, error.code) == (status, code), (method, error)
        seen(method, f"{status} {code}")
    except HTTPValidationError as error:
        assert status == 422, (method, error.to_dict())
        entry = error.detail[0]
        assert entry.loc == loc, (method, entry.loc)
        seen(method, f"422 {'.'.join(loc)}")
    else:
        raise AssertionError(f"{method} was not refused")


def applications():
    app = svix.application
    one = app.create(ApplicationIn(name="One", uid="one", metadata={"plan": "pro"}))
    assert one.id.startswith("app_") and len(one.id) == 31
    assert (one.name, one.uid, one.metadata) == ("One", "one", {"plan": "pro"})
    assert one.throttle_rate is None and one.created_at.tzinfo is not None
    told("application.create", "an application with id, uid, metadata")
    refused("application.create", lambda: app.create(ApplicationIn(name="", uid="x")), 422, loc=["body", "name"])
    refused("application.create", lambda: app.create(ApplicationIn(name="Two", uid="one")), 409, "conflict")

    again = app.get_or_create(ApplicationIn(name="Other", uid="one"))
    assert (again.id, again.name) == (one.id, "One")
    assert app.get_or_create(ApplicationIn(name="Two", uid="two")).uid == "two"
    told("application.get_or_create", "the one that is there, or a new one")
    wrong = ApplicationIn(name="x", uid="no blank")
    refused("application.get_or_create", lambda: app.get_or_create(wrong), 422, loc=["body", "uid", "__all__"])

    assert app.get("one") == app.get(one.id) == one
    told("application.get", "the same by id and by uid")
    refused("application.get", lambda: app.get("nobody"), 404, "not_found")

    replaced = app.upsert("one", ApplicationIn(name="One!", uid="one", throttle_rate=50))
    assert (replaced.id, replaced.name, replaced.metadata) == (one.id, "One!", {})
    assert replaced.throttle_rate == 50 and replaced.updated_at > one.updated_at
    made = app.upsert("three", ApplicationIn(name="Three"))
    assert made.uid is None
    told("application.upsert", "replaced whole; made on an unknown path, without its uid")
    refused("application.upsert", lambda: app.upsert("one", ApplicationIn(name="x", uid="two")), 409, "conflict")

    patched = app.patch("one", ApplicationPatch(name="Uno"))
    assert (patched.name, patched.throttle_rate, patched.uid) == ("Uno", 50, "one")
    told("application.patch", "what is absent stays")
    refused("application.patch", lambda: app.patch("nobody", ApplicationPatch(name="x")), 404, "not_found")

    first = app.list(ApplicationListOptions(limit=2))
    assert len(first.data) == 2 and not first.done and first.iterator == first.data[-1].id
    second = app.list(ApplicationListOptions(limit=2, iterator=first.iterator))
    assert second.done and second.data[-1].id == made.id
    back = app.list(ApplicationListOptions(limit=2, iterator=second.prev_iterator))
    assert [each.id for each in back.data] == [each.id for each in first.data]
    told("application.list", "pages forwards and backwards")
    wrong = ApplicationListOptions(limit=251)
    refused("application.list", lambda: app.list(wrong), 422, loc=["query", "limit", "limit"])

    assert app.delete(made.id) is None
    told("application.delete", "gone, without a body")
    refused("application.delete", lambda: app.delete(made.id), 404, "not_found")
    return one


def event_types():
    types = svix.event_type
    schema = {"1": {"type": "object", "examples": [{"id": 1}, {"id": 2}]}}
    paid = types.create(EventTypeIn(name="invoice.paid", description="Paid", schemas=schema))
    assert (paid.name, paid.archived, paid.deprecated) == ("invoice.paid", False, False)
    assert paid.schemas == schema
    told("event_type.create", "a type with schemas")
    again = EventTypeIn(name="invoice.paid", description="")
    refused("event_type.create", lambda: types.create(again), 409, "event_type_exists")

    assert types.get("invoice.paid").description == "Paid"
    told("event_type.get", "the type")
    refused("event_type.get", lambda: types.get("nothing"), 404, "not_found")

    made = types.upsert("invoice.late", EventTypeUpsertIn(description="Late"))
    assert made.name == "invoice.late"
    replaced = types.upsert("invoice.late", EventTypeUpsertIn(description="Later", deprecated=True))
    assert (replaced.description, replaced.deprecated) == ("Later", True)
    told("event_type.upsert", "made, then replaced")
    wrong = EventTypeUpsertIn(description="x", schemas={"1": {"type": "nonsense"}})
    refused("event_type.upsert", lambda: types.upsert("x", wrong), 422, loc=["body", "schemas"])

    patched = types.patch("invoice.late", EventTypePatch(description="Late"))
    assert (patched.description, patched.deprecated) == ("Late", True)
    told("event_type.patch", "what is absent stays")
    refused("event_type.patch", lambda: types.patch("nothing", EventTypePatch()), 404, "not_found")

    assert types.delete("invoice.late") is None
    assert types.get("invoice.late").archived
    told("event_type.delete", "archived, and with expunge removed")
    names = [each.name for each in types.list(EventTypeListOptions(limit=250)).data]
    assert names == ["invoice.paid"], names
    with_archived = EventTypeListOptions(include_archived=True, with_content=True)
    everything = types.list(with_archived)
    assert [each.name for each in everything.data] == ["invoice.late", "invoice.paid"]
    assert everything.data[1].schemas == schema and everything.done
    told("event_type.list", "by name, archived ones when asked for")
    wrong = EventTypeListOptions(iterator="no name")
    refused("event_type.list", lambda: types.list(wrong), 422, loc=["query", "iterator", "__all__"])
    back = types.create(EventTypeIn(name="invoice.late", description="Back"))
    assert not back.archived and back.created_at == made.created_at
    types.delete("invoice.late", EventTypeDeleteOptions(expunge=True))
    refused("event_type.delete", lambda: types.delete("invoice.late"), 404, "not_found")


def endpoints(app):
    ep = svix.endpoint
    hook = EndpointIn(
        url=receiver.url("/hook"),
        uid="hook",
        description="Hook",
        event_types=["invoice.paid"],
        channels=["eu", "us"],
        headers={"X-Own": "1"},
        metadata={"a": "b"},
    )
    made = ep.create(app, hook)
    assert made.id.startswith("ep_") and made.uid == "hook" and not made.disabled
    assert (sorted(made.channels), made.event_types) == (["eu", "us"], ["invoice.paid"])
    assert (made.metadata, made.description) == ({"a": "b"}, "Hook")
    told("endpoint.create", "an endpoint with types, channels, headers")
    wrong = EndpointIn(url=receiver.url("/x"), event_types=["nothing"])
    refused("endpoint.create", lambda: ep.create(app, wrong), 422, loc=["body", "eventTypes"])
    wrong = EndpointIn(url="ftp://example.com")
    refused("endpoint.create", lambda: ep.create(app, wrong), 422, loc=["body", "url"])

    assert ep.get(app, "hook") == ep.get(app, made.id) == made
    told("endpoint.get", "the same by id and by uid")
    refused("endpoint.get", lambda: ep.get("two", made.id), 404, "not_found")

    change = EndpointUpsertIn(url=receiver.url("/hook"), uid="hook", channels=["eu"])
    replaced = ep.upsert(app, "hook", change)
    assert (replaced.id, replaced.channels, replaced.event_types) == (made.id, ["eu"], None)
    assert replaced.metadata == {} and replaced.description == ""
    fresh = ep.upsert(app, "unknown", EndpointUpsertIn(url=receiver.url("/fresh")))
    assert fresh.uid is None
    told("endpoint.upsert", "replaced whole; made on an unknown path")
    wrong = EndpointUpsertIn(url=receiver.url("/x"), uid="hook")
    refused("endpoint.upsert", lambda: ep.upsert(app, fresh.id, wrong), 409, "conflict")

    patched = ep.patch(app, "hook", EndpointPatch(description="Again", throttle_rate=100))
    assert (patched.description, patched.throttle_rate, patched.channels) == ("Again", 100, ["eu"])
    told("endpoint.patch", "what is absent stays")
    wrong = EndpointPatch(channels=[])
    refused("endpoint.patch", lambda: ep.patch(app, "hook", wrong), 422, loc=["body", "channels"])

    page = ep.list(app, EndpointListOptions(limit=1))
    assert [each.id for each in page.data] == [fresh.id] and not page.done
    page = ep.list(app, EndpointListOptions(limit=1, iterator=page.iterator))
    assert [each.id for each in page.data] == [made.id] and page.done
    told("endpoint.list", "newest first, in pages")
    wrong = EndpointListOptions(iterator="ep_made_up")
    refused("endpoint.list", lambda: ep.list(app, wrong), 422, loc=["query", "iterator", "__all__"])

    assert ep.delete(app, fresh.id) is None
    told("endpoint.delete", "gone, without a body")
    refused("endpoint.delete", lambda: ep.delete(app, fresh.id), 404, "not_found")

    secret = ep.get_secret(app, "hook").key
    assert secret.startswith("whsec_") and len(secret) == 38
    told("endpoint.get_secret", "whsec_ and 24 bytes")
    refused("endpoint.get_secret", lambda: ep.get_secret(app, "nothing"), 404, "not_found")
    rotated = ep.rotate_secret(app, "hook", EndpointSecretRotateIn())
    assert rotated.key == ep.get_secret(app, "hook").key != secret
    told("endpoint.rotate_secret", "the new key")
    wrong = EndpointSecretRotateIn(key="plain")
    refused("endpoint.rotate_secret", lambda: ep.rotate_secret(app, "hook", wrong), 422, loc=["body", "key"])

    assert ep.set_headers(app, "hook", EndpointHeadersIn(headers={"X-One": "1", "Authorization": "s"})) is None
    told("endpoint.set_headers", "replaced whole")
    wrong = EndpointHeadersIn(headers={"X-Bad": "a\r\nHost: evil"})
    refused("endpoint.set_headers", lambda: ep.set_headers(app, "hook", wrong), 422, loc=["body", "headers"])
    patch = EndpointHeadersPatchIn(headers={"X-Two": "2"}, delete_headers=["x-one"])
    assert ep.patch_headers(app, "hook", patch) is None
    told("endpoint.patch_headers", "merged, and removed by name")
    wrong = EndpointHeadersPatchIn(headers={"Host": "evil"})
    refused("endpoint.patch_headers", lambda: ep.patch_headers(app, "hook", wrong), 422, loc=["body", "headers", "__all__"])
    headers = ep.get_headers(app, "hook")
    assert (headers.headers, headers.sensitive) == ({"X-Two": "2"}, ["Authorization"])
    told("endpoint.get_headers", "values but for sensitive ones")
    refused("endpoint.get_headers", lambda: ep.get_headers(app, "nothing"), 404, "not_found")
    return made


def messages(app, hook):
    msg = svix.message
    payload = {"amount": 5, "text": "Grüße"}
    body = MessageIn(event_type="invoice.paid", event_id="evt-1", payload=payload, channels=["eu"], tags=["first"])
    made = msg.create(app, body, MessageCreateOptions(with_content=True))
    assert made.id.startswith("msg_") and (made.event_id, made.channels) == ("evt-1", ["eu"])
    assert made.payload == payload and made.tags == ["first"]
    key = MessageCreateOptions(idempotency_key="same")
    twin = MessageIn(event_type="invoice.paid", payload={"n": 1}, channels=["us"])
    assert msg.create(app, twin, key).id == msg.create(app, twin, key).id
    told("message.create", "a message; the same again by its idempotency key")
    refused("message.create", lambda: msg.create(app, body), 409, "conflict")
    wrong = MessageIn(event_type="no type", payload={})
    refused("message.create", lambda: msg.create(app, wrong), 422, loc=["body", "event_type", "__all__"])

    _, headers, arrived = receiver.wait_for("/hook", 1)[0]
    assert headers["svix-id"] == made.id and headers["x-two"] == "2"
    secret = svix.endpoint.get_secret(app, hook.id).key
    Webhook(secret).verify(arrived, headers)
    assert json.loads(arrived) == payload
    try:
        Webhook(secret).verify(arrived + b" ", headers)
    except WebhookVerificationError:
        pass
    else:
        raise AssertionError("a changed body was verified")

    got = msg.get(app, "evt-1", MessageGetOptions(with_content=True))
    assert got.id == made.id and got.payload == payload
    told("message.get", "the same by id and by eventId")
    refused("message.get", lambda: msg.get("two", made.id), 404, "not_found")

    page = msg.list(app, MessageListOptions(limit=1, with_content=True))
    assert [each.payload for each in page.data] == [{"n": 1}] and not page.done
    page = msg.list(app, MessageListOptions(limit=1, iterator=page.iterator))
    assert [each.id for each in page.data] == [made.id] and page.data[0].payload == {}
    assert [each.id for each in msg.list(app, MessageListOptions(tag="first")).data] == [made.id]
    assert [each.id for each in msg.list(app, MessageListOptions(channel="eu")).data] == [made.id]
    told("message.list", "newest first, in pages, by channel and tag")
    wrong = MessageListOptions(event_types=["no type"])
    refused("message.list", lambda: msg.list(app, wrong), 422, loc=["query", "__all__"])

    extra = msg.create(app, MessageIn(event_type="other", payload={"secret": 1}))
    assert msg.expunge_content(app, extra.id) is None
    assert msg.get(app, extra.id, MessageGetOptions(with_content=True)).payload == {"expired": True}
    told("message.expunge_content", "the payload is gone")
    refused("message.expunge_content", lambda: msg.expunge_content(app, "nothing"), 404, "not_found")
    return made


def attempts(app, hook, message):
    att = svix.message_attempt
    options = MessageAttemptListByMsgOptions(with_content=True)
    listed = until(lambda: att.list_by_msg(app, message.id, options), lambda page: len(page.data) == 1)
    one = listed.data[0]
    assert one.id.startswith("atmpt_") and (one.msg_id, one.endpoint_id) == (message.id, hook.id)
    assert (one.status, one.response_status_code, one.trigger_type) == (0, 200, 0)
    assert one.response == '{"got":"it"}' and one.url == receiver.url("/hook")
    told("message_attempt.list_by_msg", "an attempt with what was answered")
    wrong = MessageAttemptListByMsgOptions(endpoint_id="nothing")
    refused("message_attempt.list_by_msg", lambda: att.list_by_msg(app, message.id, wrong), 404, "not_found")

    failed = MessageAttemptListByEndpointOptions(status=2)
    assert att.list_by_endpoint(app, hook.id, failed).data == []
    everything = att.list_by_endpoint(app, hook.id)
    assert one.id in [each.id for each in everything.data] and everything.done
    told("message_attempt.list_by_endpoint", "by status")
    refused("message_attempt.list_by_endpoint", lambda: att.list_by_endpoint(app, "nothing"), 404, "not_found")

    got = att.get(app, message.id, one.id)
    assert (got.id, got.response) == (one.id, '{"got":"it"}')
    told("message_attempt.get", "the attempt")
    refused("message_attempt.get", lambda: att.get(app, message.id, "nothing"), 404, "not_found")

    messages = att.list_attempted_messages(app, hook.id)
    by_id = {each.id: each for each in messages.data}
    assert by_id[message.id].status == 0 and by_id[message.id].next_attempt is None
    told("message_attempt.list_attempted_messages", "messages with their status")
    refused("message_attempt.list_attempted_messages", lambda: att.list_attempted_messages(app, "nothing"), 404, "not_found")

    places = att.list_attempted_destinations(app, message.id)
    assert [(each.id, each.status) for each in places.data] == [(hook.id, 0)] and places.done
    told("message_attempt.list_attempted_destinations", "endpoints with their status")
    refused("message_attempt.list_attempted_destinations", lambda: att.list_attempted_destinations(app, "nothing"), 404, "not_found")

    before = len(receiver.at("/hook"))
    assert att.resend(app, message.id, hook.id) is not None
    receiver.wait_for("/hook", before + 1)
    resent = until(lambda: att.list_by_msg(app, message.id), lambda page: len(page.data) == 2)
    assert resent.data[0].trigger_type == 1 and resent.data[1].id == one.id
    told("message_attempt.resend", "one manual attempt")
    refused("message_attempt.resend", lambda: att.resend(app, "nothing", hook.id), 404, "not_found")
    gone = [each for each in svix.message.list(app).data if each.event_type == "other"][0]
    refused("message_attempt.resend", lambda: att.resend(app, gone.id, hook.id), 400, "missing_payload")

    assert att.expunge_content(app, message.id, one.id) is None
    assert att.get(app, message.id, one.id).response == "EXPUNGED"
    told("message_attempt.expunge_content", "the response is EXPUNGED")
    refused("message_attempt.expunge_content", lambda: att.expunge_content(app, message.id, "x"), 404, "not_found")


def more_of_endpoints(app, hook):
    ep = svix.endpoint
    stats = until(lambda: ep.get_stats(app, hook.id), lambda stats: stats.success >= 2)
    assert (stats.fail, stats.pending, stats.sending) == (0, 0, 0)
    told("endpoint.get_stats", "attempts by outcome")
    wrong = EndpointGetStatsOptions(since=NOW - datetime.timedelta(days=60))
    refused("endpoint.get_stats", lambda: ep.get_stats(app, hook.id, wrong), 400, "invalid_range")

    before = len(receiver.at("/hook"))
    sent = ep.send_example(app, hook.id, EventExampleIn(event_type="invoice.paid", example_index=1))
    assert sent.event_type == "invoice.paid" and sent.payload == {}
    arrived = receiver.wait_for("/hook", before + 1)[-1]
    assert json.loads(arrived[2]) == {"id": 2}
    told("endpoint.send_example", "the example, whatever the endpoint asks for")
    refused("endpoint.send_example", lambda: ep.send_example(app, hook.id, EventExampleIn(event_type="x")), 404, "not_found")

    task = ep.recover(app, hook.id, RecoverIn(since=NOW - datetime.timedelta(hours=1)))
    assert task.id.startswith("qtask_") and (task.status, task.task) == ("running", "endpoint.recover")
    told("endpoint.recover", "a task")
    wrong = RecoverIn(since=NOW - datetime.timedelta(days=30))
    refused("endpoint.recover", lambda: ep.recover(app, hook.id, wrong), 422, loc=["body", "since"])


def authentication(app):
    auth = svix.authentication
    access = auth.app_portal_access(app, AppPortalAccessIn(expiry=3600))
    assert access.token and access.url
    told("authentication.app_portal_access", "a token for one application")
    wrong = AppPortalAccessIn(capabilities=["ViewBase"])
    refused("authentication.app_portal_access", lambda: auth.app_portal_access(app, wrong), 422, loc=["body", "capabilities"])
    portal = client(access.token)
    assert portal.application.get(app).uid == "one"
    refused("application.get", lambda: portal.application.get("two"), 404, "not_found")
    refused("application.list", lambda: portal.application.list(), 403, "insufficient access")
    look = client(auth.app_portal_access(app, AppPortalAccessIn(read_only=True)).token)
    assert look.endpoint.list(app).data
    refused("endpoint.create", lambda: look.endpoint.create(app, EndpointIn(url="https://a.example")), 403, "insufficient access")

    assert portal.authentication.logout() is None
    refused("application.get", lambda: portal.application.get(app), 401, "authentication_failed")
    told("authentication.logout", "the portal token counts no more")
    refused("authentication.logout", lambda: svix.authentication.logout(), 501, "not_implemented")


def health():
    assert svix.health.get() is None
    told("health.get", "well")
    refused("health.get", lambda: client(url=f"{URL}/api/v1").health.get(), 404, "not_found")


event_types()
one = applications()
hook = endpoints(one.id)
message = messages(one.id, hook)
attempts(one.id, hook, message)
more_of_endpoints(one.id, hook)
authentication(one.id)
health()
for method in sorted(shown):
    print(json.dumps({"method": method, **shown[method]}, ensure_ascii=False))
