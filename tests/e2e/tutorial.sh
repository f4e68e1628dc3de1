#!/usr/bin/env bash
# The pages of the tutorial, as they stand there: every command of tutorial-$1.md, in its order, in an empty directory; then
# what has come out. engineer: and names of users and items in all commands that take or give them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_python csv

page=docs/tutorial-$1.md missing=
for command in gnuplot mpirun curl; do command -v "$command" >/dev/null || missing+=" $command"; done
"$python" -c 'import hnswlib' 2>/dev/null || missing+=" hnswlib"
mkdir "$work/bin" "$work/day"
ln -s "$(realpath "$plateau")" "$work/bin/plateau"
printf '#!/bin/sh\nexec %s "$@"\n' "$python" >"$work/bin/python3" && chmod +x "$work/bin/python3"
export PATH=$work/bin:$PATH PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1 PORT=$((20000 + RANDOM % 10000))
page_script "$page" "$missing" >"$work/day.sh"
(($(wc -l <"$work/day.sh") > 60)) || fail "$page has hardly a command"
begin=$(date +%s)
cd "$work/day"
bash "$work/day.sh" >"$work/out.txt" 2>"$work/err.txt" </dev/null || { tail -n 20 "$work/err.txt" >&2; fail "$page"; }
say "$page: $(($(date +%s) - begin)) s${missing:+, without$missing}"

lacks() { [[ " $missing " == *" $1 "* ]]; }
told() { grep -qE -- "$1" "$work/out.txt" || complain "nothing printed is like $1"; }
# final_of RUN: its last event final, without seconds.
final_of() { grep '"event": "final"' "$1/metrics.jsonl" | tail -n 1 | sed -E 's/"(seconds|eval_s)": [^,]*, //g'; }

researcher() {
  say "what has come out"
  told '^0 errors, 0 warnings$'
  for thing in config.yaml metrics.jsonl checkpoints/last checkpoints/best logs; do
    [[ -e runs/first/$thing ]] || complain "a run has no $thing"
  done
  [[ $(plateau runs runs --format csv | grep -c ',finished,') == 11 ]] || complain "not eleven runs that are finished"
  [[ $(final_of runs/first) == $(final_of runs/again) && -n $(final_of runs/again) ]] || complain "again: another result"
  told '^the same bits$'
  for group in A,plain B,bsam C,mirror; do
    grep -qE "^$group,.*,test,recall@20,3,0\\.[0-9]+,0\\." compared.csv || complain "compared.csv: no group $group of 3 seeds"
  done
  told '^B - A +recall@20 +[0-9]+ '
  told '^4 trials of each strategy; chosen by validation recall@20, with seed 1$'
  (($(wc -l <trials.csv) == 9)) || complain "trials.csv: not 8 trials"
  for strategy in plain bsam mirror; do
    grep -q '"ascent"' runs/$strategy-1/sharpness.json || complain "$strategy: no sharpness"
    lacks gnuplot || grep -q "$strategy-1" landscapes.svg || complain "the picture of landscapes has no $strategy-1"
  done
  lacks gnuplot || grep -q '</svg>' robustness.svg || complain "no picture of robustness"
  for title in 'validation recall@20' 'runs/bsam-1 landscape.json' 'recall@20 with noisy features' 'rise of the loss, ascent'; do
    grep -qF "y=\"14\">$title</text>" report.html || complain "the report has no picture of $title"
  done

  say "MMRec's names"
  local theirs ours theirs_of ours_of n=0 i
  while IFS='|' read -r _ theirs ours _; do
    mapfile -t theirs_of < <(grep -oE '`[^`]*`' <<<"$theirs" | tr -d '`')
    mapfile -t ours_of < <(grep -oE '`[^`]*`' <<<"$ours" | tr -d '`')
    for i in "${!theirs_of[@]}"; do
      n=$((n + 1))
      plateau train shop.yaml --set "${theirs_of[i]}=1" >"$work/told.txt" 2>&1 && complain "${theirs_of[i]} is an option"
      grep -qF "did you mean ${ours_of[i]}?" "$work/told.txt" || complain "${theirs_of[i]}: $(cat "$work/told.txt")"
    done
  done < <(sed -n '/^| MMRec | plateau |/,/^$/p' "$root/docs/from-mmrec.md" | sed 1,2d)
  ((n > 15)) || complain "only $n names of MMRec's in docs/from-mmrec.md"
}

