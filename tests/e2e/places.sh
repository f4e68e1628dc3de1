#!/usr/bin/env bash
# places.sh jobs|signals|limits|names: what a run meets on machines that others use too. Each case in docs/reliability.md,
# "Places".
#   jobs      that begin together in one directory, a directory that is removed under a run, closed descriptors
#   signals   of batch systems, terminals and pipes, also in the middle of an evaluation; variables of a launcher
#   limits    of cores, files and requeues; containers that share /tmp, ranks that do not; a file cut short while in use
#   names     of folders with what YAML takes for its own; a configuration that comes through a pipe; disks that refuse
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
tiny=(--quiet --set train.max_steps=2 --set eval.final=none)
seed_of() { sed -n 's/^  seed: //p' "$1/config.yaml"; }

# ended SIGNAL PID: waits for it after the signal; its exit code in $code.
ended() { kill -s "$1" "$2"; code=0; wait "$2" || code=$?; }

jobs() {
  local -a job=() running=()
  local other lines code
  say "two jobs that begin together in one run.dir: one of them has it"
  for ((round = 0; round < 8; round++)); do
    run=$work/shared-$round codes=()
    for seed in 1 2; do
      "$plateau" train "$config" "${tiny[@]}" --set "run.dir=$run" --set "run.seed=$seed" >"$work/together-$seed.txt" 2>&1 &
      job[seed]=$!
    done
    for seed in 1 2; do
      codes[seed]=0
      wait "${job[seed]}" || codes[seed]=$?
    done
    winner=1
    ((codes[1] == 0)) || winner=2
    loser=$((3 - winner))
    [[ ${codes[winner]} == 0 && ${codes[loser]} =~ ^(64|75)$ ]] || complain "round $round: exits ${codes[*]}"
    [[ $(seed_of "$run") == "$winner" ]] || complain "round $round: job $winner ended well, config.yaml is of job $(seed_of "$run")"
    [[ $(grep -c 'plateau: error: .*\(holds a run\|another job\)' "$work/together-$loser.txt") == 1 ]] ||
      { complain "round $round: job $loser does not say why"; cat "$work/together-$loser.txt" >&2; }
  done

  say "a running job's directory: a refused --resume touches nothing"
  run=$work/running
  "$plateau" train "$config" --quiet --set "run.dir=$run" --set train.epochs=100000 --set checkpoint.every_s=0 >"$work/out.txt" 2>&1 </dev/null &
  other=$!
  wait_for_step "$run"
  cp "$run/config.yaml" "$work/before.yaml"
  lines=$(wc -l <"$run/metrics.jsonl") code=0
  "$plateau" train "$config" --quiet --set "run.dir=$run" --set train.epochs=7 --resume >"$work/refused.txt" 2>&1 || code=$?
  ((code == 75)) || complain "--resume of a running job: exit $code, not 75"
  cmp -s "$run/config.yaml" "$work/before.yaml" || complain "--resume of a running job: config.yaml is changed"
  (($(wc -l <"$run/metrics.jsonl") > lines)) || complain "--resume of a running job: metrics.jsonl is begun anew"
  ended TERM "$other"

  say "jobs that begin together without a run.dir: each has its own"
  mkdir "$work/sweep"
  for ((round = 0; round < 3; round++)); do
    for number in 1 2 3 4; do
      seed=$((4 * round + number))
      (cd "$work/sweep" && "$plateau" train "$config" "${tiny[@]}" --set "run.seed=$seed" >"$work/sweep-$seed.txt" 2>&1) &
      running[number]=$!
    done
    for number in 1 2 3 4; do
      wait "${running[number]}" || { complain "sweep: exit $?"; cat "$work/sweep-$((4 * round + number)).txt" >&2; }
    done
  done
  [[ $(for run in "$work"/sweep/runs/*; do seed_of "$run"; done | sort -n | paste -sd' ') == "$(seq -s' ' 12)" ]] ||
    complain "sweep: not each seed in a directory of its own"
  mkdir "$work/none"
  (cd "$work/none" && ! "$plateau" train "$config" --set data.path=nothing >/dev/null 2>&1) || complain "a folder without data is accepted"
  [[ -z $(ls "$work/none") ]] || complain "bad data leave $(ls "$work/none")"

  # removed HOW OPTIONS...: a run whose directory goes; HOW is run in its place then.
  removed() {
    local how=$1 run=$work/removed code=0 i job
    shift
    "$plateau" train "$config" --quiet --set "run.dir=$run" --set train.epochs=100000 "$@" >"$work/removed.txt" 2>&1 </dev/null &
    job=$!
    wait_for_step "$run"
    for ((i = 0; i < 20; i++)); do rm -rf "$run" 2>/dev/null && break; done # a checkpoint may come while it goes
    $how "$run"
    wait "$job" || code=$?
    ((code == 74)) || complain "run.dir removed, $how, $*: exit $code, not 74"
    [[ $(grep -c "plateau: error: .*$run" "$work/removed.txt") == 1 ]] || { complain "run.dir removed, $how: no line names it"; cat "$work/removed.txt" >&2; }
    [[ -z $(find "$run" -mindepth 1 2>/dev/null) ]] || complain "run.dir removed, $how: made again: $(find "$run")"
    rm -rf "$run"
  }
  say "run.dir removed during a run: 74, and nothing is made again"
  removed true --set checkpoint.every_s=0
  removed true --set checkpoint.every_s=0.02 --servers 2
  removed mkdir --set checkpoint.every_s=0

  say "closed descriptors: what is said goes nowhere, and into no file"
  for closed in '>&-' '<&- >&- 2>&-' '2>&-'; do
    run=$work/closed code=0
    bash -c "\"\$@\" $closed" - "$plateau" train "$config" --set "run.dir=$run" --set eval.every=1 </dev/null >"$work/closed.txt" 2>&1 || code=$?
    ((code == 0)) || complain "$closed: exit $code"
    ! grep -vE '^\{"event".*\}$' "$run/metrics.jsonl" >&2 || complain "$closed: metrics.jsonl has lines that are no events"
    ! grep -hE '^(metric|recall@|epoch )' "$run"/logs/*.txt >&2 || complain "$closed: logs have what was meant for the terminal"
    grep -q '"final"' "$run/metrics.jsonl" || complain "$closed: no end"
    rm -rf "$run"
  done

  say "config.yaml has what was worked out"
  for pair in adam:sequential sgd:combined; do
    write_config "$config" "$data" '  name: mirror'
    sed -i "s/^  name: adam/  name: ${pair%:*}/" "$config"
    train_run "$work/mirror" --set train.max_steps=2
    grep -q "^  mode: ${pair#*:}\$" "$work/mirror/config.yaml" || complain "mirror with ${pair%:*}: config.yaml does not say ${pair#*:}"
    sed -i '/^  mode: /d' "$work/mirror/config.yaml" # as an older plateau wrote it
    train_run "$work/mirror" --set train.max_steps=4 --resume
    quietly "$plateau" train "$work/mirror/config.yaml" --set "run.dir=$work/again"
    train_run "$work/undisturbed" --set train.max_steps=4
    [[ $(tables_hash "$work/again") == $(tables_hash "$work/undisturbed") ]] || complain "mirror with ${pair%:*}: config.yaml is another run"
    rm -rf "$work/mirror" "$work/again" "$work/undisturbed"
  done
}

signals() {
  local run=$work/run job signal begin
  say "signals of batch systems and terminals: a checkpoint and 75"
  for signal in HUP XCPU USR2; do
    "$plateau" train "$config" --quiet --set "run.dir=$run" --set train.epochs=100000 >"$work/out.txt" 2>&1 &
    job=$!
    wait_for_step "$run"
    ended "$signal" "$job"
    ((code == 75)) || complain "$signal: exit $code, not 75"
    [[ -L $run/checkpoints/last ]] || complain "$signal: no checkpoint"
    rm -rf "$run"
  done
  nohup "$plateau" train "$config" --quiet --set "run.dir=$run" --set train.epochs=100000 >"$work/out.txt" 2>&1 &
  job=$!
  wait_for_step "$run"
  kill -HUP "$job"
  sleep 0.5
  kill -0 "$job" || complain "nohup: HUP ends it"
  ended TERM "$job"
  rm -rf "$run"

  say "a pipe whose reader is gone"
  mkfifo "$work/pipe"
  "$plateau" train "$config" --set "run.dir=$run" --set train.epochs=100000 >"$work/pipe" 2>&1 &
  job=$!
  head -n 1 <"$work/pipe" >/dev/null
  wait_for_step "$run"
  ended INT "$job"
  ((code == 75)) || complain "broken pipe: exit $code, not 75"
  grep -q ' stopped by request' "$run/logs/launcher-0.txt" || complain "broken pipe: the last word is nowhere"
  rm -rf "$run"

  say "a stop in the middle of an evaluation"
  quietly "$plateau" data synth "$work/large" --users 30000 --items 30000 --interactions 60000 --seed 1
  cat >"$work/large.yaml" <<YAML
run: {seed: 3}
data: {path: $work/large}
model: {name: bpr, dim: 128}
optimizer: {name: adam, lr: 0.01}
train: {epochs: 2, batch_size: 8192, micro_batch: 4096}
eval: {every: 1, final: none, users: 20000}
YAML
  for cluster in "1 1" "2 2"; do
    "$plateau" train "$work/large.yaml" --quiet --set "run.dir=$run" --servers "${cluster% *}" --workers "${cluster#* }" >"$work/out.txt" 2>&1 &
    job=$!
    for ((i = 0; i < 600; i++)); do
      ! grep -qs '"epoch"' "$run/metrics.jsonl" || break
      sleep 0.05
    done
    begin=$(date +%s%N)
    ended TERM "$job"
    took=$((($(date +%s%N) - begin) / 1000000))
    say "$cluster: stopped after $took ms, exit $code"
    ((code == 75 && took < 4000)) || { complain "evaluation: exit $code after $took ms"; cat "$work/out.txt" >&2; }
    grep -q 'plateau: stopped by request during an evaluation' "$work/out.txt" || complain "evaluation: not where it was stopped"
    ! grep -q '"eval"' "$run/metrics.jsonl" || complain "evaluation: it was not under way"
    clock=$(readlink "$run/checkpoints/last" || true)
    [[ -n $clock ]] || complain "evaluation: the epoch before it is not kept"
    quietly "$plateau" train "$work/large.yaml" --resume --set "run.dir=$run" --set eval.every=0 --set train.max_steps="${clock:-0}"
    grep -q '"epoch": 0, .*"gradients"' <(grep '"event": "epoch"' "$run/metrics.jsonl" | tail -n 1) ||
      complain "evaluation: checkpoint $clock is not at the end of its epoch"
    rm -rf "$run"
  done

  say "variables of a launcher that is none of this run's"
  local left=(env SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=1 PMI_RANK=1)
  code=0
  "${left[@]}" "$plateau" train "$config" "${tiny[@]}" --set "run.dir=$run" >"$work/out.txt" 2>&1 || code=$?
  [[ $code == 64 && $(grep -c 'plateau: error: task 1: .*--alone' "$work/out.txt") == 1 ]] || { complain "Slurm's variables: exit $code"; cat "$work/out.txt" >&2; }
  OMPI_COMM_WORLD_SIZE=3 quietly "${left[@]}" "$plateau" train "$config" "${tiny[@]}" --set "run.dir=$run" --alone
  quietly "${left[@]}" "$plateau" evaluate "$run" --alone
}

# private_tmp COMMAND...: with a /tmp of its own in which only $work is.
private_tmp() {
  # shellcheck disable=SC2016
  unshare -m sh -c 'mount --bind "$0" /mnt && mount -t tmpfs none /tmp && mkdir -p "$0" && mount --move /mnt "$0" && exec "$@"' "$work" "$@"
}

limits() {
  local run=$work/run job sockets
  say "cores: those that it is bound to"
  taskset -c 0 "$plateau" train "$config" "${tiny[@]}" --set "run.dir=$run" >"$work/out.txt" 2>&1 || complain "bound: exit $?"
  grep -q 'worker of 1 thread$' "$work/out.txt" || { complain "bound to a core:"; cat "$work/out.txt" >&2; }
  rm -rf "$run"

  say "open files: too few are refused at once, with the number"
  code=0
  (ulimit -n 64 && timeout 20 "$plateau" train "$config" "${tiny[@]}" --set "run.dir=$run" --servers 4 --workers 4 \
    --set cluster.transport=ipc) >"$work/out.txt" 2>&1 || code=$?
  [[ $code == 64 ]] || complain "ulimit -n 64: exit $code"
  grep -q 'plateau: error: 4 servers and 4 workers .* about 142 open files, this process may have 64: .*ulimit -n' "$work/out.txt" ||
    { complain "ulimit -n 64:"; cat "$work/out.txt" >&2; }
  rm -rf "$run"
  (ulimit -n 142 && quietly timeout 60 "$plateau" train "$config" "${tiny[@]}" --set "run.dir=$run" --servers 4 --workers 4 \
    --set cluster.transport=ipc) || complain "ulimit -n 142: exit $?"
  rm -rf "$run"

  say "a file that is cut short while it is in use: which one"
  for way in embedded mpirun; do
    [[ $way == embedded ]] || command -v mpirun >/dev/null || continue
    rm -rf "$work/cut" && cp -r "$data" "$work/cut"
    local command=("$plateau")
    [[ $way == embedded ]] || command=(mpirun --bind-to none -n 2 "$plateau")
    "${command[@]}" train "$config" --quiet --set "run.dir=$run" --set "data.path=$work/cut" --set train.epochs=100000 >"$work/out.txt" 2>&1 &
    job=$!
    wait_for_step "$run"
    truncate -s 200 "$work/cut/text_feat.npy"
    code=0
    wait "$job" || code=$?
    ((code == 74)) || complain "$way, a file cut short: exit $code, not 74"
    [[ $(grep -c "plateau: error: $work/cut/text_feat.npy: .*cut short" "$work/out.txt") == 1 ]] || { complain "$way, a file cut short: no line names it"; cat "$work/out.txt" >&2; }
    rm -rf "$run"
  done

  say "requeued for ever: not without a newer checkpoint"
  mkdir "$work/bin" "$run"
  printf '#!/bin/sh\nexit 137\n' >"$work/bin/srun"
  printf '#!/bin/sh\necho requeued >>"%s/requeues.txt"\n' "$work" >"$work/bin/scontrol"
  chmod +x "$work/bin"/*
  "$plateau" launch slurm "$config" --set "run.dir=$run" >"$work/train.sbatch"
  for ((i = 1; i <= 5; i++)); do
    code=0
    PATH=$work/bin:$PATH PLATEAU_REQUEUES=2 SLURM_JOB_ID=1 bash "$work/train.sbatch" >"$work/out.txt" 2>&1 || code=$?
    ((i != 3)) || [[ $code == 69 ]] || complain "the third death without a newer checkpoint: exit $code, not 69"
    ((i != 3)) || { mkdir "$run/checkpoints" && ln -s 7 "$run/checkpoints/last"; } # it has come further: from the beginning
    ((i == 3)) || [[ $code == 137 ]] || complain "death $i: exit $code"
  done
  [[ $(wc -l <"$work/requeues.txt") == 4 ]] || complain "requeued $(wc -l <"$work/requeues.txt") times, not 4"
  rm -rf "$run"

  if ! unshare -mpf true 2>/dev/null; then
    say "skipped: namespaces (no right to make them)"
    return
  fi
  say "containers that share /tmp: the sockets of another one stay"
  "$plateau" train "$config" --quiet --set "run.dir=$run" --set train.epochs=100000 --set cluster.transport=ipc >"$work/out.txt" 2>&1 &
  job=$!
  wait_for_step "$run"
  sockets=$(compgen -G "/tmp/plateau-*-$job-*")
  quietly unshare -pf "$plateau" train "$config" "${tiny[@]}" --set "run.dir=$work/other" --set cluster.transport=ipc
  [[ -d $sockets ]] || complain "a job in another container has removed $sockets"
  ended TERM "$job"
  [[ ! -d $sockets ]] || complain "$sockets is left"
  rm -rf "$run"

  command -v mpirun >/dev/null || return 0
  say "ranks of a machine that do not share /tmp: over tcp"
  export -f private_tmp
  export work plateau
  mkdir "$work/tmp"
  export TMPDIR=$work/tmp
  train_run "$work/embedded" --set train.max_steps=4
  quietly timeout 60 mpirun --bind-to none -n 2 "$plateau" train "$config" --quiet --set "run.dir=$run" --set train.max_steps=4 \
    --set cluster.deadline_s=20 : -n 1 bash -c 'private_tmp "$plateau" train'
  [[ $(tables_hash "$run") == $(tables_hash "$work/embedded") ]] || complain "ranks that do not share /tmp: other tables"
}

names() {
  local run=$work/run name
  sed 's|path: .*|path: data|; s/topk: .*/topk: [5]/' "$config" >"$work/relative.yaml"
  cd "$work"
  say "the same command with --resume goes on, whatever it leaves to the defaults"
  train_run "$run" --set eval.topk=[5] --set eval.every=1
  train_run "$run" --set eval.topk=[5] --set eval.every=1 --resume
  rm -rf "$run"

  say "a configuration that comes through a pipe: its paths begin here"
  quietly bash -c "cat relative.yaml | '$plateau' train /dev/stdin ${tiny[*]} --set run.dir=piped"
  quietly bash -c "'$plateau' train <(cat relative.yaml) ${tiny[*]} --set run.dir=substituted"
  quietly bash -c "'$plateau' train /dev/stdin ${tiny[*]} --set run.dir=redirected <relative.yaml"
  for run in piped substituted redirected; do [[ -L $run/checkpoints/last ]] || complain "$run: no run there"; done

  say "names with spaces, quotes, comments, line ends"
  for name in "a b" "say \"x\" #1" "#7" "it's" "größe" $'two\nlines' "back\\slash # y"; do
    rm -rf "./$name" "./run $name"
    cp -r data "./$name"
    quietly "$plateau" train relative.yaml "${tiny[@]}" --set "data.path=$name" --set "run.dir=run $name"
    [[ -d "run $name" ]] || complain "run.dir \"run $name\": it is not there"
    quietly "$plateau" train "run $name/config.yaml" --resume "${tiny[@]}" --set train.max_steps=3 # what it says of itself
    quietly "$plateau" inspect "run $name"
  done

  say "disks that refuse: which, and why"
  code=0
  (ulimit -f 1 && exec "$plateau" train relative.yaml --quiet --set run.dir=small) >out.txt 2>&1 || code=$?
  [[ $code == 74 && $(grep -c 'plateau: error: .*small/.*File too large' out.txt) == 1 ]] || { complain "ulimit -f: exit $code"; cat out.txt >&2; }
  unshare -m true 2>/dev/null || { say "skipped: namespaces (no right to make them)"; return; }
  mkdir read_only
  refuses 73 'read_only/run: cannot create directory: Read-only file system' unshare -m sh -c \
    "mount -t tmpfs -o ro none read_only && exec '$plateau' train relative.yaml --quiet --set run.dir=read_only/run"
}

case ${1:-} in
  jobs | signals | limits | names) "$1" ;;
  *) fail "usage: places.sh jobs|signals|limits|names" ;;
esac
conclude
