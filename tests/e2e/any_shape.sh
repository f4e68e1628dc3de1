#!/usr/bin/env bash
# any_shape.sh [--seconds N] [--seed S] [--only KIND=NAME ...]: random configurations, each trained on three random
# clusters: model, strategy, optimizer and the options of each, features, batch and leaves, stages of a procedure;
# servers, workers, threads, transport. Tables, final vectors, losses and metrics have the same bits, or all three end with the same error.
# --only models=vbpr: no other model.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

seconds=10 seed=${PLATEAU_TEST_SEED:-1}
declare -A only=()
while (($#)); do
  case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    --only) only[${2%%=*}]=${2#*=} ;;
    *) fail "usage: any_shape.sh [--seconds N] [--seed S] [--only KIND=NAME ...]" ;;
  esac
  shift 2
done
RANDOM=$seed
# shellcheck source=tests/random_config.sh
source "$root/tests/random_config.sh"

# outcome: what a run of the configuration comes to on a random cluster, in $result; the cluster in $shape.
outcome() {
  local servers workers threads transport best=--last code=0
  choose servers 1 2 3
  choose workers 1 2 3
  choose threads 1 2
  choose transport auto ipc tcp
  shape="$servers servers, $workers workers of $threads threads, $transport"
  rm -rf "$work/run" "$work/out"
  timeout 100 "$plateau" train "$work/config.yaml" --set run.dir="$work/run" --servers "$servers" --workers "$workers" \
    --set cluster.threads="$threads" --set cluster.transport="$transport" >"$work/out.txt" 2>&1 </dev/null || code=$?
  if ((code != 0)); then
    result="exit $code: $(grep error "$work/out.txt" || true)"
    return
  fi
  quietly "$plateau" export "$work/run" --last -o "$work/out"
  [[ ! -e $work/run/checkpoints/best ]] || best=--best # a stage without epochs has none
  quietly "$plateau" export "$work/run" "$best" --vectors -o "$work/out" --servers "$workers"
  result=$({
    cat "$work/out"/*.npy
    losses_of "$work/run"
    grep -E '"event": "(eval|final)"' "$work/run/metrics.jsonl" | sed -E 's/"(seconds|eval_s)": [0-9.e-]*//g'
  } | sha256sum)
}

learn
tried=0 ended=0
for ((end = SECONDS + seconds; SECONDS < end || tried < 4; tried++)); do # however slow the machine
  draw_config
  outcome
  first=$result on=$shape
  [[ $first != exit* ]] || { ended=$((ended + 1)); say "$model, $strategy, $optimizer: $first"; }
  for again in 2 3; do
    outcome
    [[ $result == "$first" ]] && continue
    complain "run $again: $shape: $result; $on: $first"
    cat "$work/config.yaml" "$work/out.txt" >&2
  done
done
say "$tried configurations on 3 clusters each, seed $seed; $ended of them end with an error"
((ended * 4 <= tried + 4)) || complain "too few ran to their end"
conclude
