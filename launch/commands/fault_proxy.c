/* fault_proxy.c - `plateau fault-proxy`: its command line. The work is done in launch/fault/proxy.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/fault/proxy.h"
#include "launch/job/sets.h"

typedef struct args {
  const char *script, *listen, *port_file, *report;
  plt_sets_t sets;
} args_t;

static plt_status_t parse(int argc, char **argv, args_t *args) {
  static const struct option options[] = {
      {"listen", required_argument, NULL, 'l'}, {"port-file", required_argument, NULL, 'p'},
      {"report", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 's'},
      {"set", required_argument, NULL, 'S'},    {NULL, 0, NULL, 0}};
  for (int found; (found = plt_arguments_next(argc, argv, "", options)) != -1;) {
    switch (found) {
      case 'l': args->listen = optarg; break;
      case 'p': args->port_file = optarg; break;
      case 'r': args->report = optarg; break;
      case 's': plt_sets_add(&args->sets, "seed", optarg); break;
      case 'S': plt_sets_add(&args->sets, NULL, optarg); break;
      default: return plt_arguments_fault(argv);
    }
  }
  return plt_arguments_positional(argc, argv, "a script", &args->script);
}

/* The file appears when connections are accepted. */
static plt_status_t tell_port(const plt_fault_proxy_t *proxy, const char *path) {
  const char *address = plt_fault_proxy_address(proxy);
  plt_log(PLT_LOG_NOTE, "faults are ready at %s", address);
  if (path == NULL) return PLT_OK;
  char *text = plt_mem_print("%s\n", strrchr(address, ':') + 1);
  plt_status_t status = plt_file_publish(path, text, strlen(text));
  free(text);
  return status;
}

static plt_status_t run(int argc, char **argv) {
  args_t args = {.listen = "127.0.0.1:0"};
  plt_fault_script_t script;
  plt_fault_proxy_t *proxy = NULL;
  plt_status_t status = parse(argc, argv, &args);
  if (status == PLT_OK) status = plt_fault_script_load(args.script, args.sets.text, args.sets.n, &script);
  if (status == PLT_OK) status = plt_fault_proxy_open(args.listen, &script, args.report, &proxy);
  if (status == PLT_OK) status = tell_port(proxy, args.port_file);
  if (status == PLT_OK) status = plt_fault_proxy_run(proxy);
  if (status == PLT_OK) {
    char *tally = plt_fault_proxy_tally(proxy);
    puts(tally);
    free(tally);
  }
  plt_fault_proxy_close(&proxy);
  plt_sets_clear(&args.sets);
  return status;
}

const plt_command_t plt_command_fault_proxy = {
    .name = "fault-proxy",
    .summary = "pass messages on with faults, to test a cluster",
    .usage =
        "usage: plateau fault-proxy SCRIPT.yaml [options]\n\n"
        "Stands between workers and servers (cluster.proxy) and loses, repeats, reorders, damages and delays messages\n"
        "and cuts connections, as the script says. It runs until INT or TERM and then prints what it did.\n\n"
        "  --listen ADDRESS:PORT  default 127.0.0.1:0, a port of the system's choice\n"
        "  --port-file FILE       the port, written when connections are accepted\n"
        "  --report FILE          what was done so far, written once a second\n"
        "  --seed N               the same as --set seed=N\n"
        "  --set KEY=VALUE        overrides the script; may be repeated\n\n"
        "Example:\n"
        "  printf 'drop: 0.02\\nduplicate: 0.02\\nto_worker:\\n  corrupt: 0.01\\n' > faults.yaml\n"
        "  plateau fault-proxy faults.yaml --listen 127.0.0.1:1080 &\n"
        "  plateau train CONFIG.yaml --set cluster.transport=tcp --set cluster.proxy=127.0.0.1:1080\n\n"
        "Options of a script; those up to after_messages can be set for one direction only, below to_server or\n"
        "to_worker:\n\n",
    .options = &plt_fault_options,
    .run = run};
