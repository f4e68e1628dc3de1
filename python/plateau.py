"""plateau.py - what a run of plateau holds, as numpy arrays: docs/python.md.

    run = plateau.Run("runs/quickstart")
    run.options["model.dim"], run.best_epoch, run.final["test"]["recall@20"]
    users, items = run.vectors()                       # their products are the scores
    run.recommend(["u17", "u3"], k=10)                 # {"u17": [("i5", 0.93), ...], ...}

Rows of arrays are the numbers of users and items; run.user_ids and run.item_ids are their names, where the data have
maps (plateau data import). Tables are read through the program `plateau`, so it must be installed: PATH, or program=.
"""
import functools
import json
import os
import subprocess
import tempfile
import numpy as np


class Run:
    def __init__(self, path, program="plateau"):
        self.path, self.program = os.path.abspath(path), program
        self.options = _options(os.path.join(path, "config.yaml"))
        with open(os.path.join(path, "metrics.jsonl"), encoding="utf-8") as lines:
            events = [json.loads(line) for line in lines if line.endswith("}\n")]  # the last may be half
        self.events = [event for event in events if event["event"] != "undone"]

    def metrics(self, event="eval", **fields):
        """The events of a kind with these fields, in order: run.metrics("eval", split="valid")."""
        return [e for e in self.events if e["event"] == event and all(e.get(k) == v for k, v in fields.items())]

    @property
    def final(self):
        """What the final tables are worth, {} before the run has ended."""
        return (self.metrics("final") or [{}])[-1]

    @property
    def best_epoch(self):
        return self.final.get("best_epoch")

    @functools.cached_property
    def user_ids(self):
        return self._names("u_id_mapping.csv")

    @functools.cached_property
    def item_ids(self):
        return self._names("i_id_mapping.csv")

    def tables(self, which="best"):
        """The tables by name, float32 [rows, columns]; which: "best" or "last"."""
        return self._export("--" + which) if which == "last" or self.best_epoch is not None else self._export("--last")

    def vectors(self):
        """Final vectors of users and of items, float32: scores are users @ items.T."""
        arrays = self._export("--vectors")
        return arrays["user_vectors"], arrays["item_vectors"]

    def recommend(self, users=None, k=20, *more):
        """The best items of each user: {user: [(item, score), ...]}; users None: all with training pairs."""
        words = ["recommend", self.path, "-k", str(k), "-o", "-", *more]
        if users is not None:
            words += ["--users", ",".join(map(str, users))]
        found = {}
        for line in self._call(words).splitlines()[1:]:  # behind the names of the columns
            user, item, _, score = line.split("\t")
            found.setdefault(user, []).append((item, float(score)))
        return found

    def _call(self, words):
        done = subprocess.run([self.program, *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"plateau {words[0]}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def _export(self, *options):
        with tempfile.TemporaryDirectory() as folder:
            self._call(["export", self.path, "-o", folder, *options])
            return {name[:-4]: np.load(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".npy")}

    def _names(self, file):
        path = os.path.join(self.options["data.path"], file)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as lines:
            return [line.split("\t")[0] for line in list(lines)[1:]]


def _options(path):
    """{"train.epochs": "100"}: a run's config.yaml, which the program writes with a section's options a line each."""
    options, above = {}, []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            key, colon, value = line.strip().partition(":")
            depth = (len(line) - len(line.lstrip())) // 2
            if colon and not line.lstrip().startswith("-"):
                above = above[:depth] + [key]
                if value:
                    options[".".join(above)] = value.strip().strip('"')
    return options
