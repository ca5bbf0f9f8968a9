/* SPDX-License-Identifier: MIT */
/* Options, many seeds, the report. scripts/sim --help says what the words mean. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/planted.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim.h"

#define PROGRESS_EVERY 30.0 /* core-seconds */

struct task {
	struct sim_options options;
	uint64_t first, next;
	uint64_t count;
	double seconds; /* of processor time; 0 = only count */
	double hours;	/* of simulated time; 0 = no bound */
	double before;	/* core-seconds of the calls that this one resumes */
	bool hash;	/* print one line per seed */
	bool stop;	/* at the first failure */
	bool coverage;	/* print the table */
	bool need_coverage;
	const char *report, *resume, *shrink;
	unsigned int planted, missed; /* core-seconds per planted bug; bugs not found */
};

static double hours_of(const struct sim_total *total)
{
	return mono_seconds(total->simulated) / 3600;
}

/* --- a long run that may be interrupted --------------------------------------------------- */

static void save(const struct task *task, const struct sim_total *total)
{
	char draft[4096];
	FILE *to;

	if (!task->resume)
		return;
	(void)snprintf(draft, sizeof(draft), "%s.new", task->resume);
	to = fopen(draft, "w");
	if (!to) {
		perror(draft);
		exit(2);
	}
	(void)fprintf(to, "%s %" PRIu64 " %" PRIu64 " %.2f\n", task->options.commit, task->first,
		      task->next, task->before + sim_spent());
	(void)fprintf(to,
		      "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		      " %" PRIu64 " %" PRIu64 "\n",
		      total->seeds, total->events, total->transitions, total->takeovers,
		      total->twins, total->violations, total->first_failing, total->hash);
	(void)fprintf(to,
		      "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
		      total->simulated, total->out, total->dual, total->mis, total->slowest,
		      total->nearest);
	for (unsigned int f = 0; f < FAMILIES; f++)
		for (unsigned int s = 0; s < CORE_STATES; s++)
			(void)fprintf(to, "%" PRIu64 "\n", total->hits[f][s]);
	if (fclose(to) != 0 || rename(draft, task->resume) != 0) {
		perror(task->resume);
		exit(2);
	}
}

static void bad_resume(const struct task *task, const char *why)
{
	(void)fprintf(stderr, "sim: %s: %s: remove it to begin anew\n", task->resume, why);
	exit(2);
}

/* Takes up where the file says; a file of another commit is refused. */
static void load(struct task *task, struct sim_total *total)
{
	FILE *from = task->resume ? fopen(task->resume, "r") : NULL;
	char commit[64];

	if (!from)
		return;
	if (fscanf(from, "%63s %" SCNu64 " %" SCNu64 " %lf", commit, &task->first, &task->next,
		   &task->before) != 4 ||
	    fscanf(from,
		   "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &total->seeds, &total->events, &total->transitions, &total->takeovers,
		   &total->twins, &total->violations, &total->first_failing, &total->hash) != 8 ||
	    fscanf(from, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
		   &total->simulated, &total->out, &total->dual, &total->mis, &total->slowest,
		   &total->nearest) != 6)
		bad_resume(task, "is damaged");
	for (unsigned int k = 0; k < FAMILIES * CORE_STATES; k++)
		if (fscanf(from, "%" SCNu64, &total->hits[k / CORE_STATES][k % CORE_STATES]) != 1)
			bad_resume(task, "is damaged");
	(void)fclose(from);
	if (strcmp(commit, task->options.commit) != 0)
		bad_resume(task, "belongs to another commit");
}

static void print_progress(const struct task *task, const struct sim_total *total)
{
	(void)printf("%10.1f of %.0f simulated hours, next seed 0x%" PRIx64 ", %.0f core-seconds, "
		     "%" PRIu64 " violations\n",
		     hours_of(total), task->hours, task->next, task->before + sim_spent(),
		     total->violations);
	(void)fflush(stdout);
}

/* --- seeds ------------------------------------------------------------------------------ */

static bool enough(const struct task *task, const struct sim_total *total)
{
	return task->next - task->first >= task->count ||
	       (task->seconds > 0 && sim_spent() > task->seconds) ||
	       (task->hours > 0 && hours_of(total) >= task->hours);
}

