/* SPDX-License-Identifier: MIT */
/*
 * What the worker promises about time and connections, against a server that
 * is silent, slow, gone or lying: deadlines, cancels, one sending per job,
 * names that never resolve, connections kept warm.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/aws_fake.h"

static int open_fake(void **state)
{
	*state = fake_open();
	return 0;
}

static int close_fake(void **state)
{
	fake_close(*state);
	return 0;
}

static void silent(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->silent = true;
}

/* Answers the first of each action, then falls silent. */
static void silent_later(struct fake *fake, const struct fake_request *request,
			 struct fake_reply *reply)
{
	(void)fake;
	if (request->nth > 1)
		reply->silent = true;
	else
		fake_ok(request, reply);
}

/* --- deadlines ------------------------------------------------------------------------------ */

static void assert_ends_at_deadline(const struct aws_job *job)
{
	assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
	assert_in_range(job->done - job->deadline, 0, PATIENCE);
	assert_non_null(strstr(job->error, "no answer from 127.0.0.1"));
	assert_true(job->sent > 0 && job->sent < job->done);
}

static void a_silent_server_is_unknown_at_the_deadline_and_reset(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_PARAM_PUT);

	fake->script = silent;
	fake_start(fake);
	job->deadline = mono_now() + 300 * MSEC;
	assert_ends_at_deadline(fake_do(fake, job));
	fake_wait_for(fake, &fake->resets, 1); /* RST, not a polite end */
	assert_int_equal(fake->requests, 1);
}

static void a_reused_connection_is_reset_at_the_deadline_too(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job;

	fake->script = silent_later;
	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_OK);
	job = fake_job(AWS_PARAM_PUT);
	job->deadline = mono_now() + 200 * MSEC;
	assert_ends_at_deadline(fake_do(fake, job));
	fake_wait_for(fake, &fake->resets, 1);
	assert_int_equal(fake->accepted, 1);
	/* The next one gets a connection of its own. */
	fake->script = silent;
	job = fake_job(AWS_PARAM_GET);
	job->deadline = mono_now() + 100 * MSEC;
	assert_ends_at_deadline(fake_do(fake, job));
	assert_int_equal(fake->accepted, 2);
}

static void drip(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	fake_ok(request, reply);
	reply->promise = 1000; /* and then nothing more: the connection is closed */
	(void)fake;
}

static void an_answer_cut_short_is_unknown(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = drip;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_ROUTE_SET));
	assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
	assert_true(job->done < job->deadline);
	assert_int_equal(fake->requests, 1);
}

static void a_job_that_is_too_old_is_not_sent(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_PARAM_PUT);

	fake_start(fake);
	job->not_after = mono_now() - 1;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_NOT_SENT);
	assert_int_equal(job->sent, 0);
	job = fake_job(AWS_PARAM_GET);
	job->deadline = mono_now() - 1;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_NOT_SENT);
	assert_int_equal(fake->requests, 0);
}

static void a_job_that_grows_old_while_it_connects_is_not_sent(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job;
	char url[64];

	(void)snprintf(url, sizeof(url), "http://slow.test:%d", fake->api_port);
	fake->config.endpoint_ssm = url;
	fake_start(fake);
	job = fake_job(AWS_PARAM_PUT);
	job->not_after = mono_now() + 50 * MSEC; /* the name takes 250 ms */
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_NOT_SENT);
	assert_non_null(strstr(job->error, "too old"));
	assert_int_equal(fake->requests, 0);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_OK);
}

/* --- cancelling ---------------------------------------------------------------------------------
 */

static void a_cancel_ends_writes_of_one_instance_at_once(void **state)
{
	struct fake *fake = *state;
	struct aws_job *read = fake_job(AWS_PARAM_GET);
	struct aws_job *other = fake_job(AWS_PARAM_PUT);

	fake->script = silent;
	fake_start(fake);
	read->deadline = other->deadline = mono_now() + 3 * SEC;
	other->instance = 2;
	fake_submit(fake, read);
	fake_submit(fake, fake_job(AWS_ROUTE_SET));
	fake_submit(fake, fake_job(AWS_PARAM_PUT));
	fake_submit(fake, other);
	fake_wait_for(fake, &fake->requests, 4);
	aws_cancel(fake->aws, 1);
	fake_wait(fake, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(fake->jobs[i]->outcome, OUTCOME_UNKNOWN);
		assert_true(fake->jobs[i]->sent > 0);
		assert_true(fake->jobs[i]->done < fake->jobs[i]->deadline - SEC);
		assert_int_equal(fake->jobs[i]->instance, 1);
	}
	fake_wait_for(fake, &fake->resets, 2);
	fake_wait(fake, 4);
	assert_ends_at_deadline(read);
	assert_ends_at_deadline(other);
}

