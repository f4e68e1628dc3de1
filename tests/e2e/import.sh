#!/usr/bin/env bash
# `plateau data import`: tables as people have them, against a twin in Python; ids, splits and cores to the byte, what is
# wrong with line and hint, features by id.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
need_python csv
here=$(dirname "${BASH_SOURCE[0]}")

# table: a CSV whose ids need care: quotes, separators, spaces, other scripts; pairs that are repeated, late and early.
table() {
  awk 'BEGIN { srand(7); print "\"user\",title,item,\"rating\",time"
    for (n = 0; n < 6000; n++) {
      u = int(90 * rand() ^ 1.5); i = int(70 * rand() ^ 2)
      user = u % 9 == 0 ? "\"O'"'"'Neil, \"\"" u "\"\"\"" : u % 7 == 0 ? "Ж" u : u % 5 == 0 ? "00" u : "u " u
      printf "%s,%s,item;%d,%d,%d\n", user, n % 11 == 0 ? "\"a title\nof two lines, \"\"quoted\"\"\"" : "t", i, 1 + int(5 * rand()), 1000 + int(500 * rand())
    } }'
}
table >"$work/table.csv"

# as_twin NAME KIND ORDER K LEAST SEED OPTIONS...: both make a folder of the table.
as_twin() {
  local name=$1 kind=$2 order=$3 k=$4 least=$5 seed=$6
  shift 6
  quietly "$plateau" data import "$work/$name.csv" --user user --item item --rating rating --time time --min-rating "$least" \
    --kcore "$k" --split "$kind" --seed "$seed" -o "$work/out" --force "$@"
  "$python" "$here/import_twin.py" "$work/table.csv" "$kind" "$order" "$k" "$least" "$seed" "$work/twin"
  cmp "$work/twin.inter" "$work/out/out.inter" || complain "$name, $kind by $order, $k-core: other pairs or parts"
  [[ $(wc -l <"$work/twin.inter") -gt 100 ]] || complain "$name, $kind: hardly anything is left to compare"
  # The map is a table of its own: read by a csv reader, as MMRec's is.
  for side in users:u items:i; do
    "$python" - "$work/out/${side#*:}_id_mapping.csv" "$work/twin.${side%:*}" <<'PY' || complain "$name, $kind: other ${side%:*}"
import csv, sys
rows = list(csv.reader(open(sys.argv[1], encoding="utf-8", newline=""), delimiter="\t"))[1:]
sys.exit("".join(f"{name}\t{n}\n" for name, n in rows) != open(sys.argv[2], encoding="utf-8").read())
PY
  done
}

say "splits and cores"
as_twin table ratio random 5 2 1
as_twin table ratio time 3 1 9 --order time
as_twin table leave-one-out random 1 3 4 --order random
as_twin table leave-one-out time 12 1 5
as_twin table time time 4 2 6
as_twin table ratio random 28 1 2 # who is left out takes others along

say "the same table in other clothes"
"$python" - "$work" <<'PY'
import csv, sys
work = sys.argv[1]
rows = list(csv.reader(open(f"{work}/table.csv", newline="", encoding="utf-8")))
def write(name, delimiter, end, bom=False, last=True):
    with open(f"{work}/{name}.csv", "w", newline="", encoding="utf-8-sig" if bom else "utf-8") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    if not last:
        with open(f"{work}/{name}.csv", "rb+") as file:
            file.truncate(file.seek(0, 2) - len(end))
write("crlf", ",", "\r\n", bom=True)
write("semicolons", ";", "\n", last=False)
write("bars", "|", "\n")
with open(f"{work}/tabs.csv", "w", encoding="utf-8") as file:
    for user, _, item, rating, time in rows:
        file.write(f"{time}\t{user}\t{rating}\t{item}\n")
with open(f"{work}/atomic.inter", "w", encoding="utf-8") as file:
    for n, (user, _, item, rating, time) in enumerate(rows):
        file.write("user_id:token\titem_id:token\trating:float\ttimestamp:float\n" if n == 0 else f"{user}\t{item}\t{rating}.0\t{time}\n")
with open(f"{work}/colons.dat", "w", encoding="utf-8") as file:
    for user, _, item, rating, time in rows[1:]:
        file.write(f"{user}::{item}::{rating}::{time}\n")
PY
for name in crlf semicolons bars tabs; do as_twin $name ratio random 5 2 1; done
grep -q 'tabs.csv: 4 columns, separated by tabs, user is column 2 user, item is column 4 item' "$work/quietly.txt" ||
  complain "nothing said of the columns"
