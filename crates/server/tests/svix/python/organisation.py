"""Tokens of organisations and of portal users, as the original's command makes them."""

import base64
import hashlib
import hmac
import json

from svix.api import Svix, SvixOptions


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(secret, claims, alg="HS256"):
    signed = ".".join(encode(json.dumps(part).encode()) for part in [{"alg": alg, "typ": "JWT"}, claims])
    tag = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encode(tag)}"


def client(url, text):
    return Svix(text, SvixOptions(server_url=url, retry_schedule=[0.01]))
