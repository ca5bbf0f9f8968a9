/* SPDX-License-Identifier: MIT */
/*
 * Requests at the status socket, cut at any byte into several writes. Oracle: the answer depends on
 * the bytes and not on where they were cut; the callback sees one printable line of at most
 * CONTROL_REQUEST_MAX - 1 bytes or nothing; an answer always comes, whole, and its end is the
 * connection's.
 *
 * Input: the first byte says where the cuts are, the rest is what the client writes before it
 * closes its side.
 *
 * fuzz: agent/base/unixsock.c agent/base/log.c agent/base/buf.c -lev
 * covers: agent/control.c client_answer client_read client_reply client_error printable
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/control.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct control control;
static unsigned int asked;

/* As long as the line says, so that answers past the socket's room and the cap are met. */
static void answer(void *arg, const struct control_peer *peer, const char *line, struct buf *reply)
{
	size_t length = strlen(line);

	(void)arg;
	(void)peer;
	asked++;
	if (length >= CONTROL_REQUEST_MAX)
		abort();
	for (size_t i = 0; i < length; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			abort();
	if (strncmp(line, "huge", 4) == 0)
		for (int i = 0; i < 40000; i++)
			(void)buf_append(reply, "twenty bytes of text", 20);
	(void)buf_printf(reply, "OK %s\n", line);
}

static const char *expected(const uint8_t *text, size_t size, char *line)
{
	const uint8_t *newline = memchr(text, '\n', size);
	size_t length = newline ? (size_t)(newline - text) : size;

	if (size == 0)
		return "";
	if (length >= CONTROL_REQUEST_MAX)
		return "ERROR the request is too long\n";
	if (length > 0 && text[length - 1] == '\r')
		length--;
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return "ERROR the request holds bytes that are not printable\n";
	if (length >= 4 && memcmp(text, "huge", 4) == 0)
		return "ERROR the answer is too long\n";
	(void)sprintf(line, "OK %.*s\n", (int)length, (const char *)text);
	return line;
}

static size_t talk(const uint8_t *text, size_t size, unsigned int step, char *got, size_t room)
{
	struct control_peer peer = {.uid = 0, .privileged = false};
	size_t length = 0, written = 0;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	client_open(&control, ends[0], &peer);
	for (int turns = 0; turns < 20000; turns++) {
		size_t part = size - written < step ? size - written : step;
		ssize_t count;

		if (written < size &&
		    (count = send(ends[1], text + written, part, MSG_NOSIGNAL)) > 0)
			written += (size_t)count;
		else
			(void)shutdown(ends[1], SHUT_WR);
		(void)ev_run(control.loop, EVRUN_NOWAIT);
		count = recv(ends[1], got + length, room - length, 0);
		if (count > 0)
			length += (size_t)count;
		else if (count == 0 || (errno != EAGAIN))
			break;
		if (turns == 19999)
			abort(); /* it never ends */
	}
	close(ends[1]);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control.clients[i].fd >= 0)
			abort(); /* the place was not given back */
	return length;
}

static void open_once(void)
{
	if (control.loop)
		return;
	control.loop = ev_loop_new(EVBACKEND_POLL);
	control.fn = answer;
	control.sock.fd = -1;
	init_watchers(&control);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char got[4096], line[2 * CONTROL_REQUEST_MAX];
	const char *wanted;
	size_t length;

	if (size < 1 || size > 3000)
		return 0;
	open_once();
	asked = 0;
	wanted = expected(data + 1, size - 1, line);
	length = talk(data + 1, size - 1, data[0] % 64 ? data[0] % 64 : 4096, got, sizeof(got));
	if (asked > 1 || length != strlen(wanted) || memcmp(got, wanted, length) != 0)
		abort();
	return 0;
}
