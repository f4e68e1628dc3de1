/* import.c - `plateau data import`: its command line. The work is done in data/import.c and what it names. */
#include <float.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/time.h"
#include "launch/commands/data/data.h"
#include "launch/data/import.h"
#include "launch/data/import_write.h"

const char plt_data_import_usage[] =
    "\n"
    "plateau data import FILE --user COL --item COL [--rating COL --min-rating R] [--time COL] -o DIR\n"
    "                    [--split ratio|leave-one-out|time] [--ratios 0.8,0.1,0.1] [--order random|time] [--kcore K]\n"
    "                    [--features NAME=FILE] [--extend OLD] [--skip-bad N] [--bad-lines FILE] [--seed 1] [--pack] "
    "[--force]\n"
    "\n"
    "import makes a data folder of a table of interactions: CSV, tabs, blanks, RecBole's atomic files; of lists, too. "
    "Ids\n"
    "may be any text: " PLT_IDMAP_USERS " and " PLT_IDMAP_ITEMS
    " keep them, and recommend, score and similar speak of "
    "them.\n"
    "  FILE                 - is standard input, as in zcat FILE | plateau data import -\n"
    "  --user, --item COL   columns by name, or by number from 1; RecBole's user_id:token, item_id:token need none\n"
    "  --rating COL --min-rating R  rows of a lower rating are left out\n"
    "  --time COL           numbers, or dates like 2014-07-03 09:30:00; of repeated pairs the earliest counts\n"
    "  --separator WORD     tab, comma, semicolon, bar, colons (::) or blank, where the first line does not tell\n"
    "  --no-header          the first line is data; columns by number\n"
    "  --lists              LightGCN's lines, a user and then items\n"
    "  --split KIND         ratio (default): shares of each user's pairs, in --order random (default) or time;\n"
    "                       leave-one-out: each user's last pair is test, the one before validation, in the order of\n"
    "                       time where there is --time; time: shares of all pairs in the order of time\n"
    "  --ratios A,B,C       shares of training, validation and test\n"
    "  --kcore K            only pairs whose user and item have at least K of those that remain\n"
    "  --features NAME=F    F: a table of ids and numbers, or FILE.npy,IDS with an id a line; may be given again\n"
    "  --skip-bad N         so many bad lines are left out; default 0. The first ten are told\n"
    "  --bad-lines FILE     lists all of them, with their numbers and what is wrong\n"
    "  --extend OLD         users and items of the folder OLD keep their numbers, new ones come behind: for runs that\n"
    "                       go on from one on OLD (init.from)\n"
    "  -o, --out DIR        where to; the folder is made\n"
    "  --seed N, --pack, --force  of the random order; interactions packed, without a text; write into a folder that "
    "is\n"
    "                       not empty\n"
    "\n"
    "Example: plateau data import ratings.csv --user user_id --item asin --kcore 5 -o my-data\n";

typedef enum { ORDER_USUAL, ORDER_RANDOM, ORDER_TIME } order_t;

typedef struct import_args {
  plt_import_t import;
  plt_import_folder_t folder;
  plt_import_feature_t *features;
  size_t n_features, feature_capacity;
  order_t order;
  const char *list; /* file of bad lines, or NULL */
  bool force;
} import_args_t;

static const struct option options[] = {{"user", required_argument, NULL, 'u'},
                                        {"item", required_argument, NULL, 'i'},
                                        {"rating", required_argument, NULL, 'r'},
                                        {"min-rating", required_argument, NULL, 'm'},
                                        {"time", required_argument, NULL, 't'},
                                        {"separator", required_argument, NULL, 'x'},
                                        {"no-header", no_argument, NULL, 'H'},
                                        {"lists", no_argument, NULL, 'L'},
                                        {"split", required_argument, NULL, 'S'},
                                        {"ratios", required_argument, NULL, 'R'},
                                        {"order", required_argument, NULL, 'O'},
                                        {"kcore", required_argument, NULL, 'k'},
                                        {"skip-bad", required_argument, NULL, 'b'},
                                        {"bad-lines", required_argument, NULL, 'B'},
                                        {"features", required_argument, NULL, 'f'},
                                        {"seed", required_argument, NULL, 's'},
                                        {"extend", required_argument, NULL, 'e'},
                                        {"out", required_argument, NULL, 'o'},
                                        {"pack", no_argument, NULL, 'p'},
                                        {"force", no_argument, NULL, 'F'},
                                        {NULL, 0, NULL, 0}};
#define ALLOWED                                                                                                  \
  "--user --item --rating --min-rating --time --separator --no-header --lists --split --ratios --order --kcore " \
  "--skip-bad --bad-lines --features --seed --extend --out --pack --force"

/* ---- options ---- */

static plt_status_t parse_split(import_args_t *args, const char *text) {
  static const char *const kinds[] = {"ratio", "leave-one-out", "time"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(text, kinds[i]) == 0) {
      args->import.divide.kind = (plt_divide_kind_t)i;
      return PLT_OK;
    }
  return plt_fail(PLT_ERR_USAGE, "data import: --split %s: there is no such split; allowed: ratio, leave-one-out, time",
                  text);
}

