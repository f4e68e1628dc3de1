/* data.c - `plateau data check`, `plateau data pack` and `plateau data synth`: their command lines. The work is done in
 * data/check.c, data/pack.c and data/synth.c. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/commands/command.h"
#include "launch/data/check.h"
#include "launch/data/pack.h"
#include "launch/data/synth.h"

enum { MOST_THREADS = 8, MOST_COLUMNS = 65536 };

/* "a,b" as an array of texts that point into one copy; free both. */
typedef struct text_list {
  char *copy;
  char **text;
  size_t n;
} text_list_t;

static text_list_t split(const char *commas) {
  text_list_t list = {.copy = plt_mem_strdup(commas)};
  size_t capacity = 0;
  char *rest = list.copy;
  for (char *word; (word = strsep(&rest, ",")) != NULL;) {
    if (*word == '\0') continue;
    PLT_MEM_GROW(list.text, list.n, capacity);
    list.text[list.n++] = word;
  }
  return list;
}

static void free_list(text_list_t *list) {
  free(list->text);
  free(list->copy);
}

/* What getopt returned for an argument it does not take. */
static plt_status_t refuse(int found, char **argv, const char *command, const char *allowed) {
  const char *word = argv[optind - 1];
  if (found == ':') return plt_fail(PLT_ERR_USAGE, "data %s: %s needs a value (plateau data --help)", command, word);
  return plt_fail(PLT_ERR_USAGE, "data %s: there is no option %s; allowed: %s", command, word, allowed);
}

/* The one argument that is no option, after getopt_long has moved it behind the options. */
static plt_status_t take_folder(int argc, char **argv, const char *command, const char **folder) {
  if (optind == argc) return plt_fail(PLT_ERR_USAGE, "data %s: which folder? (plateau data --help)", command);
  if (optind + 1 < argc)
    return plt_fail(PLT_ERR_USAGE, "data %s: one folder at a time, \"%s\" is a second", command, argv[optind + 1]);
  *folder = argv[optind];
  return PLT_OK;
}

typedef struct check_args {
  const char *folder, *interactions, *features;
  bool json;
} check_args_t;

static plt_status_t parse_check(int argc, char **argv, check_args_t *args) {
  static const struct option options[] = {{"interactions", required_argument, NULL, 'i'},
                                          {"features", required_argument, NULL, 'f'},
                                          {"json", no_argument, NULL, 'j'},
                                          {NULL, 0, NULL, 0}};
  for (int found; (found = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
    switch (found) {
      case 'i': args->interactions = optarg; break;
      case 'f': args->features = optarg; break;
      case 'j': args->json = true; break;
      default: return refuse(found, argv, "check", "--interactions --features --json");
    }
  }
  return take_folder(argc, argv, "check", &args->folder);
}

static plt_status_t run_check(int argc, char **argv) {
  check_args_t args = {0};
  PLT_TRY(parse_check(argc, argv, &args));
  plt_data_report_t *report = NULL;
  text_list_t features = split(args.features != NULL ? args.features : "");
  /* --features "" asks for none; no --features asks for all. */
  const char *const none[1] = {NULL};
  const char *const *wanted = args.features == NULL ? NULL : features.n > 0 ? (const char *const *)features.text : none;
  plt_data_check(args.folder, args.interactions, wanted, features.n, &report);
  free_list(&features);
  if (args.json)
    plt_data_report_print_json(report, stdout);
  else
    plt_data_report_print(report, stdout);
  plt_status_t status = PLT_OK;
  if (report->errors > 0)
    status = plt_fail(PLT_ERR_DATA, "%s: %llu error%s, listed on standard output", args.folder,
                      (unsigned long long)report->errors, report->errors == 1 ? "" : "s");
  plt_data_report_destroy(&report);
  return status;
}

static size_t own_threads(void) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : cores > MOST_THREADS ? MOST_THREADS : (size_t)cores;
}

