/* SPDX-License-Identifier: MIT */
/*
 * What the nodes tell each other of their databases, what a promotion would
 * lose, and who should replicate from whom. See agent/database.h.
 */
#include "agent/agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/log.h"

#define TELL_PERIOD (1 * SEC)

static void fill(const struct agent *agent, unsigned int i, struct position *position)
{
	const struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];
	const struct mycheck_facts *facts = &db->facts;
	bool serving = core_acting(in) && in->departure.step == DEPARTURE_NONE;

	*position = (struct position){
		.track = conf_id(agent->conf->tracks[db->track].name),
		.term = in->record.version,
		.lag_s = (int32_t)facts->lag_s,
	};
	position->flags |= facts->serves ? POSITION_SERVES : 0;
	position->flags |= facts->known ? POSITION_KNOWN : 0;
	position->flags |= facts->read_only == 1 && !serving ? POSITION_FINAL : 0;
	position->flags |=
		facts->replica && facts->io_running && facts->sql_running ? POSITION_REPLICA : 0;
	if (facts->known)
		(void)snprintf(position->executed, sizeof(position->executed), "%s",
			       facts->executed);
}

void agent_tell_position(struct agent *agent, unsigned int i, unsigned int copies)
{
	struct agent_database *db = &agent->databases[i];
	struct position position;
	struct hello hello;

	if (!db->commands) /* hooks do it all: nobody asks for positions */
		return;
	fill(agent, i, &position);
	for (unsigned int n = 0; n < agent->conf->node_count; n++) {
		if (n == agent->conf->self)
			continue;
		(void)core_hello(&agent->core, mono_now(), n, agent->core.config.instance_count,
				 &hello);
		hello.note_length = (uint16_t)position_write(&position, hello.note);
		heartbeat_send(agent->heartbeat, &agent->conf->nodes[n].address, &hello);
	}
	db->burst = copies ? copies - 1 : 0;
	db->send_at = mono_now() + TELL_PERIOD;
}

/* --- what a promotion would lose ------------------------------------------------------- */

/* Applied or received. */
static void all_here(const struct mycheck_facts *facts, char text[static 2 * MYGTID_TEXT_MAX])
{
	(void)snprintf(text, (size_t)2 * MYGTID_TEXT_MAX, "%s%s%s", facts->executed,
		       facts->executed[0] && facts->received[0] ? "," : "", facts->received);
}

/* Counts what @wanted has and neither applied nor received transactions here have. */
static bool count_missing(const struct mycheck_facts *facts, const char *wanted, uint64_t *count)
{
	char both[2 * MYGTID_TEXT_MAX];
	struct mygtid_set here;
	struct mygtid_set there;

	all_here(facts, both);
	if (mygtid_parse(both, &here) < 0 || mygtid_parse(wanted, &there) < 0)
		return false;
	*count = mygtid_missing(&there, &here);
	return true;
}

/* Why a planned hand-over to this node would be refused; "" = it would not. */
static void shut_because(const struct agent *agent, unsigned int i, char text[static 256])
{
	const struct mycheck_facts *facts = &agent->databases[i].facts;
	mono_us lag_max = agent->conf->instances[i].lag_max;

	text[0] = '\0';
	if (!facts->known)
		(void)snprintf(text, 256, "replication cannot be read: %s", facts->problem);
	else if (!facts->replica)
		(void)snprintf(text, 256, "does not replicate");
	else if (!facts->sql_running || !facts->io_running)
		(void)snprintf(text, 256, "replication has stopped (%s thread): %s",
			       facts->sql_running ? "receiving" : "applying", facts->problem);
	else if (facts->lag_s * SEC > lag_max)
		(void)snprintf(text, 256, "replication lags by %ld s, more than %.0f", facts->lag_s,
			       mono_seconds(lag_max));
}

void agent_foresee(struct agent *agent, unsigned int i)
{
	struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];
	int owner = in->record.owner;
	char text[256];

	if (core_acting(in) || owner < 0 || owner == (int)agent->conf->self) {
		db->lose_known = false;
		return;
	}
	db->lose_known = (db->positions[owner].flags & POSITION_KNOWN) && db->facts.known &&
			 count_missing(&db->facts, db->positions[owner].executed, &db->would_lose);
	if (agent->conf->instances[i].gate == CONF_GATE_OFF || in->state != CORE_BACKUP ||
	    db->ops[DUTY_GATE] || !core_hears(&agent->core, mono_now(), (unsigned int)owner) ||
	    !db->facts.serves)
		return;
	shut_because(agent, i, text);
	if (!text[0])
		(void)snprintf(text, sizeof(text), "replicates");
	if (strcmp(text, db->gate_text) != 0)
		log_event(strcmp(text, "replicates") == 0 ? LOG_LV_INFO : LOG_LV_WARNING,
			  "gate_foreseen", "instance=%s reason=\"%s\"",
			  agent->conf->instances[i].name, text);
	(void)snprintf(db->gate_text, sizeof(db->gate_text), "%s", text);
	db->gate = strcmp(text, "replicates") == 0 ? OUTCOME_OK : OUTCOME_DENIED;
	agent_feed(agent, &(struct event){.type = EV_GATE, .instance = i, .outcome = db->gate});
}

/* --- who should go first --------------------------------------------------------------- */

