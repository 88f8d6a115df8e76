"""Receivers of webhooks, as a customer writes them in Python: each path verifies in the way that it was told by `PUT`, with
`{"form": "library" | "bare" | "public", "with": secret or address of the key set}`, and answers 200 or 400. `GET` tells
how many requests it has accepted and refused since.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.request
from base64 import b64decode, urlsafe_b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook


def library(secret):
    def verify(body, headers):
        Webhook(secret).verify(body, headers)

    return verify


def bare(secret):
    def verify(body, headers):
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        for header in ["x-pulse-signature", "x-pulsepost-signature"]:
            if not hmac.compare_digest(headers[header], expected):
                raise ValueError(header)

    return verify


def is_genuine(key_set, headers, raw_body):
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw_body
    signatures = [one[4:] for one in headers["webhook-signature"].split(" ") if one.startswith("v1a,")]
    keys = [Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "=")) for key in key_set["keys"]]
    return any(is_signed(key, b64decode(one), signed) for one in signatures for key in keys)


def is_signed(key, signature, signed):
    try:
        key.verify(signature, signed)
        return True
    except InvalidSignature:
        return False


def public(address):
    kept = []

    def ask():
        with urllib.request.urlopen(address) as answer:
            kept[:] = [json.load(answer)]

    def verify(body, headers):
        if not kept:
            ask()
        if is_genuine(kept[0], headers, body):
            return
        ask()
        if not is_genuine(kept[0], headers, body):
            raise ValueError("no key fits")

    return verify


FORMS = {"library": library, "bare": bare, "public": public}
receivers = {}
lock = Lock()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        told = json.loads(self.body())
        receivers[self.path] = {"verify": FORMS[told["form"]](told["with"]), "accepted": 0, "refused": 0}
        self.answer(200, "")

    def do_GET(self):
        receiver = receivers[self.path]
        self.answer(200, json.dumps({name: receiver[name] for name in ["accepted", "refused"]}))

    def do_POST(self):
        body, receiver = self.body(), receivers[self.path]
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            receiver["verify"](body, headers)
            came_of_it, status, text = "accepted", 200, ""
        except Exception as error:
            came_of_it, status, text = "refused", 400, repr(error)
        with lock:
            receiver[came_of_it] += 1
        self.answer(status, text)

    def body(self):
        return self.rfile.read(int(self.headers["content-length"]))

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
