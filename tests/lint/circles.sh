#!/usr/bin/env bash
# No circles between object files, nor between rooms, by the symbols that they define and use: what one finds by reading
# #includes misses a header that two sources share. Arguments: a file that lists the objects, one a line (CMake writes
# it). Prints each circle with the symbols of each of its steps.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t objects <"$1"
nm -A -g "${objects[@]}" | awk '
  # LAYER/CMakeFiles/TARGET.dir/./ROOM/x.c.o is LAYER/ROOM/x.c.
  function source(object) {
    sub(/\.o:.*/, "", object)
    if (match(object, /[a-z]+\/CMakeFiles\/[^\/]*\.dir\//)) object = substr(object, RSTART)
    sub(/CMakeFiles\/[^\/]*\.dir\/(\.\/)?/, "", object)
    return object
  }
  function room(file) { sub(/\/[^\/]*$/, "", file); return file }
  function add(g, from, to, symbol, key) {
    if (from == to) return
    key = g SUBSEP from SUBSEP to
    if (!(key in symbols)) {
      out[g, from, ++n_out[g, from]] = to
      edge_from[g, ++n_edges[g]] = from
      edge_to[g, n_edges[g]] = to
    }
    if (index(symbols[key] " ", " " symbol " ") == 0) symbols[key] = symbols[key] " " symbol
  }
  # The shortest way from -> ... -> to by breadth-first search, in way[1..length]; 0 if there is none.
  function shortest(g, from, to, queue, head, tail, before, node, next_node, i, n) {
    queue[tail = 1] = from
    before[from] = ""
    for (head = 1; head <= tail; head++) {
      node = queue[head]
      if (node == to) {
        for (n = 0; node != ""; node = before[node]) n++
        i = n
        for (node = to; node != ""; node = before[node]) way[i--] = node
        return n
      }
      for (i = 1; i <= n_out[g, node]; i++) {
        next_node = out[g, node, i]
        if (next_node in before) continue
        before[next_node] = node
        queue[++tail] = next_node
      }
    }
    return 0
  }
  # Each edge that lies in a circle, with the shortest way back: each circle once, whichever edge it was found by.
  function report(g, e, i, n, first, name, text, at, to) {
    for (e = 1; e <= n_edges[g]; e++) {
      n = shortest(g, edge_to[g, e], edge_from[g, e])
      if (n == 0) continue
      first = 1
      for (i = 2; i <= n; i++) if (way[i] < way[first]) first = i
      name = text = ""
      for (i = 0; i < n; i++) {
        at = way[(first + i - 1) % n + 1]
        to = way[(first + i) % n + 1]
        name = name (i ? " -> " : "") at
        text = text "  " at " uses" symbols[g, at, to] " of " to "\n"
      }
      if ((g, name) in seen) continue
      seen[g, name] = 1
      printf "a circle of %s: %s -> %s\n%s", g, name, way[first], text
      circles++
    }
  }
  { file = source($1); is_source[file] = 1 }
  $NF ~ /^(malloc|calloc|realloc|aligned_alloc|posix_memalign|mmap|mmap64|pthread_create)$/ { next } # launch/host/exhausted.h
  $(NF - 1) ~ /^[TDBRVWC]$/ { where[$NF] = file }
  $(NF - 1) == "U" { use_file[++uses] = file; use_symbol[uses] = $NF }
  END {
    for (i = 1; i <= uses; i++) if (use_symbol[i] in where) {
      add("files", use_file[i], where[use_symbol[i]], use_symbol[i])
      add("rooms", room(use_file[i]), room(where[use_symbol[i]]), use_symbol[i])
    }
    report("files")
    report("rooms")
    for (file in is_source) files++
    if (n_edges["files"] == 0) {
      print "no symbols in " files + 0 " objects"
      circles++
    }
    if (circles) exit 1
    printf "circles: none among %d files\n", files
  }'
