/* data.c - `plateau data`, and the command lines of `plateau data check` and `plateau data pack`, whose work is done in
 * launch/data; import.c, split.c and synth.c have the others. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch/commands/command.h"
#include "launch/commands/data/data.h"
#include "launch/data/check.h"
#include "launch/data/pack.h"

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
      default: return plt_data_refuse(found, argv, "check", "--interactions --features --json");
    }
  }
  return plt_data_take_folder(argc, argv, "check", &args->folder);
}

static plt_status_t run_check(int argc, char **argv) {
  check_args_t args = {0};
  PLT_TRY(parse_check(argc, argv, &args));
  plt_data_report_t *report = NULL;
  plt_text_list_t features = plt_text_list(args.features != NULL ? args.features : "");
  /* --features "" asks for none; no --features asks for all. */
  const char *const none[1] = {NULL};
  const char *const *wanted = args.features == NULL ? NULL : features.n > 0 ? (const char *const *)features.text : none;
  plt_data_check(args.folder, args.interactions, wanted, features.n, &report);
  plt_text_list_free(&features);
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

static plt_status_t run_pack(int argc, char **argv) {
  static const struct option options[] = {
      {"interactions", required_argument, NULL, 'i'}, {"out", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
  const char *folder = NULL, *interactions = NULL, *out = NULL;
  for (int found; (found = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
    switch (found) {
      case 'i': interactions = optarg; break;
      case 'o': out = optarg; break;
      default: return plt_data_refuse(found, argv, "pack", "--interactions --out");
    }
  }
  PLT_TRY(plt_data_take_folder(argc, argv, "pack", &folder));
  plt_packed_t packed = {0};
  PLT_TRY(plt_data_pack(folder, interactions, out, (uint32_t)plt_data_threads(), &packed));
  printf("%s: %u users, %u items, %llu pairs, %.1f MB\n", packed.path, packed.users, packed.items,
         (unsigned long long)packed.pairs, (double)packed.bytes / 1e6);
  free(packed.path);
  return PLT_OK;
}

static plt_status_t run(int argc, char **argv) {
  opterr = 0; /* the messages are ours */
  optind = 0; /* another command line may have been read before */
  if (argc > 1 && strcmp(argv[1], "check") == 0) return run_check(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "import") == 0) return plt_data_import_run(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "pack") == 0) return run_pack(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "split") == 0) return plt_data_split_run(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "synth") == 0) return plt_data_synth_run(argc - 1, argv + 1);
  if (argc > 1)
    return plt_fail(PLT_ERR_USAGE, "data: \"%s\" is none of: import, check, pack, split, synth (plateau data --help)",
                    argv[1]);
  return plt_fail(PLT_ERR_USAGE, "data: what to do? import, check, pack, split or synth (plateau data --help)");
}

const plt_command_t plt_command_data = {
    .name = "data",
    .summary = "make a data folder of a table, look it over, pack it, split it anew, or invent one",
    .usage =
        "plateau data import FILE ... (below)\n"
        "plateau data check DIR [--interactions FILE] [--features a_feat.npy,b_feat.npy] [--json]\n"
        "plateau data pack DIR [--interactions FILE] [--out FILE]\n"
        "plateau data split DIR -o OUT --shift popularity [--interactions FILE] [--seed 1] [--valid 0.1] [--test 0.1]\n"
        "                       [--shift-share 0.1] [--strength 2] [--keep-user 3] [--keep-item 1] [--force]\n"
        "plateau data synth DIR --users N --items N --interactions N [--modalities text:64,image:128]\n"
        "                       [--factors 16] [--noise 0.5] [--pool 16384] [--seed 1] [--pack] [--force]\n"
        "plateau data synth DIR --kind planted [--users 400] [--items 600] [--rho 2,1,0] [--rho-shift -1] ...\n"
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
        "split cuts the interactions of DIR anew: training, validation, test, and a shifted part (x_label 3) in which "
        "popular\n"
        "items are rarer. Old labels do not count, a repeated pair counts once, other columns are left out. OUT gets "
        "NAME.inter\n"
        "and the features, as links where they can be.\n"
        "  --shift popularity   what the shifted part is chosen by\n"
        "  -o, --out OUT        where to; the folder is made\n"
        "  --seed N             default 1\n"
        "  --valid, --test, --shift-share X  shares of all pairs; default 0.1 each\n"
        "  --strength G         an item of D pairs has weight D^-G: 0 no shift, 1 all items alike, 2 (default) turned "
        "round\n"
        "  --keep-user N, --keep-item N  pairs that stay in training, where there are so many; default 3 and 1\n"
        "  --force              write into a folder that is not empty\n"
        "\n"
        "synth writes an invented data folder, the same for the same arguments.\n"
        "  --kind sphere        features help, and the more the fewer interactions an item has; the default\n"
        "  --kind planted       one feature tells what causes choices, the other what only goes along with them, in "
        "each\n"
        "                       environment otherwise, and reversed in the shift (x_label 3)\n"
        "  -o, --out DIR        in place of DIR\n"
        "  --users, --items N   of sphere they must be given; of planted 400, 600\n"
        "  --noise X            standard deviation of the features' noise; default 0.5, of planted 0.3\n"
        "  --seed N, --pack, --force  default 1; interactions packed, without a text; write into a folder that is not "
        "empty\n"
        " sphere:\n"
        "  --interactions N     each user takes at most half of the items\n"
        "  --modalities LIST    features as NAME:COLUMNS, with commas between; default: none\n"
        "  --factors N          dimensions in which users and items lie near or far; default 16\n"
        "  --pool N             items that a user chooses from, another lot for each; time grows with it; default "
        "16384\n"
        " planted (docs/data.md has the model):\n"
        "  --latent N, --width N  dimensions of taste and of style, columns of a feature; default 4, 16\n"
        "  --rho A,B,... --rho-shift X  how style draws a user, in each environment and in the shift; default 2,1,0 "
        "and -1\n"
        "  --kappa, --trend, --pop X  weights of taste, fashion, popularity; default 2, 2, 0.5\n"
        "  --n-train, --n-valid, --n-test, --n-shift N  pairs of a user in an environment, in the shift; default 4, 1, "
        "1, 3\n"
        "\n"
        "Example: plateau data synth toy --users 2000 --items 3000 --interactions 12000 --modalities "
        "text:64,image:128\n"
        "         plateau data check toy\n"
        "         plateau data split toy -o shifted --shift popularity\n"
        "         plateau data synth --kind planted -o planted\n",
    .usage_end = plt_data_import_usage,
    .run = run,
};
