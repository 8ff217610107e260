"""ONNX Runtime on a model that ours wrote: the medians of loading and predicting in seconds, as JSON.

    python peer.py FOLDER ROWS SECONDS

FOLDER is what `predict write` made. ROWS rows are predicted at a time, one batch of them after the other.
"""

import itertools
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
numbers = numpy.fromfile(os.path.join(folder, "rows.f32"), dtype="<f4").reshape(-1, width)
expected = numpy.fromfile(os.path.join(folder, "expected.f32"), dtype="<f4").reshape(-1, 2)
batches = [{"numeric": numbers[first : first + rows]} for first in range(0, len(numbers) - rows + 1, rows)]
found = numpy.concatenate([session.run(["label", "probabilities"], batch)[1] for batch in batches])
if abs(found - expected[: len(found)]).max() > 1e-5:
    sys.exit(f"probabilities differ by {abs(found - expected[: len(found)]).max()}")
following = itertools.cycle(batches)
print(json.dumps({"load": median(load), "predict": median(lambda: session.run(["label", "probabilities"], next(following)))}))
