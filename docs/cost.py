"""Writes cost.md beside this file: what the system costs on AWS, from the price list (shared/domain/prices.json), the sizes in
template.yaml and the figures below.

    python3 docs/cost.py            write it
    python3 docs/cost.py --check    fail if it is not what this script would write

What is used is a dict from the id of a price to a quantity of its unit; costs are found from that and nothing else.
"""

import json
import math
import re
import sys
import textwrap
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "cost.md"
TEMPLATE = (ROOT / "template.yaml").read_text()
PRICES = {price["id"]: price for price in json.loads((ROOT / "shared/domain/prices.json").read_text())}

HOURS = 730
MINUTES = HOURS * 60
SECONDS = MINUTES * 60
DAYS = HOURS / 24

# ---- what was measured: by `make bench-serve` and `make bench-predict` as README has them, and on the local stack after `make demo` ----
REQUEST_CPU_MS = (0.318, 0.731)
START_CPU_MS = (17, 47)
ROWS_10K_MS = (6.63, 115)  # 10,000 rows by 100 and by 2,000 trees, one thread
JOB_ITEM_KB = (3.6, 5.0)  # a completed job's item: 11 numbers; titanic with its texts
RUNNING_ITEM_KB = 0.8
MODEL_MB = (7.5, 17.2)
MODEL_GB = 2 * sum(MODEL_MB) / len(MODEL_MB) / 1e3  # stored twice, as .onnx and under the older name
LOG_KB = 2.4  # a prediction with 25 features: its own line 1.26, Lambda's two records 0.76, the access log's 0.35

# ---- what is assumed ----
WARM_MS = 5  # billed for a warm request, most of it waiting for DynamoDB
COLD_SHARE, COLD_MS = 0.01, 300  # AWS: "typically under 1 %" of invocations start cold; with the model from S3
READ_UNITS = 2  # of a job's item of up to 8 KB, read consistently
COUNTS_WRITE_UNITS = 4  # what is counted for drift: 2 KB, in the table and in one index
PROGRESS_WRITE_UNITS = 3  # a running job's item, once a second, in the table and both indexes
ANSWER_KB = 1
CALL_MS, CALL_LOG_KB, CALLS_PER_JOB = 10, 1.4, 50  # of the other functions; a browser that watches a job
SWEEP_MS, SWEEP_LOG_KB = 10, 0.8
S3_MB_PER_SECOND = 60  # of one download by a function: below what reading takes (495 MB/s on 2 cores)
PARQUET_SHARE = 0.3  # of the CSV's size
IMAGE_GB = 0.05
TABLES_GB = 0.01
LOG_COMPRESSED = 0.15  # what is billed for storage of what came in
SPOT_DISCOUNT = (0.5, 0.7)  # AWS says "up to 70 %"; users tell of 50 to 70 %
TRACED_PER_SECOND, TRACED_OF_THE_REST = 1, 0.05  # Lambda's sampling, which cannot be set
SERVERLESS_MS = 10  # of SageMaker Serverless Inference with 1 GB
CLOUD_RUN_VCPU, CLOUD_RUN_GIB, CLOUD_RUN_MS = 1, 0.5, 100  # it bills by 100 ms

# What every account has each month and for good; what lasts a year or is a new account's credit is left out.
FREE = {
    "lambda.request": 1e6, "lambda.arm64.gb_second": 400e3, "logs.ingested_gb": 5, "xray.trace": 100e3, "dynamodb.gb_month": 25,
    "transfer.out_gb": 100, "cloudwatch.metric_month": 10, "cloudwatch.alarm_month": 10, "cloudwatch.dashboard_month": 3,
}


# ---- the template ----


def block(name):
    """The lines of a resource, or of another entry that is indented by two."""
    found = re.search(rf"^  {name}:\n((?:(?:    .*)?\n)+)", TEMPLATE, re.M)
    return found.group(1) if found else sys.exit(f"template.yaml has no {name}")


def number(text, pattern, otherwise=None):
    found = re.search(pattern, text)
    if not found and otherwise is None:
        sys.exit(f"template.yaml has nothing like {pattern}")
    return int(found.group(1)) if found else otherwise


