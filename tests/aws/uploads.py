"""Presigned URLs and forms, as an S3 sees them that is not ours."""

import contextlib
import time
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from checks import answer, refused, same, true
from deployment import Deployment

CSV = {"Content-Type": "text/csv"}
TABLE = b"a\n1\n"
WRONG = "SignatureDoesNotMatch"


def a_url_takes_what_it_was_signed_for_and_nothing_else(deployment: Deployment):
    """Another type, method, file, signature or lifetime is refused, and what comes too late."""
    place = answer(deployment.call("POST", "/upload", {"filename": "a.csv"}))
    url = place["upload_url"]

    def send(url: str, method: str = "PUT", headers=CSV):
        return deployment.emulator.pool.request(method, url, body=TABLE if method == "PUT" else None, headers=headers)

    refused("another type", send(url, headers={"Content-Type": "text/html"}), 403, WRONG)
    refused("no type", send(url, headers={}), 403, WRONG)
    # The emulator looks first at what the signer may do, S3 at the signature.
    same("another method", [send(url, method).status for method in ("GET", "DELETE")], [403, 403])
    refused("another file", send(url.replace("/a.csv?", "/b.csv?")), 403, WRONG)
    refused("another dataset", send(url.replace(place["dataset_id"], "7")), 403, WRONG)
    signature = dict(parse_qsl(urlsplit(url).query))["X-Amz-Signature"]
    forged = ("1" if signature[0] == "0" else "0") + signature[1:]
    refused("a forged signature", send(with_query(url, {"X-Amz-Signature": forged})), 403, WRONG)
    refused("a longer life", send(with_query(url, {"X-Amz-Expires": "7200"})), 403, WRONG)
    refused("no token", send(with_query(url, {"X-Amz-Security-Token": "x"})), 400, "InvalidToken")
    same("as it was signed", send(url).status, 200)

    with short_lifetime(deployment):
        late = answer(deployment.call("POST", "/upload", {"filename": "a.csv"}))
        time.sleep(2)
    refused("a URL that is over", send(late["upload_url"]), 403, "AccessDenied")
    refused("a form that is over", send_form(deployment, late["upload_form"]), 403, "AccessDenied")


def a_form_takes_what_it_was_signed_for_and_nothing_else(deployment: Deployment):
    """Another type, file or signature is refused, and more or fewer bytes than allowed."""
    place = answer(deployment.call("POST", "/upload", {"filename": "a.csv"}))
    form = place["upload_form"]

    def send(changes: dict, content: bytes = TABLE):
        return send_form(deployment, {**form, "fields": {**form["fields"], **changes}}, content)

    refused("another type", send({"Content-Type": "text/html"}), 403, "AccessDenied")
    refused("another file", send({"key": form["fields"]["key"].replace("a.csv", "b.csv")}), 403, "AccessDenied")
    refused("a forged signature", send({"x-amz-signature": "0" * 64}), 403, WRONG)
    refused("too much", send({}, b"x" * (place["max_size"] + 1)), 400, "EntityTooLarge")
    refused("nothing", send({}, b""), 400, "EntityTooSmall")
    same("as it was signed", send({}).status, 204)


def nobody_reads_or_writes_without_a_url(deployment: Deployment):
    """What lies there is seen by nobody who was not given its URL; browsers may use one."""
    place = answer(deployment.call("POST", "/upload", {"filename": "a.csv"}))
    url = place["upload_url"]
    same("the upload", deployment.emulator.pool.request("PUT", url, body=TABLE, headers=CSV).status, 200)
    bare = url.split("?")[0]
    refused("reading", deployment.emulator.pool.request("GET", bare), 403, "AccessDenied")
    refused("writing", deployment.emulator.pool.request("PUT", bare, body=TABLE, headers=CSV), 403, "AccessDenied")
    for bucket in deployment.of_type("AWS::S3::Bucket"):
        refused("listing", deployment.emulator.pool.request("GET", f"{deployment.emulator.endpoint}/{bucket}"), 403, "AccessDenied")
    asked = {"Origin": "https://front.example", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    preflight = deployment.emulator.pool.request("OPTIONS", url, headers=asked)
    allowed = preflight.status == 200 and "PUT" in preflight.headers.get("access-control-allow-methods", "")
    true("a browser may send the file", allowed, (preflight.status, preflight.headers))


def with_query(url: str, changes: dict) -> str:
    """The URL with other parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **changes})))


def send_form(deployment: Deployment, form: dict, content: bytes = TABLE):
    """Sends a file with a form, as a browser does."""
    fields = [*form["fields"].items(), ("file", ("a.csv", content, "text/csv"))]
    return deployment.emulator.pool.request("POST", form["url"], fields=fields)


@contextlib.contextmanager
def short_lifetime(deployment: Deployment):
    """Has URLs and forms signed for a second."""
    functions = deployment.emulator.client("lambda")
    function = deployment.function("upload")
    name, variables = function["FunctionName"], function["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**variables, "PRESIGNED_URL_EXPIRATION": "1"}})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
