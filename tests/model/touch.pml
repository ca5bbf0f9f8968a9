/* SPDX-License-Identifier: MIT */
/*
 * touch.pml -- one touch parameter, two instances, in DISCRETE TIME (Spin 6.5).
 *
 * Node A owns both instances (parameters P0, P1).  No heartbeat gets through:
 * the touch parameter of A is all that B sees of it, beside P.  One write of it
 * lists, for every instance, "m TERM" (A acts on that version of P) or
 * "d TERM" (A disclaims up to it).  B asks P and the touch every tick.
 *
 * In every tick a database of A may fail or recover, A may be restarted (it
 * forgets its promises and adopts what P says), B may be unable to take
 * anything, a read of B may fail or, one tick after a change, be stale; a
 * touch lands within L or is lost.  Either node may miss a step, not two.
 *
 * T1  (safety) when a claim of B on SILENCE lands, A does not act on the version it was
 *     made against (on a newer one it may: then the gap rule C5 decides, failover.pml).
 *     Not promised from a restart of A, which adopts what P says without a lease, until
 *     its first touch has landed and is visible.
 * C1  (safety) a claim of B on a LISTED disclaim is covered by a promise that A, in
 *     this run, has made for that instance and version; after a restart of A the old
 *     promise may still be used until A's first touch has landed and is visible.
 * With -DAPI_OK (calls of A land within L, reads of B answer, no jitter, no restart):
 * T2  B never claims an instance whose database never failed.
 * T3  B claims a failed one within W + L + SG + Q of the failure, not after G.
 *
 * Mutations (each must fail):
 *   -DNO_TERM       a listed disclaim counts for every version             C1
 *   -DKEEP_PROMISE  a touch of a new run does not replace an old promise   C1
 *   -DMIXED         a disclaim is read for the other instance, too         C1
 *   -DSTILL_ACTS    A lists the disclaim before it has stopped             C1
 *   -DLEASE_ALL     with -DONE_ENTRY: any touch renews every lease         T1
 *   with -DAPI_OK:
 *   -DONE_ENTRY     a touch lists only one of the instances                T2
 *   -DNOT_LISTED    disclaims are not listed                               T3
 */
#ifndef G
#define G 6
#endif
#ifndef F
#define F 4
#endif
#ifndef W
#define W 1
#endif
#ifndef LL
#define LL 1
#endif
#define SG 1
#define Q 1
#define MX (G+1)
#define FLIPS 2            /* failures and recoveries of a database, altogether */
#define FAST (W+LL+SG+Q)
inline inc(x) { if :: x < MX -> x++ :: else fi }

#define NOTHING 0
#define ACTS 1
#define DISCLAIMS 2

/* the cloud: per instance, P's version and owner */
byte P[2]; bool taken[2]; bool Pnew[2];
byte Tk[2], Tt[2];         /* the touch: kind, term of each instance */
byte Ok[2], Ot[2];         /* what it was a tick ago */
bool Tnew = 0;             /* changed in this tick: a read may miss it */
bool Tun = 0, Oun = 0;     /* not seen by B: the value; what it was */
/* A */
bool up[2], acts[2];       /* its databases; does it act */
byte ver[2], dis[2];       /* version it acts on; promised up to (0 = nothing) */
byte lease[2];             /* age of the last thing that renewed it */
byte idle[2];              /* ticks since it stopped acting (T_re) */
bool op = 0; byte opage = 0, since = W;
byte Vk[2], Vt[2];         /* the value under way */
bool ska = 0;
byte flips = 0; bool restarted = 0;
bool fresh = 1;            /* A's first touch of this run is visible */
byte seenin = 0;           /* ticks since that touch landed */
/* B */
bool able = 1;
byte vB[2], pd[2];         /* version known; disclaim known (0 = nothing) */
byte okv[2], tsn[2];       /* age of that version; of the last moved "m" */
bool claim[2], quick[2]; byte clage[2];
bool okT = 0;
byte did = 0;              /* P was read: 1 fresh, 2 stale */
byte ill[2];               /* age of the failure that lasts */
bool failed[2];            /* it has failed at least once */
byte k = 0;

inline stop(x) { acts[x] = 0; idle[x] = 0; if :: dis[x] < ver[x] -> dis[x] = ver[x] :: else fi }

