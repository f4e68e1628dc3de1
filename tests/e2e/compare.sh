#!/usr/bin/env bash
# Between runs: plateau runs, compare, and the values of users that differences are tested by.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml runs=$work/runs
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
for strategy in plain bsam; do
  for seed in 1 2; do
    run=$runs/$strategy-$seed
    quietly "$plateau" train "$config" --set "run.dir=$run" --set "run.seed=$seed" --set "strategy={name: $strategy}" --workers "$seed"
    quietly "$plateau" evaluate "$run" --per-user "$run/users.tsv" --set "cluster.workers=$seed"
  done
done
code=0
"$plateau" train "$config" --set "run.dir=$runs/deep/steep" --set optimizer.name=sgd --set optimizer.lr=1e30 >/dev/null 2>&1 || code=$?
((code == 65)) || complain "a rate of 1e30 ends with $code"

say "values of users"
run=$runs/plain-1
"$plateau" evaluate "$run" --json --per-user "$work/three.tsv" --set cluster.workers=3 >"$work/evaluated.txt" 2>/dev/null
cmp -s "$work/three.tsv" "$run/users.tsv" || complain "values of users depend on the workers"
head -n 1 "$run/users.tsv" | tr '\t' '\n' >"$work/columns.txt"
[[ $(head -n 6 "$work/columns.txt" | tr '\n' ' ') == 'part user recall@5 recall@20 ndcg@5 ndcg@20 ' ]] ||
  complain "values of users: $(tr '\n' ' ' <"$work/columns.txt")"
width=$(wc -l <"$work/columns.txt")
column() { grep -nxF "$1" "$work/columns.txt" | cut -d : -f 1; }
for part in valid test; do
  for metric in recall@20 ndcg@5 map@20; do
    told=$(grep -o "\"$part\": {[^}]*" "$work/evaluated.txt" | json_number "$metric")
    awk -F'\t' -v part=$part -v k="$(column $metric)" -v told="$told" '$1 == part { s += $k; n++; if (n > 1 && $2 <= last) bad = 1; last = $2 }
      END { d = s / n - told; exit bad || n == 0 || d > 1e-8 || d < -1e-8 }' "$run/users.tsv" || complain "$part $metric: the mean of the users is not $told"
  done
done
refuses 73 'evaluate: --per-user: /nowhere' "$plateau" evaluate "$run" --per-user /nowhere/users.tsv

say "runs"
"$plateau" runs "$runs" >"$work/runs.txt"
grep -qE '^plain-1 +vbpr +plain +1 +finished +3 +0\.[0-9]{4} +0\.[0-9]{4} ' "$work/runs.txt" || { complain "runs: no plain-1"; cat "$work/runs.txt"; }
grep -qE '^deep/steep +vbpr +bsam\+ +7 +failed ' "$work/runs.txt" || complain "runs: no run below a folder, or it did not fail"
grep -q '^deep/steep: error: the loss is' "$work/runs.txt" || complain "runs: a failed run does not say why"
"$plateau" runs "$runs" --sort test --format csv --metric ndcg@20 >"$work/runs.csv"
cut -d , -f 9 "$work/runs.csv" | sed '1d;/^$/d' | sort -gr -c || complain "runs --sort test: not the best first"
(($(wc -l <"$work/runs.csv") == 6)) || complain "runs --format csv: not a line per run"
cp "$runs/plain-2/config.yaml" "$work/running.yaml"
"$plateau" train "$config" --set "run.dir=$runs/long" --set train.epochs=1000000 --set train.log_every=0 >/dev/null 2>&1 &
job=$!
for ((i = 0; i < 100; i++)); do [[ ! -s $runs/long/metrics.jsonl ]] || break; sleep 0.1; done
"$plateau" runs "$runs" --format json >"$work/runs.json"
grep -q '"run": "long", [^}]*"state": "running"' "$work/runs.json" || complain "runs: a run under way is not running"
kill -INT "$job"
wait "$job" || true
"$plateau" runs "$runs" | grep -qE '^long .* stopped ' || complain "runs: a stopped run is not stopped"
refuses 64 'is no run directory and there is none below it' "$plateau" runs "$data"
refuses 64 'runs: --sort: "size" is none of' "$plateau" runs "$runs" --sort size

