/* synth.c - `plateau data synth`: its command line. The work is done in data/synth.c and data/planted.c. */
#include <ctype.h>
#include <float.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/commands/data/data.h"
#include "launch/data/planted.h"
#include "launch/data/synth.h"

enum { MOST_COLUMNS = 65536, MOST_IDS = 100000000 };

typedef struct synth_args {
  const char *folder;
  plt_synth_t synth;
  plt_planted_t planted;
  plt_synth_modality_t *modalities;
  plt_text_list_t words; /* of --modalities; the names point into it */
  bool is_planted, force;
  const char *of_sphere, *of_planted; /* an option that only this kind has, where one was given */
} synth_args_t;

static plt_status_t count32(const char *option, const char *text, uint32_t min, uint32_t max, uint32_t *out) {
  return plt_data_count32("synth", option, text, min, max, out);
}

static plt_status_t any_real(const char *option, const char *text, double *out) {
  return plt_data_real("synth", option, text, -DBL_MAX, DBL_MAX, "a number", out);
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
  return count32("modalities", colon + 1, 1, MOST_COLUMNS, &out->cols);
}

static plt_status_t parse_modalities(synth_args_t *args, const char *text) {
  free(args->modalities);
  plt_text_list_free(&args->words);
  args->words = plt_text_list(text);
  args->modalities = plt_mem_zalloc(args->words.n, sizeof *args->modalities);
  args->synth.modalities = args->modalities;
  args->synth.n_modalities = 0;
  for (size_t i = 0; i < args->words.n; i++) {
    PLT_TRY(parse_modality(args, args->words.text[i], &args->modalities[i]));
    args->synth.n_modalities++;
  }
  return PLT_OK;
}

static plt_status_t parse_rho(plt_planted_t *planted, const char *text) {
  plt_text_list_t list = plt_text_list(text);
  plt_status_t status = PLT_OK;
  if (list.n == 0 || list.n > PLT_PLANTED_ENVIRONMENTS)
    status = plt_fail(PLT_ERR_USAGE,
                      "data synth: --rho %s: 1 to %d numbers with commas between are wanted, one for "
                      "each environment",
                      text, PLT_PLANTED_ENVIRONMENTS);
  for (size_t i = 0; i < list.n && status == PLT_OK; i++) status = any_real("rho", list.text[i], &planted->rho[i]);
  planted->environments = (uint32_t)list.n;
  plt_text_list_free(&list);
  return status;
}

static plt_status_t parse_kind(synth_args_t *args, const char *text) {
  args->is_planted = strcmp(text, "planted") == 0;
  if (args->is_planted || strcmp(text, "sphere") == 0) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "data synth: --kind %s: there is no such kind; allowed: sphere, planted", text);
}

static plt_status_t name_folder(synth_args_t *args, const char *text) {
  if (args->folder != NULL)
    return plt_fail(PLT_ERR_USAGE, "data synth: one folder at a time, \"%s\" is a second", text);
  args->folder = text;
  return PLT_OK;
}

/* Options of both kinds. */
static plt_status_t parse_common(synth_args_t *args, int found, const char *text) {
  switch (found) {
    case 'K': return parse_kind(args, text);
    case 'o': return name_folder(args, text);
    case 'p': args->synth.packs = args->planted.packs = true; return PLT_OK;
    case 'u':
      PLT_TRY(count32("users", text, 1, MOST_IDS, &args->synth.users));
      args->planted.users = args->synth.users;
      return PLT_OK;
    case 'i':
      PLT_TRY(count32("items", text, 2, MOST_IDS, &args->synth.items));
      args->planted.items = args->synth.items;
      return PLT_OK;
    case 'x':
      PLT_TRY(plt_data_real("synth", "noise", text, 0, DBL_MAX, "a number from 0 on", &args->synth.noise));
      args->planted.noise = args->synth.noise;
      return PLT_OK;
    case 's':
      PLT_TRY(plt_data_count("synth", "seed", text, 0, UINT64_MAX, &args->synth.seed));
      args->planted.seed = args->synth.seed;
      return PLT_OK;
    default: args->force = true; return PLT_OK;
  }
}

static plt_status_t parse_sphere(synth_args_t *args, int found, const char *text) {
  plt_synth_t *synth = &args->synth;
  switch (found) {
    case 'n': return plt_data_count("synth", "interactions", text, 1, UINT64_C(4000000000), &synth->interactions);
    case 'm': return parse_modalities(args, text);
    case 'k': return count32("factors", text, 1, 256, &synth->factors);
    default: return count32("pool", text, 2, MOST_IDS, &synth->pool);
  }
}

static plt_status_t parse_planted(synth_args_t *args, int found, const char *text) {
  plt_planted_t *planted = &args->planted;
  switch (found) {
    case 'L': return count32("latent", text, 1, 4096, &planted->latent);
    case 'W': return count32("width", text, 1, MOST_COLUMNS, &planted->width);
    case 'R': return parse_rho(planted, text);
    case 'S': return any_real("rho-shift", text, &planted->rho_shift);
    case 'A': return any_real("kappa", text, &planted->kappa);
    case 'T': return any_real("trend", text, &planted->trend);
    case 'P': return any_real("pop", text, &planted->pop);
    case '0': return count32("n-train", text, 1, MOST_IDS, &planted->n_train);
    case '1': return count32("n-valid", text, 0, MOST_IDS, &planted->n_valid);
    case '2': return count32("n-test", text, 0, MOST_IDS, &planted->n_test);
    default: return count32("n-shift", text, 0, MOST_IDS, &planted->n_shift);
  }
}