inline stepA() {
	for (k : 0 .. 1) {
		if
		:: acts[k] && lease[k] >= F -> stop(k)          /* F1, isolation fence */
		:: else
		fi;
		if
		/* recovered, nobody took it: T_re, read P, Put (a new version) */
		:: !acts[k] && up[k] && idle[k] >= 1 && !taken[k] && P[k] < 3 && ver[k] == P[k] && dis[k] >= ver[k] && flips > 0 && seenin == 0 ->
#ifndef API_OK
			if
			:: true ->
#endif
				P[k]++; Pnew[k] = 1; ver[k] = P[k]; acts[k] = 1; lease[k] = 0
#ifndef API_OK
			:: true
			fi
#endif
		:: else
		fi
	};
	k = 0;
	/* one touch for all instances */
	if
	:: !op && since >= W ->
		op = 1; opage = 0; since = 0;
		for (k : 0 .. 1) {
			if
			:: acts[k] -> Vk[k] = ACTS; Vt[k] = ver[k]
#ifndef NOT_LISTED
			:: !acts[k] && dis[k] >= ver[k] && dis[k] > 0 -> Vk[k] = DISCLAIMS; Vt[k] = dis[k]
#endif
			:: else -> Vk[k] = NOTHING; Vt[k] = 0
			fi
		};
		k = 0;
#ifdef ONE_ENTRY
		if
		:: Vk[0] = NOTHING; Vt[0] = 0
		:: Vk[1] = NOTHING; Vt[1] = 0
		fi;
#endif
#ifdef STILL_ACTS
		if :: acts[0] && !up[0] -> Vk[0] = DISCLAIMS; Vt[0] = ver[0] :: else fi;
#endif
	:: else
	fi
}

inline landtouch() {
	Ok[0] = Tk[0]; Ot[0] = Tt[0]; Ok[1] = Tk[1]; Ot[1] = Tt[1];
	Tk[0] = Vk[0]; Tt[0] = Vt[0]; Tk[1] = Vk[1]; Tt[1] = Vt[1];
	Tnew = 1; Oun = Tun; Tun = 1;
	/* the answer; it renews the lease of what it lists as acting */
	for (k : 0 .. 1) {
#ifdef LEASE_ALL
		if :: acts[k] && opage < lease[k] -> lease[k] = opage :: else fi
#else
		if :: acts[k] && Vk[k] == ACTS && opage < lease[k] -> lease[k] = opage :: else fi
#endif
	};
	k = 0;
	if :: !fresh && seenin == 0 -> seenin = 1 :: else fi;
	op = 0; opage = 0
}

inline learn(x, kind, term, moved) {
	if
	:: kind == ACTS && moved ->
		tsn[x] = 0;
#ifndef KEEP_PROMISE
		if :: pd[x] >= term -> pd[x] = 0 :: else fi
#endif
	:: kind == DISCLAIMS && term > pd[x] ->
		pd[x] = term;
#ifdef NO_TERM
		pd[x] = 3;
#endif
#ifdef MIXED
		if :: pd[1-x] < term -> pd[1-x] = term :: else fi
#endif
	:: else
	fi
}

inline readT() {
	okT = 0;
	if
	:: true -> okT = 1;
		learn(0, Tk[0], Tt[0], Tun); learn(1, Tk[1], Tt[1], Tun); Tun = 0; Oun = 0
	:: Tnew -> okT = 1;                             /* stale: what it was */
		learn(0, Ok[0], Ot[0], Oun); learn(1, Ok[1], Ot[1], Oun); Oun = 0
#ifndef API_OK
	:: true                                         /* no answer */
#endif
	fi
}

inline stepB() {
	readT();
	did = 0;
	if
	:: okT -> did = 1                       /* P, too: an outage takes both */
	:: okT && (Pnew[0] || Pnew[1]) -> did = 2                       /* stale */
	:: !okT
	fi;
	for (k : 0 .. 1) {
		if
		:: !taken[k] && !claim[k] ->
			if
			:: did == 1 && vB[k] != P[k] -> vB[k] = P[k]; okv[k] = 0
			:: else
			fi;
			if
			:: able && okT && vB[k] <= pd[k] ->      /* C1 */
				claim[k] = 1; quick[k] = 1; clage[k] = 0;
				/* the promise: made in this run, or A's new one is not visible yet */
				assert(dis[k] >= vB[k] || !fresh)
			:: able && okT && !(vB[k] <= pd[k]) && okv[k] >= G && tsn[k] >= G ->
				claim[k] = 1; quick[k] = 0; clage[k] = 0
#ifdef API_OK
				; assert(failed[k])                     /* T2 */
#endif
			:: else
			fi
		:: else
		fi
	};
	k = 0; okT = 0; did = 0
}

