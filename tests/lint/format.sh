#!/usr/bin/env bash
# All C sources are as clang-format writes them. Exit 77 (skipped) without clang-format.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v clang-format >/dev/null; then
  echo "skipped: clang-format is not installed"
  exit 77
fi
find common proto ps worker launch include examples tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
