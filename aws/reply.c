/* SPDX-License-Identifier: MIT */
/*
 * The table of error codes and the reading of error bodies. May not fail:
 * what cannot be read is judged by its HTTP status. The rule that nothing
 * here may break: a write that might have happened is never reported as
 * refused, and being throttled is never reported as being cut off.
 */
#include "aws/reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "aws/json.h"
#include "aws/xml.h"

#define CLOCK_HINT "the secret key is wrong or the clock is off"
#define ACCOUNT_HINT "the AWS account itself is not in order"
#define BUG_HINT "AWS does not understand the request: check the configured ids"
#define ENI_HINT "IMDS and EC2 disagree about this instance; asking IMDS again"
#define TABLE_HINT "wrong id, or a table of another region or account"
#define LABEL_HINT "the oldest version carries a label; remove it, AWS drops no labelled version"
#define TYPE_HINT "the parameter must be of type String"

/* First match wins; a row with @text also needs that in the message. */
static const struct rule {
	const char *code;
	const char *text;
	enum outcome outcome;
	enum reply_remedy remedy;
	const char *hint;
} rules[] = {
	/* EC2: the route */
	{"InvalidParameterValue", "Use CreateRoute", OUTCOME_ABSENT, REPLY_CREATE_ROUTE, ""},
	{"InvalidParameterValue", "no route", OUTCOME_ABSENT, REPLY_CREATE_ROUTE, ""},
	{"InvalidRoute.NotFound", NULL, OUTCOME_ABSENT, REPLY_CREATE_ROUTE, ""},
	{"RouteAlreadyExists", NULL, OUTCOME_EXISTS, REPLY_REPLACE_ROUTE, ""},
	{"RouteLimitExceeded", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "the route table is full: raise the quota of routes per table"},
	{"ResourceCountLimitExceeded", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "the route table is full: raise the quota of routes per table"},
	{"InvalidRouteTableID.NotFound", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, TABLE_HINT},
	{"InvalidRouteTableId.NotFound", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, TABLE_HINT},
	{"InvalidRouteTableID.Malformed", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, TABLE_HINT},
	{"InvalidRouteTableId.Malformed", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, TABLE_HINT},
	{"InvalidInstanceID", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "an instance with several interfaces cannot be a target: use target eni"},
	{"InvalidInstanceID.NotFound", NULL, OUTCOME_REFUSED, REPLY_ASK_IMDS, ENI_HINT},
	{"InvalidInstanceID.Malformed", NULL, OUTCOME_REFUSED, REPLY_ASK_IMDS, ENI_HINT},
	{"InvalidNetworkInterfaceID.NotFound", NULL, OUTCOME_REFUSED, REPLY_ASK_IMDS, ENI_HINT},
	{"InvalidNetworkInterfaceId.NotFound", NULL, OUTCOME_REFUSED, REPLY_ASK_IMDS, ENI_HINT},
	{"InvalidNetworkInterfaceID.Malformed", NULL, OUTCOME_REFUSED, REPLY_ASK_IMDS, ENI_HINT},
	{"InvalidNetworkInterfaceId.Malformed", NULL, OUTCOME_REFUSED, REPLY_ASK_IMDS, ENI_HINT},
	/* EC2: a bug of ours, or a VIP that cannot be */
	{"InvalidParameterValue", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "the VIP must lie outside every CIDR of the VPC"},
	{"InvalidParameterCombination", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, BUG_HINT},
	{"MissingParameter", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, BUG_HINT},
	{"UnknownParameter", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, BUG_HINT},
	{"InvalidAction", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, BUG_HINT},
	{"ValidationError", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, BUG_HINT},
	{"DryRunOperation", NULL, OUTCOME_OK, REPLY_GIVE_UP, ""},
	/* rights, keys and clock */
	{"UnauthorizedOperation", NULL, OUTCOME_DENIED, REPLY_NAME_RIGHT, ""},
	{"AccessDeniedException", NULL, OUTCOME_DENIED, REPLY_NAME_RIGHT, ""},
	{"AccessDenied", NULL, OUTCOME_DENIED, REPLY_NAME_RIGHT, ""},
	{"AuthFailure", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"SignatureDoesNotMatch", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"IncompleteSignature", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"InvalidClientTokenId", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"MissingAuthenticationToken", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"RequestExpired", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK,
	 "the clock is off or the credentials have expired"},
	{"RequestTimeTooSkewed", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, "the clock is off"},
	{"UnrecognizedClientException", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"InvalidSignatureException", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"IncompleteSignatureException", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK, CLOCK_HINT},
	{"MissingAuthenticationTokenException", NULL, OUTCOME_DENIED, REPLY_CORRECT_CLOCK,
	 CLOCK_HINT},
	{"ExpiredToken", NULL, OUTCOME_DENIED, REPLY_RENEW, "the credentials have expired"},
	{"ExpiredTokenException", NULL, OUTCOME_DENIED, REPLY_RENEW,
	 "the credentials have expired"},
	{"RegionDisabledException", NULL, OUTCOME_DENIED, REPLY_GIVE_UP,
	 "STS is switched off for this account in this region"},
	{"OptInRequired", NULL, OUTCOME_DENIED, REPLY_GIVE_UP, ACCOUNT_HINT},
	{"Blocked", NULL, OUTCOME_DENIED, REPLY_GIVE_UP, ACCOUNT_HINT},
	{"PendingVerification", NULL, OUTCOME_DENIED, REPLY_GIVE_UP, ACCOUNT_HINT},
	/* too many calls, whatever the HTTP status */
	{"RequestLimitExceeded", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"EC2ThrottledException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"Throttling", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"ThrottlingException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"ThrottledException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"RequestThrottled", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"RequestThrottledException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"TooManyRequestsException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"SlowDown", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"BandwidthLimitExceeded", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"LimitExceededException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"ProvisionedThroughputExceededException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"TransactionInProgressException", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	{"PriorRequestNotComplete", NULL, OUTCOME_THROTTLED, REPLY_GIVE_UP, ""},
	/* the server's trouble, or a state that passes: a write may yet land */
	{"InternalError", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"InternalFailure", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"InternalServerError", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"Unavailable", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"ServiceUnavailable", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"RequestTimeout", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"RequestTimeoutException", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"IDPCommunicationError", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"IncorrectState", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"IncorrectInstanceState", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"DependencyViolation", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"InvalidRoute.InvalidState", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	{"TooManyUpdates", NULL, OUTCOME_UNKNOWN, REPLY_GIVE_UP, ""},
	/* SSM: the parameter */
	{"ParameterNotFound", NULL, OUTCOME_ABSENT, REPLY_GIVE_UP, ""},
	{"ParameterVersionNotFound", NULL, OUTCOME_ABSENT, REPLY_GIVE_UP, ""},
	{"ParameterAlreadyExists", NULL, OUTCOME_EXISTS, REPLY_GIVE_UP, ""},
	{"ParameterMaxVersionLimitExceeded", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, LABEL_HINT},
	{"ParameterLimitExceeded", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "the account has no room for another parameter in this region"},
	{"HierarchyTypeMismatchException", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, TYPE_HINT},
	{"HierarchyLevelLimitExceededException", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "the parameter's name has more than 15 levels"},
	{"ParameterPatternMismatchException", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "the parameter has an allowed pattern that our value does not fit"},
	{"UnsupportedParameterType", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, TYPE_HINT},
	{"InvalidKeyId", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP, TYPE_HINT},
	{"ValidationException", NULL, OUTCOME_REFUSED, REPLY_GIVE_UP,
	 "AWS refuses the parameter's name or value"},
};

static enum outcome judge_status(long status)
{
	if (status == 429)
		return OUTCOME_THROTTLED;
	if (status == 401 || status == 403)
		return OUTCOME_DENIED;
	/* A success we cannot read, a gateway's time-out: it may have happened. */
	if (status < 300 || status >= 500 || status == 408)
		return OUTCOME_UNKNOWN;
	return OUTCOME_REFUSED;
}

static void judge(long status, struct reply_fault *fault)
{
	fault->outcome = judge_status(status);
	fault->remedy = REPLY_GIVE_UP;
	fault->hint = status >= 300 && status < 400 ? "redirections are not followed" : "";
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (strcmp(fault->code, rules[i].code) != 0 ||
		    (rules[i].text && !strstr(fault->message, rules[i].text)))
			continue;
		fault->outcome = rules[i].outcome;
		fault->remedy = rules[i].remedy;
		fault->hint = rules[i].hint;
		return;
	}
}

void reply_copy(char *out, size_t size, const char *text)
{
	size_t i = 0;

	for (; text[i] && i + 1 < size; i++)
		out[i] = (char)((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
	if (size > 0)
		out[i] = '\0';
}

/* Some codes are documented as Client.X or Server.X. */
static const char *bare_code(const char *code)
{
	if (strncmp(code, "Client.", 7) == 0 || strncmp(code, "Server.", 7) == 0)
		return code + 7;
	return code;
}

struct error_walk {
	const char *code; /* paths */
	const char *message;
	struct reply_fault *fault;
};

/* The first Error counts. */
static void on_error_field(void *arg, const char *path, const char *text)
{
	const struct error_walk *walk = arg;
	struct reply_fault *fault = walk->fault;

	if (strcmp(path, walk->code) == 0 && !fault->code[0])
		reply_copy(fault->code, sizeof(fault->code), bare_code(text));
	if (strcmp(path, walk->message) == 0 && !fault->message[0])
		reply_copy(fault->message, sizeof(fault->message), text);
}

static void read_error(struct error_walk *errors, const char *root, const char *body, size_t length)
{
	struct xml_walk walk = {.fn = on_error_field, .arg = errors};

	memset(errors->fault, 0, sizeof(*errors->fault));
	if (xml_walk(&walk, body, length, NULL) < 0 || strcmp(walk.root, root) != 0) {
		errors->fault->code[0] = '\0';
		errors->fault->message[0] = '\0';
	}
}

void reply_fault_ec2(long status, const char *body, size_t length, struct reply_fault *fault)
{
	struct error_walk walk = {"Errors/Error/Code", "Errors/Error/Message", fault};

	read_error(&walk, "Response", body, length);
	judge(status, fault);
}

void reply_fault_sts(long status, const char *body, size_t length, struct reply_fault *fault)
{
	struct error_walk walk = {"Error/Code", "Error/Message", fault};

	read_error(&walk, "ErrorResponse", body, length);
	judge(status, fault);
}

/* "com.amazonaws.ssm#Code" and "Code:http://..." -> "Code". */
static void json_code(const char *type, char *code, size_t size)
{
	char head[REPLY_CODE_MAX * 2];
	char *hash;

	reply_copy(head, sizeof(head), type);
	head[strcspn(head, ":")] = '\0';
	hash = strrchr(head, '#');
	reply_copy(code, size, hash ? hash + 1 : head);
}

void reply_fault_ssm(long status, const char *type, const char *body, size_t length,
		     struct reply_fault *fault)
{
	json_t *root = json_read(body, length, NULL);
	const char *in_body = json_text(root, "__type");
	const char *message = json_text(root, "message");

	memset(fault, 0, sizeof(*fault));
	if (!message)
		message = json_text(root, "Message");
	json_code(in_body ? in_body : type, fault->code, sizeof(fault->code));
	reply_copy(fault->message, sizeof(fault->message), message ? message : "");
	json_decref(root);
	judge(status, fault);
}

/*
 * The blob that EC2 appends to a refusal is thousands of bytes that no person
 * can read; it goes to the log by itself, the sentence ends before it.
 */
static int readable_length(const char *message)
{
	const char *blob = strstr(message, "Encoded authorization failure message");
	int length = (int)(blob ? (size_t)(blob - message) : strlen(message));

	while (length > 0 && message[length - 1] == ' ')
		length--;
	return length < 240 ? length : 240;
}

void reply_sentence(const struct reply_fault *fault, long status, const char *what,
		    const char *right, char *out, size_t size)
{
	int length = readable_length(fault->message);
	bool name_right = fault->remedy == REPLY_NAME_RIGHT;

	(void)snprintf(out, size, "%s: %s (HTTP %ld)%s%.*s%s%s%s", what,
		       fault->code[0] ? fault->code : "unreadable answer", status,
		       length > 0 ? ": " : "", length, fault->message,
		       name_right || fault->hint[0] ? "; " : "", name_right ? "allow " : "",
		       name_right ? right : fault->hint); /* a cut sentence still helps */
}
