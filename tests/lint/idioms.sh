#!/usr/bin/env bash
# What CONTRIBUTING.md asks of the text of sources ("Code"): the head of a header says which threads may call what is
# declared in it and, where functions return a plt_status_t, which statuses; no goto; no name of a type, macro or
# constant that is defined in two files. Run from anywhere; prints each breach as file:line.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t files < <(find common proto ps worker launch -name '*.[ch]' | sort)
awk '
  function breach(line, what) { printf "%s:%d: %s\n", file, line, what; breaches++ }
  function is_header() { return file ~ /\.h$/ }
  # The entry of `label` in the head, with the lines that go on with it; "" if there is none.
  function entry(label, i, text, found) {
    for (i = 1; i <= n_head; i++) {
      if (head[i] ~ "^ \\* " label " ") found = 1
      else if (head[i] !~ /^ \*  +[^ ]/) found = 0
      if (found) text = text head[i] "\n"
    }
    return text
  }
  function defined(name) {
    if (name in place && place[name] != file) breach(FNR, name " is also defined in " place[name])
    place[name] = file
  }
  function end_file(base) {
    if (file == "" || !is_header()) return
    base = file
    sub(/.*\//, "", base)
    if (index(head[1], "/* " base " - ") != 1) breach(1, "begins with: /* " base " - what it is")
    if (has_functions && entry("Threads") == "") breach(1, "the head lacks Threads: who may call these functions")
    if (has_statuses && entry("Errors") !~ /PLT_ERR_|plt_|\.h/) breach(1, "the head lacks Errors: the statuses that its functions return")
  }
  FNR == 1 { end_file(); file = FILENAME; n_head = has_functions = has_statuses = in_enum = 0; split("", head); in_head = 1; n_files++ }
  in_head { head[++n_head] = $0; if (/\*\//) in_head = 0; next }
  is_header() && /^[a-z].*[ *(]plt_[a-z0-9_]+\)?\(/ { has_functions = 1 }
  is_header() && /^ *(typedef )?plt_status_t \(?\*?\(?\*?[a-z_]/ && /\(/ { has_statuses = 1 }
  /^#define PLT_/ { name = $2; sub(/\(.*/, "", name); if (name !~ /_H$/) defined(name) }
  match($0, /^} plt_[a-z0-9_]+_t;/) { defined(substr($0, 3, RLENGTH - 3)) }
  match($0, /^typedef [^{]*[ (*]plt_[a-z0-9_]+\)?(;|\()/) && $0 !~ /^typedef (struct|union|enum) / {
    name = substr($0, 1, RLENGTH - 1); gsub(/\)/, "", name); sub(/.*[ (*]/, "", name); defined(name)
  }
  /enum( plt_[a-z_]+)? \{/ { in_enum = 1 }
  in_enum {
    text = $0
    sub(/.*\{/, "", text)
    gsub(/\/\*.*/, "", text)
    n_parts = split(text, part, ",")
    for (i = 1; i <= n_parts; i++) if (match(part[i], /^ *PLT_[A-Z0-9_]+/)) {
      name = substr(part[i], 1, RLENGTH); sub(/ +/, "", name); defined(name)
    }
  }
  /\}/ { in_enum = 0 }
  /(^|[^A-Za-z0-9_"])goto [a-z_]+;/ { breach(FNR, "goto: chain statuses, or make a function of what may fail") }
  END {
    end_file()
    if (n_files == 0) { print "no files"; breaches++ }
    if (breaches) exit 1
    print "idioms: clean"
  }' "${files[@]}"
