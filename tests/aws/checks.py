"""What is wanted of answers, and what was seen."""

import json
import time

from urllib3 import BaseHTTPResponse

done = 0


def same(what: str, seen, wanted):
    """Fails when two things differ."""
    global done
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r} instead of {wanted!r}")
    done += 1


def true(what: str, seen, told=None):
    """Fails when something does not hold."""
    global done
    if not seen:
        raise AssertionError(f"{what}: {seen if told is None else told!r}")
    done += 1


def answer(response: BaseHTTPResponse, status: int = 200):
    """The JSON of an answer that has the status."""
    true(f"{response.url} is answered {status}", response.status == status, (response.status, response.data[:1000]))
    return json.loads(response.data)


def refused(what: str, response: BaseHTTPResponse, status: int, code: str):
    """Fails unless S3 refused a request with a code."""
    as_wanted = response.status == status and f"<Code>{code}</Code>".encode() in response.data
    true(f"{what} is refused", as_wanted, (response.status, response.data))


def eventually(what: str, seconds: float, look):
    """The first true value of `look`, which is not counted until then."""
    global done
    deadline, before = time.monotonic() + seconds, done
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.2)
    done = before + 1
    return found
