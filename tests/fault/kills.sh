#!/usr/bin/env bash
# kills.sh [--kills N] [--seed S]: processes of jobs under mpirun die at random moments until N have died. Every job is
# brought to its end (with --resume where the whole job went) and must have the tables of the undisturbed run; nothing
# may hang, no process and no socket directory may stay.
#
#   server, worker   one child                       both         a server and a worker at once
#   checkpoint       a server while it writes one    recovery     a child while the one before is being replaced
#   supervisor       a rank: mpirun ends the job     job          mpirun itself
#
# Every other job trains a graph model and evaluates after each epoch, through temporary tables on the servers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

wanted=${KILLS:-24} seed=${SEED:-1}
while (($#)); do
  case $1 in
    --kills) wanted=$2 ;;
    --seed) seed=$2 ;;
    *) fail "usage: kills.sh [--kills N] [--seed S]" ;;
  esac
  shift 2
done
RANDOM=$seed

make_data "$work/data"
options=(--set "train.epochs=${EPOCHS:-150}" --set checkpoint.every_s=0.1 --set checkpoint.keep=2 --set cluster.max_restarts=1000)
references=()
for model in vbpr lightgcn; do
  config=$work/$model.yaml
  write_config "$config" "$work/data" "$bsam_plus"
  if [[ $model == lightgcn ]]; then
    as_lightgcn "$config"
    sed -i 's/^  every: 0/  every: 1\n  patience: 0/' "$config"
  fi
  train_run "$work/undisturbed" "${options[@]}"
  references+=("$(tables_hash "$work/undisturbed")")
  rm -rf "$work/undisturbed"
done
export TMPDIR=$work/tmp # sockets go here
mkdir "$TMPDIR"

declare -A killed=()
total=0 run='' job=''
pause_ms() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }
is_running() { kill -0 "$job" 2>/dev/null; }
# strike KIND PROCESSES: kills them; counts those that were there.
strike() {
  local kind=$1 process
  shift
  for process; do
    kill -9 "$process" 2>/dev/null || continue
    killed[$kind]=$((${killed[$kind]:-0} + 1))
    total=$((total + 1))
  done
}
one_of() { shuf -n 1 --random-source=<(yes "$RANDOM") || true; }
server() { children "$run" server | one_of; }
worker() { children "$run" worker | one_of; }
writes_checkpoint() { compgen -G "$run/checkpoints/*.part" >/dev/null; }

# shellcheck disable=SC2046 # none or some process numbers
attack() {
  local i
  case $((RANDOM % 12)) in
    0 | 1) strike server $(server) ;;
    2 | 3) strike worker $(worker) ;;
    4 | 5) strike both $(server) $(worker) ;;
    6 | 7)
      for ((i = 0; i < 200; i++)); do writes_checkpoint && break; pause_ms 2; done
      strike checkpoint $(server)
      ;;
    8 | 9)
      strike worker $(worker)
      pause_ms $((RANDOM % 400))
      strike recovery $(children "$run" | one_of)
      ;;
    10) strike supervisor $(supervisors "$run" | one_of) ;;
    11) strike job $(pgrep -f "^mpirun .*run.dir=$run " | tail -n 1) ;;
  esac
}

# What is left of a job that went as a whole ends within moments by itself.
expect_gone() {
  local i
  for ((i = 0; i < 100; i++)); do
    [[ -n $(children "$run")$(supervisors "$run") ]] || return 0
    pause_ms 100
  done
  complain "$run: processes are left 10 s after the job's end: $(children "$run") $(supervisors "$run")"
}

jobs=0 starts=0
while ((total < wanted)) && ! has_complaints; do
  model=$((jobs % 2)) run=$work/run$((jobs++))
  ((model == 0)) && config=$work/vbpr.yaml || config=$work/lightgcn.yaml
  servers=$((1 + RANDOM % 2)) workers=$((1 + RANDOM % 3))
  [[ $((RANDOM % 2)) == 0 ]] && transport=tcp || transport=auto
  for ((attempt = 0; ; attempt++)); do
    ((attempt < 60)) || { complain "$run: not at its end after 60 starts"; break; }
    starts=$((starts + 1))
    ranks $((servers + workers)) train "$config" "${options[@]}" --servers "$servers" --set "cluster.transport=$transport" \
      --resume --set "run.dir=$run" --set train.log_every=0 >"$work/out.txt" 2>&1 &
    job=$! before=$((${killed[supervisor]:-0} + ${killed[job]:-0}))
    while is_running; do
      pause_ms $((100 + RANDOM % 900))
      ((total >= wanted)) || attack
    done
    code=0
    wait "$job" || code=$?
    expect_gone
    ((code != 0)) || break
    if ((code == 124)); then complain "$run: hangs"; cat "$work/out.txt"; break; fi
    if ((before == ${killed[supervisor]:-0} + ${killed[job]:-0})); then
      complain "$run: exit $code, but only children were killed"
      cat "$work/out.txt"
      break
    fi
  done
  [[ $(tables_hash "$run") == "${references[model]}" ]] || complain "$run, $(basename "$config"): other tables than the undisturbed run"
  seconds+=" $({ grep -h '"recovery"' "$run/metrics.jsonl" || true; } | json_number seconds | tr '\n' ' ')"
  rm -rf "$run"
done

say "$total killed in $jobs jobs (every other of a graph model; $starts starts), seed $seed:"
for kind in server worker both checkpoint recovery supervisor job; do say "  $kind ${killed[$kind]:-0}"; done
say "recoveries: $(tr -s ' ' '\n' <<<"$seconds" | { grep . || true; } | sort -g | awk '{ s[NR] = $1 } END { printf "%d, seconds: median %.2f, most %.2f", NR, s[int((NR + 1) / 2)], s[NR] }')"
# A job that was killed as a whole leaves its socket directory to the next one; nothing else may be there.
quietly ranks 2 train "$config" --set "run.dir=$work/last" --set train.epochs=1 --set cluster.transport=ipc
find "$TMPDIR" -maxdepth 1 -name 'plateau-*' | grep . && complain "socket directories are left"
conclude
