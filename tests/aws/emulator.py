"""The emulator, as a process of ours on a port of the loopback interface alone.

It checks signatures and the policies of whoever calls, and serves over TLS, as the buckets refuse anything else.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import urllib3
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"
# The emulator's root user.
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
START_SECONDS = 30


class Emulator:
    """Runs from its creation to `stop`."""

    def __init__(self, folder: Path, batch: str):
        """Keeps everything in `folder`; the functions find Batch at `batch`, and all other services here."""
        self.log = folder / "emulator.log"
        self.certificate = folder / "certificate.pem"
        port = free_port()
        self.address = f"localhost:{port}"
        self.endpoint = f"https://{self.address}"
        key = folder / "key.pem"
        make_certificate(self.certificate, key)
        temporary = folder / "tmp"
        temporary.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(temporary),
            "S3_DATA_DIR": str(folder / "s3"),
            "STATE_DIR": str(folder / "state"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(self.certificate),
            "MINISTACK_SSL_KEY": str(key),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # What the functions inherit.
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_BATCH": batch,
            "SSL_CERT_FILE": str(self.certificate),
        }
        # Not its own command: that would take port 443 as well.
        server = ["hypercorn", "ministack.app:app", "--bind", f"127.0.0.1:{port}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *server, "--certfile", self.certificate, "--keyfile", key],
            cwd=folder, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self.log.open("w"), stderr=subprocess.STDOUT,
        )
        self.pool = urllib3.PoolManager(ca_certs=str(self.certificate), retries=False, timeout=120)
        self.wait()

    def wait(self):
        """Until it serves."""
        for _ in range(START_SECONDS * 10):
            if self.process.poll() is not None:
                break
            try:
                if self.pool.request("GET", f"{self.endpoint}/_ministack/health").status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the emulator does not start:\n{self.log.read_text()}")

    def client(self, service: str, key=None):
        """A client with a key, or root's."""
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        place = {"endpoint_url": self.endpoint, "region_name": REGION, "verify": str(self.certificate)}
        return boto3.client(service, config=config, **place, **(key or ROOT))

    def stop(self):
        """Ends it and the functions that it started: nothing of it is to be kept."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def make_certificate(certificate: Path, key: Path):
    """A certificate of the machine's own name, which is no authority: rustls refuses those as servers."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
         "-out", certificate, "-keyout", key],
        check=True, capture_output=True,
    )  # fmt: skip
