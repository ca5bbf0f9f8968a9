/* SPDX-License-Identifier: MIT */
/* The page that holds the heartbeat key: what the kernel says of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keypage.h"

static const uint8_t key[32] = "0123456789abcdefghijklmnopqrstu";

/* The flags of the mapping that holds @address, as /proc/self/smaps has them. */
static void flags_of(const void *address, char *flags, size_t size)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	char line[512];
	int inside = 0;

	flags[0] = '\0';
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx", &from, &to) == 2)
			inside = (unsigned long)address >= from && (unsigned long)address < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			(void)snprintf(flags, size, "%s", line + 8);
	}
	(void)fclose(maps);
}

static void the_key_lies_in_a_page_that_is_locked_and_never_dumped(void **state)
{
	struct keypage page;
	char flags[512];

	(void)state;
	assert_int_equal(keypage_open(&page, key, sizeof(key)), 0);
	assert_memory_equal(page.bytes, key, sizeof(key));
	flags_of(page.bytes, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd")); /* MADV_DONTDUMP */
	assert_non_null(strstr(flags, " wf")); /* MADV_WIPEONFORK */
#ifndef __SANITIZE_ADDRESS__		       /* it makes mlock() say 0 and do nothing */
	if (page.locked)
		assert_non_null(strstr(flags, " lo"));
#endif
	keypage_close(&page);
	assert_null(page.bytes);
	keypage_close(&page);
}

static void without_a_limit_for_locked_memory_it_opens_all_the_same_and_says_so(void **state)
{
	struct rlimit before, none = {0, 0};
	struct keypage page;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	assert_int_equal(keypage_open(&page, key, sizeof(key)), 0);
	if (geteuid() != 0) /* root needs no limit */
		assert_false(page.locked);
	keypage_close(&page);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

static void a_child_finds_nothing_there(void **state)
{
	static const uint8_t nothing[sizeof(key)];
	struct keypage page;
	int status = -1;
	pid_t child;

	(void)state;
	assert_int_equal(keypage_open(&page, key, sizeof(key)), 0);
	child = fork();
	if (child == 0)
		_exit(memcmp(page.bytes, nothing, sizeof(key)) == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	keypage_close(&page);
}

/* What reads or writes past it: the page's end is the guard's beginning, so the kernel says EFAULT.
 */
static void a_byte_past_the_key_belongs_to_nobody(void **state)
{
	struct keypage page;
	int ends[2];

	(void)state;
	assert_int_equal(keypage_open(&page, key, sizeof(key)), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], page.bytes, sizeof(key)), sizeof(key));
	assert_int_equal(write(ends[1], page.bytes + sizeof(key), 1), -1);
	assert_int_equal(errno, EFAULT);
	(void)close(ends[0]);
	(void)close(ends[1]);
	keypage_close(&page);
}

static void a_key_that_does_not_fit_is_refused(void **state)
{
	static const uint8_t long_key[KEYPAGE_MAX + 1];
	struct keypage page;

	(void)state;
	assert_int_equal(keypage_open(&page, long_key, sizeof(long_key)), -EINVAL);
	assert_null(page.bytes);
	keypage_close(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_lies_in_a_page_that_is_locked_and_never_dumped),
		cmocka_unit_test(
			without_a_limit_for_locked_memory_it_opens_all_the_same_and_says_so),
		cmocka_unit_test(a_child_finds_nothing_there),
		cmocka_unit_test(a_byte_past_the_key_belongs_to_nobody),
		cmocka_unit_test(a_key_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
