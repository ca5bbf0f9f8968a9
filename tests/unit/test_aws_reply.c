/* SPDX-License-Identifier: MIT */
/*
 * Answers that are no success: every error code of the tables we go by, and
 * what nobody should ever send us, as XML and as JSON.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/creds.h"
#include "aws/json.h"
#include "aws/reply.h"
#include "aws/xml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NO_ROUTE                                                                                   \
	"There is no route defined for '10.9.9.9/32' in the route table. Use CreateRoute instead."

/*
 * --- error rows ---
 *
 * ec2_rows, ssm_rows and sts_rows are the tables of errors of the three
 * services, a row a code; any_rows are what AWS's own clients take as throttling
 * or trouble of the server, from whichever service. What is true of a code in
 * the daemon (asked again when, remedied how) hangs on the outcome and the
 * remedy alone: tests/unit/test_aws_job.c and test_core*.c.
 */
struct row {
	const char *code;
	long status;
	const char *message;
	enum outcome outcome;
	enum reply_remedy remedy;
};

static const struct row ec2_rows[] = {
	{"InvalidParameterValue", 400, NO_ROUTE, OUTCOME_ABSENT, REPLY_CREATE_ROUTE},
	{"InvalidRoute.NotFound", 400, "", OUTCOME_ABSENT, REPLY_CREATE_ROUTE},
	{"RouteAlreadyExists", 400, "", OUTCOME_EXISTS, REPLY_REPLACE_ROUTE},
	{"RouteLimitExceeded", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"ResourceCountLimitExceeded", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidRouteTableID.NotFound", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidRouteTableId.NotFound", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidRouteTableId.Malformed", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidInstanceID", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidInstanceID.NotFound", 400, "", OUTCOME_REFUSED, REPLY_ASK_IMDS},
	{"InvalidInstanceID.Malformed", 400, "", OUTCOME_REFUSED, REPLY_ASK_IMDS},
	{"InvalidNetworkInterfaceID.NotFound", 400, "", OUTCOME_REFUSED, REPLY_ASK_IMDS},
	{"InvalidNetworkInterfaceId.Malformed", 400, "", OUTCOME_REFUSED, REPLY_ASK_IMDS},
	{"InvalidParameterValue", 400, "bad CIDR", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidParameterCombination", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"MissingParameter", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"UnknownParameter", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidAction", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"ValidationError", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"UnauthorizedOperation", 403, "", OUTCOME_DENIED, REPLY_NAME_RIGHT},
	{"Client.UnauthorizedOperation", 403, "", OUTCOME_DENIED, REPLY_NAME_RIGHT},
	{"AuthFailure", 401, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"SignatureDoesNotMatch", 403, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"IncompleteSignature", 400, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"InvalidClientTokenId", 403, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"MissingAuthenticationToken", 403, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"RequestExpired", 400, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"ExpiredToken", 400, "", OUTCOME_DENIED, REPLY_RENEW},
	{"OptInRequired", 401, "", OUTCOME_DENIED, REPLY_GIVE_UP},
	{"Blocked", 403, "", OUTCOME_DENIED, REPLY_GIVE_UP},
	{"PendingVerification", 400, "", OUTCOME_DENIED, REPLY_GIVE_UP},
	{"RequestLimitExceeded", 503, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"EC2ThrottledException", 503, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"Throttling", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"InternalError", 500, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"InternalFailure", 500, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"Unavailable", 503, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"Server.Unavailable", 503, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"ServiceUnavailable", 503, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"DryRunOperation", 412, "", OUTCOME_OK, REPLY_GIVE_UP},
	{"IncorrectState", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"IncorrectInstanceState", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"DependencyViolation", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"InvalidRoute.InvalidState", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
};

static const struct row ssm_rows[] = {
	{"ParameterNotFound", 400, "", OUTCOME_ABSENT, REPLY_GIVE_UP},
	{"ParameterVersionNotFound", 400, "", OUTCOME_ABSENT, REPLY_GIVE_UP},
	{"ParameterAlreadyExists", 400, "", OUTCOME_EXISTS, REPLY_GIVE_UP},
	{"TooManyUpdates", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"ThrottlingException", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"InternalServerError", 500, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"ServiceUnavailable", 503, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"ParameterMaxVersionLimitExceeded", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"ParameterLimitExceeded", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"HierarchyTypeMismatchException", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"HierarchyLevelLimitExceededException", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"ParameterPatternMismatchException", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"UnsupportedParameterType", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"InvalidKeyId", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"ValidationException", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"AccessDeniedException", 400, "", OUTCOME_DENIED, REPLY_NAME_RIGHT},
	{"ExpiredTokenException", 400, "", OUTCOME_DENIED, REPLY_RENEW},
	{"UnrecognizedClientException", 400, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"InvalidSignatureException", 400, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"IncompleteSignatureException", 400, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"MissingAuthenticationTokenException", 400, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
};

static const struct row sts_rows[] = {
	{"AccessDenied", 403, "", OUTCOME_DENIED, REPLY_NAME_RIGHT},
	{"ExpiredToken", 403, "", OUTCOME_DENIED, REPLY_RENEW},
	{"ExpiredTokenException", 403, "", OUTCOME_DENIED, REPLY_RENEW},
	{"InvalidClientTokenId", 403, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"SignatureDoesNotMatch", 403, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"IncompleteSignature", 400, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"MissingAuthenticationToken", 403, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"RequestTimeTooSkewed", 403, "", OUTCOME_DENIED, REPLY_CORRECT_CLOCK},
	{"RegionDisabledException", 403, "", OUTCOME_DENIED, REPLY_GIVE_UP},
	{"OptInRequired", 403, "", OUTCOME_DENIED, REPLY_GIVE_UP},
	{"ValidationError", 400, "", OUTCOME_REFUSED, REPLY_GIVE_UP},
	{"IDPCommunicationError", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
};

static const struct row any_rows[] = {
	{"Throttling", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"ThrottlingException", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"ThrottledException", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"RequestThrottled", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"RequestThrottledException", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"TooManyRequestsException", 429, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"ProvisionedThroughputExceededException", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"TransactionInProgressException", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"RequestLimitExceeded", 503, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"BandwidthLimitExceeded", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"LimitExceededException", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"SlowDown", 503, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"PriorRequestNotComplete", 400, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"EC2ThrottledException", 503, "", OUTCOME_THROTTLED, REPLY_GIVE_UP},
	{"RequestTimeout", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"RequestTimeoutException", 400, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"InternalFailure", 500, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
	{"ServiceUnavailable", 503, "", OUTCOME_UNKNOWN, REPLY_GIVE_UP},
};

static void assert_row(const struct row *row, const struct reply_fault *fault)
{
	if (fault->outcome != row->outcome || fault->remedy != row->remedy)
		fail_msg("%s: outcome %s, remedy %d", row->code, outcome_name(fault->outcome),
			 (int)fault->remedy);
	assert_string_equal(fault->message, row->message);
}

static void every_ec2_code_has_its_outcome(void **state)
{
	struct reply_fault fault;
	char body[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(ec2_rows); i++) {
		int length = snprintf(body, sizeof(body),
				      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>"
				      "<Errors><Error><Code>%s</Code><Message>%s</Message></Error>"
				      "</Errors><RequestID>a-b</RequestID></Response>",
				      ec2_rows[i].code, ec2_rows[i].message);

		reply_fault_ec2(ec2_rows[i].status, body, (size_t)length, &fault);
		assert_row(&ec2_rows[i], &fault);
	}
}

/* The three spellings of a code that are known. */
static int ssm_body(char *body, size_t size, unsigned int form, const struct row *row)
{
	switch (form) {
	case 0:
		return snprintf(body, size, "{\"__type\":\"%s\",\"message\":\"%s\"}", row->code,
				row->message);
	case 1:
		return snprintf(body, size,
				"{\"__type\":\"com.amazonaws.ssm#%s\",\"Message\":\"%s\"}",
				row->code, row->message);
	default:
		return snprintf(body, size,
				"{\"message\":\"%s\",\"__type\":\"%s:http://internal/coral/\"}",
				row->message, row->code);
	}
}

static void every_ssm_code_has_its_outcome(void **state)
{
	struct reply_fault fault;
	char body[512];

	(void)state;
	for (size_t i = 0; i < COUNT(ssm_rows); i++)
		for (unsigned int form = 0; form < 3; form++) {
			int length = ssm_body(body, sizeof(body), form, &ssm_rows[i]);

			reply_fault_ssm(ssm_rows[i].status, "", body, (size_t)length, &fault);
			assert_row(&ssm_rows[i], &fault);
			assert_string_equal(fault.code, ssm_rows[i].code);
		}
}

static void judge_sts(const struct row *row)
{
	struct reply_fault fault;
	char body[1024];
	int length =
		snprintf(body, sizeof(body),
			 "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
			 "<Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
			 "<RequestId>a-b</RequestId></ErrorResponse>",
			 row->code, row->message);

	reply_fault_sts(row->status, body, (size_t)length, &fault);
	assert_row(row, &fault);
}

static void every_sts_code_has_its_outcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sts_rows); i++)
		judge_sts(&sts_rows[i]);
}

static void what_any_service_may_say_is_understood_from_each(void **state)
{
	struct reply_fault fault;
	char body[1024];
	int length;

	(void)state;
	for (size_t i = 0; i < COUNT(any_rows); i++) {
		const struct row *row = &any_rows[i];

		judge_sts(row);
		length = ssm_body(body, sizeof(body), 1, row);
		reply_fault_ssm(row->status, "", body, (size_t)length, &fault);
		assert_row(row, &fault);
		length = snprintf(body, sizeof(body),
				  "<Response><Errors><Error><Code>%s</Code><Message></Message>"
				  "</Error></Errors></Response>",
				  row->code);
		reply_fault_ec2(row->status, body, (size_t)length, &fault);
		assert_row(row, &fault);
	}
}

static void an_ssm_code_may_stand_in_the_header_only(void **state)
{
	struct reply_fault fault;

	(void)state;
	reply_fault_ssm(400, "ThrottlingException:http://x/", "", 0, &fault);
	assert_int_equal(fault.outcome, OUTCOME_THROTTLED);
	reply_fault_ssm(400, "com.amazonaws.ssm#ParameterNotFound", "{}", 2, &fault);
	assert_int_equal(fault.outcome, OUTCOME_ABSENT);
}

static void a_body_that_is_not_ours_is_judged_by_its_status(void **state)
{
	static const struct {
		long status;
		enum outcome outcome;
	} rows[] = {
		{200, OUTCOME_UNKNOWN}, {204, OUTCOME_UNKNOWN}, {302, OUTCOME_REFUSED},
		{400, OUTCOME_REFUSED}, {401, OUTCOME_DENIED},	{403, OUTCOME_DENIED},
		{404, OUTCOME_REFUSED}, {408, OUTCOME_UNKNOWN}, {429, OUTCOME_THROTTLED},
		{500, OUTCOME_UNKNOWN}, {502, OUTCOME_UNKNOWN}, {503, OUTCOME_UNKNOWN},
		{504, OUTCOME_UNKNOWN},
	};
	static const char page[] = "<html><body><h1>503</h1><p>Please wait</body></html>";
	struct reply_fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		reply_fault_ec2(rows[i].status, page, sizeof(page) - 1, &fault);
		assert_int_equal(fault.outcome, rows[i].outcome);
		assert_string_equal(fault.code, "");
		reply_fault_ssm(rows[i].status, "", page, sizeof(page) - 1, &fault);
		assert_int_equal(fault.outcome, rows[i].outcome);
		reply_fault_ec2(rows[i].status, NULL, 0, &fault);
		assert_int_equal(fault.outcome, rows[i].outcome);
	}
}

static void an_unknown_code_is_judged_by_its_status(void **state)
{
	static const char body[] = "<Response><Errors><Error><Code>NewlyInvented</Code>"
				   "</Error></Errors></Response>";
	struct reply_fault fault;

	(void)state;
	reply_fault_ec2(400, body, sizeof(body) - 1, &fault);
	assert_int_equal(fault.outcome, OUTCOME_REFUSED);
	assert_string_equal(fault.code, "NewlyInvented");
	reply_fault_ec2(500, body, sizeof(body) - 1, &fault);
	assert_int_equal(fault.outcome, OUTCOME_UNKNOWN);
}

static void the_first_of_several_errors_counts(void **state)
{
	static const char body[] =
		"<Response><Errors><Error><Code>InternalError</Code><Message>a</Message></Error>"
		"<Error><Code>AuthFailure</Code><Message>b</Message></Error></Errors></Response>";
	struct reply_fault fault;

	(void)state;
	reply_fault_ec2(500, body, sizeof(body) - 1, &fault);
	assert_string_equal(fault.code, "InternalError");
	assert_string_equal(fault.message, "a");
}

static void an_error_cut_short_names_no_code(void **state)
{
	static const char body[] = "<Response><Errors><Error><Code>RouteAlreadyExists</Code>";
	struct reply_fault fault;

	(void)state;
	reply_fault_ec2(400, body, sizeof(body) - 1, &fault);
	assert_string_equal(fault.code, "");
	assert_int_equal(fault.outcome, OUTCOME_REFUSED);
}

static void a_sentence_names_call_code_status_and_the_missing_right(void **state)
{
	static const char body[] =
		"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not "
		"authorized to perform this operation. Encoded authorization failure message: "
		"AbCdEf</Message></Error></Errors></Response>";
	struct reply_fault fault;
	char text[512];

	(void)state;
	reply_fault_ec2(403, body, sizeof(body) - 1, &fault);
	reply_sentence(&fault, 403, "ReplaceRoute rtb-0a", "ec2:ReplaceRoute on this route table",
		       text, sizeof(text));
	assert_string_equal(text, "ReplaceRoute rtb-0a: UnauthorizedOperation (HTTP 403): You are "
				  "not authorized to perform this operation.; allow "
				  "ec2:ReplaceRoute on this route table");
	assert_non_null(strstr(fault.message, "AbCdEf")); /* kept for the log */
	reply_fault_ec2(502, "", 0, &fault);
	reply_sentence(&fault, 502, "CreateRoute rtb-1", "x", text, sizeof(text));
	assert_string_equal(text, "CreateRoute rtb-1: unreadable answer (HTTP 502)");
}

static void control_bytes_of_a_message_do_not_get_through(void **state)
{
	static const char body[] = "{\"__type\":\"ValidationException\","
				   "\"message\":\"a\\nb\\u001b[2Jc\"}";
	struct reply_fault fault;

	(void)state;
	reply_fault_ssm(400, "", body, sizeof(body) - 1, &fault);
	assert_string_equal(fault.message, "a?b?[2Jc");
}

/* --- hostile XML --- */

static void count_field(void *arg, const char *path, const char *text)
{
	(void)path;
	(void)text;
	++*(unsigned int *)arg;
}

static int walk(const char *xml, size_t length, struct err *err)
{
	unsigned int fields = 0;
	struct xml_walk xml_walk_ = {.fn = count_field, .arg = &fields};

	return xml_walk(&xml_walk_, xml, length, err);
}

static void entity_bombs_and_outside_entities_are_refused(void **state)
{
	static const char bomb[] =
		"<!DOCTYPE a [<!ENTITY x \"0123456789\"><!ENTITY y \"&x;&x;&x;&x;&x;&x;&x;&x;\">"
		"<!ENTITY z \"&y;&y;&y;&y;&y;&y;&y;&y;\">]><a><b>&z;</b></a>";
	static const char outside[] =
		"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a><b>&x;</b></a>";
	static const char empty[] = "<!DOCTYPE a><a/>";
	static const char undefined[] = "<a>&nbsp;</a>";
	struct err err = {""};

	(void)state;
	assert_int_equal(walk(bomb, sizeof(bomb) - 1, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "document type"));
	assert_int_equal(walk(outside, sizeof(outside) - 1, NULL), -EBADMSG);
	assert_int_equal(walk(empty, sizeof(empty) - 1, NULL), -EBADMSG);
	assert_int_equal(walk(undefined, sizeof(undefined) - 1, NULL), -EBADMSG);
}

static void a_million_nested_elements_are_refused_early(void **state)
{
	static char xml[3 * 1000 * 1000];
	struct err err = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(xml); i += 3)
		memcpy(xml + i, "<a>", 3);
	assert_int_equal(walk(xml, sizeof(xml), &err), -EBADMSG);
	assert_non_null(strstr(err.text, "nested too deep"));
}

