/* SPDX-License-Identifier: MIT */
/*
 * The picture of one fail-over: a lane for each node with its states, its
 * stages as bars on one axis, its facts as numbered marks with their words
 * below. Pure but for the printing. The events may come from a file, so
 * nothing in them is trusted: numbers are bounded, words escaped, and what is
 * missing is a gap.
 */
#include "agent/ctl/svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/text.h"

#define WIDTH 1100
#define LEFT 190 /* where the axis begins */
#define RIGHT 1060
#define ROW 18
#define MARKS_MAX 40
#define SPAN_MAX 3600.0
#define NEAR 10.0 /* seconds: what the other node did in this time belongs to it */

struct picture {
	FILE *out;
	double begin, end; /* wall clock */
	double zero;	   /* the first decision: +0 on the axis */
	double y;
};

/* What of a node is shown. */
struct lane {
	const json_t *events; /* the list */
	struct text node;
	const json_t *change; /* NULL = none seen */
};

/* --- XML ---------------------------------------------------------------------------- */

static void put(struct picture *picture, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct picture *picture, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vfprintf(picture->out, fmt, args); /* main() looks at stdout's error in the end */
	va_end(args);
}

static void put_escaped(struct picture *picture, const char *words)
{
	for (; *words; words++) {
		switch (*words) {
		case '&':
			put(picture, "&amp;");
			break;
		case '<':
			put(picture, "&lt;");
			break;
		case '>':
			put(picture, "&gt;");
			break;
		case '"':
			put(picture, "&quot;");
			break;
		default:
			(void)fputc(*words, picture->out);
		}
	}
}

