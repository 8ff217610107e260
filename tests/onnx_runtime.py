"""Answers rows with ONNX Runtime: the second opinion on a downloaded model.

usage: onnx_runtime.py MODEL.onnx < ROWS.json

ROWS.json is a list of objects, feature → value. Prints a list with, for each row, `prediction` and, for classification,
`probabilities` and the `keys` under which the service reports them: the labels where they are numbers, else their positions.
"""

import json
import re
import sys

import numpy as np
import onnx
import onnxruntime


WORD = r"[0-9a-z\u00c0-\u1fff\u3040-\ud7ff\uf900-\ufdff\uff10-\uff19\uff41-\uff5a\uff66-\uffdc\U00020000-\U0003ffff]+"


def text_numbers(feature, text):
    if text == "":
        return [float("nan")] * (len(feature["lengths"]) + len(feature["words"]))
    words = re.findall(WORD, text.lower())
    lengths = {"characters": len(text), "words": len(words), "digits": sum(c in "0123456789" for c in text)}
    return [lengths[name] for name in feature["lengths"]] + [float(word in words) for word in feature["words"]]


def numbers(features, row):
    for feature in features:
        if feature["type"] == "numeric":
            yield row[feature["name"]]
        elif feature["type"] == "text":
            yield from text_numbers(feature, row[feature["name"]])


def batch(session, features, rows):
    categorical = [f["name"] for f in features if f["type"] == "categorical"]
    feeds, texts = {}, iter(categorical)
    for given in session.get_inputs():
        if given.type == "tensor(float)":
            feeds[given.name] = np.array([list(numbers(features, row)) for row in rows], dtype=np.float32)
        else:
            name = next(texts)
            feeds[given.name] = np.array([[str(row[name])] for row in rows], dtype=object)
    return feeds


def main(path):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    manifest = json.loads(session.get_modelmeta().custom_metadata_map["manifest"])
    rows = json.load(sys.stdin)
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, batch(session, manifest["features"], rows))))
    labels = manifest["labels"]
    if not labels:
        answers = [{"prediction": float(value)} for value in outputs["variable"].reshape(-1)]
    else:
        keys = [str(i) if isinstance(l, str) else str(int(l) if l == int(l) else l) for i, l in enumerate(labels)]
        probabilities = outputs["probabilities"].astype(float)
        chosen = outputs["label"].reshape(-1)
        answers = [{"prediction": int(label), "keys": keys, "probabilities": row.tolist()} for label, row in zip(chosen, probabilities)]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
