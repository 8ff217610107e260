"""ONNX Runtime on a model that ours wrote: the medians of loading and predicting in seconds, as JSON.

    python peer.py FOLDER ROWS SECONDS

FOLDER is what `predict write` made.
"""

import json
import os
import statistics
import sys
import time

import numpy
import onnxruntime

folder, rows, span = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
path = os.path.join(folder, "model.onnx")


def load():
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def median(call):
    start, seconds = time.perf_counter(), []
    while len(seconds) < 3 or time.perf_counter() - start < span:
        one = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - one)
    return statistics.median(seconds)


session = load()
width = session.get_inputs()[0].shape[1]
inputs = {"numeric": numpy.fromfile(os.path.join(folder, "rows.f32"), dtype="<f4").reshape(-1, width)[:rows]}
expected = numpy.fromfile(os.path.join(folder, "expected.f32"), dtype="<f4").reshape(-1, 2)[:rows]
found = session.run(["label", "probabilities"], inputs)[1]
if abs(found - expected).max() > 1e-5:
    sys.exit(f"probabilities differ by {abs(found - expected).max()}")
print(json.dumps({"load": median(load), "predict": median(lambda: session.run(["label", "probabilities"], inputs))}))
