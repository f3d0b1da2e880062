// SPDX-License-Identifier: MIT
/*
 * `remap MODE`: stores into `*value`, and unmaps, moves, empties or protects the memory around it.
 * Prints what each step must have done (`see OLD NEW`), and checks every result of its own calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "tracee.h"

#define PAGE 4096ul
/* Out of the way of whatever the kernel maps by itself. */
#define PLACE ((char *)0x200000000000)
#define ELSEWHERE ((char *)0x210000000000)
#define RW (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static unsigned long failures;
static sigjmp_buf escape;
static volatile int caught;

/* The watch is `*(long *)0x200000001000`, or a range: the address is known beforehand. */
static char *const area = PLACE;
static long *const value = (long *)(PLACE + PAGE);

static void check(int ok, int line)
{
	if (ok)
		return;
	printf("wrong line %d errno %d\n", line, errno);
	failures++;
}
#define CHECK(condition) check(!!(condition), __LINE__)

static void see(const char *cause, const char *old, const char *new)
{
	printf("see\t%s\t%s\t%s\n", cause, old, new);
}

static void see_numbers(const char *cause, long old, long new)
{
	char old_text[32], new_text[32];

	snprintf(old_text, sizeof(old_text), "%ld", old);
	snprintf(new_text, sizeof(new_text), "%ld", new);
	see(cause, old_text, new_text);
}

static void see_unmapped(const char *call, long old)
{
	char cause[32], old_text[32];

	snprintf(cause, sizeof(cause), "unmap %s", call);
	snprintf(old_text, sizeof(old_text), "%ld", old);
	see(cause, old_text, "<unmapped>");
}

NOINLINE static void store(long *to, long number)
{
	long old = *to;

	*to = number; /* LINE:store */
	BARRIER();
	CHECK(*to == number);
	see_numbers("store", old, number);
}

static void on_fault(int signal)
{
	caught = signal;
	siglongjmp(escape, 1);
}

/* The signal that a store ends in; 0 for none. */
NOINLINE static int fault_of(volatile char *to)
{
	caught = 0;
	if (!sigsetjmp(escape, 1))
		*to = 1;
	return caught;
}

static void map_area(int flags, int fd)
{
	CHECK(mmap(area, 8 * PAGE, RW, flags | MAP_FIXED_NOREPLACE, fd, 0) == area);
}

/* memwatch is told to wait for this: the memory is there now. */
static void announce(void)
{
	printf("mapped 1\n");
	fflush(stdout);
	tracee_read_line();
}

static void map_private(void)
{
	map_area(ANONYMOUS, -1);
	memset(area + 2 * PAGE, 'x', PAGE);
	announce();
}

static void end_unmapped(void)
{
	CHECK(fault_of((char *)value) == SIGSEGV);
}

static void do_munmap(void)
{
	map_private();
	store(value, 5);
	CHECK(munmap(area, 8 * PAGE) == 0);
	see_unmapped("munmap", 5);
	end_unmapped();
	/* An unrelated mapping in the same place is not watched. */
	map_area(ANONYMOUS, -1);
	*value = 7;
	CHECK(*value == 7);
}

/* What a debugger sees of watchpoint_syscall in rr's tests: read, mmap over, munmap. */
static void do_sequence(void)
{
	int zero = open("/dev/zero", O_RDONLY);

	map_private();
	store(value, 97);
	CHECK(read(zero, value, sizeof(*value)) == sizeof(*value));
	see_numbers("syscall read", 97, 0);
	store(value, 98);
	CHECK(mmap(value, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0) == value);
	see_numbers("syscall mmap", 98, 0);
	store(value, 99);
	CHECK(munmap(value, PAGE) == 0);
	see_unmapped("munmap", 99);
	end_unmapped();
	close(zero);
}

