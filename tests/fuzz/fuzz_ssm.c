/* SPDX-License-Identifier: MIT */
/*
 * Parameter Store's JSON answers. Oracle: an accepted parameter has a version
 * from 1, a date within its range and a value that ends inside its room, with
 * a word about it when it was cut; that value can be put back and is then
 * valid JSON with the same value in it.
 *
 * fuzz: aws/{json,reply,ssm,xml}.c agent/base/{buf,ip}.c -lexpat -ljansson
 * covers: aws/ssm.c ssm_read_parameter ssm_read_version read_version read_date take_value
 * covers: aws/json.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/json.h"
#include "aws/reply.h"
#include "aws/ssm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_put_back(struct aws_job *job)
{
	struct buf body;
	json_t *root;

	memcpy(job->name, "P", 2);
	buf_init(&body, SSM_BODY_MAX);
	if (ssm_put(&body, job) < 0)
		abort();
	root = json_read(body.data, body.length, NULL);
	if (!root || strcmp(json_text(root, "Value"), job->value) != 0)
		abort();
	json_decref(root);
	buf_free(&body);
}

static void check_parameter(const char *json, size_t size)
{
	static struct aws_job job;

	memset(&job, 0, sizeof(job));
	if (ssm_read_parameter(json, size, &job, NULL) != 0) {
		if (job.value[0] || job.error[0])
			abort();
		return;
	}
	if (job.version < 1 || job.mtime < 0 || job.mtime > INT64_C(100000000000000000))
		abort();
	if (strnlen(job.value, sizeof(job.value)) == sizeof(job.value))
		abort();
	if (job.error[0] && strlen(job.value) < sizeof(job.value) - 4)
		abort(); /* cut, but not because it was long */
	check_put_back(&job);
}

static void check_fault(const char *json, size_t size)
{
	struct reply_fault fault;

	reply_fault_ssm(500, "", json, size, &fault);
	if (!fault.code[0] && fault.outcome != OUTCOME_UNKNOWN)
		abort();
	for (const char *c = fault.message; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			abort();
	if (strpbrk(fault.code, "#:"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aws_job job = {.version = 0};

	check_parameter((const char *)data, size);
	check_fault((const char *)data, size);
	if (ssm_read_version((const char *)data, size, &job, NULL) == 0 && job.version < 1)
		abort();
	return 0;
}
