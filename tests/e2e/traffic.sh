#!/usr/bin/env bash
# Flatness costs no traffic: all strategies, as they are with sgd, push and pull exactly the same bytes in every epoch;
# only sequential mirror pays for its second exchange.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
# bytes_of STRATEGY-LINES: push and pull bytes of each epoch.
bytes_of() {
  write_config "$config" "$data" "$1"
  rm -rf "$work/run"
  train_run "$work/run" --set optimizer.name=sgd --servers 2 --workers 2
  grep '"event": *"epoch"' "$work/run/metrics.jsonl" >"$work/epochs.txt"
  paste -d ' ' <(json_number push_bytes <"$work/epochs.txt") <(json_number pull_bytes <"$work/epochs.txt")
}
plain=$(bytes_of '  name: plain')
say "push and pull bytes by epoch:" "$plain"
[[ $(wc -l <<<"$plain") == 3 && $plain =~ ^[1-9][0-9]*\ [1-9][0-9]* ]] || fail "no byte counts in metrics.jsonl"
while read -r strategy; do
  bytes=$(bytes_of "  name: $strategy")
  [[ $bytes == "$plain" ]] || complain "other bytes than plain:" "$strategy" "$bytes"
done < <("$plateau" help strategies --names | grep -vx plain)
sequential=$(bytes_of "$mirror_sequential")
((${sequential%% *} > ${plain%% *})) || complain "sequential mirror pushes no more than plain: $sequential"

conclude
