#!/usr/bin/env python3
"""Whether hot rows pay for a cache: of which share the hottest 0.1 % of rows are, in pairs and in rows that travel.

usage: tests/bench/skew.py [FOLDER ...]     folders in MMRec's form; then two invented tables, Zipf with 1 and 1.1

A worker asks for each row of its part of a batch once, so what is hot within a part travels once. Negatives are
uniform. The last column is how evenly rows fall on four servers (key modulo 4): the most loaded over the mean."""
import glob
import os
import sys

import numpy as np

BATCH, WORKERS, SERVERS = 4096, 8, 4


def hottest(count):
    hot = np.zeros(len(count), bool)
    hot[np.argsort(-count, kind="stable")[: max(1, round(len(count) / 1000))]] = True
    return hot


def study(name, user, item, users, items, rng):
    hot = [hottest(np.bincount(user, minlength=users)), hottest(np.bincount(item, minlength=items))]
    in_pairs = (hot[0][user].sum() + hot[1][item].sum()) / (2 * len(user))
    order, part, rows, of_hot = rng.permutation(len(user)), BATCH // WORKERS, 0, 0
    load = np.zeros(SERVERS)
    for first in range(0, min(len(user) // BATCH, 200) * BATCH, part):
        pairs = order[first : first + part]
        negatives = rng.integers(0, items, part)
        for side, keys in enumerate((user[pairs], np.concatenate([item[pairs], negatives]))):
            keys = np.unique(keys)
            rows += len(keys)
            of_hot += hot[side][keys].sum()
            load += np.bincount(keys % SERVERS, minlength=SERVERS)
    print(f"| {name} | {users} x {items} | {in_pairs:.1%} | {of_hot / rows:.1%} | {load.max() / load.mean():.3f} |")


def main():
    rng = np.random.default_rng(1)
    print("| data | users x items | of the ends of pairs | of rows that travel | servers |\n|---|---|---|---|---|")
    for folder in sys.argv[1:]:
        path = glob.glob(os.path.join(folder, "*.inter"))[0]
        all_pairs = np.loadtxt(path, delimiter="\t", skiprows=1, usecols=(0, 1, 2), dtype=np.int64)
        train = all_pairs[all_pairs[:, 2] == 0]
        users, items = all_pairs[:, :2].max(0) + 1
        study(os.path.basename(folder.rstrip("/")), train[:, 0], train[:, 1], users, items, rng)
    users, items, pairs = 1_000_000, 300_000, 5_000_000
    for power in (1.0, 1.1):
        weight = np.arange(1, items + 1) ** -power
        item = rng.permutation(items)[rng.choice(items, pairs, p=weight / weight.sum())]
        study(f"Zipf, power {power}", rng.integers(0, users, pairs), item, users, items, rng)


main()
