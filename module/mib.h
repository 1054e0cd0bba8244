/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters, per CPU and namespace, one per cause.
 *
 * Group Tcp and TcpExt carry native TCP's names where the meaning is the same,
 * so that dashboards carry over; group XTcp is our own. A new counter is one line
 * here, one in Documentation/counters.rst and a test that sees it move.
 */
#ifndef _XTCP_MIB_H
#define _XTCP_MIB_H

#include <linux/percpu.h>

#define XTCP_MIB_TCP(X)							\
	X(ACTIVEOPENS, "ActiveOpens")					\
	X(PASSIVEOPENS, "PassiveOpens")					\
	X(ATTEMPTFAILS, "AttemptFails")					\
	X(ESTABRESETS, "EstabResets")					\
	X(CURRESTAB, "CurrEstab")					\
	X(INSEGS, "InSegs")						\
	X(OUTSEGS, "OutSegs")						\
	X(RETRANSSEGS, "RetransSegs")					\
	X(INERRS, "InErrs")						\
	X(OUTRSTS, "OutRsts")						\
	X(INCSUMERRORS, "InCsumErrors")

#define XTCP_MIB_TCPEXT(X)						\
	X(SYNCOOKIESSENT, "SyncookiesSent")				\
	X(SYNCOOKIESRECV, "SyncookiesRecv")				\
	X(SYNCOOKIESFAILED, "SyncookiesFailed")				\
	X(EMBRYONICRSTS, "EmbryonicRsts")				\
	X(LISTENOVERFLOWS, "ListenOverflows")				\
	X(LISTENDROPS, "ListenDrops")					\
	X(REQQFULLDOCOOKIES, "TCPReqQFullDoCookies")			\
	X(REQQFULLDROP, "TCPReqQFullDrop")				\
	X(DEFERACCEPTDROP, "TCPDeferAcceptDrop")			\
	X(TIMEWAITED, "TW")						\
	X(TIMEWAITRECYCLED, "TWRecycled")				\
	X(TIMEWAITKILLED, "TWKilled")					\
	X(TIMEWAITOVERFLOW, "TCPTimeWaitOverflow")			\
	X(PAWSACTIVE, "PAWSActive")					\
	X(PAWSESTAB, "PAWSEstab")					\
	X(DELAYEDACKS, "DelayedACKs")					\
	X(DELAYEDACKLOCKED, "DelayedACKLocked")				\
	X(DELAYEDACKLOST, "DelayedACKLost")				\
	X(HPHITS, "TCPHPHits")						\
	X(PUREACKS, "TCPPureAcks")					\
	X(HPACKS, "TCPHPAcks")						\
	X(RENORECOVERY, "TCPRenoRecovery")				\
	X(SACKRECOVERY, "TCPSackRecovery")				\
	X(SACKRENEGING, "TCPSACKReneging")				\
	X(SACKDISCARD, "TCPSACKDiscard")				\
	X(FULLUNDO, "TCPFullUndo")					\
	X(DSACKUNDO, "TCPDSACKUndo")					\
	X(LOSSUNDO, "TCPLossUndo")					\
	X(LOSTRETRANSMIT, "TCPLostRetransmit")				\
	X(FASTRETRANS, "TCPFastRetrans")				\
	X(SLOWSTARTRETRANS, "TCPSlowStartRetrans")			\
	X(TIMEOUTS, "TCPTimeouts")					\
	X(LOSSPROBES, "TCPLossProbes")					\
	X(LOSSPROBERECOVERY, "TCPLossProbeRecovery")			\
	X(SPURIOUSRTOS, "TCPSpuriousRTOs")				\
	X(RETRANSFAIL, "TCPRetransFail")				\
	X(SPURIOUSRTXHOSTQUEUES, "TCPSpuriousRtxHostQueues")		\
	X(SYNRETRANS, "TCPSynRetrans")					\
	X(DSACKOLDSENT, "TCPDSACKOldSent")				\
	X(DSACKOFOSENT, "TCPDSACKOfoSent")				\
	X(DSACKRECV, "TCPDSACKRecv")					\
	X(PRUNECALLED, "PruneCalled")					\
	X(RCVPRUNED, "RcvPruned")					\
	X(OFOPRUNED, "OfoPruned")					\
	X(RCVCOLLAPSED, "TCPRcvCollapsed")				\
	X(RCVQDROP, "TCPRcvQDrop")					\
	X(OFOQUEUE, "TCPOFOQueue")					\
	X(OFODROP, "TCPOFODrop")					\
	X(OFOMERGE, "TCPOFOMerge")					\
	X(ACKCOMPRESSED, "TCPAckCompressed")				\
	X(RCVCOALESCE, "TCPRcvCoalesce")				\
	X(BACKLOGDROP, "TCPBacklogDrop")				\
	X(ZEROWINDOWDROP, "TCPZeroWindowDrop")				\
	X(ABORTONDATA, "TCPAbortOnData")				\
	X(ABORTONCLOSE, "TCPAbortOnClose")				\
	X(ABORTONMEMORY, "TCPAbortOnMemory")				\
	X(ABORTONTIMEOUT, "TCPAbortOnTimeout")				\
	X(ABORTONLINGER, "TCPAbortOnLinger")				\
	X(ABORTFAILED, "TCPAbortFailed")				\
	X(MEMORYPRESSURES, "TCPMemoryPressures")			\
	X(MINTTLDROP, "TCPMinTTLDrop")					\
	X(CHALLENGEACK, "TCPChallengeACK")				\
	X(SYNCHALLENGE, "TCPSYNChallenge")				\
	X(ACKSKIPPEDSYNRECV, "TCPACKSkippedSynRecv")			\
	X(ACKSKIPPEDPAWS, "TCPACKSkippedPAWS")				\
	X(ACKSKIPPEDSEQ, "TCPACKSkippedSeq")				\
	X(ACKSKIPPEDFINWAIT2, "TCPACKSkippedFinWait2")			\
	X(ACKSKIPPEDTIMEWAIT, "TCPACKSkippedTimeWait")			\
	X(ACKSKIPPEDCHALLENGE, "TCPACKSkippedChallenge")		\
	X(FROMZEROWINDOWADV, "TCPFromZeroWindowAdv")			\
	X(TOZEROWINDOWADV, "TCPToZeroWindowAdv")			\
	X(WINPROBE, "TCPWinProbe")					\
	X(KEEPALIVE, "TCPKeepAlive")					\
	X(ORIGDATASENT, "TCPOrigDataSent")				\
	X(DELIVERED, "TCPDelivered")					\
	X(MTUPSUCCESS, "TCPMTUPSuccess")				\
	X(MTUPFAIL, "TCPMTUPFail")					\
	X(DELIVEREDCE, "TCPDeliveredCE")				\
	X(MIGRATEREQSUCCESS, "TCPMigrateReqSuccess")			\
	X(MIGRATEREQFAILURE, "TCPMigrateReqFailure")			\
	X(OUTOFWINDOWICMPS, "OutOfWindowIcmps")				\
	X(LOCKDROPPEDICMPS, "LockDroppedIcmps")

