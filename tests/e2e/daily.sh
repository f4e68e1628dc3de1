#!/usr/bin/env bash
# A run that begins with the tables of another, on data that have grown since: docs/daily.md.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_python numpy
cd "$work"

say "a run of one epoch, and another that begins with it, are one run of two epochs"
cp -r "$root/tests/golden/vbpr-plain-adam" case
sed '/^init/,/from/d' case/config.yaml >case/warm.yaml
config=case/config.yaml
train_run two --epochs 2
train_run one
config=case/warm.yaml
two=$(tables_hash two)
for servers in 1 3; do
  train_run "warm$servers" --set init.from=one --servers "$servers"
  [[ $(tables_hash "warm$servers") == "$two" ]] || complain "other tables with $servers servers"
done
grep -q "from: .*/one/checkpoints/6$" warm1/config.yaml || complain "config.yaml does not name the checkpoint"
train_run again --set init.from=one/checkpoints/last --epochs 2
train_run resumed --set init.from=one --epochs 2 --set train.max_steps=8
quietly "$plateau" train resumed --resume --set train.max_steps=0
[[ $(tables_hash resumed) == $(tables_hash again) ]] || complain "stopped and resumed: other tables"
rm -r one.npy 2>/dev/null || true
quietly "$plateau" export one --last -o one.npy
train_run fresh --set init.from=one --set init.optimizer=fresh
train_run files --set init.from=one.npy
[[ $(tables_hash fresh) == $(tables_hash files) ]] || complain "init.optimizer fresh is not a start from files"
[[ $(tables_hash fresh) != "$two" ]] || complain "init.optimizer makes no difference"

say "what does not fit is refused, and leaves nothing behind"
refuses 64 'table user is 13 x 8 there, but 13 x 16 here' "$plateau" train $config --set init.from=one \
  --set run.dir=no --set model.dim=8
refuses 65 'checkpoints/99 is not there' "$plateau" train $config --set init.from=one/checkpoints/99 --set run.dir=no
cp -r one hurt
printf x >>hurt/checkpoints/6/server-0.h5
refuses 65 'server-0.h5' "$plateau" train $config --set init.from=hurt --set run.dir=no
refuses 64 'a training in stages starts from files' "$plateau" train $config --set init.from=one --set run.dir=no \
  --set 'procedure=[{stage: train}]'
refuses 65 'nor a folder with tables' "$plateau" train $config --set init.from=one/checkpoints --set init.missing=fresh \
  --set run.dir=no
[[ ! -e no ]] || complain "a run directory of a refused start"

say "the next day, as the page has it"
mkdir bin day
ln -s "$(realpath "$plateau")" bin/plateau
awk '/^```$/ { code = 0 } code { print } /^```sh$/ { code = 1 }' "$root/docs/daily.md" >day.sh
[[ $(wc -l <day.sh) -gt 20 ]] || fail "docs/daily.md has no example"
cd day
PATH=$work/bin:$PATH bash -euo pipefail ../day.sh >out.txt 2>notes.txt || { cat notes.txt >&2; fail "the example of docs/daily.md"; }
[[ $(grep -cE '^reader-(007|115)' out.txt) == 6 ]] || complain "no top 3 of two readers"
grep -q 'after [0-9]* epochs: 100 users there, 120 here; 144 items there, 160 here; optimizers go on' notes.txt ||
  complain "$(cat notes.txt)"
import() { quietly "$plateau" data import "$1.csv" --user reader --item book --time time --split time --features look=looks.csv "${@:2}"; }
{ head -n 1 tuesday.csv; tail -n +2 tuesday.csv | tac; } >other.csv
import other -o other
for map in u i; do
  head -c "$(stat -c %s "monday/${map}_id_mapping.csv")" "tuesday/${map}_id_mapping.csv" |
    cmp - "monday/${map}_id_mapping.csv" || complain "--extend: $map has other numbers"
done
refuses 65 'is not there: --extend' "$plateau" data import tuesday.csv --user reader --item book --extend ../case -o no
config=my.yaml
grep -q '"mean"' second/features.json && cmp -s first/features.json second/features.json ||
  complain "features are not scaled as on the first day"
refuses 65 'other numbers than in' "$plateau" train my.yaml --set data.path=other --set init.from=first --set run.dir=no
refuses 65 'other numbers than in' "$plateau" evaluate first --set data.path=other
cold=$(sed -n 's/.*"epoch": 0,.*"recall@10": \([0-9.]*\).*/\1/p' <(grep '"split": "valid"' second/metrics.jsonl) | head -n 1)
train_run scratch --set data.path=tuesday --epochs 1
scratch=$(sed -n 's/.*"recall@10": \([0-9.]*\).*/\1/p' <(grep '"split": "valid"' scratch/metrics.jsonl) | head -n 1)
awk -v warm="$cold" -v scratch="$scratch" 'BEGIN { exit !(warm > scratch + .1) }' ||
  complain "after an epoch: $cold from the first day, $scratch from scratch"

say "a graph model sees new users and items without training, as numpy does"
train_run graph --set model.name=lightgcn --set model.layers=2 --set data.features=[] --set data.scale=null --epochs 3
quietly "$plateau" export graph --last --set data.path=tuesday -o graph.all --vectors
quietly "$plateau" export graph --last -o graph.tables
"$python" - <<'PY' || complain "vectors of the grown graph"
import numpy as np
pairs = [line.split("\t") for line in open("tuesday/tuesday.inter")][1:]
pairs = sorted({(int(p[0]), int(p[1])) for p in pairs if p[2].strip() == "0"})
want = [np.load(f"graph.all/{side}_vectors.npy") for side in ("user", "item")]
rows = []
for side, vectors in zip(("user", "item"), want):
    table = np.load(f"graph.tables/{side}.npy").astype(np.float64)
    rows.append(np.vstack([table, np.zeros((len(vectors) - len(table), table.shape[1]))]))
adjacency = np.zeros((len(rows[0]), len(rows[1])))
for user, item in pairs:
    adjacency[user, item] = 1
of_user, of_item = adjacency.sum(1), adjacency.sum(0)
norm = lambda degree: np.where(degree > 0, 1 / np.sqrt(np.maximum(degree, 1)), 0)
adjacency *= norm(of_user)[:, None] * norm(of_item)[None, :]
user, item = rows
total = [user.copy(), item.copy()]
for _ in range(2):
    user, item = adjacency @ item, adjacency.T @ user
    total[0] += user; total[1] += item
new = (of_user > 0) & (np.arange(len(of_user)) >= 100)
assert new.sum() > 5 and np.abs(want[0][new]).max() > 0
for got, here in zip(want, total):
    assert np.abs(got - here / 3).max() < 1e-5 * np.abs(got).max(), np.abs(got - here / 3).max()
PY
"$plateau" evaluate first --set data.path=tuesday --split test >/dev/null 2>notes.txt || fail "evaluate on grown data"
grep -q 'new users since the run: vbpr knows a user by a trained row alone' notes.txt || complain "no word of new users"
grep -q 'new items since the run: vbpr sees them' notes.txt || complain "no word of new items"
conclude
