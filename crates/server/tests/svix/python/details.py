"""What the original gets wrong, or what is easily lost: bytes of payloads, rates, disabled endpoints.

Usage: details.py URL TOKEN
"""

import base64
import http.client
import json
import sys

from svix.api import ApplicationIn, EndpointIn, EndpointPatch, EventExampleIn, EventTypeIn, MessageIn, Svix, SvixOptions
from svix.webhooks import Webhook

from receiver import Receiver

URL, TOKEN = sys.argv[1:3]
svix = Svix(TOKEN, SvixOptions(server_url=URL))
receiver = Receiver()
HOST = receiver.url("").removeprefix("http://")
connection = http.client.HTTPConnection(URL.removeprefix("http://"))


def post(path, body):
    connection.request("POST", f"/api/v1{path}", body=body, headers={"authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, text
    return json.loads(text)


app = svix.application.create(ApplicationIn(name="One")).id

# Bytes are delivered as they came: white space, escapes, order, twins. Answers show them read.
hook = svix.endpoint.create(app, EndpointIn(url=f"http://us%40er:p+w@{HOST}/bytes#top", channels=["never"])).id
plain = svix.endpoint.create(app, EndpointIn(url=receiver.url("/bytes"))).id
payload = b'{ "z": 1.500,\t"a":"\\u00e9\\/", "z" : 1e2 , "big":123456789012345678901234567890 }'
made = post(f"/app/{app}/msg", b'{"eventType":"a","payload":' + payload + b"}")
assert made["payload"]["z"] == 100.0 and list(made["payload"]) == ["a", "big", "z"]
_, headers, body = receiver.wait_for("/bytes", 1)[0]
assert body == payload, body
assert headers["content-type"] == "application/json" and headers["accept"] == "*/*"
Webhook(svix.endpoint.get_secret(app, plain).key).verify(body, headers)

# Credentials of a URL become a header. The endpoint with channels that no message has gets it by a resend.
svix.message_attempt.resend(app, made["id"], hook)
_, headers, body = receiver.wait_for("/bytes", 2)[1]
assert body == payload and headers["authorization"] == "Basic " + base64.b64encode(b"us@er:p+w").decode()

# A raw payload is delivered verbatim, with its content type, and reads back as what it is.
raw = MessageIn(event_type="a", payload={}, transformations_params={"rawPayload": "<a>ü</a>", "headers": {"content-type": "text/xml"}})
made = svix.message.create(app, raw)
_, headers, body = receiver.wait_for("/bytes", 3)[2]
assert body == "<a>ü</a>".encode() and headers["content-type"] == "text/xml"

# An example ignores what the endpoint asks for.
svix.event_type.create(EventTypeIn(name="asked.for", description=""))
narrow = svix.endpoint.create(app, EndpointIn(url=receiver.url("/narrow"), channels=["none"], event_types=["asked.for"])).id
svix.endpoint.send_example(app, narrow, EventExampleIn(event_type="svix.ping"))
assert receiver.wait_for("/narrow", 1)[0][2] == b'{"success":true}'

# To a disabled endpoint, example and resend are recorded as failed, with the reason, and nothing is sent.
svix.endpoint.patch(app, narrow, EndpointPatch(disabled=True))
example = svix.endpoint.send_example(app, narrow, EventExampleIn(event_type="svix.ping"))
svix.message_attempt.resend(app, made.id, narrow)
for message in [example.id, made.id]:
    attempts = svix.message_attempt.list_by_msg(app, message).data
    attempts = [each for each in attempts if each.endpoint_id == narrow]
    assert [(each.status, each.response_status_code, each.trigger_type) for each in attempts] == [(2, 0, 1)]
    detail = svix.message_attempt.get(app, message, attempts[0].id)
    assert "disabled" in detail.response, detail
assert len(receiver.at("/narrow")) == 1

# Rates are kept: an endpoint's, and those of an application's endpoints together.


def took(app, paths, count):
    """Seconds between the first and the last of so many arrivals, all paths together."""
    for number in range(count):
        svix.message.create(app, MessageIn(event_type="rate", payload={"n": number}))
    for path in paths:
        receiver.wait_for(path, count)
    times = [at for path in paths for at in receiver.times[path]]
    return max(times) - min(times)


slow = svix.application.create(ApplicationIn(name="Slow")).id
svix.endpoint.create(slow, EndpointIn(url=receiver.url("/slow"), throttle_rate=10))
assert took(slow, ["/slow"], 15) > 1.2
shared = svix.application.create(ApplicationIn(name="Shared", throttle_rate=10)).id
for path in ["/one", "/two"]:
    svix.endpoint.create(shared, EndpointIn(url=receiver.url(path)))
assert took(shared, ["/one", "/two"], 8) > 1.2

# A key pair signs as v1a, and receivers get its public half.
pair = "whsk_" + base64.b64encode(bytes.fromhex(
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
)).decode()
keyed = svix.application.create(ApplicationIn(name="Keyed")).id
endpoint = svix.endpoint.create(keyed, EndpointIn(url=receiver.url("/keyed"), secret=pair)).id
assert svix.endpoint.get_secret(keyed, endpoint).key.startswith("whpk_")
svix.message.create(keyed, MessageIn(event_type="a", payload={}))
assert receiver.wait_for("/keyed", 1)[0][1]["svix-signature"].startswith("v1a,")