COMMON = block("Function")
TRACED = "Tracing: Active" in COMMON
DISK_GB = number(block("IngestFunction"), r"EphemeralStorage: \{ Size: (\d+)") / 1024 - 0.5
VCPUS = number(block("TrainerDefinition"), r'Type: VCPU, Value: "(\d+)"')
GB = number(block("TrainerDefinition"), r'Type: MEMORY, Value: "(\d+)"') / 1024
SWEEPS = MINUTES / number(block("JobEventsFunction"), r"Schedule: rate\((\d+) minutes?\)")
KEPT_DAYS = number(block("ModelsBucket"), r"ExpirationInDays: !If \[InProduction, \d+, (\d+)")
SPOT = "FARGATE_SPOT" in TEMPLATE
ALARMS = len(re.findall(r"Type: AWS::CloudWatch::Alarm\b", TEMPLATE))
METRICS = len(re.findall(r'^        \("\w+", "', (ROOT / "functions/predict/src/metrics.rs").read_text(), re.M))


def memory_gb(function):
    return number(block(function), r"MemorySize: (\d+)", number(COMMON, r"MemorySize: (\d+)")) / 1024


# ---- what is used ----


def times(count, usage):
    return Counter({price: count * quantity for price, quantity in usage.items()})


def together(*usages):
    return sum(usages, Counter())


def is_traced(function):
    return TRACED and "Tracing: PassThrough" not in block(function)


def invocation(function, ms, log_kb, traced=1.0):
    return Counter({
        "lambda.request": 1,
        "lambda.arm64.gb_second": memory_gb(function) * ms / 1e3,
        "logs.ingested_gb": log_kb / 1e6,
        "xray.trace": traced if is_traced(function) else 0,
    })


def prediction(per_month):
    """One request with one row, where there are so many a month, evenly."""
    per_second = per_month / SECONDS
    traced = min(1, (TRACED_PER_SECOND + TRACED_OF_THE_REST * (per_second - TRACED_PER_SECOND)) / per_second) if per_second > 1 else 1
    return together(
        Counter({"apigateway.http_request": 1}),
        invocation("PredictFunction", WARM_MS + COLD_SHARE * COLD_MS, LOG_KB, traced),
        Counter({
            "dynamodb.read": READ_UNITS,
            # At most once a minute for each process.
            "dynamodb.write": COUNTS_WRITE_UNITS * min(1, MINUTES / per_month),
            "s3.get": COLD_SHARE,
            "transfer.out_gb": ANSWER_KB / 1e6,
        }),
    )


def call():
    """A request to any other function."""
    read = {"apigateway.http_request": 1, "dynamodb.read": READ_UNITS, "transfer.out_gb": 4 * ANSWER_KB / 1e6}
    return together(Counter(read), invocation("JobsFunction", CALL_MS, CALL_LOG_KB))


def container(seconds, arch="arm64"):
    hours = max(60, seconds) / 3600
    return Counter({f"fargate.{arch}.vcpu_hour": VCPUS * hours, f"fargate.{arch}.gb_hour": GB * hours})


def address(seconds):
    return Counter({"ipv4.hour": max(60, seconds) / 3600})


def job_requests(seconds):
    own = {"dynamodb.write": PROGRESS_WRITE_UNITS * seconds + 20, "s3.put": 10, "s3.get": 5, "logs.ingested_gb": 20e-6}
    return together(Counter(own), times(CALLS_PER_JOB, call()))


def training(seconds, arch="arm64"):
    return together(container(seconds, arch), address(seconds), job_requests(seconds))


def ingest_seconds(mb):
    return 0.5 + mb / S3_MB_PER_SECOND


def upload(mb):
    seconds = ingest_seconds(mb)
    requests = {"lambda.disk_gb_second": DISK_GB * seconds, "s3.put": 3, "s3.get": 2, "dynamodb.write": 8}
    return together(invocation("IngestFunction", seconds * 1e3, 1), Counter(requests), times(4, call()))


def stored_gb_months(gb):
    return Counter({"s3.gb_month": gb * KEPT_DAYS / DAYS})


def idle():
    """A month in which nobody asks for anything."""
    return together(
        times(SWEEPS, together(invocation("JobEventsFunction", SWEEP_MS, SWEEP_LOG_KB), Counter({"dynamodb.read": 0.5}))),
        Counter({"ecr.gb_month": IMAGE_GB}),
        Counter({"dynamodb.gb_month": TABLES_GB, "dynamodb.recovery_gb_month": TABLES_GB}),
    )


