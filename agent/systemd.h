/* SPDX-License-Identifier: MIT */
/*
 * What systemd is told: ready, stopping, alive. The socket is opened once at
 * the start: sd_notify() opens one for every word, and a process that has no
 * descriptor left for a while would be taken for dead by the watchdog.
 */
#ifndef AGENT_SYSTEMD_H
#define AGENT_SYSTEMD_H

/* Without NOTIFY_SOCKET, or when that cannot be reached, nobody will listen. */
void systemd_open(void);
/* Words of sd_notify(3). */
void systemd_tell(const char *words);
/* Seconds within which WATCHDOG=1 is expected; 0: nobody waits for it. */
double systemd_watchdog_s(void);

#endif
