/* SPDX-License-Identifier: MIT */
/* See fakemysqld.h. Blocking code, one process per connection. */
#include "config.h"

#include "tests/unit/fakemysqld.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 65536

struct shared {
	atomic_uint connections;
	atomic_int robbed;
};

static struct shared *shared;
static const char *socket_path;

static void say(int fd, const void *data, size_t length)
{
	const uint8_t *at = data;

	while (length) {
		ssize_t done = send(fd, at, length, MSG_NOSIGNAL);

		if (done <= 0)
			_exit(0);
		at += done;
		length -= (size_t)done;
	}
}

static void packet(int fd, uint8_t number, const void *data, size_t length)
{
	uint8_t all[4 + BLOCK] = {(uint8_t)length, (uint8_t)(length >> 8), 0, number};

	memcpy(all + 4, data, length);
	say(fd, all, 4 + length);
}

/* Reads one packet of the client's, returns the length of its body. */
static size_t listen_to(int fd, uint8_t body[static BLOCK])
{
	uint8_t header[4];
	size_t length;

	if (recv(fd, header, 4, MSG_WAITALL) != 4)
		_exit(0);
	length = header[0] | (size_t)header[1] << 8;
	if (length && recv(fd, body, length, MSG_WAITALL) != (ssize_t)length)
		_exit(0);
	return length;
}

/* Notes when a client gives away /etc/passwd or the test's password. */
static void hear_secret(int fd, uint8_t body[static BLOCK])
{
	size_t length = listen_to(fd, body);

	if (memmem(body, length, "root:", 5) || memmem(body, length, "opensesame", 10))
		atomic_store(&shared->robbed, 1);
}

static const uint8_t greeting[] = {
	10,   '8',  '.', '0', '.', '9',	 '9',  0,   7,	 0,   0,   0,	/* version, id */
	'a',  'b',  'c', 'd', 'e', 'f',	 'g',  'h', 0,			/* salt */
	0x85, 0xa2, 33,	 2,   0,   0x08, 0x20, 21,  0,	 0,   0,   0,	/* capabilities, ... */
	0,    0,    0,	 0,   0,   0,	 'i',  'j', 'k', 'l', 'm', 'n', /* salt, second part */
	'o',  'p',  'q', 'r', 's', 't',	 0,    'm', 'y', 's', 'q', 'l', '_', 'n', 'a',
	't',  'i',  'v', 'e', '_', 'p',	 'a',  's', 's', 'w', 'o', 'r', 'd', 0};

static const uint8_t ok[] = {0, 0, 0, 2, 0, 0, 0};
static const uint8_t eof[] = {0xfe, 0, 0, 2, 0};
static const uint8_t column[] = {3, 'd', 'e', 'f', 0, 0, 0, 1, '1', 0, 0x0c, 63,
				 0, 1,	 0,   0,   0, 3, 1, 0, 0,   0, 0};

static const uint8_t progress[] = {0xff, 0xff, 0xff, 1, 1, 1, 0, 0, 0, 4, 'c', 'o', 'p', 'y'};

static void error(int fd, uint8_t packet_number, unsigned int number)
{
	uint8_t body[] = {0xff,
			  (uint8_t)number,
			  (uint8_t)(number >> 8),
			  '#',
			  'H',
			  'Y',
			  '0',
			  '0',
			  '0',
			  'n',
			  'o',
			  '\n',
			  '\x1b',
			  '@'};

	packet(fd, packet_number, body, sizeof(body));
}

static void rest_for_ever(void)
{
	for (;;)
		pause();
}

static void flood(int fd, const void *data, size_t length)
{
	uint8_t block[BLOCK];
	size_t used = 0;

	for (; used + length <= sizeof(block); used += length)
		memcpy(block + used, data, length);
	for (;;)
		say(fd, block, used);
}

/* One packet as the kind of data that goes on for ever. */
static void flood_packet(int fd, uint8_t number, const void *data, size_t length)
{
	uint8_t one[512] = {(uint8_t)length, 0, 0, number};

	memcpy(one + 4, data, length);
	flood(fd, one, 4 + length);
}

static void before_login(int fd, enum fake_fault fault, unsigned int number)
{
	static const uint8_t big[] = {0xff, 0xff, 0xff, 0};
	static uint8_t noise[1 << 20];

	switch (fault) {
	case FAKE_SILENT:
		rest_for_ever();
		break;
	case FAKE_DRIP:
		for (size_t i = 0; i < sizeof(greeting); i++, usleep(200000))
			say(fd, i == 0 ? (const uint8_t[]){sizeof(greeting)} : greeting + i, 1);
		break;
	case FAKE_GARBAGE:
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)(i * 2654435761U >> 13);
		say(fd, noise, sizeof(noise));
		rest_for_ever();
		break;
	case FAKE_BIG:
		say(fd, big, sizeof(big));
		flood(fd, noise, 4096);
		break;
	case FAKE_BIG_HEADER:
		say(fd, big, sizeof(big));
		rest_for_ever();
		break;
	case FAKE_PROGRESS:
		flood_packet(fd, 0, progress, sizeof(progress));
		break;
	case FAKE_PROGRESS_DRIP:
		say(fd, (const uint8_t[]){sizeof(progress), 0, 0, 0}, 4);
		for (size_t i = 0; i < sizeof(progress); i++, usleep(1000))
			say(fd, progress + i, 1);
		rest_for_ever();
		break;
	case FAKE_ERROR:
		error(fd, 0, number);
		_exit(0);
	case FAKE_SLAM:
		_exit(0);
	case FAKE_GREET_SLAM:
		packet(fd, 0, greeting, sizeof(greeting));
		_exit(0);
	default:
		break;
	}
}

