#!/usr/bin/env bash
# consistency.sh: ssp and asp. One worker has the bits of bsp, however it is stopped; several keep the bound, do every
# batch once, stop by a signal and go on with another number of workers; what makes no sense is refused.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
consistency() { # MODE: the options of a mode, prefetch on
  echo --set "cluster.consistency=$1"
  case $1 in
    ssp) echo --set cluster.staleness=2 --set cluster.prefetch=2 ;;
    asp) echo --set cluster.prefetch=1 ;;
  esac
}
# run MODE RUN [options]: like train_run, in a mode.
run() {
  local mode=$1 run=$2
  shift 2
  # shellcheck disable=SC2046 # consistency() gives several words
  train_run "$run" $(consistency "$mode") "$@"
}
same() { # NAME RUN: as the reference; removes it
  local hash
  hash=$(tables_hash "$2")
  [[ $hash == "$reference" ]] || complain "$1: tables $hash, expected $reference"
  losses_of "$2" | cmp -s - "$work/losses.txt" || complain "$1: losses differ"
  epochs_of "$2" | cmp -s - "$work/epochs.txt" || complain "$1: losses of epochs differ"
  rm -rf "$2"
}
epochs_of() { grep '"event": *"epoch"' "$1/metrics.jsonl" | json_number loss; }

say "one worker: the bits of bsp"
for strategy in "$bsam_plus" '  name: mirror
  mode: combined
  beta: 2'; do
  write_config "$config" "$data" "$strategy"
  train_run "$work/run"
  reference=$(tables_hash "$work/run")
  losses_of "$work/run" >"$work/losses.txt"
  epochs_of "$work/run" >"$work/epochs.txt"
  rm -rf "$work/run"
  for mode in ssp asp; do
    while read -r servers transport; do
      run "$mode" "$work/run" --servers "$servers" --set "cluster.transport=$transport"
      same "$mode, $servers servers, $transport" "$work/run"
    done <<<$'1 auto\n2 ipc\n3 tcp'
  done
done
write_config "$config" "$data" "$bsam_plus"
train_run "$work/run"
reference=$(tables_hash "$work/run")
losses_of "$work/run" >"$work/losses.txt"
epochs_of "$work/run" >"$work/epochs.txt"
rm -rf "$work/run"
for k in 1 5 7 8; do # and modes change from start to start
  run ssp "$work/run" --set "train.max_steps=$k"
  run asp "$work/run" --resume --set "train.max_steps=$((k + 4))" --servers 2
  run bsp "$work/run" --resume
  same "ssp, asp and bsp, stopped after $k and $((k + 4)) steps" "$work/run"
done

# clock_of RUN: steps of the last checkpoint.
clock_of() { basename "$(readlink -f "$1/checkpoints/last")"; }
steps=$(wc -l <"$work/losses.txt")
say "several workers: $steps steps each time, none further ahead than allowed"
for workers in 2 3 4 "$((steps + 1))"; do
  for mode in ssp asp; do
    run "$mode" "$work/run" --workers "$workers" --servers 2
    [[ $(clock_of "$work/run") == "$steps" ]] || complain "$mode, $workers workers: $(clock_of "$work/run") steps"
    [[ $(losses_of "$work/run" | cut -d ' ' -f 1,2) == "$(cut -d ' ' -f 1,2 "$work/losses.txt")" ]] ||
      complain "$mode, $workers workers: not every batch was told once"
    lead=$(sed -n 's/.*at most \([0-9]*\) clocks ahead.*/\1/p' "$work/run"/logs/server-*.txt | sort -n | tail -n 1)
    [[ $mode == asp ]] || ((lead <= 2)) || complain "ssp: rows went out $lead clocks ahead of the slowest worker"
    rm -rf "$work/run"
  done
done

say "time is up in the middle of an epoch: a checkpoint, exit 75, and on with other workers"
for mode in bsp ssp asp; do
  # shellcheck disable=SC2046
  "$plateau" train "$config" --set "run.dir=$work/run" --set train.epochs=100000 --workers 3 --servers 2 --quiet \
    $(consistency "$mode") >"$work/stopped.txt" 2>&1 &
  job=$!
  for ((i = 0; i < 200; i++)); do
    grep -qs '"epoch"' "$work/run/metrics.jsonl" && break
    sleep 0.05
  done
  kill -USR1 "$job"
  code=0
  wait "$job" || code=$?
  ((code == 75)) || { complain "$mode: exit $code after USR1"; cat "$work/stopped.txt"; }
  clock=$(clock_of "$work/run")
  # shellcheck disable=SC2046
  train_run "$work/run" --resume --workers 2 --set train.epochs=100000 --set "train.max_steps=$((clock + 9))" \
    $(consistency "$mode")
  [[ $(clock_of "$work/run") == "$((clock + 9))" ]] || complain "$mode: resumed to clock $(clock_of "$work/run")"
  rm -rf "$work/run"
done

say "checkpoints by time, while several workers train"
for mode in ssp asp; do
  for epochs in 20 80 320 1280; do # until the run lasts long enough on this machine
    run "$mode" "$work/run" --workers 3 --set checkpoint.every_s=0.02 --set train.epochs=$epochs --set checkpoint.keep=1000
    found=$(find "$work/run/checkpoints" -name manifest.json | wc -l)
    # shellcheck disable=SC2017 # steps of an epoch, whole ones
    [[ $(clock_of "$work/run") == "$((steps / 3 * epochs))" ]] || complain "$mode: ended at clock $(clock_of "$work/run")"
    rm -rf "$work/run"
    ((found < 3)) || break
  done
  ((found >= 3)) || complain "$mode: $found checkpoints by time in $epochs epochs"
done

say "one worker's failure ends all"
for mode in ssp asp; do
  code=0
  # shellcheck disable=SC2046
  timeout 60 "$plateau" train "$config" --set "run.dir=$work/run" --set optimizer.lr=1e30 --workers 4 --quiet \
    $(consistency "$mode") >"$work/failed.txt" 2>&1 || code=$?
  ((code == 65)) || { complain "$mode: exit $code after a NaN"; cat "$work/failed.txt"; }
  rm -rf "$work/run"
done

say "what is refused"
# refused TEXT [options]: exit 64 and one line that has TEXT.
refused() {
  local text=$1 code=0
  shift
  "$plateau" train "$config" --set "run.dir=$work/run" "$@" >"$work/refused.txt" 2>&1 || code=$?
  ((code == 64)) || complain "exit $code, expected 64: $*"
  grep -q "$text" "$work/refused.txt" || { complain "no \"$text\": $*"; cat "$work/refused.txt"; }
  [[ ! -e $work/run ]] || complain "a run directory is left behind: $*"
}
refused 'cluster.staleness goes with' --set cluster.staleness=2
refused 'cluster.staleness goes with' --set cluster.staleness=2 --set cluster.consistency=asp
refused 'cluster.prefetch goes with' --set cluster.prefetch=1
refused 'at most 1' --set cluster.prefetch=2 --set cluster.consistency=asp
refused 'at most 2' --set cluster.prefetch=3 --set cluster.consistency=ssp --set cluster.staleness=2
refused 'needs cluster.consistency bsp' --set cluster.consistency=ssp --set strategy.name=mirror
refused 'bsp, ssp, asp' --set cluster.consistency=sync

conclude
