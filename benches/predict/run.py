"""Loading and predicting beside ONNX Runtime's: the same files, the same rows, the two in turn.

    python run.py PREDICT [--trees 100,500,2000] [--leaves 63] [--features 10,100] [--rows 1,100,10000] [--seconds 0.5] [--repeats 3]

PREDICT is the example `predict` of shared/model. Each measurement is the median of the calls of a process; the least of the repeats counts.
Loading is from a file to a model that is ready to answer. Both use as many threads as they like; the probabilities of both are compared
with the trainer's own before anything is timed.
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
parser.add_argument("predict")
parser.add_argument("--trees", default="100,500,2000")
parser.add_argument("--leaves", default="63")
parser.add_argument("--features", default="10,100")
parser.add_argument("--rows", default="1,100,10000")
parser.add_argument("--seconds", default="0.5")
parser.add_argument("--repeats", type=int, default=3)
arguments = parser.parse_args()


def measured(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-500:])
    return json.loads(done.stdout)


def each(text):
    return [int(part) for part in text.split(",")]


results, ratios = [], {"load": [], "predict": []}
print("ratio below 1: ours is better")
print(f"{'trees':>6}{'features':>10}{'rows':>8}{'':>10}{'ours ms':>12}{'ONNX Runtime ms':>18}{'ratio':>8}", flush=True)
for trees in each(arguments.trees):
    for features in each(arguments.features):
        with tempfile.TemporaryDirectory() as folder:
            written = subprocess.run([arguments.predict, "write", folder, str(trees), arguments.leaves, str(features), "1"], capture_output=True, text=True)
            if written.returncode:
                sys.exit(written.stderr[-500:])
            for rows in each(arguments.rows):
                ours, theirs = [], []
                for _ in range(arguments.repeats):
                    ours.append(measured([arguments.predict, "time", folder, rows, arguments.seconds]))
                    theirs.append(measured([sys.executable, os.path.join(here, "peer.py"), folder, rows, arguments.seconds]))
                for what in ("predict", "load") if rows == each(arguments.rows)[0] else ("predict",):
                    mine, other = (min(side[what] for side in sides) for sides in (ours, theirs))
                    ratios[what].append(mine / other)
                    case = f"{trees} trees, {features} features" + (f", {rows} rows" if what == "predict" else "")
                    results.append({"case": case, "metric": what, "ours": mine, "peer": other, "peer_name": "onnxruntime", "ratio": mine / other, "unit": "s"})
                    shown = rows if what == "predict" else ""
                    print(f"{trees:6}{features:10}{shown:>8}{what:>10}{mine * 1e3:12.4f}{other * 1e3:18.4f}{mine / other:8.2f}", flush=True)
for what, values in ratios.items():
    print(f"{what}: geometric mean of the ratios {math.exp(sum(map(math.log, values)) / len(values)):.2f}, the largest {max(values):.2f}")
os.makedirs("target/bench", exist_ok=True)
with open("target/bench/predict.json", "w") as out:
    json.dump(results, out, indent=1)
