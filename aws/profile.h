/* SPDX-License-Identifier: MIT */
/*
 * One profile of the files that AWS's own tools share: credentials
 * ("[name]") and config ("[profile name]" and "[default]").
 */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/base/err.h"
#include "aws/creds.h"

#define PROFILE_FILE_MAX ((size_t)64 * 1024)
#define PROFILE_NAME_MAX 128
#define PROFILE_VALUE_MAX 1280 /* an external id may have 1224 letters */

struct profile {
	bool found; /* a section of that name is there */
	char access_key[CREDS_KEY_MAX];
	char secret_key[CREDS_KEY_MAX];
	char token[CREDS_TOKEN_MAX];
	char region[64];
	char role_arn[PROFILE_VALUE_MAX];
	char source_profile[PROFILE_NAME_MAX];
	char credential_source[32]; /* Environment, Ec2InstanceMetadata, EcsContainer */
	char external_id[PROFILE_VALUE_MAX];
	char role_session_name[PROFILE_NAME_MAX];
	bool cut; /* a value did not fit: what holds it must not be used */
};

/*
 * Adds what @text says of @name to @profile; what is there already stays.
 * @config: sections are named "profile NAME". Pure; takes any bytes.
 */
void profile_read(const char *text, size_t length, bool config, const char *name,
		  struct profile *profile);

/*
 * Reads both files; a path "" or a file that does not exist is skipped, the
 * credentials file wins. 0 with found as it is, or -1 with @err: a file that
 * cannot be read, is no plain file, is too large, or can be read by others
 * and holds a secret. @profile is wiped on failure.
 */
int profile_load(const char *credentials, const char *config, const char *name,
		 struct profile *profile, struct err *err);
void profile_wipe(struct profile *profile);

#endif
