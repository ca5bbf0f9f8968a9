/* SPDX-License-Identifier: MIT */
/*
 * A role assumed with other credentials through the region's own STS, and
 * held ready: for route tables that belong to another account, or because a
 * profile says so. One more service on the way to AWS, so it is asked long
 * before it is needed and what it gave is used to the end.
 */
#ifndef AWS_ASSUME_H
#define AWS_ASSUME_H

#include "aws/lane.h"
#include "aws/sts.h"
#include "aws/supply.h"

struct assume;

struct assume_config {
	struct lane_config lane; /* its supply is the parent's: what the call is signed with */
	struct supply *parent;	 /* the same, to be renewed when STS calls it expired */
	struct clock *clock;
	struct sts_role role; /* session "" = zonevip-<instance id> */
	supply_fn *changed;
	void *arg;
};

/* @config's strings outlive the role. NULL without memory. */
struct assume *assume_open(const struct assume_config *config);
void assume_close(struct assume *assume);
struct supply *assume_supply(struct assume *assume);

/* The parent's round has ended: asks for the role when there are credentials to ask with. */
void assume_parent_changed(struct assume *assume);
/* A round of identity has ended: the endpoint may be known now. */
void assume_identify(struct assume *assume);

#endif
