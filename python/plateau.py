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
import re
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
        with tempfile.TemporaryDirectory() as folder:
            if users is not None:  # in a file: names may have commas, or be those of files
                words += ["--users", os.path.join(folder, "users.txt")]
                with open(words[-1], "w", encoding="utf-8", newline="\n") as lines:
                    lines.writelines(f"{user}\n" for user in users)
            told = self._call(words)
        found = {}
        for line in told.split("\n")[1:-1]:  # behind the names of the columns
            user, item, _, score = line.split("\t")
            found.setdefault(user, []).append((item, float(score)))
        return found

    def _call(self, words):
        done = subprocess.run([self.program, *words], capture_output=True, encoding="utf-8", errors="replace", check=False)
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
        with open(path, encoding="utf-8", newline="\n") as lines:
            header, *rows = [line.rstrip("\r\n").split("\t") for line in lines]
        column = 1 if header[0] in ("userID", "itemID") else 0  # which column has the numbers is not said otherwise
        return [_unquoted(row[column]) for row in rows]


def _unquoted(name):
    """Names that begin with a quote are in quotes, with their own doubled."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _text(value):
    """A value of config.yaml: what is in quotes has escapes."""
    if not value.startswith('"'):
        return value
    return re.sub(r'\\(U([0-9A-F]{8})|.)', lambda m: chr(int(m[2], 16)) if m[2] else m[1], value[1:-1])


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
                    options[".".join(above)] = _text(value.strip())
    return options
