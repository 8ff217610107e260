"""The interface that clients know: statuses, bodies and headers of requests of the right and of the wrong form."""

import json

from checks import answer, same, true
from deployment import Deployment

ID = "00000000-0000-4000-8000-000000000000"
ORIGIN = "https://front.example"

# A request of the wrong form, and of each issue that it has the type and the place.
MALFORMED = [
    ("POST", "/upload", None, [("missing", ["body"])]),
    ("POST", "/upload", '{"filename": }', [("json_invalid", ["body", 13])]),
    ("POST", "/upload", {}, [("missing", ["body", "filename"])]),
    ("POST", "/upload/request-url", {"filename": 7}, [("string_type", ["body", "filename"])]),
    ("POST", "/train", {}, [("missing", ["body", "dataset_id"]), ("missing", ["body", "target_column"])]),
    ("POST", "/train", {"dataset_id": ID, "target_column": "y", "config": {"time_budget": 59}},
     [("greater_than_equal", ["body", "config", "time_budget"])]),
    ("POST", "/train", {"dataset_id": ID, "target_column": "y", "config": {"time_budget": 3601}},
     [("less_than_equal", ["body", "config", "time_budget"])]),
    ("POST", "/train", {"dataset_id": ID, "target_column": "y", "config": {"time_budget": 60.5}},
     [("int_from_float", ["body", "config", "time_budget"])]),
    ("GET", "/jobs?limit=0", None, [("greater_than_equal", ["query", "limit"])]),
    ("GET", "/jobs?limit=abc", None, [("int_parsing", ["query", "limit"])]),
    ("PATCH", f"/jobs/{ID}", {"tags": ["a"] * 11}, [("too_long", ["body", "tags"])]),
    ("PATCH", f"/jobs/{ID}", {"notes": "x" * 1001}, [("string_too_long", ["body", "notes"])]),
    ("DELETE", f"/jobs/{ID}?delete_data=perhaps", None, [("bool_parsing", ["query", "delete_data"])]),
    ("POST", f"/jobs/{ID}/deploy", {}, [("missing", ["body", "deploy"])]),
    ("POST", f"/predict/{ID}", {"features": []}, [("dict_type", ["body", "features"])]),
]  # fmt: skip

# A request of the right form about nothing, and what it is told.
NOT_FOUND = [
    ("GET", f"/datasets/{ID}", None, f"Dataset {ID} not found"),
    ("DELETE", f"/datasets/{ID}", None, f"Dataset {ID} not found"),
    ("POST", f"/datasets/{ID}/confirm", None, f"No files found for dataset {ID}"),
    ("POST", "/train", {"dataset_id": ID, "target_column": "y", "config": {"time_budget": "60"}, "more": 1}, "Dataset not found"),
    ("GET", f"/jobs/{ID}", None, "Job not found"),
    ("GET", "/jobs/a%20b", None, "Job not found"),
    ("PATCH", f"/jobs/{ID}", {"tags": [" "]}, "Job not found"),
    ("DELETE", f"/jobs/{ID}?delete_data=off", None, "Job not found"),
    ("POST", f"/jobs/{ID}/cancel", None, "Job not found"),
    ("POST", f"/jobs/{ID}/deploy", {"deploy": "yes"}, "Job not found"),
    ("POST", f"/predict/{ID}", {"features": {"a": True, "b": "x", "c": 1}}, "Job not found"),
    ("GET", f"/predict/{ID}/info", None, "Job not found"),
    ("GET", "/nowhere", None, "Not Found"),
    ("POST", f"/jobs/{ID}/undeploy", None, "Not Found"),
]

# Another method than the route's, and which ones there are.
NOT_ALLOWED = [
    ("DELETE", "/jobs", "GET"),
    ("HEAD", "/jobs", "GET"),
    ("GET", "/train", "POST"),
    ("PUT", "/jobs/7", "DELETE, GET, PATCH"),
    ("POST", "/", "GET"),
]


def requests_of_the_right_and_the_wrong_form(deployment: Deployment):
    """Everything that needs no data."""
    for method, path, body, issues in MALFORMED:
        headers = {"Content-Type": "application/json"} if isinstance(body, str) else None
        details = answer(deployment.call(method, path, body, headers), 422)["detail"]
        same(f"issues of {method} {path}", [(issue["type"], issue["loc"]) for issue in details], issues)
    for method, path, body, detail in NOT_FOUND:
        same(f"{method} {path}", answer(deployment.call(method, path, body), 404)["detail"], detail)
    for method, path, allowed in NOT_ALLOWED:
        response = deployment.call(method, path)
        same(f"{method} {path}", (response.status, response.headers["allow"]), (405, allowed))
    # Of a path with one part, the emulator takes the slash away itself.
    for path, right in [("/jobs/7/", "/jobs/7"), ("/upload/request-url/", "/upload/request-url"), ("/jobs/7/?limit=5", "/jobs/7?limit=5")]:
        response = deployment.call("POST", path)
        same(f"{path} is sent to {right}", (response.status, response.headers["location"]), (307, f"https://{deployment.host}{right}"))

    same("welcome", answer(deployment.call("GET", "/")), {"message": "AWS AutoML Lite API", "version": "1.1.0", "status": "healthy"})
    same("health", answer(deployment.get_by_path("/health")), {"status": "healthy", "service": "automl-api", "region": "us-east-1"})
    same("the document's title", answer(deployment.call("GET", "/openapi.json"))["info"]["title"], "AWS AutoML Lite API")
    for page in ["/docs", "/redoc"]:
        response = deployment.call("GET", page)
        same(page, (response.status, response.headers["content-type"]), (200, "text/html; charset=utf-8"))
    same("an empty list", answer(deployment.call("GET", "/jobs")), {"jobs": [], "next_token": None})
    same("a bad token", answer(deployment.call("GET", "/jobs?next_token=x"), 400)["code"], "invalid_token")
    same("a bad name of a file", answer(deployment.call("POST", "/upload", {"filename": "data.exe"}), 400)["code"], "invalid_filename")
    place = answer(deployment.call("POST", "/upload", {"filename": "../東京.csv"}))
    same("a cleaned name of a file", (place["filename"], place["expires_in"]), ("東京.csv", 3600))


