#!/usr/bin/env bash
# A training under siege: servers with tcp ports and a token, and at each port every kind of stranger at once, among
# them more silent connections than the server accepts in all. The tables have the bits of an undisturbed run, and no
# server held more than its limit of strangers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

connections_max=8192 strangers_max=512 # docs/security.md
honest=8                               # connections of the job itself at a server, at most
files=$(ulimit -Hn)
if [[ $files == unlimited ]] || ((files >= connections_max + 1000)); then
  silent=$connections_max
else
  silent=$((files - 1000))
fi
((silent >= 2 * strangers_max)) || { say "skipped: $files descriptors are too few for strangers"; exit 77; }

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
epochs=${EPOCHS:-400}

# job NAME: starts a training of two workers and a server over tcp, into $work/NAME; its process is $job.
job() {
  timeout 200 mpirun --bind-to none -n 3 "$plateau" train "$config" --set "run.dir=$work/$1" \
    --set cluster.transport=tcp --set cluster.security=token --set "train.epochs=$epochs" --set checkpoint.every_s=0 \
    >"$work/$1.txt" 2>&1 </dev/null &
  job=$!
}
done_with() { wait "$job" || { local code=$?; cat "$work/$1.txt" >&2; fail "$1: exit $code"; }; }
# The median over the epochs of a run.
speed_of() {
  grep '"event": *"epoch"' "$work/$1/metrics.jsonl" | json_number samples_per_s | sort -n |
    awk '{ s[NR] = $1 } END { printf "%.0f", s[int((NR + 1) / 2)] }'
}
epochs_of() {
  local n
  n=$(grep -cs '"event": *"epoch"' "$work/$1/metrics.jsonl") || true
  echo "${n:-0}"
}

job undisturbed
done_with undisturbed
reference=$(tables_hash "$work/undisturbed")
say "undisturbed: $reference, $(speed_of undisturbed) samples/s"

attacks=()
call_off() {
  ((${#attacks[@]} == 0)) || kill "${attacks[@]}"
  wait "${attacks[@]}" || true
  attacks=()
}
at_end+=(call_off)

# besieged NAME KIND=CONNECTIONS...
besieged() {
  local name=$1 i port pid kind ports=()
  shift
  job "$name"
  for ((i = 0; i < 300; i++)); do
    mapfile -t ports < <(for pid in $(children "$work/$name" server); do listening_ports "$pid"; done)
    ((${#ports[@]} == 0)) || break
    sleep 0.05
  done
  ((${#ports[@]} == 1)) || { kill "$job"; fail "$name: ${#ports[@]} listening ports, 1 expected"; }
  for port in "${ports[@]}"; do
    nice -n 19 "$tools/stranger" "$port" 600 "$@" >"$work/$name-strangers.txt" &
    attacks+=($!)
  done
  sleep 0.3
  i=$(epochs_of "$name")
  ((i < epochs / 2)) || complain "$name: the strangers came too late, in epoch $i of $epochs: EPOCHS=N makes it longer"
  done_with "$name"
  call_off
  cat "$work/$name-strangers.txt"
  for kind in "$@"; do
    grep -q "^${kind%=*} .*: [1-9][0-9]* connections" "$work/$name-strangers.txt" ||
      complain "$name: no stranger of kind ${kind%=*} came through"
  done
  local hash noticed most
  hash=$(tables_hash "$work/$name")
  [[ $hash == "$reference" ]] || complain "$name: tables $hash, expected $reference"
  # A line of the server that trained, one of the server that evaluated.
  noticed=$(grep -h "strangers at the ports" "$work/$name/logs/server-0.txt" || true)
  say "$name: $hash, $(speed_of "$name") samples/s"
  say "$noticed"
  most=$(sed -n 's/.*, \([0-9]*\) at most).*/\1/p' <<<"$noticed" | sort -n | tail -n 1)
  [[ -n $most ]] || complain "$name: the server noticed no strangers"
  ((${most:-0} <= strangers_max + honest)) || complain "$name: $most connections at a time, the limit is $strangers_max strangers"
}

besieged mixed silent=400 half=100 slow=20 garbage=20 null=50 token=50 big=2 flood=4
besieged crowd "silent=$silent"
conclude
