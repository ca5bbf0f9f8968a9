/* SPDX-License-Identifier: MIT */
/*
 * Credentials as values: read from an answer, aged, wiped. Pure. No function
 * here prints one, and no sentence in an err quotes one.
 */
#ifndef AWS_CREDS_H
#define AWS_CREDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/mono.h"

#define CREDS_KEY_MAX 129
#define CREDS_TOKEN_MAX                                                                            \
	((size_t)16 * 1024) /* AWS promises no limit; IMDS's answer is capped at this */

struct creds {
	char access_key[CREDS_KEY_MAX]; /* "" = none */
	char secret_key[CREDS_KEY_MAX];
	char token[CREDS_TOKEN_MAX];
	int64_t expires; /* Unix seconds; 0 = nobody said when */
};

/*
 * From three texts; @token may be "" or NULL. 0, or -EBADMSG with @err naming
 * the one that is missing or holds what no key holds. @creds is wiped first.
 */
int creds_set(struct creds *creds, const char *access_key, const char *secret_key,
	      const char *token, struct err *err);

/* "2017-05-17T15:09:54Z", perhaps with a fraction -> Unix seconds. False for anything else. */
bool creds_date(const char *text, int64_t *seconds);

/* 0, or -EBADMSG with @err: not JSON, a field missing or unusable, or a Code
 * other than Success, which comes with status 200. @creds is wiped on failure. */
int creds_read(const char *json, size_t length, struct creds *creds, struct err *err);

bool creds_same(const struct creds *a, const struct creds *b);
void creds_wipe(struct creds *creds);

/*
 * When to ask for the next ones: 15 minutes before @until and up to a minute
 * earlier (@jitter 0..999), or, inside that time, at half of what is left,
 * between 5 s and a minute from @now.
 */
mono_us creds_refresh_at(mono_us now, mono_us until, unsigned int jitter);

#endif
