/* Scripts: what they may say, what they may not, and that decisions are a function of the message's number. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/time.h"
#include "launch/fault/script.h"

static plt_status_t load(const char *text, const char *set, plt_fault_script_t *script) {
  char path[] = "/tmp/plateau-test-XXXXXX";
  int fd = mkstemp(path);
  cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
  plt_status_t status = plt_fault_script_load(path, &set, set != NULL, script);
  unlink(path);
  return status;
}

Test(script, directions_take_what_is_said_for_both) {
  plt_fault_script_t script;
  const char *text =
      "drop: 0.25\nduplicate: 0.5\nduplicate_ms: [3, 7]\nseed: 9\nafter_messages: 4\n"
      "to_worker:\n  drop: 0\n  delay: 1\n  delay_ms: [2, 2]\n";
  cr_assert_eq(load(text, "partition.every_s=20", &script), PLT_OK, "%s", plt_fail_text());
  const plt_fault_rules_t *to_server = &script.rules[PLT_TO_SERVER], *to_worker = &script.rules[PLT_TO_WORKER];
  cr_assert(script.seed == 9 && script.partition_every_s == 20 && script.partition_s == 5);
  cr_assert(to_server->probability[PLT_FAULT_DROP] == 0.25 && to_worker->probability[PLT_FAULT_DROP] == 0);
  cr_assert(to_server->probability[PLT_FAULT_DUPLICATE] == 0.5 && to_worker->probability[PLT_FAULT_DUPLICATE] == 0.5);
  cr_assert(to_server->probability[PLT_FAULT_DELAY] == 0 && to_worker->probability[PLT_FAULT_DELAY] == 1);
  cr_assert(to_server->duplicate_ms[1] == 7 && to_worker->delay_ms[0] == 2 && to_server->delay_ms[1] == 50);
  cr_assert(to_server->after_messages == 4 && to_worker->after_messages == 4);
  cr_assert(!plt_fault_decide(&script, 0, PLT_TO_WORKER, 3).any);
  plt_fault_t fault = plt_fault_decide(&script, 0, PLT_TO_WORKER, 4);
  cr_assert(fault.has[PLT_FAULT_DELAY] && fault.late_ns == 2 * PLT_NS_PER_MS);
}

Test(script, mistakes_are_told) {
  static const char *const cases[][2] = {{"dorp: 0.1", "did you mean drop"},
                                         {"drop: 1.5", "[0, 1]"},
                                         {"to_sever:\n  drop: 0.1", "to_sever.drop"},
                                         {"to_server:\n  seed: 3", "to_server.seed"},
                                         {"delay_ms: 5", "takes two numbers"},
                                         {"delay_ms: [5, 2]", "takes two numbers"},
                                         {"to_worker:\n  duplicate_ms: [1, 2, 3]", "to_worker.duplicate_ms"},
                                         {"partition:\n  every_s: 3", "less than partition.every_s"},
                                         {"stall_s: 1e300", "stall_s"},
                                         {"partition: {every_s: 1e300}", "partition.every_s"},
                                         {"after_messages: -1", "after_messages"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_fault_script_t script;
    cr_assert_eq(load(cases[i][0], NULL, &script), PLT_ERR_USAGE, "%s", cases[i][0]);
    cr_assert_not_null(strstr(plt_fail_text(), cases[i][1]), "\"%s\" is not in \"%s\"", cases[i][1], plt_fail_text());
  }
}

Test(script, decisions_are_a_function_of_the_number) {
  plt_fault_script_t script, other;
  const char *text = "drop: 0.3\nduplicate: 0.3\ncorrupt: 0.3\ndelay: 0.3\n";
  cr_assert_eq(load(text, NULL, &script), PLT_OK);
  cr_assert_eq(load(text, "seed=2", &other), PLT_OK);
  size_t differ[4] = {0};
  for (uint64_t message = 0; message < 2000; message++) {
    plt_fault_t fault = plt_fault_decide(&script, 5, PLT_TO_SERVER, message);
    plt_fault_t again = plt_fault_decide(&script, 5, PLT_TO_SERVER, message);
    cr_assert_eq(memcmp(fault.has, again.has, sizeof fault.has), 0);
    cr_assert(fault.late_ns == again.late_ns && fault.bit == again.bit && fault.frame == again.frame);
    plt_fault_t others[] = {plt_fault_decide(&script, 6, PLT_TO_SERVER, message),
                            plt_fault_decide(&script, 5, PLT_TO_WORKER, message),
                            plt_fault_decide(&script, 5, PLT_TO_SERVER, message + (UINT64_C(1) << 32)),
                            plt_fault_decide(&other, 5, PLT_TO_SERVER, message)};
    for (size_t i = 0; i < 4; i++) differ[i] += memcmp(fault.has, others[i].has, sizeof fault.has) != 0;
  }
  for (size_t i = 0; i < 4; i++) cr_assert_gt(differ[i], 1000, "connection, direction, message or seed: %zu", i);
}

Test(script, faults_are_as_frequent_as_asked_for) {
  plt_fault_script_t script;
  enum { N = 100000 };
  cr_assert_eq(load("duplicate: 0.2\nreorder: 0.01\ncorrupt: 0.5\ndelay: 0.1\nstall: 0.03\n", NULL, &script), PLT_OK);
  double want[PLT_FAULT_KINDS] = {[PLT_FAULT_DUPLICATE] = 0.2,
                                  [PLT_FAULT_REORDER] = 0.01,
                                  [PLT_FAULT_CORRUPT] = 0.5,
                                  [PLT_FAULT_DELAY] = 0.1,
                                  [PLT_FAULT_STALL] = 0.03},
         got[PLT_FAULT_KINDS] = {0}, late = 0;
  for (uint64_t message = 0; message < N; message++) {
    plt_fault_t fault = plt_fault_decide(&script, 0, PLT_TO_SERVER, message);
    for (size_t kind = 0; kind < PLT_FAULT_KINDS; kind++) got[kind] += fault.has[kind];
    if (!fault.has[PLT_FAULT_DELAY]) continue;
    cr_assert(fault.late_ns >= PLT_NS_PER_MS && fault.late_ns <= 50 * PLT_NS_PER_MS);
    late += (double)fault.late_ns / (double)PLT_NS_PER_MS;
  }
  for (size_t kind = 0; kind < PLT_FAULT_KINDS; kind++) {
    double deviation = sqrt(N * want[kind] * (1 - want[kind]));
    cr_assert(fabs(got[kind] - N * want[kind]) <= 5 * deviation, "%s: %g of %d", plt_fault_names[kind], got[kind], N);
  }
  cr_assert(fabs(late / got[PLT_FAULT_DELAY] - 25.5) < 1, "%g ms", late / got[PLT_FAULT_DELAY]);
}

Test(script, the_stronger_hides_the_weaker) {
  plt_fault_script_t script;
  cr_assert_eq(load("duplicate: 1\ncorrupt: 1\ndelay: 1\ndrop: 0.5\ncut: 0.5\n", NULL, &script), PLT_OK);
  for (uint64_t message = 0; message < 1000; message++) {
    plt_fault_t fault = plt_fault_decide(&script, 0, PLT_TO_SERVER, message);
    int n = 0;
    for (size_t kind = 0; kind < PLT_FAULT_KINDS; kind++) n += fault.has[kind];
    cr_assert(fault.has[PLT_FAULT_DROP] || fault.has[PLT_FAULT_CUT] ? n == 1 : n == 3);
  }
}
