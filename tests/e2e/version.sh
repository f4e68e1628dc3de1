#!/usr/bin/env bash
# plateau --version: its first line is for programs, the others name what this build is of. The commit: of a clone, of
# one with changes, of what `git archive` made, of sources without git, also inside another repository.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
command -v git >/dev/null && command -v cmake >/dev/null || { say "skipped: needs git and cmake"; exit 77; }

quietly "$plateau" --version
has() { grep -qE -- "$1" "$work/quietly.txt" || { complain "nothing matches /$1/ in:"; cat "$work/quietly.txt"; }; }
[[ $(head -n 1 "$work/quietly.txt") =~ ^plateau\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || complain "first line: $(head -n 1 "$work/quietly.txt")"
has '^commit +([0-9a-f]{12}(-dirty)?|unknown)$'
has '^compiler +[A-Za-z]+ [0-9]+\.[0-9.]+, [A-Za-z]+$'
for library in ZeroMQ protobuf-c HDF5 "(oneDNN|OpenBLAS)" libyaml jansson xxHash; do has "^libraries .*$library v?[0-9]+\.[0-9]+"; done
has "^products +(oneDNN|OpenBLAS) [0-9.]+ for [A-Za-z0-9_]+"

# commit_of DIR: what a build of the sources there would say.
commit_of() {
  quietly cmake -D "SOURCE=$1" -D "OUT=$work/commit.h" -P "$root/cmake/Commit.cmake"
  sed -n 's/^#define PLT_COMMIT "\(.*\)"$/\1/p' "$work/commit.h"
}
expect() { [[ $2 == "$3" ]] || complain "$1: \"$2\", expected \"$3\""; }
sources=$work/sources
mkdir -p "$sources/cmake"
cp "$root/cmake/commit.txt" "$sources/cmake/"
cp "$root/.gitattributes" "$sources/"
git=(git -C "$sources" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false)
expect "without git" "$(commit_of "$sources")" unknown
quietly git init -q "$sources"
expect "without a commit" "$(commit_of "$sources")" unknown
quietly "${git[@]}" add .
quietly "${git[@]}" commit -q -m first
first=$("${git[@]}" rev-parse HEAD)
expect "a clone" "$(commit_of "$sources")" "${first:0:12}"
before=$(stat -c %Y.%i "$work/commit.h")
sleep 1
expect "once more" "$(commit_of "$sources")" "${first:0:12}"
[[ $(stat -c %Y.%i "$work/commit.h") == "$before" ]] || complain "the header is written although it is the same"
echo "# changed" >>"$sources/.gitattributes"
expect "a change" "$(commit_of "$sources")" "${first:0:12}-dirty"
quietly "${git[@]}" commit -q -a -m second
second=$("${git[@]}" rev-parse HEAD)
expect "the next commit" "$(commit_of "$sources")" "${second:0:12}"
mkdir "$sources/inside"
"${git[@]}" archive HEAD | tar -x -C "$sources/inside"
expect "an archive inside a repository" "$(commit_of "$sources/inside")" "${second:0:12}"
conclude
