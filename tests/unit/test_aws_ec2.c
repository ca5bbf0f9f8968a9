/* SPDX-License-Identifier: MIT */
/*
 * EC2's request bodies and answers: which route is ours, which is not, and
 * which answer is not to be believed.
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

#include "aws/ec2.h"

#define XMLNS " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

/* --- EC2: routes --- */

static const struct ec2_target self = {.eni = "eni-0aa", .instance = "i-0aa"};

#define ROW(cidr, more) "<item><destinationCidrBlock>" cidr "</destinationCidrBlock>" more "</item>"
#define ROUTES(rows)                                                                               \
	"<DescribeRouteTablesResponse" XMLNS "><requestId>r</requestId><routeTableSet><item>"      \
	"<routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><routeSet>" rows                    \
	"</routeSet><associationSet><item><routeTableId>rtb-1</routeTableId><main>true</main>"     \
	"</item></associationSet><propagatingVgwSet/><tagSet/></item></routeTableSet>"             \
	"</DescribeRouteTablesResponse>"
#define LOCAL ROW("10.0.0.0/16", "<gatewayId>local</gatewayId><state>active</state>")
#define TO(eni, instance)                                                                          \
	"<instanceId>" instance "</instanceId><networkInterfaceId>" eni "</networkInterfaceId>"
#define ACTIVE "<state>active</state><origin>CreateRoute</origin>"

static int read_table(const char *xml, struct aws_job *job)
{
	char page[EC2_TOKEN_MAX];

	job->call = AWS_ROUTE_GET;
	(void)snprintf(job->table_id, sizeof(job->table_id), "rtb-1");
	if (!job->vip.family)
		assert_int_equal(ip_parse("10.200.0.10", &job->vip), 0);
	return ec2_read_table(xml, strlen(xml), job, &self, page, NULL);
}

static void a_route_to_our_interface_is_ours(void **state)
{
	struct aws_job job = {0};

	(void)state;
	assert_int_equal(
		read_table(ROUTES(LOCAL ROW("10.200.0.10/32", TO("eni-0aa", "i-0aa") ACTIVE)),
			   &job),
		0);
	assert_int_equal(job.route, AWS_ROUTE_ACTIVE);
	assert_true(job.route_is_ours);
	assert_string_equal(job.route_eni, "eni-0aa");
	assert_string_equal(job.route_instance, "i-0aa");
}

static void a_route_to_another_interface_of_our_instance_is_not_ours(void **state)
{
	struct aws_job job = {0};

	(void)state;
	assert_int_equal(
		read_table(ROUTES(ROW("10.200.0.10/32", TO("eni-0bb", "i-0aa") ACTIVE)), &job), 0);
	assert_false(job.route_is_ours);
	job = (struct aws_job){.target_instance = true};
	assert_int_equal(
		read_table(ROUTES(ROW("10.200.0.10/32", TO("eni-0bb", "i-0aa") ACTIVE)), &job), 0);
	assert_true(job.route_is_ours);
}

static void a_blackhole_keeps_its_target(void **state)
{
	struct aws_job job = {0};

	(void)state;
	assert_int_equal(read_table(ROUTES(ROW("10.200.0.10/32",
					       "<networkInterfaceId>eni-0bb</networkInterfaceId>"
					       "<state>blackhole</state>")),
				    &job),
			 0);
	assert_int_equal(job.route, AWS_ROUTE_BLACKHOLE);
	assert_false(job.route_is_ours);
	assert_string_equal(job.route_eni, "eni-0bb");
}

static void a_table_without_the_row_says_missing(void **state)
{
	struct aws_job job = {.route = AWS_ROUTE_ACTIVE};

	(void)state;
	assert_int_equal(
		read_table(ROUTES(LOCAL ROW("10.200.0.0/24", TO("eni-0aa", "i") ACTIVE)), &job), 0);
	assert_int_equal(job.route, AWS_ROUTE_MISSING);
	assert_false(job.route_is_ours);
}

