/* SPDX-License-Identifier: MIT */
/*
 * The files of profiles that AWS's tools share, and the answer of STS. Oracle: what is taken stands
 * in the text, whole and without an end of line; said twice it is the same; a stranger's section
 * changes nothing. Of STS: credentials are whole or not a byte of them is left.
 *
 * fuzz: aws/{profile,sts,creds,json,xml,form,reply}.c agent/base/buf.c -lexpat -ljansson
 * covers: aws/profile.c profile_read take opens span_is trim blank
 * covers: aws/sts.c sts_session take on_field sts_read_assumed
 * covers: aws/creds.c creds_set creds_date
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "aws/profile.h"
#include "aws/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const char *value, size_t room, const char *text, size_t length)
{
	size_t said = strnlen(value, room);

	if (said == room || strchr(value, '\n'))
		abort();
	if (said && !memmem(text, length, value, said))
		abort();
}

static void check_profile(const char *text, size_t length, bool config, const char *name)
{
	static struct profile once, twice;
	char *double_ = malloc(2 * length + 64);
	size_t used;

	if (!double_)
		abort();
	memset(&once, 0, sizeof(once));
	memset(&twice, 0, sizeof(twice));
	profile_read(text, length, config, name, &once);
	check_value(once.access_key, sizeof(once.access_key), text, length);
	check_value(once.secret_key, sizeof(once.secret_key), text, length);
	check_value(once.token, sizeof(once.token), text, length);
	check_value(once.region, sizeof(once.region), text, length);
	check_value(once.role_arn, sizeof(once.role_arn), text, length);
	check_value(once.source_profile, sizeof(once.source_profile), text, length);
	check_value(once.credential_source, sizeof(once.credential_source), text, length);
	check_value(once.external_id, sizeof(once.external_id), text, length);
	check_value(once.role_session_name, sizeof(once.role_session_name), text, length);
	if (!once.found && (once.access_key[0] || once.role_arn[0] || once.cut))
		abort();
	memcpy(double_, "[profile nobody]\nregion = elsewhere\n", 36);
	used = 36;
	memcpy(double_ + used, text, length);
	profile_read(double_, used + length, config, name, &twice);
	profile_read(text, length, config, name, &twice);
	/* The cut of a second reading may come of a value that has its place already. */
	twice.cut = once.cut;
	if (memcmp(&once, &twice, sizeof(once)) != 0)
		abort();
	profile_wipe(&once);
	free(double_);
}

static void check_sts(const char *text, size_t length)
{
	static struct creds creds, empty;
	struct err err = {""};
	char session[STS_SESSION_MAX];
	char *ended = strndup(text, length);

	memset(&creds, 'x', sizeof(creds));
	if (sts_read_assumed(text, length, &creds, &err) == 0) {
		if (!creds.access_key[0] || !creds.secret_key[0] || !creds.token[0] ||
		    creds.expires <= 0)
			abort();
	} else if (memcmp(&creds, &empty, sizeof(creds)) != 0 || !err.text[0]) {
		abort();
	}
	creds_wipe(&creds);
	sts_session(ended ? ended : "", session);
	if (strlen(session) < 2 || strlen(session) >= STS_SESSION_MAX)
		abort();
	for (const char *c = session; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+=,.@-_",
			    *c))
			abort();
	free(ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_profile(text, size, false, "default");
	check_profile(text, size, true, "default");
	check_profile(text, size, true, "prod");
	check_sts(text, size);
	return 0;
}
