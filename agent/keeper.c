/* SPDX-License-Identifier: MIT */
/*
 * One box for each writer: the newest state text, and a row of journal blocks
 * that is swapped for an empty one when the thread takes it. The thread sleeps
 * on a condition; the main loop wakes it about once a second.
 */
#include "config.h"

#include "agent/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/buf.h"
#include "agent/base/log.h"
#include "agent/base/mono.h"
#include "agent/state.h"
#include "agent/statedir.h"

#define STACK_SIZE (64UL * 1024)
#define QUEUE_MAX ((size_t)JOURNAL_BLOCK_MAX + 64UL * 1024) /* one HEAD of the largest sort */
#define EVENTS_MAX ((size_t)1024 * 1024) /* waiting: an hour and more of a disk that hangs */
#define RETRY_PAUSE (10 * SEC)		 /* after a failed write */
#define CLOSE_WAIT_S 1

/* Before each payload in the queue. */
struct entry {
	uint32_t length;
	uint8_t kind;
	bool flush;
};

struct keeper {
	int dir;
	struct journal journal; /* the thread's */
	mono_us journal_retry;	/* the thread's */
	mono_us state_retry;	/* the thread's */
	struct buf writing;	/* the thread's */
	struct buf state_text;	/* the thread's: what is to be written, "" = done */
	pthread_t thread;
	pthread_mutex_t lock; /* the rest */
	pthread_cond_t wake;
	struct buf queue;
	struct buf state;
	bool state_waits;
	bool ends;
	bool gap; /* the queue overflowed: nothing is taken before the next HEAD */
	enum keeper_need need;
	struct keeper_counters counters;
};

/* --- the thread ----------------------------------------------------------------------- */

static void need(struct keeper *keeper, enum keeper_need what)
{
	(void)pthread_mutex_lock(&keeper->lock);
	if (keeper->need < what)
		keeper->need = what;
	(void)pthread_mutex_unlock(&keeper->lock);
}

/* One line when a file begins to fail, fails otherwise, or is well again. */
static void tell(const char *file, int before, int now)
{
	if (before == now)
		return;
	if (now < 0)
		log_event(LOG_LV_WARNING, "state_directory",
			  "file=%s error=\"%s\" effect=\"goes on without it\"", file,
			  strerror(-now));
	else
		log_event(LOG_LV_INFO, "state_directory", "file=%s result=written_again", file);
}

static void write_state(struct keeper *keeper)
{
	int before = keeper->counters.state_error; /* only this thread changes it */
	int ret = -ENOENT;

	if (keeper->state_text.length == 0 || mono_now() < keeper->state_retry)
		return;
	if (keeper->dir >= 0)
		ret = statedir_replace(keeper->dir, STATE_FILE, keeper->state_text.data,
				       keeper->state_text.length);
	(void)pthread_mutex_lock(&keeper->lock);
	keeper->counters.state_written += ret == 0;
	keeper->counters.state_failed += ret < 0;
	keeper->counters.state_error = ret;
	(void)pthread_mutex_unlock(&keeper->lock);
	tell(STATE_FILE, before, ret);
	if (ret == 0)
		buf_clear(&keeper->state_text);
	else
		keeper->state_retry = mono_now() + RETRY_PAUSE;
}

static int write_block(struct keeper *keeper, const struct entry *entry, const char *payload)
{
	int ret = -EPIPE;

	if (mono_now() >= keeper->journal_retry)
		ret = journal_add(&keeper->journal, (enum journal_kind)entry->kind, payload,
				  entry->length);
	if (ret == 0 && entry->flush)
		(void)journal_sync(&keeper->journal); /* in the kernel it is, at least */
	return ret;
}

static void write_blocks(struct keeper *keeper)
{
	int before = keeper->counters.journal_error;
	int error = 0;
	uint64_t written = 0, lost = 0;

	for (size_t at = 0; at < keeper->writing.length;) {
		struct entry entry;
		int ret;

		memcpy(&entry, keeper->writing.data + at, sizeof(entry));
		at += sizeof(entry);
		ret = write_block(keeper, &entry, keeper->writing.data + at);
		at += entry.length;
		written += ret == 0 ? entry.length : 0;
		lost += ret < 0;
		if (ret < 0 && ret != -EPIPE) {
			error = ret;
			keeper->journal_retry = mono_now() + RETRY_PAUSE;
		}
	}
	buf_clear(&keeper->writing);
	(void)pthread_mutex_lock(&keeper->lock);
	keeper->counters.journal_written += written;
	keeper->counters.journal_lost += lost;
	if (error < 0 || written > 0)
		keeper->counters.journal_error = error;
	(void)pthread_mutex_unlock(&keeper->lock);
	tell("journal", before, keeper->counters.journal_error);
	if (keeper->journal.gap && keeper->dir >= 0 && mono_now() >= keeper->journal_retry)
		need(keeper, KEEPER_AFTER_GAP);
	else if (journal_full(&keeper->journal))
		need(keeper, KEEPER_NEXT_FILE);
}

/* Until there is something to write, or to try again. */
static void await(struct keeper *keeper)
{
	struct timespec at;
	int ret = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += RETRY_PAUSE / SEC;
	while (!keeper->ends && !keeper->state_waits && keeper->queue.length == 0 && ret == 0)
		ret = keeper->state_text.length > 0
			      ? pthread_cond_timedwait(&keeper->wake, &keeper->lock, &at)
			      : pthread_cond_wait(&keeper->wake, &keeper->lock);
}