static plt_status_t parse_ratios(import_args_t *args, const char *text) {
  plt_text_list_t list = plt_text_list(text);
  plt_status_t status = PLT_OK;
  if (list.n != PLT_DIVIDE_PARTS)
    status = plt_fail(PLT_ERR_USAGE,
                      "data import: --ratios %s: three shares are wanted, of training, validation and test, as in "
                      "0.8,0.1,0.1",
                      text);
  for (size_t i = 0; i < list.n && status == PLT_OK; i++)
    status =
        plt_data_real("import", "ratios", list.text[i], 0, 1e9, "a share from 0 on", &args->import.divide.share[i]);
  plt_text_list_free(&list);
  return status;
}

static plt_status_t parse_order(import_args_t *args, const char *text) {
  args->order = strcmp(text, "random") == 0 ? ORDER_RANDOM : strcmp(text, "time") == 0 ? ORDER_TIME : ORDER_USUAL;
  if (args->order != ORDER_USUAL) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "data import: --order %s: there is no such order; allowed: random, time", text);
}

static plt_status_t parse_feature(import_args_t *args, const char *text) {
  PLT_MEM_GROW(args->features, args->n_features, args->feature_capacity);
  PLT_TRY(plt_import_feature_parse(text, &args->features[args->n_features]));
  args->n_features++;
  for (size_t i = 0; i + 1 < args->n_features; i++)
    if (strcmp(args->features[i].name, args->features[args->n_features - 1].name) == 0)
      return plt_fail(PLT_ERR_USAGE, "data import: --features: %s stands there twice", args->features[i].name);
  return PLT_OK;
}

static plt_status_t parse_column(import_args_t *args, int found, const char *text) {
  const char **name = args->import.columns.name;
  switch (found) {
    case 'u': name[PLT_COLUMN_USER] = text; return PLT_OK;
    case 'i': name[PLT_COLUMN_ITEM] = text; return PLT_OK;
    case 'r': name[PLT_COLUMN_RATING] = text; return PLT_OK;
    case 't': name[PLT_COLUMN_TIME] = text; return PLT_OK;
    case 'x': args->import.columns.separator = text; return PLT_OK;
    case 'H': args->import.columns.has_header = false; return PLT_OK;
    default: args->import.columns.is_lists = true; return PLT_OK;
  }
}

/* Once nothing is wrong with the command: a wrong one makes no file. */
static plt_status_t open_list(import_args_t *args) {
  FILE **list = &args->import.bad.list;
  if (args->list == NULL) return PLT_OK;
  *list = fopen(args->list, "w");
  if (*list == NULL) return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create", args->list);
  args->folder.bad = args->import.bad;
  return PLT_OK;
}

/* What could not be written is told, be the import as good as it may. */
static plt_status_t close_list(FILE *list, plt_status_t status) {
  if (list == NULL) return status;
  bool failed = ferror(list) != 0;
  failed = fclose(list) != 0 || failed;
  return failed && status == PLT_OK ? plt_fail(PLT_ERR_IO, "data import: --bad-lines: cannot write the list") : status;
}

static plt_status_t parse_option(import_args_t *args, int found, const char *text) {
  plt_import_t *import = &args->import;
  switch (found) {
    case 'm':
      import->has_least = true;
      return plt_data_real("import", "min-rating", text, -DBL_MAX, DBL_MAX, "a number", &import->least);
    case 'S': return parse_split(args, text);
    case 'R': return parse_ratios(args, text);
    case 'O': return parse_order(args, text);
    case 'k': return plt_data_count32("import", "kcore", text, 1, 1000000, &import->k_core);
    case 'b': return plt_data_count("import", "skip-bad", text, 0, UINT64_MAX, &import->bad.tolerated);
    case 'B': args->list = text; return PLT_OK;
    case 'f': return parse_feature(args, text);
    case 's': return plt_data_count("import", "seed", text, 0, UINT64_MAX, &import->divide.seed);
    case 'e': import->extend = text; return PLT_OK;
    case 'o': args->folder.path = text; return PLT_OK;
    case 'p': args->folder.packs = true; return PLT_OK;
    case 'F': args->force = true; return PLT_OK;
    default: return parse_column(args, found, text);
  }
}

