// SPDX-License-Identifier: GPL-2.0-only
/* module/core/fsm.c: every pair of state and event, every pair of states. */
#include <netinet/tcp.h>

#include <xtcp/fsm.h>

#include "tap.h"

static_assert((int)XTCP_ESTABLISHED == TCP_ESTABLISHED);
static_assert((int)XTCP_SYN_SENT == TCP_SYN_SENT);
static_assert((int)XTCP_SYN_RECV == TCP_SYN_RECV);
static_assert((int)XTCP_FIN_WAIT1 == TCP_FIN_WAIT1);
static_assert((int)XTCP_FIN_WAIT2 == TCP_FIN_WAIT2);
static_assert((int)XTCP_TIME_WAIT == TCP_TIME_WAIT);
static_assert((int)XTCP_CLOSE == TCP_CLOSE);
static_assert((int)XTCP_CLOSE_WAIT == TCP_CLOSE_WAIT);
static_assert((int)XTCP_LAST_ACK == TCP_LAST_ACK);
static_assert((int)XTCP_LISTEN == TCP_LISTEN);
static_assert((int)XTCP_CLOSING == TCP_CLOSING);

/*
 * The table once more, as a reader draws it from RFC 9293 3.3.2 and 3.10: one row
 * per state, one letter per event in the order of enum xtcp_event, '.' illegal.
 */
static const char letters[XTCP_STATE_MAX + 1] = "?ESR12TCWKLG";
static const char *const expected[XTCP_STATE_MAX] = {
	/*                   passive
	 *                   |active
	 *                   ||child
	 *                   |||SYN
	 *                   ||||SYNACK
	 *                   |||||ack of SYN
	 *                   ||||||FIN
	 *                   |||||||ack of FIN
	 *                   ||||||||FIN + ack of FIN
	 *                   |||||||||RST
	 *                   ||||||||||close
	 *                   |||||||||||abort
	 *                   ||||||||||||timeout
	 */
	[XTCP_ESTABLISHED] = "......W..C1CC",
	[XTCP_SYN_SENT]    = "...RE....CCCC",
	[XTCP_SYN_RECV]    = ".....EW..C1CC",
	[XTCP_FIN_WAIT1]   = "......G2TC1CC",
	[XTCP_FIN_WAIT2]   = "......T..C2CC",
	[XTCP_TIME_WAIT]   = "......T..C.CC",
	[XTCP_CLOSE]       = "LSR.......CC.",
	[XTCP_CLOSE_WAIT]  = "......W..CKCC",
	[XTCP_LAST_ACK]    = "......KCCCKCC",
	[XTCP_LISTEN]      = "L.........CC.",
	[XTCP_CLOSING]     = "......GTTCGCC",
};

TEST(fsm_next__every_pair)
{
	int s, e;

	for (s = 1; s < XTCP_STATE_MAX; s++) {
		EXPECT_EQ(strlen(expected[s]), XTCP_EV_MAX);
		for (e = 0; e < XTCP_EV_MAX; e++) {
			int next = xtcp_fsm_next(s, e);

			if (next != -1)
				EXPECT_EQ(expected[s][e], letters[next]);
			else
				EXPECT_EQ(expected[s][e], '.');
		}
	}
}

TEST(fsm_next__out_of_range)
{
	int e;

	for (e = 0; e < XTCP_EV_MAX; e++) {
		EXPECT_EQ(xtcp_fsm_next(0, e), -1);
		EXPECT_EQ(xtcp_fsm_next(-1, e), -1);
		EXPECT_EQ(xtcp_fsm_next(XTCP_STATE_MAX, e), -1);
	}
	EXPECT_EQ(xtcp_fsm_next(XTCP_ESTABLISHED, -1), -1);
	EXPECT_EQ(xtcp_fsm_next(XTCP_ESTABLISHED, XTCP_EV_MAX), -1);
}

TEST(fsm_next__any_connection_can_be_aborted)
{
	int s;

	for (s = 1; s < XTCP_STATE_MAX; s++)
		EXPECT_EQ(xtcp_fsm_next(s, XTCP_EV_ABORT), XTCP_CLOSE);
}

/* From every state some walk of events reaches every other one. */
TEST(fsm_next__no_dead_end)
{
	int from, e, s, round;

	for (from = 1; from < XTCP_STATE_MAX; from++) {
		bool seen[XTCP_STATE_MAX] = { false };

		seen[from] = true;
		for (round = 0; round < XTCP_STATE_MAX; round++)
			for (s = 1; s < XTCP_STATE_MAX; s++)
				for (e = 0; seen[s] && e < XTCP_EV_MAX; e++)
					if (xtcp_fsm_next(s, e) > 0)
						seen[xtcp_fsm_next(s, e)] = true;
		for (s = 1; s < XTCP_STATE_MAX; s++)
			EXPECT_TRUE(seen[s]);
	}
}

TEST(fsm_edge_legal__every_pair)
{
	int from, to;

	for (from = 1; from < XTCP_STATE_MAX; from++)
		for (to = 1; to < XTCP_STATE_MAX; to++)
			EXPECT_EQ(xtcp_fsm_edge_legal(from, to),
				  !!strchr(expected[from], letters[to]));
}

TEST(fsm_edge_legal__out_of_range)
{
	EXPECT_FALSE(xtcp_fsm_edge_legal(0, XTCP_CLOSE));
	EXPECT_FALSE(xtcp_fsm_edge_legal(XTCP_STATE_MAX, XTCP_CLOSE));
	EXPECT_FALSE(xtcp_fsm_edge_legal(XTCP_ESTABLISHED, 0));
	EXPECT_FALSE(xtcp_fsm_edge_legal(XTCP_ESTABLISHED, -1));
	EXPECT_FALSE(xtcp_fsm_edge_legal(XTCP_ESTABLISHED, XTCP_STATE_MAX));
}

TEST(fsm_state_name__all_named_and_different)
{
	int s, t;

	for (s = 1; s < XTCP_STATE_MAX; s++)
		for (t = 0; t <= XTCP_STATE_MAX; t++)
			EXPECT_EQ(!strcmp(xtcp_fsm_state_name(s), xtcp_fsm_state_name(t)), s == t);
	EXPECT_STREQ(xtcp_fsm_state_name(-1), "?");
	EXPECT_STREQ(xtcp_fsm_state_name(XTCP_LAST_ACK), "LAST_ACK");
}

TEST(fsm_event_name__all_named_and_different)
{
	int e, f;

	for (e = 0; e < XTCP_EV_MAX; e++)
		for (f = -1; f <= XTCP_EV_MAX; f++)
			EXPECT_EQ(!strcmp(xtcp_fsm_event_name(e), xtcp_fsm_event_name(f)), e == f);
	EXPECT_STREQ(xtcp_fsm_event_name(-1), "?");
	EXPECT_STREQ(xtcp_fsm_event_name(XTCP_EV_RCV_RST), "RCV_RST");
}