/* Takes what there is; false when the end has come and nothing is left. */
static bool take(struct keeper *keeper)
{
	struct buf empty = keeper->writing;
	bool more;

	(void)pthread_mutex_lock(&keeper->lock);
	await(keeper);
	more = keeper->state_waits || keeper->queue.length > 0 || !keeper->ends;
	keeper->writing = keeper->queue;
	keeper->queue = empty;
	if (keeper->state_waits) {
		struct buf old = keeper->state_text;

		keeper->state_text = keeper->state;
		keeper->state = old;
		keeper->state_retry = MONO_LONG_AGO;
		keeper->state_waits = false;
	}
	(void)pthread_mutex_unlock(&keeper->lock);
	return more;
}

static void *run(void *arg)
{
	struct keeper *keeper = arg;

	(void)pthread_setname_np(pthread_self(), "zonevip-keeper");
	while (take(keeper)) {
		write_state(keeper);
		if (keeper->writing.length > 0)
			write_blocks(keeper);
	}
	return NULL;
}

/* --- the main loop's side ------------------------------------------------------------------ */

static int start(struct keeper *keeper)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int ret;

	(void)sigfillset(&all);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&keeper->thread, &attr, run, keeper);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return ret;
}

static void release(struct keeper *keeper)
{
	journal_close(&keeper->journal);
	if (keeper->dir >= 0)
		(void)close(keeper->dir);
	buf_free(&keeper->writing);
	buf_free(&keeper->state_text);
	buf_free(&keeper->queue);
	buf_free(&keeper->state);
	(void)pthread_cond_destroy(&keeper->wake);
	(void)pthread_mutex_destroy(&keeper->lock);
	free(keeper);
}

struct keeper *keeper_open(int dir, uint64_t journal_max)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	pthread_condattr_t monotonic;

	if (!keeper) {
		if (dir >= 0)
			(void)close(dir);
		return NULL;
	}
	keeper->dir = dir;
	journal_init(&keeper->journal, dir, journal_max);
	keeper->journal_retry = keeper->state_retry = MONO_LONG_AGO;
	buf_init(&keeper->writing, QUEUE_MAX);
	buf_init(&keeper->queue, QUEUE_MAX);
	buf_init(&keeper->state_text, STATE_BYTES_MAX);
	buf_init(&keeper->state, STATE_BYTES_MAX);
	(void)pthread_mutex_init(&keeper->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&keeper->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	if (start(keeper) != 0) {
		release(keeper);
		return NULL;
	}
	return keeper;
}

void keeper_close(struct keeper *keeper)
{
	struct timespec limit;

	(void)pthread_mutex_lock(&keeper->lock);
	keeper->ends = true;
	(void)pthread_cond_signal(&keeper->wake);
	(void)pthread_mutex_unlock(&keeper->lock);
	(void)clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += CLOSE_WAIT_S;
	if (pthread_timedjoin_np(keeper->thread, NULL, &limit) == 0)
		release(keeper);
	else
		(void)pthread_detach(keeper->thread); /* hangs in the disk: the exit ends it */
}

void keeper_state(struct keeper *keeper, const char *text, size_t length)
{
	(void)pthread_mutex_lock(&keeper->lock);
	buf_clear(&keeper->state);
	keeper->state_waits = buf_append(&keeper->state, text, length) == 0;
	if (keeper->state_waits)
		(void)pthread_cond_signal(&keeper->wake);
	else
		keeper->counters.state_failed++;
	(void)pthread_mutex_unlock(&keeper->lock);
}

bool keeper_journal(struct keeper *keeper, enum journal_kind kind, const void *payload,
		    size_t length, bool flush)
{
	const struct entry entry = {
		.length = (uint32_t)length, .kind = (uint8_t)kind, .flush = flush};
	bool fits;

	(void)pthread_mutex_lock(&keeper->lock);
	fits = keeper->queue.length + sizeof(entry) + length <=
		       (kind == JOURNAL_HEAD ? QUEUE_MAX : EVENTS_MAX) &&
	       (!keeper->gap || kind == JOURNAL_HEAD) &&
	       buf_append(&keeper->queue, &entry, sizeof(entry)) == 0;
	if (fits && buf_append(&keeper->queue, payload, length) < 0) {
		keeper->queue.length -= sizeof(entry); /* without memory: as if it had no room */
		fits = false;
	}
	keeper->gap = !fits;
	if (!fits) {
		keeper->counters.journal_lost++;
		keeper->need = KEEPER_AFTER_GAP;
	}
	(void)pthread_cond_signal(&keeper->wake);
	(void)pthread_mutex_unlock(&keeper->lock);
	return fits;
}

enum keeper_need keeper_needs(struct keeper *keeper)
{
	enum keeper_need needed;

	(void)pthread_mutex_lock(&keeper->lock);
	needed = keeper->need;
	keeper->need = KEEPER_NOTHING;
	(void)pthread_mutex_unlock(&keeper->lock);
	return needed;
}

void keeper_counters(struct keeper *keeper, struct keeper_counters *counters)
{
	(void)pthread_mutex_lock(&keeper->lock);
	*counters = keeper->counters;
	(void)pthread_mutex_unlock(&keeper->lock);
}