static void a_cancelled_write_that_never_left_is_not_sent(void **state)
{
	struct fake *fake = *state;
	char url[64];

	(void)snprintf(url, sizeof(url), "http://slow.test:%d", fake->api_port);
	fake->config.endpoint_ec2 = url;
	fake_start(fake);
	fake_submit(fake, fake_job(AWS_ROUTE_SET));
	aws_cancel(fake->aws, 1);
	fake_wait(fake, 1);
	assert_int_equal(fake->jobs[0]->outcome, OUTCOME_NOT_SENT);
	fake_run(fake, 300);
	assert_int_equal(fake->requests, 0);
}

static void a_job_submitted_after_the_cancel_lives(void **state)
{
	struct fake *fake = *state;

	fake_start(fake);
	aws_cancel(fake->aws, 1);
	fake_submit(fake, fake_job(AWS_PARAM_PUT));
	fake_wait(fake, 1);
	assert_int_equal(fake->jobs[0]->outcome, OUTCOME_OK);
}

/* --- one sending per job
 * ---------------------------------------------------------------------------- */

/* Resets the connection instead of answering its second request. */
static void drop_second(struct fake *fake, const struct fake_request *request,
			struct fake_reply *reply)
{
	if (fake->requests == 2)
		reply->drop = true;
	else
		fake_ok(request, reply);
}

static void a_write_on_a_dying_connection_is_not_sent_twice(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = drop_second;
	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_OK);
	job = fake_do(fake, fake_job(AWS_PARAM_PUT));
	assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
	assert_true(job->done < job->deadline);
	fake_run(fake, 100);
	assert_int_equal(fake->requests, 2);
}

static void a_read_on_a_dying_connection_is_asked_again(void **state)
{
	struct fake *fake = *state;

	fake->script = drop_second;
	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	assert_int_equal(fake->requests, 3);
}

static void a_write_on_a_connection_that_died_idle_goes_out_on_a_new_one(void **state)
{
	struct fake *fake = *state;

	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_OK);
	fake_api_down(fake); /* a balancer's idle timeout: the connection is reset */
	fake_api_up(fake);
	fake_run(fake, 20);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_OK);
	assert_int_equal(fake->requests, 2);
	assert_int_equal(fake->accepted, 2);
}

static void a_refused_connection_is_evidence_for_a_read_and_no_write(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake_api_down(fake);
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
	assert_non_null(strstr(job->error, "Failed to connect"));
	assert_int_equal(job->sent, 0);
	job = fake_do(fake, fake_job(AWS_PARAM_PUT));
	assert_int_equal(job->outcome, OUTCOME_NOT_SENT);
}

/* --- answers that are too much
 * ------------------------------------------------------------------------ */

static void huge(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->status = 200;
	reply->length = 100 * 1024;
	memset(reply->body, ' ', reply->length);
}

static void a_body_beyond_its_cap_ends_the_call(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = huge;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
	assert_non_null(strstr(job->error, "too large"));
}

static void elsewhere(struct fake *fake, const struct fake_request *request,
		      struct fake_reply *reply)
{
	(void)request;
	reply->status = 307;
	(void)snprintf(reply->headers, sizeof(reply->headers), "Location: %s/x\r\n",
		       fake->imds_url);
}

static void a_redirection_is_not_followed(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = elsewhere;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_PARAM_PUT));
	assert_int_equal(job->outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(job->error, "redirections are not followed"));
	assert_int_equal(fake_count(fake, "POST /x"), 0);
	assert_int_equal(fake->requests, 1);
}

/* --- names
 * ------------------------------------------------------------------------------------------------
 */

static void a_name_server_that_never_answers_holds_up_nobody(void **state)
{
	struct fake *fake = *state;
	struct aws_job *read;
	mono_us start;
	char url[64];

	(void)snprintf(url, sizeof(url), "http://hang.test:%d", fake->api_port);
	fake->config.endpoint_ssm = url;
	fake_start(fake);
	read = fake_job(AWS_PARAM_GET);
	read->deadline = mono_now() + 200 * MSEC;
	fake_submit(fake, read);
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_OK);
	fake_wait(fake, 2);
	assert_int_equal(read->outcome, OUTCOME_UNKNOWN);
	assert_in_range(read->done - read->deadline, 0, PATIENCE);
	assert_non_null(strstr(read->error, "no answer from the name server"));
	start = mono_now();
	aws_close(fake->aws);
	fake->aws = NULL;
	assert_true(mono_now() - start < PATIENCE);
	fake_resolver_release();
}

