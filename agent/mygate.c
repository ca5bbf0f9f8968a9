/* SPDX-License-Identifier: MIT */
/*
 * PURE: may this server be promoted, as far as its data goes? Three counts
 * decide: what was received and is not applied, what the owner had and was
 * not received, and whether more may still come. Policies: doc/mysql.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/myorder.h"

/* No more comes when nothing has come for so long from a source that is not heard. */
#define QUIET (300 * MSEC)

static enum mygate say(struct mycheck_report *report, enum outcome outcome, const char *text)
{
	report->outcome = outcome;
	(void)snprintf(report->text, sizeof(report->text), "%s", text);
	return outcome == OUTCOME_OK ? MYGATE_OPEN : MYGATE_SHUT;
}

/* What cannot be known is refused, unless the policy is to claim whatever there is. */
static enum mygate blind(const struct mycheck_order *order, struct mycheck_report *report,
			 const char *text)
{
	return say(report, order->policy == MYCHECK_CLAIM ? OUTCOME_OK : OUTCOME_REFUSED, text);
}

struct counts {
	uint64_t unapplied;  /* received, not applied */
	uint64_t unreceived; /* the owner's, not here at all */
	bool wanted;	     /* the owner's position is known */
};

static bool count(const struct mycheck_order *order, const struct mycheck_facts *facts,
		  struct counts *counts)
{
	char both[2 * MYGTID_TEXT_MAX];
	struct mygtid_set executed;
	struct mygtid_set here; /* executed or received */
	struct mygtid_set received;
	struct mygtid_set wanted;

	(void)snprintf(both, sizeof(both), "%s%s%s", facts->executed,
		       facts->executed[0] && facts->received[0] ? "," : "", facts->received);
	if (mygtid_parse(facts->executed, &executed) < 0 ||
	    mygtid_parse(facts->received, &received) < 0 || mygtid_parse(both, &here) < 0 ||
	    mygtid_parse(order->wanted, &wanted) < 0)
		return false;
	counts->unapplied = mygtid_missing(&received, &executed);
	counts->unreceived = mygtid_missing(&wanted, &here);
	counts->wanted = wanted.count > 0;
	return true;
}

/* From an owner that is there nothing need be lost, so `wait` is as strict as `refuse`. */
static bool strict(const struct mycheck_order *order)
{
	return order->policy == MYCHECK_REFUSE ||
	       (order->policy == MYCHECK_WAIT && order->source_alive);
}

/* Everything that can be here is here and applied: is it enough? */
static enum mygate weigh_loss(const struct mycheck_order *order, const struct counts *counts,
			      struct mycheck_report *report)
{
	report->lost = counts->unreceived;
	if (!counts->wanted)
		return say(report, strict(order) ? OUTCOME_REFUSED : OUTCOME_OK,
			   "what was received is applied; how far the owner was is not known");
	if (!counts->unreceived)
		return say(report, OUTCOME_OK, "nothing is lost");
	(void)snprintf(report->text, sizeof(report->text),
		       "up to %" PRIu64 " transactions of the owner were never received",
		       counts->unreceived);
	report->outcome = strict(order) ? OUTCOME_REFUSED : OUTCOME_OK;
	return report->outcome == OUTCOME_OK ? MYGATE_OPEN : MYGATE_SHUT;
}

enum mygate mygate_look(const struct mycheck_order *order, const struct mycheck_facts *facts,
			struct mygate_watch *watch, mono_us now, struct mycheck_report *report)
{
	struct counts counts = {.unapplied = 0};
	bool over = now >= order->deadline;
	bool more;

	if (!facts->known)
		return over || facts->problem[0] ? blind(order, report, facts->problem)
						 : MYGATE_ASK_AGAIN;
	if (!count(order, facts, &counts))
		return blind(order, report, "a position cannot be read");
	if (strcmp(watch->received, facts->received) != 0) {
		(void)snprintf(watch->received, sizeof(watch->received), "%s", facts->received);
		watch->moved = now;
	}
	more = facts->replica && facts->io_running && facts->sql_running &&
	       (order->source_alive || now - watch->moved < QUIET);
	if (!counts.unapplied && (!counts.unreceived || !more || over))
		return weigh_loss(order, &counts, report);
	report->lost = counts.unapplied + counts.unreceived;
	(void)snprintf(report->text, sizeof(report->text),
		       "%" PRIu64 " transactions received are not applied%s%s", counts.unapplied,
		       facts->sql_running ? "" : "; applying has stopped: ",
		       facts->sql_running ? "" : facts->problem);
	if (facts->replica && facts->sql_running && !over)
		return MYGATE_ASK_AGAIN;
	report->outcome = order->policy == MYCHECK_CLAIM ? OUTCOME_OK : OUTCOME_REFUSED;
	return report->outcome == OUTCOME_OK ? MYGATE_OPEN : MYGATE_SHUT;
}
