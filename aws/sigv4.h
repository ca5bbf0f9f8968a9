/* SPDX-License-Identifier: MIT */
/*
 * AWS Signature Version 4 for the only form of request we send: a path of "/"
 * and no query, everything in headers and body. Pure: no clock, no I/O, and
 * no state that outlives a call, so no secret stays behind.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "agent/base/buf.h"

#define SIGV4_HEADERS_MAX 16
#define SIGV4_DATE_MAX 17 /* "20150830T123600Z" */
#define SIGV4_KEY_LENGTH 32
#define SIGV4_HEX_MAX 65 /* a SHA-256 in hex */
#define SIGV4_SIGNED_MAX 512
#define SIGV4_AUTH_MAX 1024
#define SIGV4_CANONICAL_MAX ((size_t)32 * 1024) /* a session token alone may take 16 KiB */

struct sigv4_header {
	const char *name; /* any case */
	const char *value;
};

struct sigv4_request {
	const char *method;
	const char *path;  /* "/" */
	const char *query; /* "" */
	/* What to sign, exactly as it will be sent. "host" and "x-amz-date" must
	 * be there once; the scope takes its day from x-amz-date. */
	const struct sigv4_header *headers;
	size_t header_count;
	const void *body;
	size_t body_length;
	const char *region;
	const char *service;
};

struct sigv4_secret {
	const char *access_key;
	const char *secret_key;
};

/* Unix seconds -> "YYYYMMDDThhmmssZ". 0, or -ERANGE outside the years 1970..9999. */
int sigv4_date(int64_t when, char date[static SIGV4_DATE_MAX]);

/*
 * The value of the Authorization header. 0, or -EINVAL for anything that must
 * not be signed: another path, a query, a control byte in a header or in the
 * secret (one read from a file with its newline), a missing host or date.
 * -E2BIG when something does not fit (or memory ran out), -EIO from libcrypto.
 */
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_secret *secret,
	       char authorization[static SIGV4_AUTH_MAX]);

/* The stages of sigv4_sign(), apart for the published test vectors. */
int sigv4_canonical(const struct sigv4_request *request, struct buf *canonical,
		    char signed_headers[static SIGV4_SIGNED_MAX]);
int sigv4_string_to_sign(const struct sigv4_request *request, const struct buf *canonical,
			 struct buf *string);
int sigv4_key(const char *secret_key, const char *day, const char *region, const char *service,
	      uint8_t key[static SIGV4_KEY_LENGTH]);
int sigv4_hash(const void *data, size_t length, char hex[static SIGV4_HEX_MAX]);

#endif