#define XTCP_MIB_XTCP(X)						\
	X(SEGMENTSTAKEN, "SegmentsTaken")				\
	X(EARLYDEMUX, "EarlyDemux")					\
	X(EARLYTAKEN, "EarlyTaken")					\
	X(EARLYSYNS, "EarlySyns")					\
	X(SYNSREUSED, "SynsReused")					\
	X(MALFORMED, "Malformed")					\
	X(POLICYDROP, "PolicyDrop")					\
	X(FILTERDROP, "FilterDrop")					\
	X(NOTUNICAST, "NotUnicast")					\
	X(ACKHELD, "AckHeld")						\
	X(ACKHELDTURN, "AckHeldTurn")					\
	X(ACKHELDTIMEOUT, "AckHeldTimeout")				\
	X(ACKUNSENT, "AckUnsent")					\
	X(ACKTOOOLD, "AckTooOld")					\
	X(OUTOFWINDOW, "OutOfWindow")					\
	X(RSTINEXACT, "RstInexact")					\
	X(NOACKFLAG, "NoAckFlag")					\
	X(BADSTATESEG, "BadStateSegment")				\
	X(AFTERCLOSE, "DataAfterClose")					\
	X(ILLEGALEDGE, "IllegalStateEdge")				\
	X(PORTEXHAUSTED, "PortExhausted")				\
	X(PORTWATERMARK, "PortWatermark")				\
	X(PORTWAITS, "PortWaits")					\
	X(PORTWAITTIMEOUTS, "PortWaitTimeouts")				\
	X(GUARDCONFLICT, "GuardConflict")				\
	X(TWRST1337, "TWRstIgnored")					\
	X(TWSYNREUSE, "TWSynReuse")					\
	X(FINWAIT2EXPIRED, "FinWait2Expired")				\
	X(KEEPALIVEDEATHS, "KeepaliveDeaths")				\
	X(ORPHANLIMIT, "OrphanLimit")					\
	X(ICMPSOFT, "IcmpSoft")						\
	X(ICMPHARD, "IcmpHard")						\
	X(PMTUREDUCED, "PmtuReduced")					\
	X(SYNQEXPIRED, "SynQueueExpired")				\
	X(SYNSHAREFULL, "SynShareFull")					\
	X(REQSDROPPED, "RequestsDropped")				\
	X(SMALLQTHROTTLED, "SmallQueueThrottled")			\
	X(DISABLED, "FamilyDisabled")					\
	X(ECNFALLBACK, "EcnFallback")					\
	X(ECNCEDATA, "EcnCEData")					\
	X(CWNDCUTS, "EcnWindowCuts")					\
	X(LOCALCONGESTION, "LocalCongestion")

