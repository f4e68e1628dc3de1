#!/usr/bin/env bash
# extending.sh [BUILD]: the files of docs/extending.md, added to the source as the page says, build without a warning; help lists
# them; they train to the same bits on any cluster; their first steps are those that are worked out here in double.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

build=${1:-$root/build/release}
page=$root/docs/extending.md tree=$work/tree
declare -A kinds=([worker/strategies]=strategies [ps/optimizers]=optimizers [worker/models]=models)

# ---- three files, and three lists with a row more ----
for room in "${!kinds[@]}"; do
  mkdir -p "$tree/$room"
  cp "$root/$room/list.h" "$tree/$room"
done
# A file is a block of C behind a line that is its path.
awk -v tree="$tree" '
  /^`[a-z_\/]+\.c`$/ { path = substr($0, 2, length($0) - 2) }
  /^```c$/ && path != "" { file = tree "/" path; print path; path = ""; next }
  /^```$/ { file = "" }
  file != "" { print >file }' "$page" >"$work/added.txt"
declare -A added
while read -r path; do
  room=${path%/*} name=$(basename "$path" .c)
  [[ -n ${kinds[$room]:-} && ! -e $root/$path ]] || fail "docs/extending.md: $path is no new file of a room that has a list"
  added[${kinds[$room]}]=$name
  sed -i -E "s/^(  X\([a-z0-9_]+\))\$/\1 \\\\\n  X($name)/" "$tree/$room/list.h"
done <"$work/added.txt"
[[ ${#added[@]} == 3 ]] || fail "docs/extending.md has files for: ${!added[*]}, not for all three kinds"

# in_place: builds them into $work/plateau as somebody would who works on the project: on top of its build directory, of
# which little is made anew. A file system that lies over it takes what is written, so that nothing is changed; only the
# processes here see it. False where there is no right to do so.
in_place() {
  [[ $(id -u) == 0 && -f $build/CMakeCache.txt ]] || return 1
  mkdir "$work/over"
  # shellcheck disable=SC2016
  unshare -m sh -ec '
    mount -t tmpfs tmpfs "$1/over"
    mkdir "$1/over/upper" "$1/over/work"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/over/upper,workdir=$1/over/work" "$2" 2>/dev/null || exit 77
    cp -r "$1/tree/." "$2"
    cmake --build "$3" --target plateau --parallel 2 >"$1/build.txt" 2>&1 || { cat "$1/build.txt" >&2; exit 1; }
    cp "$3/plateau" "$1/plateau"; tail -n 1 "$1/build.txt"' sh "$work" "$root" "$build" || { (($? == 77)) && return 1 || fail "it does not build"; }
}
# In a copy of the source; not optimised: that would take longer than it saves.
in_a_copy() {
  mkdir "$work/copy"
  tar -C "$root" -cf - CMakeLists.txt cmake common proto ps worker launch | tar -C "$work/copy" -xf -
  cp -r "$tree/." "$work/copy"
  if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
  fi
  if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
  quietly cmake -S "$work/copy" -B "$work/copy/build" -DCMAKE_BUILD_TYPE=Debug -DPLATEAU_TESTS=OFF
  quietly cmake --build "$work/copy/build" --target plateau --parallel 2
  cp "$work/copy/build/plateau" "$work/plateau"
}
say "building with ${added[*]}"
in_place || in_a_copy
before=$plateau plateau=$work/plateau

# ---- help ----
for kind in "${!added[@]}"; do
  name=${added[$kind]}
  diff <("$before" help "$kind" --names && echo "$name") <("$plateau" help "$kind" --names) >/dev/null ||
    complain "plateau help $kind does not show $name behind the others"
  "$plateau" help "$kind" "$name" | grep -q "^  [a-z]*\.[a-z0-9_]*  a " || complain "plateau help $kind $name shows no option"
done
model=${added[models]} strategy=${added[strategies]} optimizer=${added[optimizers]}

# ---- the same bits on any cluster ----
make_data "$work/data"
config=$work/config.yaml
cat >"$config" <<YAML
run: {seed: 7}
data: {path: $work/data}
model: {name: $model, dim: 8}
strategy: {name: $strategy}
optimizer: {name: $optimizer, lr: 0.003, weight_decay: 0.01}
train: {epochs: 3, batch_size: 512, micro_batch: 128, log_every: 1}
eval: {topk: [5, 20]}
YAML
train_run "$work/one"
train_run "$work/many" --servers 3 --workers 2
[[ $(tables_hash "$work/one") == "$(tables_hash "$work/many")" ]] || complain "other tables on 3 servers and 2 workers"
diff <(losses_of "$work/one") <(losses_of "$work/many") >/dev/null || complain "other losses on 3 servers and 2 workers"
first=$(losses_of "$work/one" | head -n 1 | cut -d ' ' -f 3) last=$(losses_of "$work/one" | tail -n 1 | cut -d ' ' -f 3)
awk -v a="$first" -v b="$last" 'BEGIN { exit !(b < a) }' || complain "the loss went from $first to $last"
PLATEAU=$plateau quietly "$root/tests/e2e/any_shape.sh" --seconds 4 --only "models=$model"
PLATEAU=$plateau quietly "$root/tests/e2e/any_shape.sh" --seconds 4 --only "strategies=$strategy" --only "optimizers=$optimizer"

# ---- arithmetic: four steps of one pair each, on known rows ----
mkdir "$work/few"
printf 'userID\titemID\tx_label\n0\t0\t0\n0\t1\t0\n1\t2\t0\n1\t3\t0\n2\t4\t0\n2\t5\t0\n' >"$work/few/few.inter"
samples=(0 0 2 3 1 2 0 4 0 1 3 5 0 0 5 2) # user, item, two negatives
header=$(printf "{'descr': '<i8', 'fortran_order': False, 'shape': (4, 1, 4), }%60s" '')
{
  printf '\x93NUMPY\x01\x00\x76\x00%.117s\n' "$header"
  for id in "${samples[@]}"; do printf '%b' "\\x0$id\\0\\0\\0\\0\\0\\0\\0"; done
} >"$work/samples.npy"

# rows_of DIR: "table row column value" of the exported tables.
rows_of() {
  local table cols length
  for table in user user_bias item item_bias; do
    cols=3
    [[ $table == user || $table == item ]] || cols=1
    length=$(od -An -t u2 -j 8 -N 2 "$1/$table.npy")
    od -An -v -w4 -t f4 -j $((10 + length)) "$1/$table.npy" |
      awk -v table="$table" -v cols="$cols" '{ print table, int((NR - 1) / cols), (NR - 1) % cols, $1 }'
  done
}
# steps STRATEGY OPTIMIZER: trains four steps; the rows before and after into before.txt and after.txt.
steps() {
  cat >"$config" <<YAML
run: {seed: 5}
data: {path: $work/few}
model: {name: lmf, dim: 3, negatives: 2}
strategy: {name: $1}
optimizer: {name: $2, lr: 0.25}
train: {epochs: 1, batch_size: 1, replay: $work/samples.npy, log_every: 1}
eval: {every: 0}
YAML
  [[ $1 != gsam ]] || sed -i 's/^strategy: .*/strategy: {name: gsam, rho: 0.5, alpha: 0.75}/' "$config"
  [[ $2 != lion ]] || sed -i 's/^optimizer: .*/optimizer: {name: lion, lr: 0.25, beta1: 0.5, beta2: 0.625, weight_decay: 0.5}/' "$config"
  rm -rf "$work"/steps* "$work"/rows*
  train_run "$work/steps0" --set train.epochs=0
  quietly "$plateau" export "$work/steps0" --last -o "$work/rows0"
  train_run "$work/steps"
  quietly "$plateau" export "$work/steps" --last -o "$work/rows"
  rows_of "$work/rows0" >"$work/before.txt"
  { losses_of "$work/steps" | sed 's/^/loss /'; rows_of "$work/rows"; } >"$work/after.txt"
}
# by_hand STRATEGY OPTIMIZER: the same from before.txt.
by_hand() {
  awk -v strategy="$1" -v optimizer="$2" -v list="${samples[*]}" '
    function softplus(x) { return x > 0 ? x + log(1 + exp(-x)) : log(1 + exp(x)) }
    # Loss at w + length * towards, and its gradient: g[place].
    function gradient(g, towards, length_,   k, c, score, slope, loss, place) {
      for (place in w) at[place] = w[place] + (place in towards ? length_ * towards[place] : 0) # makes no places
      split("", g)
      loss = 0
      for (k = 1; k <= 3; k++) { # the pair, then its negatives
        score = at["user_bias " u " 0"] + at["item_bias " item[k] " 0"]
        for (c = 0; c < 3; c++) score += at["user " u " " c] * at["item " item[k] " " c]
        loss += softplus(k == 1 ? -score : score)
        slope = (k == 1 ? -1 : 1) / (1 + exp(k == 1 ? score : -score))
        g["user_bias " u " 0"] += slope
        g["item_bias " item[k] " 0"] += slope
        for (c = 0; c < 3; c++) g["user " u " " c] += slope * at["item " item[k] " " c]
        for (c = 0; c < 3; c++) g["item " item[k] " " c] += slope * at["user " u " " c]
      }
      return loss
    }
    function product(a, b,   place, sum) { for (place in a) sum += a[place] * b[place]; return sum }
    function sign(x) { return (x > 0) - (x < 0) }
    { place = $1 " " $2 " " $3; order[++n] = place; w[place] = $4 }
    END {
      split(list, id, " ")
      for (step = 0; step < 4; step++) {
        u = id[4 * step + 1]
        for (k = 1; k <= 3; k++) item[k] = id[4 * step + 1 + k]
        printf "loss 0 %d %.9g\n", step, gradient(g, none, 0)
        if (strategy == "gsam") {
          gradient(h, g, 0.5 / sqrt(product(g, g)))
          along = product(g, h) / product(h, h)
          for (place in g) g[place] = h[place] - 0.75 * (g[place] - along * h[place])
        }
        for (place in g) {
          if (optimizer == "sgd") { w[place] -= 0.25 * g[place]; continue }
          c = 0.5 * m[place] + 0.5 * g[place]
          turned += sign(c) != sign(g[place])
          w[place] -= 0.25 * (sign(c) + 0.5 * w[place])
          m[place] = 0.625 * m[place] + 0.375 * g[place]
        }
      }
      for (k = 1; k <= n; k++) printf "%s %.9g\n", order[k], w[order[k]]
      if (strategy optimizer == "plainlion" && turned == 0) print "no step went against its gradient: m was not seen"
    }' "$work/before.txt"
}
for pair in "plain sgd" "gsam sgd" "plain lion" "gsam lion"; do
  read -r by with <<<"$pair"
  steps "$by" "$with"
  by_hand "$by" "$with" >"$work/want.txt"
  paste -d ' ' "$work/want.txt" "$work/after.txt" | awk '
    { off = $4 - $8; if (NF != 8 || $1 $2 $3 != $5 $6 $7 || off > 2e-6 || off < -2e-6) { print; bad++ } }
    END { exit bad > 0 || NR != 4 + 3 * 4 + 6 * 4 }' >"$work/off.txt" ||
    complain "$pair: not what comes out by hand (table, row, column, by hand; the same of the run):" "$(cat "$work/off.txt")"
done
conclude