static void run_all(struct task *task, struct sim_total *total)
{
	double told = 0;

	while (!enough(task, total)) {
		uint64_t before = total->hash;
		uint64_t seed = task->next++;

		total->hash = 0;
		if (!sim_seed(&task->options, seed, total)) {
			if (task->shrink)
				shrink(&task->options, seed, 120, task->shrink);
			if (task->stop)
				break;
		}
		if (task->hash)
			(void)printf("%016" PRIx64 " %016" PRIx64 "\n", seed, total->hash);
		total->hash ^= before * 31;
		if (task->hours > 0 && sim_spent() - told > PROGRESS_EVERY) {
			told = sim_spent();
			print_progress(task, total);
			save(task, total);
		}
	}
	save(task, total);
}

/* --- reports ------------------------------------------------------------------------------ */

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

/* Pairs of a fault family and a state that never met. */
static unsigned int uncovered(const struct sim_total *total)
{
	unsigned int zeros = 0;

	for (unsigned int f = 0; f < FAMILIES; f++)
		for (unsigned int s = 0; s < CORE_STATES; s++) {
			if (total->hits[f][s] > 0)
				continue;
			(void)printf("SIMFAIL %s never struck a node in %s\n",
				     family_name((enum family)f),
				     core_state_name((enum core_state)s));
			zeros++;
		}
	return zeros;
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
		      ",\"twins\":%" PRIu64 ",\"violations\":%" PRIu64 ",\"first_failing_seed\":",
		      task->options.commit, task->before + sim_spent(), hours_of(total),
		      total->seeds, task->first, total->twins, total->violations);
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

static void print_total(const struct task *task, const struct sim_total *total)
{
	double spent = task->before + sim_spent();
	double all = mono_seconds(total->simulated);

	(void)printf("%" PRIu64
		     " seeds, %.1f simulated hours, %.1f core-seconds (%.0f h, %.0f seeds "
		     "a core-minute), %" PRIu64 " events, %" PRIu64 " transitions, %" PRIu64
		     " takeovers\n",
		     total->seeds, hours_of(total), spent, hours_of(total) * 60 / spent,
		     (double)total->seeds * 60 / spent, total->events, total->transitions,
		     total->takeovers);
	(void)printf("seeds 0x%" PRIx64 " to 0x%" PRIx64 ", %" PRIu64
		     " of them with a twin; OUT %.2f %% DUAL %.4f %% MIS %.2f %% of the time\n",
		     task->first, task->next - 1, total->twins,
		     100 * mono_seconds(total->out) / all, 100 * mono_seconds(total->dual) / all,
		     100 * mono_seconds(total->mis) / all);
	(void)printf("slowest agreement after the faults %.1f s, nearest to its bound %.1f s; "
		     "%" PRIu64 " violations; hash %016" PRIx64 "\n",
		     mono_seconds(total->slowest), mono_seconds(total->nearest), total->violations,
		     total->hash);
}

/* --- options ------------------------------------------------------------------------------ */

static void usage(void)
{
	(void)fputs("usage: sim [--seed N] [--count N] [--seconds CORE_SECONDS] [--hours H]\n"
		    "           [--without FAMILY]... [--only FAMILY:COUNT]... [--heal SECONDS]\n"
		    "           [--quiet SECONDS] [--twin EVERY] [--wall SECONDS] [--canary]\n"
		    "           [--trace LINES] [--verbose] [--hash] [--go-on] [--shrink FILE]\n"
		    "           [--report FILE] [--commit NAME] [--coverage] [--need-coverage]\n"
		    "           [--resume FILE] [--planted CORE_SECONDS]\n"
		    "       sim --scenario FILE... [--trace LINES] [--verbose]\n",
		    stderr);
	exit(2);
}

static enum family family_by_name(const char *name, size_t length)
{
	for (unsigned int f = 0; f < FAMILIES; f++)
		if (strlen(family_name((enum family)f)) == length &&
		    strncmp(family_name((enum family)f), name, length) == 0)
			return (enum family)f;
	(void)fprintf(stderr, "sim: no fault family is called %.*s\n", (int)length, name);
	exit(2);
}

static void pick(struct sim_options *options, const char *word)
{
	static struct pick picks[SWARM_PICKS];
	size_t length = strcspn(word, ":");

	if (word[length] == '\0' || options->pick_count == SWARM_PICKS)
		usage();
	picks[options->pick_count++] =
		(struct pick){.family = family_by_name(word, length),
			      .count = (unsigned int)strtoul(word + length + 1, NULL, 10)};
	options->picks = picks;
}

