"""Ours and its peers, one after the other on each table's fixed split, for each seed; prints a table and what follows from it, and writes
target/bench/automl.json.

    python run.py AUTOML TABLES SCORER [--budget 60] [--seed 1,2] [--only name,name] [--peers flaml,lightgbm,autogluon]
                  [--autogluon-python PYTHON]

TABLES holds `manifest.json` (name, target, problem, delimiter) and `<name>.train.csv` and `<name>.test.csv`. SCORER is called with TABLES,
a name and a file of predictions and prints the metrics as JSON. Compared is what FLAML optimises: 1 - ROC AUC for two labels, log loss for
more, root mean squared error for numbers; beside it the log loss of two labels, the seconds of training and the peak memory. AutoGluon has
an environment of its own, because it asks for other versions of what the others need.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import pandas

import summary

here = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
parser.add_argument("automl")
parser.add_argument("tables")
parser.add_argument("scorer")
parser.add_argument("--budget", type=int, default=60)
parser.add_argument("--seed", default="1")
parser.add_argument("--only", default="")
parser.add_argument("--peers", default="flaml,lightgbm")
parser.add_argument("--autogluon-python", default="target/bench/autogluon-venv/bin/python")
arguments = parser.parse_args()

PEERS = ("flaml", "lightgbm", "autogluon")
peers = [name for name in arguments.peers.split(",") if name]
seeds = [int(seed) for seed in arguments.seed.split(",") if seed]
only = set(filter(None, arguments.only.split(",")))
if unknown := set(peers) - set(PEERS):
    sys.exit(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
manifest = os.path.join(arguments.tables, "manifest.json")
for path in (manifest, arguments.scorer, *([arguments.autogluon_python] if "autogluon" in peers else [])):
    if not os.path.exists(path):
        sys.exit(f"{path} is missing: give a folder of tables (TABLES=...), a scorer (SCORER=...) and, for AutoGluon, a Python that has it")


def measured(command):
    """Seconds and peak megabytes of a process."""
    before = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(errors.decode(errors="replace")[-500:])
    return time.perf_counter() - before, usage.ru_maxrss / 1024


def split(table):
    return [os.path.join(arguments.tables, f"{table['name']}.{part}.csv") for part in ("train", "test")]


def ours(table, seed, folder, out):
    train, test = split(table)
    options = ["--budget", str(arguments.budget), "--seed", str(seed), "--threads", "2", "--out", folder]
    problem = "regression" if table["problem"] == "regression" else "classification"
    took = measured([arguments.automl, "train", "--data", train, "--target", table["target"], "--problem", problem, *options])
    measured([arguments.automl, "predict", "--model", os.path.join(folder, "model.onnx"), "--data", test, "--out", out])
    return took


def peer(name):
    python = arguments.autogluon_python if name == "autogluon" else sys.executable

    def run(table, seed, folder, out):
        options = [table["delimiter"], table["target"], table["problem"], str(arguments.budget), str(seed), folder, out]
        return measured([python, os.path.join(here, "peer.py"), name, *split(table), *options])

    return run


def scored(table, out):
    command = [sys.executable, arguments.scorer, arguments.tables, table["name"], out]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


# What is compared; the first is what decides.
METRICS = {"binary": ("1 - AUC", "log loss"), "multiclass": ("log loss",), "regression": ("RMSE",)}
UNITS = {"wall time": "s", "peak memory": "MB"}


def compared(problem, scores):
    known = {"1 - AUC": 1 - scores.get("roc_auc", 0), "log loss": scores.get("log_loss"), "RMSE": scores.get("rmse")}
    return {metric: known[metric] for metric in METRICS[problem]}


def results_of(table, seed):
    """By system what it reached; none where it failed."""
    results = {}
    for name, run in systems.items():
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "predictions.csv")
            try:
                seconds, peak = run(table, seed, folder, out)
                metrics = compared(table["problem"], scored(table, out))
            except (RuntimeError, subprocess.CalledProcessError) as error:
                print(f"{seed:4} {table['name']:20}{name:>22} failed: {error}", flush=True)
                continue
        results[name] = metrics | {"wall time": seconds, "peak memory": peak}
        metric, score = next(iter(metrics.items()))
        reached = summary.ratio(results.get("ours", {}).get(metric), score)
        shown = "" if reached is None else f"{reached:.3f}"
        loss = "" if "log loss" not in metrics else f"{metrics['log loss']:.4f}"
        print(f"{seed:4} {table['name']:20}{metric:>10}{name:>12}{score:12.5g}{shown:>8}{loss:>10}{seconds:9.1f}{peak:9.0f}", flush=True)
    return results


def rows_of(table, seed, results):
    """One row for each metric and peer; `training_rows`, `budget` and `decides` are what the summary needs."""
    facts = {"training_rows": len(pandas.read_csv(split(table)[0], sep=table["delimiter"])), "budget": arguments.budget}
    for name in peers:
        for position, metric in enumerate((*METRICS[table["problem"]], *UNITS)):
            mine, theirs = (results.get(system, {}).get(metric) for system in ("ours", name))
            both = {"metric": metric, "ours": mine, "peer": theirs, "peer_name": name, "ratio": summary.ratio(mine, theirs)}
            yield {"case": table["name"], **both, "unit": UNITS.get(metric, ""), "seed": seed, "decides": position == 0, **facts}


systems = {"ours": ours} | {name: peer(name) for name in peers}
rows = []
os.makedirs("target/bench", exist_ok=True)
print(f"budget {arguments.budget} s; ratio below 1: ours is better")
print(f"seed {'':20}{'metric':>10}{'system':>12}{'score':>12}{'ratio':>8}{'log loss':>10}{'seconds':>9}{'peak MB':>9}", flush=True)
for seed in seeds:
    for table in json.load(open(manifest)):
        if only and table["name"] not in only:
            continue
        rows.extend(rows_of(table, seed, results_of(table, seed)))
        # After each table, so that what was measured outlives a run that is broken off.
        with open("target/bench/automl.json", "w") as out:
            json.dump(rows, out, indent=1)
print(summary.told(rows))
