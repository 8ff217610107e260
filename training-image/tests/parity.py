"""Answers a batch with ONNX Runtime, after ONNX's own checker has looked at the model.

usage: parity.py FOLDER

FOLDER has `model.onnx`, `numbers.f32` (row-major, little-endian) and `texts.json` (by feature, a list of texts). Writes `answers.f32` (a
number for each row, or its probabilities) and, for labels, `labels.i64`.
"""

import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

folder = sys.argv[1]


def path(name):
    return os.path.join(folder, name)


onnx.checker.check_model(onnx.load(path("model.onnx")), full_check=True)
session = onnxruntime.InferenceSession(path("model.onnx"), providers=["CPUExecutionProvider"])
texts = iter(json.load(open(path("texts.json"))))
feeds = {}
for given in session.get_inputs():
    if given.type == "tensor(float)":
        feeds[given.name] = np.fromfile(path("numbers.f32"), dtype="<f4").reshape(-1, given.shape[1])
    else:
        feeds[given.name] = np.array(next(texts), dtype=object).reshape(-1, 1)
outputs = dict(zip([output.name for output in session.get_outputs()], session.run(None, feeds)))
outputs.get("variable", outputs.get("probabilities")).astype("<f4").tofile(path("answers.f32"))
if "label" in outputs:
    outputs["label"].astype("<i8").tofile(path("labels.i64"))