static void a_name_that_does_not_exist_is_said_at_once(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->config.endpoint_ssm = "http://gone.test";
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
	assert_true(job->done < job->deadline);
	assert_non_null(strstr(job->error, "cannot look up gone.test: "));
	job = fake_do(fake, fake_job(AWS_PARAM_PUT));
	assert_int_equal(job->outcome, OUTCOME_NOT_SENT);
}

static void the_last_good_addresses_outlive_the_name_server(void **state)
{
	struct fake *fake = *state;
	unsigned int before;
	char url[64];

	(void)snprintf(url, sizeof(url), "http://flaky.test:%d", fake->api_port);
	fake->config.endpoint_ssm = url;
	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	/* A connection that fails makes the worker look the name up again, in vain. */
	fake_resolver_fails(true);
	before = fake_resolver_asked();
	fake_api_down(fake);
	fake_run(fake, 20);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_UNKNOWN);
	for (int i = 0; i < 100 && fake_resolver_asked() == before; i++)
		fake_run(fake, 100);
	assert_true(fake_resolver_asked() > before);
	fake_api_up(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	fake_resolver_fails(false);
}

/* --- connections
 * ---------------------------------------------------------------------------------------------- */

static void one_connection_carries_call_after_call(void **state)
{
	struct fake *fake = *state;
	struct aws_counters counters;

	fake_start(fake);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	aws_counters(fake->aws, &counters);
	assert_int_equal(fake->accepted, 1);
	assert_int_equal(counters.connects, 1);
	assert_int_equal(counters.calls[AWS_PARAM_GET], 20);
	assert_int_equal(counters.failures[AWS_PARAM_GET], 0);
}

static void slow(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	(void)fake;
	fake_ok(request, reply);
	reply->delay_ms = 500; /* long enough for all of them to be under way together */
}

static void submit_tables(struct fake *fake, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct aws_job *job = fake_job(AWS_ROUTE_SET);

		job->table = i;
		(void)snprintf(job->table_id, sizeof(job->table_id), "rtb-%u", i);
		fake_submit(fake, job);
	}
}

static void sixteen_tables_are_written_at_the_same_time(void **state)
{
	struct fake *fake = *state;

	fake->script = slow;
	fake_start(fake);
	for (unsigned int round = 1; round <= 2; round++) {
		submit_tables(fake, 16);
		fake_wait(fake, 16 * round);
		assert_int_equal(fake->in_flight_max, 16);
		assert_int_equal(fake->accepted, 16); /* the second round finds them open */
	}
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(fake->jobs[i]->outcome, OUTCOME_OK);
}

static void ping_or_ok(struct fake *fake, const struct fake_request *request,
		       struct fake_reply *reply)
{
	if (strstr(request->text, "&DryRun=true"))
		fake_ec2_error(reply, 412, "DryRunOperation", "would have succeeded");
	else
		fake_ok(request, reply);
	reply->delay_ms = 30; /* on loopback one would be done before the next begins */
	(void)fake;
}

static void connections_for_all_tables_are_warm_before_they_are_needed(void **state)
{
	struct fake *fake = *state;
	mono_us start = mono_now();
	unsigned int periods;
	unsigned int opened;
	unsigned int before;
	unsigned int reads;

	fake->config.warm = 400 * MSEC;
	fake->script = ping_or_ok;
	fake_start(fake);
	for (unsigned int i = 0; i < 4; i++) { /* one after the other: one connection */
		struct aws_job *job = fake_job(AWS_ROUTE_GET);

		(void)snprintf(job->table_id, sizeof(job->table_id), "rtb-%u", i);
		(void)fake_do(fake, job);
	}
	assert_int_equal(fake->accepted, 1);
	/* Too narrow a traffic to warm them all by itself. */
	for (reads = 4; reads < 400 && fake->accepted < 4; reads++) {
		(void)fake_do(fake, fake_job(AWS_ROUTE_GET));
		fake_run(fake, 70);
	}
	do
		fake_run(fake, 100);
	while (fake->in_flight);
	/* One more where a read met all of them in use. */
	assert_in_range(fake->accepted, 4, 5);
	periods = (unsigned int)((mono_now() - start) / fake->config.warm);
	opened = fake->accepted;
	before = fake_count(fake, "DescribeRouteTables");
	assert_in_range(before, reads + 4, reads + 4 * (periods + 2)); /* one a table and period */
	submit_tables(fake, 4);
	fake_wait(fake, reads + 4);
	assert_int_equal(fake->accepted, opened);
}

