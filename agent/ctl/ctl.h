/* SPDX-License-Identifier: MIT */
/*
 * What the commands of zonevipctl share: where the daemon is, and how a
 * command ends.
 */
#ifndef AGENT_CTL_CTL_H
#define AGENT_CTL_CTL_H

#include "agent/base/buf.h"
#include "agent/base/err.h"

#define CTL_LINE_MAX 1024  /* a request with its newline: CONTROL_REQUEST_MAX */
#define CTL_NAME_MAX 63	   /* an instance or a node */
#define CTL_REASON_MAX 127 /* an operator's words */
#define CTL_REPLY_MAX ((size_t)4 * 1024 * 1024)

/* Exit codes: zonevipctl(8), EXIT STATUS. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3,
	CTL_PERMISSION = 4,
	CTL_TIMEOUT = 5,
	CTL_WARNINGS = 6, /* doctor: nothing fails, something is worth a look */
	CTL_FAILURES = 7, /* doctor: something is wrong */
};

struct ctl_command;

struct ctl {
	const char *socket;		    /* path of the daemon's status socket */
	const struct ctl_command *commands; /* the table, ended by an empty row */
};

/* What may follow the name of a command. */
enum ctl_form {
	CTL_PLAIN = 0,
	CTL_ON_OFF = 1,	  /* on | off, required, first */
	CTL_INSTANCE = 2, /* [INSTANCE], sent as instance=NAME */
	CTL_NAME = 4,	  /* [INSTANCE], sent as NAME */
	CTL_TO_FORCE = 8, /* [--to NODE] [--force] [--dry-run] */
	CTL_KEEP = 16,	  /* [--keep] */
	CTL_JSON = 32,	  /* [--json], which changes only what is printed */
	CTL_FOR = 64,	  /* [--for TIME] [--reason TEXT] */
	CTL_CASE = 128,	  /* peer-down | db-down | api-down, required, first */
	CTL_DRY = 256,	  /* [--dry-run] */
};

struct ctl_command {
	const char *name;
	unsigned int form; /* of enum ctl_form, or'ed */
	const char *arguments;
	const char *help;
	enum ctl_exit (*run)(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments);
};

/*
 * The request line (no newline) for @command with @arguments
 * (NULL-terminated). 0, or -1 with @err: a usage error.
 */
int ctl_compose(const struct ctl_command *command, char *const *arguments,
		char line[static CTL_LINE_MAX], struct err *err);

/* Sends a command or a question and prints the answer as it is. */
enum ctl_exit ctl_run_request(const struct ctl *ctl, const struct ctl_command *command,
			      char *const *arguments);
/* Fetches the JSON and prints the page for people, or the JSON itself. */
enum ctl_exit ctl_run_status(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments);

/* Becomes zonevip-doctor; returns only when that cannot be run. */
enum ctl_exit ctl_run_doctor(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments);

enum ctl_exit ctl_run_exporter(const struct ctl *ctl, const struct ctl_command *command,
			       char *const *arguments);

/* The page again and again; returns when nobody reads it any more. */
enum ctl_exit ctl_run_watch(const struct ctl *ctl, const struct ctl_command *command,
			    char *const *arguments);
/* Makes a heartbeat key; asks nobody. */
enum ctl_exit ctl_run_keygen(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments);
/* Prints completions for a shell; asks nobody. */
enum ctl_exit ctl_run_completion(const struct ctl *ctl, const struct ctl_command *command,
				 char *const *arguments);

/* Lines, JSON, or a picture of one fail-over. */
enum ctl_exit ctl_run_events(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments);

/* A switchover and back under a client probe, with a report. */
enum ctl_exit ctl_run_drill(const struct ctl *ctl, const struct ctl_command *command,
			    char *const *arguments);

/* A keepalived.conf as ours; asks nobody. */
enum ctl_exit ctl_run_import(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments);

/* An answer as it is, but for control characters. */
void ctl_print(const struct buf *reply);
/* One line on stderr, "zonevipctl: ..."; returns @code. */
enum ctl_exit ctl_fail(enum ctl_exit code, const char *text);

#endif
