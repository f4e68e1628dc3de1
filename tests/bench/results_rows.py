#!/usr/bin/env python3
"""Rows of the tables of docs/results.md from what tests/bench/results.sh left.

  usage: tests/bench/results_rows.py models|strategies NAME=OUT ...

models: a row for each OUT, its plain trial, best first. strategies: a row for each of its strategies.
"Twins": the mean difference of validation figures, first seed, between a trial and plain's with the same settings but
for the strategy's own, and how many are above theirs. "At plain's cost": the best validation figure, first seed, of all
of a strategy's trials before they had more gradient evaluations than plain's best trial at its end. "Ahead": the seeds
with which a strategy's test figure is above plain's. Needs nothing but python3.
"""
import json
import pathlib
import statistics
import sys

SHORT = {"model.": "", "optimizer.": "", "strategy.": "", "rho": "ρ", "alpha2": "α2"}
FIGURES = ("valid", "recall@20"), ("test", "recall@20"), ("test", "ndcg@20")


class Run:
    """One training: metrics.jsonl of its run directory."""

    def __init__(self, path):
        self.gradients = self.epochs = self.seconds = 0
        self.valid = []  # of each evaluation: gradient evaluations until then, the chosen metric
        for line in (path / "metrics.jsonl").open():
            event = json.loads(line)
            if event["event"] == "epoch":
                self.epochs = event["epoch"] + 1
                self.gradients = event["gradients"]
                self.seconds += event["seconds"]
            elif event["event"] == "eval" and event["split"] == "valid":
                self.valid.append((self.gradients, event["recall@20"]))
            elif event["event"] == "final":
                self.final = event

    def best_within(self, gradients):
        return max((value for cost, value in self.valid if cost <= gradients), default=0)


class Cell:
    """One search: a model on a data set."""

    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.results = json.loads((self.out / "results.json").read_text())

    def strategies(self):
        return list(dict.fromkeys(trial["strategy"] for trial in self.results["trials"]))

    def best(self, strategy):
        return max((t for t in self.results["trials"] if t["strategy"] == strategy), key=lambda t: t["valid"])

    def runs(self, strategy):
        """The best trial's runs, one for each seed."""
        trial = self.best(strategy)["trial"]
        seeds = sorted((self.out / "tune/finals").glob(trial + "-seed-*"))
        return [Run(self.out / "tune/trials" / trial)] + [Run(path) for path in seeds]

    def best_within(self, strategy, gradients):
        trials = (trial["trial"] for trial in self.results["trials"] if trial["strategy"] == strategy)
        return max(Run(self.out / "tune/trials" / trial).best_within(gradients) for trial in trials)

    def twins(self, strategy):
        """Differences to plain's trials at the same point."""
        plain = {own(trial): trial["valid"] for trial in self.results["trials"] if trial["strategy"] == "plain"}
        trials = [trial for trial in self.results["trials"] if trial["strategy"] == strategy]
        return [trial["valid"] - plain[own(trial)] for trial in trials if own(trial) in plain]

    def figure(self, strategy, part, metric):
        for row in self.results["finals"]:
            if (row.get("strategy.name", strategy), row["part"], row["metric"]) == (strategy, part, metric):
                return row
        raise KeyError((strategy, part, metric))


def own(trial):
    """A trial's settings without its strategy's."""
    return tuple(s for s in trial["point"].split(", ") if not s.startswith("strategy."))


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def short(point):
    for word, instead in SHORT.items():
        point = point.replace(word, instead)
    return ", ".join(reversed(point.split(", ")))


def spread(figure):
    return f"{figure['mean']:.4f} ± {figure['deviation']:.4f}"


def difference(cell, strategy, metric, runs, plain):
    figure = cell.figure(strategy, "test", metric)
    if figure["difference"] is None:
        return ""
    ahead = sum(a.final["test"][metric] > b.final["test"][metric] for a, b in zip(runs, plain))
    text = f"{figure['difference']:+.4f} ({figure['low']:+.4f} to {figure['high']:+.4f}), p {figure['holm']:.2g}"
    return text.replace("-", "−") + f", ahead {ahead} of {len(runs)}"


def twins(cell, strategy):
    apart = cell.twins(strategy)
    if strategy == "plain" or not apart:
        return ""
    return f"{statistics.mean(apart):+.4f}, {sum(d > 0 for d in apart)} of {len(apart)}".replace("-", "−")


def strategy_rows(name, cell):
    plain = cell.runs("plain")
    for strategy in cell.strategies():
        runs = cell.runs(strategy)
        valid, test, ndcg = (cell.figure(strategy, *which) for which in FIGURES)
        row(name, strategy, short(cell.best(strategy)["point"]), f"{valid['mean']:.4f}",
            twins(cell, strategy), f"{cell.best_within(strategy, plain[0].gradients):.4f}", spread(test),
            difference(cell, strategy, "recall@20", runs, plain), f"{ndcg['mean']:.4f}",
            difference(cell, strategy, "ndcg@20", runs, plain),
            f"{statistics.mean(run.gradients for run in runs):,.0f}",
            f"{statistics.median(run.seconds for run in runs):.0f}")
        name = ""


def model_rows(cells):
    for name, cell in sorted(cells, key=lambda c: -c[1].figure("plain", "test", "recall@20")["mean"]):
        runs = cell.runs("plain")
        valid, test, ndcg = (cell.figure("plain", *which) for which in FIGURES)
        row(name, short(cell.best("plain")["point"]), f"{valid['mean']:.4f}", spread(test), f"{ndcg['mean']:.4f}",
            f"{statistics.mean(run.epochs for run in runs):.0f}",
            f"{statistics.median(run.seconds for run in runs):.0f}")


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("models", "strategies") or any("=" not in a for a in sys.argv[2:]):
        sys.exit(__doc__)
    cells = [(name, Cell(out)) for name, _, out in (argument.rpartition("=") for argument in sys.argv[2:])]
    if sys.argv[1] == "models":
        model_rows(cells)
    else:
        for name, cell in cells:
            strategy_rows(name, cell)


if __name__ == "__main__":
    main()
