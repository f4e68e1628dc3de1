#!/usr/bin/env python3
"""import_twin.py TABLE KIND BY_TIME K LEAST SEED OUT: what `plateau data import` is to make of a CSV with the columns
user, item, rating, time; by the csv module, sets and lists. Writes OUT.inter, OUT.users and OUT.items."""
import csv
import math
import sys

table, kind, by_time, k, least, seed, out = sys.argv[1:]
by_time, k, least, seed = by_time == "time", int(k), float(least), int(seed)
SHARES = [0.8, 0.1, 0.1]


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def uniform(p):
    return math.ldexp((mix(mix(mix(seed) ^ 1) ^ p) >> 11) + 0.5, -53)


def counts(n):
    """RecBole: all but the first rounded down, then none of the last is empty while the first keeps one."""
    if kind == "leave-one-out":
        return [n, 0, 0] if n == 1 else [1, 0, 1] if n == 2 else [n - 2, 1, 1]
    shares = [s / sum(SHARES) for s in SHARES]
    c = [0] + [int(s * n) for s in shares[1:]]
    c[0] = n - sum(c)
    for j in (-1, -2):
        if c[0] <= 1:
            break
        if 0 < shares[j] * n < 1:
            c[j] += 1
            c[0] -= 1
    return c


rows, first = [], {}
with open(table, newline="", encoding="utf-8-sig") as file:
    for number, row in enumerate(csv.DictReader(file)):
        if float(row["rating"]) >= least:
            rows.append((row["user"], row["item"], float(row["time"]), number))
users, items = list(dict.fromkeys(r[0] for r in rows)), list(dict.fromkeys(r[1] for r in rows))
for r in sorted(rows, key=lambda r: (r[2], r[3])):
    first.setdefault((r[0], r[1]), r)
rows = list(first.values())
while True:
    degree = {}
    for r in rows:
        for node in (("u", r[0]), ("i", r[1])):
            degree[node] = degree.get(node, 0) + 1
    kept = [r for r in rows if degree["u", r[0]] >= k and degree["i", r[1]] >= k]
    if len(kept) == len(rows):
        break
    rows = kept
alive = {r[0] for r in rows}, {r[1] for r in rows}
users, items = [u for u in users if u in alive[0]], [i for i in items if i in alive[1]]
number = {u: n for n, u in enumerate(users)}, {i: n for n, i in enumerate(items)}
pairs = sorted((number[0][r[0]], number[1][r[1]], r[2], r[3]) for r in rows)
groups = {}
for p, pair in enumerate(pairs):
    groups.setdefault(0 if kind == "time" else pair[0], []).append(p)
part = {}
for members in groups.values():
    timed = by_time or kind == "time"
    members.sort(key=lambda p: (pairs[p][2], pairs[p][3]) if timed else (uniform(p), p))
    labels = [label for label, n in enumerate(counts(len(members))) for _ in range(n)]
    part.update(zip(members, labels))
with open(out + ".inter", "w") as file:
    file.write("userID\titemID\tx_label\n")
    for p, pair in enumerate(pairs):
        file.write(f"{pair[0]}\t{pair[1]}\t{part[p]}\n")
for suffix, names in ((".users", users), (".items", items)):
    with open(out + suffix, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{name}\t{n}\n" for n, name in enumerate(names))
