#!/usr/bin/env bash
# The last message of a worker is lost, for good: its server under mpirun does not hear that it may go. The job ends
# all the same, with what it was to do, and soon.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

make_data "$work/data"
config=$work/config.yaml
write_config "$config" "$work/data" "$bsam_plus"
train_run "$work/run"
echo 'drop: 0' >"$work/script.yaml"

# evaluate NAME [options]: `plateau evaluate` on two ranks through a proxy with these options.
evaluate() {
  local name=$1 proxy i code=0
  shift
  rm -f "$work/port"
  "$plateau" fault-proxy "$work/script.yaml" --port-file "$work/port" "$@" >"$work/$name.json" 2>"$work/proxy.txt" &
  proxy=$!
  for ((i = 0; i < 200; i++)); do
    [[ ! -s $work/port ]] || break
    sleep 0.05
  done
  begin=$(date +%s)
  timeout -s KILL 90 mpirun --bind-to none -n 2 "$plateau" evaluate "$work/run" --set "cluster.proxy=127.0.0.1:$(cat "$work/port")" \
    >"$work/$name.txt" 2>&1 </dev/null || code=$?
  took=$(($(date +%s) - begin))
  kill -TERM "$proxy"
  wait "$proxy" || complain "$name: the proxy: exit $?"
  [[ $code == 0 ]] || { complain "$name: exit $code"; cat "$work/$name.txt" >&2; }
}
evaluate undisturbed
messages=$(sed -n 's/.*"messages": {"to_server": \([0-9]*\).*/\1/p' "$work/undisturbed.json")
((messages > 5)) || fail "only $messages messages"
evaluate silenced --set to_server.drop=1 --set "to_server.after_messages=$((messages - 1))"
say "undisturbed: $messages messages; silenced: $took s"
((took < 60)) || complain "silenced: $took s"
grep -q '"drop": {"to_server": [1-9]' "$work/silenced.json" || complain "nothing was lost: $(cat "$work/silenced.json")"
diff "$work/undisturbed.txt" "$work/silenced.txt" || complain "another evaluation"
conclude
