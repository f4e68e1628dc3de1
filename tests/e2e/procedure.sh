#!/usr/bin/env bash
# procedure.sh same|resume|killed|by_hand|modes: training in stages.
#   same      one result on several clusters; one stage is a plain run bit for bit
#   resume    stopped once after each step, at the end of a stage too, stopped after every one, by signals: the same bits
#   killed    killed with SIGKILL at random moments and started again: the same bits
#   by_hand   two stages are two plain runs, the tables of the first exported and given to the second
#   modes     ssp and asp
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
batch_size=2048
head_of() {
  cat <<YAML
run: {seed: 7}
data: {path: $data, features: [text_feat.npy, image_feat.npy]}
strategy: {name: bsam+, rho: 0.1}
optimizer: {name: adam, lr: 0.05}
train: {batch_size: $batch_size, micro_batch: $((batch_size / 4)), log_every: 1}
eval: {every: 1, topk: [5, 20]}
YAML
}
# A stage whose best epoch is not its last, a loop of two models with tables that only one of them has, an end.
{
  head_of
  cat <<YAML
procedure:
  - stage: train
    name: bpr
    model: {name: bpr, dim: 16, reg: 0.001}
    optimizer: {name: adamw, lr: 3, weight_decay: 0.02}
    train: {epochs: 3}
  - repeat: 2
    stages:
      - stage: train
        name: vbpr
        model: {name: vbpr, dim: 8, reg: 0.001}
        strategy: {name: mirror, mode: sequential}
        optimizer: {tables: {"proj_*": {name: adagrad, lr: 0.01}, user: {lr: 0.02}}}
        fresh: [item]
        train: {epochs: 1}
        eval: {every: 0}
      - stage: train
        name: lightgcn
        model: {name: lightgcn, dim: 16, layers: 2, fanout: [6, 4]}
        fresh: [item]
        train: {epochs: 1}
  - stage: train
    name: last
    model: {name: vbpr, dim: 8, reg: 0.001}
    fresh: [item]
    frozen: [user]
    train: {epochs: 1}
YAML
} >"$config"

clusters=(1:1:auto 3:4:auto 2:1:ipc 1:3:auto 2:2:tcp 3:1:auto 1:4:ipc 3:3:auto)
cluster() {
  local servers workers transport
  IFS=: read -r servers workers transport <<<"${clusters[$1 % ${#clusters[@]}]}"
  echo --servers "$servers" --workers "$workers" --set "cluster.transport=$transport" --set "cluster.threads=1"
}
# "stage outer epoch step loss" of each step of a run, the last of each.
stage_losses() {
  grep '"event": *"step"' "$1/metrics.jsonl" | sed 's/"outer"/"outer"/; /"outer"/!s/"stage": *"\([^"]*\)"/"stage": "\1", "outer": -/' |
    sed 's/.*"stage": *"\([^"]*\)", *"outer": *\([-0-9]*\).*"epoch": *\([0-9]*\).*"step": *\([0-9]*\).*"loss": *\([^,} ]*\).*/\1 \2 \3 \4 \5/' |
    awk '{ last[$1 " " $2 " " $3 " " $4] = $5 } END { for (place in last) print place, last[place] }' | sort
}
lines_of() { { cat "$1" 2>/dev/null || true; } | wc -l; }
longer=(--set procedure.0.train.epochs=12 --set procedure.1.stages.0.train.epochs=5 --set procedure.1.stages.1.train.epochs=5
  --set procedure.2.train.epochs=12)
best_of() { readlink "$1/checkpoints/best" || echo none; }
# same NAME RUN: RUN has the tables and the best checkpoint of the reference; removes it.
same() {
  local hash
  hash=$(tables_hash "$2")
  [[ $hash == "$reference" ]] || complain "$1: tables $hash, expected $reference"
  [[ $(best_of "$2") == "$best" ]] || complain "$1: best is $(best_of "$2"), expected $best"
  rm -rf "$2"
}
make_reference() { # [options]
  train_run "$work/reference" --set checkpoint.every_s=0.000001 --set checkpoint.keep=1000 "$@"
  reference=$(tables_hash "$work/reference") best=$(best_of "$work/reference")
  stage_losses "$work/reference" >"$work/losses.txt"
  last=$(basename "$(readlink -f "$work/reference/checkpoints/last")")
  say "reference: $reference, best $best, up to clock $last"
}

