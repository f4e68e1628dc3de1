#!/usr/bin/env bash
# The worked example of docs/data.md, as it stands there: from a CSV of strings to a top 10. And names of users and items
# in all commands that take or give them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_python csv

mkdir "$work/bin" "$work/day"
ln -s "$(realpath "$plateau")" "$work/bin/plateau"
awk '/^### From a CSV of strings/ { here = 1 } here && /^```$/ { exit } code { print } here && /^```sh$/ { code = 1 }' \
  "$root/docs/data.md" >"$work/day.sh"
[[ $(wc -l <"$work/day.sh") -gt 10 ]] || fail "docs/data.md has no example"
begin=$(date +%s)
(cd "$work/day" && PATH=$work/bin:$PATH bash -euo pipefail "$work/day.sh" >"$work/out.txt" 2>"$work/err.txt") ||
  { cat "$work/err.txt" >&2; fail "the example of docs/data.md"; }
say "from the CSV to the top 10: $(($(date +%s) - begin)) s"
cd "$work/day"

say "the example says something: readers are shown books of their taste"
awk -F'\t' '$1 ~ /^reader-/ { n++; split($1, user, "-"); hits += substr($2, 2) % 8 == user[2] % 8 }
  END { if (n != 20 || hits < 15) { print n, hits; exit 1 } }' "$work/out.txt" || complain "the top 10 of two readers"
awk -F'\t' '$1 == "B0016" && $2 ~ /^B/ { n++; hits += substr($2, 2) % 8 == 0 } END { exit n != 5 || hits < 3 }' \
  "$work/out.txt" || complain "books like B0016"

# named FILE: a TSV of user and item numbers with their names instead.
named() {
  awk -F'\t' -v OFS='\t' 'FILENAME == ARGV[1] { user[$2] = $1; next } FILENAME == ARGV[2] { item[$2] = $1; next }
    FNR > 1 { $1 = user[$1]; $2 = item[$2] } { print }' my-data/u_id_mapping.csv my-data/i_id_mapping.csv "$1"
}
say "names are the numbers of the maps"
quietly "$plateau" recommend my-run -k 3 -o named.tsv
quietly "$plateau" recommend my-run -k 3 --ids number -o numbers.tsv
cmp <(named numbers.tsv) named.tsv || complain "recommend: other names"
quietly "$plateau" recommend my-run -k 3 --ids number --users 0,5 --exclude 3,9 -o numbers.tsv
name_of() { awk -F'\t' -v n="$2" '$2 == n { print $1 }' "my-data/$1_id_mapping.csv"; }
printf '%s\tsomebody\n%s,x\n' "$(name_of u 5)" "$(name_of u 0)" >users.txt
quietly "$plateau" recommend my-run -k 3 --users users.txt --exclude "$(name_of i 3),$(name_of i 9)" -o named.tsv
cmp <(named numbers.tsv) named.tsv || complain "recommend of a file: other names"
quietly "$plateau" recommend my-run -k 3 --users users.txt --format jsonl -o named.jsonl
"$python" - <<'PY' || complain "jsonl: no names"
import json
rows = [json.loads(line) for line in open("named.jsonl")]
assert len(rows) == 2 and all(r["user"].startswith("reader-") and all(i[0] == "B" for i in r["items"]) for r in rows)
PY
{ echo "user,item"; awk -F'\t' 'NR > 1 { print $1 "," $2 }' named.tsv; } >pairs.csv
quietly "$plateau" score my-run --pairs pairs.csv -o scores.tsv
awk -F'\t' 'FILENAME == ARGV[1] { score[$1, $2] = $4; next } FNR > 1 { n++; d = score[$1, $2] - $3; if (d > 1e-5 || d < -1e-5) exit 1 }
  END { exit n != 6 }' named.tsv scores.tsv || complain "score: other names or scores"
quietly "$plateau" similar my-run --ids number --items 4 -k 3 -o numbers.tsv
quietly "$plateau" similar my-run --items "$(name_of i 4)" -k 3 -o named.tsv
cmp <(awk -F'\t' -v OFS='\t' 'FILENAME == ARGV[1] { item[$2] = $1; next } FNR > 1 { $1 = item[$1]; $2 = item[$2] } { print }' \
  my-data/i_id_mapping.csv numbers.tsv) named.tsv || complain "similar: other names"

say "the folder has moved"
mv my-data moved
quietly "$plateau" recommend my-run --set data.path=moved -k 3 --users users.txt -o again.jsonl --format jsonl
cmp named.jsonl again.jsonl || complain "moved: other recommendations"
mv moved my-data

# refuse CODE PATTERN COMMAND...
refuse() {
  local code=$1 pattern=$2 got=0
  shift 2
  "$plateau" "$@" >"$work/said.txt" 2>&1 </dev/null || got=$?
  [[ $got == "$code" ]] && grep -qE -- "$pattern" "$work/said.txt" || { cat "$work/said.txt" >&2; complain "exit $got: $*"; }
}
say "what is refused"
refuse 64 '"nobody" is not a user of the data, as u_id_mapping.csv names them' recommend my-run --users reader-042,nobody
refuse 65 'users.txt:1: does not begin with an item of the data' recommend my-run --items users.txt
sed '3s/reader/writer/' pairs.csv >other.csv
refuse 65 'other.csv:3: does not begin with a user of the data' score my-run --pairs other.csv
sed -i 2,3d my-data/i_id_mapping.csv
refuse 65 'i_id_mapping.csv:2: the number 0 belongs there' recommend my-run -k 3
quietly "$plateau" recommend my-run -k 3 --ids number -o numbers.tsv
rm my-data/i_id_mapping.csv
refuse 65 'recommend: --ids original: .*i_id_mapping.csv is not there' recommend my-run --ids original
sed -i '$d' my-data/u_id_mapping.csv
refuse 65 'has [0-9]+ names, the data have [0-9]+ users' recommend my-run -k 3
conclude
