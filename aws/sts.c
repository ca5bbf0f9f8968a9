/* SPDX-License-Identifier: MIT */
/*
 * Body and answer of AssumeRole. May not send anything, and may not quote a
 * field of the answer: all that matters in it is secret.
 */
#include "aws/sts.h"

#include <errno.h>
#include <string.h>

#include "aws/form.h"
#include "aws/xml.h"

#define CREDENTIALS "AssumeRoleResult/Credentials/"

void sts_assume(struct buf *body, const struct sts_role *role)
{
	form_begin(body, "AssumeRole", "2011-06-15");
	form_add(body, "RoleArn", role->arn);
	form_add(body, "RoleSessionName", role->session);
	form_add(body, "DurationSeconds", "3600");
	if (*role->external_id)
		form_add(body, "ExternalId", role->external_id);
}

void sts_session(const char *text, char session[static STS_SESSION_MAX])
{
	size_t length = 0;

	for (; *text && length < STS_SESSION_MAX - 1; text++)
		session[length++] =
			(char)((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
					       (*text >= '0' && *text <= '9') ||
					       strchr("_+=,.@-", *text)
				       ? *text
				       : '-');
	while (length < 2)
		session[length++] = '-';
	session[length] = '\0';
}

struct answer {
	char key[CREDS_KEY_MAX];
	char secret[CREDS_KEY_MAX];
	char token[CREDS_TOKEN_MAX];
	char expires[32];
	bool cut;
};

static void take(struct answer *answer, char *out, size_t size, const char *text)
{
	size_t length = strlen(text);

	/* The walker cuts long texts: one that fills its room may be such a stump. */
	answer->cut |= length >= size || length >= XML_TEXT_MAX - 1;
	if (length < size)
		memcpy(out, text, length + 1);
}

static void on_field(void *arg, const char *path, const char *text)
{
	struct answer *answer = arg;

	if (strcmp(path, CREDENTIALS "AccessKeyId") == 0)
		take(answer, answer->key, sizeof(answer->key), text);
	else if (strcmp(path, CREDENTIALS "SecretAccessKey") == 0)
		take(answer, answer->secret, sizeof(answer->secret), text);
	else if (strcmp(path, CREDENTIALS "SessionToken") == 0)
		take(answer, answer->token, sizeof(answer->token), text);
	else if (strcmp(path, CREDENTIALS "Expiration") == 0)
		take(answer, answer->expires, sizeof(answer->expires), text);
}

int sts_read_assumed(const char *xml, size_t length, struct creds *creds, struct err *err)
{
	struct answer answer = {.cut = false};
	struct xml_walk walk = {.fn = on_field, .arg = &answer};
	int ret;

	creds_wipe(creds);
	ret = xml_walk(&walk, xml, length, err);
	if (ret == 0 && strcmp(walk.root, "AssumeRoleResponse") != 0) {
		(void)err_set(err, "the answer is not an AssumeRoleResponse");
		ret = -EBADMSG;
	}
	if (ret == 0 && (answer.cut || !answer.token[0])) {
		(void)err_set(err, answer.cut ? "a field of the answer is too long"
					      : "the answer has no session token");
		ret = -EBADMSG;
	}
	if (ret == 0)
		ret = creds_set(creds, answer.key, answer.secret, answer.token, err);
	if (ret == 0 && !creds_date(answer.expires, &creds->expires)) {
		(void)err_set(err, "no usable Expiration");
		ret = -EBADMSG;
	}
	explicit_bzero(&answer, sizeof(answer));
	if (ret < 0)
		creds_wipe(creds);
	return ret;
}
