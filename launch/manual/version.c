/* version.c - see version.h. */
#include "launch/manual/version.h"

#include "common/hash.h"
#include "common/io/json.h"
#include "common/io/yaml.h"
#include "common/isa.h"
#include "launch/cluster/rendezvous.h"
#include "plateau_commit.h"
#include "proto/frame.h"
#include "proto/wire/wire.h"
#include "ps/checkpoint/checkpoint.h"
#include "worker/math/gemm.h"
#include "worker/math/narrow.h"

typedef void (*library_fn)(char *out, size_t bytes);

static const library_fn libraries[] = {
    plt_wire_library, plt_frame_library, plt_checkpoint_library, plt_gemm_library,
    plt_yaml_library, plt_json_library,  plt_hash_library,       plt_rendezvous_library,
};

const char *plt_version(void) { return PLT_VERSION; }

void plt_version_print(FILE *out) {
  const char *processor = plt_isa_name(plt_isa_here());
  char label[PLT_GEMM_LABEL_MAX];
  fprintf(out, "plateau %s\n", PLT_VERSION);
  fprintf(out, "commit     %s\n", PLT_COMMIT);
  fprintf(out, "compiler   %s\n", PLT_COMPILER);
  fprintf(out, "libraries  ");
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    char name[64];
    libraries[i](name, sizeof name);
    fprintf(out, "%s%s", i == 0 ? "" : ", ", name);
  }
  plt_gemm_label(label);
  fprintf(out, "\nproducts   %s", label);
  if (processor != NULL) fprintf(out, "; the processor has %s", processor);
  if (plt_narrow_is_there()) fputs(", bfloat16 by AMX", out);
  fputc('\n', out);
}
