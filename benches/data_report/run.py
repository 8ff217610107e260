"""The data report by ours and by ydata-profiling's minimal mode, one after the other, each as a whole process; prints a table and writes
target/bench/report.json.

    python run.py AUTOML TABLE.csv TARGET
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

automl, table, target = sys.argv[1:4]
here = os.path.dirname(os.path.abspath(__file__))
ROUNDS = {"ours": 3, "ydata-profiling": 1}


def command(name, out):
    if name == "ours":
        return [automl, "profile", table, "--target", target, "--out", out]
    return [sys.executable, os.path.join(here, "peer.py"), table, out]


seconds, megabytes, sizes = {}, {}, {}
with tempfile.TemporaryDirectory() as folder:
    for name, rounds in ROUNDS.items():
        out = os.path.join(folder, f"{name}.html")
        took = []
        for _ in range(rounds):
            before = time.perf_counter()
            child = subprocess.Popen(command(name, out), stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            if status:
                sys.exit(f"{name} failed")
            took.append(time.perf_counter() - before)
            megabytes[name] = max(megabytes.get(name, 0), usage.ru_maxrss / 1024)
        seconds[name] = statistics.median(took)
        sizes[name] = os.path.getsize(out) / 1e6

print(f"the report of {os.path.basename(table)}, {os.path.getsize(table) / 1e6:.0f} MB")
print(f"{'':18}{'seconds':>10}{'peak MB':>10}{'report MB':>12}")
for name in ROUNDS:
    print(f"{name:18}{seconds[name]:10.2f}{megabytes[name]:10.0f}{sizes[name]:12.2f}")
print(f"ours is {seconds['ydata-profiling'] / seconds['ours']:.0f} times faster")
rows = []
for metric, values, unit in [("time", seconds, "s"), ("peak memory", megabytes, "MB"), ("report size", sizes, "MB")]:
    ours, peer = values["ours"], values["ydata-profiling"]
    rows.append({"case": "500,000 x 20", "metric": metric, "ours": ours, "peer": peer, "peer_name": "ydata-profiling minimal", "ratio": ours / peer, "unit": unit})
os.makedirs("target/bench", exist_ok=True)
with open("target/bench/report.json", "w") as out:
    json.dump(rows, out, indent=1)
