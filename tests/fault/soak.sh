#!/usr/bin/env bash
# soak.sh [--minutes N] [--seed S]: by hand. Random configurations (tests/random_config.sh), each run undisturbed and once
# more with what happens to jobs in the long run: kills and signals at random moments, of the whole or of one process,
# --resume on another cluster, embedded or under mpirun. Tables, final vectors, losses and metrics must be the same.
# Beside them one job under mpirun whose servers and workers are killed all the time: its ranks must not grow in memory,
# descriptors or threads, and nothing may pile up in /tmp and /dev/shm.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_mpirun

minutes=15 seed=1
while (($#)); do
  case $1 in
    --minutes) minutes=$2 ;;
    --seed) seed=$2 ;;
    *) fail "usage: soak.sh [--minutes N] [--seed S]" ;;
  esac
  shift 2
done
RANDOM=$seed
declare -A only=()
# shellcheck source=tests/random_config.sh
source "$root/tests/random_config.sh"
export TMPDIR=$work/tmp # sockets go here
mkdir "$TMPDIR"
end=$((SECONDS + 60 * minutes))

# ---- a job that lives long ----

long=$work/long
make_data "$work/large"
write_config "$work/long.yaml" "$work/large" "$bsam_plus"
ranks_of_long() { pgrep -f "train .*run.dir=$long( |\$)" | while read -r p; do [[ ! /proc/$p/exe -ef $plateau ]] || echo "$p"; done; }
# What its ranks have: KiB of memory, descriptors, threads; over all ranks. What mpirun leaves when it is killed is its own.
held() {
  local p kib=0 files=0 threads=0
  for p in $(ranks_of_long); do
    kib=$((kib + $(awk '$1 == "VmRSS:" { print $2 }' "/proc/$p/status")))
    files=$((files + $(find "/proc/$p/fd" -mindepth 1 | wc -l)))
    threads=$((threads + $(awk '$1 == "Threads:" { print $2 }' "/proc/$p/status")))
  done
  echo "$kib $files $threads $(find "$TMPDIR" -maxdepth 1 -name 'plateau-*' | wc -l) $(find /dev/shm -name 'plateau*' | wc -l)"
}
recoveries() { grep -c '"event": "recovery"' "$long/metrics.jsonl" || true; }
# Children of it die until the end; "recoveries, what it holds" into a file, now and then.
long_job() {
  local job n told=-1 code=0
  mpirun --bind-to none -n 3 "$plateau" train "$work/long.yaml" --quiet --servers 2 --set "run.dir=$long" --set train.epochs=1000000 \
    --set checkpoint.every_s=0.5 --set checkpoint.keep=1 --set cluster.max_restarts=1000000 --set train.log_every=0 \
    --set cluster.transport=ipc >"$work/long.txt" 2>&1 </dev/null &
  job=$!
  while ((SECONDS < end)); do
    sleep 2
    kill -0 "$job" 2>/dev/null || break
    n=$(recoveries)
    if ((n >= 5 && n / 10 != told)); then
      told=$((n / 10))
      echo "$n $(held)" >>"$work/held.txt"
    fi
    kill -9 "$(children "$long" | shuf -n 1)" 2>/dev/null || true
  done
  sleep 3
  echo "$(recoveries) $(held)" >>"$work/held.txt"
  kill -TERM "$job"
  wait "$job" || code=$?
  # 1: mpirun was faster
  ((code == 75 || code == 1)) || { complain "the long job: exit $code"; tail -n 3 "$work/long.txt" >&2; }
}

# ---- short ones ----