static const struct option options[] = {{"kind", required_argument, NULL, 'K'},
                                        {"out", required_argument, NULL, 'o'},
                                        {"users", required_argument, NULL, 'u'},
                                        {"items", required_argument, NULL, 'i'},
                                        {"noise", required_argument, NULL, 'x'},
                                        {"seed", required_argument, NULL, 's'},
                                        {"pack", no_argument, NULL, 'p'},
                                        {"force", no_argument, NULL, 'F'},
                                        {"interactions", required_argument, NULL, 'n'},
                                        {"modalities", required_argument, NULL, 'm'},
                                        {"factors", required_argument, NULL, 'k'},
                                        {"pool", required_argument, NULL, 'l'},
                                        {"latent", required_argument, NULL, 'L'},
                                        {"width", required_argument, NULL, 'W'},
                                        {"rho", required_argument, NULL, 'R'},
                                        {"rho-shift", required_argument, NULL, 'S'},
                                        {"kappa", required_argument, NULL, 'A'},
                                        {"trend", required_argument, NULL, 'T'},
                                        {"pop", required_argument, NULL, 'P'},
                                        {"n-train", required_argument, NULL, '0'},
                                        {"n-valid", required_argument, NULL, '1'},
                                        {"n-test", required_argument, NULL, '2'},
                                        {"n-shift", required_argument, NULL, '3'},
                                        {NULL, 0, NULL, 0}};

static const char *name_of(int found) {
  const struct option *option = options;
  while (option->val != found) option++;
  return option->name;
}

static plt_status_t parse_option(synth_args_t *args, int found, const char *text) {
  if (strchr("nmkl", found) != NULL) {
    args->of_sphere = name_of(found);
    return parse_sphere(args, found, text);
  }
  if (strchr("LWRSATP0123", found) != NULL) {
    args->of_planted = name_of(found);
    return parse_planted(args, found, text);
  }
  return parse_common(args, found, text);
}

static plt_status_t check_kind(const synth_args_t *args) {
  const char *foreign = args->is_planted ? args->of_sphere : args->of_planted;
  if (foreign != NULL)
    return plt_fail(PLT_ERR_USAGE, "data synth: --%s is an option of --kind %s", foreign,
                    args->is_planted ? "sphere" : "planted");
  if (args->is_planted) return plt_planted_check(&args->planted);
  if (args->synth.users == 0 || args->synth.items == 0 || args->synth.interactions == 0)
    return plt_fail(PLT_ERR_USAGE, "data synth: --users, --items and --interactions are needed");
  return plt_synth_check(&args->synth);
}

static plt_status_t parse(int argc, char **argv, synth_args_t *args) {
  for (int found; (found = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
    if (found == '?' || found == ':')
      return plt_data_refuse(found, argv, "synth",
                             "--kind --out --users --items --noise --seed --pack --force, of sphere --interactions "
                             "--modalities --factors --pool, of planted --latent --width --rho --rho-shift --kappa "
                             "--trend --pop --n-train --n-valid --n-test --n-shift");
    PLT_TRY(parse_option(args, found, optarg));
  }
  const char *folder = NULL;
  if (args->folder == NULL || optind < argc) {
    PLT_TRY(plt_data_take_folder(argc, argv, "synth", &folder));
    PLT_TRY(name_folder(args, folder));
  }
  return check_kind(args);
}

static plt_status_t make_sphere(const synth_args_t *args) {
  plt_synth_world_t world;
  PLT_TRY(plt_synth_draw(&args->synth, &world));
  plt_status_t status = plt_synth_write(&args->synth, &world, args->folder);
  plt_synth_free(&world);
  if (status == PLT_OK)
    printf("%s: %u users, %u items, %llu interactions, %zu modalities\n", args->folder, args->synth.users,
           args->synth.items, (unsigned long long)args->synth.interactions, args->synth.n_modalities);
  return status;
}

static plt_status_t make_planted(const synth_args_t *args) {
  const plt_planted_t *p = &args->planted;
  plt_interactions_t *rows = NULL;
  PLT_TRY(plt_planted_draw(p, &rows));
  uint64_t pairs = rows->n;
  PLT_TRY(plt_planted_write(p, &rows, args->folder));
  printf("%s: %u users, %u items, %llu interactions in %u environments and a shift, %d modalities\n", args->folder,
         p->users, p->items, (unsigned long long)pairs, p->environments, PLT_PLANTED_FEATURES);
  return PLT_OK;
}

static plt_status_t make(const synth_args_t *args) {
  PLT_TRY(plt_data_claim_folder(args->folder, args->force));
  return args->is_planted ? make_planted(args) : make_sphere(args);
}

plt_status_t plt_data_synth_run(int argc, char **argv) {
  synth_args_t args = {
      .synth = {.factors = 16, .noise = 0.5, .pool = PLT_SYNTH_POOL, .seed = 1, .threads = plt_data_threads()},
      .planted = plt_planted_usual};
  args.planted.threads = plt_data_threads();
  plt_status_t status = parse(argc, argv, &args);
  if (status == PLT_OK) status = make(&args);
  free(args.modalities);
  plt_text_list_free(&args.words);
  return status;
}
