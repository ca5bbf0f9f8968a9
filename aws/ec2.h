/* SPDX-License-Identifier: MIT */
/*
 * The EC2 calls we make, one function per request body and one per answer.
 * Pure. Bodies are form-encoded and end up in a buf whose overflow mark the
 * caller looks at; answers fill the answer half of a job.
 */
#ifndef AWS_EC2_H
#define AWS_EC2_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "aws/aws.h"

#define EC2_BODY_MAX 8192
#define EC2_TOKEN_MAX 2048 /* of a page */

/* @page "" for the first page, else the token of the next one. */
void ec2_describe_table(struct buf *body, const char *table_id, const char *page);
/* The same call asking only whether it would be allowed: costs nothing, answers little. */
void ec2_describe_table_dry(struct buf *body, const char *table_id);
/* All tables of @vpc; @tag is "KEY=VALUE", or "" for all. */
void ec2_describe_tables(struct buf *body, const char *vpc, const char *tag, const char *page);
void ec2_describe_instance(struct buf *body, const char *instance_id);
/* Source/destination check of @eni off. */
void ec2_check_off(struct buf *body, const char *eni);
/* Begins any other call: the rest of the body is the caller's. */
void ec2_begin(struct buf *body, const char *action);
/* "&name=value", encoded. */
void ec2_add(struct buf *body, const char *name, const char *value);

struct ec2_target { /* what is ours: borrowed strings */
	const char *eni;
	const char *instance;
};

/* ReplaceRoute, or CreateRoute where @create, to our interface or instance. */
void ec2_set_route(struct buf *body, bool create, const struct aws_job *job,
		   const struct ec2_target *ours);
/* The interface @eni, or the one that has address @ip (family 0 = by @eni) in @vpc ("" = any). */
void ec2_describe_interface(struct buf *body, const struct ip *ip, const char *eni,
			    const char *vpc);

/*
 * Answers with status 200. All return 0 or -EBADMSG with a sentence.
 *
 * ec2_read_table fills route, route_is_ours, route_eni and route_instance of
 * every job in the list (by beside): all ask about one table and one target. A
 * table without the row is 0 with AWS_ROUTE_MISSING. -ENOENT: our table is not
 * on this page; @page says where to go on, "" = nowhere.
 */
int ec2_read_table(const char *xml, size_t length, struct aws_job *jobs,
		   const struct ec2_target *ours, char page[static EC2_TOKEN_MAX], struct err *err);
/* Appends to job->tables; @page as above. Also -ENOMEM, -E2BIG. */
int ec2_read_tables(const char *xml, size_t length, struct aws_job *job,
		    char page[static EC2_TOKEN_MAX], struct err *err);
/* Fills instance_state. -ENOENT: the instance is not in the answer. */
int ec2_read_instance(const char *xml, size_t length, struct aws_job *job, struct err *err);
/* EC2 answers true, or nothing at all; 0 for both. */
int ec2_read_done(const char *xml, size_t length, struct err *err);
/* Fills route_eni, route_instance and source_dest_check of the interface asked for, by job->vip
 * or else by @eni. -ENOENT: there is none, or not exactly one. */
int ec2_read_interface(const char *xml, size_t length, struct aws_job *job, const char *eni,
		       struct err *err);

#endif