static void the_depth_is_bounded_to_the_element(void **state)
{
	char xml[16 * XML_DEPTH_MAX];

	(void)state;
	for (unsigned int depth = XML_DEPTH_MAX; depth <= XML_DEPTH_MAX + 1; depth++) {
		size_t used = 0;

		for (unsigned int i = 0; i < depth; i++)
			used += (size_t)snprintf(xml + used, sizeof(xml) - used, "<a>");
		for (unsigned int i = 0; i < depth; i++)
			used += (size_t)snprintf(xml + used, sizeof(xml) - used, "</a>");
		assert_int_equal(walk(xml, used, NULL), depth == XML_DEPTH_MAX ? 0 : -EBADMSG);
	}
}

static void long_names_and_texts_are_cut_or_refused(void **state)
{
	static char xml[200 * 1024];
	struct err err = {""};

	(void)state;
	memset(xml, 'a', sizeof(xml));
	xml[0] = '<';
	memcpy(xml + sizeof(xml) - 2, "/>", 2);
	assert_int_equal(walk(xml, sizeof(xml), &err), -EBADMSG); /* a root of 200 kB */
	memset(xml, 'a', sizeof(xml));
	memcpy(xml, "<a><b>", 6);
	memcpy(xml + sizeof(xml) - 8, "</b></a>", 8);
	assert_int_equal(walk(xml, sizeof(xml), NULL), 0); /* text is cut, not refused */
	memcpy(xml, "<r><aa", 6);
	memcpy(xml + sizeof(xml) - 6, "/></r>", 6);
	assert_int_equal(walk(xml, sizeof(xml), NULL), -EBADMSG); /* a name of 200 kB */
}

