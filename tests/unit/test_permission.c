// SPDX-License-Identifier: MIT
/* Made-up processes, of every kind that can't be attached to. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/error.h"
#include "tracer/permission.h"

#define ALL_CAPABILITIES UINT64_MAX
#define PTRACE_CAPABILITY (1ull << 19)
#define US 54321

/** A made-up /proc in a folder of its own. */
struct world {
	char root[64];
	char yama[80];
	struct mw_permission_host host;
};

/** A made-up process; zeros are filled in. */
struct actor {
	pid_t pid;
	const char *name;
	pid_t tgid;
	char state;
	pid_t tracer;
	uid_t uid;
	uid_t saved_uid;
	gid_t gid;
	uint64_t permitted;
	int threads;
	bool no_memory;
};

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

static int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	strcpy(world->root, "/tmp/mw-proc-XXXXXX");
	if (!mkdtemp(world->root))
		return -1;
	snprintf(world->yama, sizeof(world->yama), "%s/ptrace_scope", world->root);
	world->host = (struct mw_permission_host){
		.proc = world->root, .yama = world->yama, .pid = 500, .uid = US, .gid = US};
	*state = world;
	return 0;
}

static int world_teardown(void **state)
{
	struct world *world = *state;

	nftw(world->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(world);
	return 0;
}

static void put_file(const struct world *world, pid_t pid, const char *name, const void *bytes,
		     size_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%d/%s", world->root, pid, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static void set_owner(const struct world *world, pid_t pid, uid_t owner)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d/mem", world->root, pid);
	if (geteuid())
		skip();
	assert_int_equal(chown(path, owner, (gid_t)-1), 0);
}

static void put_actor(const struct world *world, struct actor actor)
{
	char path[128], text[1024];
	uid_t uid = actor.uid ? actor.uid : US, saved = actor.saved_uid ? actor.saved_uid : uid;
	gid_t gid = actor.gid ? actor.gid : US;

	snprintf(path, sizeof(path), "%s/%d", world->root, actor.pid);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(text, sizeof(text),
		 "Name:\t%s\nState:\t%c (x)\nTgid:\t%d\nPid:\t%d\nPPid:\t1\nTracerPid:\t%d\n"
		 "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n%sThreads:\t%d\n"
		 "CapInh:\t0\nCapPrm:\t%016llx\nCapEff:\t0\nSeccomp:\t0\n",
		 actor.name, actor.state ? actor.state : 'S', actor.tgid ? actor.tgid : actor.pid,
		 actor.pid, actor.tracer, uid, uid, saved, uid, gid, gid, gid, gid,
		 actor.no_memory ? "" : "VmSize:\t100 kB\n", actor.threads ? actor.threads : 1,
		 (unsigned long long)actor.permitted);
	put_file(world, actor.pid, "status", text, strlen(text));
	put_file(world, actor.pid, "mem", "", 0);
	if (!geteuid())
		set_owner(world, actor.pid, uid);
}

static void put_elf(const struct world *world, pid_t pid, unsigned char elf_class, uint16_t machine)
{
	Elf32_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', elf_class, ELFDATA2LSB, EV_CURRENT},
			     .e_type = ET_EXEC,
			     .e_machine = machine,
			     .e_version = EV_CURRENT};

	put_file(world, pid, "exe", &header, sizeof(header));
}

static void put_namespace(const struct world *world, pid_t pid, const char *target)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d/ns", world->root, pid);
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/user");
	assert_int_equal(symlink(target, path), 0);
}

static void set_scope(const struct world *world, const char *scope)
{
	FILE *file = fopen(world->yama, "we");

	fprintf(file, "%s\n", scope);
	fclose(file);
}

static void expect(struct mw_error *err, enum mw_error_code code, const char *message)
{
	assert_non_null(err);
	assert_string_equal(err->message, message);
	assert_int_equal(err->code, code);
	assert_null(strchr(err->message, '\n'));
	mw_error_destroy(err);
}

static void expect_part(struct mw_error *err, enum mw_error_code code, const char *part)
{
	assert_non_null(err);
	if (!strstr(err->message, part))
		fail_msg("\"%s\" is not in \"%s\"", part, err->message);
	assert_int_equal(err->code, code);
	mw_error_destroy(err);
}

static struct mw_error *explain(const struct world *world, pid_t pid)
{
	return mw_permission_explain(pid, EPERM, &world->host);
}

static void test_an_ordinary_process_passes(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "redis-server"});
	put_elf(world, 600, ELFCLASS64, EM_X86_64);
	assert_null(mw_permission_check(600, &world->host));
}

static void test_a_missing_process_is_named(void **state)
{
	const struct world *world = *state;

	expect(mw_permission_check(600, &world->host), MW_ERROR_NOT_FOUND,
	       "there is no process 600");
	expect(mw_permission_explain(600, ESRCH, &world->host), MW_ERROR_NOT_FOUND,
	       "there is no process 600");
	expect(mw_permission_check(0, &world->host), MW_ERROR_USAGE, "0 is not a process id");
	expect(mw_permission_check(-3, &world->host), MW_ERROR_USAGE, "-3 is not a process id");
}

