/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: its clocks jump or stand still, chosen calls fail or never
 * return, and every place that allocates or enters the kernel fails once, each in its turn. What to
 * do stands in a file that both sides map ($KIT_FILE; layout: tests/lab/kit/shim.py says the same),
 * so it changes while the program runs. $KIT_PROGRAM names the only program that is touched.
 *
 * It stands between the program and libc's exported functions: what libc does inside itself (the
 * open() of fopen()) is out of reach, therefore fopen() has a hook of its own. It knows nothing of
 * zonevip and must not allocate, for malloc() is one of its hooks.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* --- the file ------------------------------------------------------------------------ */

#define MAGIC 0x315a564bU
#define RULES 16
#define FRAMES 24
#define MODULES 64
#define FAILURES 4096
#define SITES 65536

enum action { FAIL = 1, STALL, SPIN, COUNT };
enum family { ALLOC = 1, KERNEL = 2 };

struct rule {
	atomic_uint active;
	uint32_t action;
	int32_t error;
	atomic_uint waiting; /* threads that stand in it now */
	uint64_t skip;	     /* let so many pass */
	uint64_t count;	     /* then act on so many; 0: on all */
	atomic_ulong seen;
	atomic_ulong hits;
	char call[24];
	char what[56];	 /* udp tcp unix netlink, or part of a path; empty: any */
	char thread[16]; /* main, other, a name; empty: any */
	uint32_t own;	 /* only calls that the program itself makes, not its libraries */
	uint32_t unused[3];
};

struct failure {
	uint64_t hash;
	char call[20];
	uint32_t depth;
	uint64_t frames[FRAMES]; /* module << 48 | offset */
};

struct kit {
	uint32_t magic;
	atomic_uint pid;
	atomic_long realtime_ns;
	atomic_long steady_ns; /* CLOCK_MONOTONIC and CLOCK_BOOTTIME */
	atomic_uint sites;     /* families of which every place fails once */
	atomic_uint sites_gap; /* calls between two failures */
	atomic_ulong calls;    /* of those families */
	atomic_ulong next;     /* the call from which a new place may fail */
	atomic_uint failures;
	atomic_uint modules;
	uint64_t crash[2]; /* where it died of a signal, and the caller of that outside libc */
	struct rule rules[RULES];
	char module[MODULES][128];
	struct failure failure[FAILURES];
	atomic_ulong site[SITES];
};

static struct kit *kit;
static uintptr_t program_from, program_to;
static uintptr_t shim_from, shim_to;
static __thread bool inside __attribute__((tls_model("initial-exec")));

static struct {
	uintptr_t from, to;
	unsigned int index;
} module[MODULES];
static atomic_uint module_count;

/* --- the real ones --------------------------------------------------------------------- */

/* glibc's malloc under the names that nobody stands before. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

#define REAL(name)                                                                                 \
	({                                                                                         \
		static __typeof__(&name) real_;                                                    \
		if (!real_)                                                                        \
			real_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                        \
		real_;                                                                             \
	})

/* --- who calls --------------------------------------------------------------------------- */

static int note_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	unsigned int *count = arg;
	uintptr_t from = UINTPTR_MAX, to = 0;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		from = start < from ? start : from;
		to = start + info->dlpi_phdr[i].p_memsz > to ? start + info->dlpi_phdr[i].p_memsz
							     : to;
	}
	if (!info->dlpi_name[0] && !program_to) {
		program_from = from;
		program_to = to;
	}
	if ((uintptr_t)note_module >= from && (uintptr_t)note_module < to) {
		shim_from = from;
		shim_to = to;
	}
	if (*count < MODULES) {
		module[*count].from = from;
		module[*count].to = to;
		(*count)++;
	}
	return 0;
}

/* The same number for the same library in every process of a campaign. */
static unsigned int module_number(const char *name)
{
	unsigned int known = atomic_load(&kit->modules);

	for (unsigned int i = 0; i < known; i++)
		if (strcmp(kit->module[i], name) == 0)
			return i;
	if (known == MODULES)
		return MODULES - 1;
	(void)snprintf(kit->module[known], sizeof(kit->module[known]), "%s", name);
	atomic_store(&kit->modules, known + 1);
	return known;
}

static void find_modules(void)
{
	unsigned int count = 0;
	Dl_info info;

	(void)dl_iterate_phdr(note_module, &count);
	for (unsigned int i = 0; i < count; i++) {
		const char *name = "?";

		if (dladdr((void *)module[i].from, &info) && info.dli_fname)
			name = info.dli_fname;
		module[i].index = module_number(name);
	}
	atomic_store(&module_count, count);
}

