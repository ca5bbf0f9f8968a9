/* SPDX-License-Identifier: MIT */
/* The words by which logs, scripts and status call what the core knows. */
#include "agent/core/core.h"

#include <stddef.h>

#define NAME_OF(table, index)                                                                      \
	((size_t)(index) < sizeof(table) / sizeof((table)[0]) ? (table)[index] : "invalid")

const char *core_state_name(enum core_state state)
{
	static const char *const names[] = {"INIT",   "BACKUP", "CLAIMING",
					    "MASTER", "FAULT",	"MAINT"};

	return NAME_OF(names, state);
}

const char *core_reason_name(enum core_reason reason)
{
	static const char *const names[REASON_COUNT] = {
		[REASON_NONE] = "none",
		[REASON_STARTED] = "started",
		[REASON_ADOPTED] = "adopted",
		[REASON_DISCLAIMED] = "owner_disclaimed",
		[REASON_OWNER_SILENT] = "owner_silent",
		[REASON_NO_OWNER] = "no_owner",
		[REASON_RECLAIM] = "reclaim",
		[REASON_STRANDED] = "owner_stranded",
		[REASON_CONFIRMED] = "confirmed",
		[REASON_UNRECORDED] = "unrecorded",
		[REASON_OVERRULED] = "overruled",
		[REASON_GAP] = "gap",
		[REASON_CHECK_FAILED] = "check_failed",
		[REASON_LINK_DOWN] = "link_down",
		[REASON_RECOVERED] = "recovered",
		[REASON_CLAIM_FAILED] = "claim_failed",
		[REASON_ROUTES_FAILED] = "routes_failed",
		[REASON_CONCEDED] = "conceded",
		[REASON_FENCED] = "fenced",
		[REASON_STALLED] = "stalled",
		[REASON_SWITCHOVER] = "switchover",
		[REASON_RELEASED] = "released",
		[REASON_STANDBY] = "standby",
		[REASON_RESUMED] = "resumed",
		[REASON_STOPPING] = "stopping",
		[REASON_PROMOTE_FAILED] = "promote_failed",
		[REASON_STORE_OUTAGE] = "ssm_outage",
		[REASON_OWNER_GONE] = "owner_gone",
		[REASON_PREEMPTED] = "preempted",
		[REASON_SYNC_GROUP] = "sync_group",
	};

	return NAME_OF(names, reason);
}

const char *core_note_name(enum core_note note)
{
	static const char *const names[NOTE_COUNT] = {
		[NOTE_DRIFT] = "route_drift",
		[NOTE_PARTITIONED] = "partitioned",
		[NOTE_HEARD_AGAIN] = "owner_heard_again",
		[NOTE_SUSPECT] = "owner_silent",
		[NOTE_UNCONFIRMED] = "unconfirmed",
		[NOTE_DEGRADED] = "degraded",
		[NOTE_STRANGER] = "parameter_names_stranger",
		[NOTE_CONFIG_DIFFERS] = "config_differs",
		[NOTE_TAKEN_BACK] = "handover_taken_back",
		[NOTE_ROUTE_FIGHT] = "route_fight",
		[NOTE_THAWED] = "maintenance_over",
		[NOTE_GATE_SHUT] = "gate_shut",
		[NOTE_PROMOTE_FAILED] = "promote_failed",
		[NOTE_FENCE_FAILED] = "fence_failed",
		[NOTE_RELEASE_REFUSED] = "release_refused",
		[NOTE_SOFTWARE_DIFFERS] = "software_differs",
		[NOTE_WOULD_CLAIM] = "would_have_claimed",
	};

	return NAME_OF(names, note);
}

const char *core_event_name(enum event_type type)
{
	static const char *const names[EV_TYPES] = {
		[EV_TICK] = "tick",
		[EV_RESUMED] = "resumed",
		[EV_HELLO] = "hello",
		[EV_VERDICT] = "check",
		[EV_LINK] = "link",
		[EV_ALIAS] = "alias",
		[EV_TARGET] = "target",
		[EV_PARAM_READ] = "param_read",
		[EV_PARAM_WRITTEN] = "param_written",
		[EV_TOUCH_READ] = "touch_read",
		[EV_TOUCH_WRITTEN] = "touch_written",
		[EV_ROUTE_READ] = "route_read",
		[EV_ROUTE_WRITTEN] = "route_written",
		[EV_TABLES] = "tables",
		[EV_COMMAND] = "command",
		[EV_GATE] = "gate",
		[EV_PROMOTED] = "promoted",
		[EV_FENCED] = "fenced",
		[EV_RELEASED] = "released",
		[EV_EVIDENCE] = "evidence",
		[EV_BEHIND] = "behind",
	};

	return NAME_OF(names, type);
}

const char *core_refusal_name(enum core_refusal refusal)
{
	static const char *const names[REFUSE_COUNT] = {
		[REFUSE_NOT] = "accepted",
		[REFUSE_NOT_MASTER] = "this node is not MASTER",
		[REFUSE_SELF] = "the target is this node",
		[REFUSE_NO_PEER] = "there is no such peer",
		[REFUSE_TARGET_SILENT] = "no peer that could take over is heard",
		[REFUSE_TARGET_HOLD] = "the target is held back after a failure: ack it there",
		[REFUSE_TARGET_UNFIT] = "the target is not eligible: see 'zonevipctl why' there",
		[REFUSE_TARGET_BLOCKED] = "the target's gate is shut: see 'zonevipctl why' there",
		[REFUSE_FROZEN] = "maintenance is on",
		[REFUSE_BUSY] = "a hand-over is under way",
	};

	return NAME_OF(names, refusal);
}

static unsigned int lowest_bit(uint32_t set)
{
	unsigned int bit = 0;

	while (bit < 31 && !(set & (1U << bit)))
		bit++;
	return bit;
}

const char *core_blocker_name(uint32_t set)
{
	static const char *const names[] = {
		"check_failed",	  "no_check_verdict",  "link_down",
		"standby",	  "maintenance",       "hold",
		"no_identity",	  "source_dest_check", "no_parameter",
		"no_route_table", "stopping",	       "touch_denied",
		"gate_shut",	  "observe",
	};

	return NAME_OF(names, lowest_bit(set));
}

const char *core_flag_name(uint32_t set)
{
	static const char *const names[] = {
		"partitioned", "unconfirmed",	 "unrecorded",	"partial",	"degraded",
		"alias_fight", "stranger",	 "backoff",	"owner_silent", "blocked",
		"unpromoted",  "touch_on_owner", "route_fight", "would_claim",	"behind",
	};

	return NAME_OF(names, lowest_bit(set));
}