static void put_text(struct picture *picture, double x, double y, const char *class,
		     const char *words)
{
	put(picture, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	put_escaped(picture, words);
	put(picture, "</text>\n");
}

static double x_of(const struct picture *picture, double when)
{
	double part = (when - picture->begin) / (picture->end - picture->begin);

	return LEFT + fmin(fmax(part, 0), 1) * (RIGHT - LEFT);
}

static void put_bar(struct picture *picture, double from, double to, double height,
		    const char *colour)
{
	double x = x_of(picture, from);

	put(picture, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
	    x, picture->y, fmax(x_of(picture, to) - x, 1.5), height, colour);
}

/* --- which change ------------------------------------------------------------------------ */

static bool is_kind(const json_t *event, const char *kind)
{
	const char *value = json_string_value(json_object_get(event, "kind"));

	return value && strcmp(value, kind) == 0;
}

static double when_of(const json_t *event)
{
	double when = text_number(event, "when", 0);

	return isfinite(when) ? when : 0;
}

/* The first sign of it; never after its end, nor longer before than anybody would look at. */
static double sign_of(const json_t *change)
{
	double when = when_of(change);
	double sign = text_number(change, "sign", when);

	return isfinite(sign) ? fmax(fmin(sign, when), when - SPAN_MAX) : when;
}

static double decided_of(const json_t *change)
{
	double decided = text_number(change, "decided", when_of(change));

	return isfinite(decided) ? fmax(fmin(decided, when_of(change)), sign_of(change))
				 : when_of(change);
}

static const json_t *find_change(const json_t *events, unsigned int number)
{
	for (size_t e = json_array_size(events); e-- > 0;)
		if (is_kind(json_array_get(events, e), "change") && --number == 0)
			return json_array_get(events, e);
	return NULL;
}

/* The other node's part of @change: of the same instance, of the other kind if there is one, and
 * nearest in time. */
static const json_t *find_counterpart(const json_t *events, const json_t *change)
{
	struct text instance = text_of(change, "instance");
	const json_t *best = NULL;
	double nearest = INFINITY;

	for (size_t e = 0; e < json_array_size(events); e++) {
		const json_t *event = json_array_get(events, e);
		struct text of = text_of(event, "instance");
		double distance = fabs(decided_of(event) - decided_of(change));

		if (!is_kind(event, "change") || strcmp(of.s, instance.s) != 0 ||
		    sign_of(event) > when_of(change) + NEAR ||
		    when_of(event) < sign_of(change) - NEAR)
			continue;
		if (text_true(event, "takeover") == text_true(change, "takeover"))
			distance += NEAR;
		if (distance < nearest) {
			nearest = distance;
			best = event;
		}
	}
	return best;
}

/* --- one node --------------------------------------------------------------------------- */

static const char *state_colour(const char *state)
{
	static const char *const colours[][2] = {
		{"MASTER", "#2e7d32"}, {"CLAIMING", "#f9a825"}, {"BACKUP", "#78909c"},
		{"FAULT", "#c62828"},  {"MAINT", "#6a1b9a"},	{"INIT", "#b0bec5"},
	};

	for (size_t c = 0; c < sizeof(colours) / sizeof(colours[0]); c++)
		if (strcmp(state, colours[c][0]) == 0)
			return colours[c][1];
	return "#eceff1";
}

static void draw_state(struct picture *picture, double from, double to, const char *state)
{
	double room = x_of(picture, to) - x_of(picture, from);

	put_bar(picture, from, to, 16, state_colour(state));
	if (room > 9.0 * (double)strlen(state))
		put_text(picture, x_of(picture, from) + 5, picture->y + 12, "on", state);
}

/* The states of the instance over the whole window. */
static void draw_states(struct picture *picture, const struct lane *lane, const char *instance)
{
	double from = picture->begin;
	struct text state = {""};

	for (size_t e = 0; e < json_array_size(lane->events); e++) {
		const json_t *event = json_array_get(lane->events, e);
		double when = when_of(event);

		if (!is_kind(event, "state") || strcmp(text_of(event, "instance").s, instance) != 0)
			continue;
		if (when > picture->begin && when < picture->end) {
			state = state.s[0] ? state : text_of(event, "from");
			draw_state(picture, from, when, state.s);
			from = when;
		}
		if (when < picture->end)
			state = text_of(event, "to");
		else if (!state.s[0])
			state = text_of(event, "from");
	}
	draw_state(picture, from, picture->end, state.s);
	picture->y += ROW + 4;
}

static void draw_stage(struct picture *picture, const json_t *change, const char *name)
{
	const json_t *took_ms = json_object_get(change, "took_ms");
	double took = text_number(took_ms, name, -1) / 1e3;
	double promote = text_number(change, "promote_from", 0);
	double from = decided_of(change);
	struct text label = {""};

	if (!(took >= 0 && took <= SPAN_MAX))
		return;
	if (strcmp(name, "detect") == 0 || strcmp(name, "decide") == 0)
		from -= took;
	else if (strcmp(name, "promote") == 0 && promote > from && promote < when_of(change))
		from = promote;
	text_add(&label, "%s  %s", name, text_duration(took).s);
	put_text(picture, LEFT - 10, picture->y + 12, "label", label.s);
	put_bar(picture, from, from + took, 12, "#1976d2");
	picture->y += ROW;
}

static void draw_stages(struct picture *picture, const json_t *change)
{
	static const char *const names[] = {"detect", "decide", "fence",   "release",
					    "claim",  "record", "promote", "route"};

	for (size_t s = 0; s < sizeof(names) / sizeof(names[0]); s++)
		draw_stage(picture, change, names[s]);
}

/* Numbered circles on a line, then the words. */
static void draw_marks(struct picture *picture, const struct lane *lane)
{
	const json_t *marks[MARKS_MAX];
	unsigned int count = 0;
	double line = picture->y + 9;

	for (size_t e = 0; e < json_array_size(lane->events) && count < MARKS_MAX; e++) {
		const json_t *event = json_array_get(lane->events, e);
		double when = when_of(event);

		if (!is_kind(event, "change") && when >= picture->begin && when <= picture->end)
			marks[count++] = event;
	}
	put(picture, "<path d=\"M%d %.1fH%d\" class=\"rule\"/>\n", LEFT, line, RIGHT);
	picture->y += ROW + 6;
	for (unsigned int m = 0; m < count; m++) {
		struct text words = {""};
		double x = x_of(picture, when_of(marks[m]));
		double shift = m % 2 ? 4 : -4; /* neighbours stay apart */

		put(picture, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"6.5\" class=\"mark\"/>\n", x,
		    line + shift);
		put(picture, "<text x=\"%.1f\" y=\"%.1f\" class=\"number\">%u</text>\n", x,
		    line + shift + 3, m + 1);
		text_add(&words, "%u", m + 1);
		put_text(picture, LEFT + 14, picture->y + 10, "column", words.s);
		words.s[0] = '\0';
		text_add(&words, "%+.3f s", when_of(marks[m]) - picture->zero);
		put_text(picture, LEFT + 80, picture->y + 10, "column", words.s);
		words = text_of(marks[m], "text");
		put_text(picture, LEFT + 95, picture->y + 10, "words", words.s);
		picture->y += 14;
	}
}

static void draw_lane(struct picture *picture, const struct lane *lane, const char *instance)
{
	picture->y += 14;
	put_text(picture, 20, picture->y + 13, "node", lane->node.s);
	if (!lane->events) {
		put_text(picture, LEFT, picture->y + 13, "words",
			 "its events were not given: zonevipctl events --json there, --with FILE "
			 "here");
		picture->y += ROW;
		return;
	}
	draw_states(picture, lane, instance);
	if (lane->change)
		draw_stages(picture, lane->change);
	draw_marks(picture, lane);
}

/* --- the whole ----------------------------------------------------------------------------- */

static void draw_axis(struct picture *picture)
{
	double span = picture->end - picture->begin;
	double tick = pow(10, floor(log10(span / 5)));
	long last;

	while (span / tick > 10)
		tick *= span / tick > 25 ? 5 : 2;
	last = lround(floor((picture->end - picture->zero) / tick));
	for (long i = lround(ceil((picture->begin - picture->zero) / tick)); i <= last; i++) {
		double at = (double)i * tick;
		double x = x_of(picture, picture->zero + at);
		struct text label = {""};

		text_add(&label, "%+g s", at);
		put(picture, "<path d=\"M%.1f %.1fV%.1f\" class=\"rule\"/>\n", x, picture->y,
		    picture->y + 6);
		put_text(picture, x, picture->y - 4, "tick", label.s);
	}
	put(picture, "<path d=\"M%d %.1fH%d\" class=\"rule\"/>\n", LEFT, picture->y + 6, RIGHT);
	picture->y += 8;
}

/* From the address gone on one node to the last route leading to the other. */
static void tell_gap(struct picture *picture, const json_t *left, const json_t *taken)
{
	struct text words = {""};
	double gap;

	if (!left || !taken)
		return;
	gap = decided_of(taken) + text_number(json_object_get(taken, "took_ms"), "route", 0) / 1e3 -
	      when_of(left);
	if (gap >= 0 && gap < SPAN_MAX) {
		text_add(&words,
			 "From the address gone to the last route written: %s, by the two hosts' "
			 "own clocks",
			 text_duration(gap).s);
		put_text(picture, 20, picture->y, "words", words.s);
	}
	picture->y += ROW;
}

static void set_window(struct picture *picture, const json_t *one, const json_t *other)
{
	double begin = sign_of(one);
	double decided = decided_of(one);
	double end = when_of(one);
	double pad;

	if (other) {
		begin = fmax(fmin(begin, sign_of(other)), when_of(one) - SPAN_MAX);
		decided = fmin(decided, decided_of(other));
		end = fmin(fmax(end, when_of(other)), begin + SPAN_MAX);
	}
	/* What was waited for takes half of the picture at most; its bar has its length in words.
	 */
	begin = fmax(begin, decided - fmax(end - decided, 0.02));
	pad = fmax((end - begin) * 0.08, 0.005);
	picture->zero = decided;
	picture->begin = begin - pad;
	picture->end = end + pad;
}

static void put_head(FILE *out, double height)
{
	(void)fprintf(
		out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
		"viewBox=\"0 0 %d %.0f\" font-family=\"DejaVu Sans, Verdana, sans-serif\">\n"
		"<style>text{font-size:12px;fill:#263238}.node{font-weight:bold;font-size:14px}"
		".title{font-size:17px;font-weight:bold}.label{text-anchor:end}"
		".tick{text-anchor:middle;fill:#607d8b;font-size:11px}.on{fill:#fff;font-size:11px}"
		".number{text-anchor:middle;font-size:8px;fill:#fff}.mark{fill:#37474f}"
		".words{font-size:11px}.column{font-size:11px;text-anchor:end}"
		".rule{stroke:#b0bec5;fill:none}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH, height, WIDTH, height);
}

static void draw_title(struct picture *picture, const json_t *change)
{
	struct text title = {""};

	text_add(&title, "%s", text_of(change, "text").s);
	title.s[strcspn(title.s, ",")] = '\0'; /* the stages are drawn */
	put_text(picture, 20, 30, "title", title.s);
	picture->y = 52;
}

int svg_print(FILE *out, const json_t *own, const json_t *other, unsigned int number,
	      struct err *err)
{
	struct picture picture = {.out = NULL};
	struct lane lanes[2] = {
		{.events = json_object_get(own, "events"), .node = text_of(own, "node")},
		{.events = json_object_get(other, "events"), .node = text_of(other, "node")},
	};
	struct text instance;
	const json_t *left, *taken;
	bool takeover;
	char *body = NULL;
	size_t length = 0;

	lanes[0].change = find_change(lanes[0].events, number);
	if (!lanes[0].change)
		return err_set(err,
			       "there have not been %u changes of ownership since this daemon "
			       "was started",
			       number);
	lanes[1].change = find_counterpart(lanes[1].events, lanes[0].change);
	picture.out = open_memstream(&body, &length);
	if (!picture.out)
		return err_set(err, "no memory for the picture");
	instance = text_of(lanes[0].change, "instance");
	takeover = text_true(lanes[0].change, "takeover");
	left = takeover ? lanes[1].change : lanes[0].change;
	taken = takeover ? lanes[0].change : lanes[1].change;
	set_window(&picture, lanes[0].change, lanes[1].change);
	if (!other)
		text_add(&lanes[1].node, "the other node");
	draw_title(&picture, lanes[0].change);
	tell_gap(&picture, left, taken);
	picture.y += 14;
	draw_axis(&picture);
	for (unsigned int l = 0; l < 2; l++) /* in the order in which it happened */
		draw_lane(&picture, &lanes[(l + takeover) % 2], instance.s);
	(void)fclose(picture.out);
	if (!body)
		return err_set(err, "no memory for the picture");
	put_head(out, picture.y + 16); /* known only now */
	(void)fputs(body, out);
	(void)fputs("</svg>\n", out);
	free(body);
	return 0;
}
