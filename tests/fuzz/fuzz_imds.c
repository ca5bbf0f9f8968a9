/* SPDX-License-Identifier: MIT */
/*
 * The credentials that IMDS hands out. Oracle: what is taken can be signed
 * with and sent in a header as it is; what is refused leaves not a byte
 * behind, and the reason is one clean sentence.
 *
 * fuzz: aws/{creds,json,reply,sigv4,xml}.c agent/base/buf.c -lexpat -ljansson -lcrypto
 * covers: aws/creds.c creds_read creds_date creds_wipe take wipe_json
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/creds.h"
#include "aws/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refused(const struct creds *creds, const struct err *err)
{
	const unsigned char *bytes = (const unsigned char *)creds;

	for (size_t i = 0; i < sizeof(*creds); i++)
		if (bytes[i])
			abort();
	if (!err->text[0])
		abort();
	for (const char *c = err->text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			abort();
}

static void check_usable(const struct creds *creds)
{
	const struct sigv4_header headers[] = {
		{"host", "ec2.eu-west-1.amazonaws.com"},
		{"x-amz-date", "20260102T030405Z"},
		{"x-amz-security-token", creds->token},
	};
	const struct sigv4_request request = {
		.method = "POST",
		.path = "/",
		.query = "",
		.headers = headers,
		.header_count = 3,
		.body = "",
		.region = "eu-west-1",
		.service = "ec2",
	};
	const struct sigv4_secret secret = {creds->access_key, creds->secret_key};
	char authorization[SIGV4_AUTH_MAX];

	if (creds->expires <= 0)
		abort();
	/* A key id may hold what the header uses as a separator; that is refused. */
	if (sigv4_sign(&request, &secret, authorization) < 0 && !strpbrk(creds->access_key, ",/="))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct creds creds;
	struct err err = {""};

	memset(&creds, 'x', sizeof(creds));
	if (creds_read((const char *)data, size, &creds, &err) < 0)
		check_refused(&creds, &err);
	else
		check_usable(&creds);
	creds_wipe(&creds);
	return 0;
}