static bool exists(pid_t pid)
{
	return pid == 600;
}

static void test_a_process_that_proc_hides_is_told_from_a_missing_one(void **state)
{
	struct world *world = *state;

	world->host.exists = exists;
	expect_part(mw_permission_check(600, &world->host), MW_ERROR_PERMISSION, "hidepid");
	expect_part(mw_permission_check(601, &world->host), MW_ERROR_NOT_FOUND, "no process 601");
}

static void test_a_thread_names_its_process(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 4711, .name = "redis-server"});
	put_actor(world, (struct actor){.pid = 4712, .name = "bio_lazy_free", .tgid = 4711});
	expect(mw_permission_check(4712, &world->host), MW_ERROR_USAGE,
	       "4712 is a thread of process 4711 (redis-server): attach to 4711");
}

static void test_memwatch_and_its_threads_are_refused(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 500, .name = "memwatch"});
	put_actor(world, (struct actor){.pid = 501, .name = "tracer", .tgid = 500});
	expect(mw_permission_check(500, &world->host), MW_ERROR_USAGE,
	       "cannot attach to 500 (memwatch): that is memwatch itself");
	expect(mw_permission_check(501, &world->host), MW_ERROR_USAGE,
	       "cannot attach to 501 (tracer): that is memwatch itself");
}

static void test_a_zombie_names_its_parent(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 1, .name = "init"});
	put_actor(world,
		  (struct actor){.pid = 600, .name = "job", .state = 'Z', .no_memory = true});
	expect(mw_permission_check(600, &world->host), MW_ERROR_OTHER,
	       "cannot attach to 600 (job): it has ended, and waits for its parent init (pid 1) "
	       "to notice");
}

static void test_an_ended_first_thread_is_no_zombie_process(void **state)
{
	const struct world *world = *state;

	put_actor(
		world,
		(struct actor){
			.pid = 600, .name = "job", .state = 'Z', .no_memory = true, .threads = 3});
	assert_null(mw_permission_check(600, &world->host));
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "its first thread has ended");
}

static void test_a_kernel_thread_is_refused(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 2, .name = "kthreadd", .no_memory = true});
	expect(mw_permission_check(2, &world->host), MW_ERROR_OTHER,
	       "cannot attach to 2 (kthreadd): it is a kernel thread, which has no memory of its "
	       "own");
}

static void test_another_tracer_is_named(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 4650, .name = "gdb"});
	put_actor(world, (struct actor){.pid = 4711, .name = "redis-server", .tracer = 4650});
	put_actor(world, (struct actor){.pid = 4712, .name = "mine", .tracer = 500});
	put_actor(world, (struct actor){.pid = 4713, .name = "lost", .tracer = 9999});
	expect(mw_permission_check(4711, &world->host), MW_ERROR_PERMISSION,
	       "cannot attach to 4711 (redis-server): it is already traced by gdb (pid 4650)");
	expect(explain(world, 4711), MW_ERROR_PERMISSION,
	       "cannot attach to 4711 (redis-server): it is already traced by gdb (pid 4650)");
	expect_part(mw_permission_check(4712, &world->host), MW_ERROR_OTHER, "this memwatch");
	expect_part(mw_permission_check(4713, &world->host), MW_ERROR_PERMISSION,
		    "traced by ? (pid 9999)");
}

static void test_a_tracing_thread_is_told_by_its_process(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 501, .name = "tracer", .tgid = 500});
	put_actor(world, (struct actor){.pid = 4650, .name = "lldb-server"});
	put_actor(world, (struct actor){.pid = 4651, .name = "lldb-worker", .tgid = 4650});
	put_actor(world, (struct actor){.pid = 4711, .name = "redis-server", .tracer = 4651});
	put_actor(world, (struct actor){.pid = 4712, .name = "mine", .tracer = 501});
	expect(mw_permission_check(4711, &world->host), MW_ERROR_PERMISSION,
	       "cannot attach to 4711 (redis-server): it is already traced by lldb-server (pid "
	       "4650)");
	expect(mw_permission_check(4712, &world->host), MW_ERROR_OTHER,
	       "cannot attach to 4712 (mine): this memwatch is attached to it already");
}

static void test_a_32_bit_program_is_refused(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "old"});
	put_elf(world, 600, ELFCLASS32, EM_386);
	expect(mw_permission_check(600, &world->host), MW_ERROR_OTHER,
	       "cannot attach to 600 (old): it is a 32-bit program; memwatch watches 64-bit "
	       "processes only");
}

static void test_a_program_for_another_processor_is_refused(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "arm"});
	put_elf(world, 600, ELFCLASS64, EM_AARCH64);
	expect_part(mw_permission_check(600, &world->host), MW_ERROR_OTHER, "ELF machine 183");
}

