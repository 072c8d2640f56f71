"""Operational webhooks: what the organisation of the management is told of another's endpoints.

Deliveries are attempted six times, with three seconds before the fifth.

Usage: operational.py URL SECRET
"""

import json
import sys

from svix.api import ApplicationIn, EndpointIn, EndpointPatch, MessageIn
from svix.webhooks import Webhook

from organisation import client, token
from receiver import Receiver, until

URL, SECRET = sys.argv[1:3]
ORG, MANAGEMENT = "org_23rb8YdGqMT0qIzpgGwdXfHirMu", "org_00000000000SvixManagement00"

receiver = Receiver()
svix = client(URL, token(SECRET, {"sub": ORG}))
app = svix.application.create(ApplicationIn(name="One", uid="one"))
# Nobody listens yet.
svix.endpoint.create(app.id, EndpointIn(url=receiver.url("/early"), uid="early"))

management = client(URL, token(SECRET, {"sub": MANAGEMENT}))
told = management.application.create(ApplicationIn(name="Operational", uid=ORG))
listener = management.endpoint.create(told.id, EndpointIn(url=receiver.url("/told")))
key = management.endpoint.get_secret(told.id, listener.id).key


def arrived(kind, count=1):
    def ask():
        found = []
        for _, headers, body in receiver.at("/told"):
            Webhook(key).verify(body, headers)
            body = json.loads(body)
            if body["type"] == kind:
                found.append(body["data"])
        return found

    found = until(ask, lambda found: len(found) >= count)
    assert len(found) == count, found
    return found


hook = svix.endpoint.create(app.id, EndpointIn(url=receiver.url("/hook"), uid="hook"))
named = {"appId": app.id, "appUid": "one", "endpointId": hook.id, "endpointUid": "hook"}
assert arrived("endpoint.created") == [named]
svix.endpoint.patch(app.id, "hook", EndpointPatch(description="Changed"))
assert arrived("endpoint.updated") == [named]

# One message fails to the end, another one arrives at the fifth attempt.
receiver.answers["/hook"] = 500
receiver.answers["/early"] = 200
first = svix.message.create(app.id, MessageIn(event_type="a", event_id="e-1", payload={}))
[failing] = arrived("message.attempt.failing")
[exhausted] = arrived("message.attempt.exhausted")
for data in [failing, exhausted]:
    assert (data["msgId"], data["msgEventId"], data["endpointId"]) == (first.id, "e-1", hook.id), data
    assert data["lastAttempt"]["responseStatusCode"] == 500 and data["appUid"] == "one"
second = svix.message.create(app.id, MessageIn(event_type="a", payload={}))
arrived("message.attempt.failing", 2)
receiver.answers["/hook"] = 200
[recovered] = arrived("message.attempt.recovered")
assert recovered["msgId"] == second.id and recovered["lastAttempt"]["responseStatusCode"] == 200
assert recovered["msgEventId"] is None

svix.endpoint.delete(app.id, hook.id)
assert arrived("endpoint.deleted") == [named]
assert {json.loads(body)["type"] for _, _, body in receiver.at("/told")} == {
    "endpoint.created",
    "endpoint.updated",
    "endpoint.deleted",
    "message.attempt.failing",
    "message.attempt.exhausted",
    "message.attempt.recovered",
}
