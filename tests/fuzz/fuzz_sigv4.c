/* SPDX-License-Identifier: MIT */
/*
 * Signature Version 4 against a second implementation, written from AWS's description for this page
 * alone: headers as an array of lines that is sorted, HMAC made of two hashes (RFC 2104). Oracle:
 * what is signed has the same Authorization in both; what must not be signed is refused.
 *
 * Input: lines "name: value" are headers, a line "@" ends them, then the body; the secret and the
 * key id are headers named "!s" and "!k", method, region and service "!m", "!r" and "!v".
 *
 * fuzz: aws/sigv4.c agent/base/buf.c -lcrypto
 * covers: aws/sigv4.c sigv4_sign sigv4_canonical sigv4_string_to_sign sigv4_key sigv4_hash seal
 * covers: aws/sigv4.c hmac append_headers append_name append_value sort_headers check date_ok
 * covers: aws/sigv4.c header_value name_order lower word_ok text_ok verdict
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "aws/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 8192

static void hash(const void *a, size_t a_length, const void *b, size_t b_length,
		 unsigned char out[32])
{
	char *both = malloc(a_length + b_length + 1);

	if (!both)
		abort();
	memcpy(both, a, a_length);
	memcpy(both + a_length, b, b_length);
	if (EVP_Digest(both, a_length + b_length, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
	free(both);
}

/* RFC 2104; @out may be @key. */
static void mac(const void *key, size_t key_length, const char *text, unsigned char out[32])
{
	unsigned char block[64] = {0}, inner[64], outer[64], first[32];

	if (key_length > sizeof(block))
		hash(key, key_length, "", 0, block);
	else
		memcpy(block, key, key_length);
	for (size_t i = 0; i < sizeof(block); i++) {
		inner[i] = block[i] ^ 0x36;
		outer[i] = block[i] ^ 0x5c;
	}
	hash(inner, sizeof(inner), text, strlen(text), first);
	hash(outer, sizeof(outer), first, sizeof(first), out);
}

static void hex(const unsigned char in[32], char out[65])
{
	for (int i = 0; i < 32; i++)
		sprintf(out + 2 * (size_t)i, "%02x", in[i]);
}

struct line {
	char name[TEXT_MAX];
	char value[TEXT_MAX];
	size_t order;
};

static int by_name(const void *a, const void *b)
{
	const struct line *one = a, *other = b;
	int names = strcmp(one->name, other->name);

	return names ? names : one->order < other->order ? -1 : 1;
}

/* "  a   b " -> "a b" */
static void squeeze(const char *from, char *to)
{
	bool first = true;

	for (;;) {
		size_t word;

		from += strspn(from, " ");
		word = strcspn(from, " ");
		if (!word)
			break;
		if (!first)
			*to++ = ' ';
		memcpy(to, from, word);
		to += word;
		from += word;
		first = false;
	}
	*to = '\0';
}

static size_t canonical_headers(const struct sigv4_request *request, char *text, char *names,
				const char **date)
{
	static struct line lines[SIGV4_HEADERS_MAX];
	char *at = text;

	for (size_t i = 0; i < request->header_count; i++) {
		const char *name = request->headers[i].name;

		for (size_t c = 0; c <= strlen(name); c++)
			lines[i].name[c] = (char)tolower((unsigned char)name[c]);
		squeeze(request->headers[i].value, lines[i].value);
		lines[i].order = i;
		if (strcmp(lines[i].name, "x-amz-date") == 0)
			*date = request->headers[i].value;
	}
	qsort(lines, request->header_count, sizeof(lines[0]), by_name);
	*names = '\0';
	for (size_t i = 0; i < request->header_count; i++) {
		if (i > 0 && strcmp(lines[i].name, lines[i - 1].name) == 0) {
			at += sprintf(at - 1, ",%s\n", lines[i].value) -
			      1; /* over the end of line */
			continue;
		}
		at += sprintf(at, "%s:%s\n", lines[i].name, lines[i].value);
		sprintf(names + strlen(names), "%s%s", *names ? ";" : "", lines[i].name);
	}
	return (size_t)(at - text);
}