def month(predictions, trainings, seconds=300):
    usage = together(
        idle(),
        times(predictions, prediction(predictions)) if predictions else Counter(),
        times(trainings, together(training(seconds), stored_gb_months(MODEL_GB))),
        Counter({"cloudwatch.metric_month": METRICS} if predictions else {}),
    )
    usage["logs.stored_gb_month"] = usage["logs.ingested_gb"] * LOG_COMPRESSED
    return usage


# ---- what that costs ----


def price(name):
    return PRICES[name]["usd"] / PRICES[name]["per"]


def usd(usage, free=None):
    return sum(max(0, quantity - (free or {}).get(name, 0)) * price(name) for name, quantity in usage.items())


def discounted(usage, share):
    return usd(Counter({name: quantity * (1 - share if name.startswith("fargate.") else 1) for name, quantity in usage.items()}))


def without_traces(usage):
    return Counter({name: quantity for name, quantity in usage.items() if name != "xray.trace"})


def break_even(monthly, of=lambda usage: usage):
    """Predictions a month for which ours costs `monthly`."""
    low, high = 1.0, 1e12
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if usd(of(month(middle, 0))) < monthly else (low, middle)
    return low


# ---- in words ----


def money(value):
    """With cents from ten cents on, with two digits below."""
    if value >= 0.095:
        return f"{value:,.2f}"
    return f"{value:.{max(2, 1 - math.floor(math.log10(value)))}f}" if value > 1e-12 else "0"


def amount(name):
    digits = f"{PRICES[name]['usd']:.10f}".rstrip("0")
    return digits + "0" * (2 - len(digits.split(".")[1]))


def listed(name):
    """A price as its list has it."""
    per, unit = PRICES[name]["per"], PRICES[name]["unit"].split()[0]
    return f"{amount(name)} / {unit if per == 1 else 'million' if per == 1_000_000 else format(per, ',')}"


def about(count):
    """Two digits, in millions from a million on."""
    step = 10 ** (math.floor(math.log10(count)) - 1)
    rounded = round(count / step) * step
    return f"{rounded / 1e6:,.3g} million" if rounded >= 1e6 else f"{rounded:,.0f}"


def table(*rows, right=1):
    """A table whose columns from `right` on are figures."""
    head, *body = rows
    rule = ["---" if index < right else "---:" for index in range(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, rule, *body])


def per_million():
    loads = [(1_000 * DAYS, "1,000 a day"), (10 * SECONDS, "10 a second")]
    used = [prediction(load) for load, _ in loads]
    gb, billed_ms = memory_gb("PredictFunction"), f"({WARM_MS} ms + {COLD_SHARE:.0%} × {COLD_MS} ms)"
    lines = [
        ("API Gateway", "apigateway.http_request", f"1 request × {listed('apigateway.http_request')}"),
        ("Lambda, request", "lambda.request", f"1 request × {listed('lambda.request')}"),
        ("Lambda, time", "lambda.arm64.gb_second", f"{gb:g} GB × {billed_ms} × {listed('lambda.arm64.gb_second')}"),
        ("DynamoDB, the job", "dynamodb.read", f"{READ_UNITS} read units × {listed('dynamodb.read')}"),
        ("DynamoDB, counts for drift", "dynamodb.write",
         f"{COUNTS_WRITE_UNITS} write units × {listed('dynamodb.write')}, once a minute at most"),
        ("S3, the model", "s3.get", f"{COLD_SHARE:.0%} × 1 GET × {listed('s3.get')}"),
        ("log", "logs.ingested_gb", f"{LOG_KB:g} KB × {listed('logs.ingested_gb')}"),
        ("traces", "xray.trace", f"{listed('xray.trace')}: the first of each second, {TRACED_OF_THE_REST:.0%} of the others"),
        ("answer to the internet", "transfer.out_gb", f"{ANSWER_KB} KB × {listed('transfer.out_gb')}"),
    ]
    rows = [("per million predictions", "for each", *(f"USD, {label}" for _, label in loads))]
    for what, name, each in lines:
        costs = [1e6 * usage[name] * price(name) for usage in used]
        if any(costs):
            rows.append((what, each, *map(money, costs)))
    rows.append(("**together**", "", *(f"**{money(1e6 * usd(usage))}**" for usage in used)))
    return table(*rows, right=2)


