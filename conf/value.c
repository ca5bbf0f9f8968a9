/* SPDX-License-Identifier: MIT */
/*
 * Values of zonevip.conf, one function a type (conf/value.h). Follows
 * zonevip.conf(5), "VALUES". Numbers are read digit by digit: strtol and
 * strtod take signs, octal, hexadecimal, nan and the comma of a locale, none
 * of which belongs in a configuration.
 */
#include "conf/value.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define NAME_BYTES LOWER UPPER DIGITS "_.-"

#define PARAMETER_LEVELS_MAX 15

static bool only(const char *text, const char *allowed)
{
	return text[strspn(text, allowed)] == '\0';
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Digits to a number; false when one is no digit or it grows beyond any range of ours. */
static bool read_digits(const char *text, size_t length, int64_t *number)
{
	*number = 0;
	if (length == 0 || length > 15)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*number = *number * 10 + (text[i] - '0');
	}
	return true;
}

static int out_of_range(const struct conf_word *word, struct err *why)
{
	char range[CONF_RANGE_MAX];

	return err_set(why, "is out of range; '%s' takes %s", word->word,
		       conf_value_range(word, range));
}

static int store_number(const struct conf_word *word, const char *text, void *field,
			struct err *why)
{
	char range[CONF_RANGE_MAX];
	int64_t number;

	if (!only(text, DIGITS))
		return err_set(why, "is not a number; '%s' takes %s", word->word,
			       conf_value_range(word, range));
	if (!read_digits(text, strlen(text), &number) || number < word->low || number > word->high)
		return out_of_range(word, why);
	if (word->size == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)number;
	else
		*(unsigned int *)field = (unsigned int)number;
	return 0;
}

static int store_weight(const struct conf_word *word, const char *text, int *field, struct err *why)
{
	bool minus = text[0] == '-';
	const char *digits = text + (minus || text[0] == '+');
	char range[CONF_RANGE_MAX];
	int64_t number;

	if (!digits[0] || !only(digits, DIGITS))
		return err_set(why, "is not a number; '%s' takes %s", word->word,
			       conf_value_range(word, range));
	if (!read_digits(digits, strlen(digits), &number))
		return out_of_range(word, why);
	number = minus ? -number : number;
	if (number < word->low || number > word->high)
		return out_of_range(word, why);
	*field = (int)number;
	return 0;
}

static int store_time(const struct conf_word *word, const char *text, void *field, struct err *why)
{
	size_t whole = strspn(text, DIGITS);
	size_t decimals = text[whole] == '.' ? strspn(text + whole + 1, DIGITS) : 0;
	size_t length = whole + (decimals > 0 ? 1 + decimals : 0);
	char fraction[] = "000000";
	int64_t seconds;
	int64_t micros;

	if (whole == 0 || text[length] != '\0')
		return err_set(why,
			       "is not a time; write seconds as a decimal number, such as 0.5");
	if (decimals > 6)
		return err_set(why, "is finer than a microsecond; write at most six decimals");
	memcpy(fraction, text + whole + (decimals > 0), decimals);
	if (!read_digits(text, whole, &seconds) || seconds > INT32_MAX ||
	    !read_digits(fraction, 6, &micros))
		return out_of_range(word, why);
	micros += seconds * SEC;
	if (micros < word->low || micros > word->high)
		return out_of_range(word, why);
	*(mono_us *)field = micros;
	return 0;
}

static int store_bool(const char *text, bool *field, struct err *why)
{
	static const char *const words[] = {"off", "on", "false", "true", "no", "yes"};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0) {
			*field = i % 2 == 1;
			return 0;
		}
	return err_set(why, "is neither on nor off; write one of on, off, true, false, yes, no");
}

static int store_choice(const struct conf_word *word, const char *text, unsigned int *field,
			struct err *why)
{
	char range[CONF_RANGE_MAX];
	char near[32] = "";
	unsigned int position = 0;