static void test_a_program_that_is_no_elf_or_cut_short_is_not_judged(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "short"});
	put_file(world, 600, "exe",
		 "\x7f"
		 "ELF\1",
		 5);
	assert_null(mw_permission_check(600, &world->host));
	put_file(world, 600, "exe",
		 "#!/bin/sh and so on until it is long enough for a header .....", 60);
	assert_null(mw_permission_check(600, &world->host));
}

static void test_another_user_is_named_beside_ours(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "job", .uid = 65534});
	assert_null(mw_permission_check(600, &world->host));
	expect_part(
		explain(world, 600), MW_ERROR_PERMISSION,
		"it belongs to nobody (uid 65534), and memwatch runs as uid 54321: run memwatch "
		"with sudo");
}

static void test_changed_user_ids_are_not_called_another_user(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "job", .saved_uid = 3});
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "it has changed its user ids");
}

static void test_another_group_is_named(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "job", .gid = 7});
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "its group (gid 7)");
}

static void test_an_undumpable_process_shows_by_the_owner_of_its_files(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "ssh-agent"});
	set_owner(world, 600, 0);
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "it is not dumpable");
}

static void test_each_scope_of_yama_has_its_remedy(void **state)
{
	struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "job"});
	set_scope(world, "1");
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "`memwatch launch`");
	set_scope(world, "2");
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "with CAP_SYS_PTRACE only");
	set_scope(world, "3");
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "until the next boot");
	world->host.cap_effective = ALL_CAPABILITIES;
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "until the next boot");
	set_scope(world, "1");
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "without saying why");
	set_scope(world, "0");
	world->host.cap_effective = 0;
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "without saying why");
}

static void test_capabilities_beyond_ours_are_told(void **state)
{
	struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "ping", .permitted = 1 << 13});
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "it has capabilities");
	world->host.cap_permitted = 1 << 13;
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "without saying why");
}

static void test_another_user_namespace_is_told(void **state)
{
	struct world *world = *state;

	put_actor(world, (struct actor){.pid = 500, .name = "memwatch"});
	put_actor(world, (struct actor){.pid = 600, .name = "job"});
	put_actor(world, (struct actor){.pid = 601, .name = "neighbour"});
	put_namespace(world, 500, "user:[4026531837]");
	put_namespace(world, 600, "user:[4026532222]");
	put_namespace(world, 601, "user:[4026531837]");
	world->host.cap_effective = PTRACE_CAPABILITY;
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "another user namespace");
	expect_part(explain(world, 601), MW_ERROR_PERMISSION, "without saying why");
}

static void test_root_without_the_capability_is_not_told_to_use_sudo(void **state)
{
	struct world *world = *state;

	world->host.uid = 0;
	put_actor(world, (struct actor){.pid = 600, .name = "job"});
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "--cap-add=SYS_PTRACE");
}

static void test_our_own_sandbox_is_blamed_after_all_else(void **state)
{
	struct world *world = *state;

	world->host.seccomp = true;
	put_actor(world, (struct actor){.pid = 600, .name = "job"});
	expect_part(explain(world, 600), MW_ERROR_PERMISSION, "seccomp");
}

static void test_any_other_errno_is_passed_on(void **state)
{
	const struct world *world = *state;

	put_actor(world, (struct actor){.pid = 600, .name = "job"});
	expect(mw_permission_explain(600, EIO, &world->host), MW_ERROR_OS,
	       "cannot attach to 600 (job): Input/output error");
	expect_part(mw_permission_explain(600, ESRCH, &world->host), MW_ERROR_NOT_FOUND,
		    "it is just ending");
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(test_an_ordinary_process_passes),
		in_world(test_a_missing_process_is_named),
		in_world(test_a_process_that_proc_hides_is_told_from_a_missing_one),
		in_world(test_a_thread_names_its_process),
		in_world(test_memwatch_and_its_threads_are_refused),
		in_world(test_a_zombie_names_its_parent),
		in_world(test_an_ended_first_thread_is_no_zombie_process),
		in_world(test_a_kernel_thread_is_refused),
		in_world(test_another_tracer_is_named),
		in_world(test_a_tracing_thread_is_told_by_its_process),
		in_world(test_a_32_bit_program_is_refused),
		in_world(test_a_program_for_another_processor_is_refused),
		in_world(test_a_program_that_is_no_elf_or_cut_short_is_not_judged),
		in_world(test_another_user_is_named_beside_ours),
		in_world(test_changed_user_ids_are_not_called_another_user),
		in_world(test_another_group_is_named),
		in_world(test_an_undumpable_process_shows_by_the_owner_of_its_files),
		in_world(test_each_scope_of_yama_has_its_remedy),
		in_world(test_capabilities_beyond_ours_are_told),
		in_world(test_another_user_namespace_is_told),
		in_world(test_root_without_the_capability_is_not_told_to_use_sudo),
		in_world(test_our_own_sandbox_is_blamed_after_all_else),
		in_world(test_any_other_errno_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
