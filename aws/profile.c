/* SPDX-License-Identifier: MIT */
/*
 * Reading of the shared profile files. May not follow a profile to another:
 * aws/chain.c does. A line that means nothing to us is skipped, as the SDKs
 * do, for the files belong to other tools as well.
 */
#define _GNU_SOURCE /* O_CLOEXEC, memmem */

#include "aws/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *key;
	size_t offset;
	size_t size;
} keys[] = {
#define KEY(name, field)                                                                           \
	{                                                                                          \
		name, offsetof(struct profile, field), sizeof(((struct profile *)0)->field)        \
	}
	KEY("aws_access_key_id", access_key),
	KEY("aws_secret_access_key", secret_key),
	KEY("aws_session_token", token),
	KEY("region", region),
	KEY("role_arn", role_arn),
	KEY("source_profile", source_profile),
	KEY("credential_source", credential_source),
	KEY("external_id", external_id),
	KEY("role_session_name", role_session_name),
#undef KEY
};

struct span {
	const char *text;
	size_t length;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(const char *text, size_t length)
{
	while (length > 0 && blank(*text)) {
		text++;
		length--;
	}
	while (length > 0 && blank(text[length - 1]))
		length--;
	return (struct span){text, length};
}

static bool span_is(struct span span, const char *word)
{
	return span.length == strlen(word) && strncasecmp(span.text, word, span.length) == 0;
}

/* "[profile x]" or "[x]"; quotes around the name are allowed. */
static bool opens(struct span line, bool config, const char *name)
{
	const char *close = memchr(line.text, ']', line.length);
	struct span title;

	if (!close)
		return false;
	title = trim(line.text + 1, (size_t)(close - line.text) - 1);
	if (config && title.length > 7 && memcmp(title.text, "profile", 7) == 0 &&
	    blank(title.text[7]))
		title = trim(title.text + 7, title.length - 7);
	else if (config && strcmp(name, "default") != 0)
		return false;
	if (title.length >= 2 && title.text[0] == '"' && title.text[title.length - 1] == '"')
		title = (struct span){title.text + 1, title.length - 2};
	return title.length == strlen(name) && memcmp(title.text, name, title.length) == 0;
}

static void take(struct profile *profile, struct span line)
{
	const char *equals = memchr(line.text, '=', line.length);
	struct span key;
	struct span value;

	if (!equals)
		return;
	key = trim(line.text, (size_t)(equals - line.text));
	value = trim(equals + 1, line.length - (size_t)(equals - line.text) - 1);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *field = (char *)profile + keys[i].offset;

		if (!span_is(key, keys[i].key) || *field)
			continue;
		if (value.length >= keys[i].size || memchr(value.text, '\0', value.length)) {
			profile->cut = true;
			continue;
		}
		memcpy(field, value.text, value.length);
		field[value.length] = '\0';
	}
}

void profile_read(const char *text, size_t length, bool config, const char *name,
		  struct profile *profile)
{
	bool inside = false;

	for (size_t at = 0; at < length;) {
		const char *start = text + at;
		const char *end = memchr(start, '\n', length - at);
		size_t line_length = end ? (size_t)(end - start) : length - at;
		struct span line = trim(start, line_length);

		at += line_length + 1;
		if (line.length == 0 || *line.text == '#' || *line.text == ';')
			continue;
		if (*start == '[') {
			inside = opens(line, config, name);
			profile->found |= inside;
		} else if (inside && !blank(*start)) { /* indented: belongs to a nested setting */
			take(profile, line);
		}
	}
}

/* The file into @text; its length, 0 when there is none, -1 with @err. */
static ssize_t read_file(const char *path, char *text, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t length = 0;
	struct stat about;
	ssize_t got;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode)) {
		length = err_set(err, "%s: is no plain file", path);
		goto out;
	}
	while ((got = read(fd, text + length, PROFILE_FILE_MAX + 1 - (size_t)length)) > 0)
		length += got;
	if (got < 0)
		length = err_set(err, "%s: %s", path, strerror(errno));
	else if ((size_t)length > PROFILE_FILE_MAX)
		length = err_set(err, "%s: is longer than %zu bytes", path, PROFILE_FILE_MAX);
	else if ((about.st_mode & 0077) &&
		 memmem(text, (size_t)length, "aws_secret_access_key", 21))
		length = err_set(err,
				 "%s: holds a secret and can be read by others: chmod 0600, and "
				 "give it to the user zonevipd runs as",
				 path);
out:
	(void)close(fd);
	return length;
}

static int read_into(const char *path, bool config, const char *name, struct profile *profile,
		     struct err *err)
{
	char *text;
	ssize_t length;

	if (!*path)
		return 0;
	text = calloc(1, PROFILE_FILE_MAX + 1);
	if (!text)
		return err_set(err, "%s: no memory to read it", path);
	length = read_file(path, text, err);
	if (length > 0)
		profile_read(text, (size_t)length, config, name, profile);
	explicit_bzero(text, PROFILE_FILE_MAX + 1);
	free(text);
	return length < 0 ? -1 : 0;
}

int profile_load(const char *credentials, const char *config, const char *name,
		 struct profile *profile, struct err *err)
{
	profile_wipe(profile);
	if (read_into(credentials, false, name, profile, err) == 0 &&
	    read_into(config, true, name, profile, err) == 0) {
		if (!profile->cut)
			return 0;
		(void)err_set(err, "profile %.64s in %.128s: a value is too long", name,
			      *credentials ? credentials : config);
	}
	profile_wipe(profile);
	return -1;
}

void profile_wipe(struct profile *profile)
{
	explicit_bzero(profile, sizeof(*profile));
}
