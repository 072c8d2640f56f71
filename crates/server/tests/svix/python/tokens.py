"""Tokens of the original's form: JWTs of organisations and of portal users.

Usage: tokens.py URL SECRET
"""

import base64
import http.client
import json
import sys
import time

from svix.api import AppPortalAccessIn, ApplicationIn, EndpointIn
from svix.exceptions import HttpError

import organisation

URL, SECRET = sys.argv[1:3]
ORG, OTHER = "org_23rb8YdGqMT0qIzpgGwdXfHirMu", "org_23rb8YdGqMT0qIzpgGwdXfHirMv"
NOW = int(time.time())


def token(claims, secret=SECRET, alg="HS256"):
    return organisation.token(secret, claims, alg)


def client(text):
    return organisation.client(URL, text)


def refused(text, status, code, call=lambda svix: svix.application.list()):
    try:
        call(client(text))
    except HttpError as error:
        assert (error.status_code, error.code) == (status, code), (text, error)
    else:
        raise AssertionError(f"{text} was let in")


# An organisation that nobody knows is empty, and each has its own applications.
svix = client(token({"sub": ORG, "iss": "svix-server", "iat": NOW, "nbf": NOW, "exp": NOW + 600}))
assert svix.application.list().data == []
app = svix.application.create(ApplicationIn(name="One", uid="one"))
elsewhere = client(token({"sub": OTHER}))
assert elsewhere.application.list().data == []
refused(token({"sub": OTHER}), 404, "not_found", lambda svix: svix.application.get(app.id))
assert elsewhere.application.create(ApplicationIn(name="Its own", uid="one")).id != app.id

# A portal user sees one application.
portal = client(token({"org": ORG, "sub": app.id}))
assert portal.application.get("one").id == app.id
portal.endpoint.create("one", EndpointIn(url="https://example.com/hook"))
refused(token({"org": ORG, "sub": app.id}), 403, "insufficient access")
access = svix.authentication.app_portal_access(app.id, AppPortalAccessIn(read_only=True, feature_flags=["beta"], expiry=3600))
claims = json.loads(base64.urlsafe_b64decode(access.token.split(".")[1] + "=="))
assert claims["sub"] == app.id and claims["feature_flags"] == ["beta"] and claims["exp"] - claims["iat"] == 3600
look = client(access.token)
assert len(look.endpoint.list("one").data) == 1
refused(access.token, 403, "insufficient access", lambda svix: svix.endpoint.create("one", EndpointIn(url="https://a.example")))
refused(access.token, 501, "not_implemented", lambda svix: svix.authentication.logout())

# What is not signed so, or does not count now.
wrong = 401, "authentication_failed"
for text in [
    "",
    "nothing",
    "a.b.c",
    token({"sub": ORG}, secret="another secret of enough characters"),
    token({"sub": ORG}, alg="none"),
    token({"sub": ORG}, alg="HS512"),
    token({"sub": ORG}).rsplit(".", 1)[0] + ".",
    token({"sub": ORG, "exp": NOW - 120}),
    token({"sub": ORG, "nbf": NOW + 120}),
    token({"sub": ORG, "iat": NOW + 120}),
    token({"iss": "nobody"}),
]:
    refused(text or "x", *wrong)
refused(token({"sub": "org_short"}), 400, "bad_token")
refused(token({"sub": app.id}), 400, "bad_token")
refused(token({"org": ORG, "sub": "app_short"}), 400, "bad token")
refused(token({"org": "nothing", "sub": app.id}), 400, "bad token")

# A good token, cut and changed at each byte.
good = token({"sub": ORG})
connection = http.client.HTTPConnection(URL.removeprefix("http://"))


def status(text):
    connection.request("GET", "/api/v1/app", headers={"authorization": f"Bearer {text}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


assert status(good) == 200
for place in range(len(good)):
    assert status(good[:place]) == 401, place
    for letter in "Az.-":
        if good[place] != letter:
            assert status(good[:place] + letter + good[place + 1 :]) == 401, (place, letter)
assert status(good) == 200
