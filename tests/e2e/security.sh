#!/usr/bin/env bash
# Strangers at the tcp ports of a training: the tables have the bits of an undisturbed run, in every mode with a
# secret; the secret is nowhere to be read: not in the run directory, the output, the arguments, the environment.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
write_config "$config" "$data" "$bsam_plus"
epochs=${EPOCHS:-250}
cluster=(--servers 2 --workers 2 --set cluster.transport=tcp --set cluster.threads=1 --set "train.epochs=$epochs")

# besieged NAME [options]: trains into $work/NAME while strangers are at its ports.
besieged() {
  local name=$1 job i port
  local ports=() attacks=()
  shift
  "$plateau" train "$config" --set "run.dir=$work/$name" "${cluster[@]}" "$@" >"$work/$name.txt" 2>&1 </dev/null &
  job=$!
  for ((i = 0; i < 100; i++)); do
    mapfile -t ports < <(listening_ports "$job")
    ((${#ports[@]} < 2)) || break
    sleep 0.1
  done
  tr '\0' '\n' <"/proc/$job/cmdline" >"$work/$name-cmdline.txt"
  tr '\0' '\n' <"/proc/$job/environ" >"$work/$name-environ.txt"
  ((${#ports[@]} == 2)) || { kill "$job"; fail "$name: ${#ports[@]} listening ports, 2 expected"; }
  for port in "${ports[@]}"; do
    nice -n 19 "$tools/stranger" "$port" 600 silent=100 half=20 slow=5 garbage=5 null=5 token=5 big=1 flood=2 \
      >"$work/$name-strangers-$port.txt" &
    attacks+=($!)
  done
  wait "$job" || { cat "$work/$name.txt" >&2; kill "${attacks[@]}"; fail "$name: exit $?"; }
  kill "${attacks[@]}"
  wait "${attacks[@]}" || true
  cat "$work/$name"-strangers-*.txt
}

seconds_of() { grep '"event": *"epoch"' "$1/metrics.jsonl" | json_number seconds | awk '{ t += $1 } END { print t }'; }

train_run "$work/undisturbed" "${cluster[@]}"
reference=$(tables_hash "$work/undisturbed")
say "undisturbed: $reference, $(seconds_of "$work/undisturbed") s of training"

for mode in token curve; do
  besieged "$mode" --set "cluster.security=$mode"
  hash=$(tables_hash "$work/$mode")
  [[ $hash == "$reference" ]] || complain "$mode: tables $hash, expected $reference"
  say "$mode, besieged: $hash, $(seconds_of "$work/$mode") s of training"
  grep -h "strangers at the ports" "$work/$mode"/logs/server-0.txt | tail -1 >"$work/noticed.txt" || true
  cat "$work/noticed.txt"
  [[ -s $work/noticed.txt ]] || complain "$mode: the server noticed no strangers"
  mapfile -t files < <(find "$work/$mode" "$work/$mode.txt" "$work/$mode"-*.txt -type f ! -name '*.h5')
  ((${#files[@]} >= 6)) || complain "$mode: only ${#files[@]} files to look for secrets in"
  expect_no_secrets "$mode" "${files[@]}"
  grep -q "security: *$mode" "$work/$mode/config.yaml" || complain "$mode: not in config.yaml"
done

conclude
