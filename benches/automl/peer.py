"""One peer's predictions of a table's test split, as CSV.

    python peer.py flaml|lightgbm|autogluon TRAIN.csv TEST.csv DELIMITER TARGET PROBLEM BUDGET SEED FOLDER OUT.csv

FLAML has its default estimators and metric and the budget; LightGBM its default parameters, with texts as categories; AutoGluon its preset
`medium_quality`, what FLAML optimises as its metric, and the budget. FOLDER is for the files that a peer writes on its way.
"""

import os
import re
import sys
import warnings

import pandas

warnings.filterwarnings("ignore")
THREADS = 2


def flaml(features, target, test, problem, budget, seed, folder):
    from flaml import AutoML

    automl = AutoML()
    task = "regression" if problem == "regression" else "classification"
    automl.fit(X_train=features, y_train=target, task=task, metric="auto", time_budget=budget, n_jobs=THREADS, verbose=0, seed=seed)
    return automl.predict(test), None if problem == "regression" else automl.predict_proba(test), getattr(automl, "classes_", None)


def lightgbm(features, target, test, problem, budget, seed, folder):
    from lightgbm import LGBMClassifier, LGBMRegressor

    both = pandas.concat([features, test])
    for column in both.columns:
        if not pandas.api.types.is_numeric_dtype(both[column]):
            both[column] = both[column].astype("string").astype("category")
    both.columns = [re.sub("[^0-9a-zA-Z_]", "_", name) + str(position) for position, name in enumerate(both.columns)]
    features, test = both.iloc[: len(features)], both.iloc[len(features) :]
    if problem == "regression":
        model = LGBMRegressor(n_jobs=THREADS, verbose=-1, random_state=seed).fit(features, target)
        return model.predict(test), None, None
    model = LGBMClassifier(n_jobs=THREADS, verbose=-1, random_state=seed).fit(features, target.astype(str))
    return model.predict(test), model.predict_proba(test), model.classes_


def autogluon(features, target, test, problem, budget, seed, folder):
    from autogluon.tabular import TabularPredictor

    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}[problem]
    predictor = TabularPredictor(
        label=target.name,
        problem_type=problem,
        eval_metric=metric,
        path=os.path.join(folder, "autogluon"),
        verbosity=0,
        learner_kwargs={"random_state": seed},
    )
    predictor.fit(features.assign(**{target.name: target}), presets="medium_quality", time_limit=budget, num_cpus=THREADS, num_gpus=0)
    if problem == "regression":
        return predictor.predict(test), None, None
    probabilities = predictor.predict_proba(test)
    return predictor.predict(test), probabilities.to_numpy(), probabilities.columns


if __name__ == "__main__":
    peer, train, test, delimiter, target, problem, budget, seed, folder, out = sys.argv[1:]
    train, test = pandas.read_csv(train, sep=delimiter), pandas.read_csv(test, sep=delimiter)
    train = train.dropna(subset=[target])
    fit = {"flaml": flaml, "lightgbm": lightgbm, "autogluon": autogluon}[peer]
    predicted, probabilities, labels = fit(
        train.drop(columns=[target]), train[target], test.drop(columns=[target]), problem, float(budget), int(seed), folder
    )
    answer = pandas.DataFrame({"prediction": pandas.Series(predicted).to_numpy()})
    if probabilities is not None:
        for position, label in enumerate(labels):
            answer[f"probability_{label}"] = probabilities[:, position]
    answer.to_csv(out, index=False)