	for (const char *choice = word->choices; *choice; position++) {
		size_t length = strcspn(choice, "|");
		char known[sizeof(near)];

		(void)snprintf(known, sizeof(known), "%.*s", (int)length, choice);
		if (strcmp(text, known) == 0) {
			*field = position;
			return 0;
		}
		if (conf_similar(text, known))
			memcpy(near, known, sizeof(near));
		choice += length + (choice[length] == '|');
	}
	(void)conf_value_range(word, range);
	if (near[0])
		return err_set(why, "is none of %s; did you mean '%s'?", range, near);
	return err_set(why, "is none of %s", range);
}

static bool ipv4_unicast(const struct ip *ip)
{
	uint32_t host = ntohl(ip->v4.s_addr);

	return host >> 24 != 0 && host >> 28 < 0xe && host >> 16 != 0xa9fe;
}

static bool ipv6_unicast(const struct ip *ip)
{
	return !IN6_IS_ADDR_UNSPECIFIED(&ip->v6) && !IN6_IS_ADDR_MULTICAST(&ip->v6) &&
	       !IN6_IS_ADDR_LINKLOCAL(&ip->v6) && !IN6_IS_ADDR_V4MAPPED(&ip->v6);
}

static int store_address(const char *text, struct ip *ip, struct err *why)
{
	if (ip_parse(text, ip) < 0)
		return err_set(why, "is no IPv4 or IPv6 address; names are not looked up");
	if (!(ip->family == AF_INET ? ipv4_unicast(ip) : ipv6_unicast(ip)))
		return err_set(why, "is not the address of one host (unspecified, multicast, "
				    "reserved, link-local or IPv4-mapped)");
	return 0;
}

static int store_vip(const char *text, struct conf_vip *vip, struct err *why)
{
	char address[IP_TEXT_MAX];
	size_t length = strcspn(text, "/");
	unsigned int only_length;
	int64_t prefix_length;

	(void)snprintf(address, sizeof(address), "%.*s", (int)(length < 256 ? length : 256), text);
	if (length >= sizeof(address))
		return err_set(why, "is no IPv4 or IPv6 address");
	if (store_address(address, &vip->address, why) < 0)
		return -1;
	if (vip->address.family == AF_INET ? vip->address.bytes[0] == 127
					   : IN6_IS_ADDR_LOOPBACK(&vip->address.v6))
		return err_set(why, "is a loopback address, which no other host can reach");
	only_length = vip->address.family == AF_INET ? 32 : 128;
	vip->prefix_length = only_length;
	if (text[length] == '\0')
		return 0;
	if (!read_digits(text + length + 1, strlen(text + length + 1), &prefix_length))
		return err_set(why, "has no number after the '/'; write %s/%u", address,
			       only_length);
	if (prefix_length != only_length)
		return err_set(why, "is more than one address; the route leads to one: write %s/%u",
			       address, only_length);
	return 0;
}

static int check_name(const char *text, struct err *why)
{
	if (!only(text, NAME_BYTES) || text[0] == '-' || text[0] == '.')
		return err_set(why, "is no name; use letters, digits, '_', '.' and '-', "
				    "not beginning with '.' or '-'");
	return 0;
}

static int store_tracked(const char *text, struct conf_tracked *tracked, struct err *why)
{
	size_t length = strlen(text);

	if (length >= sizeof(tracked->name))
		return err_set(why, "is too long: %zu bytes, at most %zu", length,
			       sizeof(tracked->name) - 1);
	memcpy(tracked->name, text, length + 1);
	tracked->weight = CONF_WEIGHT_UNSET;
	return check_name(text, why);
}

static int check_interface(const char *text, struct err *why)
{
	if (!only(text, LOWER UPPER DIGITS "_.-") || text[0] == '-' || text[0] == '.')
		return err_set(why, "is no interface name; an alias such as eth0:1 is a label");
	return 0;
}

static int check_label(const char *text, struct err *why)
{
	const char *colon = strchr(text, ':');

	if (!only(text, LOWER UPPER DIGITS "_.-:") || !colon || colon == text || !colon[1])
		return err_set(why, "is no label; write <interface>:<text>, such as eth0:1");
	return 0;
}

