/* SPDX-License-Identifier: MIT */
/*
 * Reading, comparing and ageing of credentials. May not fetch them and may not
 * print them.
 */
#define _GNU_SOURCE /* strptime */

#include "aws/creds.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "aws/json.h"
#include "aws/reply.h"

#define REFRESH_LEAD (15L * 60 * SEC)
#define REFRESH_JITTER (60 * SEC)
#define REFRESH_SOONEST (5 * SEC)
#define REFRESH_LATEST (60 * SEC)

/* A secret that holds a control byte or a blank would be signed as something
 * else than it is sent, and was cut from a longer one in the worst case. */
static bool take(char *out, size_t size, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (length == 0 || length >= size)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] <= 0x20 || (unsigned char)text[i] >= 0x7f)
			return false;
	memcpy(out, text, length + 1);
	return true;
}

bool creds_date(const char *text, int64_t *seconds)
{
	struct tm utc = {0};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) : NULL;

	if (end && *end == '.' && strspn(end + 1, "0123456789") > 0)
		end += 1 + strspn(end + 1, "0123456789");
	if (!end || strcmp(end, "Z") != 0)
		return false;
	*seconds = timegm(&utc);
	return *seconds > 0;
}

int creds_set(struct creds *creds, const char *access_key, const char *secret_key,
	      const char *token, struct err *err)
{
	const char *missing = NULL;

	creds_wipe(creds);
	if (!take(creds->access_key, sizeof(creds->access_key), access_key))
		missing = "access key";
	else if (!take(creds->secret_key, sizeof(creds->secret_key), secret_key))
		missing = "secret key";
	else if (token && *token && !take(creds->token, sizeof(creds->token), token))
		missing = "session token";
	if (!missing)
		return 0;
	creds_wipe(creds);
	(void)err_set(err, "no usable %s", missing);
	return -EBADMSG;
}

/* jansson frees without wiping; its strings are ours to clear before that. */
static void wipe_json(json_t *root)
{
	static const char *const secrets[] = {"SecretAccessKey", "Token"};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		json_t *member = json_object_get(root, secrets[i]);

		if (json_is_string(member))
			explicit_bzero((char *)json_string_value(member),
				       json_string_length(member));
	}
	json_decref(root);
}

int creds_read(const char *json, size_t length, struct creds *creds, struct err *err)
{
	json_t *root = json_read(json, length, err);
	const char *code = json_text(root, "Code");
	const char *message = json_text(root, "Message");
	char clean_code[64];
	char clean[160];
	int ret = -EBADMSG;

	creds_wipe(creds);
	if (!root)
		return ret;
	if (code && strcmp(code, "Success") != 0) {
		reply_copy(clean_code, sizeof(clean_code), code);
		reply_copy(clean, sizeof(clean), message ? message : "no reason given");
		(void)err_set(err, "%s: %s", clean_code, clean);
	} else if (!take(creds->access_key, sizeof(creds->access_key),
			 json_text(root, "AccessKeyId"))) {
		(void)err_set(err, "no usable AccessKeyId");
	} else if (!take(creds->secret_key, sizeof(creds->secret_key),
			 json_text(root, "SecretAccessKey"))) {
		(void)err_set(err, "no usable SecretAccessKey");
	} else if (!take(creds->token, sizeof(creds->token), json_text(root, "Token"))) {
		(void)err_set(err, "no usable Token");
	} else if (!creds_date(json_text(root, "Expiration"), &creds->expires)) {
		(void)err_set(err, "no usable Expiration");
	} else {
		ret = 0;
	}
	wipe_json(root);
	if (ret < 0)
		creds_wipe(creds);
	return ret;
}

bool creds_same(const struct creds *a, const struct creds *b)
{
	return strcmp(a->access_key, b->access_key) == 0 &&
	       strcmp(a->secret_key, b->secret_key) == 0 && strcmp(a->token, b->token) == 0 &&
	       a->expires == b->expires;
}

void creds_wipe(struct creds *creds)
{
	explicit_bzero(creds, sizeof(*creds));
}

mono_us creds_refresh_at(mono_us now, mono_us until, unsigned int jitter)
{
	mono_us early = until - REFRESH_LEAD - REFRESH_JITTER / 1000 * (jitter % 1000);

	if (early > now)
		return early;
	return now + mono_max(REFRESH_SOONEST, mono_min(REFRESH_LATEST, (until - now) / 2));
}