static plt_status_t run_pack(int argc, char **argv) {
  static const struct option options[] = {
      {"interactions", required_argument, NULL, 'i'}, {"out", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
  const char *folder = NULL, *interactions = NULL, *out = NULL;
  for (int found; (found = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
    switch (found) {
      case 'i': interactions = optarg; break;
      case 'o': out = optarg; break;
      default: return refuse(found, argv, "pack", "--interactions --out");
    }
  }
  PLT_TRY(take_folder(argc, argv, "pack", &folder));
  plt_packed_t packed = {0};
  PLT_TRY(plt_data_pack(folder, interactions, out, (uint32_t)own_threads(), &packed));
  printf("%s: %u users, %u items, %llu pairs, %.1f MB\n", packed.path, packed.users, packed.items,
         (unsigned long long)packed.pairs, (double)packed.bytes / 1e6);
  free(packed.path);
  return PLT_OK;
}

typedef struct synth_args {
  const char *folder;
  plt_synth_t synth;
  plt_synth_modality_t *modalities;
  text_list_t words; /* of --modalities; the names point into it */
  bool force;
} synth_args_t;

static plt_status_t parse_count(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || value < min || value > max)
    return plt_fail(PLT_ERR_USAGE, "data synth: --%s %s: a whole number from %llu to %llu is wanted", option, text,
                    (unsigned long long)min, (unsigned long long)max);
  *out = value;
  return PLT_OK;
}

static plt_status_t parse_count32(const char *option, const char *text, uint32_t min, uint32_t max, uint32_t *out) {
  uint64_t value;
  PLT_TRY(parse_count(option, text, min, max, &value));
  *out = (uint32_t)value;
  return PLT_OK;
}

static plt_status_t parse_noise(const char *text, double *out) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !isfinite(value) || value < 0)
    return plt_fail(PLT_ERR_USAGE, "data synth: --noise %s: a number from 0 on is wanted", text);
  *out = value;
  return PLT_OK;
}

/* A modality's name becomes a file's name. */
static bool is_plain(const char *name) {
  if (*name == '\0') return false;
  for (; *name != '\0'; name++)
    if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-') return false;
  return true;
}

/* Cuts "text:64" at its colon. */
static plt_status_t parse_modality(const synth_args_t *args, char *word, plt_synth_modality_t *out) {
  char *colon = strchr(word, ':');
  if (colon == NULL)
    return plt_fail(PLT_ERR_USAGE, "data synth: --modalities: \"%s\" is not NAME:COLUMNS, as in text:64,image:128",
                    word);
  *colon = '\0';
  if (!is_plain(word))
    return plt_fail(PLT_ERR_USAGE, "data synth: --modalities: \"%s\" is no name; letters, digits, - and _ are allowed",
                    word);
  for (size_t i = 0; i < args->synth.n_modalities; i++)
    if (strcmp(args->modalities[i].name, word) == 0)
      return plt_fail(PLT_ERR_USAGE, "data synth: --modalities: %s stands there twice", word);
  out->name = word;
  return parse_count32("modalities", colon + 1, 1, MOST_COLUMNS, &out->cols);
}

static plt_status_t parse_modalities(synth_args_t *args, const char *text) {
  free(args->modalities);
  free_list(&args->words);
  args->words = split(text);
  args->modalities = plt_mem_zalloc(args->words.n, sizeof *args->modalities);
  args->synth.modalities = args->modalities;
  args->synth.n_modalities = 0;
  for (size_t i = 0; i < args->words.n; i++) {
    PLT_TRY(parse_modality(args, args->words.text[i], &args->modalities[i]));
    args->synth.n_modalities++;
  }
  return PLT_OK;
}

static plt_status_t parse_synth_option(synth_args_t *args, int found, const char *text) {
  plt_synth_t *synth = &args->synth;
  switch (found) {
    case 'u': return parse_count32("users", text, 1, 100000000, &synth->users);
    case 'i': return parse_count32("items", text, 2, 100000000, &synth->items);
    case 'n': return parse_count("interactions", text, 1, UINT64_C(4000000000), &synth->interactions);
    case 'm': return parse_modalities(args, text);
    case 'k': return parse_count32("factors", text, 1, 256, &synth->factors);
    case 'o': return parse_count32("pool", text, 2, 100000000, &synth->pool);
    case 'p': synth->packs = true; return PLT_OK;
    case 'x': return parse_noise(text, &synth->noise);
    case 's': return parse_count("seed", text, 0, UINT64_MAX, &synth->seed);
    default: args->force = true; return PLT_OK;
  }
}

