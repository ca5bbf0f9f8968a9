/* SPDX-License-Identifier: MIT */
/*
 * The thread of watcher.h. It decides nothing: it counts and reads, and says
 * what it saw. While enough processes are there and no more than enough is
 * forbidden, /proc is not read at all but twice a minute: their pidfds tell.
 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "agent/watcher.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE ((size_t)128 * 1024)
#define RESCAN (30 * SEC) /* one that executed another program keeps its pidfd */
#define FILE_BYTES_MAX 64

/* One of those watched. The thread's own, but result, looked and fresh. */
struct item {
	struct watcher_config config;
	char what[PROCESS_TEXT_MAX];
	struct process_pattern pattern;
	int pidfds[PROCESS_PIDS_MAX];
	unsigned int pidfd_count;
	mono_us due;
	bool known; /* a result was posted */
	struct watcher_result last;
	struct watcher_result result; /* not yet taken, if fresh */
	bool fresh;
	mono_us looked;
};

struct watcher {
	struct ev_loop *loop;
	watcher_fn *fn;
	void *arg;
	ev_async ready;
	pthread_t thread;
	pthread_mutex_t lock;
	int stop_fd;
	unsigned int count;
	struct item items[WATCHER_MAX];
};

const char *watcher_verdict_name(enum watcher_verdict verdict)
{
	static const char *const names[WATCHER_VERDICTS] = {"NONE", "UP", "DOWN", "UNKNOWN"};

	return names[verdict];
}

/* --- the mailbox ------------------------------------------------------------------------ */

static void post(struct watcher *watch, struct item *item, const struct watcher_result *result)
{
	bool news = !item->known || item->last.verdict != result->verdict ||
		    item->last.number != result->number;

	item->known = true;
	item->last = *result;
	(void)pthread_mutex_lock(&watch->lock);
	item->looked = result->when;
	if (news) {
		item->result = *result;
		item->fresh = true;
	}
	(void)pthread_mutex_unlock(&watch->lock);
	if (news)
		ev_async_send(watch->loop, &watch->ready);
}

static void on_ready(struct ev_loop *loop, ev_async *ready, int revents)
{
	struct watcher *watch = ready->data;

	(void)loop;
	(void)revents;
	for (unsigned int i = 0; i < watch->count; i++) {
		struct item *item = &watch->items[i];
		struct watcher_result result;
		bool fresh;

		(void)pthread_mutex_lock(&watch->lock);
		result = item->result;
		fresh = item->fresh;
		item->fresh = false;
		(void)pthread_mutex_unlock(&watch->lock);
		if (fresh)
			watch->fn(watch->arg, i, &result);
	}
}

mono_us watcher_looked(struct watcher *watch, unsigned int index)
{
	mono_us looked;

	(void)pthread_mutex_lock(&watch->lock);
	looked = watch->items[index].looked;
	(void)pthread_mutex_unlock(&watch->lock);
	return looked;
}

/* --- files --------------------------------------------------------------------------------- */

/* A sign, digits, and blanks around them; anything else says nothing. */
static bool read_digits(const char *text, int *number)
{
	bool minus = *text == '-';
	int value = 0;

	text += minus || *text == '+';
	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++)
		if (value <= WATCHER_NUMBER_MAX)
			value = value * 10 + (*text - '0');
	if (text[strspn(text, " \t\r\n")])
		return false;
	value = value < WATCHER_NUMBER_MAX ? value : WATCHER_NUMBER_MAX;
	*number = minus ? -value : value;
	return true;
}