static void do_map_over_readonly(void)
{
	map_private();
	store(value, 5);
	CHECK(mmap(value, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) == value);
	see_numbers("syscall mmap", 5, 0);
	CHECK(fault_of((char *)value) == SIGSEGV);
	CHECK(mprotect(value, PAGE, RW) == 0);
	store(value, 6);
}

static void do_move(void)
{
	long *moved = (long *)(ELSEWHERE + PAGE);

	map_private();
	store(value, 5);
	CHECK(mremap(area, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE) ==
	      ELSEWHERE);
	CHECK(*moved == 5 && ELSEWHERE[2 * PAGE] == 'x');
	end_unmapped();
	store(moved, 6);
	/* And back, with only the page itself, in the middle of a mapping. */
	CHECK(mremap(moved, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, value) == value);
	store(value, 7);
	CHECK(munmap(value, PAGE) == 0);
	see_unmapped("munmap", 7);
	CHECK(ELSEWHERE[2 * PAGE] == 'x' && fault_of((char *)moved) == SIGSEGV);
}

static void do_dontunmap(void)
{
	long *moved = (long *)(ELSEWHERE + PAGE);

	map_private();
	store(value, 5);
	CHECK(mremap(area, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		     ELSEWHERE) == ELSEWHERE);
	CHECK(*moved == 5 && *value == 0);
	*value = 1;
	store(moved, 6);
	CHECK(*value == 1);
}

static void do_grow(void)
{
	map_private();
	store(value, 5);
	CHECK(mremap(area, 8 * PAGE, 64 * PAGE, 0) == area);
	store(value, 6);
	memset(area + 8 * PAGE, 'y', 56 * PAGE);
	CHECK(area[64 * PAGE - 1] == 'y');
	CHECK(mremap(area, 64 * PAGE, 2 * PAGE, 0) == area);
	store(value, 7);
	CHECK(fault_of(area + 2 * PAGE) == SIGSEGV);
	CHECK(mremap(area, 2 * PAGE, PAGE, 0) == area);
	see_unmapped("mremap", 7);
	end_unmapped();
}

/* Something else moves to where the watch is. */
static void do_move_over(void)
{
	long *other;

	map_private();
	other = mmap(ELSEWHERE, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	*other = 11;
	store(value, 5);
	CHECK(mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, value) == value);
	see_numbers("syscall mremap", 5, 11);
	store(value, 12);
}