static void bytes_that_xml_forbids_are_refused(void **state)
{
	static const char nul[] = "<a><b>x\0y</b></a>";
	static const char utf8[] = "<a><b>\xc3\x28</b></a>";
	static const char after[] = "<a></a><b></b>";

	(void)state;
	assert_int_equal(walk(nul, sizeof(nul) - 1, NULL), -EBADMSG);
	assert_int_equal(walk(utf8, sizeof(utf8) - 1, NULL), -EBADMSG);
	assert_int_equal(walk(after, sizeof(after) - 1, NULL), -EBADMSG);
	assert_int_equal(walk("", 0, NULL), -EBADMSG);
}

static void names_count_without_their_prefix(void **state)
{
	static const char xml[] =
		"<e:Response xmlns:e=\"urn:x\"><e:Errors><e:Error><e:Code>AuthFailure</e:Code>"
		"</e:Error></e:Errors></e:Response>";
	struct reply_fault fault;

	(void)state;
	reply_fault_ec2(401, xml, sizeof(xml) - 1, &fault);
	assert_string_equal(fault.code, "AuthFailure");
}

/* --- hostile JSON --- */

static void nested_json_is_refused_before_it_is_parsed(void **state)
{
	static char json[64 * 1024];
	struct err err = {""};

	(void)state;
	memset(json, '[', sizeof(json));
	assert_null(json_read(json, sizeof(json), &err));
	assert_non_null(strstr(err.text, "nested too deep"));
	/* Brackets inside a string nest nothing. */
	(void)snprintf(json, sizeof(json), "{\"a\":\"%s\\\"[[[\"}", "[[[[[[[[[[[[[[[[[[[[[[[[");
	json_t *root = json_read(json, strlen(json), NULL);

	assert_non_null(root);
	json_decref(root);
}

