"""Ours, FLAML and LightGBM with its defaults, one after the other on each table's fixed split; prints a table and writes
target/bench/automl.json.

    python run.py AUTOML TABLES SCORER [--budget 60] [--seed 1] [--only name,name] [--peers flaml,lightgbm]

TABLES holds `manifest.json` (name, target, problem, delimiter) and `<name>.train.csv` and `<name>.test.csv`. SCORER is called with TABLES,
a name and a file of predictions and prints the metrics as JSON. Compared is what FLAML optimises: 1 - ROC AUC for two labels, log loss for
more, root mean squared error for numbers; beside it the log loss of two labels.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
parser.add_argument("automl")
parser.add_argument("tables")
parser.add_argument("scorer")
parser.add_argument("--budget", type=int, default=60)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--only", default="")
parser.add_argument("--peers", default="flaml,lightgbm")
arguments = parser.parse_args()

manifest = os.path.join(arguments.tables, "manifest.json")
for path in (manifest, arguments.scorer):
    if not os.path.exists(path):
        sys.exit(f"{path} is missing: give a folder of tables (TABLES=...) and a scorer (SCORER=...)")


def measured(command):
    """Seconds and peak megabytes of a process."""
    before = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(errors.decode(errors="replace")[-500:])
    return time.perf_counter() - before, usage.ru_maxrss / 1024


def ours(table, folder, out):
    train, test = (os.path.join(arguments.tables, f"{table['name']}.{part}.csv") for part in ("train", "test"))
    options = ["--budget", str(arguments.budget), "--seed", str(arguments.seed), "--threads", "2", "--out", folder]
    problem = "regression" if table["problem"] == "regression" else "classification"
    took = measured([arguments.automl, "train", "--data", train, "--target", table["target"], "--problem", problem, *options])
    measured([arguments.automl, "predict", "--model", os.path.join(folder, "model.onnx"), "--data", test, "--out", out])
    return took


def peer(name):
    def run(table, folder, out):
        train, test = (os.path.join(arguments.tables, f"{table['name']}.{part}.csv") for part in ("train", "test"))
        options = [table["delimiter"], table["target"], table["problem"], str(arguments.budget), str(arguments.seed), out]
        return measured([sys.executable, os.path.join(here, "peer.py"), name, train, test, *options])

    return run


def scored(table, out):
    command = [sys.executable, arguments.scorer, arguments.tables, table["name"], out]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compared(problem, scores):
    return {"binary": 1 - scores.get("roc_auc", 0), "multiclass": scores.get("log_loss"), "regression": scores.get("rmse")}[problem]


METRICS = {"binary": "1 - AUC", "multiclass": "log loss", "regression": "RMSE"}
systems = {"ours": ours} | {name: peer(name) for name in arguments.peers.split(",") if name}
only = set(filter(None, arguments.only.split(",")))
rows, better, tables = [], {name: 0 for name in systems}, 0
print(f"budget {arguments.budget} s, seed {arguments.seed}; ratio below 1: ours is better")
print(f"{'':20}{'metric':>10}{'system':>12}{'score':>12}{'ratio':>8}{'log loss':>10}{'seconds':>9}{'peak MB':>9}", flush=True)
for table in json.load(open(manifest)):
    if only and table["name"] not in only:
        continue
    tables += 1
    results = {}
    for name, run in systems.items():
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "predictions.csv")
            try:
                took, peak = run(table, folder, out)
                scores = scored(table, out)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                print(f"{table['name']:20}{name:>22} failed: {error}", flush=True)
                continue
        score, loss = compared(table["problem"], scores), scores.get("log_loss")
        results[name] = (score, loss)
        ratio = results["ours"][0] / score if "ours" in results and score else float("nan")
        better[name] += ratio < 1
        shown = "" if loss is None else f"{loss:.4f}"
        metric = METRICS[table["problem"]]
        print(f"{table['name']:20}{metric:>10}{name:>12}{score:12.5g}{ratio:8.3f}{shown:>10}{took:9.1f}{peak:9.0f}", flush=True)
        if name != "ours" and "ours" in results:
            pairs = [(metric, results["ours"][0], score)] + ([("log loss", results["ours"][1], loss)] if table["problem"] == "binary" else [])
            for which, mine, theirs in pairs:
                unit = {"metric": which, "ours": mine, "peer": theirs, "peer_name": name, "ratio": mine / theirs if theirs else None}
                rows.append({"case": table["name"], **unit, "unit": "", "seed": arguments.seed})
for name in systems:
    if name != "ours":
        print(f"better than {name} on {better[name]} of {tables}")
os.makedirs("target/bench", exist_ok=True)
with open("target/bench/automl.json", "w") as out:
    json.dump(rows, out, indent=1)
