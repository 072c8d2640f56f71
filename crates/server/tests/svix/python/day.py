"""A day in the life of a product that uses the official client: customers, messages, trouble, recovery.

Deliveries are attempted twice, a second apart.

Usage: day.py URL TOKEN
"""

import datetime
import sys

from svix.api import (
    AppPortalAccessIn,
    ApplicationIn,
    EndpointIn,
    EndpointSecretRotateIn,
    EventTypeIn,
    MessageAttemptListAttemptedMessagesOptions,
    MessageAttemptListByEndpointOptions,
    MessageIn,
    MessageListOptions,
    RecoverIn,
    Svix,
    SvixOptions,
)
from svix.exceptions import HttpError
from svix.webhooks import Webhook, WebhookVerificationError

from receiver import Receiver, until

URL, TOKEN = sys.argv[1:3]
MESSAGES = 1000
BEGIN = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)


def client(token=TOKEN):
    return Svix(token, SvixOptions(server_url=URL))


svix = client()
receiver = Receiver()
receiver.answers["/flaky"] = 500
app = svix.application.get_or_create(ApplicationIn(name="Acme", uid="acme-day"))
other = svix.application.get_or_create(ApplicationIn(name="Other", uid="other-day"))
for name in ["order.paid", "order.sent"]:
    svix.event_type.create(EventTypeIn(name=name, description=name))


def endpoint(path, **more):
    made = svix.endpoint.create(app.id, EndpointIn(url=receiver.url(path), **more))
    return made.id, [svix.endpoint.get_secret(app.id, made.id).key]


everything, keys = endpoint("/everything")
europe, europe_keys = endpoint("/europe", channels=["eu"], event_types=["order.paid"])
flaky, flaky_keys = endpoint("/flaky", channels=["us"])

# A thousand messages, of which one in ten comes again, and a rotation while they flow.
ids, repeated = {}, 0
for number in range(MESSAGES):
    if number % 10 == 9:
        number -= 1
        repeated += 1
    message = MessageIn(
        event_type="order.paid" if number % 2 else "order.sent",
        event_id=f"order-{number}",
        channels=["eu" if number % 4 < 2 else "us"],
        payload={"order": number},
    )
    try:
        ids[number] = svix.message.create(app.id, message).id
    except HttpError as error:
        assert (error.status_code, error.code) == (409, "conflict") and number in ids, error
    if number == MESSAGES // 2:
        keys.append(svix.endpoint.rotate_secret(app.id, everything, EndpointSecretRotateIn()).key)
assert len(ids) == MESSAGES - repeated == 900

paid_in_europe = [number for number in ids if number % 2 and number % 4 < 2]
in_america = [number for number in ids if number % 4 >= 2]
receiver.wait_for("/everything", len(ids))
receiver.wait_for("/europe", len(paid_in_europe))
receiver.wait_for("/flaky", 2 * len(in_america))


def listed(ask):
    """All pages of a list."""
    found, iterator = [], None
    while True:
        page = ask(iterator)
        found += page.data
        if page.done:
            return found
        iterator = page.iterator


# Each message is there once, newest first.
shown = listed(lambda iterator: svix.message.list(app.id, MessageListOptions(limit=250, iterator=iterator)))
assert [each.id for each in shown] == sorted(ids.values(), reverse=True)

# What the failing endpoint did not get failed for good; then it is well, and gets it.


def attempted(status):
    def ask(iterator):
        options = MessageAttemptListAttemptedMessagesOptions(limit=250, iterator=iterator, status=status)
        return svix.message_attempt.list_attempted_messages(app.id, flaky, options)

    return listed(ask)


failed = until(lambda: attempted(2), lambda found: len(found) == len(in_america))
assert {each.id for each in failed} == {ids[number] for number in in_america}
stats = svix.endpoint.get_stats(app.id, flaky)
assert (stats.success, stats.fail) == (0, 2 * len(in_america)), stats
receiver.answers["/flaky"] = 200
one = failed[0]
svix.message_attempt.resend(app.id, one.id, flaky)
until(lambda: attempted(0), lambda found: [each.id for each in found] == [one.id])
task = svix.endpoint.recover(app.id, flaky, RecoverIn(since=BEGIN))
assert task.status == "running"
until(lambda: attempted(0), lambda found: len(found) == len(in_america), patience=60)
assert attempted(2) == []

# Statistics add up to what arrived, and so do the lists of attempts.
for where, path in [(everything, "/everything"), (europe, "/europe"), (flaky, "/flaky")]:
    arrived = len(receiver.at(path))
    stats = until(
        lambda: svix.endpoint.get_stats(app.id, where),
        lambda stats: stats.success + stats.fail == arrived,
    )

    def ask(iterator):
        options = MessageAttemptListByEndpointOptions(limit=250, iterator=iterator)
        return svix.message_attempt.list_by_endpoint(app.id, where, options)

    attempts = listed(ask)
    assert len(attempts) == len({each.id for each in attempts}) == arrived, (path, len(attempts), arrived)
assert len(receiver.at("/flaky")) == 3 * len(in_america), len(receiver.at("/flaky"))
assert stats.success == len(in_america)


def verified(path, known):
    """Every delivery to a path, verified with one of the keys that it had."""
    seen = {}
    for _, headers, body in receiver.at(path):
        for key in known:
            try:
                Webhook(key).verify(body, headers)
                break
            except WebhookVerificationError:
                pass
        else:
            raise AssertionError(f"{path}: nothing verifies {headers}")
        seen.setdefault(headers["svix-id"], set()).add(body)
    assert all(len(bodies) == 1 for bodies in seen.values())
    return set(seen)


assert verified("/everything", keys) == set(ids.values())
# Both keys signed at the end, and the new one alone verifies what came then.
Webhook(keys[1]).verify(receiver.at("/everything")[-1][2], receiver.at("/everything")[-1][1])
Webhook(keys[0]).verify(receiver.at("/everything")[-1][2], receiver.at("/everything")[-1][1])
assert verified("/europe", europe_keys) == {ids[number] for number in paid_in_europe}
assert verified("/flaky", flaky_keys) == {ids[number] for number in in_america}

# The customer sees its own application, and nothing else.
portal = client(svix.authentication.app_portal_access(app.id, AppPortalAccessIn()).token)
assert len(portal.endpoint.list(app.id).data) == 3
for call, status in [
    (lambda: portal.endpoint.list(other.id), 404),
    (lambda: portal.application.list(), 403),
    (lambda: portal.message.create(app.id, MessageIn(event_type="order.paid", payload={})), 403),
]:
    try:
        call()
    except HttpError as error:
        assert error.status_code == status, error
    else:
        raise AssertionError("the portal token saw more than its own")

# In the evening the customer leaves.
svix.endpoint.delete(app.id, europe)
svix.application.delete(app.id)
try:
    svix.message.list(app.id)
except HttpError as error:
    assert error.status_code == 404
else:
    raise AssertionError("the application is still there")
assert svix.application.get_or_create(ApplicationIn(name="Acme", uid="acme-day")).id != app.id
print(f"{len(ids)} messages, {repeated} repeated, {len(receiver.arrivals)} deliveries verified")
