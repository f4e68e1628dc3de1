#!/usr/bin/env bash
# Distribution shift as people have it: folders split anew, planted data, a shifted part beside validation and test in
# what training and evaluation tell; and what can be got wrong with them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data
make_data "$data"
inter=$(basename "$data"/*.inter)

# refuses CODE PATTERN COMMAND...: exit code, and one line of error that matches.
refuses() {
  local want=$1 pattern=$2 code=0
  shift 2
  "$@" >"$work/stdout.txt" 2>"$work/stderr.txt" </dev/null || code=$?
  ((code == want)) || complain "exit $code instead of $want: $*"
  [[ $(wc -l <"$work/stderr.txt") == 1 ]] || { complain "not one line of error: $*"; head -n 5 "$work/stderr.txt"; }
  grep -qE -- "^plateau: error: .*($pattern)" "$work/stderr.txt" || { complain "no \"$pattern\": $*"; cat "$work/stderr.txt"; }
}
# count LABEL FILE: rows of a part.
count() { awk -F'\t' -v label="$1" 'NR > 1 && $3 == label { n++ } END { print n + 0 }' "$2"; }

say "data split: all pairs once, features beside them, the same for the same seed"
split=("$plateau" data split "$data" --shift popularity)
quietly "${split[@]}" -o "$work/shifted"
[[ -f $work/shifted/$inter && -f $work/shifted/README.txt ]] || fail "data split: no $inter, no README.txt"
diff <(tail -n +2 "$data/$inter" | cut -f 1,2 | sort -u) <(tail -n +2 "$work/shifted/$inter" | cut -f 1,2 | sort) >/dev/null ||
  complain "data split: other pairs"
[[ $work/shifted/text_feat.npy -ef $data/text_feat.npy ]] || complain "data split: features are no links"
for label in 1 2 3; do [[ $(count $label "$work/shifted/$inter") == 400 ]] || complain "data split: part $label"; done
grep -qE 'shift +400 ' "$work/quietly.txt" || complain "data split: the shift is not told of"
! grep -q 'warning' "$work/quietly.txt" || complain "data split: a warning without a reason"
quietly "$plateau" data check "$work/shifted"
grep -qE 'shift pairs +400 ' "$work/quietly.txt" || complain "data check: no shift pairs"
"$plateau" data check "$work/shifted" --json | grep -q '"shift": *400' || complain "data check --json: no shift pairs"
quietly "${split[@]}" -o "$work/again" --seed 1
cmp -s "$work/shifted/$inter" "$work/again/$inter" || complain "data split: the same seed gives other parts"
quietly "${split[@]}" -o "$work/again" --seed 2 --force
! cmp -s "$work/shifted/$inter" "$work/again/$inter" || complain "data split: another seed gives the same parts"
[[ $work/again/text_feat.npy -ef $data/text_feat.npy && ! -e $work/again/text_feat.npy.tmp ]] || complain "--force: features"

say "data split: of packed data, of LightGCN's files, of a split; what falls short"
cp -r "$data" "$work/packed"
quietly "$plateau" data pack "$work/packed"
rm "$work/packed/$inter"
quietly "$plateau" data split "$work/packed" --shift popularity -o "$work/from-pack"
cmp -s "$work/shifted/$inter" "$work/from-pack/$inter" || complain "data split: packed interactions give other parts"
mkdir "$work/lightgcn"
awk -F'\t' 'NR > 1 { items[$1] = items[$1] " " $2 } END { for (user in items) print user items[user] }' "$data/$inter" >"$work/lightgcn/train.txt"
printf '0 0\n' >"$work/lightgcn/test.txt"
quietly "$plateau" data split "$work/lightgcn" --shift popularity -o "$work/from-lightgcn"
[[ -f $work/from-lightgcn/lightgcn.inter ]] || complain "data split: no lightgcn.inter"
quietly "$plateau" data split "$work/again" --shift popularity -o "$work/from-split"
cmp -s "$work/shifted/$inter" "$work/from-split/$inter" || complain "data split: old labels count"
quietly "${split[@]}" -o "$work/short" --keep-user 1000
grep -qE 'warning: the shift part has [0-9]+ pairs instead of 400' "$work/quietly.txt" || complain "data split: no warning of a short part"
sed -n 2,3p "$data/$inter" >>"$work/again/$inter"
quietly "$plateau" data split "$work/again" --shift popularity -o "$work/from-repeated"
grep -q 'warning.* 2 repeated pairs' "$work/quietly.txt" || complain "data split: repeated pairs are not told of"
cmp -s "$work/shifted/$inter" "$work/from-repeated/$inter" || complain "data split: repeated pairs count"

say "data synth --kind planted"
planted=("$plateau" data synth --kind planted --users 100 --items 120)
quietly "${planted[@]}" -o "$work/planted"
quietly "$plateau" data synth "$work/again-planted" --kind planted --users 100 --items 120 --pack
quietly "$plateau" data check "$work/planted"
grep -qE 'environments +3 .*of 400 to 400 training pairs' "$work/quietly.txt" || complain "data check: environments"
quietly "$plateau" data check "$work/again-planted"
grep -qE 'environments +3 .*of 400 to 400 training pairs' "$work/quietly.txt" || complain "data check: packed environments"
quietly "$plateau" data pack "$work/planted" --out "$work/planted.pack"
cmp -s <(tail -c +4097 "$work/planted.pack") <(tail -c +4097 "$work/again-planted/again-planted.pack") ||
  complain "data synth --pack: other arrays than those of the text"

say "what can be got wrong"
refuses 64 'data split: which folder' "$plateau" data split -o "$work/out" --shift popularity
refuses 64 '-o OUT is needed' "${split[@]}"
refuses 64 '--shift popularity is needed' "$plateau" data split "$data" -o "$work/out"
refuses 64 'no such shift; allowed: popularity' "$plateau" data split "$data" -o "$work/out" --shift time
refuses 64 'leave nothing for training' "${split[@]}" -o "$work/out" --valid 0.5 --test 0.4
refuses 64 '--test 1.5: a share from 0 to 1' "${split[@]}" -o "$work/out" --test 1.5
refuses 64 '--test nan: a share' "${split[@]}" -o "$work/out" --test nan
refuses 64 '--strength -1: a number' "${split[@]}" -o "$work/out" --strength=-1
refuses 64 '--keep-user 1.5: a whole number' "${split[@]}" -o "$work/out" --keep-user 1.5
refuses 64 '--seed x: a whole number' "${split[@]}" -o "$work/out" --seed x
refuses 64 'no option --keep' "${split[@]}" -o "$work/out" --keep 3
refuses 64 '--seed needs a value' "${split[@]}" -o "$work/out" --seed
refuses 64 'is the folder that is split' "${split[@]}" -o "$data/." --force
refuses 65 'there is no such folder' "$plateau" data split "$work/absent" --shift popularity -o "$work/out"
refuses 73 'is not empty; --force' "${split[@]}" -o "$work/shifted"
refuses 73 'is a file, not a folder' "${split[@]}" -o "$data/$inter"
refuses 73 'older set would be read' "${split[@]}" -o "$work/packed" --force
[[ ! -e $work/out ]] || complain "a refused command made its folder"
refuses 64 'no such kind; allowed: sphere, planted' "$plateau" data synth --kind cube -o "$work/out"
refuses 64 '--rho is an option of --kind planted' "$plateau" data synth --rho 1 -o "$work/out" --users 9 --items 9 --interactions 9
refuses 64 '--factors is an option of --kind sphere' "${planted[@]}" -o "$work/out" --factors 3
refuses 64 '--rho 1,x: |--rho x: a number' "${planted[@]}" -o "$work/out" --rho 1,x
refuses 64 '--rho ,: 1 to 256 numbers' "${planted[@]}" -o "$work/out" --rho ,
refuses 64 'would take 21 items' "${planted[@]}" -o "$work/out" --items 20
refuses 64 'one folder at a time' "${planted[@]}" -o "$work/out" "$work/out2"
refuses 64 'which folder' "${planted[@]}"
refuses 73 'is not empty; --force' "${planted[@]}" -o "$work/planted"

conclude
