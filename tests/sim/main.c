/* SPDX-License-Identifier: MIT */
/* Options, many seeds, the report. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/planted.h"
#include "tests/sim/sim.h"

struct task {
	struct sim_options options;
	uint64_t first;
	uint64_t count;
	double seconds; /* of processor time; 0 = only count */
	bool hash;	/* print one line per seed */
	bool stop;	/* at the first failure */
	bool coverage;	/* print the table */
	const char *report;
	unsigned int planted, missed; /* core-seconds per planted bug; bugs not found */
};

static double spent(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_all(const struct task *task, struct sim_total *total)
{
	uint64_t before;

	for (uint64_t k = 0; k < task->count; k++) {
		if (task->seconds > 0 && spent() > task->seconds)
			return;
		before = total->hash;
		total->hash = 0;
		if (!sim_seed(&task->options, task->first + k, total) && task->stop)
			return;
		if (task->hash)
			(void)printf("%016" PRIx64 " %016" PRIx64 "\n", task->first + k,
				     total->hash);
		total->hash ^= before * 31;
	}
}

static void print_coverage(const struct sim_total *total, FILE *to)
{
	(void)fprintf(to, "%-12s", "strikes in");
	for (unsigned int s = 0; s < CORE_STATES; s++)
		(void)fprintf(to, " %9s", core_state_name((enum core_state)s));
	(void)fputc('\n', to);
	for (unsigned int f = 0; f < FAMILIES; f++) {
		(void)fprintf(to, "%-12s", family_name((enum family)f));
		for (unsigned int s = 0; s < CORE_STATES; s++)
			(void)fprintf(to, " %9" PRIu64, total->hits[f][s]);
		(void)fputc('\n', to);
	}
}

static void plant(struct task *task, FILE *report)
{
#ifdef CORE_PLANTED
	task->missed = planted_run(&task->options, task->planted, report);
#else
	(void)task;
	(void)report;
	(void)fputs("sim: built without planted bugs\n", stderr);
	exit(2);
#endif
}

static FILE *open_report(const char *path)
{
	FILE *to = fopen(path, "w");

	if (!to) {
		perror(path);
		exit(2);
	}
	return to;
}

static void write_report(struct task *task, const struct sim_total *total)
{
	FILE *to = open_report(task->report);
	const char *comma = "";

	(void)fprintf(to,
		      "{\"version\":1,\"commit\":\"%s\",\"core_seconds\":%.1f,"
		      "\"simulated_hours\":%.2f,\"seeds\":%" PRIu64 ",\"first_seed\":%" PRIu64
		      ",\"violations\":%" PRIu64 ",\"first_failing_seed\":",
		      task->options.commit, spent(), mono_seconds(total->simulated) / 3600,
		      total->seeds, task->first, total->violations);
	if (total->violations)
		(void)fprintf(to, "\"0x%016" PRIx64 "\"", total->first_failing);
	else
		(void)fputs("null", to);
	(void)fputs(",\"planted\":[", to);
	if (task->planted)
		plant(task, to);
	(void)fputs("],\"coverage\":[", to);
	for (unsigned int f = 0; f < FAMILIES; f++)
		for (unsigned int s = 0; s < CORE_STATES; s++, comma = ",")
			(void)fprintf(to,
				      "%s{\"family\":\"%s\",\"state\":\"%s\",\"hits\":%" PRIu64 "}",
				      comma, family_name((enum family)f),
				      core_state_name((enum core_state)s), total->hits[f][s]);
	(void)fputs("]}\n", to);
	if (fclose(to) != 0) {
		perror(task->report);
		exit(2);
	}
}

static void print_total(const struct sim_total *total)
{
	double hours = mono_seconds(total->simulated) / 3600;

	(void)printf("%" PRIu64
		     " seeds, %.1f simulated hours, %.1f core-seconds (%.0f h, %.0f seeds "
		     "a core-minute), %" PRIu64 " events, %" PRIu64 " transitions, %" PRIu64
		     " takeovers\n",
		     total->seeds, hours, spent(), hours * 60 / spent(),
		     (double)total->seeds * 60 / spent(), total->events, total->transitions,
		     total->takeovers);
	(void)printf(
		"OUT %.2f %% DUAL %.4f %% MIS %.2f %% of the time; slowest agreement after the "
		"faults %.1f s; %" PRIu64 " violations; hash %016" PRIx64 "\n",
		100 * mono_seconds(total->out) / mono_seconds(total->simulated),
		100 * mono_seconds(total->dual) / mono_seconds(total->simulated),
		100 * mono_seconds(total->mis) / mono_seconds(total->simulated),
		mono_seconds(total->slowest), total->violations, total->hash);
}

static void usage(void)
{
	(void)fputs("usage: sim [--seed N] [--count N] [--seconds CORE_SECONDS] [--quiet SECONDS]\n"
		    "           [--without FAMILY]... [--trace LINES] [--verbose] [--hash]\n"
		    "           [--go-on] [--canary] [--wall SECONDS] [--report FILE]\n"
		    "           [--commit NAME] [--coverage] [--planted CORE_SECONDS]\n",
		    stderr);
	exit(2);
}

static uint32_t family_by_name(const char *name)
{
	for (unsigned int f = 0; f < FAMILIES; f++)
		if (strcmp(family_name((enum family)f), name) == 0)
			return 1U << f;
	(void)fprintf(stderr, "sim: no fault family is called %s\n", name);
	exit(2);
}

static void parse(struct task *task, int argc, char **argv)
{
	static const struct option words[] = {
		{"seed", 1, NULL, 's'},	   {"count", 1, NULL, 'c'},    {"seconds", 1, NULL, 'S'},
		{"quiet", 1, NULL, 'q'},   {"without", 1, NULL, 'w'},  {"trace", 1, NULL, 't'},
		{"verbose", 0, NULL, 'v'}, {"hash", 0, NULL, 'h'},     {"go-on", 0, NULL, 'g'},
		{"canary", 0, NULL, 'C'},  {"wall", 1, NULL, 'W'},     {"report", 1, NULL, 'r'},
		{"commit", 1, NULL, 'm'},  {"coverage", 0, NULL, 'o'}, {"planted", 1, NULL, 'p'},
		{NULL, 0, NULL, 0}};
	int word;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		switch (word) {
		case 's':
			task->first = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			task->count = strtoull(optarg, NULL, 0);
			break;
		case 'S':
			task->seconds = strtod(optarg, NULL);
			break;
		case 'q':
			task->options.quiet = strtoll(optarg, NULL, 0) * SEC;
			break;
		case 'w':
			task->options.without |= family_by_name(optarg);
			break;
		case 't':
			task->options.trace = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'v':
			task->options.verbose = true;
			break;
		case 'h':
			task->hash = true;
			break;
		case 'g':
			task->stop = false;
			break;
		case 'C':
			task->options.canary = true;
			break;
		case 'W':
			task->options.wall = strtoll(optarg, NULL, 0) * SEC;
			break;
		case 'r':
			task->report = optarg;
			break;
		case 'm':
			task->options.commit = optarg;
			break;
		case 'p':
			task->planted = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'o':
			task->coverage = true;
			break;
		default:
			usage(); /* does not return */
		}
	}
	if (task->count == UINT64_MAX && task->seconds <= 0)
		task->count = 1;
}

int main(int argc, char **argv)
{
	struct task task = {.options = {.commit = "unknown",
					.words = "",
					.quiet = 120 * SEC,
					.wall = 1700000000 * SEC},
			    .count = UINT64_MAX,
			    .stop = true};
	struct sim_total *total = calloc(1, sizeof(*total));
	bool held;

	if (!total)
		abort();
	parse(&task, argc, argv);
	run_all(&task, total);
	if (task.coverage)
		print_coverage(total, stdout);
	if (!task.hash)
		print_total(total);
	if (task.report)
		write_report(&task, total);
	else if (task.planted)
		plant(&task, NULL);
	held = total->violations == 0 && task.missed == 0;
	free(total);
	return held ? 0 : 1;
}
