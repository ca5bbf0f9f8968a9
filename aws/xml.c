/* SPDX-License-Identifier: MIT */
/*
 * expat, with everything off that an API answer does not need. A document
 * type declaration ends the parse: without it there are no entities but the
 * five of XML itself, so nothing can be expanded.
 */
#include "aws/xml.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <expat.h>

struct state {
	struct xml_walk *walk;
	XML_Parser parser;
	const char *refusal; /* why we stopped it ourselves */
	unsigned int depth;
	size_t path_at[XML_DEPTH_MAX + 1]; /* length of the path at each depth */
	char path[XML_PATH_MAX];
	size_t text_length;
	char text[XML_TEXT_MAX];
};

static void refuse(struct state *state, const char *why)
{
	if (!state->refusal)
		state->refusal = why;
	(void)XML_StopParser(state->parser, XML_FALSE); /* fails only when already stopped */
}

static const char *local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct state *state = arg;
	size_t length;
	size_t at;

	(void)attributes;
	if (state->refusal) /* expat may finish an empty element after the stop */
		return;
	name = local_name(name);
	length = strlen(name);
	state->text_length = 0;
	if (state->depth == 0) {
		if (length >= sizeof(state->walk->root)) {
			refuse(state, "the root's name is too long");
			return;
		}
		memcpy(state->walk->root, name, length + 1);
		state->depth = 1;
		return;
	}
	at = state->path_at[state->depth - 1];
	if (state->depth > XML_DEPTH_MAX - 1 || at + 1 + length >= sizeof(state->path)) {
		refuse(state, "nested too deep");
		return;
	}
	if (at > 0)
		state->path[at++] = '/';
	memcpy(state->path + at, name, length + 1);
	state->path_at[state->depth++] = at + length;
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct state *state = arg;

	(void)name;
	if (state->refusal)
		return;
	if (state->depth > 1) {
		state->text[state->text_length] = '\0';
		state->walk->fn(state->walk->arg, state->path, state->text);
	}
	state->text_length = 0;
	state->depth--;
	if (state->depth > 0)
		state->path[state->path_at[state->depth - 1]] = '\0';
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int length)
{
	struct state *state = arg;
	size_t room = sizeof(state->text) - 1 - state->text_length;
	size_t more = (size_t)length < room ? (size_t)length : room;

	memcpy(state->text + state->text_length, text, more);
	state->text_length += more;
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int internal)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	refuse(arg, "a document type is not accepted");
}

int xml_walk(struct xml_walk *walk, const char *data, size_t length, struct err *err)
{
	struct state state = {.walk = walk};
	int ret = 0;

	walk->root[0] = '\0';
	if (length == 0 || length > INT_MAX) {
		(void)err_set(err, "the answer is empty or too large");
		return -EBADMSG;
	}
	state.parser = XML_ParserCreate("UTF-8"); /* whatever it declares */
	if (!state.parser) {
		(void)err_set(err, "no memory to read the answer");
		return -EBADMSG;
	}
	XML_SetUserData(state.parser, &state);
	XML_SetElementHandler(state.parser, on_start, on_end);
	XML_SetCharacterDataHandler(state.parser, on_text);
	XML_SetStartDoctypeDeclHandler(state.parser, on_doctype);
	if (XML_Parse(state.parser, data, (int)length, XML_TRUE) != XML_STATUS_OK) {
		(void)err_set(err, "the answer is not the XML expected: %s, at byte %ld",
			      state.refusal ? state.refusal
					    : XML_ErrorString(XML_GetErrorCode(state.parser)),
			      (long)XML_GetCurrentByteIndex(state.parser));
		ret = -EBADMSG;
	}
	XML_ParserFree(state.parser);
	explicit_bzero(state.text, sizeof(state.text)); /* STS answers with secrets */
	return ret;
}
