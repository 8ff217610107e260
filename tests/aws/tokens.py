"""The API with an issuer of tokens: who has none stays outside, and who has one sees only what is theirs."""

import base64
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from checks import answer, same, true
from deployment import Deployment

AUDIENCE = "front"
KEY_NAME = "key"


class Issuer:
    """Signs tokens, and publishes its key; AWS would want it behind TLS."""

    def __init__(self):
        """Serves from now on."""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self.key.public_key().public_numbers()
        modulus, exponent = (encoded(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
        published = {"/keys": {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_NAME, "n": modulus, "e": exponent}]}}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(published.get(self.path, {})).encode()
                self.send_response(200 if self.path in published else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        published["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, user: str, **changes) -> str:
        """A token of a user, or one that is wrong somewhere."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": user, "iat": now - 1, "exp": now + 600, **changes}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": KEY_NAME}, claims))
        return f"{signed}.{encoded(self.key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"

    def stop(self):
        """Serves no more."""
        self.server.shutdown()
        self.server.server_close()


def encoded(data: bytes) -> str:
    """As it stands in tokens and keys."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def who_has_a_token_sees_what_is_theirs(deployment: Deployment, job: dict):
    """The stack is changed under way, as somebody does who closes an open API."""
    issuer = Issuer()
    try:
        deployment.update({"JwtIssuer": issuer.url, "JwtAudience": AUDIENCE})
        for path in ["/jobs", f"/jobs/{job['job_id']}", "/datasets"]:
            same(f"{path} without a token", deployment.call("GET", path).status, 401)
        same("a prediction without a token", deployment.call("POST", f"/predict/{job['job_id']}", {"features": {}}).status, 401)
        for open_path in ["/", "/openapi.json", "/docs"]:
            same(f"{open_path} stays open", deployment.call("GET", open_path).status, 200)

        alice = {"Authorization": f"Bearer {issuer.token('alice')}"}
        bob = {"Authorization": f"Bearer {issuer.token('bob')}"}
        for what, token in [
            ("a token that is over", issuer.token("alice", exp=int(time.time()) - 1)),
            ("one for others", issuer.token("alice", aud="others")),
            ("one of another issuer", issuer.token("alice", iss="https://issuer.example")),
            ("a forged one", issuer.token("alice")[:-8] + "AAAAAAAA"),
        ]:
            same(what, deployment.call("GET", "/jobs", headers={"Authorization": f"Bearer {token}"}).status, 401)

        same("alice has nothing yet", answer(deployment.call("GET", "/jobs", headers=alice))["jobs"], [])
        answer(deployment.call("GET", f"/jobs/{job['job_id']}", headers=alice), 404)
        place = answer(deployment.call("POST", "/upload", {"filename": "a.csv"}, headers=alice))
        sent = deployment.emulator.pool.request("PUT", place["upload_url"], body=b"a,b\n1,2\n", headers={"Content-Type": "text/csv"})
        same("alice's upload", sent.status, 200)
        confirm = f"/datasets/{place['dataset_id']}/confirm"
        answer(deployment.call("POST", confirm, headers=bob), 404)
        answer(deployment.call("POST", confirm, headers=alice))
        listed = [answer(deployment.call("GET", "/datasets", headers=who))["datasets"] for who in (alice, bob)]
        true("only alice sees her table", [len(tables) for tables in listed] == [1, 0], listed)
    finally:
        issuer.stop()
        deployment.update({})
