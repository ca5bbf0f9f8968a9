/* SPDX-License-Identifier: MIT */
/*
 * The table of checks, in the order in which they are worth reading: what
 * fails first explains what follows. A check whose ground is missing is
 * skipped with the reason, not failed once more.
 */
#include "agent/doctor/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "aws/reply.h"

enum ground { NOTHING, AN_IDENTITY, EC2, SSM, THE_VPC, THE_DAEMON };

static const struct {
	const char *name;
	enum ground ground;
	doctor_check *run;
} checks[] = {
	{"configuration", NOTHING, check_configuration},
	{"heartbeat-key", NOTHING, check_key},
	{"interface", NOTHING, check_interface},
	{"address-managers", NOTHING, check_daemons},
	{"forwarding", NOTHING, check_forwarding},
	{"daemon", NOTHING, check_daemon},
	{"peers", THE_DAEMON, check_peers},
	{"mysql", NOTHING, check_mysql},
	{"identity", NOTHING, check_identity},
	{"endpoints", AN_IDENTITY, check_endpoints},
	{"clock", AN_IDENTITY, check_clock},
	{"rights", EC2, check_rights},
	{"source-dest-check", EC2, check_source_dest},
	{"vip-range", THE_VPC, check_vip_range},
	{"routes", THE_VPC, check_routes},
	{"subnets", THE_VPC, check_subnets},
	{"write-rate", THE_VPC, check_write_rate},
	{"security-groups", THE_VPC, check_groups},
	{"parameter", SSM, check_parameter},
	{"touch", SSM, check_touch},
};

static const char *missing(const struct doctor *d, enum ground ground)
{
	switch (ground) {
	case NOTHING:
		break;
	case THE_DAEMON:
		return d->status ? NULL : "the daemon does not answer";
	case THE_VPC:
		if (d->identity.known && d->vpc[0])
			break;
		return d->identity.known ? "DescribeNetworkInterfaces does not show this host"
					 : "who this host is in AWS is not known";
	case EC2:
	case SSM:
		if (d->identity.known && !d->services[ground == SSM].reached)
			return "the endpoint does not answer";
		return d->identity.known ? NULL : "who this host is in AWS is not known";
	case AN_IDENTITY:
		return d->identity.known ? NULL : "who this host is in AWS is not known";
	}
	return NULL;
}

void doctor_run(struct doctor *d)
{
	for (size_t c = 0; c < sizeof(checks) / sizeof(checks[0]); c++) {
		const char *why = missing(d, checks[c].ground);

		d->check = checks[c].name;
		if (why)
			doctor_say(d, DOCTOR_SKIP, "", "", "%s", why);
		else
			checks[c].run(d);
	}
}

void doctor_say(struct doctor *d, enum doctor_result result, const char *subject, const char *fix,
		const char *fmt, ...)
{
	struct finding *finding;
	va_list args;

	if (d->count == d->room) {
		unsigned int room = d->room ? 2 * d->room : 64;
		struct finding *grown = realloc(d->findings, room * sizeof(*grown));

		if (!grown) {
			d->out_of_memory = true;
			return;
		}
		d->findings = grown;
		d->room = room;
	}
	finding = &d->findings[d->count++];
	*finding = (struct finding){.check = d->check, .result = result};
	reply_copy(finding->subject, sizeof(finding->subject), subject);
	reply_copy(finding->fix, sizeof(finding->fix), fix);
	va_start(args, fmt);
	(void)vsnprintf(finding->found, sizeof(finding->found), fmt, args);
	va_end(args);
	reply_copy(finding->found, sizeof(finding->found), finding->found);
}

const char *doctor_result_name(enum doctor_result result)
{
	static const char *const names[DOCTOR_RESULTS] = {"ok", "warn", "fail", "skip"};

	return names[result];
}
