/* SPDX-License-Identifier: MIT */
/*
 * The client is a child, so that a gap is seen while the parent waits for the
 * daemon, and speaks to it through a few words of shared memory. To a mysqld it
 * answers the greeting like a client that may not log in: breaking off instead
 * would count as a broken handshake, and after max_connect_errors of those
 * mysqld refuses this host.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "agent/ctl/probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GREETING (500 * MSEC)
#define COMMAND (2 * SEC)
#define HOST_NOT_PRIVILEGED 1130 /* ER_HOST_NOT_PRIVILEGED */
#define SERVED (500 * MSEC)

struct shared {
	atomic_uint phase;
	_Atomic int64_t good_at; /* end of the last good try, or the start */
	struct {
		_Atomic uint64_t tries, good;
		_Atomic int64_t gap;
	} counts[PROBE_PHASES];
};

struct probe {
	struct shared *shared;
	pid_t pid;
};

/* --- one try --------------------------------------------------------------------- */

static bool wait_until(int fd, short events, mono_us until)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	mono_us left = mono_max(until - mono_now(), 0);

	return poll(&poll_fd, 1, (int)((left + MSEC - 1) / MSEC)) == 1;
}

/* Bytes of a packet that are wanted, no more. */
static bool read_bytes(int fd, unsigned char *to, size_t length, mono_us until)
{
	while (length > 0) {
		ssize_t got;

		if (!wait_until(fd, POLLIN, until))
			return false;
		got = recv(fd, to, length, 0);
		if (got <= 0)
			return false;
		to += got;
		length -= (size_t)got;
	}
	return true;
}

/* The protocol of the greeting is 10; then we fail to log in, in good form. */
static bool greeted(int fd)
{
	static const char user[] = "zonevip-drill";
	unsigned char reply[4 + 32 + sizeof(user) + 1] = {
		[0] = sizeof(reply) - 4,
		[3] = 1,
		[4] = 0x00,
		[5] = 0x82, /* PROTOCOL_41, SECURE_CONNECTION */
		[11] = 1,
		[12] = 33, /* 16 MB packets, utf8 */
	};
	mono_us until = mono_now() + GREETING;
	unsigned char packet[512];

	if (!read_bytes(fd, packet, 7, until))
		return false;
	if (packet[4] == 0xff) /* it serves, though not this host */
		return packet[5] + packet[6] * 256 == HOST_NOT_PRIVILEGED;
	if (packet[4] != 10)
		return false;
	memcpy(reply + 36, user, sizeof(user));
	(void)wait_until(fd, POLLIN, until);
	(void)!recv(fd, packet, sizeof(packet), 0); /* what is left of the greeting */
	if (send(fd, reply, sizeof(reply), MSG_NOSIGNAL) == (ssize_t)sizeof(reply) &&
	    wait_until(fd, POLLIN, until))
		(void)!recv(fd, packet, sizeof(packet), 0); /* access denied */
	return true;
}

static bool try_address(const struct probe_config *config)
{
	struct sockaddr_storage address;
	socklen_t length = ip_sockaddr(&config->address, config->port, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(int);
	int error = 0;
	bool good = false;

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)&address, length) == 0 ||
	    (errno == EINPROGRESS && wait_until(fd, POLLOUT, mono_now() + PROBE_CONNECT) &&
	     getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0))
		good = greeted(fd);
	close(fd);
	return good;
}

static bool try_command(const char *command)
{
	mono_us until = mono_now() + COMMAND;
	pid_t pid = fork();
	int status = -1;

	if (pid < 0)
		return false;
	if (pid == 0) {
		(void)setpgid(0, 0);
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (mono_now() > until) {
			(void)kill(-pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			return false;
		}
		(void)poll(NULL, 0, 1);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* --- the child ------------------------------------------------------------------------ */

static void run(struct shared *shared, const struct probe_config *config)
{
	for (;;) {
		mono_us begun = mono_now();
		unsigned int phase = atomic_load(&shared->phase);
		bool good = config->command ? try_command(config->command) : try_address(config);
		mono_us now = mono_now();
		int64_t gap = now - atomic_load(&shared->good_at);

		atomic_fetch_add(&shared->counts[phase].tries, 1);
		if (gap > atomic_load(&shared->counts[phase].gap))
			atomic_store(&shared->counts[phase].gap, gap);
		if (good) {
			atomic_fetch_add(&shared->counts[phase].good, 1);
			atomic_store(&shared->good_at, now);
		}
		if (now < begun + PROBE_PERIOD)
			(void)poll(NULL, 0, (int)((begun + PROBE_PERIOD - now) / MSEC));
	}
}

struct probe *probe_start(const struct probe_config *config, struct err *err)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	pid_t parent = getpid();

	if (!probe)
		goto fail;
	probe->shared = mmap(NULL, sizeof(*probe->shared), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (probe->shared == MAP_FAILED)
		goto fail;
	atomic_store(&probe->shared->good_at, mono_now());
	probe->pid = fork();
	if (probe->pid < 0) {
		(void)munmap(probe->shared, sizeof(*probe->shared));
		goto fail;
	}
	if (probe->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never outlives the drill */
		if (getppid() == parent)
			run(probe->shared, config);
		_exit(0);
	}
	return probe;
fail:
	(void)err_set(err, "cannot start the client probe: %s", strerror(errno));
	free(probe);
	return NULL;
}

void probe_phase(struct probe *probe, unsigned int phase)
{
	atomic_store(&probe->shared->phase, phase);
}

struct probe_count probe_count(const struct probe *probe, unsigned int phase)
{
	return (struct probe_count){
		.tries = atomic_load(&probe->shared->counts[phase].tries),
		.good = atomic_load(&probe->shared->counts[phase].good),
		.gap = atomic_load(&probe->shared->counts[phase].gap),
	};
}

bool probe_served(const struct probe *probe)
{
	return mono_now() - atomic_load(&probe->shared->good_at) < SERVED;
}

void probe_stop(struct probe *probe)
{
	if (!probe)
		return;
	(void)kill(probe->pid, SIGKILL);
	(void)waitpid(probe->pid, NULL, 0);
	(void)munmap(probe->shared, sizeof(*probe->shared));
	free(probe);
}