say "compare"
"$plateau" compare "$runs"/{plain,bsam}-* >"$work/compared.txt"
grep -qE '^group +strategy.name +strategy.rho +runs +seeds' "$work/compared.txt" || { complain "compare: other options differ:"; cat "$work/compared.txt"; }
grep -qE '^B +bsam +0\.05 +2 +1 2 ' "$work/compared.txt" || complain "compare: seeds are no group"
grep -qE '^A +0\.[0-9]{4} ± 0\.[0-9]{4} +0\.[0-9]{4} ± 0\.[0-9]{4} ' "$work/compared.txt" || complain "compare: no mean over seeds"
grep -qE '^B - A +recall@20 +[0-9]+ +[-+]0\.[0-9]{4} ' "$work/compared.txt" || complain "compare: no test over users"
"$plateau" compare "$runs"/{plain,bsam}-* --format csv >"$work/compared.csv"
mean=$(cat "$runs"/plain-*/metrics.jsonl | grep '"event": "final"' | sed 's/.*"test": {//' | json_number 'recall@20' | awk '{ s += $1 } END { printf "%.12f", s / NR }')
awk -F, -v mean="$mean" '$1 == "A" && $4 == "test" && $5 == "recall@20" { d = $7 - mean; found = d < 1e-11 && d > -1e-11 } END { exit !found }' "$work/compared.csv" ||
  complain "compare: the mean of plain's test recall@20 is not $mean"
difference=$(paste "$runs"/{plain,bsam}-{1,2}/users.tsv |
  awk -F'\t' -v k="$(column recall@20)" -v w="$width" '$1 == "test" { s += ($(k + 2 * w) + $(k + 3 * w) - $k - $(k + w)) / 2; n++ } END { printf "%.9f", s / n }')
awk -F, -v want="$difference" '$1 == "B" && $4 == "test" && $5 == "recall@20" { d = $10 - want; found = d < 1e-7 && d > -1e-7 } END { exit !found }' "$work/compared.csv" ||
  complain "compare: the mean difference of users is not $difference"
"$plateau" compare "$runs" --format json >"$work/compared.json" 2>"$work/stderr.txt"
grep -q 'deep/steep is left out: failed' "$work/stderr.txt" || complain "compare: a failed run is not named"
"$plateau" compare "$runs"/plain-1 --format markdown | grep -q '^| A | 1 | 1 |' || complain "compare: one run"
cp -r "$runs" "$work/stale"
cp "$work/stale/bsam-2/users.tsv" "$work/stale/plain-1/users.tsv"
echo "not a table" >"$work/stale/plain-2/users.tsv"
sed -i "s|^  path: .*|  path: /elsewhere|" "$work/stale"/bsam-*/config.yaml
"$plateau" compare "$work/stale"/{plain,bsam}-* >/dev/null 2>"$work/stderr.txt"
for told in 'plain-1/users.tsv has a mean test recall@20 of .*, the run ended with .*: made of other tables' \
  'plain-2/users.tsv has no values of test recall@20' 'B and A have other data by name'; do
  grep -qE "warning: .*$told" "$work/stderr.txt" || { complain "compare: not told: $told"; cat "$work/stderr.txt"; }
done
! grep -q 'bsam' "$work/stderr.txt" || complain "compare: a warning of values that are right"
refuses 64 'compare needs run directories' "$plateau" compare
refuses 64 '--metrics: "," names none' "$plateau" compare "$runs"/{plain,bsam}-* --metrics ,
sed -i '3s/.*/test\tx/' "$runs/plain-1/users.tsv"
refuses 65 'users.tsv:3: is no line of' "$plateau" compare "$runs"/{plain,bsam}-*
conclude