static void do_failing(void)
{
	map_private();
	store(value, 5);
	errno = 0;
	CHECK(mremap(area, 8 * PAGE, 16 * PAGE, MREMAP_FIXED, ELSEWHERE) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(mremap(area, 9 * PAGE, 16 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	CHECK(munmap(area + 1, PAGE) == -1 && errno == EINVAL);
	CHECK(mprotect(area, 16 * PAGE, RW) == -1 && errno == ENOMEM);
	CHECK(madvise(area, 16 * PAGE, MADV_DONTNEED) == -1 && errno == ENOMEM);
	see_numbers("syscall madvise", 5, 0);
	store(value, 6);
}

static void do_protect(void)
{
	map_private();
	store(value, 5);
	CHECK(mprotect(area, 8 * PAGE, PROT_READ) == 0);
	CHECK(fault_of((char *)value) == SIGSEGV && *value == 5);
	CHECK(mprotect(area, 8 * PAGE, PROT_NONE) == 0);
	CHECK(fault_of((char *)value) == SIGSEGV);
	CHECK(mprotect(area, 8 * PAGE, RW | PROT_EXEC) == 0);
	store(value, 6);
	CHECK(syscall(SYS_pkey_mprotect, value, PAGE, RW, -1) == 0);
	store(value, 7);
	CHECK(fault_of(area + 3 * PAGE) == 0);
}

static void do_madvise(void)
{
	static const int harmless[] = {MADV_NORMAL,   MADV_RANDOM,   MADV_WILLNEED,
				       MADV_DONTFORK, MADV_DOFORK,   MADV_COLD,
				       MADV_PAGEOUT,  MADV_DONTDUMP, MADV_SEQUENTIAL};

	map_private();
	store(value, 5);
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		CHECK(madvise(area, 8 * PAGE, harmless[i]) == 0);
	CHECK(mlock(area, 8 * PAGE) == 0 && munlock(area, 8 * PAGE) == 0);
	store(value, 6);
	CHECK(madvise(area, 8 * PAGE, MADV_DONTNEED) == 0);
	see_numbers("syscall madvise", 6, 0);
	CHECK(*value == 0 && area[2 * PAGE] == 0);
	store(value, 7);
}

/* Without memory to be short of, what may be dropped later stays; a store keeps it for good. */
static void do_free_later(void)
{
	map_private();
	store(value, 5);
	CHECK(madvise(area, 8 * PAGE, MADV_FREE) == 0);
	store(value, 6);
	CHECK(madvise(area, 8 * PAGE, 25 /* MADV_COLLAPSE */) == 0 || errno);
	store(value, 7);
	/* Without a write bit in sight the kernel would refuse. */
	CHECK(madvise(area, 8 * PAGE, 23 /* MADV_POPULATE_WRITE */) == 0 || errno == EINVAL);
	store(value, 8);
	CHECK(mlock(area, 8 * PAGE) == 0);
	CHECK(madvise(area, 8 * PAGE, MADV_DONTNEED) == -1 && errno == EINVAL);
	if (madvise(area, 8 * PAGE, 24 /* MADV_DONTNEED_LOCKED */) == 0)
		see_numbers("syscall madvise", 8, 0);
	store(value, 9);
}

/* Only recent kernels let a process empty its own memory in this way. */
static void do_advise_by_pidfd(void)
{
	struct iovec parts[2] = {{area + 4 * PAGE, PAGE}, {value, PAGE}};
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long result;

	map_private();
	store(value, 5);
	result = syscall(SYS_process_madvise, fd, parts, 2, MADV_DONTNEED, 0);
	if (result >= 0) {
		CHECK(result == 2 * PAGE && *value == 0);
		see_numbers("syscall process_madvise", 5, 0);
	}
	store(value, 6);
	CHECK(syscall(SYS_process_madvise, fd, parts, 2, MADV_DONTNEED, 1) == -1 &&
	      errno == EINVAL);
	store(value, 7);
	close(fd);
}

/* Another page of the same file comes to where the watch is. */
static void do_remap_file_pages(void)
{
	int fd = memfd_create("remap", 0);

	CHECK(ftruncate(fd, 8 * PAGE) == 0);
	map_area(MAP_SHARED, fd);
	((long *)(area + 3 * PAGE))[0] = 33;
	announce();
	store(value, 5);
	CHECK(syscall(SYS_remap_file_pages, value, PAGE, 0, 3, 0) == 0);
	see_numbers("syscall remap_file_pages", 5, 33);
	store(value, 6);
	CHECK(((long *)(area + 3 * PAGE))[0] == 6);
	close(fd);
}

static void do_shared(void)
{
	int fd = memfd_create("remap", 0);

	CHECK(ftruncate(fd, 8 * PAGE) == 0);
	map_area(MAP_SHARED, fd);
	announce();
	store(value, 5);
	CHECK(madvise(area, 8 * PAGE, MADV_REMOVE) == 0);
	see_numbers("syscall madvise", 5, 0);
	store(value, 6);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE) == 0);
	see_numbers("syscall fallocate", 6, 0);
	store(value, 7);
	CHECK(mremap(area, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE) ==
	      ELSEWHERE);
	store((long *)(ELSEWHERE + PAGE), 8);
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	store((long *)(ELSEWHERE + PAGE), 9);
	CHECK(ftruncate(fd, PAGE) == 0);
	see_unmapped("ftruncate", 9);
	CHECK(fault_of(ELSEWHERE + PAGE) == SIGBUS);
	CHECK(fault_of(ELSEWHERE) == 0);
}

static void do_truncate(void)
{
	int fd = memfd_create("remap", 0);

	CHECK(ftruncate(fd, 8 * PAGE) == 0);
	map_area(MAP_SHARED, fd);
	announce();
	store(value, 5);
	CHECK(ftruncate(fd, PAGE) == 0);
	see_unmapped("ftruncate", 5);
	CHECK(fault_of((char *)value) == SIGBUS);
	CHECK(ftruncate(fd, 8 * PAGE) == 0);
	*value = 6;
	CHECK(*value == 6);
}

/* A file with a path, in a folder of its own that is the working directory. */
#define FILE_NAME "mapped"

static char folder[] = "/tmp/mw-remap-XXXXXX";
static char file_path[64];

static int map_file(void)
{
	int fd;

	CHECK(mkdtemp(folder) && chdir(folder) == 0);
	snprintf(file_path, sizeof(file_path), "%s/" FILE_NAME, folder);
	fd = open(FILE_NAME, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 8 * PAGE) == 0);
	map_area(MAP_SHARED, fd);
	((long *)(area + 2 * PAGE))[0] = 22;
	announce();
	return fd;
}

