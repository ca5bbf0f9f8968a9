/* SPDX-License-Identifier: MIT */
/*
 * The four steps of Signature Version 4 as AWS documents it: the
 * canonical request, the string to sign, the derived key, the signature.
 * libcurl's own CURLOPT_AWS_SIGV4 is not used: it cannot correct a wrong
 * clock and leaves headers unsigned in the versions we must run with.
 */
#include "aws/sigv4.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY_LENGTH 8

/* Visible ASCII and, where @blanks says so, the space. Bytes from 0x80 on pass:
 * a secret may hold anything but a control byte. */
static bool text_ok(const char *text, bool blanks)
{
	if (!*text)
		return false;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == ' ' && !blanks))
			return false;
	return true;
}

/* Region, service, method, header name: letters, digits and the dash. */
static bool word_ok(const char *word)
{
	for (const char *c = word; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9') && *c != '-')
			return false;
	return *word;
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int name_order(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

static const char *header_value(const struct sigv4_request *request, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < request->header_count; i++) {
		if (name_order(request->headers[i].name, name) != 0)
			continue;
		if (value)
			return NULL; /* twice is as bad as never: which one would count? */
		value = request->headers[i].value;
	}
	return value;
}

static bool date_ok(const char *date)
{
	if (!date || strlen(date) != SIGV4_DATE_MAX - 1)
		return false;
	for (size_t i = 0; i < SIGV4_DATE_MAX - 1; i++) {
		if (i == DAY_LENGTH || i == SIGV4_DATE_MAX - 2)
			continue;
		if (date[i] < '0' || date[i] > '9')
			return false;
	}
	return date[DAY_LENGTH] == 'T' && date[SIGV4_DATE_MAX - 2] == 'Z';
}

static int check(const struct sigv4_request *request)
{
	const char *host = header_value(request, "host");

	if (!word_ok(request->method) || strcmp(request->path, "/") != 0 || *request->query)
		return -EINVAL;
	if (!word_ok(request->region) || !word_ok(request->service))
		return -EINVAL;
	if (request->header_count > SIGV4_HEADERS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < request->header_count; i++)
		if (!word_ok(request->headers[i].name) || !text_ok(request->headers[i].value, true))
			return -EINVAL;
	if (!host || !*host || !date_ok(header_value(request, "x-amz-date")))
		return -EINVAL;
	return 0;
}

int sigv4_date(int64_t when, char date[static SIGV4_DATE_MAX])
{
	time_t seconds = (time_t)when;
	struct tm utc;

	if (when < 0 || !gmtime_r(&seconds, &utc) || utc.tm_year > 9999 - 1900)
		return -ERANGE;
	return strftime(date, SIGV4_DATE_MAX, "%Y%m%dT%H%M%SZ", &utc) ? 0 : -ERANGE;
}

int sigv4_hash(const void *data, size_t length, char hex[static SIGV4_HEX_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size;

	if (EVP_Digest(data, length, digest, &size, EVP_sha256(), NULL) != 1)
		return -EIO;
	for (unsigned int i = 0; i < size; i++)
		(void)snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]); /* always 2 + NUL */
	return 0;
}

/* By name; headers of one name stay in the order in which they are sent. */
static void sort_headers(const struct sigv4_request *request,
			 const struct sigv4_header *sorted[static SIGV4_HEADERS_MAX])
{
	for (size_t i = 0; i < request->header_count; i++) {
		size_t at = i;

		for (; at > 0; at--) {
			if (name_order(sorted[at - 1]->name, request->headers[i].name) <= 0)
				break;
			sorted[at] = sorted[at - 1];
		}
		sorted[at] = &request->headers[i];
	}
}

/*
 * What follows appends without looking at each answer: a buf that ran full
 * or out of memory stays marked, and is looked at once, at the end.
 */
static int verdict(const struct buf *buf)
{
	return buf->overflow ? -E2BIG : 0;
}

/* Trimmed at both ends, inner runs of blanks folded to one. */
static void append_value(struct buf *out, const char *value)
{
	bool gap = false;

	while (*value == ' ')
		value++;
	for (; *value; value++) {
		if (*value == ' ') {
			gap = true;
			continue;
		}
		if (gap)
			(void)buf_append(out, " ", 1);
		(void)buf_append(out, value, 1);
		gap = false;
	}
}

static void append_name(struct buf *out, const char *name)
{
	for (; *name; name++) {
		char c = lower(*name);

		(void)buf_append(out, &c, 1);
	}
}

/* "name:value\n" for each name; @names collects "a;b;c". */
static void append_headers(const struct sigv4_request *request, struct buf *out, struct buf *names)
{
	const struct sigv4_header *sorted[SIGV4_HEADERS_MAX] = {0};

	sort_headers(request, sorted);
	for (size_t i = 0; i < request->header_count; i++) {
		if (i > 0 && name_order(sorted[i - 1]->name, sorted[i]->name) == 0) {
			(void)buf_append(out, ",", 1);
		} else {
			if (i > 0) {
				(void)buf_append(out, "\n", 1);
				(void)buf_append(names, ";", 1);
			}
			append_name(out, sorted[i]->name);
			append_name(names, sorted[i]->name);
			(void)buf_append(out, ":", 1);
		}
		append_value(out, sorted[i]->value);
	}
	(void)buf_append(out, "\n", 1);
}

int sigv4_canonical(const struct sigv4_request *request, struct buf *canonical,
		    char signed_headers[static SIGV4_SIGNED_MAX])
{
	char hash[SIGV4_HEX_MAX];
	struct buf names;
	int ret;

	buf_init(&names, SIGV4_SIGNED_MAX - 1);
	ret = check(request);
	if (ret == 0)
		ret = sigv4_hash(request->body, request->body_length, hash);
	if (ret < 0)
		return ret;
	(void)buf_printf(canonical, "%s\n%s\n%s\n", request->method, request->path, request->query);
	append_headers(request, canonical, &names);
	ret = verdict(&names);
	if (ret == 0) {
		memcpy(signed_headers, names.data, names.length + 1);
		(void)buf_printf(canonical, "\n%s\n%s", signed_headers, hash);
		ret = verdict(canonical);
	}
	buf_free(&names);
	return ret;
}

int sigv4_string_to_sign(const struct sigv4_request *request, const struct buf *canonical,
			 struct buf *string)
{
	const char *date = header_value(request, "x-amz-date");
	char hash[SIGV4_HEX_MAX];
	int ret;

	if (!date_ok(date))
		return -EINVAL;
	ret = sigv4_hash(canonical->data, canonical->length, hash);
	if (ret < 0)
		return ret;
	(void)buf_printf(string, ALGORITHM "\n%s\n%.*s/%s/%s/aws4_request\n%s", date, DAY_LENGTH,
			 date, request->region, request->service, hash);
	return verdict(string);
}

static bool hmac(const void *key, size_t key_length, const char *text,
		 uint8_t out[static SIGV4_KEY_LENGTH])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	bool ok;

	ok = HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, strlen(text),
		  digest, &size) &&
	     size == SIGV4_KEY_LENGTH;
	if (ok)
		memcpy(out, digest, SIGV4_KEY_LENGTH);
	explicit_bzero(digest, sizeof(digest));
	return ok;
}