static uint64_t place(uintptr_t address)
{
	unsigned int count = atomic_load(&module_count);

	for (unsigned int i = 0; i < count; i++)
		if (address >= module[i].from && address < module[i].to)
			return (uint64_t)module[i].index << 48 | (address - module[i].from);
	return (uint64_t)(MODULES - 1) << 48; /* loaded later: all one place */
}

static bool by_shim(const void *caller)
{
	return (uintptr_t)caller >= shim_from && (uintptr_t)caller < shim_to;
}

static bool by_program(const void *caller)
{
	return (uintptr_t)caller >= program_from && (uintptr_t)caller < program_to;
}

/* --- rules ------------------------------------------------------------------------------- */

static long raw(long number, long a, long b, long c, long d)
{
	return REAL(syscall)(number, a, b, c, d);
}

static void pause_ms(void)
{
	const struct timespec ms = {0, 1000000};

	(void)raw(SYS_nanosleep, (long)&ms, 0, 0, 0);
}

static const char *fd_kind(int fd, char *text, size_t size)
{
	char link[40];
	int domain = 0, type = 0;
	socklen_t length = sizeof(int);
	long got;

	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0) {
		(void)REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &length);
		if (domain == AF_UNIX)
			return "unix";
		if (domain == AF_NETLINK)
			return "netlink";
		return type == SOCK_DGRAM ? "udp" : "tcp";
	}
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = raw(SYS_readlinkat, AT_FDCWD, (long)link, (long)text, (long)size - 1);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

static bool thread_is(const char *wanted)
{
	char name[16] = "";
	bool is_main = raw(SYS_gettid, 0, 0, 0, 0) == raw(SYS_getpid, 0, 0, 0, 0);

	if (strcmp(wanted, "main") == 0)
		return is_main;
	if (strcmp(wanted, "other") == 0)
		return !is_main;
	(void)raw(SYS_prctl, PR_GET_NAME, (long)name, 0, 0);
	return strcmp(name, wanted) == 0;
}

/* A rule for open() means open64() too. */
static bool same_call(const char *wanted, const char *call)
{
	size_t length = strlen(wanted);

	return strncmp(wanted, call, length) == 0 &&
	       (call[length] == '\0' || strcmp(call + length, "64") == 0);
}

/* @path is known for calls that name a file, @fd for those that have one; else NULL and -1. */
static bool fits(const struct rule *rule, const char *call, const char *path, int fd,
		 const void *caller)
{
	char text[256];

	if (!same_call(rule->call, call) || (rule->own && !by_program(caller)))
		return false;
	if (rule->thread[0] && !thread_is(rule->thread))
		return false;
	if (!rule->what[0])
		return true;
	if (!path && fd >= 0)
		path = fd_kind(fd, text, sizeof(text));
	return path && strstr(path, rule->what);
}

/* 0, or the errno with which the call has to fail. */
static int obey(struct rule *rule)
{
	uint64_t number = atomic_fetch_add(&rule->seen, 1);

	if (number < rule->skip || (rule->count && number >= rule->skip + rule->count))
		return 0;
	atomic_fetch_add(&rule->hits, 1);
	if (rule->action == FAIL)
		return rule->error;
	if (rule->action == COUNT)
		return 0;
	atomic_fetch_add(&rule->waiting, 1);
	while (atomic_load(&rule->active))
		if (rule->action == STALL)
			pause_ms();
	atomic_fetch_sub(&rule->waiting, 1);
	return 0;
}

/* --- every place fails once ---------------------------------------------------------------- */

/* True when this chain of callers has not failed before; it is noted as having failed. */
static bool new_site(const char *call)
{
	void *chain[FRAMES + 4];
	int depth = backtrace(chain, FRAMES + 4);
	struct failure entry = {.hash = 1469598103934665603UL};
	unsigned int slot, at;

	for (int i = 0; i < depth && entry.depth < FRAMES; i++)
		if (!by_shim(chain[i]))
			entry.frames[entry.depth++] = place((uintptr_t)chain[i]);
	for (const char *c = call; *c; c++)
		entry.hash = (entry.hash ^ (unsigned char)*c) * 1099511628211UL;
	for (unsigned int i = 0; i < entry.depth; i++)
		entry.hash = (entry.hash ^ entry.frames[i]) * 1099511628211UL;
	slot = (unsigned int)(entry.hash % SITES);
	for (unsigned int i = 0; i < SITES; i++, slot = (slot + 1) % SITES) {
		unsigned long was = 0;

		if (atomic_compare_exchange_strong(&kit->site[slot], &was, entry.hash))
			break;
		if (was == entry.hash)
			return false;
	}
	at = atomic_load(&kit->failures);
	if (at < FAILURES) {
		(void)snprintf(entry.call, sizeof(entry.call), "%s", call);
		kit->failure[at] = entry;
	}
	atomic_store(&kit->failures, at + 1);
	return true;
}

