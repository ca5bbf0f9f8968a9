/* SPDX-License-Identifier: MIT */
/*
 * Gives every file of a corpus to a fuzz target, without libFuzzer: so "make check" replays what
 * was found once, with any compiler. The program's name says which corpus: fuzz_NAME reads
 * $top_srcdir/tests/fuzz/corpus/NAME; files and folders may be named instead.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int count;

static int replay_file(const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *exact; /* so that a sanitizer sees a byte read past the end */
	size_t size;

	if (!file) {
		perror(path);
		return -1;
	}
	size = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	memcpy(exact, bytes, size);
	(void)fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	count++;
	return 0;
}

static int replay(const char *path)
{
	DIR *dir = opendir(path);
	char name[4096];
	int ret = 0;

	if (!dir)
		return replay_file(path);
	for (struct dirent *entry; ret == 0 && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		ret = replay_file(name);
	}
	(void)closedir(dir);
	return ret;
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	const char *name = strstr(argv[0], "fuzz_");
	char corpus[4096];
	int ret = 0;

	if (argc > 1) {
		for (int i = 1; i < argc && ret == 0; i++)
			ret = replay(argv[i]);
	} else {
		(void)snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", top ? top : ".",
			       name ? name + strlen("fuzz_") : "");
		ret = replay(corpus);
	}
	(void)fprintf(stderr, "%u inputs\n", count);
	if (ret < 0 || count == 0)
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