def trainings():
    rows = [("budget", f"{VCPUS} vCPU + {GB:g} GB on arm64", "with address and requests", "the same on Spot", "on x86-64, on demand")]
    for seconds in (60, 300, 1200, 3600):
        arm, spot = training(seconds), [discounted(training(seconds), share) for share in reversed(SPOT_DISCOUNT)]
        x86 = training(seconds, "x86_64")
        rows.append((f"{seconds:,} s", money(usd(container(seconds))), money(usd(arm)), " to ".join(map(money, spot)), money(usd(x86))))
    return table(*rows)


def uploads():
    rows = [("upload", "ingest takes", "function, requests", f"{KEPT_DAYS} days in S3, with its table")]
    for mb, size in ((1, "1 MB"), (100, "100 MB"), (1000, "1 GB")):
        stored = stored_gb_months(mb / 1e3 * (1 + PARQUET_SHARE))
        rows.append((size, f"{ingest_seconds(mb):.1f} s", money(usd(upload(mb))), money(usd(stored))))
    return table(*rows)


# In words, in few words, predictions, trainings of 5 minutes.
LOADS = [
    ("nobody asking", "nobody", 0, 0),
    ("1,000 predictions a day, 4 trainings of 5 minutes", "1,000 a day", 1_000 * DAYS, 4),
    ("100,000 a day, 8 trainings", "100,000 a day", 100_000 * DAYS, 8),
    ("10 a second day and night, 20 trainings", "10 a second", 10 * SECONDS, 20),
]


def months():
    rows = [("a month of", "USD", "with the free tier")]
    for what, _, predictions, count in LOADS:
        usage = month(predictions, count)
        rows.append((what, money(usd(usage)), money(usd(usage, FREE))))
    return table(*rows)


def month_lines():
    parts = [
        ("API Gateway", ["apigateway."]), ("Lambda", ["lambda."]), ("DynamoDB", ["dynamodb."]), ("logs", ["logs."]),
        ("traces", ["xray."]), ("metrics", ["cloudwatch."]), ("training", ["fargate.", "ipv4."]),
        ("S3, image, transfer", ["s3.", "ecr.", "transfer."]),
    ]
    rows = [("USD without the free tier", *(short for _, short, *_ in LOADS))]
    usages = [month(predictions, count) for *_, predictions, count in LOADS]
    for what, prefixes in parts:
        of = [usd({name: quantity for name, quantity in usage.items() if name.startswith(tuple(prefixes))}) for usage in usages]
        if any(of):
            rows.append((what, *map(money, of)))
    return table(*rows)


def idle_lines():
    sweep = times(SWEEPS, invocation("JobEventsFunction", SWEEP_MS, SWEEP_LOG_KB))
    gb_seconds = sweep["lambda.arm64.gb_second"]
    lines = [
        (f"the look for lost jobs: {SWEEPS:,.0f} calls",
         f"{SWEEPS:,.0f} × {listed('lambda.request')} + {gb_seconds:,.0f} GB-s × {listed('lambda.arm64.gb_second')}",
         usd({name: sweep[name] for name in ("lambda.request", "lambda.arm64.gb_second")}), "0"),
        ("… its log", f"{SWEEPS:,.0f} × {SWEEP_LOG_KB:g} KB × {listed('logs.ingested_gb')}",
         sweep["logs.ingested_gb"] * price("logs.ingested_gb"), "0"),
        ("… its queries", f"{SWEEPS:,.0f} × 0.5 read unit × {listed('dynamodb.read')}", SWEEPS * 0.5 * price("dynamodb.read"), None),
    ]
    if is_traced("JobEventsFunction"):
        lines.insert(2, ("… its traces", f"{SWEEPS:,.0f} × {listed('xray.trace')}", sweep["xray.trace"] * price("xray.trace"), "0"))
    lines += [
        ("the trainer's image", f"{IMAGE_GB:g} GB × {listed('ecr.gb_month')}", IMAGE_GB * price("ecr.gb_month"), None),
        ("the tables", f"{TABLES_GB * 1e3:g} MB × {listed('dynamodb.gb_month')}", TABLES_GB * price("dynamodb.gb_month"), "0"),
        ("… their recovery to any second", f"{TABLES_GB * 1e3:g} MB × {listed('dynamodb.recovery_gb_month')}",
         TABLES_GB * price("dynamodb.recovery_gb_month"), None),
    ]
    rows = [("while nobody asks", "reckoning", "USD a month", "with the free tier")]
    rows += [(what, how, money(cost), free if free is not None else money(cost)) for what, how, cost, free in lines]
    return table(*rows, right=2)


