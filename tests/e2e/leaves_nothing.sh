#!/usr/bin/env bash
# No process, socket or directory stays behind: after a run that ends, one that is stopped, one that is killed (whose
# leftovers the next job removes).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

export TMPDIR=$work/tmp
mkdir "$TMPDIR"
data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
cluster=(--servers 2 --workers 2 --set cluster.transport=ipc)

# Everything of ours: our names in the usual places, anything in TMPDIR.
ours() {
  find "$TMPDIR" -mindepth 1 2>/dev/null || true
  find /tmp /run "/run/user/$(id -u)" /dev/shm /var/tmp -maxdepth 1 \( -iname '*plateau*' -o -name 'plt[-_.]*' \) \
    ! -name 'plateau-test[.-]*' 2>/dev/null || true
}
# Of that, what no job under way uses.
leftovers() {
  local path pid
  ours | while read -r path; do
    pid=$(sed -nE 's:^/tmp/plateau-[0-9]+-([0-9]+)-.*:\1:p' <<<"$path")
    [[ -n $pid && -e /proc/$pid ]] || echo "$path"
  done
}
# Processes of our binary that belong to this test.
processes() {
  local each
  for each in /proc/[0-9]*; do
    [[ $(readlink "$each/exe" 2>/dev/null) == "$(readlink -f "$plateau")" ]] || continue
    tr '\0' ' ' <"$each/cmdline" 2>/dev/null | grep -F "$work" || true
  done
}
# Also what looks in use: the job of an earlier test may be killed and not yet reaped.
ours | sort >"$work/before.txt"
clean_after() {
  local i left
  for ((i = 0; i < 20; i++)); do # a killed process takes a moment to go
    [[ -n $(processes) ]] || break
    sleep 0.1
  done
  [[ -z $(processes) ]] || complain "$1: processes: $(processes)"
  left=$(leftovers | sort | comm -13 "$work/before.txt" -)
  [[ -z $left ]] || complain "$1: left behind: $left"
}
# begin RUN: a long run in the background, under way when this returns; its process id in $job.
begin() {
  local i
  "$plateau" train "$config" --set "run.dir=$1" --set train.epochs=100000 "${cluster[@]}" \
    >"$work/job.txt" 2>&1 </dev/null &
  job=$!
  for ((i = 0; i < 200; i++)); do
    grep -qs '"step"' "$1/metrics.jsonl" && return 0
    sleep 0.1
  done
  cat "$work/job.txt"
  kill -KILL "$job" || true
  fail "no step within 20 s"
}

train_run "$work/run" "${cluster[@]}"
clean_after "a run that ended"
quietly "$plateau" evaluate "$work/run" --last
clean_after "evaluate"

begin "$work/stopped"
kill -TERM "$job"
wait "$job" || true
clean_after "a run that was stopped"

begin "$work/killed"
kill -KILL "$job"
wait "$job" 2>/dev/null || true
[[ -z $(processes) ]] || sleep 1
train_run "$work/next" "${cluster[@]}"
clean_after "a killed run and the next"

conclude