static void answer_one(int fd, const void *cell, size_t length)
{
	static const uint8_t one = 1;

	packet(fd, 1, &one, 1);
	packet(fd, 2, column, sizeof(column));
	packet(fd, 3, eof, sizeof(eof));
	packet(fd, 4, cell, length);
	packet(fd, 5, eof, sizeof(eof));
}

static void big_cell(int fd)
{
	static uint8_t cell[1 << 20];
	static const uint8_t one = 1;
	static const uint8_t header[] = {4, 0, 0x10, 4, 0xfd, 0, 0, 0x10}; /* 2^20 and its length */

	packet(fd, 1, &one, 1);
	packet(fd, 2, column, sizeof(column));
	packet(fd, 3, eof, sizeof(eof));
	say(fd, header, sizeof(header));
	say(fd, cell, sizeof(cell));
	packet(fd, 5, eof, sizeof(eof));
}

static void answer(int fd, enum fake_fault fault, unsigned int number)
{
	static const uint8_t file[] = "\xfb/etc/passwd";
	static uint8_t body[BLOCK];

	switch (fault) {
	case FAKE_QUERY_SILENT:
		rest_for_ever();
		break;
	case FAKE_QUERY_ERROR:
		error(fd, 1, number);
		break;
	case FAKE_SHUTDOWN:
		if (access(socket_path, F_OK) == 0)
			answer_one(fd,
				   "\1"
				   "1",
				   2);
		else
			error(fd, 1, 1053);
		break;
	case FAKE_QUERY_TWO:
		answer_one(fd,
			   "\1"
			   "2",
			   2);
		break;
	case FAKE_QUERY_NULL:
		answer_one(fd, "\xfb", 1);
		break;
	case FAKE_QUERY_CELL:
		big_cell(fd);
		break;
	case FAKE_QUERY_ROWS:
		packet(fd, 1, "\1", 1);
		packet(fd, 2, column, sizeof(column));
		packet(fd, 3, eof, sizeof(eof));
		flood_packet(fd, 4,
			     "\1"
			     "1",
			     2);
		break;
	case FAKE_QUERY_PROGRESS:
		flood_packet(fd, 1, progress, sizeof(progress));
		break;
	case FAKE_QUERY_COLUMNS:
		packet(fd, 1, "\xfc\xff\xff", 3);
		flood_packet(fd, 2, column, sizeof(column));
		break;
	case FAKE_QUERY_FILE:
		packet(fd, 1, file, sizeof(file) - 1);
		hear_secret(fd, body);
		error(fd, 3, 1105);
		break;
	default:
		answer_one(fd,
			   "\1"
			   "1",
			   2);
		break;
	}
}

static void serve(int fd, enum fake_fault fault, unsigned int number)
{
	static uint8_t body[BLOCK];
	static const uint8_t dialog[] = "\xfe"
					"dialog\0\4Password: ";

	before_login(fd, fault, number);
	packet(fd, 0, greeting, sizeof(greeting));
	(void)listen_to(fd, body);
	if (fault == FAKE_LOGIN_SILENT)
		rest_for_ever();
	if (fault == FAKE_DIALOG) {
		packet(fd, 2, dialog, sizeof(dialog) - 1);
		hear_secret(fd, body);
		rest_for_ever();
	}
	packet(fd, 2, ok, sizeof(ok));
	for (;;) {
		(void)listen_to(fd, body);
		if (body[0] == 1) /* COM_QUIT */
			_exit(0);
		answer(fd, fault, number);
		if (fault == FAKE_ONCE)
			_exit(0);
		if (fault == FAKE_CHATTER) {
			usleep(5000);
			say(fd, "x", 1);
		}
	}
}

static void run(int listener, enum fake_fault fault, unsigned int number)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)setpgid(0, 0);
	for (;;) {
		int fd = fault == FAKE_NO_ACCEPT ? pause() : accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		atomic_fetch_add(&shared->connections, 1);
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)close(listener);
			(void)signal(SIGCHLD, SIG_DFL);
			serve(fd, fault, number);
			_exit(0);
		}
		(void)close(fd);
	}
}

pid_t fake_start(const char *path, enum fake_fault fault, unsigned int number)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int ready[2];
	char byte;
	pid_t pid;

	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	atomic_store(&shared->connections, 0);
	atomic_store(&shared->robbed, 0);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	socket_path = path;
	(void)unlink(path);
	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		int listener = socket(AF_UNIX, SOCK_STREAM, 0);

		(void)close(ready[0]);
		if (bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		    listen(listener, fault == FAKE_NO_ACCEPT ? 1 : 64) == 0 &&
		    write(ready[1], "r", 1) == 1 && close(ready[1]) == 0)
			run(listener, fault, number);
		_exit(1);
	}
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	(void)close(ready[0]);
	return pid;
}

void fake_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

unsigned int fake_connections(void)
{
	return atomic_load(&shared->connections);
}

int fake_robbed(void)
{
	return atomic_load(&shared->robbed);
}
