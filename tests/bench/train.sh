#!/usr/bin/env bash
# Samples a second of whole training runs, and where the time goes: bpr and vbpr, plain and bsam+, threads 1 and 2,
# embedded with one server and one worker, batches of 2048, 64 dimensions, adam, no evaluation.
#
#   tests/bench/train.sh [DIR]     DIR: a data folder with features to use instead of an invented one
#
# Each figure is the median over the epochs of a run, the first left out (it also gives birth to the rows). The split
# is that of metrics.jsonl, in percent of the epoch: sample (draw and de-duplicate), compute (forward, backward,
# strategy), exchange (pack and unpack), wait (for the server: its work and the wire).
# Environment: PLATEAU (the binary), EPOCHS (6), TRANSPORT (auto).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
plateau=${PLATEAU:-build/release/plateau}
epochs=${EPOCHS:-6}
work=$(mktemp -d "${TMPDIR:-/tmp}/plateau-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

if (($# > 0)); then
  data=$(realpath "$1")
else
  data=$work/data
  "$plateau" data synth "$data" --users 20000 --items 7000 --interactions 160000 --modalities text:384,image:512 >/dev/null
fi
features=$(cd "$data" && printf '%s, ' *_feat.npy)
[[ $features != '*_feat.npy, ' ]] || { echo "$data has no features" >&2; exit 64; }

cat >"$work/config.yaml" <<YAML
run:
  seed: 1
data:
  path: $data
  features: [${features%, }]
model:
  name: vbpr
  dim: 64
optimizer:
  name: adam
  lr: 0.001
train:
  epochs: $epochs
  batch_size: 2048
eval:
  every: 0
YAML

# values KEY: of all epochs but the first, one a line.
values() { grep '"event": *"epoch"' "$work/run/metrics.jsonl" | tail -n +2 | sed -n "s/.*\"$1\": *\([-+0-9.eE]*\).*/\1/p"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# share KEY: its median in percent of the epoch's seconds.
share() { paste <(values "$1") <(values seconds) | awk '{ print 100 * $1 / $2 }' | median; }

printf '%-5s %-6s %7s  %10s  %7s %8s %9s %5s\n' model strategy threads samples/s sample compute exchange wait
for model in bpr vbpr; do
  for strategy in plain bsam+; do
    for threads in 1 2; do
      rm -rf "$work/run"
      "$plateau" train "$work/config.yaml" --quiet --set "model.name=$model" --set "strategy.name=$strategy" \
        --set "cluster.threads=$threads" --set "cluster.transport=${TRANSPORT:-auto}" --set "run.dir=$work/run" \
        >"$work/log.txt" 2>&1 || { cat "$work/log.txt" >&2; exit 1; }
      printf '%-5s %-6s %7s  %10.0f  %6.0f%% %7.0f%% %8.0f%% %4.0f%%\n' "$model" "$strategy" "$threads" \
        "$(values samples_per_s | median)" "$(share sample_s)" "$(share compute_s)" "$(share exchange_s)" "$(share wait_s)"
    done
  done
done