static int check_table(const char *text, struct err *why)
{
	size_t hex = starts_with(text, "rtb-") ? strspn(text + 4, DIGITS "abcdef") : 0;

	if (hex < 8 || hex > 17 || text[4 + hex])
		return err_set(why, "is no route table id; they look like rtb-0123456789abcdef0 "
				    "(8 to 17 lower-case hexadecimal digits)");
	return 0;
}

/* Bytes of host name or bracketed IPv6 address at @host; 0 = none. */
static size_t host_length(const char *host)
{
	size_t length;

	if (*host != '[')
		return strspn(host, LOWER UPPER DIGITS ".-");
	length = 1 + strspn(host + 1, DIGITS "abcdefABCDEF:.");
	return host[length] == ']' && length > 2 ? length + 1 : 0;
}

static int check_url(const char *text, struct err *why)
{
	const char *host;
	const char *rest;
	size_t digits;
	int64_t port;

	if (!starts_with(text, "https://") && !starts_with(text, "http://"))
		return err_set(why, "is no URL; it begins with https:// (or http://)");
	host = strstr(text, "://") + 3;
	rest = host + host_length(host);
	if (rest == host)
		return err_set(why, "has no host; write https://HOST or https://HOST:PORT");
	if (*rest == ':') {
		digits = strspn(rest + 1, DIGITS);
		if (!read_digits(rest + 1, digits, &port) || port < 1 || port > 65535)
			return err_set(why, "has no port from 1 to 65535 after the ':'");
		rest += 1 + digits;
	}
	if (strcmp(rest, "") != 0)
		return err_set(why, "goes on after host and port; write https://HOST:PORT "
				    "without user, path or query");
	return 0;
}

bool conf_parameter_ok(const char *name, struct err *why)
{
	const char *first = name + (name[0] == '/');
	unsigned int levels = 0;

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
		levels++;
	if (!only(name, NAME_BYTES "/"))
		(void)err_set(why,
			      "is no parameter name; use letters, digits, '_', '.', '-' and '/'");
	else if (levels > 0 && name[0] != '/')
		(void)err_set(why, "has a '/' and so must begin with one");
	else if (strstr(name, "//") || !first[0] || name[strlen(name) - 1] == '/')
		(void)err_set(why, "has an empty part between or after its '/'");
	else if (levels > PARAMETER_LEVELS_MAX)
		(void)err_set(why, "has more than %d levels", PARAMETER_LEVELS_MAX);
	else if (strncasecmp(first, "aws", 3) == 0 || strncasecmp(first, "ssm", 3) == 0)
		(void)err_set(why, "begins with 'aws' or 'ssm', which AWS keeps for itself");
	else
		return true;
	return false;
}

static int check_text(const struct conf_word *word, const char *text, struct err *why)
{
	switch (word->type) {
	case CONF_TYPE_BLOCK:
	case CONF_TYPE_NAME:
		return check_name(text, why);
	case CONF_TYPE_PATH:
		return text[0] == '/' ? 0 : err_set(why, "is not an absolute path; begin with '/'");
	case CONF_TYPE_COMMAND:
		return text[0] == '/' ? 0
				      : err_set(why, "does not begin with '/'; neither shell "
						     "nor PATH look for a script");
	case CONF_TYPE_INTERFACE:
		return check_interface(text, why);
	case CONF_TYPE_LABEL:
		return check_label(text, why);
	case CONF_TYPE_REGION:
		return only(text, LOWER DIGITS "-")
			       ? 0
			       : err_set(why, "is no region; they look like us-east-1");
	case CONF_TYPE_URL:
		return check_url(text, why);
	case CONF_TYPE_TABLE:
		return check_table(text, why);
	case CONF_TYPE_PARAMETER:
		return conf_parameter_ok(text, why) ? 0 : -1;
	case CONF_TYPE_TEXT:
	case CONF_TYPE_NUMBER:
	case CONF_TYPE_TIME:
	case CONF_TYPE_BOOL:
	case CONF_TYPE_CHOICE:
	case CONF_TYPE_ADDRESS:
	case CONF_TYPE_VIP:
	case CONF_TYPE_TRACK:
	case CONF_TYPE_TRACKED:
	case CONF_TYPE_WEIGHT:
		break;
	}
	return 0;
}

