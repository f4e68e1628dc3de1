#!/usr/bin/env bash
# What comments and pages point to is there: pages and their sections, links and their anchors, files, functions and
# options that are named. Run from anywhere; prints each breach as file:line.
#
#   in a comment   docs/methods/optimizers.md 4.1          page and number of a section
#                  proto/PROTOCOL.md, "Delivery"           page and heading
#   in a page      [text](optimizers.md#4-adam)            relative link, with or without anchor
#                  `ps/table/table.c`, `table.c`           a file, by its path or its name
#                  `plt_table_step()`, `serve()`           a function or type of the source
#                  `serve()` (`ps/server/server.c`)        and the file that it stands in
#                  `train.micro_batch`                     an option of docs/configuration.md
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."

breaches=0 checked=0
complain() { echo "$1: $2"; breaches=$((breaches + 1)); }

sources() { find common proto ps worker launch include tests cmake packaging CMakeLists.txt .ci examples -type f "$@" -not -path '*/golden/*' \
  -not -path '*/corpus/*' | sort; }
mapfile -t code < <(sources \( -name '*.[ch]' -o -name '*.sh' -o -name '*.cmake' -o -name 'CMakeLists.txt' -o -name '*.proto' \
  -o -name '*.yaml' -o -name run -o -name quickstart -o -name install-packages -o -name '*.sbatch' \) |
  grep -vE '^tests/(lint/citations|e2e/site).sh$') # which name pages that are none
