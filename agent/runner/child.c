/* SPDX-License-Identifier: MIT */
/*
 * Runs one script at a time (zonevip-notify(8)). The end is learnt
 * from a pidfd and not from SIGCHLD: between the script's end and its reaping
 * its process group number cannot be used by anybody else, so the whole group
 * is killed in exactly that gap. The output pipe does not decide when the
 * script is over: a process that left the group may hold it for ever.
 */
#define _GNU_SOURCE /* execveat, close_range, pipe2 */
#include "agent/runner/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors of the script, besides 0, 1 and 2. */
#define SCRIPT_FD 3  /* stays open: the interpreter of a #! script opens /dev/fd/3 */
#define FAILURE_FD 4 /* closed by a successful exec */
#define FIRST_FREE_FD 5

/* Read from the pipe in one turn of the loop. */
#define READ_MAX ((size_t)64 * 1024)

struct plumbing {
	int script;
	int output;
	int failure;
	pid_t parent;
};

/* Signals as a fresh process has them: an ignored SIGPIPE would be inherited. */
static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL); /* KILL and STOP refuse, and are so anyway */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors to their places: all out of the way first, since any of them may
 * hold a number that another one needs. @failure follows its descriptor. */
static int place_descriptors(const struct plumbing *plumbing, int *failure)
{
	int moved = fcntl(plumbing->failure, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int script = fcntl(plumbing->script, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int output = fcntl(plumbing->output, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (moved < 0 || script < 0 || output < 0 || null < 0)
		return -1;
	*failure = moved;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0 || dup2(script, SCRIPT_FD) < 0 ||
	    dup3(moved, FAILURE_FD, O_CLOEXEC) < 0)
		return -1;
	*failure = FAILURE_FD;
	/* Kernels before 5.9 have no close_range; then close-on-exec does it. */
	(void)syscall(SYS_close_range, FIRST_FREE_FD, ~0U, 0);
	return 0;
}

_Noreturn static void run(const struct child_spec *spec, const struct plumbing *plumbing)
{
	int failure = plumbing->failure;
	int error;

	(void)setpgid(0, 0); /* the parent does it too: whoever is first */
	reset_signals();
	/* As keepalived's: the script does not outlive a runner that was killed. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)umask(S_IWGRP | S_IWOTH);
	if (getppid() == plumbing->parent && chdir("/") == 0 &&
	    place_descriptors(plumbing, &failure) == 0)
		(void)syscall(SYS_execveat, SCRIPT_FD, "", spec->argv, spec->envp, AT_EMPTY_PATH);
	error = errno;
	(void)!write(failure, &error, sizeof(error)); /* if even this fails, status 127 says it */
	_exit(127);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A failed exec's errno, or 0. */
static int exec_error(int fd)
{
	int error = 0;

	return read(fd, &error, sizeof(error)) == (ssize_t)sizeof(error) ? error : 0;
}

static void drain(struct child *child)
{
	char data[4096];
	size_t total = 0;

	while (total < READ_MAX) {
		ssize_t count = read(child->output_fd, data, sizeof(data));

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return;
		if (count <= 0) { /* nobody holds the other end any more */
			ev_io_stop(child->loop, &child->readable);
			return;
		}
		output_feed(&child->output, data, (size_t)count);
		total += (size_t)count;
	}
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	drain(io->data);
}

/* Reaps; the exit status as a shell counts it, with a word on a signal. */
static int wait_status(pid_t pid, char *why, size_t size)
{
	siginfo_t info = {.si_pid = 0};

	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -1;
	if (info.si_code == CLD_EXITED)
		return info.si_status;
	if (!why[0])
		(void)snprintf(why, size, "killed by signal %d (%s)", info.si_status,
			       strsignal(info.si_status));
	return 128 + info.si_status;
}

static void release(struct child *child)
{
	ev_io_stop(child->loop, &child->ended);
	ev_io_stop(child->loop, &child->readable);
	ev_timer_stop(child->loop, &child->timer);
	close_fd(&child->pidfd);
	close_fd(&child->output_fd);
	close_fd(&child->failure_fd);
	child->pid = 0;
}

static void on_ended(struct ev_loop *loop, ev_io *io, int revents)
{
	struct child *child = io->data;
	struct child_end end = {.took_ms = (uint32_t)((mono_now() - child->started) / MSEC)};
	int error;

	(void)loop;
	(void)revents;
	/* The leader is a zombie and keeps the number: only now is this safe. */
	(void)kill(-child->pid, SIGKILL);
	end.status = wait_status(child->pid, child->problem, sizeof(child->problem));
	drain(child);
	output_close(&child->output);
	error = exec_error(child->failure_fd);
	if (error) {
		end.status = -1;
		(void)snprintf(
			end.problem, sizeof(end.problem), "cannot execute: %s%s", strerror(error),
			error == ENOENT ? " (is the interpreter of its #! line there?)" : "");
	} else {
		memcpy(end.problem, child->problem, sizeof(end.problem));
	}
	release(child);
	child->fn(child->arg, &end);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct child *child = timer->data;
	size_t used;

	(void)loop;
	(void)revents;
	if (!child->terminated) {
		(void)snprintf(child->problem, sizeof(child->problem), "timed out after %.1f s",
			       mono_seconds(child->timeout));
		child_terminate(child, child->problem);
		return;
	}
	used = strlen(child->problem);
	(void)snprintf(child->problem + used, sizeof(child->problem) - used,
		       ", ignored SIGTERM, killed");
	(void)kill(-child->pid, SIGKILL);
}

void child_init(struct child *child, struct ev_loop *loop, child_fn *fn, void *arg)
{
	memset(child, 0, sizeof(*child));
	child->loop = loop;
	child->fn = fn;
	child->arg = arg;
	child->pidfd = child->output_fd = child->failure_fd = -1;
	ev_io_init(&child->ended, on_ended, -1, EV_READ);
	ev_io_init(&child->readable, on_readable, -1, EV_READ);
	ev_timer_init(&child->timer, on_timer, 0., 0.);
	child->ended.data = child->readable.data = child->timer.data = child;
}

static int open_pipes(int output[2], int failure[2])
{
	if (pipe2(output, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(failure, O_CLOEXEC) < 0)
		return -errno;
	/* Only our ends: a script's stdout is an ordinary blocking pipe. */
	if (fcntl(output[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(failure[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static void watch(struct child *child, const struct child_spec *spec)
{
	child->started = mono_now();
	child->timeout = spec->timeout;
	child->terminated = false;
	child->problem[0] = '\0';
	output_open(&child->output, spec->prefix);
	ev_io_set(&child->ended, child->pidfd, EV_READ);
	ev_io_start(child->loop, &child->ended);
	ev_io_set(&child->readable, child->output_fd, EV_READ);
	ev_io_start(child->loop, &child->readable);
	ev_now_update(child->loop); /* a fork may have taken a while */
	ev_timer_set(&child->timer, mono_seconds(spec->timeout), 0.);
	ev_timer_start(child->loop, &child->timer);
}

int child_start(struct child *child, const struct child_spec *spec)
{
	int output[2] = {-1, -1};
	int failure[2] = {-1, -1};
	struct plumbing plumbing = {.script = spec->script, .parent = getpid()};
	int ret = open_pipes(output, failure);

	if (ret < 0)
		goto out;
	plumbing.output = output[1];
	plumbing.failure = failure[1];
	child->pid = fork();
	if (child->pid == 0)
		run(spec, &plumbing);
	if (child->pid < 0) {
		ret = -errno;
		goto out;
	}
	(void)setpgid(child->pid, child->pid); /* fails after its exec: then it has done it */
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (child->pidfd < 0) {
		ret = -errno;
		(void)kill(-child->pid, SIGKILL);
		(void)wait_status(child->pid, child->problem, sizeof(child->problem));
		goto out;
	}
	child->output_fd = output[0];
	child->failure_fd = failure[0];
	output[0] = failure[0] = -1;
	watch(child, spec);
out:
	if (ret < 0)
		child->pid = 0;
	close_fd(&output[0]);
	close_fd(&output[1]);
	close_fd(&failure[0]);
	close_fd(&failure[1]);
	return ret;
}

bool child_running(const struct child *child)
{
	return child->pid > 0;
}

void child_terminate(struct child *child, const char *why)
{
	if (child->pid <= 0 || child->terminated)
		return;
	if (why != child->problem)
		(void)snprintf(child->problem, sizeof(child->problem), "%s", why);
	child->terminated = true;
	(void)kill(-child->pid, SIGTERM);
	ev_now_update(child->loop);
	ev_timer_stop(child->loop, &child->timer);
	ev_timer_set(&child->timer, mono_seconds(CHILD_KILL_AFTER), 0.);
	ev_timer_start(child->loop, &child->timer);
}
