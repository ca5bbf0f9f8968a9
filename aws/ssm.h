/* SPDX-License-Identifier: MIT */
/*
 * The two calls to SSM Parameter Store, JSON 1.1. Pure.
 */
#ifndef AWS_SSM_H
#define AWS_SSM_H

#include <stddef.h>

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "aws/aws.h"

#define SSM_BODY_MAX ((size_t)32 * 1024) /* a value may grow sixfold by escapes */
#define SSM_TARGET_GET "AmazonSSM.GetParameter"
#define SSM_TARGET_PUT "AmazonSSM.PutParameter"

/* 0, -EINVAL for a name or value that is not UTF-8, -ENOMEM. */
int ssm_get(struct buf *body, const char *name);
int ssm_put(struct buf *body, const struct aws_job *job);

/*
 * Answers with status 200: fill version, and for a read value and mtime.
 * 0; -EBADMSG with a sentence; -EPROTOTYPE: a parameter, but not a String. A
 * value that does not fit is cut, and job->error says so.
 */
int ssm_read_parameter(const char *json, size_t length, struct aws_job *job, struct err *err);
int ssm_read_version(const char *json, size_t length, struct aws_job *job, struct err *err);

#endif
