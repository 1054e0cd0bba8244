// SPDX-License-Identifier: GPL-2.0-only
/* What /proc/net/xtcp_listeners says of a listener that cannot serve all who come. */
#include "passive_test.h"

/* A listener's line. */
struct line {
	char local[32];
	unsigned long backlog, waiting, half_open, longest_ms;
	unsigned long syn_full, share_full, accept_full;
	unsigned long cookies_sent, cookies_valid, cookies_invalid;
};

static const char columns[] =
	"local backlog waiting half_open longest_ms syn_full share_full accept_full "
	"cookies_sent cookies_valid cookies_invalid inode\n";

static struct line now;

/* False when the listener has no line. */
static bool look(const struct conn *l)
{
	FILE *f = fopen("/proc/self/net/xtcp_listeners", "r");
	char line[256], want[32];
	bool found = false;

	snprintf(want, sizeof(want), "192.0.2.1:%u", l->lport);
	now = (struct line) { };
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%31s %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu",
			       now.local,
			       &now.backlog, &now.waiting, &now.half_open, &now.longest_ms,
			       &now.syn_full, &now.share_full, &now.accept_full,
			       &now.cookies_sent, &now.cookies_valid,
			       &now.cookies_invalid) == 11 &&
			!strcmp(now.local, want);
	if (f)
		fclose(f);
	tap_note("%s: waiting %lu half-open %lu longest %lu ms", now.local, now.waiting,
		 now.half_open, now.longest_ms);
	tap_note("SYN full %lu accept full %lu cookies %lu valid %lu invalid %lu", now.syn_full,
		 now.accept_full, now.cookies_sent, now.cookies_valid, now.cookies_invalid);
	return found;
}

static bool header(void)
{
	FILE *f = fopen("/proc/self/net/xtcp_listeners", "r");
	char line[256] = "";
	bool ok;

	ok = f && fgets(line, sizeof(line), f) && !strcmp(line, columns);
	if (f)
		fclose(f);
	return ok;
}

static void test_lines(void)
{
	struct conn l, other;
	bool ok;

	conn_init(&l, fsm_family, true);
	ok = !look(&l);
	conn_listen(&l, 7);
	conn_init(&other, fsm_family, true);
	conn_listen(&other, 3);
	tap_ok(header(), "the names of the columns");
	ok &= look(&other) && now.backlog == 3 && look(&l) && now.backlog == 7 &&
	      !now.waiting && !now.half_open && !now.longest_ms && !now.syn_full &&
	      !now.share_full && !now.accept_full && !now.cookies_sent && !now.cookies_valid &&
	      !now.cookies_invalid;
	tap_ok(ok, "a line for each listener, all 0 at first");
	conn_kill(&l);
	tap_ok(!look(&l) && look(&other), "that goes with it");
	conn_kill(&other);
}

static void test_accept_queue(void)
{
	struct conn l, c[3], other;
	bool ok;
	int i;

	conn_init(&other, fsm_family, true);
	conn_listen(&other, 0);
	conn_init(&l, fsm_family, true);
	conn_listen(&l, 0);
	for (i = 0; i < 3; i++)
		client(&c[i], &l);
	ok = syn_answered(&c[0]) && look(&l) && now.half_open == 1;
	fsm_tcp_knob("syncookies", "2");
	ok &= syn_answered(&c[1]);
	fsm_tcp_knob("syncookies", "1");
	send_ack(&c[0]);
	tap_ok(ok && look(&l) && now.waiting == 1 && now.half_open == 0, "who waits, who is half-open");
	ok = !syn_answered(&c[2]) && look(&l) && now.accept_full == 1;
	send_ack(&c[1]);
	tap_ok(ok && silent(&c[1]) && look(&l) && now.accept_full == 2,
	       "a SYN and a last ACK that found the accept queue full");
	tap_ok(look(&other) && !now.accept_full, "and the other listener's is its own");
	conn_kill(&l);
	conn_kill(&other);
}

static void test_longest(void)
{
	struct conn l, c;
	bool ok;

	conn_init(&l, fsm_family, true);
	conn_listen(&l, 8);
	client(&c, &l);
	ok = syn_answered(&l) && syn_answered(&c);
	send_ack(&l);
	nap_ms(200);
	send_ack(&c);
	tap_ok(ok && look(&l) && now.longest_ms >= 200 && now.longest_ms < 300,
	       "who waits now counts in the longest wait");
	drop(accept(l.lfd, NULL, NULL));
	ok = look(&l) && now.longest_ms >= 200;
	nap_ms(50);
	drop(accept(l.lfd, NULL, NULL));
	tap_ok(ok && look(&l) && now.longest_ms >= 200 && now.longest_ms < 300,
	       "which stays when they are accepted");
	conn_kill(&l);
}

static void test_syn_queue(void)
{
	struct conn l, c[3];
	bool ok;
	int i;

	fsm_tcp_knob("syncookies", "0");
	conn_init(&l, fsm_family, true);
	conn_listen(&l, 1);
	for (i = 0; i < 3; i++)
		client(&c[i], &l);
	ok = syn_answered(&c[0]) && syn_answered(&c[1]) && look(&l) && !now.syn_full;
	ok &= !syn_answered(&c[2]) && look(&l) && now.syn_full == 1 && !now.cookies_sent;
	tap_ok(ok, "a SYN that found the SYN queue full");
	fsm_tcp_knob("syncookies", "1");
	ok = syn_answered(&c[2]) && look(&l) && now.syn_full == 2 && now.cookies_sent == 1;
	tap_ok(ok, "one that got a cookie");
	c[2].rcv_nxt += 77;
	send_ack(&c[2]);
	ok = answered(&c[2], RST) && look(&l) && now.cookies_invalid == 1 && !now.cookies_valid;
	c[2].rcv_nxt = c[2].irs + 1;
	send_ack(&c[2]);
	tap_ok(ok && look(&l) && now.cookies_invalid == 1 && now.cookies_valid == 1,
	       "cookies that came back, wrong and right");
	conn_kill(&l);
}

int main(void)
{
	tun_open();
	tap_plan(11);
	test_lines();
	test_accept_queue();
	test_longest();
	test_syn_queue();
	return tap_done();
}