same() {
  quietly "$plateau" data import "$@" --min-rating 2 --kcore 5 -o "$work/out" --force
  cmp "$work/twin.inter" "$work/out/out.inter" || complain "$1: other pairs"
}
same "$work/atomic.inter" --rating rating --time timestamp
same "$work/colons.dat" --no-header --user 1 --item 2 --rating 3 --time 4
quietly bash -c '"$1" data import - --rating rating --time timestamp --min-rating 2 --kcore 5 -o "$3" --force <"$2"' _ "$plateau" \
  "$work/atomic.inter" "$work/out"
cmp "$work/twin.inter" "$work/out/out.inter" || complain "standard input: other pairs"

say "a packed one trains to the same"
quietly "$plateau" data import "$work/table.csv" --user user --item item -o "$work/text"
quietly "$plateau" data import "$work/table.csv" --user user --item item -o "$work/packed" --pack
[[ -f $work/packed/packed.pack && ! -f $work/packed/packed.inter ]] || complain "--pack: no pack"
cat >"$work/bpr.yaml" <<YAML
model: {name: bpr, dim: 8}
train: {epochs: 2, batch_size: 512}
YAML
for kind in text packed; do quietly "$plateau" train "$work/bpr.yaml" --set "data.path=$work/$kind" --set "run.dir=$work/run-$kind"; done
[[ $(tables_hash "$work/run-text") == "$(tables_hash "$work/run-packed")" ]] || complain "other tables from the pack"

say "lists"
printf 'a x y z\nb x\nc z y x w\na w\n' >"$work/lists.txt"
quietly "$plateau" data import "$work/lists.txt" --lists -o "$work/lists" --ratios 1,0,0
diff <(cut -f 1,2 "$work/lists/lists.inter" | tail -n +2) <(printf '0\t0\n0\t1\n0\t2\n0\t3\n1\t0\n2\t0\n2\t1\n2\t2\n2\t3\n') ||
  complain "lists: other pairs"

say "features by id"
"$python" - "$work" <<'PY'
import struct, sys
work = sys.argv[1]
items = [line.split("\t")[0] for line in open(f"{work}/twin.items", encoding="utf-8")]
order = items[::-1][:-3] + ["unknown"]
with open(f"{work}/price.csv", "w") as file:
    file.write("id,price,weight\n")
    file.writelines(f"{name},{len(order) - n},{n}.5\n" for n, name in enumerate(order))
with open(f"{work}/ids.txt", "w") as file:
    file.writelines(f"{name}\n" for name in order)
head = "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, 1), }" % len(order)
head += " " * (117 - len(head)) + "\n"
with open(f"{work}/emb.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(order)}d", *[n + 0.25 for n in range(len(order))]))
PY
same "$work/atomic.inter" --rating rating --time timestamp --features "price=$work/price.csv" --features "emb=$work/emb.npy,$work/ids.txt"
grep -q 'price_feat.npy: 2 columns, 3 of [0-9]* items have none' "$work/quietly.txt" || complain "missing items are not told"
grep -q '1 rows of no item' "$work/quietly.txt" || complain "strangers are not told"
"$python" - "$work" <<'PY' || complain "features in another order"
import math, struct, sys
work = sys.argv[1]
items = [line.split("\t")[0] for line in open(f"{work}/twin.items", encoding="utf-8")]
order = items[::-1][:-3] + ["unknown"]
at = {name: n for n, name in enumerate(order)}
def read(name, cols):
    raw = open(f"{work}/out/{name}_feat.npy", "rb").read()
    values = struct.unpack(f"<{len(items) * cols}f", raw[len(raw) - 4 * len(items) * cols:])
    return [values[i * cols:(i + 1) * cols] for i in range(len(items))]
for name, price, emb in zip(items, read("price", 2), read("emb", 1)):
    n = at.get(name)
    wanted = ((len(order) - n, n + 0.5), (n + 0.25,)) if n is not None else None
    if (wanted is None and not all(map(math.isnan, price + emb))) or (wanted is not None and (price, emb) != wanted):
        sys.exit(f"{name}: {price} {emb}, not {wanted}")
PY
quietly "$plateau" data check "$work/out"

