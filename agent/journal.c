/* SPDX-License-Identifier: MIT */
/*
 * Nothing here keeps what it cannot use: a file with a torn end is cut back
 * to its last whole block, one that is not ours is replaced in its turn.
 */
#include "agent/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/base/crc.h"
#include "agent/statedir.h"

#define KEEP_FREE_MAX ((uint64_t)64 << 20) /* or an eighth of the file system, if that is less */

static const uint8_t magic[4] = {'Z', 'V', 'J', '1'};

/* --- blocks --------------------------------------------------------------------------- */

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

/* Over everything but the checksum itself. */
static uint32_t checksum(const uint8_t header[static JOURNAL_HEADER], const void *payload,
			 uint32_t length)
{
	uint32_t crc = crc32_add(0, header, 8);

	crc = crc32_add(crc, header + 12, JOURNAL_HEADER - 12);
	return crc32_add(crc, payload, length);
}

void journal_seal(uint8_t header[static JOURNAL_HEADER], enum journal_kind kind, uint64_t number,
		  const void *payload, uint32_t length)
{
	uint64_t ordered = htole64(number);

	memcpy(header, magic, sizeof(magic));
	put32(header + 4, length);
	put32(header + 12, (uint32_t)kind);
	memcpy(header + 16, &ordered, sizeof(ordered));
	put32(header + 8, checksum(header, payload, length));
}

static bool block_at(const uint8_t *data, size_t left, struct journal_block *block)
{
	uint32_t kind;

	if (left < JOURNAL_HEADER || memcmp(data, magic, sizeof(magic)) != 0)
		return false;
	block->length = get32(data + 4);
	kind = get32(data + 12);
	if (block->length > JOURNAL_BLOCK_MAX || block->length > left - JOURNAL_HEADER ||
	    (kind != JOURNAL_HEAD && kind != JOURNAL_EVENTS))
		return false;
	block->payload = data + JOURNAL_HEADER;
	if (get32(data + 8) != checksum(data, block->payload, block->length))
		return false;
	block->kind = (enum journal_kind)kind;
	memcpy(&block->number, data + 16, sizeof(block->number));
	block->number = le64toh(block->number);
	return true;
}

int64_t journal_next(const uint8_t *data, size_t size, size_t *at, struct journal_block *block)
{
	size_t from = *at;

	for (size_t i = from; i < size && size - i >= JOURNAL_HEADER; i++) {
		const uint8_t *begin = memchr(data + i, magic[0], size - i);

		if (!begin)
			return -1;
		i = (size_t)(begin - data);
		if (!block_at(begin, size - i, block))
			continue;
		*at = i + JOURNAL_HEADER + block->length;
		return (int64_t)(i - from);
	}
	return -1;
}

/* --- where the last run stopped ------------------------------------------------------------ */

static void name_of(unsigned int file, char name[static JOURNAL_NAME_MAX])
{
	(void)snprintf(name, JOURNAL_NAME_MAX, "journal.%u", file);
}

/* Number of the first block of a file that begins as one of ours does, else 0. */
static uint64_t first_number(int dir, unsigned int file)
{
	uint8_t header[JOURNAL_HEADER];
	char name[JOURNAL_NAME_MAX];
	uint64_t number = 0;
	int fd;

	name_of(file, name);
	fd = statedir_existing(dir, name, O_RDONLY);
	if (fd < 0)
		return 0;
	if (pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	    memcmp(header, magic, sizeof(magic)) == 0) {
		memcpy(&number, header + 16, sizeof(number));
		number = le64toh(number);
	}
	(void)close(fd);
	return number;
}

/* Cuts the open file behind its last whole block. */
static int find_end(struct journal *journal)
{
	struct journal_block block;
	struct stat st;
	size_t at = 0;
	uint8_t *data;
	int ret = 0;

	if (fstat(journal->fd, &st) < 0)
		return -errno;
	if (st.st_size >
	    (off_t)(journal->max + JOURNAL_BLOCK_MAX)) /* of a larger ring: too much to read */
		return -EFBIG;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	if (pread(journal->fd, data, (size_t)st.st_size, 0) != st.st_size) {
		ret = -EIO;
		goto out;
	}
	while (journal_next(data, (size_t)st.st_size, &at, &block) >= 0)
		journal->number = block.number;
	journal->size = at;
	if (at < (size_t)st.st_size && ftruncate(journal->fd, (off_t)at) < 0)
		ret = -errno;
out:
	free(data);
	return ret;
}

