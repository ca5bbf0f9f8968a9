/* SPDX-License-Identifier: MIT */
/*
 * Request bodies and answers of GetParameter and PutParameter. May not decide
 * who owns anything: it hands on value, version and date. LastModifiedDate is
 * a number of seconds with a fraction, at times in exponent form.
 */
#include "aws/ssm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/json.h"

#define DATE_MAX 1e11 /* the year 5138: what lies beyond is garbage */

static int append_json(struct buf *body, json_t *root)
{
	char *text;
	int ret;

	if (!root)
		return -EINVAL;
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		return -ENOMEM;
	ret = buf_append(body, text, strlen(text));
	free(text);
	return ret;
}

int ssm_get(struct buf *body, const char *name)
{
	return append_json(body, json_pack("{s:s, s:b}", "Name", name, "WithDecryption", 0));
}

int ssm_put(struct buf *body, const struct aws_job *job)
{
	/* The tier is named only for a parameter that is being made: naming it
	 * for one that exists might ask AWS for a downgrade, which it refuses. */
	const char *type = job->type[0] ? job->type : "String";

	if (!job->overwrite)
		return append_json(body, json_pack("{s:s, s:s, s:s, s:b, s:s}", "Name", job->name,
						   "Value", job->value, "Type", "String",
						   "Overwrite", 0, "Tier", "Standard"));
	return append_json(body, json_pack("{s:s, s:s, s:s, s:b}", "Name", job->name, "Value",
					   job->value, "Type", type, "Overwrite", 1));
}

static int read_version(const json_t *object, struct aws_job *job, struct err *err)
{
	const json_t *version = json_object_get(object, "Version");

	if (!json_is_integer(version) || json_integer_value(version) < 1) {
		(void)err_set(err, "the answer has no usable Version");
		return -EBADMSG;
	}
	job->version = json_integer_value(version);
	return 0;
}

static int read_date(const json_t *parameter, struct aws_job *job, struct err *err)
{
	const json_t *date = json_object_get(parameter, "LastModifiedDate");
	double seconds = json_number_value(date);

	if (!json_is_number(date) || !(seconds >= 0 && seconds < DATE_MAX)) {
		(void)err_set(err, "the answer has no usable LastModifiedDate");
		return -EBADMSG;
	}
	job->mtime = (mono_us)(seconds * 1e6 + 0.5);
	return 0;
}

static void take_value(struct aws_job *job, const char *value, size_t length)
{
	size_t fits = length < sizeof(job->value) ? length : sizeof(job->value) - 1;

	while (fits < length && fits > 0 && ((unsigned char)value[fits] & 0xc0) == 0x80)
		fits--; /* not inside a character */
	memcpy(job->value, value, fits);
	job->value[fits] = '\0';
	if (fits < length)
		(void)snprintf(job->error, sizeof(job->error),
			       "GetParameter %s: a value of %zu bytes was cut to %zu", job->name,
			       length, fits);
}

int ssm_read_parameter(const char *json, size_t length, struct aws_job *job, struct err *err)
{
	json_t *root = json_read(json, length, err);
	const json_t *parameter = json_object_get(root, "Parameter");
	const json_t *value = json_object_get(parameter, "Value");
	const char *type = json_text(parameter, "Type");
	int ret = -EBADMSG;

	if (!json_is_string(value)) {
		(void)err_set(err, "the answer has no Value");
		goto out;
	}
	/* A list of one name reads like a name; what is encrypted we cannot read at all. */
	if (type && strcmp(type, "String") != 0 && strcmp(type, "StringList") != 0) {
		(void)err_set(
			err,
			"the parameter is of type %.32s, which cannot be changed: delete it and "
			"let zonevip make a String, or name another one",
			type);
		ret = -EPROTOTYPE;
		goto out;
	}
	(void)snprintf(job->type, sizeof(job->type), "%s", type ? type : "");
	ret = read_version(parameter, job, err);
	if (ret == 0)
		ret = read_date(parameter, job, err);
	if (ret == 0)
		take_value(job, json_string_value(value), json_string_length(value));
out:
	json_decref(root);
	return ret;
}

int ssm_read_version(const char *json, size_t length, struct aws_job *job, struct err *err)
{
	json_t *root = json_read(json, length, err);
	int ret = root ? read_version(root, job, err) : -EBADMSG;

	json_decref(root);
	return ret;
}