/* It could take over, and has lately said what it has. */
static bool is_candidate(const struct agent *agent, unsigned int i, unsigned int node)
{
	const struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];

	return node != agent->conf->self && (int)node != in->record.owner &&
	       core_hears(&agent->core, mono_now(), node) &&
	       in->view[node].flags & HELLO_ELIGIBLE &&
	       mono_now() - db->heard[node] < 3 * TELL_PERIOD &&
	       db->positions[node].flags & POSITION_KNOWN;
}

void agent_compare(struct agent *agent, unsigned int i)
{
	struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];
	char here[2 * MYGTID_TEXT_MAX];
	bool behind = false;

	if (agent->conf->node_count <= 2 || !db->facts.known)
		return;
	all_here(&db->facts, here);
	for (unsigned int n = 0; n < agent->conf->node_count; n++) {
		if (!is_candidate(agent, i, n) || core_acting(in))
			ahead_forget(&db->ahead[n]);
		else
			behind |= ahead_look(&db->ahead[n], db->positions[n].executed, db->heard[n],
					     here, db->facts.at);
	}
	if (behind == ((in->flags & FLAG_BEHIND) != 0))
		return;
	log_event(LOG_LV_INFO, "behind", "instance=%s behind=%s", agent->conf->instances[i].name,
		  behind ? "yes" : "no");
	agent_feed(agent, &(struct event){.type = EV_BEHIND, .instance = i, .up = behind});
}

/* --- rejoining ------------------------------------------------------------------------------ */

/* Replicates from the owner already, or is in the hands of somebody who looks after it. */
static bool follows(const struct agent *agent, unsigned int i, int owner)
{
	const struct mycheck_facts *facts = &agent->databases[i].facts;
	char address[IP_TEXT_MAX];

	(void)ip_format(&agent->conf->nodes[owner].address, address);
	return facts->replica && strcmp(facts->source, address) == 0 &&
	       (facts->io_running || facts->sql_running || facts->problem[0]);
}

/* The owner's position counts once it acts on the version that we know. */
static bool owner_settled(const struct agent *agent, unsigned int i, int owner)
{
	const struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];
	const struct position *position = &db->positions[owner];
	const uint8_t needed = POSITION_SERVES | POSITION_KNOWN;

	return mono_now() - db->heard[owner] < 3 * TELL_PERIOD &&
	       in->view[owner].state == CORE_MASTER && position->term >= in->record.version &&
	       (position->flags & (needed | POSITION_FINAL)) == needed;
}

/* What the operator should run, as the server wants it. */
static void advise(const struct agent *agent, unsigned int i, int owner)
{
	struct agent_database *db = &agent->databases[i];
	unsigned int port = agent->conf->tracks[db->track].replication_port;
	char before[sizeof(db->rejoin)];
	struct mygtid_set mine;
	struct mygtid_set theirs;
	char errant[160] = "";
	char address[IP_TEXT_MAX];

	memcpy(before, db->rejoin, sizeof(before));
	(void)ip_format(&agent->conf->nodes[owner].address, address);
	if (mygtid_parse(db->facts.executed, &mine) == 0 &&
	    mygtid_parse(db->positions[owner].executed, &theirs) == 0 &&
	    mygtid_errant(&mine, &theirs, errant, sizeof(errant)))
		(void)snprintf(db->rejoin, sizeof(db->rejoin),
			       "errant transactions, not on %s: %s; doc/mysql.md, 'Rejoining'",
			       agent->conf->nodes[owner].name, errant);
	else if (db->facts.mariadb)
		(void)snprintf(
			db->rejoin, sizeof(db->rejoin),
			"run: SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos; CHANGE MASTER TO "
			"MASTER_HOST='%s', MASTER_PORT=%u, MASTER_USE_GTID=slave_pos; START "
			"REPLICA",
			address, port);
	else
		(void)snprintf(
			db->rejoin, sizeof(db->rejoin),
			"run: CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_PORT=%u, "
			"SOURCE_AUTO_POSITION=1; START REPLICA",
			address, port);
	if (strcmp(before, db->rejoin) != 0)
		log_event(LOG_LV_WARNING, "rejoin", "instance=%s to_do=\"%s\"",
			  agent->conf->instances[i].name, db->rejoin);
}

static void follow(struct agent *agent, unsigned int i, int owner)
{
	struct agent_database *db = &agent->databases[i];
	struct mycheck_order order = {
		.type = MYCHECK_FOLLOW,
		.deadline = mono_now() + 10 * SEC,
		.host = agent->conf->nodes[owner].address,
		.port = agent->conf->tracks[db->track].replication_port,
	};

	(void)snprintf(order.theirs, sizeof(order.theirs), "%s", db->positions[owner].executed);
	db->following = true;
	mycheck_give(agent->checks[db->track], &order);
}

void agent_rejoin(struct agent *agent, unsigned int i)
{
	struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];
	int owner = in->record.owner;

	if (core_acting(in) || in->frozen || owner < 0 || owner == (int)agent->conf->self ||
	    !db->facts.serves || !db->facts.known || follows(agent, i, owner)) {
		db->rejoin[0] = '\0';
		return;
	}
	if (db->following || mono_now() < db->rejoin_after || !owner_settled(agent, i, owner))
		return;
	if (agent->conf->instances[i].rejoin == CONF_REJOIN_AUTO && db->facts.read_only == 1)
		follow(agent, i, owner);
	else
		advise(agent, i, owner);
}