/* Goes on in the newest file, so that many short runs do not push out the long one. */
static void scan(struct journal *journal)
{
	char name[JOURNAL_NAME_MAX];
	unsigned int newest = JOURNAL_FILES - 1;

	for (unsigned int i = 0; i < JOURNAL_FILES; i++) {
		uint64_t number = first_number(journal->dir, i);

		if (number > journal->number) {
			journal->number = number;
			newest = i;
		}
	}
	journal->file = newest;
	if (journal->number == 0)
		return;
	name_of(newest, name);
	journal->fd = statedir_existing(journal->dir, name, O_RDWR);
	if (journal->fd >= 0 && find_end(journal) < 0) {
		(void)close(journal->fd);
		journal->fd = -1;
	}
}

/* --- writing ------------------------------------------------------------------------------- */

void journal_init(struct journal *journal, int dir, uint64_t max)
{
	*journal = (struct journal){.dir = dir, .fd = -1, .max = max, .gap = true};
}

void journal_close(struct journal *journal)
{
	if (journal->fd >= 0)
		(void)close(journal->fd);
	journal->fd = -1;
}

bool journal_full(const struct journal *journal)
{
	return journal->fd >= 0 && journal->size >= journal->max / JOURNAL_FILES;
}

static int next_file(struct journal *journal)
{
	char name[JOURNAL_NAME_MAX];

	journal_close(journal);
	journal->file = (journal->file + 1) % JOURNAL_FILES;
	name_of(journal->file, name);
	journal->fd = statedir_fresh(journal->dir, name);
	journal->size = 0;
	return journal->fd < 0 ? journal->fd : 0;
}

/* A full disk hurts others more than a short journal hurts us. */
static bool room(const struct journal *journal, uint64_t length)
{
	struct statvfs vfs;
	uint64_t keep, left;

	if (fstatvfs(journal->dir, &vfs) < 0)
		return true; /* then the write will say */
	keep = (uint64_t)vfs.f_blocks * vfs.f_frsize / 8;
	keep = keep < KEEP_FREE_MAX ? keep : KEEP_FREE_MAX;
	left = (uint64_t)vfs.f_bavail * vfs.f_bsize;
	return left >= keep && left - keep >= length;
}

static int append(struct journal *journal, const uint8_t *header, const void *payload,
		  uint32_t length)
{
	int ret;

	if (!room(journal, length + JOURNAL_HEADER))
		return -ENOSPC;
	ret = statedir_write(journal->fd, payload, length, (off_t)journal->size + JOURNAL_HEADER);
	if (ret == 0) /* last, so that a torn block has no header */
		ret = statedir_write(journal->fd, header, JOURNAL_HEADER, (off_t)journal->size);
	if (ret < 0)
		(void)ftruncate(journal->fd, (off_t)journal->size); /* the reader skips it anyway */
	return ret;
}

int journal_add(struct journal *journal, enum journal_kind kind, const void *payload,
		uint32_t length)
{
	uint8_t header[JOURNAL_HEADER];
	int ret = 0;

	if (journal->dir < 0 || length > JOURNAL_BLOCK_MAX)
		return -ENOENT;
	if (journal->gap && kind != JOURNAL_HEAD)
		return -EPIPE;
	if (!journal->scanned)
		scan(journal);
	journal->scanned = true;
	if (journal->fd < 0 || (kind == JOURNAL_HEAD && journal_full(journal)))
		ret = next_file(journal);
	if (ret == 0) {
		journal_seal(header, kind, journal->number + 1, payload, length);
		ret = append(journal, header, payload, length);
	}
	journal->gap = ret < 0;
	if (ret < 0)
		return ret;
	journal->number++;
	journal->size += length + JOURNAL_HEADER;
	return 0;
}

int journal_sync(const struct journal *journal)
{
	return journal->fd >= 0 && fdatasync(journal->fd) < 0 ? -errno : 0;
}