static void a_json_error_does_not_quote_the_document(void **state)
{
	static const char json[] = "{\"SecretAccessKey\":\"CANARY\" \"Token\"}";
	struct creds creds;
	struct err err = {""};

	(void)state;
	assert_int_equal(creds_read(json, sizeof(json) - 1, &creds, &err), -EBADMSG);
	assert_string_not_equal(err.text, "");
	assert_null(strstr(err.text, "CANARY"));
	assert_null(strstr(err.text, "Token"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ec2_code_has_its_outcome),
		cmocka_unit_test(every_ssm_code_has_its_outcome),
		cmocka_unit_test(every_sts_code_has_its_outcome),
		cmocka_unit_test(what_any_service_may_say_is_understood_from_each),
		cmocka_unit_test(an_ssm_code_may_stand_in_the_header_only),
		cmocka_unit_test(a_body_that_is_not_ours_is_judged_by_its_status),
		cmocka_unit_test(an_unknown_code_is_judged_by_its_status),
		cmocka_unit_test(the_first_of_several_errors_counts),
		cmocka_unit_test(an_error_cut_short_names_no_code),
		cmocka_unit_test(a_sentence_names_call_code_status_and_the_missing_right),
		cmocka_unit_test(control_bytes_of_a_message_do_not_get_through),
		cmocka_unit_test(entity_bombs_and_outside_entities_are_refused),
		cmocka_unit_test(a_million_nested_elements_are_refused_early),
		cmocka_unit_test(the_depth_is_bounded_to_the_element),
		cmocka_unit_test(long_names_and_texts_are_cut_or_refused),
		cmocka_unit_test(bytes_that_xml_forbids_are_refused),
		cmocka_unit_test(names_count_without_their_prefix),
		cmocka_unit_test(nested_json_is_refused_before_it_is_parsed),
		cmocka_unit_test(a_json_error_does_not_quote_the_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