say "features that do not fit their ids"
printf 'user,item\nu,x\nu,y\nu,z\n' >"$work/three.csv"
"$python" - "$work" <<'PY'
import struct, sys
nan = float("nan")
for name, values in ("whole", [0, 1, 2, 3, 4, 5]), ("none", [0, 1, nan, nan, 4, 5]), ("half", [0, 1, nan, 3, 4, 5]):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"
    head += " " * (117 - len(head)) + "\n"
    with open(f"{sys.argv[1]}/{name}.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<6f", *values))
PY
printf 'x\ny\nz\n' >"$work/three.ids"
printf 'x\ny\nz\nw\n' >"$work/four.ids"
printf 'x,nan\ny,1\nz,2\n' >"$work/first.csv"
three=("$plateau" data import "$work/three.csv" --user user --item item --force -o "$work/three")
quietly "${three[@]}" --features "f=$work/none.npy,$work/three.ids"
grep -q 'f_feat.npy: 2 columns, 1 of 3 items have none' "$work/quietly.txt" || complain "a row of NaN is told as there"
for case in "half.npy,$work/three.ids:half.npy: row 1 .* NaN or infinite" "whole.npy,$work/four.ids:four.ids: has one id more" \
  'first.csv:first.csv:1: column 2, "nan", is no number'; do
  code=0
  "${three[@]}" --features "f=$work/${case%%:*}" >"$work/said.txt" 2>&1 || code=$?
  ((code == 65)) && grep -qE "${case#*:}" "$work/said.txt" || { complain "exit $code, not told: ${case#*:}"; cat "$work/said.txt"; }
done

# refuse CODE PATTERN ARGUMENTS...: what an import says when it fails.
refuse() {
  local code=$1 pattern=$2 got=0
  shift 2
  "$plateau" data import "$@" >"$work/said.txt" 2>&1 </dev/null || got=$?
  [[ $got == "$code" ]] || complain "exit $got, not $code: import $*"
  grep -qE -- "$pattern" "$work/said.txt" || { cat "$work/said.txt" >&2; complain "no \"$pattern\": import $*"; }
  ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$work/said.txt" || complain "raw bytes on the terminal: import $*"
}

say "bad lines: all of them are counted, the first are told; --skip-bad tolerates"
printf 'user,item\na,x\nb\n"c,y\nd,\n\x1b[31me,x\nf,x,y\ng,\xff\nh,z\n' >"$work/bad.csv"
refuse 65 'bad.csv: 6 bad lines; mend them, or leave them out with --skip-bad 6' "$work/bad.csv" --user user --item item -o "$work/none"
for told in 'bad.csv:3: has 1 of 2 fields' 'bad.csv:4: a quote is not closed' 'bad.csv:5: the item is empty' \
  'bad.csv:6: the user "\\x1B\[31me" has a control character' 'bad.csv:7: has 3 of 2 fields' 'bad.csv:8: the item "\\xFF" is not UTF-8'; do
  grep -q -- "$told" "$work/said.txt" || { cat "$work/said.txt" >&2; complain "not told: $told"; }
done
[[ ! -e $work/none ]] || complain "a failed import leaves a folder"
refuse 65 '6 bad lines' "$work/bad.csv" --user user --item item --skip-bad 5 -o "$work/none"
quietly "$plateau" data import "$work/bad.csv" --user user --item item --skip-bad 6 -o "$work/some"
[[ $(tail -n +2 "$work/some/some.inter" | wc -l) == 2 ]] || complain "--skip-bad: other pairs"
awk 'BEGIN { print "user,item"; for (i = 0; i < 50; i++) print "a" }' >"$work/many.csv"
refuse 65 '50 bad lines, of which the first 10 are told' "$work/many.csv" --user user --item item -o "$work/none"
[[ $(grep -c 'has 1 of 2' "$work/said.txt") == 10 ]] || complain "not ten bad lines told"
refuse 65 '50 bad lines, all of them listed' "$work/many.csv" --user user --item item --bad-lines "$work/list.txt" -o "$work/none"
for line in 2 51; do grep -q "many.csv:$line: has 1 of 2 fields" "$work/list.txt" || complain "line $line is not listed"; done
[[ $(wc -l <"$work/list.txt") == 50 ]] || complain "not all bad lines are listed"
rm "$work/list.txt"
refuse 64 'ratios' "$work/many.csv" --user user --item item --bad-lines "$work/list.txt" --ratios 1 -o "$work/none"
[[ ! -e $work/list.txt ]] || complain "a wrong command makes a file"
refuse 73 'cannot create' "$work/many.csv" --user user --item item --bad-lines "$work/no/list.txt" -o "$work/none"

