#!/usr/bin/env bash
# tidy.sh BUILD [--paths]: clang-tidy with the checks of .clang-tidy over the sources of the layers. Those that follow the
# paths of a program (clang-analyzer-*) take nine tenths of the time: without --paths only common, proto and ps have them.
# A file that was found clean is not looked at again before it, a header of it or the checks change: the first run takes
# one minute on 2 cores, three with --paths, later ones seconds. BUILD: of Ninja, built. Exit 77 (skipped) without
# clang-tidy.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 paths='^(common|proto|ps)/'
[[ ${2:-} != --paths ]] || paths=.
for command in clang-tidy ninja; do
  command -v "$command" >/dev/null || { echo "skipped: $command is not installed"; exit 77; }
done

clean=$build/tidy # a file per source that is clean, its name a hash of all that it is made of
mkdir -p "$clean"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# work/parts/LAYER/ROOM/x.c: the project's files that x.c is compiled from, with their hashes, and what judges them.
# (Paths are absolute, or relative to the build directory where a compiler cache made them so.)
ninja -C "$build" -t deps | awk -v root="$PWD/" -v build="${build#"$PWD/"}/" '
  /^[^ ]/ { source = "" }
  sub(/^ +/, "") {
    if (index($0, root) == 1) path = substr($0, length(root) + 1)
    else if ($0 ~ /^\//) next
    else if (!sub(/^(\.\.\/)+/, "")) path = build $0
    else path = $0
    if (source == "") source = path
    if (source ~ /^(common|proto|ps|worker|launch)\/.*\.c$/) print source, path
  }' | sort -u >"$work/deps"
[[ -s $work/deps ]] || { echo "$build is not built"; exit 1; }
cut -d ' ' -f 2 "$work/deps" | sort -u | xargs sha256sum | awk '{ print $2, $1 }' >"$work/hashes"
judge=$(clang-tidy --version | sha256sum; sha256sum .clang-tidy; echo "$paths")
while read -r room; do mkdir -p "$work/parts/$room"; done < <(cut -d ' ' -f 1 "$work/deps" | sed 's|/[^/]*$||' | sort -u)
awk -v parts="$work/parts/" -v judge="$judge" '
  NR == FNR { hash[$1] = $2; next }
  { if ($1 != last) { close(last == "" ? "" : parts last); print judge > (parts $1); last = $1 }
    print $2, hash[$2] > (parts $1) }' "$work/hashes" "$work/deps"
(cd "$work/parts" && find . -type f -printf '%P\0' | xargs -0 sha256sum) >"$work/keys"

check() { # KEY SOURCE
  local fewer="--checks=-clang-analyzer-*"
  [[ ! $2 =~ $paths ]] || fewer=--checks=
  if clang-tidy -p "$build" --quiet "$fewer" "$2" >"$work/$1.txt" 2>&1; then
    touch "$clean/$1"
  else
    grep -vE '^[0-9]+ warnings? |^Suppressed |^Error while processing' "$work/$1.txt"
    return 1
  fi
}
export -f check
export build clean work paths

total=0 new=()
while read -r key source; do
  total=$((total + 1))
  [[ -e $clean/$key ]] || new+=("$key" "$source")
done <"$work/keys"
failed=0
((${#new[@]} == 0)) || printf '%s\n' "${new[@]}" | xargs -P "$(nproc)" -n 2 bash -c 'check "$@"' check || failed=1
# What other states of the tree left.
comm -23 <(find "$clean" -type f -printf '%f\n' | sort) <(cut -d ' ' -f 1 "$work/keys" | sort) |
  sed "s|^|$clean/|" | xargs -r rm -f
echo "tidy: looked at $((${#new[@]} / 2)) of $total files in $SECONDS s"
exit $failed
