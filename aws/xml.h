/* SPDX-License-Identifier: MIT */
/*
 * Walks a small XML answer without building a tree: each element is reported
 * once, at its end, by its path below the root. Pure. Hostile input is the
 * normal case: no DTD, no entities of its own, bounded depth, no recursion.
 */
#ifndef AWS_XML_H
#define AWS_XML_H

#include <stddef.h>

#include "agent/base/err.h"

#define XML_DEPTH_MAX 24
#define XML_PATH_MAX 256
#define XML_TEXT_MAX                                                                               \
	((size_t)12 * 1024) /* longer text is cut; EC2 explains a refusal in 10,240                \
			     */
#define XML_NAME_MAX 96

/*
 * @path is "routeSet/item/state", local names only. @text is the element's
 * own, and means nothing for one with children. Children come before parents.
 */
typedef void xml_fn(void *arg, const char *path, const char *text);

struct xml_walk {
	xml_fn *fn;
	void *arg;
	char root[XML_NAME_MAX]; /* filled: local name of the root */
};

/*
 * 0 when the document is well formed up to and including its closing root.
 * -EBADMSG, with @err filled, otherwise: what was reported until then must
 * not be believed.
 */
int xml_walk(struct xml_walk *walk, const char *data, size_t length, struct err *err);

#endif