def browsers_on_other_origins(deployment: Deployment):
    """The API's answers name the origin, errors too; the function behind the default route answers preflights."""
    for path, status in [("/jobs", 200), ("/jobs/7", 404), ("/jobs?limit=0", 422), ("/nowhere", 404)]:
        response = deployment.call("GET", path, headers={"Origin": ORIGIN})
        same(f"status of {path}", response.status, status)
        same(f"origin of {path}", response.headers.get("access-control-allow-origin"), ORIGIN)
        true(f"{path} varies", "Origin" in response.headers.get("vary", ""), response.headers)
    for path, method in [("/jobs/7", "PATCH"), ("/jobs/7", "DELETE"), ("/train", "POST")]:
        response = preflight(deployment, path, method)
        headers = response["headers"]
        same(f"preflight of {method} {path}", (response["statusCode"], headers["access-control-allow-origin"]), (200, ORIGIN))
        true(f"{method} is allowed", method in headers["access-control-allow-methods"], headers)
        same("headers that may be sent", headers["access-control-allow-headers"], "content-type,if-none-match")


def preflight(deployment: Deployment, path: str, method: str) -> dict:
    """What the default route's function says: the emulator answers preflights itself, where API Gateway asks the function."""
    headers = {"origin": ORIGIN, "access-control-request-method": method, "access-control-request-headers": "content-type,if-none-match"}
    http = {"method": "OPTIONS", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"}
    context = {"http": http, "accountId": "1", "apiId": "1", "domainName": "api.example", "requestId": "1", "routeKey": "$default",
               "stage": "$default", "time": "01/Jan/2024:00:00:00 +0000", "timeEpoch": 1_704_067_200_000}  # fmt: skip
    event = {"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
             "requestContext": context, "isBase64Encoded": False}  # fmt: skip
    functions = deployment.emulator.client("lambda")
    invoked = functions.invoke(FunctionName=deployment.integrations()["$default"], Payload=json.dumps(event))
    return json.loads(invoked["Payload"].read())


def a_job_is_seen_and_changed(deployment: Deployment, job: dict):
    """Validators, tags and notes, and lists."""
    path = f"/jobs/{job['job_id']}"
    response = deployment.call("GET", path)
    etag = response.headers["etag"]
    same("how long it may be kept", response.headers["cache-control"], "private, max-age=0, must-revalidate")
    first, second = answer(response), answer(deployment.call("GET", path))
    same("the same URL for a while", first["onnx_model_download_url"], second["onnx_model_download_url"])
    unchanged = deployment.call("GET", path, headers={"If-None-Match": etag})
    same("nothing new", (unchanged.status, unchanged.data, unchanged.headers["etag"]), (304, b"", etag))

    changed = answer(deployment.call("PATCH", path, {"tags": ["a", "a"], "notes": " n "}))
    same("tags", changed["tags"], ["a", "a"])
    true("a change is seen", deployment.call("GET", path, headers={"If-None-Match": etag}).status == 200)
    for tags, detail in [([" "], "Tags cannot be empty or whitespace"), (["x" * 51], "Each tag must be 50 characters or less")]:
        same("what is wrong with a tag", answer(deployment.call("PATCH", path, {"tags": tags}), 400)["detail"], detail)
    same("notes go when they are blank", answer(deployment.call("PATCH", path, {"notes": " "}))["notes"], None)

    request = {"dataset_id": job["dataset_id"], "target_column": "Kind"}
    refusal = answer(deployment.call("POST", "/train", request), 400)
    same("a target that is not there", refusal["detail"], "Target column 'Kind' not found in dataset")
    jobs = answer(deployment.call("GET", "/jobs?limit=1"))["jobs"]
    same("the list", [(listed["job_id"], listed["tags"]) for listed in jobs], [(job["job_id"], ["a", "a"])])
    datasets = answer(deployment.call("GET", "/datasets"))["datasets"]
    true("the dataset is listed", job["dataset_id"] in [dataset["dataset_id"] for dataset in datasets], datasets)