static int store_text(const struct conf_word *word, const char *text, char *field, struct err *why)
{
	size_t room = word->type == CONF_TYPE_BLOCK ? CONF_NAME_MAX : word->size;
	size_t length = strlen(text);

	if (length >= room)
		return err_set(why, "is too long: %zu bytes, at most %zu", length, room - 1);
	if (check_text(word, text, why) < 0)
		return -1;
	memcpy(field, text, length + 1);
	return 0;
}

int conf_value_store(const struct conf_word *word, const char *text, void *field, struct err *why)
{
	if (!text[0])
		return err_set(why, "is empty; '%s' takes a value, or leave the line out",
			       word->word);
	switch (word->type) {
	case CONF_TYPE_NUMBER:
		return store_number(word, text, field, why);
	case CONF_TYPE_TIME:
		return store_time(word, text, field, why);
	case CONF_TYPE_BOOL:
		return store_bool(text, field, why);
	case CONF_TYPE_CHOICE:
		return store_choice(word, text, field, why);
	case CONF_TYPE_ADDRESS:
		return store_address(text, field, why);
	case CONF_TYPE_VIP:
		return store_vip(text, field, why);
	case CONF_TYPE_TRACK: /* an index, known when all blocks are */
		return 0;
	case CONF_TYPE_TRACKED:
		return store_tracked(text, field, why);
	case CONF_TYPE_WEIGHT:
		return store_weight(word, text, field, why);
	case CONF_TYPE_BLOCK: /* its name, the first field of each such structure */
	case CONF_TYPE_NAME:
	case CONF_TYPE_TEXT:
	case CONF_TYPE_PATH:
	case CONF_TYPE_COMMAND:
	case CONF_TYPE_INTERFACE:
	case CONF_TYPE_LABEL:
	case CONF_TYPE_REGION:
	case CONF_TYPE_URL:
	case CONF_TYPE_TABLE:
	case CONF_TYPE_PARAMETER:
		break;
	}
	return store_text(word, text, field, why);
}

/* "2.5", "0.1", "1800": as short as it can be read back. */
static const char *time_text(mono_us us, char text[static CONF_VALUE_TEXT_MAX])
{
	size_t length = (size_t)snprintf(text, CONF_VALUE_TEXT_MAX, "%" PRId64 ".%06" PRId64,
					 us / SEC, us % SEC);

	while (text[length - 1] == '0')
		text[--length] = '\0';
	if (text[length - 1] == '.')
		text[length - 1] = '\0';
	return text;
}

static const char *number_text(const struct conf_word *word, const void *field,
			       char text[static CONF_VALUE_TEXT_MAX])
{
	unsigned int number = word->size == sizeof(uint16_t) ? *(const uint16_t *)field
							     : *(const unsigned int *)field;

	(void)snprintf(text, CONF_VALUE_TEXT_MAX, "%u", number);
	return number < word->low ? "" : text;
}

static const char *choice_text(const struct conf_word *word, unsigned int position,
			       char text[static CONF_VALUE_TEXT_MAX])
{
	const char *choice = word->choices;

	for (; position > 0; position--)
		choice += strcspn(choice, "|") + 1;
	(void)snprintf(text, CONF_VALUE_TEXT_MAX, "%.*s", (int)strcspn(choice, "|"), choice);
	return text;
}

static const char *vip_text(const struct conf_vip *vip, char text[static CONF_VALUE_TEXT_MAX])
{
	char address[IP_TEXT_MAX];

	(void)snprintf(text, CONF_VALUE_TEXT_MAX, "%s/%u", ip_format(&vip->address, address),
		       vip->prefix_length);
	return text;
}

