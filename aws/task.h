/* SPDX-License-Identifier: MIT */
/*
 * One job on its way: built, signed, sent, judged, at most followed up as
 * aws.h allows, and handed back. Internal to aws/.
 */
#ifndef AWS_TASK_H
#define AWS_TASK_H

#include <stdbool.h>

#include "aws/worker.h"

struct task;

/* Takes the job; it comes back through worker->hooks.done, perhaps at once. */
void task_begin(struct worker *worker, struct aws_job *job);
/* Something the task may have waited for has happened: an address, credentials. */
void task_wake(struct task *task);
/* Ends a write at once; reads are left alone. */
void task_cancel(struct task *task);
/* Ends any task without handing its job back. */
void task_drop(struct task *task);

struct task *task_next(const struct task *task);
unsigned int task_instance(const struct task *task);

#endif