int sigv4_key(const char *secret_key, const char *day, const char *region, const char *service,
	      uint8_t key[static SIGV4_KEY_LENGTH])
{
	struct buf seed;
	int ret;

	if (!text_ok(secret_key, false))
		return -EINVAL;
	buf_init(&seed, 1024);
	(void)buf_printf(&seed, "AWS4%s", secret_key);
	ret = verdict(&seed);
	if (ret == 0 &&
	    (!hmac(seed.data, seed.length, day, key) || !hmac(key, SIGV4_KEY_LENGTH, region, key) ||
	     !hmac(key, SIGV4_KEY_LENGTH, service, key) ||
	     !hmac(key, SIGV4_KEY_LENGTH, "aws4_request", key)))
		ret = -EIO;
	buf_wipe(&seed);
	buf_free(&seed);
	return ret;
}

/* Key and string to sign -> the header's value. */
static int seal(const struct sigv4_request *request, const struct sigv4_secret *secret,
		const struct buf *string, const char *signed_headers, char *authorization)
{
	uint8_t key[SIGV4_KEY_LENGTH];
	char hex[2 * SIGV4_KEY_LENGTH + 1];
	char day[DAY_LENGTH + 1] = "";
	int used;
	int ret;

	memcpy(day, header_value(request, "x-amz-date"), DAY_LENGTH);
	ret = sigv4_key(secret->secret_key, day, request->region, request->service, key);
	if (ret == 0 && !hmac(key, sizeof(key), string->data, key))
		ret = -EIO;
	if (ret == 0) {
		for (size_t i = 0; i < sizeof(key); i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", key[i]); /* always 2 + NUL */
		used = snprintf(authorization, SIGV4_AUTH_MAX,
				ALGORITHM " Credential=%s/%s/%s/%s/aws4_request, "
					  "SignedHeaders=%s, Signature=%s",
				secret->access_key, day, request->region, request->service,
				signed_headers, hex);
		ret = used < 0 || used >= SIGV4_AUTH_MAX ? -E2BIG : 0;
	}
	explicit_bzero(key, sizeof(key));
	return ret;
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_secret *secret,
	       char authorization[static SIGV4_AUTH_MAX])
{
	char signed_headers[SIGV4_SIGNED_MAX];
	struct buf canonical;
	struct buf string;
	int ret = 0;

	buf_init(&canonical, SIGV4_CANONICAL_MAX);
	buf_init(&string, 512);
	authorization[0] = '\0';
	if (!text_ok(secret->access_key, false) || strpbrk(secret->access_key, ",/="))
		ret = -EINVAL;
	if (ret == 0)
		ret = sigv4_canonical(request, &canonical, signed_headers);
	if (ret == 0)
		ret = sigv4_string_to_sign(request, &canonical, &string);
	if (ret == 0)
		ret = seal(request, secret, &string, signed_headers, authorization);
	buf_wipe(&canonical); /* it holds the session token */
	buf_free(&canonical);
	buf_free(&string);
	return ret;
}