say "what is refused"
: >"$work/empty.csv"
refuse 65 'empty.csv: the file is empty' "$work/empty.csv" --user user --item item -o "$work/none"
printf 'user,item\n' >"$work/header.csv"
refuse 65 'header.csv: there are no rows' "$work/header.csv" --user user --item item -o "$work/none"
refuse 64 '--user who: there is no such column; the header of .*, separated by commas, has: user, title, item, rating, time' \
  "$work/table.csv" --user who --item item -o "$work/none"
refuse 64 'which column is the user\? --user COLUMN' "$work/table.csv" --item item -o "$work/none"
refuse 64 'separator words: there is no such separator; allowed: tab' "$work/table.csv" --user user --item item --separator words -o "$work/none"
printf 'a,b;c,d\n' >"$work/two.csv"
refuse 64 'by commas or by semicolons; say which' "$work/two.csv" --no-header --user 1 --item 2 -o "$work/none"
refuse 64 '--rating COLUMN and --min-rating R belong together' "$work/table.csv" --user user --item item --rating rating -o "$work/none"
refuse 64 '--split time needs --time' "$work/table.csv" --user user --item item --split time -o "$work/none"
refuse 64 'three shares are wanted' "$work/table.csv" --user user --item item --ratios 0.8,0.2 -o "$work/none"
refuse 64 'nothing is left for training' "$work/table.csv" --user user --item item --ratios 0,1,1 -o "$work/none"
refuse 64 '-o DIR is needed' "$work/table.csv" --user user --item item
refuse 65 'nothing is left of [0-9]+ pairs in which every user and every item has 500' "$work/table.csv" --user user --item item --kcore 500 -o "$work/none"
refuse 65 'cannot open: No such file' "$work/nowhere.csv" --user user --item item -o "$work/none"
gzip -c "$work/table.csv" >"$work/table.csv.gz"
refuse 65 'is compressed \(gzip\); zcat' "$work/table.csv.gz" --user user --item item -o "$work/none"
iconv -f utf-8 -t utf-16 "$work/table.csv" >"$work/wide.csv"
refuse 65 'is UTF-16; iconv' "$work/wide.csv" --user user --item item -o "$work/none"
printf '{"user": "a", "item": "x"}\n' >"$work/lines.json"
refuse 65 'is JSON; as CSV it can be read: jq' "$work/lines.json" --user user --item item -o "$work/none"
refuse 64 'user and --item are both column 1' "$work/table.csv" --user user --item user -o "$work/none"
refuse 73 'is not empty; --force' "$work/table.csv" --user user --item item -o "$work/text"
touch "$work/text/old_feat.npy"
refuse 73 'old_feat.npy: of an older set' "$work/table.csv" --user user --item item -o "$work/text" --force
rm "$work/text/old_feat.npy"
code=0
(ulimit -f 2 && "$plateau" data import "$work/table.csv" --user user --item item -o "$work/text" --force) >"$work/said.txt" 2>/dev/null || code=$?
[[ $code == 74 && ! -s $work/said.txt ]] || complain "a full disk: exit $code, and it says $(cat "$work/said.txt")"
[[ ! -e $work/text/text.inter ]] || complain "old interactions beside new maps after a full disk"
refuse 64 'which row is of which item' "$work/table.csv" --user user --item item --features "emb=$work/emb.npy" -o "$work/none"
printf 'nobody,1\n' >"$work/strange.csv"
refuse 65 'none of its 1 ids is an item' "$work/table.csv" --user user --item item --features "x=$work/strange.csv" -o "$work/none"

say "who meets such a file elsewhere is told of the import"
told() { "$plateau" data check "$1" >"$work/said.txt" 2>&1 && complain "$1 is no data folder"; grep -qE "$2" "$work/said.txt" || complain "not told of the import: $1"; }
mkdir "$work/csvs" "$work/atomic"
cp "$work/table.csv" "$work/csvs"
cp "$work/atomic.inter" "$work/atomic"
told "$work/csvs" 'plateau data import. makes a data folder of a table like table.csv'
told "$work/table.csv" 'is a file; .*of a table .plateau data import. makes one'
told "$work/atomic" "RecBole's: .plateau data import. reads its files"
printf 'userID\titemID\tx_label\nann\t\x1b[31m\t0\n' >"$work/atomic/atomic.inter"
told "$work/atomic" 'userID "ann" is not an id: .*plateau data import. numbers others'
conclude
