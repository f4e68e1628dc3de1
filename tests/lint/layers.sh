#!/usr/bin/env bash
# The rules of the tree, as the tables of CONTRIBUTING.md state them: which room may include which, which library
# belongs to which room. And two that need no table: no exit and no environment reads outside launch/. Run from
# anywhere; prints each breach as file:line.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t files < <(find common proto ps worker launch tests -name '*.[ch]' | sort)
awk -v folders="$(printf '%s\n' "${files[@]%/*}" | sort -u)" '
  function breach(where, what) { printf "%s: %s\n", where, what; breaches++ }
  function room_of(path) { return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : "" }
  function in_layers(path) { return path ~ /^(common|proto|ps|worker|launch)(\/|$)/ }
  # cell(n): the n-th cell of a row of a Markdown table, without the marks of code.
  function cell(n, text) {
    split($0, columns, /[ \t]*\|[ \t]*/)
    text = columns[n + 1]
    gsub(/`/, "", text)
    return text
  }
  # May files of room `a` include those of room `b`? The grant is "b" itself or "layer/*".
  function allowed(a, b, layer) {
    layer = b
    sub(/\/.*/, "", layer)
    if ((a, b) in grant) { used[a, b] = 1; return 1 }
    if ((a, layer "/*") in grant) { used[a, layer "/*"] = 1; return 1 }
    return 0
  }
  function read_room(room, list, n, i) {
    room = cell(1)
    row[room] = FNR
    n_rooms++
    list = cell(3)
    if (list == "nothing") return
    n = split(list, names, /,[ \t]*/)
    for (i = 1; i <= n; i++) grant[room, names[i]] = FNR
  }
  # Headers are globs, as a shell has them.
  function read_library(headers, rooms, patterns, n, i) {
    headers = cell(2)
    gsub(/\./, "\\.", headers)
    gsub(/\*/, ".*", headers)
    n = split(headers, patterns, /,[ \t]*/)
    rooms = cell(3)
    for (i = 1; i <= n; i++) {
      n_libraries++
      library[n_libraries] = "^" patterns[i] "$"
      allowance[n_libraries] = rooms
    }
    n = split(rooms, names, /,[ \t]*/)
    for (i = 1; i <= n; i++) if (!(names[i] in is_folder)) breach("CONTRIBUTING.md:" FNR, "there is no folder " names[i])
  }
  # The rooms that `room` may include, with those that these may: none twice on the way.
  function walk(room, pair, two) {
    if (state[room] == 2) return
    if (state[room] == 1) { breach("CONTRIBUTING.md:" row[room], "by the table " room " may include itself by way of others"); return }
    state[room] = 1
    for (pair in direct) {
      split(pair, two, SUBSEP)
      if (two[1] == room) walk(two[2])
    }
    state[room] = 2
  }
  # Grants of whole layers become pairs of rooms; every name must be a row.
  function check_table(pair, two, room, layer) {
    for (pair in grant) {
      split(pair, two, SUBSEP)
      if (two[2] ~ /\/\*$/) {
        layer = substr(two[2], 1, length(two[2]) - 2)
        for (room in row) if (room == layer || index(room, layer "/") == 1) direct[two[1], room] = 1
      } else if (two[2] in row) direct[pair] = 1
      else breach("CONTRIBUTING.md:" grant[pair], "there is no row of a room " two[2])
      if (!(pair in used)) breach("CONTRIBUTING.md:" grant[pair], "no file of " two[1] " includes any of " two[2] ": take it out of the row")
    }
    for (room in row) if (!(room in is_folder)) breach("CONTRIBUTING.md:" row[room], "there are no sources in a folder " room)
    for (room in row) walk(room)
    for (room in is_folder) if (in_layers(room) && !(room in row)) breach(room, "lacks its row in the table of rooms of CONTRIBUTING.md")
  }
  function check_include(path, quoted, room, i) {
    room = room_of(FILENAME)
    for (i = 1; i <= n_libraries; i++)
      if (path ~ library[i] && index(", " allowance[i] ",", ", " room ",") == 0) breach(FILENAME ":" FNR, path " only in " allowance[i])
    if (!quoted || path !~ /\// || !(room in row) || room_of(path) == room) return
    if (!(room_of(path) in is_folder)) breach(FILENAME ":" FNR, "no sources in the folder of " path)
    else if (!allowed(room, room_of(path))) breach(FILENAME ":" FNR, room " may not include " path " (table of rooms in CONTRIBUTING.md)")
  }
  # The line without its comments; `comment` says whether it ends inside one.
  function code(line, out, at) {
    out = ""
    while (line != "") {
      if (comment) {
        at = index(line, "*/")
        if (at == 0) return out
        line = substr(line, at + 2)
        comment = 0
      } else {
        at = match(line, /\/[*\/]/)
        if (at == 0) return out line
        out = out substr(line, 1, at - 1)
        if (substr(line, at, 2) == "//") return out
        line = substr(line, at + 2)
        comment = 1
      }
    }
    return out
  }
  BEGIN { n = split(folders, names, "\n"); for (i = 1; i <= n; i++) is_folder[names[i]] = 1 }
  FNR == 1 { comment = 0; heading = "" }
  FILENAME == "CONTRIBUTING.md" {
    if (/^\|/) {
      if (heading == "") heading = cell(1)
      else if ($0 !~ /^\|-/ && heading == "room") read_room()
      else if ($0 !~ /^\|-/ && heading == "library") read_library()
    } else heading = ""
    next
  }
  { line = /[*\/]/ || comment ? code($0) : $0 }
  line ~ /^[ \t]*#[ \t]*include[ \t]*["<]/ { split(line, parts, /["<>]/); check_include(parts[2], line ~ /"/); next }
  FILENAME !~ /^(launch|tests)\// {
    if (line ~ /(^|[^A-Za-z0-9_])(exit|_exit|quick_exit)[ \t]*\(/) breach(FILENAME ":" FNR, "exit outside launch/")
    if (line ~ /(^|[^A-Za-z0-9_])((secure_)?getenv[ \t]*\(|environ([^A-Za-z0-9_]|$))/) breach(FILENAME ":" FNR, "environment read outside launch/")
  }
  END {
    if (n_rooms == 0 || n_libraries == 0) breach("CONTRIBUTING.md", "lacks the table of rooms or that of libraries")
    check_table()
    if (breaches) exit 1
    print "layers: clean"
  }' CONTRIBUTING.md "${files[@]}"
