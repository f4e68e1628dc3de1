#!/usr/bin/env bash
# consistency.sh - trains one configuration with bsp, ssp and asp and several numbers of workers; prints what they reach.
#
#   tests/bench/consistency.sh CONFIG OUT [KEY=VALUE ...]
#
# Set train.micro_batch to compare like with like: where it is not given, bsp cuts a batch into leaves by the number of
# workers, ssp and asp do not. Runs that are there already are not run again.
#   WORKERS="2 4"   SEEDS="1 2 3"   MODES="bsp ssp asp"   STALENESS=3   PREFETCH=0   SERVERS=1
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
plateau=${PLATEAU:-$root/build/release/plateau}
config=${1:?usage: consistency.sh CONFIG OUT [KEY=VALUE ...]}
out=${2:?usage: consistency.sh CONFIG OUT [KEY=VALUE ...]}
shift 2
extra=()
for assignment in "$@"; do extra+=(--set "$assignment"); done
mkdir -p "$out"

run_one() { # MODE WORKERS SEED
  local dir="$out/$1,$2,seed=$3" how=(--set cluster.consistency="$1")
  grep -qs '"final"' "$dir/metrics.jsonl" && return
  rm -rf "$dir"
  [[ $1 == bsp ]] || how+=(--set cluster.prefetch="${PREFETCH:-0}")
  [[ $1 != ssp ]] || how+=(--set cluster.staleness="${STALENESS:-3}")
  "$plateau" train "$config" --quiet --set run.dir="$dir" --set run.seed="$3" --workers "$2" \
    --servers "${SERVERS:-1}" "${how[@]}" "${extra[@]}" >"$dir.txt" 2>&1 || echo "failed: $dir.txt" >&2
}
for seed in ${SEEDS:-1 2 3}; do
  run_one bsp 1 "$seed"
  for workers in ${WORKERS:-2 4}; do
    for mode in ${MODES:-bsp ssp asp}; do run_one "$mode" "$workers" "$seed"; done
  done
done

# One line per run: mode, workers, last loss, valid and test Recall@20, seconds, lead.
field() { sed -n "s/.*\"$1\": {[^}]*\"$2\": \([-0-9.e+]*\).*/\1/p" <<<"$3"; }
for dir in "$out"/*,seed=*/; do
  final=$(grep '"final"' "$dir/metrics.jsonl" | tail -n 1) || continue
  IFS=, read -r mode workers _ <<<"$(basename "$dir")"
  epochs=$(grep '"event": "epoch"' "$dir/metrics.jsonl")
  loss=$(tail -n 1 <<<"$epochs" | sed -n 's/.*"loss": \([-0-9.e+]*\).*/\1/p')
  seconds=$(sed -n 's/.*"seconds": \([0-9.e-]*\).*/\1/p' <<<"$epochs" | awk '{s += $1} END {print s}')
  lead=$(sed -n 's/.*at most \([0-9]*\) clocks ahead.*/\1/p' "$dir"/logs/server-*.txt | sort -n | tail -n 1)
  echo "$mode $workers $loss $(field valid recall@20 "$final") $(field test recall@20 "$final") $seconds ${lead:-0}"
done >"$out/runs.txt"

echo '| mode | workers | seeds | last loss | valid R@20 (seeds) | test R@20 (seeds) | furthest lead | training s |'
echo '|---|---|---|---|---|---|---|---|'
awk '
  { k = $1 " " $2; n[k]++; loss[k] += $3; v[k] += $4; t[k] += $5; s[k] += $6; if ($7 > lead[k]) lead[k] = $7
    vlow[k] = n[k] == 1 || $4 < vlow[k] ? $4 : vlow[k]; vhigh[k] = n[k] == 1 || $4 > vhigh[k] ? $4 : vhigh[k]
    low[k] = n[k] == 1 || $5 < low[k] ? $5 : low[k]; high[k] = n[k] == 1 || $5 > high[k] ? $5 : high[k] }
  END {
    for (k in n) { split(k, part, " ")
      printf "| %s | %s | %d | %.5f | %.4f (%.4f–%.4f) | %.4f (%.4f–%.4f) | %d | %.0f |\n", part[1], part[2], n[k],
        loss[k] / n[k], v[k] / n[k], vlow[k], vhigh[k], t[k] / n[k], low[k], high[k], lead[k], s[k] / n[k] }
  }' "$out/runs.txt" | sort -t '|' -k 3n -k 2