static void a_propagated_route_is_another_row(void **state)
{
	struct aws_job job = {0};

	(void)state;
	assert_int_equal(read_table(ROUTES(ROW("10.200.0.10/32",
					       "<gatewayId>vgw-1</gatewayId><state>active</state>"
					       "<origin>EnableVgwRoutePropagation</origin>")),
				    &job),
			 0);
	assert_int_equal(job.route, AWS_ROUTE_MISSING);
	assert_int_equal(
		read_table(ROUTES(ROW("10.200.0.10/32", TO("eni-0aa", "i-0aa") ACTIVE) ROW(
				   "10.200.0.10/32", "<gatewayId>vgw-1</gatewayId>"
						     "<origin>EnableVgwRoutePropagation</origin>")),
			   &job),
		0);
	assert_true(job.route_is_ours);
}

static void an_ipv6_route_is_found_in_any_spelling(void **state)
{
	struct aws_job job = {0};

	(void)state;
	assert_int_equal(ip_parse("fd12::5", &job.vip), 0);
	assert_int_equal(read_table(ROUTES("<item><destinationIpv6CidrBlock>FD12:0:0::0005/128"
					   "</destinationIpv6CidrBlock>" TO("eni-0aa", "i-0aa")
						   ACTIVE "</item>"),
				    &job),
			 0);
	assert_true(job.route_is_ours);
	assert_int_equal(read_table(ROUTES("<item><destinationIpv6CidrBlock>fd12::5/64"
					   "</destinationIpv6CidrBlock>" ACTIVE "</item>"),
				    &job),
			 0);
	assert_int_equal(job.route, AWS_ROUTE_MISSING);
}

static void the_row_of_another_table_does_not_count(void **state)
{
	static const char xml[] =
		"<DescribeRouteTablesResponse><routeTableSet><item><routeTableId>rtb-2"
		"</routeTableId><routeSet>" ROW(
			"10.200.0.10/32",
			TO("eni-0aa", "i") ACTIVE) "</routeSet></item><item><routeTableId>rtb-1</"
						   "routeTableId><routeSet/></item>"
						   "</routeTableSet></DescribeRouteTablesResponse>";
	static const char reversed[] =
		"<DescribeRouteTablesResponse><routeTableSet><item><routeTableId>rtb-1"
		"</routeTableId><routeSet/></item><item><routeTableId>rtb-2</routeTableId>"
		"<routeSet>" ROW("10.200.0.10/32",
				 TO("eni-0aa", "i")
					 ACTIVE) "</routeSet></item>"
						 "</routeTableSet></DescribeRouteTablesResponse>";
	struct aws_job job = {0};

	(void)state;
	assert_int_equal(read_table(xml, &job), 0);
	assert_int_equal(job.route, AWS_ROUTE_MISSING);
	assert_int_equal(read_table(reversed, &job), 0);
	assert_int_equal(job.route, AWS_ROUTE_MISSING);
}

static void a_page_without_our_table_names_the_next_page(void **state)
{
	static const char xml[] =
		"<DescribeRouteTablesResponse><routeTableSet/><nextToken>abc</nextToken>"
		"</DescribeRouteTablesResponse>";
	static const char last[] = "<DescribeRouteTablesResponse><routeTableSet/><nextToken/>"
				   "</DescribeRouteTablesResponse>";
	struct aws_job job = {.table_id = "rtb-1"};
	char page[EC2_TOKEN_MAX];

	(void)state;
	assert_int_equal(ip_parse("10.200.0.10", &job.vip), 0);
	assert_int_equal(ec2_read_table(xml, strlen(xml), &job, &self, page, NULL), -ENOENT);
	assert_string_equal(page, "abc");
	assert_int_equal(ec2_read_table(last, strlen(last), &job, &self, page, NULL), -ENOENT);
	assert_string_equal(page, "");
}

