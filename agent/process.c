/* SPDX-License-Identifier: MIT */
/*
 * /proc is read as hostile text: a process chooses its own name and arguments,
 * so the name is what stands between the first and the last parenthesis, and
 * everything is cut to a fixed size. Follows zonevip.conf(5), "TRACKS".
 */
#define _GNU_SOURCE /* O_DIRECTORY with openat */
#include "agent/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMM_MAX 16 /* the kernel's, with the NUL */
#define CMDLINE_MAX 4096

bool process_pattern(struct process_pattern *pattern, const char *what, enum process_match match)
{
	char *at = pattern->text;

	pattern->match = match;
	pattern->count = 0;
	(void)snprintf(pattern->text, sizeof(pattern->text), "%s", what);
	for (;;) {
		at += strspn(at, " \t");
		if (!*at)
			return pattern->count > 0;
		if (pattern->count == PROCESS_WORDS_MAX)
			return false;
		pattern->words[pattern->count++] = at;
		at += strcspn(at, " \t");
		if (*at)
			*at++ = '\0';
	}
}

/* The argument after @at, or NULL. */
static const char *next_argument(const char *at, const char *end)
{
	at = memchr(at, '\0', (size_t)(end - at));
	return at && at + 1 < end ? at + 1 : NULL;
}

static bool name_matches(const char *name, const char *comm, const char *first)
{
	const char *slash = strrchr(first, '/');

	if (strchr(name, '/'))
		return strcmp(first, name) == 0;
	return strcmp(comm, name) == 0 || strcmp(slash ? slash + 1 : first, name) == 0;
}

bool process_matches(const struct process_pattern *pattern, const char *comm, const char *cmdline,
		     size_t length)
{
	const char *at = length > 0 ? cmdline : "";
	const char *end = cmdline + length;

	if (!name_matches(pattern->words[0], comm, at))
		return false;
	if (pattern->count == 1)
		return true;
	at = length > 0 ? next_argument(at, end) : NULL;
	for (unsigned int w = 1; w < pattern->count; w++, at = next_argument(at, end)) {
		const char *word = pattern->words[w];
		bool last = w + 1 == pattern->count;

		if (!at || (last && pattern->match == PROCESS_PARTIAL
				    ? strncmp(at, word, strlen(word)) != 0
				    : strcmp(at, word) != 0))
			return false;
	}
	return pattern->match != PROCESS_EXACT || !at;
}

/* Bytes of "PID/@file", NUL-terminated; -1: it has ended meanwhile. */
static ssize_t read_file(int proc, const char *pid, const char *file, char *text, size_t size)
{
	char path[32];
	ssize_t length;
	int fd;

	(void)snprintf(path, sizeof(path), "%.15s/%s", pid, file);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	length = read(fd, text, size - 1);
	(void)close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length;
}

/* The name of a living process; false for zombies and the dead. */
static bool read_name(int proc, const char *pid, char comm[static COMM_MAX])
{
	char stat[512];
	char *open, *close;

	if (read_file(proc, pid, "stat", stat, sizeof(stat)) <= 0)
		return false;
	open = strchr(stat, '(');
	close = strrchr(stat, ')');
	if (!open || !close || close < open || close[1] != ' ' || strchr("ZXx", close[2]))
		return false;
	*close = '\0';
	(void)snprintf(comm, COMM_MAX, "%.15s", open + 1);
	return true;
}

static void look_at(int proc, const char *pid, const struct process_pattern *const *patterns,
		    struct process_found *found, unsigned int count)
{
	char comm[COMM_MAX], cmdline[CMDLINE_MAX];
	ssize_t length;

	if (!read_name(proc, pid, comm))
		return;
	length = read_file(proc, pid, "cmdline", cmdline, sizeof(cmdline));
	for (unsigned int p = 0; p < count; p++) {
		if (!process_matches(patterns[p], comm, cmdline, length > 0 ? (size_t)length : 0))
			continue;
		if (found[p].count < PROCESS_PIDS_MAX)
			found[p].pids[found[p].count] = (pid_t)strtol(pid, NULL, 10);
		found[p].count++;
	}
}

bool process_scan(const struct process_pattern *const *patterns, struct process_found *found,
		  unsigned int count)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	bool visible;

	for (unsigned int p = 0; p < count; p++)
		found[p].count = 0;
	if (!proc)
		return false;
	/* There is always a process 1, and it is root's. */
	visible = faccessat(dirfd(proc), "1/stat", F_OK, 0) == 0;
	while ((entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			look_at(dirfd(proc), entry->d_name, patterns, found, count);
	(void)closedir(proc);
	return visible;
}