void watcher_read_number(const char *text, ssize_t length, struct watcher_result *result)
{
	char copy[FILE_BYTES_MAX + 1] = "";
	const char *at;

	result->verdict = WATCHER_GOOD;
	result->number = 0;
	if (length < 0) {
		(void)snprintf(result->evidence, sizeof(result->evidence), "is not there");
		return;
	}
	if (length > 0)
		memcpy(copy, text, length < FILE_BYTES_MAX ? (size_t)length : FILE_BYTES_MAX);
	at = copy + strspn(copy, " \t\r\n");
	if (length > FILE_BYTES_MAX || strlen(copy) != (size_t)length ||
	    (*at && !read_digits(at, &result->number))) {
		result->verdict = WATCHER_UNKNOWN;
		(void)snprintf(result->evidence, sizeof(result->evidence),
			       "does not hold one number");
		return;
	}
	if (!*at) {
		(void)snprintf(result->evidence, sizeof(result->evidence), "is empty");
		return;
	}
	result->verdict = result->number == 0 ? WATCHER_GOOD : WATCHER_BAD;
	(void)snprintf(result->evidence, sizeof(result->evidence), "holds %d", result->number);
}

static void look_at_file(struct item *item, struct watcher_result *result)
{
	int fd = open(item->what, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char text[FILE_BYTES_MAX + 1];
	struct stat st;
	ssize_t length;

	if (fd < 0 && errno == ENOENT) {
		watcher_read_number("", -1, result);
		return;
	}
	result->verdict = WATCHER_UNKNOWN;
	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)snprintf(result->evidence, sizeof(result->evidence), "cannot be read: %s",
			       strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		(void)snprintf(result->evidence, sizeof(result->evidence), "is no regular file");
	} else {
		length = read(fd, text, sizeof(text));
		if (length >= 0)
			watcher_read_number(text, length, result);
		else
			(void)snprintf(result->evidence, sizeof(result->evidence),
				       "cannot be read: %s", strerror(errno));
	}
	if (fd >= 0)
		(void)close(fd);
}

/* --- processes ------------------------------------------------------------------------------ */

static void let_go(struct item *item)
{
	for (unsigned int k = 0; k < item->pidfd_count; k++)
		(void)close(item->pidfds[k]);
	item->pidfd_count = 0;
}

/* All that were found can be watched; else they are counted again and again. */
static bool hold(struct item *item, const struct process_found *found)
{
	let_go(item);
	if (found->count > PROCESS_PIDS_MAX)
		return false;
	for (unsigned int k = 0; k < found->count; k++) {
		int fd = (int)syscall(SYS_pidfd_open, found->pids[k], 0);

		if (fd < 0)
			return false; /* gone already, or a kernel before 5.3 */
		item->pidfds[item->pidfd_count++] = fd;
	}
	return true;
}

