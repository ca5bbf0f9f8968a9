/* SPDX-License-Identifier: MIT */
/*
 * EC2's XML answers. Oracle: what an answer fills is bounded and free of
 * control bytes; a route is ours only with our id on it, and a missing one
 * has no target; a failing server is never reported as a refusal without a
 * code that says so.
 *
 * fuzz: aws/{ec2,form,json,reply,xml}.c agent/base/{buf,ip}.c -lexpat -ljansson
 * covers: aws/ec2.c ec2_read_table ec2_read_tables ec2_read_instance ec2_read_interface
 * covers: aws/ec2.c on_table_field on_tables_field keep_table on_instance_field
 * covers: aws/ec2.c on_interface_field
 * covers: aws/xml.c
 * covers: aws/reply.c on_error_field read_error reply_fault_ec2 judge judge_status reply_copy
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/ec2.h"
#include "aws/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ec2_target self = {.eni = "eni-0aa", .instance = "i-0aa"};

static void check_text(const char *text, size_t room)
{
	size_t length = strnlen(text, room);

	if (length == room)
		abort();
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			abort();
}

static void check_table(const char *xml, size_t size, bool by_instance)
{
	struct aws_job job = {.table_id = "rtb-1", .target_instance = by_instance};
	char page[EC2_TOKEN_MAX];

	if (ip_parse("10.1.5.5", &job.vip) < 0)
		abort();
	if (ec2_read_table(xml, size, &job, &self, page, NULL) != 0) {
		check_text(page, sizeof(page));
		if (job.route_is_ours || job.route_eni[0] || job.route_instance[0])
			abort();
		return;
	}
	check_text(job.route_eni, sizeof(job.route_eni));
	check_text(job.route_instance, sizeof(job.route_instance));
	if (job.route_is_ours && strcmp(job.route_eni, self.eni) != 0 &&
	    strcmp(job.route_instance, self.instance) != 0)
		abort();
	if (job.route == AWS_ROUTE_MISSING &&
	    (job.route_is_ours || job.route_eni[0] || job.route_instance[0]))
		abort();
}

static void check_interface(const char *xml, size_t size, const char *address)
{
	struct aws_job job = {.call = AWS_TARGET_CHECK};

	if (*address && ip_parse(address, &job.vip) < 0)
		abort();
	if (ec2_read_interface(xml, size, &job, self.eni, NULL) != 0)
		return;
	check_text(job.route_eni, sizeof(job.route_eni));
	if (!job.route_eni[0] || (!*address && strcmp(job.route_eni, self.eni) != 0))
		abort();
}

static void check_tables(const char *xml, size_t size)
{
	struct aws_job job = {.call = AWS_TABLES};
	char page[EC2_TOKEN_MAX];

	if (ip_parse("10.1.5.5", &job.vip) < 0)
		abort();
	(void)ec2_read_tables(xml, size, &job, page, NULL);
	check_text(page, sizeof(page));
	if (job.table_count > AWS_TABLES_MAX)
		abort();
	for (unsigned int i = 0; i < job.table_count; i++) {
		check_text(job.tables[i].id, sizeof(job.tables[i].id));
		if (!job.tables[i].id[0] || (job.tables[i].main && !job.tables[i].used))
			abort();
	}
	free(job.tables);
}

static void check_instance(const char *xml, size_t size)
{
	struct aws_job job = {.call = AWS_INSTANCE, .instance_id = "i-0aa"};
	int ret = ec2_read_instance(xml, size, &job, NULL);

	check_text(job.instance_state, sizeof(job.instance_state));
	if (ret == 0 && !job.instance_state[0])
		abort();
}

static void check_fault(const char *xml, size_t size, long status)
{
	struct reply_fault fault;
	char sentence[512];

	reply_fault_ec2(status, xml, size, &fault);
	check_text(fault.code, sizeof(fault.code));
	check_text(fault.message, sizeof(fault.message));
	if (status >= 500 && !fault.code[0] && fault.outcome != OUTCOME_UNKNOWN)
		abort();
	reply_sentence(&fault, status, "ReplaceRoute rtb-1", "a right", sentence, sizeof(sentence));
	check_text(sentence, sizeof(sentence));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *xml = (const char *)data;

	check_table(xml, size, false);
	check_table(xml, size, true);
	check_interface(xml, size, "");
	check_interface(xml, size, "10.0.4.10");
	check_tables(xml, size);
	check_instance(xml, size);
	check_fault(xml, size, 400);
	check_fault(xml, size, 503);
	(void)ec2_read_done(xml, size, NULL);
	return 0;
}