static void an_answer_cut_anywhere_is_refused(void **state)
{
	static const char xml[] = ROUTES(ROW("10.200.0.10/32", TO("eni-0aa", "i-0aa") ACTIVE));
	struct aws_job job = {.table_id = "rtb-1"};
	char page[EC2_TOKEN_MAX];

	(void)state;
	assert_int_equal(ip_parse("10.200.0.10", &job.vip), 0);
	for (size_t length = 0; length < sizeof(xml) - 1; length++) {
		char *part = malloc(length + 1); /* exactly as long: a sanitizer sees an overrun */

		memcpy(part, xml, length);
		assert_int_equal(ec2_read_table(part, length, &job, &self, page, NULL), -EBADMSG);
		assert_string_equal(job.route_eni, ""); /* nothing of it is believed */
		free(part);
	}
	assert_int_equal(ec2_read_table(xml, sizeof(xml) - 1, &job, &self, page, NULL), 0);
}

static void setting_a_route_is_believed_when_ec2_says_true_or_nothing(void **state)
{
	static const char yes[] = "<ReplaceRouteResponse" XMLNS "><requestId>r</requestId>"
				  "<return>true</return></ReplaceRouteResponse>";
	static const char no[] =
		"<CreateRouteResponse><return>false</return></CreateRouteResponse>";
	static const char other[] = "<html><return>true</return></html>";

	(void)state;
	assert_int_equal(ec2_read_done(yes, sizeof(yes) - 1, NULL), 0);
	assert_int_equal(ec2_read_done("", 0, NULL), 0);
	assert_int_equal(ec2_read_done(no, sizeof(no) - 1, NULL), -EBADMSG);
	assert_int_equal(ec2_read_done(other, sizeof(other) - 1, NULL), -EBADMSG);
	assert_int_equal(ec2_read_done(yes, sizeof(yes) - 3, NULL), -EBADMSG);
}

/* --- EC2: the interface --- */

#define INTERFACE(id, address, check)                                                              \
	"<item><networkInterfaceId>" id "</networkInterfaceId><privateIpAddress>" address          \
	"</privateIpAddress><sourceDestCheck>" check "</sourceDestCheck><privateIpAddressesSet>"   \
	"<item><privateIpAddress>" address "</privateIpAddress></item></privateIpAddressesSet>"    \
	"<attachment><networkInterfaceId>eni-no</networkInterfaceId></attachment></item>"
#define INTERFACES(items)                                                                          \
	"<DescribeNetworkInterfacesResponse" XMLNS "><networkInterfaceSet>" items                  \
	"</networkInterfaceSet></DescribeNetworkInterfacesResponse>"

static int read_interface(const char *xml, const char *address, struct aws_job *job)
{
	memset(job, 0, sizeof(*job));
	if (address)
		assert_int_equal(ip_parse(address, &job->vip), 0);
	return ec2_read_interface(xml, strlen(xml), job, "eni-0aa", NULL);
}

static void the_source_dest_check_of_our_interface_is_read(void **state)
{
	struct aws_job job;

	(void)state;
	assert_int_equal(
		read_interface(INTERFACES(INTERFACE("eni-0bb", "10.0.0.2", "false")
						  INTERFACE("eni-0aa", "10.0.0.1", "true")),
			       NULL, &job),
		0);
	assert_true(job.source_dest_check);
	assert_string_equal(job.route_eni, "eni-0aa");
	assert_int_equal(
		read_interface(INTERFACES(INTERFACE("eni-0aa", "10.0.0.1", "false")), NULL, &job),
		0);
	assert_false(job.source_dest_check);
	/* What is not "false" is on: traffic would be lost. */
	assert_int_equal(
		read_interface(INTERFACES(INTERFACE("eni-0aa", "10.0.0.1", "maybe")), NULL, &job),
		0);
	assert_true(job.source_dest_check);
}

static void an_interface_is_found_by_its_address(void **state)
{
	struct aws_job job;

	(void)state;
	assert_int_equal(read_interface(INTERFACES(INTERFACE("eni-0bb", "10.0.0.2", "false")),
					"10.0.0.2", &job),
			 0);
	assert_string_equal(job.route_eni, "eni-0bb");
	assert_int_equal(read_interface(INTERFACES(INTERFACE("eni-0bb", "10.0.0.2", "false")),
					"10.0.0.3", &job),
			 -ENOENT);
	assert_int_equal(read_interface(INTERFACES(""), "10.0.0.3", &job), -ENOENT);
	assert_int_equal(
		read_interface(INTERFACES(INTERFACE("eni-0bb", "10.0.0.2", "false")
						  INTERFACE("eni-0cc", "10.0.0.2", "true")),
			       "10.0.0.2", &job),
		-ENOENT);
}

