/* SPDX-License-Identifier: MIT */
/*
 * A journal from anywhere, replayed: the bytes as they are; as the events
 * after a good HEAD; as that HEAD with bytes changed. Oracle: nothing but a
 * verdict comes of it, whatever the core is fed with; and events that are
 * believed are written again and read to the same.
 *
 * fuzz: agent/{tape,core}/[a-z]*.c agent/{journal,statedir}.c agent/base/{buf,crc,outcome,timers}.c
 * covers: agent/tape/read.c
 * covers: agent/tape/shape.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tape/replay.h"
#include "agent/tape/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf head;
static FILE *nowhere;

/* A machine with some of everything. */
static void make_head(void)
{
	static struct instance instances[2];
	static struct route routes[4];
	static const struct core_instance_config two[2] = {{.id = 7, .tables = 2, .tracks = 1},
							   {.id = 8, .tables = 2, .fence = true}};
	static const char *const names[] = {"MasterDB", "Second"};
	static struct core core;
	struct core_config config = {.node_count = 3,
				     .self = 1,
				     .nodes = {{11, 150}, {12, 100}, {13, 50}},
				     .tracks = {{.rise = 2, .fall = 2}},
				     .track_count = 1,
				     .instance_count = 2,
				     .instances = two,
				     .nonce = 99,
				     .seed = 5};

	config.timers = *timers_profile(TIMERS_SAFE);
	core_init(&core, 1000 * SEC, &config, instances, routes);
	buf_init(&head, 1 << 20);
	if (tape_head(&head, &core,
		      &(struct tape_names){.program = "fuzz",
					   .cluster = "c",
					   .nodes = {"a", "b", "c"},
					   .tracks = {"t"},
					   .instances = names},
		      &(struct tape_stamp){.now = 1000 * SEC, .wall_us = 1700000000 * SEC}) < 0)
		abort();
}

static void append(struct buf *file, enum journal_kind kind, uint64_t number, const void *payload,
		   size_t length)
{
	uint8_t header[JOURNAL_HEADER];

	journal_seal(header, kind, number, payload, (uint32_t)length);
	(void)buf_append(file, header, sizeof(header));
	(void)buf_append(file, payload, length);
}

static void replay(const void *data, size_t size, bool all)
{
	struct replay_summary summary;

	(void)replay_bytes(data, size, all, nowhere, &summary, NULL);
}

/* Each event that is read is written and read again. */
static void write_again(const struct tape *tape, const uint8_t *data, size_t size)
{
	static struct tape_reader reader, second;
	static struct tape_block block;
	struct tape_record record, again;
	struct buf out;

	if (tape_open(&reader, tape, data, size) < 0)
		return;
	buf_init(&out, 1 << 20);
	while (tape_next(&reader, &record) > 0) {
		if (record.kind != TAPE_EVENT)
			continue;
		buf_clear(&out);
		(void)tape_begin(&block, &out, record.at, 1);
		if (tape_event(&block, &out, record.at, &record.ev) < 0 ||
		    tape_open(&second, tape, (const uint8_t *)out.data, out.length) < 0 ||
		    tape_next(&second, &again) != 1 || again.ev.type != record.ev.type ||
		    again.at != record.at || again.ev.sent != record.ev.sent ||
		    again.ev.version != record.ev.version || !again.ev.hello != !record.ev.hello)
			abort();
		if (record.ev.hello &&
		    (second.hello.seq != reader.hello.seq ||
		     memcmp(second.hello.instances, reader.hello.instances,
			    second.hello.count * sizeof(second.hello.instances[0]))))
			abort();
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tape *tape;
	struct buf file;
	char *copy;

	if (!tape) {
		make_head();
		nowhere = fopen("/dev/null", "w");
		tape = tape_load((uint8_t *)head.data, head.length, NULL);
		if (!tape || !nowhere)
			abort();
	}
	replay(data, size, false);
	write_again(tape, data, size);
	buf_init(&file, 4 << 20);
	append(&file, JOURNAL_HEAD, 1, head.data, head.length);
	append(&file, JOURNAL_EVENTS, 2, data, size);
	replay(file.data, file.length, size % 4 == 0);
	if (size % 2)
		goto out;
	/* Pairs of (place, byte) are pressed on the HEAD, then a tick follows. */
	copy = malloc(head.length);
	memcpy(copy, head.data, head.length);
	for (size_t i = 0; i + 2 < size && i < 24; i += 3)
		copy[(size_t)(data[i] << 8 | data[i + 1]) % head.length] = (char)data[i + 2];
	buf_clear(&file);
	append(&file, JOURNAL_HEAD, 1, copy, head.length);
	append(&file, JOURNAL_EVENTS, 2, data, size);
	replay(file.data, file.length, false);
	free(copy);
out:
	buf_free(&file);
	return 0;
}
