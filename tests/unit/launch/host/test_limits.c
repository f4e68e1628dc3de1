/* What control groups allow, read from made-up files of both versions. */
#include "launch/host/limits.h"

#include "tests/unit/common/scratch.h"

TestSuite(limits, .init = scratch_make, .fini = scratch_remove);

static void put(const char *path, const char *text) {
  char dir[PLT_PATH_MAX];
  snprintf(dir, sizeof dir, "%s", scratch_path(path));
  *strrchr(dir, '/') = '\0';
  CR_OK(plt_dir_create(dir));
  scratch_write_text(path, text);
}

Test(limits, none) {
  plt_limits_group_t limits = plt_limits_group(scratch);
  cr_assert(limits.memory_free == UINT64_MAX && limits.memory_most == UINT64_MAX && limits.cores == 0);
  put("proc/self/cgroup", "0::/\n");
  put("sys/fs/cgroup/memory.max", "max\n");
  put("sys/fs/cgroup/cpu.max", "max 100000\n");
  limits = plt_limits_group(scratch);
  cr_assert(limits.memory_free == UINT64_MAX && limits.memory_most == UINT64_MAX && limits.cores == 0);
}

Test(limits, none_of_version_1) {
  put("proc/self/cgroup", "4:memory:/job\n3:cpu:/job\n");
  put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  plt_limits_group_t limits = plt_limits_group(scratch);
  cr_assert(limits.memory_free == UINT64_MAX && limits.memory_most == UINT64_MAX && limits.cores == 0);
}

Test(limits, the_least_of_nested_groups) {
  put("proc/self/cgroup", "0::/job/step\n");
  put("sys/fs/cgroup/job/memory.max", "1000000\n");
  put("sys/fs/cgroup/job/memory.stat", "anon 300000\nfile 500000\n");
  put("sys/fs/cgroup/job/step/memory.max", "2000000\n");
  put("sys/fs/cgroup/job/step/memory.stat", "anon 100000\n");
  put("sys/fs/cgroup/job/cpu.max", "300000 100000\n");
  put("sys/fs/cgroup/job/step/cpu.max", "150000 100000\n");
  plt_limits_group_t limits = plt_limits_group(scratch);
  cr_assert_eq(limits.memory_free, 700000);
  cr_assert_eq(limits.memory_most, 1000000);
  cr_assert_eq(limits.cores, 1.5);
}

Test(limits, version_1) {
  put("proc/self/cgroup", "11:cpu,cpuacct:/job\n4:memory:/job\n3:cpuset:/job\n1:name=systemd:/x\n");
  put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "5000000\n");
  put("sys/fs/cgroup/memory/job/memory.stat", "cache 77\nrss 9\ntotal_rss 1000000\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "50000\n");
  put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  plt_limits_group_t limits = plt_limits_group(scratch);
  cr_assert_eq(limits.memory_free, 4000000);
  cr_assert_eq(limits.memory_most, 5000000);
  cr_assert_eq(limits.cores, 0.5);
}

/* In a container /proc names the group as the host sees it, and the tree that is there begins with it. */
Test(limits, of_a_container) {
  put("proc/self/cgroup", "0::/kubepods/pod7/c3\n");
  put("sys/fs/cgroup/memory.max", "4096\n");
  put("sys/fs/cgroup/cpu.max", "400000 100000\n");
  plt_limits_group_t limits = plt_limits_group(scratch);
  cr_assert_eq(limits.memory_free, 4096);
  cr_assert_eq(limits.cores, 4);
}
