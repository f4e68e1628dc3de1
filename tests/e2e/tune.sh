#!/usr/bin/env bash
# tune.sh: the trials are those of `plateau train`; the best by validation is found, whatever runs at a time; kills and
# arrays change nothing; halving trains the better ones on, with the bits of a run that was never stopped; failures.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data base=$work/base.yaml
make_data "$data"
write_config "$base" "$data" '  name: plain'
sed -i -e '/^strategy:/,/^optimizer:/{/strategy:/d;/  name: plain/d}' -e 's/every: 0/every: 1/' "$base"

# with SECTION: the configuration with that section tune, in $config.
config=$work/config.yaml
with() { { cat "$base" && printf 'tune:\n%s\n' "$1"; } >"$config"; }
grid='  seeds: [7, 8]
  space: {optimizer.lr: [0.003, 0.03]}
  strategies:
    - {strategy.name: plain, model.reg: [0, 0.001]}
    - {strategy.name: bsam, strategy.rho: [0.05, 0.5]}'
# best_valid RUN: the best validation value of its journal.
best_valid() { grep '"event": *"eval".*"split": *"valid"' "$1/metrics.jsonl" | json_number 'recall@20' | sort -g | tail -n 1; }

say "a grid"
with "$grid"
"$plateau" tune "$config" -o "$work/grid" --format csv >"$work/grid.csv" 2>"$work/told.txt" || { cat "$work/told.txt" && fail "tune: exit $?"; }
(($(wc -l <"$work/grid.csv") == 9)) || complain "8 trials: $(cat "$work/grid.csv")"
for strategy in plain bsam; do
  for number in 1 2 3 4; do
    line=$(grep "^$strategy,$strategy-$number," "$work/grid.csv")
    lr=${line#*optimizer.lr } lr=${lr%%,*}
    more=$(sed -n 's/.*\(model.reg\|strategy.rho\) \([0-9.]*\).*/\1=\2/p' <<<"$line")
    run=$work/by_hand/$strategy-$number
    quietly "$plateau" train "$base" --quiet --set "run.dir=$run" --set "strategy.name=$strategy" --set "optimizer.lr=$lr" --set "$more"
    [[ $(tables_hash "$run") == $(tables_hash "$work/grid/trials/$strategy-$number") ]] || complain "$line: other tables than by hand"
    awk -F, -v line="$line" -v v="$(best_valid "$run")" 'BEGIN { n = split(line, f, ","); d = f[n - 1] - v; exit !(d < 1e-12 && d > -1e-12) }' ||
      complain "$line: by hand $(best_valid "$run")"
    echo "$(best_valid "$run") $strategy-$number"
  done | sort -k1,1gr -k2,2 | head -n 1 | cut -d' ' -f2 >"$work/best.$strategy"
done
"$plateau" tune "$config" -o "$work/grid" >"$work/table.txt" 2>"$work/told.txt"
[[ ! -s $work/told.txt ]] || complain "a search that is done is done again: $(cat "$work/told.txt")"
grep -q '^4 trials of each strategy; chosen by validation recall@20, with seed 7$' "$work/table.txt" || complain "the table does not name the number of trials"
for strategy in plain bsam; do
  best=$(cat "$work/best.$strategy")
  grep -qE "^$strategy +4 +0 +$best " "$work/table.txt" || { cat "$work/table.txt" && complain "the best of $strategy is $best"; }
  [[ -e $work/grid/finals/$best-seed-8/users.tsv && -e $work/grid/trials/$best/users.tsv ]] || complain "$best: not ranked for each user"
done
grep -q '^B - A  recall@20' "$work/table.txt" || complain "no paired test"
grep -l '"test":' "$work"/grid/trials/*/metrics.jsonl | wc -l | grep -qx 2 || complain "the test part was ranked for others than the chosen two"

if command -v python3 >/dev/null; then # the tables of docs/results.md
  mkdir "$work/cell" && ln -s "$work/grid" "$work/cell/tune"
  "$plateau" tune "$config" -o "$work/grid" --format json >"$work/cell/results.json"
  "$root/tests/bench/results_rows.py" strategies "here=$work/cell" >"$work/rows.md"
  grep -qE '^\| here \| plain \| .* \| 0\.[0-9]{4} ± 0\.[0-9]{4} \|  \| ' "$work/rows.md" || complain "no row of plain: $(cat "$work/rows.md")"
  grep -qE '^\|  \| bsam \| ρ .*, ahead [012] of 2 \| ' "$work/rows.md" || complain "no row of bsam: $(cat "$work/rows.md")"
fi

say "killed, two at a time, as an array"
{ timeout -s KILL 1.5 "$plateau" tune "$config" -o "$work/killed" >"$work/told.txt" 2>&1; } 2>/dev/null || true
code=0
timeout -s TERM 0.5 "$plateau" tune "$config" -o "$work/killed" -j 2 >"$work/told.txt" 2>&1 || code=$?
[[ $code == 124 || $code == 0 ]] || complain "stopped: exit $code"
"$plateau" tune "$config" -o "$work/killed" -j 2 --format csv 2>"$work/told.txt" | cmp - "$work/grid.csv" || complain "killed and resumed, two at a time: other results"
"$plateau" tune "$config" -o "$work/array" --array >"$work/array.sh"
grep -qx '#SBATCH --array=0-7' "$work/array.sh" || complain "the array's script: $(cat "$work/array.sh")"
for ((i = 7; i >= 0; i--)); do SLURM_ARRAY_TASK_ID=$i quietly bash "$work/array.sh"; done
"$plateau" tune "$config" -o "$work/array" --format csv 2>"$work/told.txt" | cmp - "$work/grid.csv" || complain "as an array: other results"

say "interrupted trials are no results: the same command goes on; two searches in one directory are one too many"
refuses_last() { # CODE PATTERN COMMAND...: the last line of what it says
  local want=$1 pattern=$2 code=0
  shift 2
  "$@" >"$work/told.txt" 2>&1 || code=$?
  ((code == want)) || complain "exit $code instead of $want: $*"
  tail -n 1 "$work/told.txt" | grep -qE "^plateau: error: .*$pattern" || { complain "no \"$pattern\": $*"; cat "$work/told.txt"; }
}
small() (ulimit -f 16 && exec "$plateau" tune "$config" -o "$work/small")
refuses_last 74 '8 of 8 interrupted: .*File too large.*; the same command goes on with them' small
"$plateau" tune "$config" -o "$work/small" --format csv 2>"$work/told.txt" | cmp - "$work/grid.csv" || complain "after a full disk: other results"
rm "$work/small/finals/"*-seed-8/checkpoints/last
rm "$work/small/finals/"*-seed-8/{metrics.jsonl,users.tsv}
refuses_last 74 '2 of 2 interrupted: .*; the same command goes on' small
refuses 75 'another plateau tune works there' flock "$work/grid/logs" "$plateau" tune "$config" -o "$work/grid"
quietly flock --shared "$work/grid/logs" "$plateau" tune "$config" -o "$work/grid" --trial 0

say "halving"
with '  search: halving
  trials: 9
  seeds: [7]
  space:
    optimizer.lr: {from: 0.0001, to: 0.1, log: true}'
"$plateau" tune "$config" -o "$work/halving" -j 2 --set train.epochs=9 --format csv 2>/dev/null >"$work/halving.csv"
for epochs in 1:6 3:2 9:1; do
  (($(cut -d, -f5 "$work/halving.csv" | grep -cx "${epochs%:*}") == ${epochs#*:})) || complain "${epochs#*:} trials were to end with ${epochs%:*} epochs: $(cat "$work/halving.csv")"
done
long=$(awk -F, '$5 == 9 { print $2 }' "$work/halving.csv") lr=$(awk -F, '$5 == 9 { print $3 }' "$work/halving.csv")
quietly "$plateau" train "$base" --quiet --set "run.dir=$work/long" --set train.epochs=9 --set strategy.name=plain --set "optimizer.lr=${lr#* }"
[[ $(tables_hash "$work/long") == $(tables_hash "$work/halving/trials/$long") ]] || complain "$long: other tables than without rounds"
# As a kill leaves it that comes when a trial has been begun again for more epochs, and has not trained yet.
short=$(awk -F, '$5 == 3 { print $2; exit }' "$work/halving.csv") lr=$(awk -F, '$5 == 3 { print $3; exit }' "$work/halving.csv")
cp -r "$work/halving" "$work/begun"
rm -r "$work/begun/trials/$short"
quietly "$plateau" train "$base" --quiet --set "run.dir=$work/begun/trials/$short" --set train.epochs=1 --set eval.final=valid \
  --set strategy.name=plain --set "optimizer.lr=${lr#* }"
sed -i 's/^  epochs: 1$/  epochs: 3/' "$work/begun/trials/$short/config.yaml"
echo 1 >"$work/begun/logs/$short.done"
"$plateau" tune "$config" -o "$work/begun" -j 2 --set train.epochs=9 --format csv 2>/dev/null | cmp - "$work/halving.csv" ||
  complain "begun again and killed at once: other results"
refuses 64 'halving' "$plateau" tune "$config" -o "$work/x" --set train.epochs=9 --array

say "trials that fail, and what makes no sense"
with '  seeds: [7]
  space: {optimizer.lr: [0.01, 1.0e+30]}'
"$plateau" tune "$config" -o "$work/nan" >"$work/table.txt" 2>"$work/told.txt" || complain "a failed trial: exit $?"
grep -qE '^all +2 +1 +all-1 ' "$work/table.txt" || complain "one trial failed: $(cat "$work/table.txt")"
grep -q 'all-2 (optimizer.lr 1.0e+30) failed: .*NaN\|all-2 (optimizer.lr 1.0e+30) failed: .*finite' "$work/told.txt" || complain "why it failed: $(cat "$work/told.txt")"
refuses 64 'another search' "$plateau" tune "$config" -o "$work/grid"
refuses 64 'the search chooses optimizer.lr' "$plateau" tune "$config" -o "$work/x" --set optimizer.lr=1
refuses 64 'there are trials 0 to 1, no 2' "$plateau" tune "$config" -o "$work/y" --trial 2
refuses 64 'command line: tune.jobs: 0 must be' "$plateau" tune "$config" -o "$work/x" --jobs 0
refuses 64 'no section tune' "$plateau" tune "$base" -o "$work/x"
mkdir "$work/no_valid" && cp "$data"/*.npy "$work/no_valid"
for file in "$data"/*.inter; do awk -F'\t' 'NR == 1 || $3 != 1' "$file" >"$work/no_valid/${file##*/}"; done
refuses 64 'no validation value' "$plateau" tune "$config" -o "$work/z" --set "data.path=$work/no_valid"
refuses 64 'model.reg=-1: .*model.reg: -1 must be in' "$plateau" tune "$config" -o "$work/x" --set 'tune.space={model.reg: [0, -1]}'
refuses 64 'tune.sed: unknown' "$plateau" tune "$config" -o "$work/x" --set tune.sed=1
refuses 64 'tune: run.seed cannot be searched' "$plateau" tune "$config" -o "$work/x" --set 'tune.space={run.seed: [1, 2]}'
refuses 64 'the search sets it itself' "$plateau" tune "$config" -o "$work/x" --set run.seed=3
refuses 64 'tune.seeds: 3 stands there twice' "$plateau" tune "$config" -o "$work/x" --set 'tune.seeds=[3, 3]'
"$plateau" tune "$config" -o "$work/given" --set 'tune.space={model.dim: [4, 6]}' --set tune.strategies=null --list --format csv >"$work/given.csv"
[[ $(cut -d , -f 1-3 "$work/given.csv" | tail -n +2 | tr '\n' ' ') == 'all,all-1,model.dim 4 all,all-2,model.dim 6 ' ]] ||
  complain "--set tune.space: $(cat "$work/given.csv")"
with '  space: {optimizer.lrr: [0.01]}'
refuses 64 'optimizer.lrr: unknown option' "$plateau" tune "$config" -o "$work/x"
conclude