const char *conf_value_text(const struct conf_word *word, const void *field,
			    char text[static CONF_VALUE_TEXT_MAX])
{
	switch (word->type) {
	case CONF_TYPE_NUMBER:
		return number_text(word, field, text);
	case CONF_TYPE_TIME:
		return time_text(*(const mono_us *)field, text);
	case CONF_TYPE_BOOL:
		return *(const bool *)field ? "on" : "off";
	case CONF_TYPE_CHOICE:
		return choice_text(word, *(const unsigned int *)field, text);
	case CONF_TYPE_ADDRESS:
		return ((const struct ip *)field)->family ? ip_format(field, text) : "";
	case CONF_TYPE_VIP:
		return vip_text(field, text);
	case CONF_TYPE_TRACK: /* needs the configuration: print.c */
		return "";
	case CONF_TYPE_WEIGHT:
		(void)snprintf(text, CONF_VALUE_TEXT_MAX, "%d", *(const int *)field);
		return text;
	case CONF_TYPE_TRACKED: /* the name is the first field */
	case CONF_TYPE_BLOCK:
	case CONF_TYPE_NAME:
	case CONF_TYPE_TEXT:
	case CONF_TYPE_PATH:
	case CONF_TYPE_COMMAND:
	case CONF_TYPE_INTERFACE:
	case CONF_TYPE_LABEL:
	case CONF_TYPE_REGION:
	case CONF_TYPE_URL:
	case CONF_TYPE_TABLE:
	case CONF_TYPE_PARAMETER:
		break;
	}
	return field;
}

static const char *choices_range(const char *choices, char text[static CONF_RANGE_MAX])
{
	size_t length = 0;

	for (const char *c = choices; *c && length < CONF_RANGE_MAX - 3; c++) {
		text[length++] = (char)(*c == '|' ? ',' : *c);
		if (*c == '|')
			text[length++] = ' ';
	}
	text[length] = '\0';
	return text;
}

const char *conf_value_range(const struct conf_word *word, char text[static CONF_RANGE_MAX])
{
	static const char *const words[] = {
		[CONF_TYPE_BLOCK] = "a block",
		[CONF_TYPE_NAME] = "a name of up to 63 letters, digits, '_', '.', '-'",
		[CONF_TYPE_TEXT] = "text",
		[CONF_TYPE_PATH] = "an absolute path",
		[CONF_TYPE_COMMAND] = "an absolute path with arguments, up to 511 bytes",
		[CONF_TYPE_BOOL] = "on or off",
		[CONF_TYPE_ADDRESS] = "an IPv4 or IPv6 address",
		[CONF_TYPE_VIP] = "an IPv4 or IPv6 address",
		[CONF_TYPE_INTERFACE] = "a device name of up to 15 bytes",
		[CONF_TYPE_LABEL] = "<interface>:<text>, up to 15 bytes",
		[CONF_TYPE_REGION] = "a region of AWS",
		[CONF_TYPE_URL] = "https://HOST[:PORT]",
		[CONF_TYPE_TABLE] = "rtb- and 8 to 17 hexadecimal digits",
		[CONF_TYPE_PARAMETER] = "a parameter name of up to 255 bytes",
		[CONF_TYPE_TRACK] = "names of 'track_mysql' blocks",
		[CONF_TYPE_TRACKED] = "a name, and perhaps 'weight' and a number",
	};
	char low[CONF_VALUE_TEXT_MAX];
	char high[CONF_VALUE_TEXT_MAX];

	if (word->type == CONF_TYPE_CHOICE)
		return choices_range(word->choices, text);
	if (word->type == CONF_TYPE_NUMBER || word->type == CONF_TYPE_WEIGHT)
		(void)snprintf(text, CONF_RANGE_MAX, "%" PRId64 " to %" PRId64, word->low,
			       word->high);
	else if (word->type == CONF_TYPE_TIME)
		(void)snprintf(text, CONF_RANGE_MAX, "%.20s to %.20s seconds",
			       time_text(word->low, low), time_text(word->high, high));
	else if (word->type == CONF_TYPE_TEXT)
		(void)snprintf(text, CONF_RANGE_MAX, "text of up to %zu bytes", word->size - 1);
	else
		(void)snprintf(text, CONF_RANGE_MAX, "%s", words[word->type]);
	return text;
}
