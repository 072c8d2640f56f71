"""A receiver of webhooks that keeps what arrives, and answers as it is told."""

import http.server
import threading
import time


class Receiver:
    def __init__(self):
        receiver = self
        self.arrivals = []
        self.answers = {}
        self.times = {}
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                with receiver.lock:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.arrivals.append((self.path, headers, body))
                    receiver.times.setdefault(self.path, []).append(time.monotonic())
                    status = receiver.answers.get(self.path, 200)
                text = b'{"got":"it"}'
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def at(self, path):
        with self.lock:
            return [arrival for arrival in self.arrivals if arrival[0] == path]

    def wait_for(self, path, count):
        return until(lambda: self.at(path), lambda found: len(found) >= count)


def until(ask, enough, patience=20):
    """Asks until the answer is enough."""
    end = time.monotonic() + patience
    while True:
        found = ask()
        if enough(found):
            return found
        assert time.monotonic() < end, f"never enough: {found}"
        time.sleep(0.02)