/* An eventfd takes and gives its eight bytes; a test that says otherwise tests nothing. */
static bool cannot_fail(int fd)
{
	char text[64];

	return fd >= 0 && strncmp(fd_kind(fd, text, sizeof(text)), "anon_inode:", 11) == 0;
}

static bool site_fails(enum family family, const char *call, int fd)
{
	unsigned long number, next;

	if (!(atomic_load(&kit->sites) & family) || cannot_fail(fd))
		return false;
	number = atomic_fetch_add(&kit->calls, 1);
	next = atomic_load(&kit->next);
	if (number < next || !new_site(call))
		return false;
	atomic_store(&kit->next, number + atomic_load(&kit->sites_gap));
	return true;
}

/* The one question every hook asks: 0 to go on, else the errno. */
static int verdict(enum family family, const char *call, int usual, const char *path, int fd,
		   const void *caller)
{
	int error = 0, saved = errno;

	if (!kit || inside)
		return 0;
	inside = true;
	for (unsigned int i = 0; i < RULES && !error; i++) {
		struct rule *rule = &kit->rules[i];

		if (atomic_load(&rule->active) && fits(rule, call, path, fd, caller))
			error = obey(rule);
	}
	if (!error && site_fails(family, call, fd))
		error = usual;
	inside = false;
	errno = saved;
	return error;
}

#define CALLER __builtin_return_address(0)

#define STOP_IF(family, call, usual, path, fd, result)                                             \
	do {                                                                                       \
		int error_ = verdict(family, call, usual, path, fd, CALLER);                       \
		if (error_) {                                                                      \
			errno = error_;                                                            \
			return result;                                                             \
		}                                                                                  \
	} while (0)

/* --- memory ---------------------------------------------------------------------------------- */

void *malloc(size_t size)
{
	STOP_IF(ALLOC, "malloc", ENOMEM, NULL, -1, NULL);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	STOP_IF(ALLOC, "calloc", ENOMEM, NULL, -1, NULL);
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	STOP_IF(ALLOC, "realloc", ENOMEM, NULL, -1, NULL);
	return __libc_realloc(old, size);
}

/* --- the kernel ------------------------------------------------------------------------------- */

