#!/usr/bin/env bash
# plateau plan: bytes and memory are those of the run that is planned; costs are kept and taken up again; what cannot be
# planned is refused. How far times are off on a quiet machine: tests/bench/plan.sh.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
dim=(--set model.dim=512) # so that there are MB to compare

# split KEY: of the only split in plan.json.
split() { grep -o '"splits": *\[{[^}]*}' "$work/plan.json" | json_number "$1"; }
whole() { json_number "$1" <"$work/plan.json"; }
# within PERCENT WHAT PLANNED MEASURED
within() {
  awk -v most="$1" -v a="$3" -v b="$4" 'BEGIN { d = (a - b) / b * 100; exit !(b > 0 && d <= most && -d <= most) }' ||
    complain "$2: planned $3, measured $4"
}

say "bytes and memory of runs"
costs=(--transport tcp --calibration "$work/costs")
plan() { "$plateau" plan "$config" "${dim[@]}" "${costs[@]}" "$@" 2>"$work/stderr.txt" || { cat "$work/stderr.txt" >&2; fail "plan $*"; }; }
# Batches that leave no small one at the end, of leaves that are alike: between such plan only interpolates.
pairs=$("$plateau" train "$config" --set "run.dir=$work/first" --epochs 1 2>&1 | sed -n 's/.* items, \([0-9]*\) pairs;.*/\1/p')
batch=$(((pairs + 4) / 5))
dim+=(--set "train.batch_size=$batch" --set "train.micro_batch=$(((batch + 3) / 4))")
for ranks in "1 1" "2 2" "4 1"; do
  read -r workers servers <<<"$ranks"
  plan --workers "$workers" --servers "$servers" --format json >"$work/plan.json"
  rm -rf "$work/run"
  train_run "$work/run" "${dim[@]}" --workers "$workers" --servers "$servers" --set cluster.threads=1
  batches=$(grep -c '"event": *"step".*"epoch": *2\|"epoch": *2.*"event": *"step"' "$work/run/metrics.jsonl")
  grep '"event": *"epoch"' "$work/run/metrics.jsonl" | tail -n 1 >"$work/epoch.txt"
  for way in push pull; do
    bytes=$(json_number ${way}_bytes <"$work/epoch.txt")
    within 4 "${way}_bytes, $ranks" "$(split ${way}_bytes)" $((bytes / batches))
  done
  memory=$(printf 'expected memory: %.0f MB per server, %.0f MB per worker' \
    "$(awk -v t="$(whole tables_memory_bytes)" -v s="$servers" 'BEGIN { print t / s / 1e6 }')" \
    "$(awk -v t="$(whole worker_memory_bytes)" 'BEGIN { print t / 1e6 }')")
  grep -qF "$memory" "$work/run/logs/launcher-0.txt" ||
    complain "planned \"$memory\", train says: $(grep 'expected memory' "$work/run/logs/launcher-0.txt")"
done

say "costs that are kept"
plan --workers 4 --servers 1,2 --nodes 3 --bandwidth 1 --latency 20 --ranks 5 >"$work/first.txt"
plan --workers 4 --servers 1,2 --nodes 3 --bandwidth 1 --latency 20 --ranks 5 >"$work/again.txt"
cmp "$work/first.txt" "$work/again.txt" || complain "the same costs, another plan"
for what in 'best split of 5 ranks' 'the same batch' 'grows with them' '^4096 ' 'assumed: tcp .*, 1 Gbit/s each way and 20 us'; do
  grep -qE "$what" "$work/first.txt" || complain "no \"$what\" in $(cat "$work/first.txt")"
done
# A tenth of the bandwidth: the network's time tenfold, but for twice the latency.
network() { grep -o '"splits": *\[{[^}]*}' | json_number network_s; }
for rate in 1 0.1; do
  plan --workers 4 --servers 1 --nodes 3 --latency 20 --bandwidth $rate --format json | network
done | paste -sd' ' >"$work/network.txt"
awk '{ r = ($2 - 4e-5) / ($1 - 4e-5); exit !(r > 9.99 && r < 10.01) }' "$work/network.txt" ||
  complain "network seconds at 1 and 0.1 Gbit/s: $(cat "$work/network.txt")"

say "what is refused"
refuses 64 'is of .*, this is' "$plateau" plan "$config" "${costs[@]}"
echo '{"of": 1}' >"$work/other"
refuses 65 'no calibration of plateau plan' "$plateau" plan "$config" --calibration "$work/other"
refuses 64 'plan: --workers: 0 must be' "$plateau" plan "$config" --workers 0
refuses 64 'plan: --workers: 5000 must be' "$plateau" plan "$config" --workers 5000
refuses 64 'plan: --servers: 64 numbers are the most' "$plateau" plan "$config" --servers "$(seq -s, 65)"
refuses 64 'plan: --ranks: 1 must be' "$plateau" plan "$config" --ranks 1
refuses 64 'plan: --bandwidth: ' "$plateau" plan "$config" --bandwidth fast
refuses 64 'plan: --transport: ' "$plateau" plan "$config" --transport udp
refuses 64 'plan is for cluster.consistency bsp' "$plateau" plan "$config" --set cluster.consistency=asp
printf 'procedure:\n  - {stage: train, name: a}\n  - {stage: train, name: b}\n' | cat "$config" - >"$work/stages.yaml"
refuses 64 'plan: .* a training in stages' "$plateau" plan "$work/stages.yaml"
refuses 64 'a configuration file' "$plateau" plan
refuses 64 'model.nme: unknown option' "$plateau" plan "$config" --set model.nme=bpr

conclude