static void count_processes(struct item *item, mono_us now, struct watcher_result *result)
{
	const struct process_pattern *pattern = &item->pattern;
	const struct watcher_config *config = &item->config;
	struct process_found found;
	bool visible = process_scan(&pattern, &found, 1);
	bool enough = found.count >= config->quorum;

	(void)snprintf(result->evidence, sizeof(result->evidence), "%u running%s", found.count,
		       visible || enough
			       ? ""
			       : "; those of others are hidden: ProtectProc= in zonevip.conf(5)");
	if (!enough && !visible)
		result->verdict = WATCHER_UNKNOWN;
	else
		result->verdict =
			enough && found.count <= config->quorum_max ? WATCHER_GOOD : WATCHER_BAD;
	if (hold(item, &found) && result->verdict == WATCHER_GOOD && config->quorum_max == 65535)
		item->due = now + RESCAN;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void look(struct watcher *watch, struct item *item, mono_us now)
{
	struct watcher_result result = {.when = now};

	item->due = now + item->config.interval;
	if (item->config.process)
		count_processes(item, now, &result);
	else
		look_at_file(item, &result);
	post(watch, item, &result);
}

static int wait_ms(mono_us next, mono_us now)
{
	mono_us left = next - now;

	if (left <= 0)
		return 0;
	return (int)(mono_min(left, 3600 * SEC) / MSEC) + 1;
}

static void *run(void *arg)
{
	struct pollfd fds[1 + WATCHER_MAX * PROCESS_PIDS_MAX];
	struct watcher *watch = arg;

	(void)pthread_setname_np(pthread_self(), "zonevip-watch");
	for (;;) {
		mono_us now = mono_now(), next = MONO_NEVER;
		nfds_t count = 1;

		fds[0] = (struct pollfd){.fd = watch->stop_fd, .events = POLLIN};
		for (unsigned int i = 0; i < watch->count; i++) {
			struct item *item = &watch->items[i];

			if (now >= item->due)
				look(watch, item, now);
			next = mono_min(next, item->due);
			for (unsigned int k = 0; k < item->pidfd_count; k++)
				fds[count++] =
					(struct pollfd){.fd = item->pidfds[k], .events = POLLIN};
		}
		(void)poll(fds, count, wait_ms(next, mono_now()));
		if (fds[0].revents)
			return NULL;
		count = 1;
		for (unsigned int i = 0; i < watch->count; i++)
			for (unsigned int k = 0; k < watch->items[i].pidfd_count; k++)
				if (fds[count++].revents)
					watch->items[i].due = 0; /* one has ended: count again */
	}
}

/* Every signal blocked: they are the main loop's. */
static int start(struct watcher *watch)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return ret;
	(void)sigfillset(&all);
	ret = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!ret)
		ret = pthread_sigmask(SIG_BLOCK, &all, &before);
	if (!ret) {
		ret = pthread_create(&watch->thread, &attr, run, watch);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	(void)pthread_attr_destroy(&attr);
	return ret;
}

static int take_config(struct item *item, const struct watcher_config *config, struct err *err)
{
	item->config = *config;
	(void)snprintf(item->what, sizeof(item->what), "%s", config->what);
	item->config.what = item->what;
	if (config->process && !process_pattern(&item->pattern, item->what, config->match))
		return err_set(err, "track_process: '%s' has no word, or more than %d", item->what,
			       PROCESS_WORDS_MAX);
	return 0;
}

struct watcher *watcher_open(struct ev_loop *loop, const struct watcher_config *configs,
			     unsigned int count, watcher_fn *fn, void *arg, struct err *err)
{
	struct watcher *watch = calloc(1, sizeof(*watch));
	int ret;

	if (!watch) {
		(void)err_set(err, "track_file, track_process: out of memory");
		return NULL;
	}
	watch->loop = loop;
	watch->fn = fn;
	watch->arg = arg;
	watch->count = count;
	watch->stop_fd = -1;
	(void)pthread_mutex_init(&watch->lock, NULL); /* cannot fail on Linux */
	for (unsigned int i = 0; i < count; i++)
		if (take_config(&watch->items[i], &configs[i], err) < 0)
			goto fail;
	watch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = watch->stop_fd < 0 ? errno : 0;
	ev_async_init(&watch->ready, on_ready);
	watch->ready.data = watch;
	ev_async_start(loop, &watch->ready);
	if (!ret)
		ret = start(watch);
	if (!ret)
		return watch;
	ev_async_stop(loop, &watch->ready);
	(void)err_set(err, "track_file, track_process: no thread: %s", strerror(ret));
fail:
	if (watch->stop_fd >= 0)
		(void)close(watch->stop_fd);
	(void)pthread_mutex_destroy(&watch->lock);
	free(watch);
	return NULL;
}

void watcher_close(struct watcher *watch)
{
	const uint64_t one = 1;

	if (!watch)
		return;
	(void)!write(watch->stop_fd, &one, sizeof(one)); /* an eventfd has room for one */
	(void)pthread_join(watch->thread, NULL);
	ev_async_stop(watch->loop, &watch->ready);
	for (unsigned int i = 0; i < watch->count; i++)
		let_go(&watch->items[i]);
	(void)close(watch->stop_fd);
	(void)pthread_mutex_destroy(&watch->lock);
	free(watch);
}