static void remove_file(void)
{
	CHECK(unlink(FILE_NAME) == 0 && rmdir(folder) == 0);
}

static void do_truncate_by_path(void)
{
	close(map_file());
	store(value, 5);
	CHECK(truncate(file_path, 4 * PAGE) == 0);
	store(value, 6);
	CHECK(truncate("/tmp/mw-remap-not-there", 0) == -1 && errno == ENOENT);
	CHECK(open(FILE_NAME, O_RDWR | O_CREAT | O_EXCL | O_TRUNC, 0600) == -1 && errno == EEXIST);
	CHECK(open(FILE_NAME, O_RDWR | O_TRUNC | O_DIRECTORY) == -1 && errno == ENOTDIR);
	store(value, 7);
	CHECK(truncate(FILE_NAME, PAGE) == 0);
	see_unmapped("truncate", 7);
	CHECK(fault_of((char *)value) == SIGBUS);
	CHECK(truncate(FILE_NAME, 8 * PAGE) == 0);
	*value = 6;
	CHECK(*value == 6);
	remove_file();
}

/* Each empties the file, by another call and another kind of path. */
static long empty_by_creat(int fd)
{
	(void)fd;
	return syscall(SYS_creat, FILE_NAME, 0600);
}

static long empty_by_open(int fd)
{
	/* A link whose time of access is to be noted isn't followed without a lock. */
	const struct timespec times[] = {{.tv_sec = INT32_MAX}, {.tv_nsec = UTIME_OMIT}};

	(void)fd;
	CHECK(symlink(file_path, "link") == 0);
	errno = 0;
	CHECK(syscall(SYS_open, "link", O_RDWR | O_TRUNC | O_NOFOLLOW) == -1 && errno == ELOOP);
	CHECK(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW) == 0);
	/* Whoever calls it has looked at it before. */
	CHECK(access("link", F_OK) == 0);
	return syscall(SYS_open, "link", O_RDWR | O_TRUNC);
}

static long empty_by_openat(int fd)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY);

	(void)fd;
	CHECK(chdir("/") == 0);
	fd = (int)syscall(SYS_openat, dir, FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fchdir(dir) == 0);
	return fd;
}

static long empty_by_openat2(int fd)
{
	const struct open_how how = {.flags = O_RDWR | O_TRUNC, .resolve = RESOLVE_IN_ROOT};
	int dir = open(folder, O_RDONLY | O_DIRECTORY);

	(void)fd;
	return syscall(SYS_openat2, dir, "/" FILE_NAME, &how, sizeof(how));
}

static long empty_by_descriptor(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_TRUNC);
}