#define XTCP_MIB_ENUM(name, label)	XTCP_MIB_##name,
enum xtcp_mib_id {
	XTCP_MIB_TCP(XTCP_MIB_ENUM)
	XTCP_MIB_TCPEXT(XTCP_MIB_ENUM)
	XTCP_MIB_XTCP(XTCP_MIB_ENUM)
	XTCP_MIB_NR,
};
#undef XTCP_MIB_ENUM

struct xtcp_mib {
	unsigned long c[XTCP_MIB_NR];
};

/* Any context; CURRESTAB goes up and down, its sum over CPUs is what counts. */
#define XTCP_XN_ADD(xn, name, n)	this_cpu_add((xn)->mib->c[XTCP_MIB_##name], n)
#define XTCP_INC(net, name)	this_cpu_inc(xtcp_net(net)->mib->c[XTCP_MIB_##name])
#define XTCP_DEC(net, name)	this_cpu_dec(xtcp_net(net)->mib->c[XTCP_MIB_##name])
#define XTCP_ADD(net, name, n)	this_cpu_add(xtcp_net(net)->mib->c[XTCP_MIB_##name], n)

/**
 * struct xtcp_mib_group - counters that /proc/net/xtcp_netstat shows as one group
 * @name: before the colon
 * @first: its first counter, @end: the one behind its last
 */
struct xtcp_mib_group {
	const char *name;
	unsigned int first;
	unsigned int end;
};

#define XTCP_MIB_GROUPS		3

extern const struct xtcp_mib_group xtcp_mib_groups[XTCP_MIB_GROUPS];
extern const char *const xtcp_mib_labels[XTCP_MIB_NR];

unsigned long xtcp_mib_read(const struct xtcp_mib __percpu *mib, enum xtcp_mib_id id);

#endif /* _XTCP_MIB_H */