mapfile -t pages < <(find . -name '*.md' -not -path './build/*' -not -path './.git/*' -not -path '*/golden/*' | sed 's|^\./||' | sort)
((${#code[@]} > 100 && ${#pages[@]} > 10))

# ---- headings of pages: "page#anchor", "page#number", "page#"heading -> 1 ----
declare -A heading
slug() { # sets anchor, as GitHub makes them
  anchor=${1,,}
  anchor=${anchor//[^[:alnum:] _-]/}
  anchor=${anchor// /-}
}
read_headings() {
  local page=$1 line text number anchor fence='' n
  declare -A seen=()
  while IFS= read -r line; do
    [[ $line == '```'* ]] && { [[ -z $fence ]] && fence=1 || fence=''; }
    [[ -z $fence && $line =~ ^#+\ +(.*)$ ]] || continue
    text=${BASH_REMATCH[1]//\`/}
    slug "$text"
    n=${seen[$anchor]:-0}
    seen[$anchor]=$((n + 1))
    ((n == 0)) || anchor+=-$n
    heading["$page#$anchor"]=1
    if [[ $text =~ ^([0-9]+(\.[0-9]+)*)\.?\ +(.*)$ ]]; then
      heading["$page#number ${BASH_REMATCH[1]}"]=1
      text=${BASH_REMATCH[3]}
    fi
    heading["$page#text $text"]=1
  done <"$page"
}
for page in "${pages[@]}"; do read_headings "$page"; done

# found PATTERN FILE...: "file:line:match" of every match.
found() {
  local pattern=$1
  shift
  grep -noHE -- "$pattern" "$@" /dev/null || true
}

# ---- pages that no reader of the project has ----
while IFS=: read -r file line match; do
  complain "$file:$line" "$match is no page of the project"
done < <(found '\b(METHOD[S]|DESIG[N]|MECHANISM[S]|STYL[E])\b' "${code[@]}" "${pages[@]}")

# ---- pages cited with a section ----
while IFS=: read -r file line match; do
  checked=$((checked + 1))
  page=${match%%.md*}.md rest=${match#*.md}
  if [[ ! -f $page ]]; then
    complain "$file:$line" "there is no $page"
  elif [[ $rest =~ ^\ ([0-9.]+)$ ]]; then
    number=${BASH_REMATCH[1]%.}
    [[ -n ${heading["$page#number $number"]:-} ]] || complain "$file:$line" "$page has no section $number"
  elif [[ $rest == ', "'* ]]; then
    text=${rest#', "'} text=${text%\"}
    [[ $rest == *\" && -n ${heading["$page#text $text"]:-} ]] || complain "$file:$line" "$page has no heading \"$text\""
  fi
done < <(found '\b((docs|proto|tests)/[A-Za-z0-9_/-]+|README|CONTRIBUTING|CHANGELOG)\.md( [0-9]+(\.[0-9]+)*|, "[^"]*"?)?' \
  "${code[@]}" "${pages[@]}")
while IFS=: read -r file line match; do
  complain "$file:$line" "$match: pages are cited by their path from the top, like docs/cluster.md"
done < <(found '(^|[^A-Za-z0-9_/.$-])[A-Za-z0-9_-]+\.md\b' "${code[@]}" | grep -vE '(README|CONTRIBUTING|CHANGELOG)\.md$')

# resolve FILE TARGET: sets path, from the top, of what FILE calls TARGET.
resolve() {
  local part parts
  path=/
  [[ $1 != */* ]] || path=/${1%/*}/
  IFS=/ read -ra parts <<<"$2"
  for part in "${parts[@]}"; do
    case $part in
      .. ) path=${path%/*/}/ ;;
      . | "") ;;
      *) path+=$part/ ;;
    esac
  done
  path=${path%/} path=${path#/}
}

# ---- links ----
while IFS=: read -r file line match; do
  target=${match#"]("} target=${target%)}
  [[ $target != *://* && $target != mailto:* ]] || continue
  checked=$((checked + 1))
  path=${target%%#*} anchor=''
  [[ $target != *#* ]] || anchor=${target#*#}
  if [[ -z $path ]]; then
    path=$file
  else
    resolve "$file" "$path"
  fi
  if [[ ! -e $path ]]; then
    complain "$file:$line" "link to $target: there is no $path"
  elif [[ -n $anchor && -z ${heading["$path#$anchor"]:-} ]]; then
    complain "$file:$line" "link to $target: $path has no heading with that anchor"
  fi
done < <(found '\]\([^) ]+\)' "${pages[@]}")

# ---- files, functions and options named in pages; the changelog tells of what was ----
mapfile -t living < <(printf '%s\n' "${pages[@]}" | grep -v '^CHANGELOG\.md$')
declare -A named library word option shown
# A path alone in its line stands above a file that the page itself holds (docs/extending.md).
while IFS= read -r path; do shown[$path]=1; done < <(grep -hoE '^`[a-z0-9_/]+\.c`$' "${living[@]}" | tr -d '`')
while IFS= read -r path; do named["${path##*/}"]=1; done < <(find common proto ps worker launch include tests docs examples cmake packaging -type f)
while IFS= read -r name; do library[$name]=1; done < <(grep -ohE "<[a-z0-9_/-]+\.h>" "${code[@]}" | tr -d "<>" | sed "s|.*/||" | sort -u)
while IFS= read -r name; do word[$name]=1; done < <(grep -ohwE '[a-z][a-z0-9_]+' "${code[@]}" | sort -u)
while IFS= read -r name; do option[$name]=1; done < <(grep -oE '^\| `[a-z0-9_.]+`' docs/configuration.md | tr -d '|` ')
while IFS=: read -r file line match; do
  name=${match//\`/}
  if [[ $name =~ ^(common|proto|ps|worker|launch|include|tests|docs|examples|cmake|packaging)/[A-Za-z0-9_/.+-]*$ && ! $name =~ [A-Z]{4} ]]; then
    [[ -e $name || -e $name.c || -n ${shown[$name]:-} ]] || complain "$file:$line" "there is no $name"
  elif [[ $name =~ ^[a-z][a-z0-9_]*\.(c|h|sh|proto|cmake)$ ]]; then
    [[ -n ${named[$name]:-} || -n ${library[$name]:-} ]] || complain "$file:$line" "no file is called $name"
  elif [[ $name =~ ^([a-z][a-z0-9_]*)\(\)$ || $name =~ ^(plt_[a-z0-9_]+)$ ]]; then
    [[ -n ${word[${BASH_REMATCH[1]}]:-} ]] || complain "$file:$line" "nothing in the source is called ${BASH_REMATCH[1]}"
  elif [[ $name =~ ^(run|data|model|strategy|optimizer|train|eval|init|cluster|checkpoint)\.[a-z0-9_]+$ &&
    ! $name =~ \.(c|h|py|json|jsonl|txt|yaml|npy)$ ]]; then
    [[ -n ${option[$name]:-} ]] || complain "$file:$line" "there is no option $name"
  else
    continue
  fi
  checked=$((checked + 1))
done < <(found '`[^` ]+`' "${living[@]}")

# ---- functions in files: `name()` (`file`, ... ----
while IFS=: read -r file line match; do
  checked=$((checked + 1))
  name=${match%%(*} name=${name//\`/} place=${match##*(} place=${place//\`/}
  [[ $place == *.[ch] ]] || continue
  mapfile -t places < <(printf "%s\n" "${code[@]}" | grep -E "(^|/)$place$" || true)
  ((${#places[@]} > 0)) || continue # told above
  grep -qw -- "$name" "${places[@]}" || complain "$file:$line" "$place has no $name()"
done < <(found "\`[a-z][a-z0-9_]*\(\)\` \(\`[^\` ]+\`" "${living[@]}")

# ---- files named in comments ----
mapfile -t c_files < <(printf '%s\n' "${code[@]}" | grep -E '\.[ch]$')
while IFS=: read -r file line name; do
  checked=$((checked + 1))
  [[ -n ${named[${name##*/}]:-} ]] || complain "$file:$line" "no file is called $name"
done < <(awk '/^#/ { next }
  { text = ""; if (match($0, /\/\*.*/)) text = substr($0, RSTART); else if ($0 ~ /^ \*/) text = $0
    while (match(text, /[a-z][a-z0-9_\/]*\.(c|h|sh|proto|cmake)([^a-zA-Z0-9_]|$)/)) {
      name = substr(text, RSTART, RLENGTH); sub(/[^a-z]$/, "", name)
      print FILENAME ":" FNR ":" name
      text = substr(text, RSTART + RLENGTH) } }' "${c_files[@]}")

((breaches == 0)) && echo "citations: $checked, all there"
((breaches == 0))
