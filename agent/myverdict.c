/* SPDX-License-Identifier: MIT */
/*
 * PURE. The table of errors: MySQL 5.7 to 9, MariaDB 10.5 to 11. The two
 * agree below 1900; from there on the same number may mean different things,
 * so only numbers that are harmless in the other dialect are listed. What is
 * not listed counts as FAILED: it answered with an error to SELECT 1.
 */
#include "agent/myverdict.h"

#include <errno.h>
#include <stdbool.h>

static const char *const verdict_names[MYCHECK_COUNT] = {
	[MYCHECK_OK] = "OK",	       [MYCHECK_SLOW] = "SLOW",
	[MYCHECK_FULL] = "FULL",       [MYCHECK_READONLY] = "READONLY",
	[MYCHECK_STALLED] = "STALLED", [MYCHECK_HUNG] = "HUNG",
	[MYCHECK_FAILED] = "FAILED",   [MYCHECK_DEAD] = "DEAD",
	[MYCHECK_AUTH] = "AUTH",       [MYCHECK_UNKNOWN] = "UNKNOWN",
};

static const char *const order_names[MYCHECK_ORDERS] = {
	[MYCHECK_GATE] = "gate",
	[MYCHECK_PROMOTE] = "promote",
	[MYCHECK_FENCE] = "fence",
	[MYCHECK_FOLLOW] = "follow",
};

const char *mycheck_order_name(enum mycheck_order_type type)
{
	return (unsigned int)type < MYCHECK_ORDERS ? order_names[type] : "invalid";
}

const char *mycheck_verdict_name(enum mycheck_verdict verdict)
{
	return (unsigned int)verdict < MYCHECK_COUNT ? verdict_names[verdict] : "invalid";
}

enum mymeaning myverdict_meaning(unsigned int code)
{
	switch (code) {
	case 1053: /* ER_SERVER_SHUTDOWN */
	case 1077: /* ER_NORMAL_SHUTDOWN */
	case 1079: /* ER_SHUTDOWN_COMPLETE */
		return MYMEANS_DEAD;
	case 1040: /* ER_CON_COUNT_ERROR */
	case 1203: /* ER_TOO_MANY_USER_CONNECTIONS */
	case 1226: /* ER_USER_LIMIT_REACHED */
		return MYMEANS_FULL;
	case 1044: /* ER_DBACCESS_DENIED_ERROR */
	case 1045: /* ER_ACCESS_DENIED_ERROR */
	case 1129: /* ER_HOST_IS_BLOCKED: too many broken connections, mysqladmin flush-hosts */
	case 1130: /* ER_HOST_NOT_PRIVILEGED */
	case 1142: /* ER_TABLEACCESS_DENIED_ERROR */
	case 1143: /* ER_COLUMNACCESS_DENIED_ERROR */
	case 1227: /* ER_SPECIFIC_ACCESS_DENIED_ERROR */
	case 1251: /* ER_NOT_SUPPORTED_AUTH_MODE */
	case 1275: /* ER_SERVER_IS_IN_SECURE_AUTH_MODE */
	case 1524: /* ER_PLUGIN_IS_NOT_LOADED: the account's */
	case 1698: /* ER_ACCESS_DENIED_NO_PASSWORD_ERROR */
	case 1820: /* ER_MUST_CHANGE_PASSWORD */
	case 1862: /* ER_MUST_CHANGE_PASSWORD_LOGIN */
	case 1873: /* ER_ACCESS_DENIED_CHANGE_USER_ERROR */
	case 2026: /* CR_SSL_CONNECTION_ERROR */
	case 2049: /* CR_SECURE_AUTH */
	case 2059: /* CR_AUTH_PLUGIN_CANNOT_LOAD_ERROR */
	case 2061: /* CR_AUTH_PLUGIN_ERR */
	case 3118: /* ER_ACCOUNT_HAS_BEEN_LOCKED, MySQL */
	case 3159: /* ER_SECURE_TRANSPORT_REQUIRED, MySQL */
	case 3955: /* account locked after failed logins, MySQL */
	case 4151: /* ER_ACCOUNT_HAS_BEEN_LOCKED, MariaDB */
	case 5010: /* CR_PLUGIN_NOT_ALLOWED: a login method that we do not let in */
		return MYMEANS_AUTH;
	case 1152: /* ER_ABORTING_CONNECTION */
	case 1158: /* ER_NET_READ_ERROR */
	case 1159: /* ER_NET_READ_INTERRUPTED */
	case 1160: /* ER_NET_ERROR_ON_WRITE */
	case 1161: /* ER_NET_WRITE_INTERRUPTED */
	case 1184: /* ER_NEW_ABORTING_CONNECTION */
	case 1317: /* ER_QUERY_INTERRUPTED: KILL */
	case 1927: /* ER_CONNECTION_KILLED, MariaDB: KILL, but also the way of a shutdown */
	case 2006: /* CR_SERVER_GONE_ERROR */
	case 2013: /* CR_SERVER_LOST */
	case 2014: /* CR_COMMANDS_OUT_OF_SYNC: it has spoken unasked, before it hung up */
	case 2055: /* CR_SERVER_LOST_EXTENDED */
	case 3169: /* ER_SESSION_WAS_KILLED, MySQL */
	case 4031: /* ER_CLIENT_INTERACTION_TIMEOUT, MySQL: wait_timeout */
		return MYMEANS_LOST;
	case 2002: /* CR_CONNECTION_ERROR */
	case 2003: /* CR_CONN_HOST_ERROR */
		return MYMEANS_UNREACHED;
	case 2001: /* CR_SOCKET_CREATE_ERROR */
	case 2004: /* CR_IPSOCK_ERROR */
	case 2008: /* CR_OUT_OF_MEMORY */
		return MYMEANS_OURS;
	default:
		return MYMEANS_FAILED;
	}
}

enum mymeaning myverdict_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ENOENT: /* the socket file goes with the server */
		return MYMEANS_DEAD;
	case 0:		 /* somebody listens */
	case EAGAIN:	 /* and does not accept: the queue is full */
	case ECONNRESET: /* stopped listening while we stood in the queue */
		return MYMEANS_LOST;
	case EACCES: /* our account may not reach the socket */
	case EPERM:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL:
		return MYMEANS_OURS;
	default:
		return MYMEANS_FAILED;
	}
}

void myverdict_clean(char *to, size_t room, const char *from)
{
	size_t used = 0;

	if (!room)
		return;
	for (; *from && used + 1 < room; from++)
		to[used++] = (char)(*from >= 0x20 && *from < 0x7f ? *from : '?');
	to[used] = '\0';
}
