#!/usr/bin/env bash
# libplateau and `plateau serve` as other people have them. Arguments: the build directory, and what:
#   install  installed, found by CMake and by pkg-config, from C and from C++; what it needs and what it shows
#   bits     the examples' tables: any servers and workers, kills and resumes
#   stored   what inspect and export say of a directory of servers, and what other commands do
#   serve    what `plateau serve` says, leaves and refuses
#   ranks    the same under mpirun
#   beside   servers in the MPI_COMM_WORLD of a program of MPI
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build=$1 what=$2 line_of_all=""
examples=$root/examples/library
export LD_LIBRARY_PATH=$build${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# start RUN ARGUMENTS: servers in the background, their process in $server.
start() {
  local run=$1
  shift
  "$plateau" serve "$run" --idle 60 "$@" 2>"$run.said" &
  server=$!
}
# ended CODE: the servers have ended so.
ended() {
  local code=0
  wait "$server" 2>/dev/null || code=$?
  ((code == $1)) || complain "plateau serve: exit $code instead of $1"
}
# have RUN: until its job file is there.
have() {
  local i
  for ((i = 0; i < 200; i++)); do
    [[ ! -e $1/job ]] || return 0
    sleep 0.05
  done
  fail "$1/job: no such file: $(cat "$1.said")"
}
# build NAME: the example, as $work/NAME.
build() { quietly cc -std=c17 -O2 -ffp-contract=off -I "$root/include" "$examples/$1.c" -o "$work/$1" -L "$build" -lplateau -lm; }
# train WORKERS RUN COMMAND...: the command as so many workers, with its last line.
train() {
  local workers=$1 run=$2 w pids=()
  shift 2
  for ((w = 1; w < workers; w++)); do
    "$@" "$run/job" "$w" 2>/dev/null &
    pids+=($!)
  done
  "$@" "$run/job" 0 2>"$work/trained.txt" || { cat "$work/trained.txt" >&2; complain "$run: worker 0 failed"; }
  for w in ${pids[@]+"${pids[@]}"}; do wait "$w" || complain "$run: a worker failed"; done
}
# same NAME COMMAND...: the command's tables for several servers and workers, and killed in the middle.
same() {
  local name=$1 first line servers workers
  shift
  for servers in 1 3; do
    for workers in 1 2; do
      start "$work/$name-$servers-$workers" --servers "$servers" --workers "$workers"
      line=$(train "$workers" "$work/$name-$servers-$workers" "$@")
      ended 0
      first=${first:-$line}
      [[ $line == *tables* && $line == "$first" ]] || complain "$name: $servers servers, $workers workers: $line, not $first"
    done
  done
  say "$name: $first"
  killed "$name" "$first" "$@"
  line_of_all=$first
}
# killed NAME LINE COMMAND...: the servers, then a worker, die in the middle. Resumed, with other numbers; replaced.
killed() {
  local name=$1 first=$2 run=$work/$1-killed victim line i
  shift 2
  start "$run" --servers 2
  have "$run"
  "$@" "$run/job" 0 >"$work/victim.txt" 2>&1 &
  victim=$!
  for ((i = 0; i < 600; i++)); do
    [[ ! -e $run/checkpoints/last ]] || break
    sleep 0.02
  done
  [[ -e $run/checkpoints/last ]] || fail "$name: no checkpoint came"
  kill -KILL "$server" "$victim"
  wait "$victim" 2>/dev/null || true
  ended 137
  refuses 64 '--resume' "$plateau" serve "$run"
  start "$run" --servers 3 --workers 2 --resume
  line=$(train 2 "$run" "$@")
  ended 0
  [[ $line == "$first" ]] || complain "$name: killed and resumed: $line, not $first"
  grep -q 'tables as of clock [1-9]00;' "$run.said" || complain "$name: it did not go on from a checkpoint: $(cat "$run.said")"
}

# replaced LINE: worker 1 of two is killed, again and again, and each time another takes its place, while the server and
# worker 0 go on. With one server: of several some may have the last push and others not, which is refused.
replaced() {
  local first=$1 run=$work/replaced victim kills=0 zero code=137
  sed 's/\.job_file = argv\[1\],/& .rejoin = 1,/' "$examples/fm.c" >"$work/heir.c"
  grep -q rejoin "$work/heir.c" || fail "fm.c has no place for rejoin"
  quietly cc -std=c17 -O2 -ffp-contract=off -I "$root/include" "$work/heir.c" -o "$work/heir" -L "$build" -lplateau -lm
  start "$run" --workers 2
  have "$run"
  "$work/heir" "$run/job" 0 >"$work/zero.txt" 2>"$work/zero.err" &
  zero=$!
  while ((kills < 5)); do
    "$work/heir" "$run/job" 1 2>"$work/heir.txt" &
    victim=$!
    sleep "0.$((RANDOM % 3 + 1))$((RANDOM % 10))"
    kill -KILL "$victim" 2>/dev/null || true
    code=0
    wait "$victim" 2>/dev/null || code=$?
    ((code == 137)) || break # it was through
    kills=$((kills + 1))
  done
  ((kills > 0)) || fail "no kill struck a worker"
  ((code != 137)) || "$work/heir" "$run/job" 1 2>"$work/heir.txt" || complain "the last heir: $(cat "$work/heir.txt")"
  ((code == 137 || code == 0)) || complain "an heir: $(cat "$work/heir.txt")"
  wait "$zero" || complain "worker 0: $(tail -n 1 "$work/zero.err")"
  ended 0
  [[ $(cat "$work/zero.txt") == "$first" ]] || complain "a worker killed $kills times and replaced: $(cat "$work/zero.txt"), not $first"
  say "worker 1 was killed $kills times"
}

# few_stored: what clicks leaves is small, with strangers by the hundred thousand, and the same on any servers.
few_stored() {
  local servers
  for servers in 1 3; do
    quietly "$plateau" export "$work/clicks-$servers-1" -o "$work/few-$servers"
    "$plateau" inspect "$work/clicks-$servers-1" | awk '$1 ~ /people|goods/ { print $1, $2, $4 }' | tail -n 2 >"$work/few-$servers/stored"
  done
  diff -r "$work/few-1" "$work/few-3" || complain "clicks: other rows are stored on 3 servers"
  grep -qE '^people sparse [1-3][0-9]{3}$' "$work/few-1/stored" || complain "clicks: $(cat "$work/few-1/stored")"
  say "clicks: $(tr '\n' ' ' <"$work/few-1/stored")rows"
}

do_install() {
  command -v cmake >/dev/null && command -v c++ >/dev/null && command -v pkg-config >/dev/null || { say "skipped: needs cmake, c++ and pkg-config"; exit 77; }
  local prefix=$work/prefix needed shown declared program
  quietly cmake --install "$build" --prefix "$prefix"
  needed=$(readelf -d "$prefix"/lib*/libplateau.so | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|ld-linux.*|libzmq|libprotobuf-c|libxxhash)\.so' || true)
  [[ -z $needed ]] || complain "libplateau.so needs $needed"
  ! ldd "$prefix"/lib*/libplateau.so | grep -E 'dnnl|openblas|libmpi|hdf5|jansson|libyaml' || complain "libplateau.so loads what it must not"
  ! readelf -d "$prefix"/lib*/libplateau.so | grep -E 'R(UN)?PATH' || complain "libplateau.so looks for libraries somewhere"
  # What is shown is what the header declares, in both libraries.
  declared=$(grep -oE '\bplateau_[a-z_]+\(' "$prefix/include/plateau.h" | tr -d '(' | sort -u | while read -r name; do
    ! grep -qE "^PLATEAU_API .*[ *]$name\(" "$prefix/include/plateau.h" || echo "$name"
  done)
  shown=$(nm -D --defined-only "$prefix"/lib*/libplateau.so | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort)
  [[ $shown == "$declared" ]] || complain "libplateau.so shows not what plateau.h declares: $(diff <(echo "$shown") <(echo "$declared") || true)"
  ! nm -D --defined-only "$prefix"/lib*/libplateau.so | awk '$2 == "T"' | grep -v '@@PLATEAU_' || complain "functions without a version"
  shown=$(nm -g --defined-only "$prefix"/lib*/libplateau.a | awk 'NF == 3 { print $3 }' | sort)
  [[ $shown == "$declared" ]] || complain "libplateau.a shows not what plateau.h declares: $(diff <(echo "$shown") <(echo "$declared") || true)"
  # The header alone, in both languages and with all warnings.
  for program in "cc -std=c11 -xc" "c++ -std=c++11 -xc++"; do
    # shellcheck disable=SC2086 # words
    quietly $program -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$prefix/include/plateau.h"
  done
  quietly cmake -S "$root/tests/e2e/library" -B "$work/consumer" -D CMAKE_PREFIX_PATH="$prefix" -D EXAMPLES="$examples" -D CMAKE_BUILD_TYPE=Release
  quietly cmake --build "$work/consumer"
  (
    PKG_CONFIG_PATH=$(echo "$prefix"/lib*/pkgconfig)
    export PKG_CONFIG_PATH
    [[ $(pkg-config --modversion plateau) == 0.1.0 ]] || fail "pkg-config has another version"
    # shellcheck disable=SC2046 # words
    quietly cc -O2 "$examples/fm.c" -o "$work/consumer/fm_pkgconfig" $(pkg-config --cflags --libs plateau) -lm
    # shellcheck disable=SC2046
    quietly cc -O2 "$examples/fm.c" -o "$work/consumer/fm_pkgconfig_static" $(pkg-config --cflags plateau) "$prefix"/lib*/libplateau.a $(pkg-config --libs libzmq libprotobuf-c libxxhash) -pthread -lm
  )
  LD_LIBRARY_PATH=$(echo "$prefix"/lib*)
  for program in consumer consumer_static; do
    "$work/consumer/$program" >"$work/out.txt" || complain "$program without servers: $(cat "$work/out.txt")"
    grep -q '^plateau 0.1.0: deadline: /nowhere/job: no such file' "$work/out.txt" || complain "$program: $(cat "$work/out.txt")"
    start "$work/$program"
    [[ $("$work/consumer/$program" "$work/$program/job") == "2 rows, -0.5" ]] || complain "$program: other numbers"
    ended 0
  done
  for program in fm fm_static fm_pkgconfig fm_pkgconfig_static; do
    start "$work/$program" --servers 2
    train 1 "$work/$program" "$work/consumer/$program" >>"$work/lines.txt"
    ended 0
  done
  [[ $(sort -u "$work/lines.txt" | wc -l) == 1 ]] || complain "other tables: $(cat "$work/lines.txt")"
}

do_bits() {
  build fm
  same fm "$work/fm"
  replaced "$line_of_all"
  build clicks
  same clicks "$work/clicks"
  few_stored
  if ! "$python" -c 'import numpy' 2>/dev/null; then
    say "skipped: python3 has no numpy: examples/library/skipgram.py"
  else
    same skipgram "$python" "$examples/skipgram.py"
  fi
  local name
  for name in fm.c clicks.c skipgram.py; do
    (($(wc -l <"$examples/$name") <= 100)) || complain "$name: more than 100 lines"
  done
}

do_serve() {
  build fm
  local run=$work/run code
  refuses 64 'needs a directory' "$plateau" serve
  refuses 64 '--workers' "$plateau" serve "$run" --workers 0
  refuses 64 '--staleness goes with --consistency ssp' "$plateau" serve "$run" --staleness 2
  refuses 64 'unknown option' "$plateau" serve "$run" --wrokers 2
  refuses 64 'no network nosuchnet' "$plateau" serve "$run" --listen nosuchnet
  [[ ! -e $run/job ]] || complain "a job file of servers that did not start"
  start "$run" --workers 2
  have "$run"
  [[ $(stat -c %a "$run/job") == 600 ]] || complain "the job file has mode $(stat -c %a "$run/job")"
  expect_no_secrets serve "$run/logs/server-0.txt" "$run.said"
  refuses 75 'other servers work in this directory' "$plateau" serve "$run"
  [[ -e $run/job ]] || complain "the second took the job file of the first away"
  kill -TERM "$server"
  ended 75
  grep -q 'stopped by signal 15' "$run.said" || complain "no word of the signal: $(cat "$run.said")"
  [[ ! -e $run/job ]] || complain "servers that ended left their job file"
  # One worker of two gives up: the other and the servers hear of it.
  start "$run" --workers 2
  have "$run"
  "$work/fm" "$run/job" 0 >"$work/other.txt" 2>&1 &
  local other=$!
  sleep 0.3
  "$work/fm" "$run/job" 0 >"$work/double.txt" 2>&1 && complain "two processes were worker 0"
  grep -q 'has connected as worker 0 already' "$work/double.txt" || complain "two of one number: $(cat "$work/double.txt")"
  ! "$work/fm" "$run/job" 2 2>"$work/double.txt" || complain "worker 2 of 2"
  grep -q 'workers 0 to 1' "$work/double.txt" || complain "worker 2 of 2: $(cat "$work/double.txt")"
  kill -KILL "$other" # and nobody comes back
  wait "$other" 2>/dev/null || true
  kill -TERM "$server"
  ended 75
  for how in "--consistency ssp --staleness 2" "--consistency asp" "--security curve" "--security none --job $work/elsewhere"; do
    # shellcheck disable=SC2086 # words
    start "$work/how" --workers 2 $how
    if [[ $how == *elsewhere ]]; then
      mkdir -p "$work/how"
      for ((i = 0; i < 200; i++)); do [[ ! -e $work/elsewhere ]] || break; sleep 0.05; done
      "$work/fm" "$work/elsewhere" 1 200 2>/dev/null & "$work/fm" "$work/elsewhere" 0 200 2>"$work/trained.txt" | grep -q accuracy || complain "$how"
    else
      train 2 "$work/how" "$work/fm" | grep -q 'accuracy 0.9' || complain "$how: it did not learn"
    fi
    ended 0
    rm -rf "$work/how"
  done
  start "$work/idle" --idle 1
  ended 75
  grep -q 'no worker has said anything for 1 s' "$work/idle.said" || complain "idle: $(cat "$work/idle.said")"
}

# holds FILE NUMBERS: an .npy file holds these, behind its header.
holds() { cmp -s <(tail -c +129 "$1") "$2" || complain "$1 is not ${2##*/}"; }
do_stored() {
  local run out=$work/out name servers
  quietly cc -std=c17 -O2 -I "$root/include" "$root/tests/e2e/library/rows.c" -o "$work/rows" -L "$build" -lplateau
  for servers in 1 3; do
    run=$work/run-$servers out=$work/out-$servers
    mkdir -p "$work/told"
    start "$run" --servers "$servers"
    have "$run"
    "$plateau" inspect "$run" >"$work/inspect.txt" || complain "inspect of servers at work"
    grep -q '^no checkpoint yet' "$work/inspect.txt" && grep -q '^servers are at work' "$work/inspect.txt" || complain "inspect: $(cat "$work/inspect.txt")"
    refuses 65 'has no checkpoint: its workers order them' "$plateau" export "$run" -o "$out"
    "$work/rows" "$run/job" "$work/told" || fail "rows"
    ended 0
    quietly "$plateau" export "$run" -o "$out"
    quietly "$plateau" export "$run" --last -o "$out/whole" --all
    for name in moving still.keys.of given; do
      holds "$out/$name.keys.npy" "$work/told/$name.keys"
      holds "$out/$name.npy" "$work/told/$name.stored"
      holds "$out/whole/$name.npy" "$work/told/$name.all"
    done
    for name in "$out/ids" "$out/whole/ids"; do # keys without an end: never all of them
      holds "$name.keys.npy" "$work/told/ids.keys"
      holds "$name.npy" "$work/told/ids.stored"
    done
    [[ $(find "$out" -type f | wc -l) == 13 ]] || complain "export left: $(find "$out" -type f)"
    quietly "$plateau" export "$run/checkpoints/15" -o "$out/half"
    cmp -s "$out/moving.npy" "$out/half/moving.npy" && complain "the checkpoint of step 15 has the tables of step 30"
  done
  diff -r "$work/out-1" "$work/out-3" || complain "other exports from 3 servers"
  "$plateau" inspect "$run" >"$work/inspect.txt" || complain "inspect"
  grep -q '^servers: 3$' "$work/inspect.txt" && grep -q '^no servers are at work' "$work/inspect.txt" &&
    grep -q '^  3 servers; 31 steps of each worker$' "$work/inspect.txt" &&
    grep -qE '^  given +500 +3 +2 +56 +0  frozen$' "$work/inspect.txt" &&
    grep -qE '^  ids +sparse +3 +7 ' "$work/inspect.txt" || complain "inspect: $(cat "$work/inspect.txt")"
  refuses 64 'of plateau serve: rows without a model' "$plateau" evaluate "$run"
  refuses 64 'of plateau serve: rows without a model' "$plateau" runs "$run"
  refuses 64 'of plateau serve: rows without a model' "$plateau" train "$run" --resume
  refuses 64 '--vectors: programs that plateau serve works for' "$plateau" export "$run" --vectors -o "$work/no"
  refuses 64 '--set and --servers go with runs' "$plateau" export "$run" --servers 2 -o "$work/no"
  refuses 64 'is one checkpoint: --last goes with a directory' "$plateau" export "$run/checkpoints/15" --last -o "$work/no"
  refuses 65 'no best checkpoint' "$plateau" export "$run" --best -o "$work/no"
  refuses 65 'checkpoints/14' "$plateau" export "$run/checkpoints/14" -o "$work/no"
  refuses 73 'run/job|serve.yaml' "$plateau" export "$run" -o "$run/serve.yaml/no"
  printf X | dd of="$run/checkpoints/31/server-1.h5" bs=1 seek=3000 conv=notrunc status=none
  refuses 65 'server-1\.h5' "$plateau" export "$run" -o "$work/no"
  refuses 65 'damaged checkpoint' "$plateau" inspect "$run"
  start "$work/run-names"
  have "$work/run-names"
  "$work/rows" "$work/run-names/job" "$work/told" moving.keys || fail "rows"
  ended 0
  refuses 64 'tables moving and moving.keys' "$plateau" export "$work/run-names" -o "$work/no"
  [[ ! -e $work/no ]] || complain "refusals left $work/no"
  make_data "$work/data"
  config=$work/my.yaml
  write_config "$config" "$work/data" "$bsam_plus"
  refuses 64 'holds a run already' "$plateau" train "$config" --set "run.dir=$run"
  refuses 64 'of plateau serve: rows without a model' "$plateau" train "$config" --set "run.dir=$run" --resume
  train_run "$work/trained" --set train.epochs=1
  refuses 64 'holds a run of plateau train' "$plateau" serve "$work/trained" --resume
  "$plateau" runs "$work" >"$work/runs.txt" 2>"$work/notes.txt" || complain "runs"
  grep -q '^trained ' "$work/runs.txt" && grep -q 'left out: .*run-3 is of plateau serve' "$work/notes.txt" || complain "runs: $(cat "$work/runs.txt" "$work/notes.txt")"
}

do_ranks() {
  need_mpirun
  build fm
  start "$work/one"
  local line
  line=$(train 1 "$work/one" "$work/fm")
  ended 0
  ranks 3 serve "$work/ranks" --workers 2 --idle 60 2>"$work/ranks.said" &
  server=$!
  [[ $(train 2 "$work/ranks" "$work/fm") == "$line" ]] || complain "servers of 3 ranks: other tables"
  ended 0
  [[ -s $work/ranks/checkpoints/last/server-2.h5 ]] || complain "not one server per rank"
  ranks 2 serve "$work/ranks" --workers 2 --servers 4 --resume 2>"$work/ranks.said" &
  server=$!
  [[ $(train 2 "$work/ranks" "$work/fm") == "$line" ]] || complain "servers of 2 ranks, resumed: other tables"
  ended 0
  ! ranks 3 serve "$work/few" --servers 2 2>"$work/few.txt" || complain "2 servers at 3 ranks"
  [[ $(grep -c 'plateau: error: serve: 2 servers at 3 ranks: one each, at least' "$work/few.txt") == 1 ]] || complain "2 servers at 3 ranks: $(cat "$work/few.txt")"
}

# mpmd SERVERS-AND-OPTIONS -- WORKERS ARGUMENTS: one mpirun for both.
mpmd() {
  local servers=() n
  for ((n = 0; ; n++)); do
    [[ $1 != -- ]] || break
    servers+=("$1")
    shift
  done
  shift
  timeout -k 5 60 mpirun --bind-to none -n "${servers[0]}" "$plateau" serve "${servers[@]:1}" : -n "$1" "$work/beside" "${@:2}"
}
do_beside() {
  need_mpirun
  command -v mpicc >/dev/null || { say "skipped: there is no mpicc"; exit 77; }
  quietly mpicc -std=c17 -O2 -ffp-contract=off -I "$root/include" "$examples/beside.c" -o "$work/beside" -L "$build" -lplateau
  local line run=$work/mpmd code
  start "$work/apart" --workers 3 --servers 2
  line=$(timeout -k 5 60 mpirun --bind-to none -n 3 "$work/beside" "$work/apart") || complain "a step of its own"
  ended 0
  [[ $line == tables* ]] || complain "a step of its own: $line"
  for how in file text; do
    [[ $(mpmd 2 "$run-$how" --workers 3 --mpmd "$how" -- 3 "$run-$how" "$how" 2>"$work/said.txt") == "$line" ]] || complain "--mpmd $how: other tables: $(cat "$work/said.txt")"
    [[ -s $run-$how/checkpoints/last/server-1.h5 && ! -e $run-$how/job ]] || complain "--mpmd $how left: $(ls "$run-$how")"
  done
  # One server, four workers, from the middle.
  [[ $(mpmd 1 "$run-file" --workers 4 --mpmd=file --resume -- 4 "$run-file" 2>"$work/said.txt") == "$line" ]] || complain "resumed: other tables: $(cat "$work/said.txt")"
  grep -q 'tables as of clock 31;' "$work/said.txt" || complain "resumed: $(cat "$work/said.txt")"
  # What fails ends all, with one line and its code.
  while IFS='|' read -r code pattern options; do
    got=0
    # shellcheck disable=SC2086 # words
    mpmd 2 $options -- 2 "$run" text >"$work/said.txt" 2>&1 </dev/null || got=$?
    ((got == code)) || complain "$options: exit $got, not $code"
    [[ $(grep -c 'plateau: error:' "$work/said.txt") == 1 ]] && grep -q "plateau: error: .*$pattern" "$work/said.txt" || complain "$options: $(cat "$work/said.txt")"
  done <<CASES
64|--resume goes on from the newest|$run-file --mpmd text --workers 2
64|unknown option|$run --mpmd text --wrokers 2
64|--staleness goes with|$run --mpmd=text --staleness 2
64|serve: 1 servers at 2 ranks|$run --mpmd text --servers 1
CASES
  [[ $(timeout -k 5 60 mpirun --bind-to none -n 2 "$work/beside" "$run" text : -n 1 "$plateau" serve "$run" --workers 2 --mpmd text 2>"$work/said.txt") == "$line" ]] ||
    complain "servers named last: $(cat "$work/said.txt")"
  got=0
  mpmd 1 "$run-no" --workers 2 -- 2 "$run-no" >"$work/said.txt" 2>&1 || got=$?
  { ((got == 64)) && grep -q 'started another program, too.*--mpmd file' "$work/said.txt"; } || complain "without --mpmd: $got, $(cat "$work/said.txt")"
  refuses 64 'serve: --mpmd: there is no launcher' "$plateau" serve "$run" --mpmd file
  refuses 64 '--alone and --mpmd' "$plateau" serve "$run" --mpmd file --alone
}

"do_$what"
conclude
