/* bench.c - plateau bench: how fast this machine is with plateau, beside yardsticks measured in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch/bench/bench.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"

typedef struct bench {
  const char *name;
  plt_bench_fn run;
  int runs;
  double seconds; /* so that all of it ends within a minute */
} bench_t;

static const bench_t benches[] = {{"ps", plt_bench_ps, 3, 0.15},
                                  {"wire", plt_bench_wire, 3, 0.2},
                                  {"table", plt_bench_table, 3, 0.3},
                                  {"train", plt_bench_train, 3, 0.5},
                                  {"eval", plt_bench_eval, 3, 0.5}};
enum { BENCHES = sizeof benches / sizeof *benches, SCALE_MAX = 10000 };

typedef struct arguments {
  const char *name, *compare;
  plt_bench_options_t options;
  bool json;
} arguments_t;

static plt_status_t read_number(const char *option, const char *text, double min, double max, double *out) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= min && value <= max))
    return plt_fail(PLT_ERR_USAGE, "bench: --%s %s: a number from %g to %g is wanted", option, text, min, max);
  *out = value;
  return PLT_OK;
}

static plt_status_t read_count(const char *option, const char *text, double max, size_t *out) {
  double value = 0;
  PLT_TRY(read_number(option, text, 1, max, &value));
  if (value != (double)(size_t)value)
    return plt_fail(PLT_ERR_USAGE, "bench: --%s %s: a whole number is wanted", option, text);
  *out = (size_t)value;
  return PLT_OK;
}

static plt_status_t take(int option, char **argv, arguments_t *a) {
  plt_bench_options_t *to = &a->options;
  size_t runs;
  switch (option) {
    case 'n':
      PLT_TRY(read_count("runs", optarg, PLT_BENCH_RUNS_MAX, &runs));
      to->runs = (int)runs;
      return PLT_OK;
    case 's': return read_number("seconds", optarg, 1e-6, 60, &to->seconds);
    case 'r': return read_count("rows", optarg, 32768, &to->rows);
    case 'x': return read_count("scale", optarg, SCALE_MAX, &to->scale);
    case 't': to->transport = optarg; return PLT_OK;
    case 'w':
      to->bf16 = strcmp(optarg, "bf16") == 0;
      if (to->bf16 || strcmp(optarg, "f32") == 0) return PLT_OK;
      return plt_fail(PLT_ERR_USAGE, "bench: --wire %s: is none of f32, bf16", optarg);
    case 'o': to->only = optarg; return PLT_OK;
    case 'c': a->compare = optarg; return PLT_OK;
    case 'j': a->json = true; return PLT_OK;
    default: return plt_arguments_fault(argv);
  }
}

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  static const struct option options[] = {{"runs", required_argument, NULL, 'n'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"rows", required_argument, NULL, 'r'},
                                          {"scale", required_argument, NULL, 'x'},
                                          {"transport", required_argument, NULL, 't'},
                                          {"wire", required_argument, NULL, 'w'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"compare", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {NULL, 0, NULL, 0}};
  for (int c; (c = plt_arguments_next(argc, argv, "", options)) != -1;) PLT_TRY(take(c, argv, a));
  return plt_arguments_positional(argc, argv, "ps, wire, table, train or eval", &a->name);
}

static plt_status_t check(const arguments_t *a) {
  const plt_bench_options_t *o = &a->options;
  if (o->transport != NULL && strcmp(o->transport, "inproc") != 0 && strcmp(o->transport, "ipc") != 0 &&
      strcmp(o->transport, "tcp") != 0)
    return plt_fail(PLT_ERR_USAGE, "bench: --transport %s: is none of inproc, ipc, tcp", o->transport);
  if (o->rows != 0 && o->rows != 512 && o->rows != 4096 && o->rows != 32768)
    return plt_fail(PLT_ERR_USAGE, "bench: --rows %zu: steps of 512, 4096 and 32768 rows are measured", o->rows);
  return PLT_OK;
}

static plt_status_t measure(const bench_t *bench, arguments_t *a) {
  plt_bench_report_t report = {.bench = bench->name};
  if (a->options.runs == 0) a->options.runs = bench->runs;
  if (a->options.seconds == 0) a->options.seconds = bench->seconds;
  if (a->options.scale == 0) a->options.scale = 100;
  plt_status_t status = PLT_OK;
  if (a->compare != NULL) status = plt_bench_report_compare(&report, a->compare); /* before it takes a minute */
  if (status == PLT_OK) status = bench->run(&a->options, &report);
  free(report.compared);
  report.compared = NULL;
  if (status == PLT_OK && a->compare != NULL) status = plt_bench_report_compare(&report, a->compare);
  if (status == PLT_OK) (a->json ? plt_bench_report_print_json : plt_bench_report_print)(&report, stdout);
  plt_bench_report_clear(&report);
  return status;
}

static plt_status_t run(int argc, char **argv) {
  arguments_t a = {0};
  PLT_TRY(parse(argc, argv, &a));
  PLT_TRY(check(&a));
  for (size_t i = 0; i < BENCHES; i++)
    if (strcmp(benches[i].name, a.name) == 0) return measure(&benches[i], &a);
  return plt_fail(PLT_ERR_USAGE, "bench: \"%s\" is none of: ps, wire, table, train, eval", a.name);
}

const plt_command_t plt_command_bench = {
    .name = "bench",
    .summary = "measure this machine, beside yardsticks",
    .usage =
        "usage: plateau bench ps|wire|table|train|eval [--json] [--compare FILE] [--runs N] [--seconds S]\n"
        "                     [--transport NAME] [--wire f32|bf16] [--rows N] [--only NAME] [--scale PERCENT]\n"
        "\n"
        "  ps      steps through client and server: million rows a second against a bare ZeroMQ program that "
        "exchanges\n"
        "          the same frames (over inproc: against a plain array); sgd also in shared memory and with bfloat16\n"
        "          on the wire, against sgd as it is\n"
        "  wire    the same with rows that stay in the caches: what messages cost\n"
        "  table   rows that a table reads and steps, per optimizer, against plain loops over arrays\n"
        "  train   epochs of whole runs on invented data: bpr against a plain loop, vbpr against its bare products\n"
        "  eval    full rankings against the bare product of users and items\n"
        "\n"
        "Yardsticks are measured in turn with what they judge; figures are medians, a ratio is the median of those of\n"
        "each turn. Ratios can be compared between machines and days, figures cannot.\n"
        "\n"
        "  --json           one JSON object instead of the table\n"
        "  --compare FILE   beside an earlier --json: figures over those of then, and the ratios of then\n"
        "  --runs N         turns, 1 to 99; default 3\n"
        "  --seconds S      of each in a turn; default: all ends within a minute\n"
        "  --transport NAME ps, wire: inproc, ipc or tcp alone\n"
        "  --wire TYPE      ps, wire: of values in messages; default f32\n"
        "  --rows N         ps, wire: 512, 4096 or 32768 alone\n"
        "  --only NAME      ps, wire: sgd, adam, sgd shared, sgd bf16 or births alone; table: this optimizer;\n"
        "                   train, eval: this model\n"
        "  --scale PERCENT  table, train, eval: the size of tables and data; default 100\n"
        "\n"
        "Example: plateau bench ps --transport tcp --json >then.json\n"
        "         plateau bench ps --transport tcp --compare then.json\n",
    .run = run,
};
