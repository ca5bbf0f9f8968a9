/* SPDX-License-Identifier: MIT */
/*
 * Between the files that make a struct conf of a tree of items. For the
 * program there is conf.h; tests and the fuzzer come in here.
 */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/conf.h"
#include "conf/parse.h"

/*
 * Builds, completes and checks; everything but finding ourselves among the
 * nodes. Returns a configuration owned by the caller, or NULL with the tree's
 * err set.
 */
struct conf *conf_make(struct conf_tree *tree);

/* Names of what is watched to numbers, weights filled in (watch.c). 0 or -1. */
int conf_resolve_watches(struct conf *conf, struct conf_tree *tree);

/* What can be wrong between two values (check.c). 0 or -1. */
int conf_check(const struct conf *conf, struct conf_tree *tree);

/* Where the value or block that is stored at @field was written; else the first item. */
const struct conf_item *conf_where(const struct conf_tree *tree, const void *field);

/*
 * Finds the node that this host is: @self_name, or NULL for the host name,
 * then the addresses of this host (self.c). 0 or -1.
 */
int conf_find_self(struct conf *conf, struct conf_tree *tree, const char *self_name);

#endif
