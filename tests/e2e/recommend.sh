#!/usr/bin/env bash
# recommend.sh: whom `plateau recommend` serves, from which items, in which form; the oracle is the whole ranking, cut by
# awk. And what can be got wrong.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

data=$work/data config=$work/config.yaml
make_data "$data"
inter=$(echo "$data"/*.inter)
# A user without training pairs.
awk -F'\t' -v OFS='\t' 'NR > 1 && $1 == 7 && $3 == 0 { $3 = 1 } { print }' "$inter" >"$work/inter" && mv "$work/inter" "$inter"
write_config "$config" "$data" '  name: plain'
train_run "$work/run" --set train.epochs=2
recommend=("$plateau" recommend "$work/run")
quietly "${recommend[@]}" -k 100000 -o "$work/all.tsv"

# best K [AWK CONDITION]: of the whole ranking the first K of each user that meet it, ranked anew.
best() {
  awk -F'\t' -v OFS='\t' -v k="$1" 'NR == 1 { print; next } '"${2:-1}"' && n[$1] < k { print $1, $2, ++n[$1], $4 }' "$work/all.tsv"
}
same() { # NAME: given.tsv as what is on stdin; scores to rounding, which is that of the users who are ranked together
  cat >"$work/want.tsv"
  awk -F'\t' 'FILENAME == ARGV[1] { want[FNR] = $1 "\t" $2 "\t" $3; score[FNR] = $4; n++; next }
    { d = FNR > 1 ? score[FNR] - $4 : 0; if (want[FNR] != $1 "\t" $2 "\t" $3 || d > 1e-6 || d < -1e-6) exit 1; m++ }
    END { exit n != m }' "$work/want.tsv" "$work/given.tsv" || complain "$1: another result"
  rm "$work/given.tsv"
}

say "some users, some items"
quietly "${recommend[@]}" -k 5 -o "$work/given.tsv"
best 5 | same "all"
quietly "${recommend[@]}" -k 5 --users 9,3,3,120 -o "$work/given.tsv"
best 5 '($1 == 3 || $1 == 9 || $1 == 120)' | same "--users of a list"
printf '120\tsomebody\n3\r\n\n9,x\n' >"$work/users.txt"
quietly "${recommend[@]}" -k 5 --users "$work/users.txt" -o "$work/given.tsv"
best 5 '($1 == 3 || $1 == 9 || $1 == 120)' | same "--users of a file"
quietly "${recommend[@]}" -k 5 --exclude 0,5,17,199 -o "$work/given.tsv"
best 5 '$2 != 0 && $2 != 5 && $2 != 17 && $2 != 199' | same "--exclude"
quietly "${recommend[@]}" -k 50 --items "$(seq -s, 20 40)" --exclude 30 -o "$work/given.tsv"
best 50 '$2 >= 20 && $2 <= 40 && $2 != 30' | same "--items with --exclude"
: >"$work/nobody.txt"
quietly "${recommend[@]}" --users "$work/nobody.txt" -o "$work/given.tsv"
best 5 0 | same "--users of an empty file"

say "items of other parts"
for part in valid test both; do
  case $part in valid) labels='$3 == 1' ;; test) labels='$3 == 2' ;; both) labels='$3 > 0' ;; esac
  awk -F'\t' 'NR > 1 && '"$labels"' { print $1 "\t" $2 }' "$inter" >"$work/known.txt"
  quietly "${recommend[@]}" -k 5 --exclude-split "$part" -o "$work/given.tsv"
  awk -F'\t' -v OFS='\t' 'FILENAME == ARGV[1] { known[$1 "\t" $2]; next } FNR == 1 { print; next }
    !(($1 "\t" $2) in known) && n[$1] < 5 { print $1, $2, ++n[$1], $4 }' "$work/known.txt" "$work/all.tsv" | same "--exclude-split $part"
done

say "users without training pairs"
! grep -q $'^7\t' "$work/all.tsv" || complain "a user without training pairs is ranked"
"${recommend[@]}" --users 7,8 -k 3 -o "$work/given.tsv" 2>"$work/told.txt"
grep -q '1 of 2 users have no training pairs and are left out, the first of them 7' "$work/told.txt" || complain "no word of who is left out"
quietly "${recommend[@]}" --users 7,8 --all-users -k 3 -o "$work/given.tsv"
[[ $(grep -c $'^7\t' "$work/given.tsv") == 3 ]] || complain "--all-users: user 7 is not ranked"

say "JSON"
quietly "${recommend[@]}" -k 5 --format jsonl -o "$work/given.jsonl"
best 5 | awk -F'\t' -v user=none 'NR > 1 { if ($1 != user) { if (NR > 2) print user, items, scores; user = $1; items = scores = "" }
  items = items "," $2; scores = scores "," $4 } END { print user, items, scores }' >"$work/want.txt"
sed -E 's/.*"user": ([0-9]+), "items": \[([^]]*)\], "scores": \[([^]]*)\].*/\1 ,\2 ,\3/; s/, /,/g; s/ ,/ ,/g' "$work/given.jsonl" |
  cmp -s - "$work/want.txt" || complain "JSON: another result"

say "scores of pairs, and items like others: against exported vectors"
quietly "$plateau" export "$work/run" --vectors -o "$work/vectors"
numbers() { od -A n -v -t f4 -w"$1" -j 128 "$work/vectors/$2_vectors.npy"; }
cols=$(($(stat -c %s "$work/vectors/item_vectors.npy") - 128))
cols=$((cols / 4 / 200))
numbers $((4 * cols)) user >"$work/user.txt"
numbers $((4 * cols)) item >"$work/item.txt"
{ echo "user	item"; awk -F'\t' 'NR > 1 && NR % 7 == 0 { print $1 "\t" $2 "\tx" }' "$work/all.tsv" | tac; } >"$work/pairs.tsv"
quietly "$plateau" score "$work/run" --pairs "$work/pairs.tsv" -o "$work/scores.tsv"
awk 'FILENAME == ARGV[1] { u[FNR - 1] = $0; next } FILENAME == ARGV[2] { i[FNR - 1] = $0; next }
  FILENAME == ARGV[3] { if (FNR > 1) pair[FNR] = $1 "\t" $2; next }
  FNR > 1 { n++; split(u[$1], a, " "); m = split(i[$2], b, " "); s = 0; for (c = 1; c <= m; c++) s += a[c] * b[c]
    d = s > $3 ? s - $3 : $3 - s; if (d > 1e-5 || pair[FNR] != $1 "\t" $2) exit 1 }
  END { exit !(n > 1000) }' "$work/user.txt" "$work/item.txt" "$work/pairs.tsv" "$work/scores.tsv" || complain "score: another result"
quietly "$plateau" similar "$work/run" --items 5,120 -k 199 -o "$work/similar.tsv"
awk 'function dot(x, y, a, b, m, c, s) { m = split(i[x], a, " "); split(i[y], b, " "); s = 0; for (c = 1; c <= m; c++) s += a[c] * b[c]; return s }
  FILENAME == ARGV[1] { i[FNR - 1] = $0; next }
  FNR > 1 { n++; want = dot($1, $2) / sqrt(dot($1, $1) * dot($2, $2)); d = want > $4 ? want - $4 : $4 - want
    if (d > 1e-5 || $1 == $2 || seen[$1, $2]++ || ($1 == item && ($4 > last || $3 != rank + 1))) exit 1; item = $1; last = $4; rank = $3 }
  END { exit n != 398 }' "$work/item.txt" "$work/similar.tsv" || complain "similar: another result"

say "names in quotes, behind a byte-order mark; a header is told"
printf 'u,i\n"a, ""1""",x\n"a, ""1""",y\nb,x\nb,z\n' >"$work/named.csv"
quietly "$plateau" data import "$work/named.csv" --user u --item i --ratios 1,0,0 -o "$work/named"
quietly "$plateau" train "$work/config.yaml" --quiet --set "data.path=$work/named" --set data.features=[] --set model.name=bpr \
  --set train.batch_size=4 --set train.micro_batch=4 --set run.dir="$work/names"
printf '\xef\xbb\xbfwho,what\r\n"a, ""1""",z\r\nb,"y"\r\n' >"$work/quoted.csv"
"$plateau" score "$work/names" --pairs "$work/quoted.csv" >"$work/given.tsv" 2>"$work/told.txt" || complain "quoted pairs: $(cat "$work/told.txt")"
[[ $(cut -f 1,2 "$work/given.tsv" | tail -n +2) == $'a, "1"\tz\nb\ty' ]] || complain "quoted pairs: $(cat "$work/given.tsv")"
grep -q 'quoted.csv:1: taken for a header: who,what$' "$work/told.txt" || complain "nothing said of a header: $(cat "$work/told.txt")"

say "a file takes its place when it is whole: what was served before stays"
cp "$work/all.tsv" "$work/served.tsv"
code=0
(ulimit -f 8 && exec "${recommend[@]}" -k 100 -o "$work/served.tsv") >"$work/told.txt" 2>&1 || code=$?
((code == 74)) && cmp -s "$work/all.tsv" "$work/served.tsv" || complain "a full disk: exit $code, or half a file"
[[ -z $(compgen -G "$work/served.tsv.*" || true) ]] || complain "a full disk: a file is left"
"${recommend[@]}" --users 3 -k 2 -o >(cat >"$work/piped.tsv") && sleep 0.2
(($(wc -l <"$work/piped.tsv") == 3)) || complain "nothing came through a pipe"

say "numbers too small to be normal are zero"
quietly "$plateau" export "$work/run" --last -o "$work/small"
# scores_of FLOAT: of the pairs of pairs.tsv, where users' and items' rows are that number (its bytes) and features say nothing.
scores_of() {
  local table value
  for table in user item proj_w proj_b; do
    if [[ $table == proj_* ]]; then value='\0\0\0\0'; else value=$1; fi
    fill "$work/small/$table.npy" "$value"
  done
  rm -rf "$work/smallest"
  train_run "$work/smallest" --set train.epochs=0 --set eval.final=none --set init.from="$work/small"
  "$plateau" score "$work/smallest" --pairs "$work/pairs.tsv" | awk -F'\t' 'NR > 1 { print $3 }' | sort -u
}
# fill FILE.npy FLOAT
fill() {
  local floats=$((($(stat -c %s "$1") - 128) / 4))
  # shellcheck disable=SC2046,SC2059
  { head -c 128 "$1" && printf "$2%.0s" $(seq $floats); } >"$work/filled" && mv "$work/filled" "$1"
}
scores=$(scores_of '\357\222\223\041')
(($(awk '$1 >= 1e-36 && $1 < 1e-34' <<<"$scores" | wc -l) == 1)) || complain "1e-18 times itself, several times: $scores"
scores=$(scores_of '\010\345\074\036')
[[ $scores == 0 ]] || complain "1e-20 times itself, several times: $scores"

say "what makes no sense"
refuses 64 'needs --items' "$plateau" similar "$work/run"
printf '3\t4\n3 200\n' >"$work/pairs.bad"
refuses 65 'pairs.bad:2: does not begin with a user' "$plateau" score "$work/run" --pairs "$work/pairs.bad"
refuses 64 '"300" is no user: they are 0 to 299' "${recommend[@]}" --users 3,300
refuses 64 '0 to 199' "${recommend[@]}" --items 4,200
printf '3\nfour\n' >"$work/bad.txt"
refuses 65 'bad.txt:2: does not begin with a user' "${recommend[@]}" --users "$work/bad.txt"
refuses 64 '"nobody" is no user: they are 0 to 299' "${recommend[@]}" --users nobody
printf '3\n' | iconv -t utf-16 >"$work/wide.txt"
refuses 65 'wide.txt: has NUL bytes' "${recommend[@]}" --users "$work/wide.txt"
refuses 74 'recommend: --exclude: .*absent' "${recommend[@]}" --exclude "$work/absent"
refuses 64 'format' "${recommend[@]}" --format csv
conclude