inline landing() {
	if
	:: op && opage <= LL -> landtouch()
	:: op && opage < LL -> skip
#ifndef API_OK
	:: op && opage >= LL -> op = 0; opage = 0               /* lost */
#endif
	:: !op
	fi;
	for (k : 0 .. 1) {
		if
		:: claim[k] ->
			/* T1: whoever was only silent has stopped by now */
			assert(quick[k] || !acts[k] || ver[k] != vB[k] || !fresh);
			claim[k] = 0; clage[k] = 0; taken[k] = 1;
			acts[k] = 0; pd[k] = 0; ill[k] = 0               /* out of this game */
		:: claim[k] && clage[k] < LL -> skip
		:: !claim[k]
		fi
	};
	k = 0
}

inline runA() {
	if
	:: true -> stepA(); ska = 0
#ifndef API_OK
	:: !ska -> ska = 1
#endif
	fi
}
inline runB() { stepB() }          /* a read that failed is a step missed */

/* What happens to A in this tick. */
inline fate() {
	if
	:: true
	:: flips < FLIPS && !taken[0] -> flips++;
		up[0] = !up[0]; failed[0] = 1;
		if
#ifdef STILL_ACTS
		:: !up[0] -> skip
#else
		:: !up[0] && acts[0] -> stop(0)
#endif
		:: else
		fi
#ifndef API_OK
	/* restart: promises are forgotten; what P says is adopted where the database serves */
	:: !restarted -> restarted = 1; op = 0; opage = 0; since = W; fresh = 0; seenin = 0;
		for (k : 0 .. 1) {
			dis[k] = 0; ver[k] = P[k]; idle[k] = 0; acts[k] = 0;
			if
			:: up[k] && !taken[k] -> acts[k] = 1; lease[k] = 0
			:: !up[k] && !taken[k] -> dis[k] = ver[k]
			:: else
			fi
		};
		k = 0
	:: able -> able = 0
#endif
	:: !able -> able = 1
	fi
}

init {
	atomic {
		P[0] = 1; P[1] = 1; ver[0] = 1; ver[1] = 1; vB[0] = 1; vB[1] = 1;
		up[0] = 1; up[1] = 1; acts[0] = 1; acts[1] = 1;
		Tk[0] = ACTS; Tt[0] = 1; Tk[1] = ACTS; Tt[1] = 1;
		Ok[0] = ACTS; Ot[0] = 1; Ok[1] = ACTS; Ot[1] = 1
	};
	do
	:: atomic {
		/* time passes */
		Tnew = 0; Pnew[0] = 0; Pnew[1] = 0;
		if :: since < W -> since++ :: else fi;
		if :: op -> inc(opage) :: else opage = 0 fi;
		for (k : 0 .. 1) {
			inc(okv[k]); inc(tsn[k]);
			if :: acts[k] -> inc(lease[k]) :: else lease[k] = 0 fi;
			if :: !acts[k] && idle[k] < 1 -> idle[k]++ :: else fi;
			if :: claim[k] -> inc(clage[k]) :: else fi;
			if :: !up[k] && !taken[k] -> inc(ill[k]) :: else ill[k] = 0 fi
		};
		k = 0;
		if
		:: seenin > SG + LL -> fresh = 1; seenin = 0
		:: seenin > 0 && seenin <= SG + LL -> seenin++
		:: else
		fi;
#ifdef API_OK
		/* T3 */
		assert(ill[0] <= FAST || claim[0]);
#endif
		fate()
	   };
	   atomic { landing() };
	   if
	   :: atomic { runA(); landing(); runB() }
	   :: atomic { runB(); landing(); runA() }
	   fi;
	   atomic { landing() };
	   if :: taken[0] && taken[1] -> break :: else fi
	od
}