static void empty_file(const char *call, long (*empty)(int fd))
{
	int fd = map_file(), opened;

	store(value, 5);
	opened = (int)empty(fd);
	CHECK(opened > fd && write(opened, "x", 1) == 1);
	see_unmapped(call, 5);
	CHECK(fault_of((char *)value) == SIGBUS && fault_of(area) == 0);
	CHECK(ftruncate(fd, 8 * PAGE) == 0);
	*value = 6;
	CHECK(*value == 6);
	unlink("link");
	remove_file();
}

static void do_creat(void)
{
	empty_file("creat", empty_by_creat);
}

static void do_open(void)
{
	empty_file("open", empty_by_open);
}

static void do_openat(void)
{
	empty_file("openat", empty_by_openat);
}

static void do_openat2(void)
{
	empty_file("openat2", empty_by_openat2);
}

static void do_open_descriptor(void)
{
	empty_file("openat", empty_by_descriptor);
}

/* As from a container: another root, in which the path has another meaning. */
static void do_truncate_in_root(void)
{
	int outside = open("/", O_RDONLY | O_DIRECTORY);

	close(map_file());
	store(value, 5);
	if (chroot(folder) == 0) {
		CHECK(chdir("/") == 0 && symlink("/" FILE_NAME, "link") == 0);
		CHECK(access("/link", F_OK) == 0 && truncate("/link", PAGE) == 0);
		CHECK(unlink("/link") == 0 && unlink("/" FILE_NAME) == 0);
		CHECK(fchdir(outside) == 0 && chroot(".") == 0 && rmdir(folder) == 0);
	} else {
		CHECK(truncate(file_path, PAGE) == 0);
		remove_file();
	}
	see_unmapped("truncate", 5);
	CHECK(fault_of((char *)value) == SIGBUS);
}

/* Parts of the file are emptied, cut out and put in; few file systems can do each. */
static void do_file_ranges(void)
{
	int fd = map_file();

	store(value, 5);
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE, PAGE, PAGE) == 0)
		see_numbers("syscall fallocate", 5, 0);
	store(value, 6);
	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, PAGE, PAGE) == 0)
		see_numbers("syscall fallocate", 6, 22);
	store(value, 7);
	if (fallocate(fd, FALLOC_FL_INSERT_RANGE, PAGE, PAGE) == 0)
		see_numbers("syscall fallocate", 7, 0);
	store(value, 8);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE) == 0);
	see_numbers("syscall fallocate", 8, 0);
	store(value, 9);
	remove_file();
}

/* Somebody else cuts the file: that shows when the next store doesn't find its page. */
static void do_truncate_elsewhere(void)
{
	int fd = map_file();

	store(value, 5);
	printf("file %s\n", file_path);
	fflush(stdout);
	tracee_read_line();
	CHECK(fault_of((char *)value) == SIGBUS);
	CHECK(ftruncate(fd, 8 * PAGE) == 0);
	*value = 6;
	CHECK(*value == 6);
	remove_file();
}

