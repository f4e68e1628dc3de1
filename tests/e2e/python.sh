#!/usr/bin/env bash
# plateau.py: its arrays, names and figures are those of the commands; the programs of docs/python.md run as they stand.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_python numpy

mkdir -p "$work/bin" "$work/runs"
ln -s "$(realpath "$plateau")" "$work/bin/plateau"
export PATH=$work/bin:$PATH PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1
make_data "$work/numbers"
awk -F'\t' -v OFS=, 'NR == 1 { print "who,what" } NR > 1 { print "u " $1, "i" $2 }' "$work"/numbers/*.inter >"$work/names.csv"
quietly plateau data import "$work/names.csv" --user who --item what --split ratio -o "$work/data"
write_config "$work/config.yaml" "$work/data" '  name: plain'
sed -i -e '/  features:/d' -e 's/name: vbpr/name: bpr/' -e 's/every: 0/every: 1/' "$work/config.yaml"
quietly plateau train "$work/config.yaml" --quiet --set "run.dir=$work/runs/quickstart"
mkdir "$work/a \"b\\c"
printf 'who,what\n%s,x\n%s,y\n"u,1",x\n"u,1",z\nconfig.yaml,y\n%s,z\n' '"""q"" 1"' '"""q"" 1"' $'l\xe2\x80\xa8s' >"$work/odd.csv"
quietly plateau data import "$work/odd.csv" --user who --item what --ratios 1,0,0 -o "$work/a \"b\\c/odd"
quietly plateau train "$work/config.yaml" --quiet --set "data.path='$work/a \"b\\c/odd'" --set "run.dir=$work/runs/odd" --set eval.every=0
cd "$work"

say "what commands say"
quietly plateau export runs/quickstart -o tables
plateau recommend runs/quickstart -k 3 -o top.tsv >quietly.txt 2>&1
"$python" - <<'PY' || complain "other arrays, names or figures"
import json
import numpy as np
import plateau

run = plateau.Run("runs/quickstart")
assert run.options["model.dim"] == "8" and run.options["eval.topk"] == "[5, 20]", run.options
tables = run.tables()
assert set(tables) == {"user", "item"}, set(tables)
for name, table in tables.items():
    assert np.array_equal(table, np.load(f"tables/{name}.npy")) and table.dtype == np.float32
users, items = run.vectors()
assert len(users) == len(run.user_ids) and len(items) == len(run.item_ids)
top = run.recommend(k=3)
lines = [line.rstrip("\n").split("\t") for line in list(open("top.tsv"))[1:]]
assert [(user, *best) for user, bests in top.items() for best in bests] == [(u, i, float(s)) for u, i, _, s in lines]
for user, bests in top.items():
    scores = users[run.user_ids.index(user)] @ items.T
    for item, score in bests:
        assert abs(scores[run.item_ids.index(item)] - score) < 1e-5
assert run.recommend([run.user_ids[7]], 2, "--format", "tsv").keys() == {run.user_ids[7]}
final = [json.loads(line) for line in open("runs/quickstart/metrics.jsonl") if '"final"' in line][-1]
assert run.final == final and run.best_epoch == final["best_epoch"] and len(run.metrics("eval", split="valid")) == 3
odd = plateau.Run("runs/odd")
names = ['"q" 1', "u,1", "config.yaml", "l\u2028s"]
assert odd.user_ids == names, odd.user_ids
assert list(odd.recommend(names, 1)) == names and odd.recommend([], 1) == {}, odd.recommend(names, 1)
try:
    run.recommend(["nobody"])
    raise SystemExit("nobody is recommended something")
except RuntimeError as error:
    assert "nobody" in str(error), error
PY

say "the programs of the page"
program() { awk -v n="$1" '/^```$/ { here = 0 } here { print } /^```python$/ { here = ++seen == n }' "$root/docs/python.md"; }
program 1 >first.py
[[ $(wc -l <first.py) -gt 5 ]] || fail "docs/python.md has no first program"
quietly "$python" first.py
grep -q '^bpr best epoch [0-2] 0\.' quietly.txt || complain "the first program: $(cat quietly.txt)"
if "$python" -c 'import hnswlib' 2>/dev/null; then
  program 2 >index.py
  quietly "$python" index.py runs/quickstart
  grep -qE '^(0\.9[0-9]*|1\.000) of the exact top 10' quietly.txt || complain "the index: $(cat quietly.txt)"
else
  say "no index: python3 has no hnswlib"
fi
conclude
