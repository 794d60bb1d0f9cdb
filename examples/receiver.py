# A receiver for webhooks. It refuses what is not signed with your secret.
import base64, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

secret = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        header = lambda name: self.headers.get("webhook-" + name, "").encode()
        signed = header("id") + b"." + header("timestamp") + b"." + body
        ours = b"v1," + base64.b64encode(hmac.digest(secret, signed, "sha256"))
        is_ours = any(hmac.compare_digest(ours, one) for one in header("signature").split())
        is_ours = is_ours and abs(time.time() - int(header("timestamp"))) <= 300
        if is_ours:
            event = json.loads(body)  # It may come twice: skip it if you know its webhook-id.
            print(event["type"], event["data"].get("id"))
        self.send_response(200 if is_ours else 400)
        self.end_headers()

ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8000))), Receiver).serve_forever()