static void do_shmat(void)
{
	int id = shmget(IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600);
	char *elsewhere = shmat(id, NULL, 0);

	((long *)(elsewhere + PAGE))[0] = 11;
	CHECK(shmdt(elsewhere) == 0);
	map_private();
	store(value, 5);
	CHECK(shmat(id, area, 0) == (void *)-1 && errno == EINVAL);
	CHECK(shmat(id, area, SHM_REMAP) == area);
	see_numbers("syscall shmat", 5, 11);
	store(value, 12);
	CHECK(shmdt(area) == 0);
	see_unmapped("shmdt", 12);
	end_unmapped();
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

static void do_shmdt(void)
{
	int id = shmget(IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600);
	struct shmid_ds before, after;

	CHECK(shmat(id, area, 0) == area);
	announce();
	store(value, 5);
	CHECK(shmctl(id, IPC_STAT, &before) == 0);
	CHECK(shmdt(area) == 0);
	see_unmapped("shmdt", 5);
	end_unmapped();
	CHECK(shmctl(id, IPC_STAT, &after) == 0 && after.shm_nattch == 0);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

/* The watch is on `heap`, which stands in memory that brk() gives and takes. */
long *heap;

static void do_brk(void)
{
	char *start = (char *)(((uintptr_t)sbrk(0) + PAGE - 1) & -PAGE);

	CHECK(brk(start + 8 * PAGE) == 0);
	heap = (long *)(start + 4 * PAGE);
	announce();
	store(heap, 5);
	CHECK(brk(start + 16 * PAGE) == 0);
	CHECK(brk(start + 8 * PAGE) == 0);
	store(heap, 6);
	CHECK(brk(start + 4 * PAGE) == 0);
	see_unmapped("brk", 6);
	CHECK(fault_of((char *)heap) == SIGSEGV);
	CHECK(brk(start + 8 * PAGE) == 0);
	*heap = 7;
	CHECK(*heap == 7);
}

/* A large block: realloc() moves it by mremap(), free() unmaps it. */
long *block;

static void do_realloc(void)
{
	block = malloc(256 * PAGE);
	*block = 1;
	announce();
	store(block, 5);
	for (size_t size = 512; size <= 4096; size *= 2) {
		/* Something stands behind it, so that it has to move. */
		void *behind = malloc(256 * PAGE);

		block = realloc(block, size * PAGE);
		CHECK(*block == 5);
		free(behind);
	}
	store(block, 6);
	free(block);
	see_unmapped("munmap", 6);
}

static void do_unmap_for_good(void)
{
	map_private();
	store(value, 5);
	CHECK(munmap(area, 8 * PAGE) == 0);
}

/* Nobody stores these zeros. */
static void do_empty(void)
{
	map_private();
	store(value, 5);
	CHECK(madvise(area, 8 * PAGE, MADV_DONTNEED) == 0);
}

/* Others store while the page is remapped again and again. */
#define THREADS 3
#define STORES 500

static void *store_often(void *arg)
{
	long *mine = value + 8 + (intptr_t)arg;

	for (int i = 0; i < STORES; i++)
		++*mine;
	return NULL;
}

/* Sleeps in calls that an interruption would end, until it is woken as often as the page moves. */
#define ROUNDS 50

static int event_fd, epoll_fd;

static void *sleep_through(void *arg)
{
	struct epoll_event event = {.events = EPOLLIN};

	CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		eventfd_t woken;

		CHECK(epoll_wait(epoll_fd, &event, 1, -1) == 1);
		CHECK(eventfd_read(event_fd, &woken) == 0);
	}
	return arg;
}

static void do_threads(void)
{
	pthread_t threads[THREADS], sleeper;

	event_fd = eventfd(0, EFD_SEMAPHORE);
	epoll_fd = epoll_create1(0);
	map_private();
	pthread_create(&sleeper, NULL, sleep_through, NULL);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, store_often, (void *)i);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(eventfd_write(event_fd, 1) == 0);
		CHECK(mprotect(area, 8 * PAGE, RW | PROT_EXEC) == 0);
		CHECK(mremap(area, 8 * PAGE, 9 * PAGE, 0) == area);
		CHECK(mremap(area, 9 * PAGE, 8 * PAGE, 0) == area);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_join(sleeper, NULL);
	for (int i = 0; i < THREADS; i++)
		CHECK(value[8 + i] == STORES);
	printf("stores %d\n", THREADS * STORES);
}

