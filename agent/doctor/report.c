/* SPDX-License-Identifier: MIT */
/*
 * Findings for people and for programs (doc/doctor.schema.json). May not
 * decide what they mean: main.c turns their worst into the exit status.
 */
#include "config.h"

#include "agent/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

unsigned int report_count(const struct doctor *d, enum doctor_result result)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < d->count; i++)
		count += d->findings[i].result == result;
	return count;
}

static const char *colour_of(enum doctor_result result)
{
	static const char *const codes[DOCTOR_RESULTS] = {"\033[32m", "\033[33m", "\033[31m",
							  "\033[2m"};

	return codes[result];
}

void report_table(const struct doctor *d, FILE *out, bool colour)
{
	for (unsigned int i = 0; i < d->count; i++) {
		const struct finding *f = &d->findings[i];
		bool first = i == 0 || strcmp(f->check, f[-1].check) != 0;

		(void)fprintf(out, "%s%-4s%s  %-17s %s%s%s\n", colour ? colour_of(f->result) : "",
			      doctor_result_name(f->result), colour ? "\033[0m" : "",
			      first ? f->check : "", f->subject, f->subject[0] ? ": " : "",
			      f->found);
		if (f->fix[0])
			(void)fprintf(out, "      %-17s -> %s\n", "", f->fix);
	}
	(void)fprintf(out, "%u ok, %u warnings, %u failures, %u skipped\n",
		      report_count(d, DOCTOR_OK), report_count(d, DOCTOR_WARN),
		      report_count(d, DOCTOR_FAIL), report_count(d, DOCTOR_SKIP));
}

int report_json(const struct doctor *d, FILE *out)
{
	json_t *list = json_array();
	json_t *root;
	int ret;

	for (unsigned int i = 0; i < d->count; i++) {
		const struct finding *f = &d->findings[i];

		(void)json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s%, s:s%}", "check", f->check, "result",
				  doctor_result_name(f->result), "subject", f->subject, "found",
				  f->found, strlen(f->found), "fix", f->fix, strlen(f->fix)));
	}
	root = json_pack(
		"{s:i, s:s, s:s, s:s, s:o, s:{s:i, s:i, s:i, s:i}}", "version", 1, "program",
		"zonevip-doctor " PACKAGE_VERSION, "node", d->conf->nodes[d->conf->self].name,
		"config", d->conf->path, "findings", list, "summary", "ok",
		(int)report_count(d, DOCTOR_OK), "warn", (int)report_count(d, DOCTOR_WARN), "fail",
		(int)report_count(d, DOCTOR_FAIL), "skip", (int)report_count(d, DOCTOR_SKIP));
	ret = root ? json_dumpf(root, out, JSON_INDENT(2)) : -1;
	(void)fputc('\n', out);
	json_decref(root);
	return ret;
}
