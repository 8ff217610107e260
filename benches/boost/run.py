"""Our gradient boosting beside LightGBM's: the same inputs, the same parameters, no early stop; accuracy and seconds.

    python run.py BOOST TABLES SCORER [--repeats 3] [--rounds 200] [--num-leaves 31] [--learning-rate 0.1] [--min-data-in-leaf 20] [--only a,b]

BOOST is the example `boost` of shared/engine, which prepares a table and writes what boosting sees of it for LightGBM. TABLES and SCORER
are those of benches/automl. Each side is measured from inputs in memory to a model, binning included, in a process of its own, the two
in turn; the least seconds of the repeats count. Compared are 1 - ROC AUC for two labels, log loss for more, and root mean squared error.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
parser.add_argument("boost")
parser.add_argument("tables")
parser.add_argument("scorer")
parser.add_argument("--repeats", type=int, default=3)
parser.add_argument("--rounds", type=int, default=200)
parser.add_argument("--num-leaves", type=int, default=31)
parser.add_argument("--learning-rate", type=float, default=0.1)
parser.add_argument("--min-data-in-leaf", type=int, default=20)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--only", default="")
arguments = parser.parse_args()

manifest = os.path.join(arguments.tables, "manifest.json")
for path in (manifest, arguments.scorer):
    if not os.path.exists(path):
        sys.exit(f"{path} is missing: give a folder of tables (TABLES=...) and a scorer (SCORER=...)")


def seconds(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-500:])
    return float(done.stdout)


def score(table, out):
    command = [sys.executable, arguments.scorer, arguments.tables, table["name"], out]
    scores = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"binary": 1 - scores.get("roc_auc", 0), "multiclass": scores.get("log_loss"), "regression": scores.get("rmse")}[table["problem"]]


METRICS = {"binary": "1 - AUC", "multiclass": "log loss", "regression": "RMSE"}
settings = [arguments.num_leaves, arguments.learning_rate, arguments.min_data_in_leaf, arguments.rounds, arguments.threads, arguments.seed]
only = set(filter(None, arguments.only.split(",")))
rows, ratios = [], {"score": [], "seconds": []}
print(f"{arguments.rounds} rounds, {arguments.num_leaves} leaves, {arguments.threads} threads; ratio below 1: ours is better")
print(f"{'':20}{'metric':>10}{'ours':>12}{'LightGBM':>12}{'ratio':>8}{'ours s':>10}{'LightGBM s':>12}{'ratio':>8}", flush=True)
for table in json.load(open(manifest)):
    if only and table["name"] not in only:
        continue
    train, test = (os.path.join(arguments.tables, f"{table['name']}.{part}.csv") for part in ("train", "test"))
    with tempfile.TemporaryDirectory() as folder:
        took = {"ours": [], "peer": []}
        try:
            for _ in range(arguments.repeats):
                took["ours"].append(seconds([arguments.boost, train, test, table["target"], table["problem"], folder, *settings]))
                took["peer"].append(seconds([sys.executable, os.path.join(here, "peer.py"), folder, table["problem"], *settings]))
            mine, theirs = (score(table, os.path.join(folder, f"{side}.csv")) for side in ("ours", "peer"))
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{table['name']:20} failed: {error}", flush=True)
            continue
    mine_took, their_took = min(took["ours"]), min(took["peer"])
    for metric, ours, peer, unit in ((METRICS[table["problem"]], mine, theirs, ""), ("fit", mine_took, their_took, "s")):
        ratio = ours / peer if peer else None
        rows.append({"case": table["name"], "metric": metric, "ours": ours, "peer": peer, "peer_name": "LightGBM", "ratio": ratio, "unit": unit})
        if ratio:
            ratios["seconds" if unit else "score"].append(ratio)
    scored, timed = f"{mine:12.5g}{theirs:12.5g}{mine / theirs:8.3f}", f"{mine_took:10.3f}{their_took:12.3f}{mine_took / their_took:8.2f}"
    print(f"{table['name']:20}{METRICS[table['problem']]:>10}{scored}{timed}", flush=True)
for name, values in ratios.items():
    if values:
        print(f"geometric mean of the ratios, {name}: {math.exp(sum(map(math.log, values)) / len(values)):.3f}")
os.makedirs("target/bench", exist_ok=True)
with open("target/bench/boost.json", "w") as out:
    json.dump(rows, out, indent=1)