static plt_status_t parse_synth(int argc, char **argv, synth_args_t *args) {
  static const struct option options[] = {{"users", required_argument, NULL, 'u'},
                                          {"items", required_argument, NULL, 'i'},
                                          {"interactions", required_argument, NULL, 'n'},
                                          {"modalities", required_argument, NULL, 'm'},
                                          {"factors", required_argument, NULL, 'k'},
                                          {"noise", required_argument, NULL, 'x'},
                                          {"pool", required_argument, NULL, 'o'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"pack", no_argument, NULL, 'p'},
                                          {"force", no_argument, NULL, 'F'},
                                          {NULL, 0, NULL, 0}};
  for (int found; (found = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
    if (found == '?' || found == ':')
      return refuse(found, argv, "synth",
                    "--users --items --interactions --modalities --factors --noise --pool --seed --pack --force");
    PLT_TRY(parse_synth_option(args, found, optarg));
  }
  PLT_TRY(take_folder(argc, argv, "synth", &args->folder));
  if (args->synth.users == 0 || args->synth.items == 0 || args->synth.interactions == 0)
    return plt_fail(PLT_ERR_USAGE, "data synth: --users, --items and --interactions are needed");
  return plt_synth_check(&args->synth);
}

/* Makes the folder; one with files in it is somebody's work. */
static plt_status_t claim_folder(const char *folder, bool force) {
  if (plt_path_exists(folder) && !plt_path_is_dir(folder))
    return plt_fail(PLT_ERR_CREATE, "%s: is a file, not a folder", folder);
  PLT_TRY(plt_dir_create(folder));
  char **names = NULL;
  size_t n = 0;
  PLT_TRY(plt_dir_list(folder, &names, &n));
  for (size_t i = 0; i < n; i++) free(names[i]);
  free(names);
  if (n > 0 && !force)
    return plt_fail(PLT_ERR_CREATE, "%s: is not empty; --force writes into it and replaces files of the same names",
                    folder);
  return PLT_OK;
}

static plt_status_t make_synth(const synth_args_t *args) {
  plt_synth_world_t world;
  PLT_TRY(claim_folder(args->folder, args->force));
  PLT_TRY(plt_synth_draw(&args->synth, &world));
  plt_status_t status = plt_synth_write(&args->synth, &world, args->folder);
  plt_synth_free(&world);
  if (status == PLT_OK)
    printf("%s: %u users, %u items, %llu interactions, %zu modalities\n", args->folder, args->synth.users,
           args->synth.items, (unsigned long long)args->synth.interactions, args->synth.n_modalities);
  return status;
}

static plt_status_t run_synth(int argc, char **argv) {
  synth_args_t args = {
      .synth = {.factors = 16, .noise = 0.5, .pool = PLT_SYNTH_POOL, .seed = 1, .threads = own_threads()}};
  plt_status_t status = parse_synth(argc, argv, &args);
  if (status == PLT_OK) status = make_synth(&args);
  free(args.modalities);
  free_list(&args.words);
  return status;
}

static plt_status_t run(int argc, char **argv) {
  opterr = 0; /* the messages are ours */
  optind = 0; /* another command line may have been read before */
  if (argc > 1 && strcmp(argv[1], "check") == 0) return run_check(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "pack") == 0) return run_pack(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "synth") == 0) return run_synth(argc - 1, argv + 1);
  if (argc > 1)
    return plt_fail(PLT_ERR_USAGE, "data: \"%s\" is none of: check, pack, synth (plateau data --help)", argv[1]);
  return plt_fail(PLT_ERR_USAGE, "data: what to do? check, pack or synth (plateau data --help)");
}

const plt_command_t plt_command_data = {
    .name = "data",
    .summary = "look over a data folder, pack it, or invent one",
    .usage =
        "plateau data check DIR [--interactions FILE] [--features a_feat.npy,b_feat.npy] [--json]\n"
        "plateau data pack DIR [--interactions FILE] [--out FILE]\n"
        "plateau data synth DIR --users N --items N --interactions N [--modalities text:64,image:128]\n"
        "                       [--factors 16] [--noise 0.5] [--pool 16384] [--seed 1] [--pack] [--force]\n"
        "\n"
        "check prints figures of a data folder and all its problems with file and line. It exits with 65 when there\n"
        "are errors and with 0 when there are only warnings.\n"
        "  --interactions FILE  the .inter to read, when the folder holds more than one\n"
        "  --features LIST      the feature files to check, with commas between; default: all *_feat.npy\n"
        "  --json               one JSON object instead of the page\n"
        "\n"
        "pack writes the interactions as one binary file, NAME.pack, beside their text. A training takes it from then "
        "on:\n"
        "it opens at once, and the processes of a machine share it in memory. Results are the same to the bit. When "
        "the\n"
        "text changes, training says so and asks for another pack. check looks over packed files too.\n"
        "  --interactions FILE  the .inter to pack, when the folder holds more than one\n"
        "  --out FILE           where to; default: NAME.pack in the folder\n"
        "\n"
        "synth writes an invented data folder, the same for the same arguments. Features help, and the more the fewer\n"
        "interactions an item has.\n"
        "  --users, --items, --interactions N  its size; each user takes at most half of the items\n"
        "  --modalities LIST    features as NAME:COLUMNS, with commas between; default: none\n"
        "  --factors N          dimensions in which users and items lie near or far; default 16\n"
        "  --noise X            standard deviation of the features' noise, their signal's is 1; default 0.5\n"
        "  --pool N             items that a user chooses from, another lot for each; time grows with it; default "
        "16384\n"
        "  --seed N             default 1\n"
        "  --pack               the interactions packed, without a text: for very many\n"
        "  --force              write into a folder that is not empty\n"
        "\n"
        "Example: plateau data synth toy --users 2000 --items 3000 --interactions 12000 --modalities "
        "text:64,image:128\n"
        "         plateau data check toy\n",
    .run = run,
};