# shellcheck disable=SC2046 # cluster() gives several words
case ${1:-same} in
  same)
    make_reference $(cluster 1)
    for ((k = 0; k < ${#clusters[@]}; k++)); do
      train_run "$work/run" $(cluster "$k")
      stage_losses "$work/run" | cmp -s - "$work/losses.txt" || complain "cluster $k: other losses"
      same "cluster $k" "$work/run"
    done
    # The effective configuration says the same.
    quietly "$plateau" train "$work/reference/config.yaml" --set "run.dir=$work/run"
    "$plateau" evaluate "$work/run" >"$work/told.txt" || complain "evaluate"
    grep -q 'ndcg@20' "$work/told.txt" || complain "evaluate tells nothing"
    same "config.yaml of a run" "$work/run"
    train_run "$work/run" --set procedure.0.train.epochs=1
    [[ $(tables_hash "$work/run") != "$reference" ]] || complain "--set does not reach into a stage"
    rm -rf "$work/run"
    for stage in bpr vbpr lightgcn last; do
      grep -q "^$stage " "$work/losses.txt" || complain "no losses of stage $stage"
    done
    (($(grep -c '^vbpr 1 ' "$work/losses.txt") == $(grep -c '^vbpr 0 ' "$work/losses.txt"))) || complain "rounds of the loop"
    cmp -s <(grep '^vbpr 0' "$work/losses.txt" | cut -d' ' -f 3-) <(grep '^vbpr 1' "$work/losses.txt" | cut -d' ' -f 3-) &&
      complain "both rounds of the loop have the same losses"
    "$plateau" inspect "$work/reference" >"$work/told.txt" || complain "inspect"
    grep -q 'training number 6 of the procedure' "$work/told.txt" || complain "inspect does not say where in the procedure"
    grep -qE '^ *user .* frozen$' "$work/told.txt" || complain "inspect does not say what is frozen"
    # What stands on top and is of some stages only: config.yaml has it in all of them.
    train_run "$work/run" --set 'optimizer.tables={proj_b: {lr: 0.3}}'
    [[ $(tables_hash "$work/run") != "$reference" ]] || complain "optimizer.tables on top changes nothing"
    quietly "$plateau" train "$work/run/config.yaml" --set "run.dir=$work/again"
    [[ $(tables_hash "$work/run") == $(tables_hash "$work/again") ]] || complain "optimizer.tables on top: config.yaml is another run"
    quietly "$plateau" evaluate "$work/again"
    rm -rf "$work/run" "$work/again"
    # One stage is a plain run.
    { head_of; echo 'model: {name: vbpr, dim: 8}'; } >"$config"
    train_run "$work/plain" --set train.epochs=2
    train_run "$work/run" --set train.epochs=2 --set 'procedure=[{stage: train}]'
    [[ $(tables_hash "$work/plain") == $(tables_hash "$work/run") ]] || complain "one stage is not a plain run"
    cmp -s <(losses_of "$work/plain") <(losses_of "$work/run") || complain "one stage is not a plain run: losses"
    grep -q '"stage"' "$work/plain/metrics.jsonl" && complain "a plain run tells of stages"
    [[ $(best_of "$work/plain") == $(best_of "$work/run") ]] || complain "one stage is not a plain run: best"
    ;;
  resume)
    make_reference $(cluster 1)
    say "a checkpoint of every clock"
    for ((k = 1; k < last; k++)); do
      train_run "$work/every" --resume --set "train.max_steps=$k" --set checkpoint.keep=1000 $(cluster "$k")
    done
    train_run "$work/every" --resume --set checkpoint.keep=1000
    [[ $(tables_hash "$work/every") == "$reference" ]] || complain "stopped at every clock: other tables"
    mapfile -t clocks < <(find "$work/every/checkpoints" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -n)
    ((${#clocks[@]} == last)) || complain "not one checkpoint per clock"

    say "stopped after every step"
    for ((k = 1; k < last; k++)); do
      train_run "$work/run" --set "train.max_steps=$k" $(cluster "$k")
      train_run "$work/run" --resume $(cluster "$((k + 3))")
      stage_losses "$work/run" | cmp -s - "$work/losses.txt" || complain "resumed after step $k: losses differ"
      same "resumed after step $k" "$work/run"
    done

    say "stopped by signals"
    stopped=0
    train_run "$work/longer" "${longer[@]}"
    for ((attempt = 1; attempt <= 30; attempt++)); do # the same run, again and again
      code=0 told=$(lines_of "$work/signal/metrics.jsonl")
      "$plateau" train "$config" --set "run.dir=$work/signal" --resume "${longer[@]}" $(cluster "$attempt") >"$work/out.txt" 2>&1 </dev/null &
      job=$!
      for ((i = 0; i < 600; i++)); do # under way when it has told something new
        (($(lines_of "$work/signal/metrics.jsonl") == told)) || break
        sleep 0.02
      done
      sleep "0.0$((attempt * 7 % 10))"
      kill -s USR1 "$job" 2>/dev/null || true
      wait "$job" || code=$?
      ((code == 75 || code == 0)) || { complain "USR1: exit $code"; cat "$work/out.txt"; }
      ((code == 75)) || break
      stopped=$((stopped + 1))
    done
    say "stopped $stopped times"
    ((stopped > 2)) || complain "signals struck $stopped times"
    train_run "$work/signal" --resume "${longer[@]}"
    [[ $(tables_hash "$work/signal") == $(tables_hash "$work/longer") ]] || complain "stopped by signals: other tables"

    code=0
    train_run "$work/run" --set train.max_steps=5
    "$plateau" train "$config" --set "run.dir=$work/run" --resume --set procedure.1.stages.0.model.reg=0.5 \
      >"$work/out.txt" 2>&1 || code=$?
    [[ $code == 64 ]] || complain "another reg of a stage: exit $code"
    grep -q 'procedure.1.stages.0.model.reg: 0.5, was 0.001' "$work/out.txt" || complain "does not say which stage differs"
    train_run "$work/run" --resume --set procedure.2.train.epochs=2
    (($(stage_losses "$work/run" | grep -c '^last ') == 2 * $(grep -c '^last ' "$work/losses.txt"))) ||
      complain "epochs of a stage to come may differ"
    ;;
  killed)
    seed=${PLATEAU_TEST_SEED:-$(($(od -An -N2 -tu2 /dev/urandom)))}
    RANDOM=$seed
    say "seed $seed"
    begin=$(date +%s%N)
    make_reference "${longer[@]}" --servers 2 --workers 2 --set cluster.transport=ipc
    took=$((($(date +%s%N) - begin) / 1000000))
    kill_at_random 10 "$took" "$work/run" "$plateau" train "$config" --resume --set checkpoint.every_s=0.02 "${longer[@]}" \
      --servers 2 --workers 2 --set cluster.transport=ipc
    train_run "$work/run" --resume "${longer[@]}"
    stage_losses "$work/run" | cmp -s - "$work/losses.txt" || complain "losses differ or are missing (seed $seed)"
    grep -vE '^\{"event".*\}$' "$work/run/metrics.jsonl" && complain "metrics.jsonl: lines that are no JSON"
    [[ -z $(find "$work/run" -name '*.part' -o -name '*.tmp') ]] || complain "leftovers"
    same "killed (seed $seed)" "$work/run"
    ;;
  by_hand)
    batch_size=1024
    # One pre-trains BPR and keeps its best epoch; VBPR goes on from its users, which stay as they are.
    stages() { # FIRST_EPOCHS: of bpr, behind it vbpr
      head_of
      cat <<YAML
procedure:
  - {stage: train, name: bpr, model: {name: bpr, dim: 16}, optimizer: {lr: 3}, train: {epochs: $1}}
  - {stage: train, name: vbpr, model: {name: vbpr, dim: 8}, fresh: [item], frozen: [user], train: {epochs: 3}, eval: {every: 0}}
YAML
    }
    for evaluates in 1 0; do # by best, by last
      stages 4 >"$config"
      train_run "$work/both" --set procedure.0.eval.every=$evaluates
      train_run "$work/ssp" --set procedure.0.eval.every=$evaluates --set cluster.consistency=ssp --set cluster.prefetch=2
      # Rows of frozen tables come once: 300 users of 16 floats.
      for run in both ssp; do
        mapfile -t pulled < <(grep '"event": "epoch", "stage": "vbpr"' "$work/$run/metrics.jsonl" | json_number pull_bytes)
        ((pulled[0] - pulled[1] > 15000 && pulled[0] - pulled[2] > 15000)) ||
          complain "$run: frozen rows are pulled again: ${pulled[*]} bytes in the epochs of vbpr"
      done
      [[ $(tables_hash "$work/both") == $(tables_hash "$work/ssp") ]] ||
        complain "evaluation $evaluates: ssp with one worker has other tables"
      { head_of; echo 'model: {name: bpr, dim: 16}'; } >"$config"
      train_run "$work/first" --set optimizer.lr=3 --set train.epochs=4 --set eval.every=$evaluates
      choice=--last
      if ((evaluates)); then
        choice=--best
        [[ $(best_of "$work/first") != $(basename "$(readlink -f "$work/first/checkpoints/last")") ]] ||
          fail "best is last: nothing is tested"
      fi
      quietly "$plateau" export "$work/first" $choice -o "$work/given"
      rm "$work/given/item.npy" # of another shape
      # As the second of two stages, for the draws of a second stage; the first trains nothing.
      stages 0 >"$config"
      train_run "$work/second" --set "init.from=$work/given" --set init.missing=fresh
      for run in both second; do quietly "$plateau" export "$work/$run" --last -o "$work/$run.tables"; done
      cmp -s "$work/both.tables/user.npy" "$work/given/user.npy" || complain "evaluation $evaluates: users were not frozen"
      for table in user item proj_w proj_b; do
        cmp -s "$work/both.tables/$table.npy" "$work/second.tables/$table.npy" || complain "evaluation $evaluates: $table differs"
      done
      cmp -s <(stage_losses "$work/both" | grep ^vbpr) <(stage_losses "$work/second" | grep ^vbpr) ||
        complain "evaluation $evaluates: losses differ"
      [[ $(best_of "$work/both") == none ]] || complain "the best checkpoint of a stage before is the run's"
      rm -rf "$work/both" "$work/ssp" "$work/first" "$work/second" "$work/given" "$work"/*.tables
    done
    ;;
  modes)
    code=0
    "$plateau" train "$config" --set "run.dir=$work/run" --set cluster.consistency=ssp >"$work/out.txt" 2>&1 || code=$?
    [[ $code == 64 ]] || complain "a sequential stage in ssp: exit $code"
    sed -i 's/strategy: {name: mirror, mode: sequential}/strategy: {name: plain}/' "$config"
    make_reference
    for mode in ssp asp; do
      train_run "$work/run" --set cluster.consistency=$mode
      same "$mode, one worker" "$work/run"
      train_run "$work/run" --set cluster.consistency=$mode --workers 3 --servers 2 --set cluster.prefetch=1
      clock=$(basename "$(readlink -f "$work/run/checkpoints/last")")
      [[ $clock == "$last" ]] || complain "$mode: ends at clock $clock, not $last"
      cut -d' ' -f 1-4 "$work/losses.txt" | cmp -s - <(stage_losses "$work/run" | cut -d' ' -f 1-4) || complain "$mode: other steps"
      rm -rf "$work/run"
      for ((k = 1; k < last; k += 5)); do # and on with another mode
        train_run "$work/run" --set cluster.consistency=$mode --workers 3 --set "train.max_steps=$k"
        train_run "$work/run" --resume --workers 2 --servers 2
        clock=$(basename "$(readlink -f "$work/run/checkpoints/last")")
        [[ $clock == "$last" ]] || complain "$mode, stopped after $k: ends at clock $clock"
        rm -rf "$work/run"
      done
    done
    ;;
  *) fail "usage: procedure.sh same|resume|killed|by_hand|modes" ;;
esac
conclude
