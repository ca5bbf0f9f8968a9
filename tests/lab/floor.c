/* SPDX-License-Identifier: MIT */
/*
 * The floor under a fail-over: each of its parts alone, as small as the
 * kernel and the libraries allow, to be measured beside the real programs.
 * It may not use anything of zonevip. The HTTPS part is floor_route.c.
 * doc/performance.md says what is made of the figures. One line for each
 * sample, in nanoseconds:
 *
 *   floor eof SOCKET PID SIGNAL	a held session of mysqld ends after kill(2)
 *   floor sink ADDRESS PORT COUNT	one UDP way: receives what send sends
 *   floor send FROM ADDRESS PORT COUNT PAUSE_MS
 *   floor address DEVICE ADDRESS COUNT one netlink address add, acknowledged
 *   floor spawn COUNT			fork and exec until the child's first line
 *   floor beat FROM ADDRESS PORT PERIOD_MS SECONDS
 *	a bare epoll loop that sends and receives: nothing is cheaper that beats
 */
#define _GNU_SOURCE
#include "tests/lab/floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 30000 /* for anything that should happen */
#define NS_PER_MS 1000000

extern char **environ;

static int failed(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	return 1;
}

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 10);
}

/* --- the end of a session -------------------------------------------------------------- */

static int floor_eof(char **words)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd poller = {.fd = fd, .events = POLLIN | POLLRDHUP};
	char greeting[1024];
	int64_t struck;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", words[0]);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    recv(fd, greeting, sizeof(greeting), 0) <= 0)
		return failed(words[0]);
	(void)usleep(50000); /* asleep like a daemon that waits */
	struck = now_ns();
	if (kill((pid_t)number(words[1]), (int)number(words[2])) < 0 ||
	    poll(&poller, 1, LIMIT_MS) != 1)
		return failed("no end of the session");
	printf("%lld\n", (long long)(now_ns() - struck));
	return 0;
}

/* --- one UDP way -------------------------------------------------------------------------- */

static int udp_socket(const char *from, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)number(port))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || inet_pton(AF_INET, from, &address.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

static int udp_aim(int fd, const char *to, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)number(port))};

	if (inet_pton(AF_INET, to, &address.sin_addr) != 1)
		return -1;
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int floor_sink(char **words)
{
	int fd = udp_socket(words[0], words[1]);
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int64_t stamp;

	if (fd < 0)
		return failed("sink");
	for (unsigned int left = number(words[2]); left > 0; left--) {
		if (poll(&poller, 1, LIMIT_MS) != 1 || recv(fd, &stamp, sizeof(stamp), 0) < 0)
			return failed("nothing came");
		printf("%lld\n", (long long)(now_ns() - stamp));
	}
	return 0;
}

static int floor_send(char **words)
{
	int fd = udp_socket(words[0], "0");

	if (fd < 0 || udp_aim(fd, words[1], words[2]) < 0)
		return failed("send");
	for (unsigned int left = number(words[3]); left > 0; left--) {
		int64_t stamp;

		(void)usleep(number(words[4]) * 1000);
		stamp = now_ns();
		if (send(fd, &stamp, sizeof(stamp), 0) != sizeof(stamp))
			return failed("send");
	}
	return 0;
}

/* --- an address ----------------------------------------------------------------------------- */

struct address_request {
	struct nlmsghdr header;
	struct ifaddrmsg message;
	struct rtattr attribute;
	struct in_addr address;
};

static int netlink_do(int fd, struct address_request *request, uint16_t type, uint16_t flags)
{
	char answer[4096];
	const struct nlmsgerr *error = (const struct nlmsgerr *)(answer + NLMSG_HDRLEN);

	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	if (send(fd, request, sizeof(*request), 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
		return -1;
	errno = -error->error;
	return error->error ? -1 : 0;
}

static int floor_address(char **words)
{
	struct address_request request = {
		.header = {.nlmsg_len = sizeof(request)},
		.message = {.ifa_family = AF_INET,
			    .ifa_prefixlen = 32,
			    .ifa_index = if_nametoindex(words[0])},
		.attribute = {.rta_len = RTA_LENGTH(sizeof(struct in_addr)),
			      .rta_type = IFA_LOCAL}};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || inet_pton(AF_INET, words[1], &request.address) != 1)
		return failed("address");
	for (unsigned int left = number(words[2]); left > 0; left--) {
		int64_t began;

		(void)usleep(20000);
		began = now_ns();
		if (netlink_do(fd, &request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL) < 0)
			return failed("address add");
		printf("%lld\n", (long long)(now_ns() - began));
		if (netlink_do(fd, &request, RTM_DELADDR, 0) < 0)
			return failed("address remove");
	}
	return 0;
}

/* --- a process ----------------------------------------------------------------------------------
 */

/* The child is this program again: its first line is the time. */
static int floor_spawn(char **words)
{
	char *const argv[] = {"floor", "stamp", NULL};

	for (unsigned int left = number(words[0]); left > 0; left--) {
		posix_spawn_file_actions_t actions;
		int64_t began, there;
		int ends[2];
		pid_t pid;

		(void)usleep(20000);
		if (pipe(ends) < 0)
			return failed("pipe");
		(void)posix_spawn_file_actions_init(&actions);
		(void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
		began = now_ns();
		errno = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ);
		if (errno || read(ends[0], &there, sizeof(there)) != sizeof(there))
			return failed("spawn");
		printf("%lld\n", (long long)(there - began));
		(void)waitpid(pid, NULL, 0);
		(void)posix_spawn_file_actions_destroy(&actions);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	return 0;
}

static int floor_stamp(char **words)
{
	int64_t there = now_ns();

	(void)words;
	return write(STDOUT_FILENO, &there, sizeof(there)) == sizeof(there) ? 0 : 1;
}

/* --- nothing but heartbeats ------------------------------------------------------------------- */

static int floor_beat(char **words)
{
	int64_t period = (int64_t)number(words[3]) * NS_PER_MS;
	int64_t next = now_ns(), end = next + (int64_t)number(words[4]) * 1000 * NS_PER_MS;
	int fd = udp_socket(words[0], words[2]);
	int loop = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	char packet[120] = "";

	if (fd < 0 || loop < 0 || udp_aim(fd, words[1], words[2]) < 0 ||
	    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
		return failed("beat");
	while (now_ns() < end) {
		int64_t left = next - now_ns();

		if (left <= 0) {
			(void)!send(fd, packet, sizeof(packet),
				    0); /* the other may not be there yet */
			next += period;
		} else if (epoll_wait(loop, &event, 1, (int)(left / NS_PER_MS) + 1) == 1) {
			(void)!recv(fd, packet, sizeof(packet), 0);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int words;
		int (*run)(char **words);
	} parts[] = {
		{"eof", 3, floor_eof},	       {"sink", 3, floor_sink},	  {"send", 5, floor_send},
		{"address", 3, floor_address}, {"spawn", 1, floor_spawn}, {"stamp", 0, floor_stamp},
		{"beat", 5, floor_beat},
	};

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (argc >= 2 && strcmp(argv[1], parts[i].name) == 0 && argc == parts[i].words + 2)
			return parts[i].run(argv + 2);
	fprintf(stderr, "floor: no such part, or not its number of words\n");
	return 2;
}