def endpoints():
    rows = [("always on", "USD an hour", "USD a month", "costs the same as", *(["… without traces"] if TRACED else []))]
    named = [
        ("SageMaker ml.t2.medium", "sagemaker.ml.t2.medium_hour"), ("SageMaker ml.c6g.large", "sagemaker.ml.c6g.large_hour"),
        ("SageMaker ml.m5.large", "sagemaker.ml.m5.large_hour"), ("Vertex AI e2-standard-2", "vertex.e2-standard-2_hour"),
        ("Vertex AI n1-standard-2", "vertex.n1-standard-2_hour"), ("Azure ML Standard_F2s_v2", "azure.f2s_v2_hour"),
        ("Azure ML Standard_DS3_v2", "azure.ds3_v2_hour"),
    ]
    for what, name in named:
        monthly = price(name) * HOURS
        counts = [break_even(monthly)] + ([break_even(monthly, without_traces)] if TRACED else [])
        shown = [f"{about(count)} predictions ({count / SECONDS:.1f}/s)" for count in counts]
        rows.append((what + ("" if PRICES[name]["verified"] else " \\*"), f"{price(name):.4f}", money(monthly), *shown))
    return table(*rows)


def request_priced():
    seconds = CLOUD_RUN_MS / 1e3
    run = usd({"cloudrun.request": 1, "cloudrun.vcpu_second": seconds * CLOUD_RUN_VCPU, "cloudrun.gib_second": seconds * CLOUD_RUN_GIB})
    sagemaker = usd({"sagemaker.serverless.gb_second": SERVERLESS_MS / 1e3, "sagemaker.serverless.data_gb": 2e-6})
    bare = {name: quantity for name, quantity in prediction(10 * SECONDS).items() if not name.startswith(("logs.", "xray.", "transfer."))}
    return table(
        ("per million requests, 10 a second, without logs, traces and transfer", "for each", "USD"),
        ("ours", "the table above", money(1e6 * usd(bare))),
        ("Google Cloud Run", f"{listed('cloudrun.request')} + {seconds:g} s × ({CLOUD_RUN_VCPU} × {listed('cloudrun.vcpu_second')}"
         f" + {CLOUD_RUN_GIB:g} × {listed('cloudrun.gib_second')})", money(1e6 * run)),
        ("SageMaker Serverless Inference, 1 GB",
         f"{SERVERLESS_MS} ms × {listed('sagemaker.serverless.gb_second')} + 2 KB × {listed('sagemaker.serverless.data_gb')}",
         money(1e6 * sagemaker)),
        right=2,
    )


def price_list():
    rows = [("price", "USD", "for", "region", "as of", "page")]
    for name, entry in PRICES.items():
        as_of = "not looked up, as remembered" if not entry["verified"] else entry["as_of"] or "undated"
        source = entry["source"]
        unit = entry["unit"] if entry["per"] == 1 else f"{entry['per']:,} × {entry['unit']}"
        rows.append((f"`{name}`", amount(name), unit, entry["region"], as_of, f"[{source['title']}]({source['url']})"))
    return table(*rows, right=9)


