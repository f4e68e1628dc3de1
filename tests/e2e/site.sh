#!/usr/bin/env bash
# docs/build-site: every page is there, in its place, and every link leads somewhere; one that does not is found. Where
# there is a chromium, no page is wider than a phone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
command -v pandoc >/dev/null || { say "skipped: there is no pandoc"; exit 77; }

site=$work/site
quietly "$root/docs/build-site" "$site"
while read -r page; do
  html=${page%.md}.html html=${html/%README.html/index.html}
  [[ -s $site/$html ]] || complain "$page has no page in the site"
  grep -q '<h1' "$site/$html" || complain "$html has no heading"
  grep -q 'aria-current="page"' "$site/$html" || complain "$html does not find itself among the pages"
  ! grep -q '@[A-Z]*@' "$site/$html" || complain "$html: $(grep -o '@[A-Z]*@' "$site/$html" | head -n 1) was left"
done < <(cd "$root" && find docs README.md CONTRIBUTING.md CHANGELOG.md proto/PROTOCOL.md -name '*.md')
# The table of contents leads; whoever reads on comes to the last page.
at=index.html n=0
while next=$(sed -n 's/.*<a href="\([^"]*\)">[^<]* →<\/a>.*/\1/p' "$site/$at") && [[ -n $next ]]; do
  at=$(realpath -m --relative-to="$site" "$site/$(dirname "$at")/$next") n=$((n + 1))
  ((n < 500)) || fail "reading on never ends"
done
((n + 1 == $(grep -c '<li><a href=' <(sed -n '/<nav/,/<\/nav>/p' "$site/index.html")))) || complain "reading on ends at $at, after $n pages"

say "a link that leads nowhere"
mkdir -p "$work/copy"
(cd "$root" && cp -r --parents docs/build-site docs/site README.md CHANGELOG.md LICENSE "$work/copy")
printf '# Pages\n\n| to | read |\n|---|---|\n| see | [one](one.md) |\n' >"$work/copy/docs/README.md"
printf '# plateau\n\n[Pages](docs/README.md)\n' >"$work/copy/README.md"
printf '# Changelog\n' >"$work/copy/CHANGELOG.md"
printf '# One\n\n[here](#one), [there](README.md#pages), [nowhere](two.md), [no heading](README.md#page)\n' >"$work/copy/docs/one.md"
code=0
"$work/copy/docs/build-site" "$work/copy/out" >"$work/out.txt" 2>&1 || code=$?
((code == 1)) || complain "exit $code"
[[ $(grep -c 'there is none$\|no such heading$' "$work/out.txt") == 2 ]] || complain "two links lead nowhere: $(cat "$work/out.txt")"

browser=$(command -v chromium || command -v chromium-browser || true)
if [[ -z $browser ]]; then
  say "not looked at: there is no chromium"
  conclude
  exit
fi
{
  echo '<!doctype html><body><p id=said>'
  (cd "$site" && find . -name '*.html') | while read -r page; do
    echo "<iframe src=\"site/$page\" width=390 height=600></iframe>"
  done
  cat <<'HTML'
<script>
onload = () => {
  const wide = [...document.querySelectorAll("iframe")].filter(f => f.contentDocument.documentElement.scrollWidth > 390);
  document.getElementById("said").textContent =
    "pages " + document.querySelectorAll("iframe").length + " wide:" + wide.map(f => " " + f.getAttribute("src")).join("");
};
</script>
HTML
} >"$work/phones.html"
timeout 100 "$browser" --headless --no-sandbox --disable-gpu --allow-file-access-from-files --user-data-dir="$work/browser" \
  --virtual-time-budget=60000 --dump-dom "file://$work/phones.html" >"$work/dom.html" 2>/dev/null || complain "chromium: exit $?"
said=$(sed -n 's/.*<p id="said">\(pages [^<]*\)<.*/\1/p' "$work/dom.html")
[[ $said == "pages $(find "$site" -name '*.html' | wc -l) wide:" ]] || complain "on a phone: ${said:-nothing was measured}"
conclude
