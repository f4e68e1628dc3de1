#!/usr/bin/env bash
# resume.sh bsam+|mirror|lightgcn: a run goes on with the same bits from every clock: stopped once after each step, stopped
# after every step, stopped by each signal; always with other servers and workers. And what a resumed run finds: half a
# line of metrics, links left behind, half-removed checkpoints, no checkpoint at all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
case ${1:-bsam+} in
  bsam+) write_config "$config" "$data" "$bsam_plus" ;;
  mirror) write_config "$config" "$data" "$mirror_sequential" ;;
  lightgcn) # sampled subgraphs; evaluation comes between, with its temporary tables
    write_config "$config" "$data" "$bsam_plus"
    as_lightgcn "$config"
    sed -i 's/^  every: 0/  every: 1/' "$config"
    ;;
  *) fail "usage: resume.sh bsam+|mirror|lightgcn" ;;
esac
sed -i -e 's/epochs: 3/epochs: 2/' -e 's/batch_size: 512/batch_size: 680/' -e 's/micro_batch: 128/micro_batch: 170/' "$config"

# cluster N: the options of the N-th of some clusters.
clusters=(1:1:auto 3:4:auto 2:1:ipc 1:3:auto 2:2:tcp 3:1:auto 1:4:ipc 3:3:auto)
cluster() {
  local servers workers transport
  IFS=: read -r servers workers transport <<<"${clusters[$1 % ${#clusters[@]}]}"
  echo --servers "$servers" --workers "$workers" --set "cluster.transport=$transport" --set "cluster.threads=1"
}
# same NAME RUN: RUN has the tables of the reference; removes it.
same() {
  local hash
  hash=$(tables_hash "$2")
  [[ $hash == "$reference" ]] || complain "$1: tables $hash, expected $reference"
  rm -rf "$2"
}
lines_of() { { cat "$1" 2>/dev/null || true; } | wc -l; }
epochs_of() { grep '"event": *"epoch"' "$1/metrics.jsonl" | sed 's/.*"epoch": *\([0-9]*\).*"loss": *\([^,} ]*\).*/\1 \2/' | sort -u; }