def document():
    few, many = (usd(prediction(count)) for count in (1_000 * DAYS, 10 * SECONDS))
    five, batch, endpoint = training(300), usd(training(60)), price("sagemaker.ml.t2.medium_hour") * HOURS
    five_parts = [usd(container(300)), usd(address(300)), 300 * PROGRESS_WRITE_UNITS * price("dynamodb.write")]
    predict_gb, ingest_gb = memory_gb("PredictFunction"), memory_gb("IngestFunction")
    vcpu = predict_gb * 1024 / 1769
    per_ms = 1e3 * predict_gb * price("lambda.arm64.gb_second")
    x86_more = price("lambda.x86_64.gb_second") / price("lambda.arm64.gb_second") - 1
    spread = "Where predictions are further apart than a minute, each stores its counts for drift"
    spread += " and each is traced (`Tracing: Active` in the template): that is the difference between the columns." if TRACED else "."
    jobs = "The `cost` that the API tells of a job is the second column. "
    jobs += "Jobs run on Spot first: most cost the fourth." if SPOT else "Jobs run on demand; on Spot they would cost the fourth."
    alarms = f"The {ALARMS} alarms cost {amount('cloudwatch.alarm_month')} each a month where they have someone to tell; ten are free. "
    alarms += f"The dashboard is free where the account has fewer than three others, and costs {amount('cloudwatch.dashboard_month')} where not."
    remembered = ", ".join(f"`{name}`" for name, entry in PRICES.items() if not entry["verified"])
    return f"""# What it costs

Reckoned for AWS in us-east-1 on arm64, in US dollars without tax, by `make cost` from [the price list](../shared/domain/prices.json),
the sizes in `template.yaml`, and [figures of which some are assumed](#what-is-measured-and-what-is-assumed). Nobody's bill was looked at.

{months()}

- A prediction costs {money(100 * many)} to {money(100 * few)} cents: a million of them {money(1e6 * many)} dollars where there are many
and {money(1e6 * few)} where there are few.
- A training of 5 minutes costs {money(100 * usd(five))} cents;
on Spot {" to ".join(money(100 * discounted(five, share)) for share in reversed(SPOT_DISCOUNT))}.
- A table of a million rows is predicted for {money(100 * batch)} cents as a batch; a million requests cost {money(1e6 * many)} dollars.
- While nobody asks it costs {money(usd(month(0, 0)))} dollars a month, {money(usd(month(0, 0), FREE))} with the free tier.
- The smallest endpoint that is always on (SageMaker's ml.t2.medium, {money(endpoint)} a month) costs less from
{about(break_even(endpoint))} predictions a month on, for one model; here any number of models share the little that idling costs.

The free tier is what every account has each month for good: a million requests and 400,000 GB-s of Lambda, 5 GB of logs, 10 metrics,
100,000 traces, 25 GB in DynamoDB, 100 GB to the internet. That of API Gateway, S3 and ECR lasts a year at most, or is a new account's
credit, and is not counted. Nothing else of the account is thought to use it.

## One prediction

{per_million()}

{spread} On x86-64 Lambda's time costs {x86_more:.0%} more. A request with many rows costs little more than one with one row.

## One training

{trainings()}

A job is billed by the second from the pull of its image, a minute at least: {VCPUS} × {amount('fargate.arm64.vcpu_hour')} + {GB:g} ×
{amount('fargate.arm64.gb_hour')} = {money(usd(container(3600)))} an hour. {jobs}
Added in the third are the public IPv4 address of the container ({amount('ipv4.hour')} an hour), the progress that it writes at most each
second ({PROGRESS_WRITE_UNITS} write units), and {CALLS_PER_JOB} requests of somebody who watches. Five minutes:
{" + ".join(map(money, [*five_parts, usd(five) - sum(five_parts)]))} = {money(usd(five))}.
Spot is {SPOT_DISCOUNT[0]:.0%} to {SPOT_DISCOUNT[1]:.0%} off processors and memory. A training that
converges before its budget ends costs less. Batch itself is free.

## One upload

{uploads()}

`ingest` has {ingest_gb:g} GB of memory and {DISK_GB:g} GB of disk above what is free: a gigabyte takes {ingest_seconds(1000):.1f} s ×
({ingest_gb:g} × {listed('lambda.arm64.gb_second')} + {DISK_GB:g} × {listed('lambda.disk_gb_second')})
and a few requests. Kept are the upload and its table:
{1 + PARQUET_SHARE:g} GB × {KEPT_DAYS / DAYS:.2f} months × {listed('s3.gb_month')}. The way in is free.

## A whole table

A million rows take {ROWS_10K_MS[0] / 10:.1f} to {ROWS_10K_MS[1] / 10:.0f} seconds of one thread (100 and 2,000 trees),
so the job ends within the minute that is billed at least: {money(batch)}.

## Storage

A model takes {MODEL_MB[0]:g} to {MODEL_MB[1]:g} MB, twice: about {money(MODEL_GB * price('s3.gb_month'))} a month.
It goes after {KEPT_DAYS} days, as its reports do. A gigabyte costs {amount('s3.gb_month')} a month in S3,
in the tables {amount('dynamodb.gb_month')} and
{amount('dynamodb.recovery_gb_month')} for recovery to any second; a thousand jobs have some megabytes there.

## A month

{month_lines()}

Trainings are reckoned on demand. The function that predicts publishes {METRICS} metrics of its own: {METRICS} ×
{amount('cloudwatch.metric_month')} in a month with predictions, within the free ten.

## While idle

{idle_lines()}

{alarms if ALARMS else ''} Schedules, events of Batch and the way in are free. Logs that are kept cost
{amount('logs.stored_gb_month')} per GB and month, of about
{LOG_COMPRESSED:.0%} of what came in.

## Beside endpoints

{endpoints()}

Below that many predictions a month ours costs less, above it the endpoint does, as long as one machine is enough for it and for one
model; two for availability double it. Counted are our logs, {"traces, " if TRACED else ""}metrics and idle cost,
of the endpoints nothing but the machine. Azure Machine Learning takes nothing beside the machine.

{request_priced()}

Beside what is priced by the request it is a matter of a dollar or two per million. SageMaker takes only requests that are signed for AWS;
with an API Gateway and a function before it, it costs as much as ours. Cloud Run answers several requests in the same 100 ms where they
come together, and has a free tier of two million requests.

## What is measured, and what is assumed

| measured | |
| --- | --- |
| a request | {REQUEST_CPU_MS[0]} and {REQUEST_CPU_MS[1]} ms of a processor (`make bench-serve`) |
| a start | {START_CPU_MS[0]} and {START_CPU_MS[1]} ms of a processor (`make bench-serve`) |
| 10,000 rows | {ROWS_10K_MS[0]} to {ROWS_10K_MS[1]} ms (`make bench-predict`) |
| a job's item | {JOB_ITEM_KB[0]} and {JOB_ITEM_KB[1]} KB, {RUNNING_ITEM_KB} KB while it runs (two tables on the local stack) |
| a model | {MODEL_MB[0]} and {MODEL_MB[1]} MB (the same) |

{assumptions(vcpu, per_ms)}

## Prices

Vendors' pages show most prices only to a browser, so most were read where somebody quotes them, with that page's date; the
[price list](../shared/domain/prices.json) says where (`read_in`). The links go to the vendors. Not looked up, but as remembered
(\\* above): {remembered}.

{price_list()}
"""


