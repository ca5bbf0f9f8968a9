/* SPDX-License-Identifier: MIT */
/*
 * The files of a configuration: opened once, judged by the open descriptor,
 * read whole. Refused: what is not a regular file, what others than root or
 * ourselves own or may write, what is too big, an include that includes itself.
 * Also the sentences of the reader, which need the files' names.
 */
#include "conf/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* @text with control bytes and bytes beyond ASCII as \xNN, cut to what a message can hold. */
static const char *shown(const char *text, char out[static 4 * CONF_SHOWN_MAX + 4])
{
	size_t used = 0;
	size_t i;

	for (i = 0; i < CONF_SHOWN_MAX && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x7f)
			used += (size_t)snprintf(out + used, 5, "\\x%02x", (unsigned int)c);
		else
			out[used++] = (char)c;
	}
	(void)snprintf(out + used, 4, "%s", text[i] ? "..." : "");
	return out;
}

/* The end of a long path says more than its beginning. */
static const char *path_shown(const char *path)
{
	const size_t most = 160;
	size_t length = strlen(path);

	return length <= most ? path : path + length - most;
}

int conf_fail(struct conf_tree *tree, const struct conf_token *at, const char *fmt, ...)
{
	char word[4 * CONF_SHOWN_MAX + 4];
	char sentence[sizeof(tree->err->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, args); /* a cut sentence still helps */
	va_end(args);
	return err_set(tree->err, "%s:%u:%u: '%s': %s", path_shown(tree->sources[at->file].path),
		       at->line, at->column, shown(at->text ? at->text : "", word), sentence);
}

const char *conf_place(const struct conf_tree *tree, const struct conf_token *from,
		       const struct conf_token *place, char text[static CONF_PLACE_MAX])
{
	const char *path = tree->sources[place->file].path;
	const char *name = strrchr(path, '/');

	if (place->file == from->file)
		(void)snprintf(text, CONF_PLACE_MAX, "line %u", place->line);
	else
		(void)snprintf(text, CONF_PLACE_MAX, "line %u of %.100s", place->line,
			       name ? name + 1 : path);
	return text;
}

/* A file as a whole is wrong: said at the include, or by its name alone. */
__attribute__((format(printf, 4, 5))) static int file_fail(struct conf_tree *tree, const char *path,
							   const struct conf_token *by,
							   const char *fmt, ...)
{
	char sentence[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	if (by && strcmp(by->text, path) != 0)
		return conf_fail(tree, by, "%s %s", path_shown(path), sentence);
	if (by)
		return conf_fail(tree, by, "%s", sentence);
	return err_set(tree->err, "%s: %s", path_shown(path), sentence);
}

static int check_file(struct conf_tree *tree, const struct stat *st, const char *path,
		      const struct conf_token *by)
{
	if (!S_ISREG(st->st_mode))
		return file_fail(tree, path, by, "is not a regular file");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return file_fail(tree, path, by,
				 "belongs to user %u, who could rewrite it; run: "
				 "chown root '%s'",
				 (unsigned int)st->st_uid, path_shown(path));
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return file_fail(tree, path, by,
				 "can be written by others than its owner (mode "
				 "%04o); run: chmod go-w '%s'",
				 (unsigned int)st->st_mode & 07777, path_shown(path));
	if (st->st_size > (off_t)(CONF_BYTES_MAX - tree->bytes))
		return file_fail(tree, path, by, "is too big: %lu bytes for all files together",
				 CONF_BYTES_MAX);
	for (int i = by ? (int)by->file : -1; i >= 0; i = tree->sources[i].includer)
		if (tree->sources[i].device == st->st_dev && tree->sources[i].inode == st->st_ino)
			return file_fail(tree, path, by, "includes itself");
	return 0;
}

/* Reads @fd, whose size was @size a moment ago; more by now is -EBUSY: a file in the making. */
static int read_all(int fd, size_t size, struct conf_source *source)
{
	char *text = malloc(size + 1);
	ssize_t got = 1;

	if (!text)
		return -ENOMEM;
	while (got > 0 && source->length <= size) {
		got = read(fd, text + source->length, size + 1 - source->length);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			source->length += (size_t)got;
	}
	if (got < 0 || source->length > size) {
		free(text);
		return got < 0 ? -errno : -EBUSY;
	}
	text[source->length] = '\0';
	source->text = text;
	return 0;
}

/* Takes over @source, complete but for the place of the reader. */
static int source_add(struct conf_tree *tree, struct conf_source *source)
{
	struct conf_source *more =
		realloc(tree->sources, (tree->source_count + 1) * sizeof(*tree->sources));

	source->words = malloc(source->length + 2);
	source->line = 1;
	if (!more || !source->words || !source->path || !source->text) {
		if (more)
			tree->sources = more;
		free(source->words);
		free(source->path);
		free(source->text);
		return err_set(tree->err, "out of memory while reading the configuration");
	}
	tree->sources = more;
	tree->sources[tree->source_count++] = *source;
	tree->bytes += source->length;
	return 0;
}

int conf_source_file(struct conf_tree *tree, const char *path, const struct conf_token *by)
{
	struct conf_source source = {.includer = by ? (int)by->file : -1, .from_file = true};
	struct stat st;
	int ret = -1;
	int fd;

	/* O_NONBLOCK: a FIFO in this place must not stop us; it is refused below. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return file_fail(tree, path, by, "cannot be opened: %s", strerror(errno));
	if (tree->source_count == CONF_FILES_MAX)
		(void)file_fail(tree, path, by, "is one file too many: at most %d", CONF_FILES_MAX);
	else if (fstat(fd, &st) < 0)
		(void)file_fail(tree, path, by, "cannot be read: %s", strerror(errno));
	else
		ret = check_file(tree, &st, path, by);
	if (ret < 0)
		goto out;
	source.device = st.st_dev;
	source.inode = st.st_ino;
	source.include_depth = by ? tree->sources[by->file].include_depth + 1 : 0;
	ret = read_all(fd, (size_t)st.st_size, &source);
	if (ret < 0)
		ret = file_fail(tree, path, by, "cannot be read: %s",
				ret == -EBUSY ? "it grew meanwhile; try again" : strerror(-ret));
	if (ret < 0)
		goto out;
	source.path = strdup(path);
	ret = source_add(tree, &source);
out:
	(void)close(fd); /* only read from */
	return ret;
}

int conf_source_memory(struct conf_tree *tree, const void *data, size_t length)
{
	struct conf_source source = {
		.path = strdup("buffer"),
		.text = calloc(1, length + 1),
		.length = length,
		.includer = -1,
	};

	if (source.text && length > 0)
		memcpy(source.text, data, length);
	return source_add(tree, &source);
}

/* @pattern relative to the directory of @includer; with @quote so that glob() takes the directory
 * as it stands: a '[' in its name is no wildcard. */
static char *relative(const char *includer, const char *pattern, bool quote)
{
	const char *slash = strrchr(includer, '/');
	size_t dir = slash && pattern[0] != '/' ? (size_t)(slash - includer) + 1 : 0;
	char *out = malloc(2 * dir + strlen(pattern) + 1);
	size_t used = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < dir; i++) {
		if (quote && strchr("*?[\\", includer[i]))
			out[used++] = '\\';
		out[used++] = includer[i];
	}
	memcpy(out + used, pattern, strlen(pattern) + 1);
	return out;
}

static int glob_stop(const char *path, int error)
{
	(void)path;
	return error == EACCES || error == EIO; /* a file left out in silence is a trap */
}

static int include_matches(struct conf_tree *tree, const char *pattern, const struct conf_token *by)
{
	glob_t found = {0};
	int ret = glob(pattern, 0, glob_stop, &found);

	if (ret == 0)
		for (size_t i = 0; i < found.gl_pathc && ret == 0; i++)
			ret = conf_source_file(tree, found.gl_pathv[i], by);
	else if (ret == GLOB_NOMATCH) /* an empty conf.d is no mistake */
		ret = 0;
	else
		ret = conf_fail(tree, by, "cannot be searched: %s",
				ret == GLOB_NOSPACE ? "out of memory" : "no permission");
	globfree(&found);
	return ret;
}

int conf_source_include(struct conf_tree *tree, const struct conf_token *by)
{
	const struct conf_source *includer = &tree->sources[by->file];
	bool wild = by->text[strcspn(by->text, "*?[")] != '\0';
	char *path;
	int ret;

	if (!includer->from_file)
		return conf_fail(tree, by, "there is no file to include from here");
	if (includer->include_depth == CONF_INCLUDE_DEPTH_MAX)
		return conf_fail(tree, by,
				 "is included too deep: at most %d files inside each other",
				 CONF_INCLUDE_DEPTH_MAX);
	path = relative(includer->path, by->text, wild);
	if (!path)
		return conf_fail(tree, by, "out of memory");
	ret = wild ? include_matches(tree, path, by) : conf_source_file(tree, path, by);
	free(path);
	return ret;
}

void conf_tree_free(struct conf_tree *tree)
{
	for (unsigned int i = 0; i < tree->source_count; i++) {
		free(tree->sources[i].path);
		free(tree->sources[i].text);
		free(tree->sources[i].words);
	}
	free(tree->sources);
	free(tree->items);
	*tree = (struct conf_tree){0};
}