/* The watch is four pages; what is printed is what each step changes, by its bytes. */
static void do_parts(void)
{
	long *pages[4];

	map_private();
	for (unsigned long i = 0; i < 4; i++) {
		pages[i] = (long *)(PLACE + (i + 1) * PAGE);
		store(pages[i], (long)i + 1);
	}
	CHECK(munmap(pages[1], PAGE) == 0);
	printf("part unmap %lx %lu\n", (unsigned long)pages[1], PAGE);
	CHECK(fault_of((char *)pages[1]) == SIGSEGV);
	store(pages[0], 5);
	store(pages[2], 6);
	CHECK(madvise(pages[3], PAGE, MADV_DONTNEED) == 0);
	printf("part syscall %lx %lu\n", (unsigned long)pages[3], PAGE);
	CHECK(mprotect(pages[3], PAGE, PROT_READ) == 0);
	store(pages[2], 7);
	CHECK(fault_of((char *)pages[3]) == SIGSEGV);
	/* From the middle of the watch to behind its end. */
	CHECK(munmap(pages[2], 8 * PAGE) == 0);
	printf("part unmap %lx %lu\n", (unsigned long)pages[2], 2 * PAGE);
	store(pages[0], 8);
	CHECK(munmap(pages[0], PAGE) == 0);
	printf("part unmap %lx %lu\n", (unsigned long)pages[0], PAGE);
}

/* Threads that each move a page of their own to and fro, all at the same time. */
#define MOVERS 4
#define MOVES 100

static void *move_often(void *arg)
{
	unsigned long index = (unsigned long)(intptr_t)arg;
	char *home = PLACE + (1 + 2 * index) * PAGE, *away = ELSEWHERE + 16 * index * PAGE;

	for (long i = 1; i <= MOVES; i++) {
		CHECK(mremap(home, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away) == away);
		++*(volatile long *)away;
		CHECK(mremap(away, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, home) == home);
		++*(volatile long *)home;
	}
	CHECK(*(long *)home == 2 * MOVES);
	return NULL;
}

static void do_movers(void)
{
	pthread_t threads[MOVERS];

	map_private();
	for (intptr_t i = 0; i < MOVERS; i++) {
		*(long *)(PLACE + (1 + 2 * i) * PAGE) = 0;
		pthread_create(&threads[i], NULL, move_often, (void *)i);
	}
	for (int i = 0; i < MOVERS; i++)
		pthread_join(threads[i], NULL);
	printf("moves %d\n", MOVES);
}

/* Nothing may be left of our protections when the memory is sealed while it is watched. */
static void do_seal(void)
{
	map_private();
	store(value, 5);
	if (syscall(462 /* mseal */, area, 8 * PAGE, 0) == 0) {
		errno = 0;
		CHECK(munmap(area, PAGE) == -1 && errno == EPERM);
	}
	*value = 6;
	CHECK(*value == 6);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{"munmap", do_munmap},
	{"sequence", do_sequence},
	{"readonly", do_map_over_readonly},
	{"move", do_move},
	{"dontunmap", do_dontunmap},
	{"grow", do_grow},
	{"moveover", do_move_over},
	{"failing", do_failing},
	{"protect", do_protect},
	{"madvise", do_madvise},
	{"gone", do_unmap_for_good},
	{"empty", do_empty},
	{"free", do_free_later},
	{"pidfd", do_advise_by_pidfd},
	{"pages", do_remap_file_pages},
	{"shared", do_shared},
	{"truncate", do_truncate},
	{"truncate-path", do_truncate_by_path},
	{"creat", do_creat},
	{"open", do_open},
	{"openat", do_openat},
	{"openat2", do_openat2},
	{"open-descriptor", do_open_descriptor},
	{"truncate-root", do_truncate_in_root},
	{"ranges", do_file_ranges},
	{"elsewhere", do_truncate_elsewhere},
	{"shmat", do_shmat},
	{"shmdt", do_shmdt},
	{"brk", do_brk},
	{"realloc", do_realloc},
	{"threads", do_threads},
	{"parts", do_parts},
	{"movers", do_movers},
	{"seal", do_seal},
};

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	struct sigaction action = {.sa_handler = on_fault};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	for (size_t mode = 0; mode < sizeof(modes) / sizeof(*modes); mode++)
		if (!strcmp(modes[mode].name, tracee.mode))
			modes[mode].run();
	printf("failures %lu\n", failures);
	return tracee_end(&tracee);
}