#define HOOK(type, name, usual, path, fd, failed, params, args)                                    \
	type name params                                                                           \
	{                                                                                          \
		STOP_IF(KERNEL, #name, usual, path, fd, failed);                                   \
		return REAL(name) args;                                                            \
	}

static const char *kind_of(int domain, int type)
{
	if (domain == AF_UNIX)
		return "unix";
	if (domain == AF_NETLINK)
		return "netlink";
	return (type & 0xf) == SOCK_DGRAM ? "udp" : "tcp";
}

HOOK(int, socket, EMFILE, kind_of(domain, type), -1, -1, (int domain, int type, int protocol),
     (domain, type, protocol))
HOOK(int, bind, EADDRINUSE, NULL, fd, -1, (int fd, const struct sockaddr *to, socklen_t length),
     (fd, to, length))
HOOK(int, connect, ECONNREFUSED, NULL, fd, -1,
     (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
HOOK(int, listen, EADDRINUSE, NULL, fd, -1, (int fd, int backlog), (fd, backlog))
HOOK(int, accept4, EMFILE, NULL, fd, -1,
     (int fd, struct sockaddr *from, socklen_t *length, int flags), (fd, from, length, flags))
HOOK(int, getsockname, ENOBUFS, NULL, fd, -1, (int fd, struct sockaddr *name, socklen_t *length),
     (fd, name, length))
HOOK(int, getsockopt, ENOBUFS, NULL, fd, -1,
     (int fd, int level, int option, void *value, socklen_t *length),
     (fd, level, option, value, length))
HOOK(int, setsockopt, ENOBUFS, NULL, fd, -1,
     (int fd, int level, int option, const void *value, socklen_t length),
     (fd, level, option, value, length))
HOOK(ssize_t, send, ENOBUFS, NULL, fd, -1, (int fd, const void *data, size_t length, int flags),
     (fd, data, length, flags))
HOOK(ssize_t, sendto, ENOBUFS, NULL, fd, -1,
     (int fd, const void *data, size_t length, int flags, const struct sockaddr *to,
      socklen_t to_length),
     (fd, data, length, flags, to, to_length))
HOOK(ssize_t, sendmsg, ENOBUFS, NULL, fd, -1, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
HOOK(ssize_t, recv, EIO, NULL, fd, -1, (int fd, void *data, size_t length, int flags),
     (fd, data, length, flags))
HOOK(ssize_t, recvfrom, EIO, NULL, fd, -1,
     (int fd, void *data, size_t length, int flags, struct sockaddr *from, socklen_t *from_length),
     (fd, data, length, flags, from, from_length))
HOOK(ssize_t, recvmsg, EIO, NULL, fd, -1, (int fd, struct msghdr *message, int flags),
     (fd, message, flags))
HOOK(ssize_t, read, EIO, NULL, fd, -1, (int fd, void *data, size_t length), (fd, data, length))
HOOK(ssize_t, write, ENOSPC, NULL, fd, -1, (int fd, const void *data, size_t length),
     (fd, data, length))
HOOK(ssize_t, pread, EIO, NULL, fd, -1, (int fd, void *data, size_t length, off_t at),
     (fd, data, length, at))
HOOK(ssize_t, pwrite, ENOSPC, NULL, fd, -1, (int fd, const void *data, size_t length, off_t at),
     (fd, data, length, at))
HOOK(ssize_t, writev, ENOSPC, NULL, fd, -1, (int fd, const struct iovec *parts, int count),
     (fd, parts, count))
HOOK(int, fsync, EIO, NULL, fd, -1, (int fd), (fd))
HOOK(int, fdatasync, EIO, NULL, fd, -1, (int fd), (fd))
HOOK(int, ftruncate, EIO, NULL, fd, -1, (int fd, off_t length), (fd, length))
HOOK(int, fstat, EIO, NULL, fd, -1, (int fd, struct stat *st), (fd, st))
HOOK(int, stat, EACCES, path, -1, -1, (const char *path, struct stat *st), (path, st))
HOOK(int, lstat, EACCES, path, -1, -1, (const char *path, struct stat *st), (path, st))
HOOK(int, fstatat, EACCES, path, -1, -1, (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags))
HOOK(int, rename, ENOSPC, from, -1, -1, (const char *from, const char *to), (from, to))
HOOK(int, renameat, ENOSPC, from, -1, -1,
     (int from_dir, const char *from, int to_dir, const char *to), (from_dir, from, to_dir, to))
HOOK(int, unlink, EACCES, path, -1, -1, (const char *path), (path))
HOOK(int, unlinkat, EACCES, path, -1, -1, (int dir, const char *path, int flags),
     (dir, path, flags))
HOOK(int, fchmod, EPERM, NULL, fd, -1, (int fd, mode_t mode), (fd, mode))
HOOK(int, fchmodat, EPERM, path, -1, -1, (int dir, const char *path, mode_t mode, int flags),
     (dir, path, mode, flags))
HOOK(int, flock, EINTR, NULL, fd, -1, (int fd, int how), (fd, how))
HOOK(DIR *, opendir, EMFILE, path, -1, NULL, (const char *path), (path))
HOOK(FILE *, fopen, EMFILE, path, -1, NULL, (const char *path, const char *mode), (path, mode))
HOOK(FILE *, fdopen, ENOMEM, NULL, fd, NULL, (int fd, const char *mode), (fd, mode))
HOOK(void *, mmap, ENOMEM, NULL, fd, MAP_FAILED,
     (void *at, size_t length, int prot, int flags, int fd, off_t offset),
     (at, length, prot, flags, fd, offset))
HOOK(int, mlock, ENOMEM, NULL, -1, -1, (const void *at, size_t length), (at, length))
HOOK(int, madvise, ENOMEM, NULL, -1, -1, (void *at, size_t length, int advice),
     (at, length, advice))
HOOK(int, epoll_create1, EMFILE, NULL, -1, -1, (int flags), (flags))
HOOK(int, epoll_ctl, ENOMEM, NULL, fd, -1, (int epoll, int op, int fd, struct epoll_event *event),
     (epoll, op, fd, event))
HOOK(int, epoll_wait, EINTR, NULL, -1, -1,
     (int epoll, struct epoll_event *events, int count, int timeout),
     (epoll, events, count, timeout))
HOOK(int, poll, ENOMEM, NULL, -1, -1, (struct pollfd * fds, nfds_t count, int timeout),
     (fds, count, timeout))
HOOK(int, eventfd, EMFILE, NULL, -1, -1, (unsigned int initial, int flags), (initial, flags))
HOOK(int, timerfd_create, EMFILE, NULL, -1, -1, (clockid_t clock, int flags), (clock, flags))
HOOK(int, pipe2, EMFILE, NULL, -1, -1, (int ends[2], int flags), (ends, flags))
HOOK(int, pipe, EMFILE, NULL, -1, -1, (int ends[2]), (ends))
HOOK(pid_t, fork, EAGAIN, NULL, -1, -1, (void), ())
HOOK(int, setrlimit, EPERM, NULL, -1, -1, (__rlimit_resource_t what, const struct rlimit *limit),
     (what, limit))
HOOK(ssize_t, getrandom, EAGAIN, NULL, -1, -1, (void *data, size_t length, unsigned int flags),
     (data, length, flags))
HOOK(int, gethostname, ENAMETOOLONG, NULL, -1, -1, (char *name, size_t length), (name, length))

/* The descriptor is gone either way, as with Linux's own close(). */
int close(int fd)
{
	int error = verdict(KERNEL, "close", EIO, NULL, fd, CALLER);
	int ret = REAL(close)(fd);

	if (!error)
		return ret;
	errno = error;
	return -1;
}

static mode_t mode_of(int flags, va_list list)
{
	return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(list, unsigned int) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	STOP_IF(KERNEL, "open", EMFILE, path, -1, -1);
	return REAL(open)(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	STOP_IF(KERNEL, "openat", EMFILE, path, -1, -1);
	return REAL(openat)(dir, path, flags, mode);
}

int fcntl(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	STOP_IF(KERNEL, "fcntl", EAGAIN, NULL, fd, -1);
	return REAL(fcntl)(fd, command, argument);
}

int prctl(int option, ...)
{
	unsigned long words[4];
	va_list list;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		words[i] = va_arg(list, unsigned long);
	va_end(list);
	STOP_IF(KERNEL, "prctl", EPERM, NULL, -1, -1);
	return REAL(prctl)(option, words[0], words[1], words[2], words[3]);
}

/* The names under which large files ask for the same. */
HOOK(FILE *, fopen64, EMFILE, path, -1, NULL, (const char *path, const char *mode), (path, mode))
HOOK(int, fstat64, EIO, NULL, fd, -1, (int fd, struct stat64 *st), (fd, st))
HOOK(int, stat64, EACCES, path, -1, -1, (const char *path, struct stat64 *st), (path, st))
HOOK(int, lstat64, EACCES, path, -1, -1, (const char *path, struct stat64 *st), (path, st))
HOOK(int, fstatat64, EACCES, path, -1, -1,
     (int dir, const char *path, struct stat64 *st, int flags), (dir, path, st, flags))
HOOK(int, ftruncate64, EIO, NULL, fd, -1, (int fd, off64_t length), (fd, length))
HOOK(ssize_t, pread64, EIO, NULL, fd, -1, (int fd, void *data, size_t length, off64_t at),
     (fd, data, length, at))
HOOK(ssize_t, pwrite64, ENOSPC, NULL, fd, -1, (int fd, const void *data, size_t length, off64_t at),
     (fd, data, length, at))
HOOK(void *, mmap64, ENOMEM, NULL, fd, MAP_FAILED,
     (void *at, size_t length, int prot, int flags, int fd, off64_t offset),
     (at, length, prot, flags, fd, offset))

int open64(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	STOP_IF(KERNEL, "open64", EMFILE, path, -1, -1);
	return REAL(open64)(path, flags, mode);
}

int fcntl64(int fd, int command, ...)
{
	va_list list;
	void *argument;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	STOP_IF(KERNEL, "fcntl64", EAGAIN, NULL, fd, -1);
	return REAL(fcntl64)(fd, command, argument);
}

/* These answer with the error itself. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		   void *arg)
{
	int error = verdict(KERNEL, "pthread_create", EAGAIN, NULL, -1, CALLER);

	return error ? error : REAL(pthread_create)(thread, attributes, run, arg);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	int error = verdict(ALLOC, "posix_memalign", ENOMEM, NULL, -1, CALLER);

	return error ? error : REAL(posix_memalign)(memory, alignment, size);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	int error = verdict(KERNEL, "getaddrinfo", ENOMEM, node, -1, CALLER);

	return error ? EAI_AGAIN : REAL(getaddrinfo)(node, service, hints, found);
}

/* --- clocks ---------------------------------------------------------------------------------- */

static void shift(clockid_t clock, struct timespec *now)
{
	long long add, sum;

	if (!kit)
		return;
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)
		add = atomic_load(&kit->realtime_ns);
	else if (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
		 clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE)
		add = atomic_load(&kit->steady_ns);
	else
		return;
	sum = (long long)now->tv_sec * 1000000000LL + now->tv_nsec + add;
	sum = sum < 0 ? 0 : sum;
	now->tv_sec = (time_t)(sum / 1000000000LL);
	now->tv_nsec = (long)(sum % 1000000000LL);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = REAL(clock_gettime)(clock, now);

	if (ret == 0)
		shift(clock, now);
	return ret;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *now)
{
	struct timespec exact;

	(void)clock_gettime(CLOCK_REALTIME, &exact);
	if (now)
		*now = exact.tv_sec;
	return exact.tv_sec;
}

/* libev reads its clock so; the rest of the numbers that matter here is pidfd_open(). */
long syscall(long number, ...)
{
	long words[6];
	va_list list;
	long ret;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		words[i] = va_arg(list, long);
	va_end(list);
	if (number != SYS_clock_gettime)
		STOP_IF(KERNEL, "syscall", EMFILE, NULL, -1, -1);
	ret = REAL(syscall)(number, words[0], words[1], words[2], words[3], words[4], words[5]);
	if (number == SYS_clock_gettime && ret == 0)
		shift((clockid_t)words[0], (struct timespec *)words[1]);
	return ret;
}

/* --- coming in -------------------------------------------------------------------------------- */

static bool meant(void)
{
	const char *program = getenv("KIT_PROGRAM");
	char exe[256];
	long length =
		raw(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)exe, sizeof(exe) - 1);

	exe[length > 0 ? length : 0] = '\0';
	return program && strrchr(exe, '/') && strcmp(strrchr(exe, '/') + 1, program) == 0;
}

/* strstr(NULL) dies in libc: who called it stands further up. */
static uint64_t caller_outside_libc(const uintptr_t *stack)
{
	for (unsigned int i = 0; i < 32; i++) {
		uint64_t at = place(stack[i]);
		unsigned int index = (unsigned int)(at >> 48);

		if (index != MODULES - 1 && !strstr(kit->module[index], "/libc.so"))
			return at;
	}
	return 0;
}

/* Notes where, then it dies of it as ever. No more than that: the stack may be a fiber's small one.
 */
static void on_crash(int number, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	if (kit) {
		kit->crash[0] = place((uintptr_t)registers[REG_RIP]);
		kit->crash[1] = caller_outside_libc((const uintptr_t *)registers[REG_RSP]);
	}
	kit = NULL;
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* A thread that blocks everything would die unheard. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	sigset_t less;

	if (kit && set && how != SIG_UNBLOCK) {
		less = *set;
		(void)sigdelset(&less, SIGSEGV);
		(void)sigdelset(&less, SIGABRT);
		(void)sigdelset(&less, SIGFPE);
		(void)sigdelset(&less, SIGBUS);
		set = &less;
	}
	return REAL(pthread_sigmask)(how, set, before);
}

static void watch_crashes(void)
{
	struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_NODEFER};

	(void)sigaction(SIGSEGV, &action, NULL);
	(void)sigaction(SIGABRT, &action, NULL);
	(void)sigaction(SIGFPE, &action, NULL);
	(void)sigaction(SIGBUS, &action, NULL);
}

__attribute__((constructor)) static void come_in(void)
{
	const char *path = getenv("KIT_FILE");
	void *chain[2];
	struct kit *found;
	int fd;

	if (!path || !meant())
		return;
	fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	found = REAL(mmap)(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)REAL(close)(fd);
	if (found == MAP_FAILED || found->magic != MAGIC)
		return;
	(void)backtrace(chain, 2); /* loads the unwinder, which allocates, before anything counts */
	watch_crashes();
	kit = found;
	inside = true;
	find_modules();
	atomic_store(&kit->pid, (unsigned int)getpid());
	inside = false;
}