def assumptions(vcpu, per_ms):
    request, start = REQUEST_CPU_MS[1], START_CPU_MS[1]
    return table(
        ("assumed", "because"),
        (f"{WARM_MS} ms billed for a warm request",
         f"the memory comes with {vcpu:.2f} of a processor: {request} / {vcpu:.2f} = {request / vcpu:.1f} ms,"
         f" and a read of DynamoDB. Each ms is {money(per_ms)} per million"),
        (f"{COLD_SHARE:.0%} of requests start cold, {COLD_MS} ms each",
         f"{start} / {vcpu:.2f} = {start / vcpu:.0f} ms, and the model from S3; AWS tells of less than 1 %"),
        (f"{LOG_KB:g} KB of log for a prediction", "a line with 25 features has 1.26 KB, Lambda's own two records 0.76, the access log's line 0.35"),
        (f"an answer of {ANSWER_KB} KB", ""),
        (f"other requests: {CALL_MS} ms, {CALL_LOG_KB:g} KB of log", ""),
        (f"the look for lost jobs: {SWEEP_MS} ms, {SWEEP_LOG_KB:g} KB", ""),
        (f"{S3_MB_PER_SECOND} MB/s from S3 to a function", "reading itself takes 495 MB/s on 2 processors (`make bench-ingest`)"),
        (f"a table as Parquet has {PARQUET_SHARE:.0%} of its CSV", "wine qualities: 31 %"),
        (f"the trainer's image has {IMAGE_GB * 1e3:.0f} MB", ""),
        (f"SageMaker Serverless bills {SERVERLESS_MS} ms", "Python's stack took 4 to 6 ms of a processor in `make bench-serve`"),
        ("predictions come evenly", f"counts for drift{' and traces' if TRACED else ''} cost less where they come together"),
        right=2,
    )


def flowed(text):
    """With lines of at most 140 characters, but for tables."""
    def lines(paragraph):
        if paragraph.startswith(("|", "#")):
            return paragraph
        items = re.split(r"\n(?=- )", paragraph)
        return "\n".join(textwrap.fill(" ".join(item.split()), 140, subsequent_indent="  " if item.startswith("- ") else "",
                                       break_long_words=False, break_on_hyphens=False) for item in items)

    return "\n\n".join(map(lines, text.strip().split("\n\n"))) + "\n"


def main():
    wanted = flowed(document())
    if "--check" not in sys.argv:
        DOCUMENT.write_text(wanted)
    elif not DOCUMENT.exists() or DOCUMENT.read_text() != wanted:
        sys.exit("docs/cost.md is not what docs/cost.py writes: run `make cost`")


main()
