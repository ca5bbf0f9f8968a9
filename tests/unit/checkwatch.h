/* SPDX-License-Identifier: MIT */
/*
 * For the tests of mycheck: runs the loop and remembers every result, with
 * the moment at which it reached the main loop.
 */
#ifndef TESTS_UNIT_CHECKWATCH_H
#define TESTS_UNIT_CHECKWATCH_H

#include <dirent.h>
#include <ev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mycheck.h"

#define RESULTS_MAX 4096

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct heard {
	struct mycheck_result result;
	mono_us at;
};

struct watch {
	struct ev_loop *loop;
	struct mycheck *check;
	ev_timer tick;
	struct heard *heard;
	unsigned int count;
	unsigned int seen; /* what watch_until() has looked at */
	struct mycheck_report reports[16];
	unsigned int report_count;
	bool quiet;
};

static inline void watch_hear(void *arg, unsigned int track, const struct mycheck_result *result)
{
	struct watch *watch = arg;

	if (track != 7)
		abort();
	if (watch->count == RESULTS_MAX)
		abort();
	watch->heard[watch->count].result = *result;
	watch->heard[watch->count++].at = mono_now();
}

static inline void watch_report(void *arg, unsigned int track, const struct mycheck_report *report)
{
	struct watch *watch = arg;

	if (track != 7)
		abort();
	if (watch->report_count < 16)
		watch->reports[watch->report_count++] = *report;
}

static inline void watch_tick(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)timer;
	(void)revents;
	ev_break(loop, EVBREAK_ONE);
}

static inline bool watch_open(struct watch *watch, const struct mycheck_config *config)
{
	struct err err = {""};

	memset(watch, 0, sizeof(*watch));
	watch->heard = calloc(RESULTS_MAX, sizeof(*watch->heard));
	watch->loop = ev_loop_new(EVFLAG_AUTO);
	ev_timer_init(&watch->tick, watch_tick, 0.002, 0.002);
	ev_timer_start(watch->loop, &watch->tick);
	watch->check = mycheck_open(watch->loop, 7, config,
				    &(struct mycheck_callbacks){
					    .result = watch_hear,
					    .report = watch_report,
					    .arg = watch,
				    },
				    &err);
	if (!watch->check)
		fprintf(stderr, "mycheck_open: %s\n", err.text);
	return watch->check != NULL;
}

/* How long the closing took. */
static inline mono_us watch_close(struct watch *watch)
{
	mono_us from = mono_now();

	mycheck_close(watch->check);
	watch->check = NULL;
	from = mono_now() - from;
	ev_timer_stop(watch->loop, &watch->tick);
	ev_loop_destroy(watch->loop);
	free(watch->heard);
	return from;
}

/* Looks at each result once; the first that has @verdict, or NULL after @most. */
static inline const struct heard *watch_until(struct watch *watch, enum mycheck_verdict verdict,
					      mono_us most)
{
	mono_us until = mono_now() + most;

	for (;;) {
		while (watch->seen < watch->count) {
			const struct heard *heard = &watch->heard[watch->seen++];

			if (heard->result.verdict == verdict)
				return heard;
		}
		if (mono_now() >= until)
			return NULL;
		ev_run(watch->loop, 0);
	}
}

static inline void watch_for(struct watch *watch, mono_us time)
{
	mono_us until = mono_now() + time;

	while (mono_now() < until)
		ev_run(watch->loop, 0);
}

/* How many results from number @from on have @verdict. */
static inline unsigned int watch_count(const struct watch *watch, unsigned int from,
				       enum mycheck_verdict verdict)
{
	unsigned int count = 0;

	for (unsigned int i = from; i < watch->count; i++)
		count += watch->heard[i].result.verdict == verdict;
	return count;
}

static inline unsigned int open_files(void)
{
	unsigned int count = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Anonymous memory in use, in bytes. */
static inline long memory_used(void)
{
	long pages = 0;
	long shared = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%*d %ld %ld", &pages, &shared) != 2)
		abort();
	(void)fclose(file);
	return (pages - shared) * sysconf(_SC_PAGESIZE);
}

#endif