static void traffic_of_its_own_keeps_a_service_from_being_pinged(void **state)
{
	struct fake *fake = *state;

	fake->config.warm = 2 * SEC;
	fake_start(fake);
	for (unsigned int i = 0; i < 10; i++) {
		(void)fake_do(fake, fake_job(AWS_PARAM_GET));
		fake_run(fake, 300);
	}
	assert_int_equal(fake_count(fake, "GetParameter"), 10);
	/* and then it is */
	for (int i = 0; i < 100 && fake_count(fake, "GetParameter") == 10; i++)
		fake_run(fake, 200);
	assert_in_range(fake_count(fake, "GetParameter"), 11, 13);
	assert_int_equal(fake->accepted, 1);
}

/* Nobody accepts, and the queue is full: the handshake hangs. */
static int full_listener(int clients[3], int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	for (int i = 0; i < 3; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(clients[i], (struct sockaddr *)&address, length);
	}
	*port = ntohs(address.sin_port);
	return fd;
}

/* libcurl does not tell of such a socket's end; the leak sanitizer is the judge. */
static void a_handshake_that_hangs_is_forgotten_with_the_worker(void **state)
{
	struct fake *fake = *state;
	int clients[3];
	char url[64];
	int port;
	int fd = full_listener(clients, &port);

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	fake->config.endpoint_ssm = url;
	fake_start(fake);
	fake_submit(fake, fake_job(AWS_PARAM_GET));
	fake_run(fake, 200);
	assert_int_equal(fake->done, 0);
	aws_close(fake->aws);
	fake->aws = NULL;
	for (int i = 0; i < 3; i++)
		(void)close(clients[i]);
	(void)close(fd);
}

static void closing_takes_no_time_whatever_is_under_way(void **state)
{
	struct fake *fake = *state;
	mono_us start;

	fake->script = silent;
	fake_start(fake);
	submit_tables(fake, 8);
	fake_submit(fake, fake_job(AWS_PARAM_PUT));
	fake_wait_for(fake, &fake->requests, 9);
	submit_tables(fake, 8); /* these have perhaps not even reached the worker */
	start = mono_now();
	aws_close(fake->aws);
	fake->aws = NULL;
	assert_true(mono_now() - start < PATIENCE);
	assert_int_equal(fake->done, 0);
	fake_wait_for(fake, &fake->resets, 9);
	assert_true(fake->resets <= 17);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_silent_server_is_unknown_at_the_deadline_and_reset),
		TEST(a_reused_connection_is_reset_at_the_deadline_too),
		TEST(an_answer_cut_short_is_unknown),
		TEST(a_job_that_is_too_old_is_not_sent),
		TEST(a_job_that_grows_old_while_it_connects_is_not_sent),
		TEST(a_cancel_ends_writes_of_one_instance_at_once),
		TEST(a_cancelled_write_that_never_left_is_not_sent),
		TEST(a_job_submitted_after_the_cancel_lives),
		TEST(a_write_on_a_dying_connection_is_not_sent_twice),
		TEST(a_read_on_a_dying_connection_is_asked_again),
		TEST(a_write_on_a_connection_that_died_idle_goes_out_on_a_new_one),
		TEST(a_refused_connection_is_evidence_for_a_read_and_no_write),
		TEST(a_body_beyond_its_cap_ends_the_call),
		TEST(a_redirection_is_not_followed),
		TEST(a_name_server_that_never_answers_holds_up_nobody),
		TEST(a_name_that_does_not_exist_is_said_at_once),
		TEST(the_last_good_addresses_outlive_the_name_server),
		TEST(one_connection_carries_call_after_call),
		TEST(sixteen_tables_are_written_at_the_same_time),
		TEST(connections_for_all_tables_are_warm_before_they_are_needed),
		TEST(traffic_of_its_own_keeps_a_service_from_being_pinged),
		TEST(a_handshake_that_hangs_is_forgotten_with_the_worker),
		TEST(closing_takes_no_time_whatever_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