/* --- EC2: request bodies --- */

static void bodies_are_form_encoded(void **state)
{
	struct aws_job job = {.table_id = "rtb-1"};
	struct buf body;

	(void)state;
	buf_init(&body, EC2_BODY_MAX);
	assert_int_equal(ip_parse("10.200.0.10", &job.vip), 0);
	ec2_set_route(&body, false, &job, &self);
	assert_string_equal(body.data, "Action=ReplaceRoute&Version=2016-11-15&RouteTableId=rtb-1"
				       "&DestinationCidrBlock=10.200.0.10%2F32"
				       "&NetworkInterfaceId=eni-0aa");
	buf_clear(&body);
	job.target_instance = true;
	assert_int_equal(ip_parse("fd12::5", &job.vip), 0);
	ec2_set_route(&body, true, &job, &self);
	assert_string_equal(body.data,
			    "Action=CreateRoute&Version=2016-11-15&RouteTableId=rtb-1"
			    "&DestinationIpv6CidrBlock=fd12%3A%3A5%2F128&InstanceId=i-0aa");
	buf_clear(&body);
	ec2_describe_table(&body, "rtb-1", "a+b/c=&d~é");
	assert_string_equal(body.data, "Action=DescribeRouteTables&Version=2016-11-15"
				       "&RouteTableId.1=rtb-1&NextToken=a%2Bb%2Fc%3D%26d~%C3%A9");
	buf_clear(&body);
	ec2_describe_table_dry(&body, "rtb-1");
	assert_non_null(strstr(body.data, "&DryRun=true"));
	buf_clear(&body);
	ec2_describe_interface(&body, &(struct ip){0}, "eni-0aa", "vpc-1");
	assert_string_equal(body.data, "Action=DescribeNetworkInterfaces&Version=2016-11-15"
				       "&NetworkInterfaceId.1=eni-0aa");
	buf_clear(&body);
	assert_int_equal(ip_parse("10.0.0.2", &job.vip), 0);
	ec2_describe_interface(&body, &job.vip, "eni-0aa", "vpc-1");
	assert_string_equal(body.data, "Action=DescribeNetworkInterfaces&Version=2016-11-15"
				       "&Filter.1.Name=addresses.private-ip-address"
				       "&Filter.1.Value.1=10.0.0.2&Filter.2.Name=vpc-id"
				       "&Filter.2.Value.1=vpc-1");
	buf_free(&body);
}

/* --- EC2: the tables of the VPC --- */

#define TABLE(id, rows, links)                                                                     \
	"<item><routeTableId>" id "</routeTableId><routeSet>" LOCAL rows                           \
	"</routeSet><associationSet>" links "</associationSet></item>"
#define TABLES(items, more)                                                                        \
	"<DescribeRouteTablesResponse" XMLNS "><routeTableSet>" items "</routeTableSet>" more      \
	"</DescribeRouteTablesResponse>"
#define MAIN "<item><main>true</main></item>"
#define SUBNET "<item><main>false</main><subnetId>subnet-1</subnetId></item>"