# shellcheck disable=SC2046 # cluster() gives several words
{
  train_run "$work/reference" --set checkpoint.every_s=0.000001 --set checkpoint.every_epochs=0 \
    --set checkpoint.keep=1000 $(cluster 1)
  reference=$(tables_hash "$work/reference")
  losses_of "$work/reference" >"$work/losses.txt"
  epochs_of "$work/reference" >"$work/epochs.txt"
  last=$(basename "$(readlink -f "$work/reference/checkpoints/last")")
  say "reference: $reference, $(find "$work/reference/checkpoints" -mindepth 1 -maxdepth 1 -type d | wc -l) checkpoints up to clock $last"
  ((last >= 10)) || fail "not enough steps"

  say "a checkpoint of every clock"
  for ((k = 1; k < last; k++)); do
    train_run "$work/every" --resume --set "train.max_steps=$k" --set checkpoint.keep=1000 $(cluster "$k")
  done
  train_run "$work/every" --resume --set checkpoint.keep=1000
  mapfile -t clocks < <(find "$work/every/checkpoints" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -n)
  ((${#clocks[@]} == last)) || fail "not one checkpoint per clock"
  [[ $(tables_hash "$work/every") == "$reference" ]] || complain "stopped at every clock: other tables"

  say "stopped by train.max_steps after every step"
  for ((k = 1; k < last; k++)); do
    train_run "$work/run" --set "train.max_steps=$k" $(cluster "$k")
    mv "$work/run/metrics.jsonl" "$work/before.jsonl" # what is told from here on must be whole
    train_run "$work/run" --resume $(cluster "$((k + 3))")
    ((k >= last / 2)) && untold=1 || untold=2 # epochs
    epochs_of "$work/run" | cmp -s - <(tail -n "$untold" "$work/epochs.txt") ||
      complain "resumed after step $k: other losses of epochs"
    cat "$work/before.jsonl" "$work/run/metrics.jsonl" >"$work/all.jsonl"
    mv "$work/all.jsonl" "$work/run/metrics.jsonl"
    losses_of "$work/run" | cmp -s - "$work/losses.txt" || complain "resumed after step $k: losses differ"
    same "resumed after step $k" "$work/run"
  done

  say "stopped by signals"
  for signal in INT TERM USR1; do
    run=$work/signal
    for attempt in 1 2 3; do # the same run, stopped again and again
      code=0 told=$(lines_of "$run/metrics.jsonl")
      "$plateau" train "$config" --set "run.dir=$run" --set train.epochs=100000 --resume $(cluster "$attempt") \
        >"$work/out.txt" 2>&1 </dev/null &
      job=$!
      for ((i = 0; i < 600; i++)); do # under way when it has told something new
        (($(lines_of "$run/metrics.jsonl") == told)) || break
        sleep 0.05
      done
      kill -s "$signal" "$job"
      wait "$job" || code=$?
      [[ $code == 75 ]] || { complain "$signal: exit $code, expected 75"; cat "$work/out.txt"; }
      grep -q "^plateau: stopped by request.*plateau train $run --resume goes on" "$work/out.txt" || complain "$signal: does not say how to go on"
    done
    clock=$(basename "$(readlink -f "$run/checkpoints/last")")
    # An undisturbed run of as many steps.
    train_run "$work/run" --set train.epochs=100000 --set "train.max_steps=$clock"
    [[ $(tables_hash "$run") == $(tables_hash "$work/run") ]] || complain "$signal: other tables at clock $clock"
    say "  $signal: clock $clock"
    rm -rf "$run" "$work/run"
  done
}

say "what a resumed run finds"
train_run "$work/run" --set train.max_steps=5 --set checkpoint.every_s=0.000001
printf '{"event": "step", "epoch": 0, "st' >>"$work/run/metrics.jsonl"
ln -sfn 2 "$work/run/checkpoints/last"
mkdir "$work/run/checkpoints/7.part" "$work/run/checkpoints/last.part"
train_run "$work/run" --resume --set train.max_steps=5
[[ $(readlink "$work/run/checkpoints/last") == 5 ]] || complain "last is not moved to the newest checkpoint"
train_run "$work/run" --resume
grep -vE '^\{"event".*\}$' "$work/run/metrics.jsonl" && complain "metrics.jsonl: lines that are no JSON"
[[ -z $(find "$work/run/checkpoints" -name '*.part') ]] || complain "leftovers in checkpoints/"
losses_of "$work/run" | cmp -s - "$work/losses.txt" || complain "half a line: losses differ"
same "half a line, links left behind" "$work/run"

# The same command line for the first start and all others: what went wrong before the first checkpoint is no run.
code=0
"$plateau" train "$config" --set "run.dir=$work/run" --set "data.path=$work/absent" --resume >"$work/out.txt" 2>&1 || code=$?
[[ $code == 65 && ! -e $work/run ]] || complain "bad data with --resume: exit $code, or a run directory is left"
code=0
"$plateau" train "$config" --set "run.dir=$work/run" --set "init.from=$work/absent" --resume >"$work/out.txt" 2>&1 || code=$?
((code != 0)) || complain "init.from=absent is accepted"
sed '/micro_batch/d' "$config" >"$work/free.yaml"
quietly "$plateau" train "$work/free.yaml" --set "run.dir=$work/run" --resume --workers 2 --set train.max_steps=2
quietly "$plateau" train "$work/free.yaml" --set "run.dir=$work/run" --resume --workers 3 --servers 2
hash=$(tables_hash "$work/run")
quietly "$plateau" train "$work/free.yaml" --set "run.dir=$work/whole" --workers 2
[[ $(tables_hash "$work/whole") == "$hash" ]] || complain "micro_batch of the first start is not kept"

say "a run goes on under its name, with another rate and patience, and says when nothing is left"
says() { # PATTERN RUN OPTIONS: plateau train RUN --resume OPTIONS
  "$plateau" train "${@:2}" --resume >"$work/out.txt" 2>&1 </dev/null || complain "${*:2}: exit $?"
  grep -qE "^plateau: $1" "$work/out.txt" || { cat "$work/out.txt"; complain "${*:2} does not say: $1"; }
}
says 'nothing is left to train: all 2 epochs are done' "$work/whole"
mv "$work/whole" "$work/moved"
says 'going on with other options: optimizer.lr: 0.02, was 0.01; train.epochs: 4, was 2$' "$work/moved" --epochs 4 \
  --set optimizer.lr=0.02
train_run "$work/patient" --epochs 50 --set eval.every=1 --set eval.patience=1 --set optimizer.lr=0.3
says 'nothing is left to train: stopped early after epoch [0-9]+, the best was epoch [0-9]+; a larger eval.patience' \
  "$work/patient"
says 'stopped after epoch [0-9]+: no better recall@20 for 2 evaluations' "$work/patient" --set eval.patience=2
train_run "$work/stopped" --set train.max_steps=3
says 'nothing is left to train: all 3 steps are done; a larger train.max_steps' "$work/stopped" --set train.max_steps=3

conclude
