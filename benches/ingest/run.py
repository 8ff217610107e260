"""Ours and the peers one after the other on one table, three rounds; prints a table and writes target/bench/ingest.json.

    python run.py AUTOML TABLE.csv
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

automl, table = sys.argv[1:3]
here = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 3


def ours(folder):
    before = time.perf_counter()
    child = subprocess.Popen([automl, "profile", table, "--json"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit("automl profile failed")
    return time.perf_counter() - before, usage.ru_maxrss / 1024


def peer(name):
    def run(folder):
        command = [sys.executable, os.path.join(here, "peer.py"), name, table, os.path.join(folder, "peer.parquet")]
        return tuple(float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())

    return run


systems = {"ours": ours, "polars": peer("polars"), "pandas": peer("pandas")}
seconds, megabytes = {name: [] for name in systems}, {name: [] for name in systems}
with tempfile.TemporaryDirectory() as folder:
    for _ in range(ROUNDS):
        for name, run in systems.items():
            took, peak = run(folder)
            seconds[name].append(took)
            megabytes[name].append(peak)

size = os.path.getsize(table) / 1e6
rate = {name: size / statistics.median(values) for name, values in seconds.items()}
peak = {name: max(values) for name, values in megabytes.items()}
print(f"{size:.0f} MB of CSV, median of {ROUNDS} rounds (ours: typed, profiled and written as Parquet; polars: to Parquet; pandas: read)")
print(f"{'':10}{'MB/s':>10}{'peak MB':>10}{'ours is':>12}")
rows = []
for name in systems:
    print(f"{name:10}{rate[name]:10.0f}{peak[name]:10.0f}{rate['ours'] / rate[name]:11.2f}x")
    if name != "ours":
        for metric, values, unit in [("rate", rate, "MB/s"), ("peak memory", peak, "MB")]:
            ratio = values["ours"] / values[name]
            rows.append({"case": f"{size:.0f} MB", "metric": metric, "ours": values["ours"], "peer": values[name], "peer_name": name, "ratio": ratio, "unit": unit})
os.makedirs("target/bench", exist_ok=True)
with open("target/bench/ingest.json", "w") as out:
    json.dump(rows, out, indent=1)
