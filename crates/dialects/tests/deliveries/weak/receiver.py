"""A receiver over TLS by OpenSSL, which also speaks what no modern library offers.

receiver.py CERTIFICATE HIGHEST PORT: answers every request with 200. HIGHEST is the highest version of
TLS, "1.1" or "any". Writes its port to standard output as soon as it listens, and ends with its
standard input.
"""

import http.server
import os
import ssl
import sys
import threading


class Answer(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    do_OPTIONS = do_POST = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A handshake that fails is what this is for."""


def main():
    certificate, highest, port = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    if highest == "1.1":
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(certificate)
    server = Server(("127.0.0.1", int(port)), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