static bool parse_story(struct sim_options *options, int word)
{
	switch (word) {
	case 'q':
		options->quiet = strtoll(optarg, NULL, 0) * SEC;
		break;
	case 'w':
		options->without |= 1ULL << family_by_name(optarg, strlen(optarg));
		break;
	case 'O':
		pick(options, optarg);
		break;
	case 'e':
		options->heal = strtoll(optarg, NULL, 0) * SEC;
		break;
	case 'T':
		options->twin = (unsigned int)strtoul(optarg, NULL, 0);
		break;
	case 't':
		options->trace = (unsigned int)strtoul(optarg, NULL, 0);
		break;
	case 'v':
		options->verbose = true;
		break;
	case 'C':
		options->canary = true;
		break;
	case 'W':
		options->wall = strtoll(optarg, NULL, 0) * SEC;
		break;
	case 'm':
		options->commit = optarg;
		break;
	default:
		return false;
	}
	return true;
}

static bool parse_task(struct task *task, int word)
{
	switch (word) {
	case 's':
		task->first = task->next = strtoull(optarg, NULL, 0);
		break;
	case 'c':
		task->count = strtoull(optarg, NULL, 0);
		break;
	case 'S':
		task->seconds = strtod(optarg, NULL);
		break;
	case 'H':
		task->hours = strtod(optarg, NULL);
		break;
	case 'h':
		task->hash = true;
		break;
	case 'g':
		task->stop = false;
		break;
	case 'r':
		task->report = optarg;
		break;
	case 'R':
		task->resume = optarg;
		break;
	case 'k':
		task->shrink = optarg;
		break;
	case 'p':
		task->planted = (unsigned int)strtoul(optarg, NULL, 0);
		break;
	case 'o':
		task->coverage = true;
		break;
	case 'n':
		task->need_coverage = true;
		break;
	default:
		return false;
	}
	return true;
}

/* Returns true when scenarios are to be run: the words that are left name them. */
static bool parse(struct task *task, int argc, char **argv)
{
	static const struct option words[] = {
		{"seed", 1, NULL, 's'},	    {"count", 1, NULL, 'c'},
		{"seconds", 1, NULL, 'S'},  {"hours", 1, NULL, 'H'},
		{"quiet", 1, NULL, 'q'},    {"without", 1, NULL, 'w'},
		{"only", 1, NULL, 'O'},	    {"heal", 1, NULL, 'e'},
		{"twin", 1, NULL, 'T'},	    {"trace", 1, NULL, 't'},
		{"verbose", 0, NULL, 'v'},  {"hash", 0, NULL, 'h'},
		{"go-on", 0, NULL, 'g'},    {"canary", 0, NULL, 'C'},
		{"wall", 1, NULL, 'W'},	    {"report", 1, NULL, 'r'},
		{"resume", 1, NULL, 'R'},   {"shrink", 1, NULL, 'k'},
		{"commit", 1, NULL, 'm'},   {"coverage", 0, NULL, 'o'},
		{"planted", 1, NULL, 'p'},  {"need-coverage", 0, NULL, 'n'},
		{"scenario", 0, NULL, 'x'}, {NULL, 0, NULL, 0}};
	bool scenario = false;
	int word;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		scenario |= word == 'x';
		if (word != 'x' && !parse_story(&task->options, word) && !parse_task(task, word))
			usage(); /* does not return */
	}
	if (task->count == UINT64_MAX && task->seconds <= 0 && task->hours <= 0)
		task->count = 1;
	return scenario;
}

int main(int argc, char **argv)
{
	struct task task = {.options = {.commit = "unknown", .wall = 1700000000 * SEC},
			    .count = UINT64_MAX,
			    .stop = true};
	struct sim_total *total = calloc(1, sizeof(*total));
	unsigned int zeros = 0;
	bool held;

	if (!total)
		abort();
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (parse(&task, argc, argv)) {
		free(total);
		return scenario_run_all(&task.options, argv + optind, argc - optind);
	}
	load(&task, total);
	if (!task.planted || task.count != UINT64_MAX)
		run_all(&task, total);
	if (task.coverage)
		print_coverage(total, stdout);
	if (!task.hash)
		print_total(&task, total);
	if (task.need_coverage)
		zeros = uncovered(total);
	if (task.report)
		write_report(&task, total);
	else if (task.planted)
		plant(&task, NULL);
	held = total->violations == 0 && task.missed == 0 && zeros == 0;
	free(total);
	return held ? 0 : 1;
}