/* What does not go together, before a long file is read. */
static plt_status_t check(import_args_t *args) {
  plt_import_t *import = &args->import;
  const plt_columns_wanted_t *columns = &import->columns;
  bool has_time = columns->name[PLT_COLUMN_TIME] != NULL;
  if (columns->is_lists)
    for (plt_column_t c = 0; c < PLT_COLUMNS; c++)
      if (columns->name[c] != NULL)
        return plt_fail(PLT_ERR_USAGE, "data import: --%s: lists (--lists) have no columns", plt_column_names[c]);
  if (import->has_least != (columns->name[PLT_COLUMN_RATING] != NULL))
    return plt_fail(
        PLT_ERR_USAGE,
        "data import: --rating COLUMN and --min-rating R belong together: models learn from pairs, a rating "
        "chooses them");
  if (!has_time && (args->order == ORDER_TIME || import->divide.kind == PLT_DIVIDE_TIME))
    return plt_fail(PLT_ERR_USAGE, "data import: %s needs --time COLUMN",
                    args->order == ORDER_TIME ? "--order time" : "--split time");
  if (args->order == ORDER_RANDOM && import->divide.kind == PLT_DIVIDE_TIME)
    return plt_fail(PLT_ERR_USAGE,
                    "data import: --split time takes pairs in the order of time; --order random is none");
  import->divide.by_time = args->order == ORDER_TIME ||
                           (args->order == ORDER_USUAL && has_time && import->divide.kind == PLT_DIVIDE_LEAVE_ONE_OUT);
  if (args->folder.path == NULL) return plt_fail(PLT_ERR_USAGE, "data import: -o DIR is needed: the folder to write");
  return plt_divide_check(&import->divide);
}

static plt_status_t parse(int argc, char **argv, import_args_t *args) {
  for (int found; (found = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
    if (found == '?' || found == ':') return plt_data_refuse(found, argv, "import", ALLOWED);
    PLT_TRY(parse_option(args, found, optarg));
  }
  if (optind == argc)
    return plt_fail(PLT_ERR_USAGE, "data import: which file? - is standard input (plateau data --help)");
  if (optind + 1 < argc)
    return plt_fail(PLT_ERR_USAGE, "data import: one file at a time, \"%s\" is a second", argv[optind + 1]);
  args->import.file = argv[optind];
  args->folder.features = args->features;
  args->folder.n_features = args->n_features;
  args->folder.bad = args->import.bad;
  return check(args);
}

/* "plateau data import ratings.csv --user user_id ..." */
static char *spell(int argc, char **argv) {
  char *text = plt_mem_strdup("plateau data");
  for (int i = 0; i < argc; i++) text = plt_mem_append(text, " ", argv[i]);
  return text;
}

/* ---- what was done ---- */

/* Rows go while they are written. */
typedef struct counted {
  uint32_t users, items;
  uint64_t n, pairs[PLT_PARTS];
} counted_t;

static counted_t count(const plt_interactions_t *rows) {
  counted_t counted = {.users = rows->users, .items = rows->items, .n = rows->n};
  for (uint64_t i = 0; i < rows->n; i++) counted.pairs[rows->row[i].part]++;
  return counted;
}

static void tell(const import_args_t *args, const plt_imported_t *imported, const counted_t *counted, double seconds) {
  const uint64_t *pairs = counted->pairs;
  printf("%s: %" PRIu32 " users, %" PRIu32 " items, %" PRIu64 " pairs\n", args->folder.path, counted->users,
         counted->items, counted->n);
  printf("  %-12s %12" PRIu64 "\n  %-12s %12" PRIu64 "\n  %-12s %12" PRIu64 "\n", "train", pairs[PLT_PART_TRAIN],
         "validation", pairs[PLT_PART_VALID], "test", pairs[PLT_PART_TEST]);
  printf("  left out: %" PRIu64 " bad lines, %" PRIu64 " of lower rating, %" PRIu64 " repeated, %" PRIu64
         " outside of the k-core\n",
         imported->bad, imported->unrated, imported->repeated, imported->outside);
  printf("  read %.1f MB in %.1f s\n", (double)imported->bytes / 1e6, seconds);
}

static plt_status_t import_file(const import_args_t *args) {
  plt_imported_t imported = {0};
  int64_t begin = plt_time_ns();
  if (plt_path_exists(args->folder.path)) PLT_TRY(plt_data_claim_folder(args->folder.path, args->force));
  PLT_TRY(plt_import_run(&args->import, &imported));
  plt_status_t status = plt_data_claim_folder(args->folder.path, args->force);
  if (status == PLT_OK) status = plt_import_folder_check(&args->folder);
  const double seconds = plt_time_seconds(plt_time_ns() - begin);
  const counted_t counted = count(imported.rows);
  if (status == PLT_OK) status = plt_import_write(&args->folder, &imported);
  if (status == PLT_OK) tell(args, &imported, &counted, seconds);
  plt_imported_clear(&imported);
  return status;
}

plt_status_t plt_data_import_run(int argc, char **argv) {
  import_args_t args = {.import = {.columns = {.has_header = true}, .divide = {.share = {0.8, 0.1, 0.1}, .seed = 1}},
                        .folder = {.threads = plt_data_threads()}};
  char *command = spell(argc, argv); /* before getopt moves its words */
  args.folder.command = command;
  plt_status_t status = parse(argc, argv, &args);
  if (status == PLT_OK) status = open_list(&args);
  if (status == PLT_OK) status = import_file(&args);
  status = close_list(args.import.bad.list, status);
  for (size_t i = 0; i < args.n_features; i++) plt_import_feature_free(&args.features[i]);
  free(args.features);
  free(command);
  return status;
}
