/* page.c - see page.h. */
#include "launch/runs/page.h"

/* Eight colours that differ for the colour-blind too (after Okabe and Ito), lighter on dark ground. */
static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c1e21;--dim:#5c6370;--line:#d9dce1;--box:#f6f7f9;"
    "--c0:#0068b4;--c1:#c94f00;--c2:#00825d;--c3:#b0508a;--c4:#9a6700;--c5:#17a2b8;--c6:#6f4bb8;--c7:#6b7280}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e4e6ea;--dim:#9aa1ad;--line:#343941;--box:#1e2125;"
    "--c0:#58aef0;--c1:#ff9150;--c2:#3cc79b;--c3:#e58fc2;--c4:#e0b040;--c5:#c7e3f4;--c6:#b59cf2;--c7:#a5acb8}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:76rem;padding:0 1rem 3rem;background:var(--bg);"
    "color:var(--fg);font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem;margin:1.2rem 0 0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid "
    "var(--line)}p{margin:.4rem 0;color:var(--dim)}\n"
    ".wide{overflow-x:auto;margin:.5rem 0}table{border-collapse:collapse;font-size:.875rem;"
    "font-variant-numeric:tabular-nums}th,td{padding:.25rem .7rem .25rem 0;text-align:left;white-space:nowrap;"
    "border-bottom:1px solid var(--line)}th{color:var(--dim);font-weight:600}.r{text-align:right}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:1rem;margin:.6rem 0}"
    "svg{width:100%;height:auto;background:var(--box);border-radius:6px;padding:6px}\n"
    ".h{font:600 13px system-ui,sans-serif;fill:var(--fg)}.t{font:11px system-ui,sans-serif;fill:var(--dim)}"
    ".g{stroke:var(--line)}.m{stroke:var(--c1);stroke-dasharray:3 3}.o{fill:none;stroke:var(--line)}.c{fill:none;"
    "stroke:var(--fg)}.l{fill:none;stroke-width:1.8;stroke-linejoin:round}path.dash{stroke-dasharray:5 3}\n"
    ".keys{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.875rem}.k i{display:inline-block;width:.8em;"
    "height:.8em;border-radius:2px;margin-right:.4em}.k i.dash{border-radius:50%}\n"
    ".row{display:flex;align-items:center;gap:.6rem;margin:.25rem 0;font-size:.875rem}.row>span{flex:0 0 "
    "min(38%,16rem);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.bar{flex:1;display:flex;height:1.1rem;"
    "border-radius:3px;overflow:hidden;background:var(--box)}.bar i{display:block}\n"
    "details{margin:.6rem 0}summary{cursor:pointer;color:var(--c0)}pre{overflow-x:auto;background:var(--box);"
    "padding:.7rem;border-radius:6px;font-size:.8rem}\n";

void plt_page_text(const char *text, FILE *out) {
  for (; *text != '\0'; text++) {
    switch (*text) {
      case '&': fputs("&amp;", out); break;
      case '<': fputs("&lt;", out); break;
      case '>': fputs("&gt;", out); break;
      case '"': fputs("&quot;", out); break;
      default: fputc(*text, out);
    }
  }
}

void plt_page_begin(const char *title, FILE *out) {
  fputs(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
      out);
  plt_page_text(title, out);
  fprintf(out, "</title>\n<style>\n%s", style);
  for (int c = 0; c < 8; c++)
    fprintf(out, ".s%d{stroke:var(--c%d)}.f%d{fill:var(--c%d)}.b%d{background:var(--c%d)}", c, c, c, c, c, c);
  fputs("\n</style></head><body>\n<h1>", out);
  plt_page_text(title, out);
  fputs("</h1>\n", out);
}

void plt_page_end(FILE *out) { fputs("</body></html>\n", out); }

void plt_page_section(const char *title, FILE *out) {
  fputs("<section>\n<h2>", out);
  plt_page_text(title, out);
  fputs("</h2>\n", out);
}

void plt_page_section_end(FILE *out) { fputs("</section>\n", out); }

void plt_page_paragraph(const char *text, FILE *out) {
  fputs("<p>", out);
  plt_page_text(text, out);
  fputs("</p>\n", out);
}

static void put_cell(const char *tag, bool right, const char *text, FILE *out) {
  fprintf(out, "<%s%s>", tag, right ? " class=\"r\"" : "");
  plt_page_text(text, out);
  fprintf(out, "</%s>", tag);
}

void plt_page_sheet(plt_sheet_t **sheet_at, FILE *out) {
  const plt_sheet_t *sheet = *sheet_at;
  size_t columns = plt_sheet_columns(sheet), rows = plt_sheet_rows(sheet);
  if (rows > 0) fputs("<div class=\"wide\"><table>\n<tr>", out);
  for (size_t c = 0; c < columns && rows > 0; c++)
    put_cell("th", plt_sheet_is_right(sheet, c), plt_sheet_title(sheet, c), out);
  for (size_t r = 0; r < rows; r++) {
    fputs("</tr>\n<tr>", out);
    for (size_t c = 0; c < columns; c++)
      put_cell("td", plt_sheet_is_right(sheet, c), plt_sheet_shown(sheet, r, c), out);
  }
  if (rows > 0) fputs("</tr>\n</table></div>\n", out);
  plt_sheet_destroy(sheet_at);
}

void plt_page_fold(const char *title, FILE *out) {
  fputs("<details><summary>", out);
  plt_page_text(title, out);
  fputs("</summary>\n", out);
}

void plt_page_fold_end(FILE *out) { fputs("</details>\n", out); }