static void the_tables_of_the_vpc_say_who_carries_the_address_and_who_uses_them(void **state)
{
	static const char xml[] = TABLES(
		TABLE("rtb-1", ROW("10.200.0.10/32", TO("eni-0bb", "i-0bb") ACTIVE),
		      MAIN) TABLE("rtb-2", ROW("10.200.0.0/24", ACTIVE), SUBNET)
			TABLE("rtb-3",
			      ROW("10.200.0.10/32", "<gatewayId>vgw-1</gatewayId>"
						    "<origin>EnableVgwRoutePropagation</origin>"),
			      "<item><main>false</main></item>"),
		"<nextToken>t2</nextToken>");
	struct aws_job job = {.call = AWS_TABLES};
	char page[EC2_TOKEN_MAX];

	(void)state;
	assert_int_equal(ip_parse("10.200.0.10", &job.vip), 0);
	assert_int_equal(ec2_read_tables(xml, strlen(xml), &job, page, NULL), 0);
	assert_string_equal(page, "t2");
	assert_int_equal(job.table_count, 3);
	assert_string_equal(job.tables[0].id, "rtb-1");
	assert_true(job.tables[0].carries && job.tables[0].main && job.tables[0].used);
	assert_false(job.tables[1].carries);
	assert_true(job.tables[1].used && !job.tables[1].main);
	assert_false(job.tables[2].carries || job.tables[2].used);
	/* the next page is added */
	assert_int_equal(ec2_read_tables(TABLES(TABLE("rtb-4", "", ""), ""),
					 strlen(TABLES(TABLE("rtb-4", "", ""), "")), &job, page,
					 NULL),
			 0);
	assert_string_equal(page, "");
	assert_int_equal(job.table_count, 4);
	free(job.tables);
}

static void tables_are_asked_for_by_vpc_and_tag(void **state)
{
	struct buf body;

	(void)state;
	buf_init(&body, EC2_BODY_MAX);
	ec2_describe_tables(&body, "vpc-1", "zone vip=a=b", "p 2");
	assert_string_equal(body.data,
			    "Action=DescribeRouteTables&Version=2016-11-15&Filter.1.Name=vpc-id"
			    "&Filter.1.Value.1=vpc-1&Filter.2.Name=tag%3Azone%20vip"
			    "&Filter.2.Value.1=a%3Db&MaxResults=100&NextToken=p%202");
	buf_free(&body);
}

static void the_state_of_the_instance_asked_for_is_read(void **state)
{
	static const char xml[] =
		"<DescribeInstancesResponse" XMLNS "><reservationSet><item><instancesSet>"
		"<item><instanceId>i-1</instanceId><instanceState><code>80</code>"
		"<name>stopped</name></instanceState></item>"
		"<item><instanceId>i-2</instanceId><instanceState><code>16</code>"
		"<name>running</name></instanceState></item>"
		"</instancesSet></item></reservationSet></DescribeInstancesResponse>";
	struct aws_job job = {.call = AWS_INSTANCE, .instance_id = "i-1"};

	(void)state;
	assert_int_equal(ec2_read_instance(xml, strlen(xml), &job, NULL), 0);
	assert_string_equal(job.instance_state, "stopped");
	strcpy(job.instance_id, "i-3");
	assert_int_equal(ec2_read_instance(xml, strlen(xml), &job, NULL), -ENOENT);
	assert_string_equal(job.instance_state, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_to_our_interface_is_ours),
		cmocka_unit_test(a_route_to_another_interface_of_our_instance_is_not_ours),
		cmocka_unit_test(a_blackhole_keeps_its_target),
		cmocka_unit_test(a_table_without_the_row_says_missing),
		cmocka_unit_test(a_propagated_route_is_another_row),
		cmocka_unit_test(an_ipv6_route_is_found_in_any_spelling),
		cmocka_unit_test(the_row_of_another_table_does_not_count),
		cmocka_unit_test(a_page_without_our_table_names_the_next_page),
		cmocka_unit_test(an_answer_cut_anywhere_is_refused),
		cmocka_unit_test(setting_a_route_is_believed_when_ec2_says_true_or_nothing),
		cmocka_unit_test(the_source_dest_check_of_our_interface_is_read),
		cmocka_unit_test(an_interface_is_found_by_its_address),
		cmocka_unit_test(bodies_are_form_encoded),
		cmocka_unit_test(
			the_tables_of_the_vpc_say_who_carries_the_address_and_who_uses_them),
		cmocka_unit_test(tables_are_asked_for_by_vpc_and_tag),
		cmocka_unit_test(the_state_of_the_instance_asked_for_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
