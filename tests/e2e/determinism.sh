#!/usr/bin/env bash
# determinism.sh bsam+|mirror|lightgcn: the exported tables and all losses have the same bits for every number of servers,
# workers and threads, every transport, with and without evaluation, and after three stops (resume.sh: a stop anywhere).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
case ${1:-bsam+} in
  bsam+) write_config "$config" "$data" "$bsam_plus" ;;
  mirror) write_config "$config" "$data" "$mirror_sequential" ;;
  lightgcn) write_config "$config" "$data" "$bsam_plus" && as_lightgcn "$config" ;;
  *) fail "usage: determinism.sh bsam+|mirror|lightgcn" ;;
esac

# same NAME RUN: RUN has the tables and losses of the reference; removes it.
same() {
  local hash
  hash=$(tables_hash "$2")
  [[ $hash == "$reference" ]] || complain "$1: tables $hash, expected $reference"
  losses_of "$2" | cmp -s - "$work/losses.txt" || complain "$1: losses differ"
  rm -rf "$2"
}
how() { echo --servers "$1" --workers "$2" --set "cluster.threads=$3" --set "cluster.transport=$4"; }

# shellcheck disable=SC2046 # how() gives several words
train_run "$work/reference" $(how 1 1 1 auto)
reference=$(tables_hash "$work/reference")
losses_of "$work/reference" >"$work/losses.txt"
steps=$(wc -l <"$work/losses.txt")
say "reference: $reference, $steps steps"
((steps >= 12)) || fail "only $steps step events"

# servers workers threads transport: each value of each with each of another, not the full product.
while read -r combination; do
  # shellcheck disable=SC2046,SC2086
  train_run "$work/run" $(how $combination)
  same "servers, workers, threads, transport $combination" "$work/run"
done <<'TABLE'
1 1 1 auto
1 1 2 tcp
2 1 1 ipc
3 1 2 auto
1 2 1 tcp
2 2 2 auto
3 2 1 ipc
1 3 2 ipc
2 3 1 auto
3 3 2 tcp
1 4 2 auto
2 4 1 tcp
3 4 2 ipc
3 4 1 auto
TABLE

# Reading cannot change the training bits; the metrics too are the same for any cluster.
# shellcheck disable=SC2046
train_run "$work/run" --set eval.every=1 $(how 1 1 1 auto)
grep '"event": *"eval"' "$work/run/metrics.jsonl" | json_number 'ndcg@20' >"$work/ndcg.txt" || true
(($(wc -l <"$work/ndcg.txt") >= 3)) || complain "eval.every=1: less than 3 evaluations in metrics.jsonl"
same "eval.every=1" "$work/run"
# shellcheck disable=SC2046
train_run "$work/run" --set eval.every=1 $(how 3 4 2 tcp)
grep '"event": *"eval"' "$work/run/metrics.jsonl" | json_number 'ndcg@20' | cmp -s - "$work/ndcg.txt" ||
  complain "metrics differ with 3 servers and 4 workers"
same "eval.every=1, 3 servers, 4 workers" "$work/run"

# Three times stopped, with evaluation.
train_run "$work/run" --set train.max_steps=2 --set eval.every=1
train_run "$work/run" --set train.max_steps=6 --set eval.every=1 --resume --servers 2
train_run "$work/run" --set train.max_steps=11 --set eval.every=1 --resume --workers 3
train_run "$work/run" --set eval.every=1 --resume
same "stopped three times" "$work/run"
# A finished run is resumed to no effect.
train_run "$work/run"
train_run "$work/run" --resume
same "resumed when finished" "$work/run"

conclude