engineer() {
  say "what has come out"
  told '^killed: 137$'
  grep -qE '^plateau: going on with epoch [0-9]+ from checkpoint' "$work/err.txt" || complain "the killed run did not go on"
  [[ $(final_of runs/whole) == $(final_of runs/books) && -n $(final_of runs/books) ]] || complain "killed and resumed: another result"
  told '^the same bits$'
  lacks mpirun || told '^the same bits on 5 ranks$'
  [[ $(tables_hash "$PWD/runs/threads") == $(tables_hash "$PWD/runs/whole") ]] || complain "2 servers, 3 workers: other bits"
  awk -F'\t' 'NF == 4 && $1 ~ /^reader-(042|007)$/ { n++; split($1, user, "-"); hits += substr($2, 2) % 8 == user[2] % 8 }
    END { if (n != 20 || hits < 15) { print n, hits; exit 1 } }' "$work/out.txt" || complain "the top 10 of two readers are not of their taste"
  awk -F'\t' '$1 == "B0016" && $2 ~ /^B/ { n++; hits += substr($2, 2) % 8 == 0 } END { exit n != 5 || hits < 3 }' \
    "$work/out.txt" || complain "books like B0016"
  for top in untrained new; do
    awk -F'\t' '$1 == "reader-615" { n++; hits += substr($2, 2) % 8 == 7 } END { exit n != 10 || hits < 5 }' $top.tsv ||
      complain "the top 10 of a reader who is new: $(cat $top.tsv)"
  done
  lacks hnswlib || lacks curl || "$python" - <<'PY' || complain "what is served is not what is recommended"
import json
best = [line.split("\t")[1] for line in open("top.tsv") if line.startswith("reader-042\t")]
answer = json.load(open("answer.json"))
assert len(answer) == 10 and len(set(answer) & set(best)) >= 9, (answer, best)
PY
  names
}

# named FILE: a TSV of user and item numbers with their names instead.
named() {
  awk -F'\t' -v OFS='\t' 'FILENAME == ARGV[1] { user[$2] = $1; next } FILENAME == ARGV[2] { item[$2] = $1; next }
    FNR > 1 { $1 = user[$1]; $2 = item[$2] } { print }' books/u_id_mapping.csv books/i_id_mapping.csv "$1"
}
name_of() { awk -F'\t' -v n="$2" '$2 == n { print $1 }' "books/$1_id_mapping.csv"; }
# refuse CODE PATTERN COMMAND...
refuse() {
  local code=$1 pattern=$2 got=0
  shift 2
  "$plateau" "$@" >"$work/said.txt" 2>&1 </dev/null || got=$?
  [[ $got == "$code" ]] && grep -qE -- "$pattern" "$work/said.txt" || { cat "$work/said.txt" >&2; complain "exit $got: $*"; }
}

names() {
  say "names are the numbers of the maps"
  local recommend=("$plateau" recommend runs/books -k 3)
  quietly "${recommend[@]}" -o named.tsv
  quietly "${recommend[@]}" --ids number -o numbers.tsv
  cmp <(named numbers.tsv) named.tsv || complain "recommend: other names"
  quietly "${recommend[@]}" --ids number --users 0,5 --exclude 3,9 -o numbers.tsv
  printf '%s\tsomebody\n%s,x\n' "$(name_of u 5)" "$(name_of u 0)" >users.txt
  quietly "${recommend[@]}" --users users.txt --exclude "$(name_of i 3),$(name_of i 9)" -o named.tsv
  cmp <(named numbers.tsv) named.tsv || complain "recommend of a file: other names"
  quietly "${recommend[@]}" --users users.txt --format jsonl -o named.jsonl
  "$python" - <<'PY' || complain "jsonl: no names"
import json
rows = [json.loads(line) for line in open("named.jsonl")]
assert len(rows) == 2 and all(r["user"].startswith("reader-") and all(i[0] == "B" for i in r["items"]) for r in rows)
PY
  { echo "user,item"; awk -F'\t' 'NR > 1 { print $1 "," $2 }' named.tsv; } >pairs.csv
  quietly "$plateau" score runs/books --pairs pairs.csv -o scores.tsv
  awk -F'\t' 'FILENAME == ARGV[1] { score[$1, $2] = $4; next }
    FNR > 1 { n++; d = score[$1, $2] - $3; if (d > 1e-5 || d < -1e-5) exit 1 } END { exit n != 6 }' named.tsv scores.tsv ||
    complain "score: other names or scores"
  quietly "$plateau" similar runs/books --ids number --items 4 -k 3 -o numbers.tsv
  quietly "$plateau" similar runs/books --items "$(name_of i 4)" -k 3 -o named.tsv
  cmp <(awk -F'\t' -v OFS='\t' 'FILENAME == ARGV[1] { item[$2] = $1; next } FNR > 1 { $1 = item[$1]; $2 = item[$2] } { print }' \
    books/i_id_mapping.csv numbers.tsv) named.tsv || complain "similar: other names"

  say "the folder has moved"
  mv books moved
  quietly "${recommend[@]}" --set data.path=moved --users users.txt -o again.jsonl --format jsonl
  cmp named.jsonl again.jsonl || complain "moved: other recommendations"
  mv moved books

  say "what is refused"
  refuse 64 '"nobody" is not a user of the data, as u_id_mapping.csv names them' recommend runs/books --users reader-042,nobody
  refuse 65 'users.txt:1: does not begin with an item of the data' recommend runs/books --items users.txt
  sed '3s/reader/writer/' pairs.csv >other.csv
  refuse 65 'other.csv:3: does not begin with a user of the data' score runs/books --pairs other.csv
  sed -i 2,3d books/i_id_mapping.csv
  refuse 65 'i_id_mapping.csv:2: the number 0 belongs there' recommend runs/books -k 3
  quietly "${recommend[@]}" --ids number -o numbers.tsv
  rm books/i_id_mapping.csv
  refuse 65 'recommend: --ids original: .*i_id_mapping.csv is not there' recommend runs/books --ids original
  sed -i '$d' books/u_id_mapping.csv
  refuse 65 'has [0-9]+ names, the data have [0-9]+ users' recommend runs/books -k 3
}

"$1"
conclude
