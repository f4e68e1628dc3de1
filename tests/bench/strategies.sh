#!/usr/bin/env bash
# strategies.sh - trains every strategy on one data set with equal grids and prints the comparison.
#
#   tests/bench/strategies.sh CONFIG OUT [KEY=VALUE ...]
#
# Every strategy gets the same number of trials: each learning rate x two values of its own knob (one without: of the
# model's regulariser), each with the same seeds. The trial with the best validation Recall@20, averaged over seeds, is
# reported; test is looked at for that one only. Runs that are there already are not run again.
#   JOBS=N   runs at a time (1)      LRS="0.001 0.003"   SEEDS="1 2"   STRATEGIES="plain bsam"   (all)
#   PLAIN="model.reg=0.1 model.reg=0.3"   RHO="0.05 0.5"   ALPHA2="0.1 0.3"   the knobs (of strategies that have
#   strategy.rho, strategy.alpha2); as many values of each
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
plateau=${PLATEAU:-$root/build/release/plateau}
config=${1:?usage: strategies.sh CONFIG OUT [KEY=VALUE ...]}
out=${2:?usage: strategies.sh CONFIG OUT [KEY=VALUE ...]}
shift 2
extra=()
for assignment in "$@"; do extra+=(--set "$assignment"); done
mkdir -p "$out"

all=$("$plateau" help strategies --names)
strategies=${STRATEGIES:-$all}
# knobs STRATEGY: the values of its knob, KEY=VALUE each.
knobs() {
  local options value
  options=$("$plateau" help strategies "$1")
  case $options in
    *strategy.rho*) for value in ${RHO:-0.05 0.5}; do echo "strategy.rho=$value"; done ;;
    *strategy.alpha2*) for value in ${ALPHA2:-0.1 0.3}; do echo "strategy.alpha2=$value"; done ;;
    *) for value in ${PLAIN:-model.reg=0.1 model.reg=0.3}; do echo "$value"; done ;;
  esac
}
# A line per trial: strategy, learning rate, knob.
trials() {
  local lr knob strategy
  for lr in ${LRS:-0.001 0.003}; do
    for strategy in $strategies; do
      while read -r knob; do echo "$strategy optimizer.lr=$lr $knob"; done < <(knobs "$strategy")
    done
  done
}

run_one() { # STRATEGY LR KNOB SEED
  local dir="$out/$1,$2,$3,seed=$4"
  grep -qs '"final"' "$dir/metrics.jsonl" && return
  rm -rf "$dir"
  "$plateau" train "$config" --quiet "${extra[@]}" --set run.dir="$dir" --set strategy.name="$1" --set "$2" --set "$3" \
    --set run.seed="$4" >"$dir.txt" 2>&1 || echo "failed: $dir.txt" >&2
}
export -f run_one
export out config plateau

jobs_list() {
  local seed
  for seed in ${SEEDS:-1 2}; do trials | sed "s/\$/ $seed/"; done
}
# xargs hands words to fresh shells, which know no arrays: the extra options travel as text.
export EXTRA="${extra[*]-}"
# shellcheck disable=SC2016
jobs_list | xargs -r -P "${JOBS:-1}" -L 1 bash -c 'read -ra extra <<<"$EXTRA"; run_one "$@"' run_one

# One line per run: strategy, trial, valid recall, valid ndcg, test recall, test ndcg, gradients, seconds, best epoch.
field() { sed -n "s/.*\"$1\": {[^}]*\"$2\": \([-0-9.e+]*\).*/\1/p" <<<"$3"; }
number() { sed -n "s/.*\"$1\": \([-0-9.e+]*\).*/\1/p" <<<"$2"; }
for dir in "$out"/*,seed=*/; do
  final=$(grep '"final"' "$dir/metrics.jsonl" | tail -n 1) || continue
  name=$(basename "$dir")
  trial=${name%,seed=*}
  epochs=$(grep -c '"event": "epoch"' "$dir/metrics.jsonl")
  seconds=$(sed -n 's/.*"event": "epoch".*"seconds": \([0-9.e-]*\).*/\1/p' "$dir/metrics.jsonl" | awk '{s += $1} END {print s}')
  echo "${trial%%,*} $trial $(field valid recall@20 "$final") $(field valid ndcg@20 "$final") $(field test recall@20 "$final")" \
    "$(field test ndcg@20 "$final") $(number gradients "$final") $seconds $(number best_epoch "$final") $epochs"
done >"$out/runs.txt"

# The chosen trial of each strategy, then all of them, means over the seeds.
awk -v strategies="$(tr '\n' ' ' <<<"$all")" '
  { n[$2]++; strategy[$2] = $1; vr[$2] += $3; vn[$2] += $4; tr[$2] += $5; tn[$2] += $6; g[$2] += $7; s[$2] += $8; e[$2] += $9
    low[$2] = n[$2] == 1 || $5 < low[$2] ? $5 : low[$2]; high[$2] = n[$2] == 1 || $5 > high[$2] ? $5 : high[$2]
    if (n[$2] == 1) trials[++n_trials] = $2 }
  function row(t,   k, trial) {
    k = n[t]; trial = t; sub(/^[^,]*,/, "", trial)
    gsub(/(optimizer|model|strategy)\./, "", trial); gsub(/,/, ", ", trial); gsub(/=/, " ", trial)
    printf "| %s | %s | %.4f | %.4f | %.4f (%.4f–%.4f) | %.4f | %.0f | %.0f | %.0f |\n", strategy[t], trial, vr[t]/k, vn[t]/k, tr[t]/k, low[t], high[t], tn[t]/k, e[t]/k, g[t]/k, s[t]/k }
  function head() {
    print "| strategy | trial | valid R@20 | valid N@20 | test R@20 (seeds) | test N@20 | best epoch | gradient evaluations | training s |"
    print "|---|---|---|---|---|---|---|---|---|" }
  END {
    for (t in n) if (!(strategy[t] in best) || vr[t] / n[t] > vr[best[strategy[t]]] / n[best[strategy[t]]]) best[strategy[t]] = t
    n_strategies = split(strategies, order, " ")
    head()
    for (i = 1; i <= n_strategies; i++) if (order[i] in best) row(best[order[i]])
    print "\nAll trials:\n"
    head()
    for (i = 1; i <= n_strategies; i++) for (k = 1; k <= n_trials; k++) if (strategy[trials[k]] == order[i]) row(trials[k])
  }' "$out/runs.txt"