# result_of RUN: one hash over what it came to. Lines that a resumed run writes twice count once.
result_of() {
  local best=--last
  quietly "$plateau" export "$1" --last -o "$work/out"
  [[ ! -e $1/checkpoints/best ]] || best=--best
  quietly "$plateau" export "$1" "$best" --vectors -o "$work/out"
  {
    cat "$work/out"/*.npy
    losses_of "$1"
    grep -E '"event": "(eval|final)"' "$1/metrics.jsonl" | sed -E 's/"(t|seconds|eval_s)": [0-9.e-]*//g' | sort -u
  } | sha256sum
  rm -rf "$work/out"
}
# start: a random cluster goes on with the run; its process is $job, what it is $shape.
start() {
  local servers workers transport way
  choose servers 1 2
  choose workers 1 2
  choose transport auto ipc tcp
  choose way embedded embedded mpirun
  shape="$way, $servers servers, $workers workers, $transport"
  local command=("$plateau") cluster=(--servers "$servers" --set "cluster.transport=$transport")
  [[ $way == mpirun ]] && command=(timeout 120 mpirun --bind-to none -n $((servers + workers)) "$plateau") || cluster+=(--workers "$workers")
  "${command[@]}" train "$work/config.yaml" --resume --set "run.dir=$work/run" --set checkpoint.every_s=0.05 "${cluster[@]}" \
    >"$work/out.txt" 2>&1 </dev/null &
  job=$!
}
# strike: something happens to it.
strike() {
  local what
  case $((RANDOM % 7)) in
    0 | 1) what=KILL ;;
    2) what=TERM ;;
    3) what=INT ;;
    4) what=USR1 ;;
    5) what=HUP ;;
    6) # a child; embedded: nothing
      kill -9 "$(children "$work/run" | shuf -n 1)" 2>/dev/null || true
      return 0
      ;;
  esac
  kill -s "$what" "$job" 2>/dev/null || return 0
  struck=$((struck + 1))
}
gone() { # what was killed as a whole ends by itself
  for ((i = 0; i < 100; i++)); do
    [[ -n $(children "$work/run")$(supervisors "$work/run") ]] || return 0
    sleep 0.1
  done
  complain "processes are left 10 s after the end of a job"
}

learn
long_job &
long_pid=$!
tried=0 refused=0 struck=0 starts=0
while ((SECONDS < end)) && ! has_complaints; do
  draw_config
  sed -i "s/epochs: 2, batch/epochs: $((5 + RANDOM % 30)), batch/" "$work/config.yaml"
  rm -rf "$work/run" "$work/calm"
  begin=$(date +%s%N) code=0
  "$plateau" train "$work/config.yaml" --quiet --set "run.dir=$work/calm" >"$work/out.txt" 2>&1 </dev/null || code=$?
  took=$((($(date +%s%N) - begin) / 1000000))
  if ((code != 0)); then # a mixture that is refused
    ((code == 64 || code == 65)) || { complain "undisturbed: exit $code"; cat "$work/config.yaml" "$work/out.txt" >&2; }
    refused=$((refused + 1))
    continue
  fi
  expected=$(result_of "$work/calm") shapes=''
  for ((attempt = 0; attempt < 12; attempt++)); do
    start
    starts=$((starts + 1)) shapes+="$shape; "
    ((attempt == 11)) || { sleep "$(awk -v ms=$((RANDOM % (took + 500))) 'BEGIN { print ms / 1000 }')"; strike; }
    code=0
    wait "$job" || code=$?
    gone
    ((code != 0)) || break
    # 128 and more: killed; mpirun's own codes for that, and for signals that it hears
    [[ $code =~ ^(1|74|75|129|130|137|138|143)$ ]] || complain "exit $code: $shapes"
    ((code != 74)) || complain "exit 74: $shapes"
  done
  tried=$((tried + 1))
  if ((code != 0)) || [[ $(result_of "$work/run") != "$expected" ]]; then
    complain "not what the undisturbed run comes to (exit $code): $shapes"
    cat "$work/config.yaml" "$work/out.txt" >&2
    rm -rf "/tmp/plateau-soak-$seed" && mv "$work/run" "/tmp/plateau-soak-$seed" && say "kept: /tmp/plateau-soak-$seed" >&2
  fi
done
wait "$long_pid" || complain "the long job's test"
say "$tried configurations ($refused more refused), $starts starts, $struck struck, seed $seed: as the undisturbed ones"
say "the long job, by recoveries: KiB, descriptors, threads of its ranks; files of sockets, of shared memory"
cat "$work/held.txt"
awk 'NR == 1 { split($0, first) } { n = split($0, last) }
  END { exit !(NR >= 2 && first[2] > 0 && last[2] - first[2] < 3 * 2048 && last[3] - first[3] <= 6 && last[4] == first[4] &&
               last[5] - first[5] < 20 && last[6] - first[6] < 20) }' "$work/held.txt" ||
  complain "the ranks of the long job, or what lies about, grew"
conclude
