#!/usr/bin/env bash
# Processes that are there and say nothing (SIGSTOP): within cluster.deadline_s a line names who was waited for by whom;
# children are replaced and the tables are those of an undisturbed run; a silent rank ends the job with 75.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
options=(--set train.epochs=150 --set checkpoint.every_s=0.2)
train_run "$work/undisturbed" "${options[@]}"
reference=$(tables_hash "$work/undisturbed")

# victim WHAT RUN
victim() {
  case $1 in
    server | worker) children "$2" "$1" | tail -n 1 ;;
    rank0) supervisors "$2" | sort -n | sed -n 1p ;;
    rank3) supervisors "$2" | sort -n | tail -n 1 ;;
  esac
}
declare -A expected=(
  [server]='worker [0-9]+ on .*: server [0-9]+ at .* did not answer .* for 4 s \(cluster.deadline_s\).*; all processes start again'
  [worker]='worker [0-9]+ on .* waits for worker [0-9]+, which was last heard [0-9]+ s ago \(cluster.deadline_s is 4\); all processes start again'
  [rank0]='error: rank 1: rank 0 on .* was not heard for 4 s \(cluster.deadline_s\)'
  [rank3]='error: rank 3 on .* was not heard for 4 s \(cluster.deadline_s\)'
)
for what in server worker rank0 rank3; do
  run=$work/$what
  ranks 4 train "$config" "${options[@]}" --set run.dir="$run" --set cluster.deadline_s=4 --servers 2 --quiet \
    >"$work/$what.txt" 2>&1 &
  job=$!
  wait_for_step "$run"
  stopped=$(victim "$what" "$run")
  kill -STOP "$stopped" || fail "$what: nobody to stop"
  code=0
  wait "$job" || code=$?
  kill -CONT "$stopped" 2>/dev/null || true
  [[ $(grep -cE "${expected[$what]}" "$work/$what.txt") == 1 ]] || { complain "$what: no line that names it"; cat "$work/$what.txt" >&2; }
  case $what in
    server | worker)
      [[ $code == 0 ]] || complain "$what: exit $code"
      [[ $(tables_hash "$run") == "$reference" ]] || complain "$what: other tables"
      ;;
    *) [[ $code == 75 ]] || complain "$what: exit $code, not 75" ;;
  esac
  for ((i = 0; i < 50; i++)); do
    [[ -n $(children "$run")$(supervisors "$run") ]] || break
    sleep 0.1
  done
  [[ -z $(children "$run")$(supervisors "$run") ]] || complain "$what: processes are left"
done
conclude