static void second(const struct sigv4_request *request, const struct sigv4_secret *secret,
		   char *authorization)
{
	static char text[40 * TEXT_MAX], to_sign[TEXT_MAX], names[20 * TEXT_MAX], key[TEXT_MAX];
	unsigned char digest[32];
	char digits[65], day[9] = "";
	const char *date = "";
	char *at = text + sprintf(text, "%s\n/\n\n", request->method);

	at += canonical_headers(request, at, names, &date);
	hash(request->body, request->body_length, "", 0, digest);
	hex(digest, digits);
	at += sprintf(at, "\n%s\n%s", names, digits);
	hash(text, (size_t)(at - text), "", 0, digest);
	hex(digest, digits);
	memcpy(day, date, 8);
	sprintf(to_sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", date, day,
		request->region, request->service, digits);
	mac(key, (size_t)sprintf(key, "AWS4%s", secret->secret_key), day, digest);
	mac(digest, 32, request->region, digest);
	mac(digest, 32, request->service, digest);
	mac(digest, 32, "aws4_request", digest);
	mac(digest, 32, to_sign, digest);
	hex(digest, digits);
	sprintf(authorization,
		"AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, "
		"Signature=%s",
		secret->access_key, day, request->region, request->service, names, digits);
}

static const char **special(const char *name, struct sigv4_request *request,
			    struct sigv4_secret *secret)
{
	if (strcmp(name, "!s") == 0)
		return &secret->secret_key;
	if (strcmp(name, "!k") == 0)
		return &secret->access_key;
	if (strcmp(name, "!m") == 0)
		return &request->method;
	if (strcmp(name, "!r") == 0)
		return &request->region;
	return strcmp(name, "!v") == 0 ? &request->service : NULL;
}

static void read_request(char *text, struct sigv4_request *request, struct sigv4_header *headers,
			 struct sigv4_secret *secret)
{
	char *line;

	while ((line = strsep(&text, "\n")) && strcmp(line, "@") != 0) {
		char *value = strchr(line, ':');
		const char **where;

		if (!value || request->header_count > SIGV4_HEADERS_MAX)
			continue;
		*value++ = '\0';
		value += *value == ' ';
		where = special(line, request, secret);
		if (where)
			*where = value;
		else
			headers[request->header_count++] = (struct sigv4_header){line, value};
	}
	request->body = text ? text : "";
	request->body_length = text ? strlen(text) : 0;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static bool must_not_be_signed(const struct sigv4_request *request,
			       const struct sigv4_secret *secret)
{
	unsigned int hosts = 0, dates = 0;

	for (size_t i = 0; i < request->header_count; i++) {
		hosts += strcasecmp(request->headers[i].name, "host") == 0;
		dates += strcasecmp(request->headers[i].name, "x-amz-date") == 0;
		if (has_control(request->headers[i].name) || has_control(request->headers[i].value))
			return true;
	}
	return hosts != 1 || dates != 1 || has_control(secret->secret_key) ||
	       has_control(secret->access_key) || has_control(request->region) ||
	       has_control(request->service) || request->header_count > SIGV4_HEADERS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
	struct sigv4_request request = {.method = "POST",
					.path = "/",
					.query = "",
					.headers = headers,
					.region = "eu-west-1",
					.service = "ec2"};
	struct sigv4_secret secret = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
	static char ours[SIGV4_AUTH_MAX], theirs[40 * TEXT_MAX];
	char text[TEXT_MAX];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	read_request(text, &request, headers, &secret);
	if (sigv4_sign(&request, &secret, ours) < 0)
		return 0;
	if (must_not_be_signed(&request, &secret))
		abort();
	second(&request, &secret, theirs);
	if (strcmp(ours, theirs) != 0)
		abort();
	return 0;
}
