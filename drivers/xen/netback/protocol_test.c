// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Xen network ring protocol.
 *
 * A packet is described slot by slot the way a frontend writes it; the tests
 * then look at what the gather state machine made of it.  What holds for every
 * packet, good or bad, is checked by check_invariants() in one place.
 */
#include <kunit/test.h>

#include "protocol.h"

#define SLOT(_offset, _size, _flags)					\
	{ .req = { .gref = 7, .offset = _offset, .flags = _flags,	\
		   .id = 0x100, .size = _size } }
#define EXTRA(_type, _flags)						\
	{ .extra = { .type = _type, .flags = _flags } }
#define GSO(_size, _type, _flags)					\
	{ .extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = _flags,	\
		     .u.gso = { .size = _size, .type = _type } } }

#define MORE	XEN_NETTXF_more_data
#define XTRA	XEN_NETTXF_extra_info
#define XMORE	XEN_NETIF_EXTRA_FLAG_MORE
#define TCPV4	XEN_NETIF_GSO_TYPE_TCPV4
#define TCPV6	XEN_NETIF_GSO_TYPE_TCPV6

/* Give slots to the machine until it is done, breaks, or they run out. */
static enum xen_netback_fault feed(struct xen_netback_gather *g,
				   const union xen_netback_tx_slot *slot,
				   u32 n, u32 *used)
{
	enum xen_netback_fault fault;

	for (*used = 0; *used < n; ) {
		fault = xen_netback_gather_slot(g, &slot[(*used)++]);
		if (fault != XEN_NETBACK_OK)
			return fault;
		if (g->state == XEN_NETBACK_GATHER_DONE)
			return XEN_NETBACK_OK;
	}
	return XEN_NETBACK_FATAL_TRUNCATED;
}

/* What has to hold for every packet that was gathered to its end. */
static void check_invariants(struct kunit *test,
			     const struct xen_netback_tx_packet *pkt, u32 used)
{
	u32 i, sum = 0;

	KUNIT_EXPECT_EQ(test, pkt->nr_rsps, used);
	KUNIT_EXPECT_LE(test, pkt->nr_rsps, XEN_NETBACK_RSPS_MAX);
	KUNIT_EXPECT_LE(test, pkt->nr_frags, XEN_NETBACK_SLOTS_MAX);

	for (i = 0; i < pkt->nr_rsps; i++) {
		if (pkt->rsp[i].status == XEN_NETIF_RSP_NULL)
			continue;
		KUNIT_EXPECT_EQ(test, pkt->rsp[i].status,
				pkt->fault == XEN_NETBACK_OK ?
				XEN_NETIF_RSP_OKAY : XEN_NETIF_RSP_ERROR);
	}
	if (pkt->fault != XEN_NETBACK_OK) {
		KUNIT_EXPECT_EQ(test, pkt->nr_frags, 0);
		return;
	}

	for (i = 0; i < pkt->nr_frags; i++) {
		KUNIT_EXPECT_GT(test, pkt->frag[i].size, 0);
		KUNIT_EXPECT_LE(test, pkt->frag[i].offset + pkt->frag[i].size,
				XEN_NETBACK_PAGE);
		sum += pkt->frag[i].size;
	}
	KUNIT_EXPECT_EQ(test, sum, pkt->total);
	KUNIT_EXPECT_GE(test, pkt->total, XEN_NETBACK_LEN_MIN);
}

struct gather_case {
	const char *name;
	enum xen_netback_fault fatal;	/* what the machine returns */
	enum xen_netback_fault drop;	/* what the packet says */
	u16 gso_size;
	u8 nr_frags;
	u8 nr_slots;
	union xen_netback_tx_slot slot[8];
};

static const struct gather_case gather_cases[] = {
	{ .name = "one slot", .nr_slots = 1, .nr_frags = 1,
	  .slot = { SLOT(0, 60, 0) } },
	{ .name = "shortest packet", .nr_slots = 1, .nr_frags = 1,
	  .slot = { SLOT(0, 14, 0) } },
	{ .name = "13 bytes", .nr_slots = 1, .drop = XEN_NETBACK_DROP_SHORT,
	  .slot = { SLOT(0, 13, 0) } },
	{ .name = "0 bytes", .nr_slots = 1, .drop = XEN_NETBACK_DROP_SHORT,
	  .slot = { SLOT(0, 0, 0) } },
	{ .name = "whole page", .nr_slots = 1, .nr_frags = 1,
	  .slot = { SLOT(0, 4096, 0) } },
	{ .name = "page and one byte", .nr_slots = 1,
	  .fatal = XEN_NETBACK_FATAL_CROSS_PAGE,
	  .slot = { SLOT(0, 4097, 0) } },
	{ .name = "offset and size 4097", .nr_slots = 1,
	  .fatal = XEN_NETBACK_FATAL_CROSS_PAGE,
	  .slot = { SLOT(4037, 60, 0) } },
	{ .name = "last bytes of the page", .nr_slots = 1, .nr_frags = 1,
	  .slot = { SLOT(4036, 60, 0) } },
	{ .name = "offset 65535, size 65535", .nr_slots = 1,
	  .fatal = XEN_NETBACK_FATAL_CROSS_PAGE,
	  .slot = { SLOT(65535, 65535, 0) } },
	{ .name = "second slot leaves its page", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_CROSS_PAGE,
	  .slot = { SLOT(0, 200, MORE), SLOT(4000, 97, 0) } },
	{ .name = "first slot leaves its page after all", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_CROSS_PAGE,
	  .slot = { SLOT(4000, 200, MORE), SLOT(0, 100, 0) } },
	{ .name = "two slots", .nr_slots = 2, .nr_frags = 2,
	  .slot = { SLOT(0, 5000, MORE), SLOT(0, 1000, 0) } },
	{ .name = "rest as long as the whole", .nr_slots = 2, .nr_frags = 1,
	  .slot = { SLOT(0, 100, MORE), SLOT(0, 100, 0) } },
	{ .name = "rest longer than the whole", .nr_slots = 2,
	  .drop = XEN_NETBACK_DROP_LENGTH,
	  .slot = { SLOT(0, 100, MORE), SLOT(0, 101, 0) } },
	{ .name = "rest far longer than the whole", .nr_slots = 3,
	  .drop = XEN_NETBACK_DROP_LENGTH,
	  .slot = { SLOT(0, 0, MORE), SLOT(0, 4096, MORE),
		    SLOT(0, 4096, 0) } },
	{ .name = "empty slot first", .nr_slots = 2, .nr_frags = 1,
	  .slot = { SLOT(0, 60, MORE), SLOT(0, 60, 0) } },
	{ .name = "empty slot in the middle", .nr_slots = 3, .nr_frags = 2,
	  .slot = { SLOT(0, 160, MORE), SLOT(0, 0, MORE), SLOT(0, 60, 0) } },
	{ .name = "empty slot last", .nr_slots = 3, .nr_frags = 2,
	  .slot = { SLOT(0, 160, MORE), SLOT(0, 60, MORE), SLOT(0, 0, 0) } },
	{ .name = "only empty slots", .nr_slots = 3,
	  .drop = XEN_NETBACK_DROP_SHORT,
	  .slot = { SLOT(0, 0, MORE), SLOT(0, 0, MORE), SLOT(0, 0, 0) } },
	{ .name = "more data on the last request", .nr_slots = 1,
	  .fatal = XEN_NETBACK_FATAL_TRUNCATED,
	  .slot = { SLOT(0, 60, MORE) } },
	{ .name = "extra promised, none there", .nr_slots = 1,
	  .fatal = XEN_NETBACK_FATAL_TRUNCATED,
	  .slot = { SLOT(0, 60, XTRA) } },
	{ .name = "further extra promised, none there", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_TRUNCATED,
	  .slot = { SLOT(0, 60, XTRA), GSO(1448, TCPV4, XMORE) } },
	{ .name = "extra type 0", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_EXTRA_TYPE,
	  .slot = { SLOT(0, 60, XTRA), EXTRA(0, 0) } },
	{ .name = "first unknown extra type", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_EXTRA_TYPE,
	  .slot = { SLOT(0, 60, XTRA), EXTRA(XEN_NETIF_EXTRA_TYPE_MAX, 0) } },
	{ .name = "extra type 255", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_EXTRA_TYPE,
	  .slot = { SLOT(0, 60, XTRA), EXTRA(255, 0) } },
	{ .name = "same extra twice", .nr_slots = 3,
	  .fatal = XEN_NETBACK_FATAL_EXTRA_TWICE,
	  .slot = { SLOT(0, 60, XTRA), GSO(1448, TCPV4, XMORE),
		    GSO(1448, TCPV4, 0) } },
	{ .name = "GSO for IPv4", .nr_slots = 2, .nr_frags = 1,
	  .gso_size = 1448,
	  .slot = { SLOT(0, 4000, XTRA), GSO(1448, TCPV4, 0) } },
	{ .name = "GSO for IPv6, more data after the extra", .nr_slots = 3,
	  .nr_frags = 2, .gso_size = 1428,
	  .slot = { SLOT(0, 4100, XTRA | MORE), GSO(1428, TCPV6, 0),
		    SLOT(9, 100, 0) } },
	{ .name = "GSO size 0", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_GSO_SIZE,
	  .slot = { SLOT(0, 4000, XTRA), GSO(0, TCPV4, 0) } },
	{ .name = "GSO size 1", .nr_slots = 2, .drop = XEN_NETBACK_DROP_GSO,
	  .gso_size = 1,
	  .slot = { SLOT(0, 4000, XTRA), GSO(1, TCPV4, 0) } },
	{ .name = "GSO size 27", .nr_slots = 2, .drop = XEN_NETBACK_DROP_GSO,
	  .gso_size = 27,
	  .slot = { SLOT(0, 4000, XTRA), GSO(27, TCPV4, 0) } },
	{ .name = "GSO size 28", .nr_slots = 2, .nr_frags = 1, .gso_size = 28,
	  .slot = { SLOT(0, 4000, XTRA), GSO(28, TCPV4, 0) } },
	{ .name = "GSO size 65535", .nr_slots = 2, .nr_frags = 1,
	  .gso_size = 65535,
	  .slot = { SLOT(0, 60, XTRA), GSO(65535, TCPV4, 0) } },
	{ .name = "GSO type 0", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_GSO_TYPE,
	  .slot = { SLOT(0, 4000, XTRA), GSO(1448, 0, 0) } },
	{ .name = "GSO type 255", .nr_slots = 2,
	  .fatal = XEN_NETBACK_FATAL_GSO_TYPE,
	  .slot = { SLOT(0, 4000, XTRA), GSO(1448, 255, 0) } },
	{ .name = "multicast address added", .nr_slots = 2,
	  .drop = XEN_NETBACK_DROP_MCAST,
	  .slot = { SLOT(0, 0, XTRA),
		    EXTRA(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0) } },
	{ .name = "multicast address removed", .nr_slots = 2,
	  .drop = XEN_NETBACK_DROP_MCAST,
	  .slot = { SLOT(0, 60, XTRA),
		    EXTRA(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 0) } },
	{ .name = "hash as a hint", .nr_slots = 2, .nr_frags = 1,
	  .slot = { SLOT(0, 60, XTRA), EXTRA(XEN_NETIF_EXTRA_TYPE_HASH, 0) } },
	{ .name = "all extras at once", .nr_slots = 6, .gso_size = 1448,
	  .drop = XEN_NETBACK_DROP_MCAST,
	  .slot = { SLOT(0, 60, XTRA), EXTRA(XEN_NETIF_EXTRA_TYPE_HASH, XMORE),
		    EXTRA(XEN_NETIF_EXTRA_TYPE_XDP, XMORE),
		    EXTRA(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, XMORE),
		    EXTRA(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, XMORE),
		    GSO(1448, TCPV4, 0) } },
};

static void gather_case_name(const struct gather_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(gather, gather_cases, gather_case_name);

static void gather_named(struct kunit *test)
{
	const struct gather_case *c = test->param_value;
	struct xen_netback_tx_packet pkt;
	struct xen_netback_gather g;
	u32 used;

	memset(&pkt, 0xa5, sizeof(pkt));
	xen_netback_gather_start(&g, &pkt);
	KUNIT_ASSERT_EQ(test, feed(&g, c->slot, c->nr_slots, &used), c->fatal);
	KUNIT_EXPECT_EQ(test, used, c->nr_slots);
	if (c->fatal) {
		KUNIT_EXPECT_TRUE(test, xen_netback_fatal(c->fatal));
		return;
	}

	KUNIT_EXPECT_EQ(test, pkt.fault, c->drop);
	KUNIT_EXPECT_FALSE(test, xen_netback_fatal(pkt.fault));
	KUNIT_EXPECT_EQ(test, pkt.nr_frags, c->nr_frags);
	KUNIT_EXPECT_EQ(test, pkt.gso_size, c->gso_size);
	KUNIT_EXPECT_EQ(test, pkt.rsp[0].id, 0x100);
	check_invariants(test, &pkt, used);
}

/* A chain of equal slots, with or without its end. */
static enum xen_netback_fault chain(struct xen_netback_tx_packet *pkt,
				    u32 slots, u16 offset, u16 size,
				    bool endless, u32 *used)
{
	union xen_netback_tx_slot slot[XEN_NETBACK_SLOTS_FATAL + 2] = {};
	struct xen_netback_gather g;
	u32 i;

	for (i = 0; i < slots; i++) {
		slot[i].req.gref = i;
		slot[i].req.id = i;
		slot[i].req.offset = offset;
		slot[i].req.size = i ? size : min(slots * size, 65535U);
		slot[i].req.flags = endless || i + 1 < slots ? MORE : 0;
	}
	xen_netback_gather_start(&g, pkt);
	return feed(&g, slot, slots, used);
}

/* 1 to 18 slots pass, 19 and 20 are dropped, 21 break the ring. */
static void gather_slot_count(struct kunit *test)
{
	struct xen_netback_tx_packet pkt;
	enum xen_netback_fault fault;
	u32 slots, used, i;

	for (slots = 1; slots <= XEN_NETBACK_SLOTS_FATAL + 1; slots++) {
		fault = chain(&pkt, slots, 0, 100, false, &used);
		if (slots > XEN_NETBACK_SLOTS_FATAL) {
			KUNIT_EXPECT_EQ(test, fault, XEN_NETBACK_FATAL_SLOTS);
			continue;
		}
		KUNIT_EXPECT_EQ(test, fault, XEN_NETBACK_OK);
		KUNIT_EXPECT_EQ(test, pkt.fault,
				slots <= XEN_NETBACK_SLOTS_MAX ?
				XEN_NETBACK_OK : XEN_NETBACK_DROP_SLOTS);
		check_invariants(test, &pkt, used);
		for (i = 0; i < slots; i++)
			KUNIT_EXPECT_EQ(test, pkt.rsp[i].id, i);
	}
}

/* The end of the ring inside a packet, at every place. */
static void gather_truncated(struct kunit *test)
{
	struct xen_netback_tx_packet pkt;
	u32 slots, used;

	for (slots = 1; slots <= XEN_NETBACK_SLOTS_FATAL; slots++)
		KUNIT_EXPECT_EQ(test, chain(&pkt, slots, 0, 100, true, &used),
				XEN_NETBACK_FATAL_TRUNCATED);
}

/* Head and 18 more slots that together are no longer than the head. */
static void gather_many_small(struct kunit *test)
{
	struct xen_netback_tx_packet pkt;
	u32 used;

	KUNIT_EXPECT_EQ(test, chain(&pkt, 19, 0, 6, false, &used),
			XEN_NETBACK_OK);
	KUNIT_EXPECT_EQ(test, pkt.fault, XEN_NETBACK_DROP_SLOTS);
	check_invariants(test, &pkt, used);
}

/* 64 KiB and a byte cannot be said in 16 bits: the sizes contradict it. */
static void gather_too_long(struct kunit *test)
{
	struct xen_netback_tx_packet pkt;
	u32 used;

	KUNIT_EXPECT_EQ(test, chain(&pkt, 18, 0, 4096, false, &used),
			XEN_NETBACK_OK);
	KUNIT_EXPECT_EQ(test, pkt.fault, XEN_NETBACK_DROP_LENGTH);
	check_invariants(test, &pkt, used);
}

/* Every number of slots with every odd size and offset. */
static void gather_shapes(struct kunit *test)
{
	static const u16 sizes[] = {
		0, 1, 13, 14, 59, 64, 127, 128, 129, 1500, 4095, 4096
	};
	static const u16 offsets[] = { 0, 1, 4095 };
	const int cross = XEN_NETBACK_FATAL_CROSS_PAGE;
	struct xen_netback_tx_packet pkt;
	enum xen_netback_fault fault;
	u32 n, s, o, used, good = 0, bad = 0;

	for (n = 1; n <= XEN_NETBACK_SLOTS_FATAL; n++) {
		for (s = 0; s < ARRAY_SIZE(sizes); s++) {
			for (o = 0; o < ARRAY_SIZE(offsets); o++) {
				fault = chain(&pkt, n, offsets[o], sizes[s],
					      false, &used);
				if (fault == XEN_NETBACK_OK) {
					check_invariants(test, &pkt, used);
					good++;
					continue;
				}
				KUNIT_EXPECT_EQ(test, (int)fault, cross);
				KUNIT_EXPECT_GT(test, offsets[o] + sizes[s],
						XEN_NETBACK_PAGE);
				bad++;
			}
		}
	}
	KUNIT_EXPECT_GT(test, good, 0);
	KUNIT_EXPECT_GT(test, bad, 0);
}

/* The machine takes nothing more once it is done. */
static void gather_after_end(struct kunit *test)
{
	static const union xen_netback_tx_slot slot = SLOT(0, 60, 0);
	struct xen_netback_tx_packet pkt;
	enum xen_netback_fault fault;
	struct xen_netback_gather g;

	xen_netback_gather_start(&g, &pkt);
	KUNIT_EXPECT_EQ(test, xen_netback_gather_slot(&g, &slot),
			XEN_NETBACK_OK);
	fault = xen_netback_gather_slot(&g, &slot);
	KUNIT_EXPECT_TRUE(test, xen_netback_fatal(fault));
	KUNIT_EXPECT_EQ(test, pkt.nr_rsps, 1);
}

/* A failed copy turns data responses into errors and leaves extras alone. */
static void tx_fail(struct kunit *test)
{
	static const union xen_netback_tx_slot slot[] = {
		SLOT(0, 4100, XTRA | MORE), GSO(1428, TCPV4, 0), SLOT(9, 100, 0)
	};
	struct xen_netback_tx_packet pkt;
	struct xen_netback_gather g;
	u32 used;

	xen_netback_gather_start(&g, &pkt);
	KUNIT_ASSERT_EQ(test, feed(&g, slot, 3, &used), XEN_NETBACK_OK);
	xen_netback_tx_fail(&pkt);
	KUNIT_EXPECT_EQ(test, pkt.rsp[0].status, XEN_NETIF_RSP_ERROR);
	KUNIT_EXPECT_EQ(test, pkt.rsp[1].status, XEN_NETIF_RSP_NULL);
	KUNIT_EXPECT_EQ(test, pkt.rsp[2].status, XEN_NETIF_RSP_ERROR);
}

static void ring_indices(struct kunit *test)
{
	static const u32 bases[] = { 0, 1, 255, 0x7fffffff, 0xfffffff0,
				     0xffffffff };
	u32 i, taken, b, n;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		b = bases[i];
		KUNIT_EXPECT_TRUE(test, xen_netback_attach_valid(b, b, 256));
		KUNIT_EXPECT_TRUE(test,
				  xen_netback_attach_valid(b + 256, b, 256));
		KUNIT_EXPECT_FALSE(test,
				   xen_netback_attach_valid(b + 257, b, 256));
		KUNIT_EXPECT_FALSE(test,
				   xen_netback_attach_valid(b - 1, b, 256));

		/* @taken requests are with us, unanswered. */
		for (taken = 0; taken <= 256; taken++) {
			u32 cons = b + taken;

			KUNIT_EXPECT_TRUE(test, xen_netback_pending(cons, cons,
								    b, 256,
								    &n));
			KUNIT_EXPECT_EQ(test, n, 0);
			KUNIT_EXPECT_TRUE(test, xen_netback_pending(b + 256,
								    cons, b,
								    256, &n));
			KUNIT_EXPECT_EQ(test, n, 256 - taken);
			KUNIT_EXPECT_FALSE(test, xen_netback_pending(b + 257,
								     cons, b,
								     256, &n));
			KUNIT_EXPECT_FALSE(test,
					   xen_netback_pending(cons - 1, cons,
							       b, 256, &n));
			KUNIT_EXPECT_FALSE(test,
					   xen_netback_pending(cons + (1U << 31),
							       cons, b, 256,
							       &n));
		}
	}
}

static void ring_notify(struct kunit *test)
{
	static const u32 bases[] = { 0, 0x7fffffff, 0xfffffffe, 0xffffffff };
	u32 i, b;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		b = bases[i];
		KUNIT_EXPECT_FALSE(test, xen_netback_must_notify(b, b, b));
		KUNIT_EXPECT_FALSE(test, xen_netback_must_notify(b, b + 3, b));
		KUNIT_EXPECT_TRUE(test,
				  xen_netback_must_notify(b, b + 3, b + 1));
		KUNIT_EXPECT_TRUE(test,
				  xen_netback_must_notify(b, b + 3, b + 3));
		KUNIT_EXPECT_FALSE(test,
				   xen_netback_must_notify(b, b + 3, b + 4));
	}
}

static void rx_slots(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, xen_netback_rx_slots(1, false), 1);
	KUNIT_EXPECT_EQ(test, xen_netback_rx_slots(4096, false), 1);
	KUNIT_EXPECT_EQ(test, xen_netback_rx_slots(4097, false), 2);
	KUNIT_EXPECT_EQ(test, xen_netback_rx_slots(60, true), 2);
	KUNIT_EXPECT_EQ(test, xen_netback_rx_slots(65535, true), 17);
	/* Within what every frontend has to cope with. */
	KUNIT_EXPECT_LE(test, xen_netback_rx_slots(65535, false),
			XEN_NETIF_NR_SLOTS_MIN);
}

static void chunk_edges(struct kunit *test)
{
	static const u32 edges[] = { 0, 1, 127, 2048, 4095, 4096, 8191 };
	u32 s, d, l, n;

	for (s = 0; s < ARRAY_SIZE(edges); s++) {
		for (d = 0; d < ARRAY_SIZE(edges); d++) {
			for (l = 1; l <= 8192; l += 1023) {
				n = xen_netback_chunk(l, edges[s], edges[d]);
				KUNIT_EXPECT_GT(test, n, 0);
				KUNIT_EXPECT_LE(test, n, l);
				KUNIT_EXPECT_LE(test, edges[s] % 4096 + n, 4096);
				KUNIT_EXPECT_LE(test, edges[d] % 4096 + n, 4096);
			}
		}
	}
	KUNIT_EXPECT_EQ(test, xen_netback_chunk(1ULL << 40, 0, 0), 4096);
}

/* Cut a packet as the receive path does. */
static u32 count_ops(u32 len, u32 regions, u32 offset)
{
	u32 r, n, left, pos = 0, ops = 0;

	for (r = 0; r < regions; r++) {
		left = len / regions + (r ? 0 : len % regions);
		for (; left; left -= n, pos += n, ops++)
			n = xen_netback_chunk(left, offset + pos, pos);
	}
	return pos == len ? ops : U32_MAX;
}

static void rx_ops_bounded(struct kunit *test)
{
	static const u32 lens[] = { 1, 60, 1514, 4095, 4096, 4097, 32768 };
	u32 l, regions, offset, bound;

	for (l = 0; l < ARRAY_SIZE(lens); l++) {
		for (regions = 1; regions <= 18; regions++) {
			bound = xen_netback_rx_ops_bound(lens[l], regions);
			for (offset = 0; offset < 4096; offset += 455)
				KUNIT_EXPECT_LE(test, count_ops(lens[l],
								regions,
								offset),
						bound);
		}
	}
}

/* Nothing that we did not mean to say gets into a shared page. */
static void rx_slot_bytes(struct kunit *test)
{
	union xen_netback_rx_slot slot;

	slot = xen_netback_rx_data(0x1234, XEN_NETRXF_more_data, 4096);
	KUNIT_EXPECT_EQ(test, slot.rsp.id, 0x1234);
	KUNIT_EXPECT_EQ(test, slot.rsp.offset, 0);
	KUNIT_EXPECT_EQ(test, slot.rsp.flags, XEN_NETRXF_more_data);
	KUNIT_EXPECT_EQ(test, slot.rsp.status, 4096);

	slot = xen_netback_rx_gso(TCPV6, 1428);
	KUNIT_EXPECT_EQ(test, slot.extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
	KUNIT_EXPECT_EQ(test, slot.extra.flags, 0);
	KUNIT_EXPECT_EQ(test, slot.extra.u.gso.size, 1428);
	KUNIT_EXPECT_EQ(test, slot.extra.u.gso.type, TCPV6);
	KUNIT_EXPECT_EQ(test, slot.extra.u.gso.pad, 0);
	KUNIT_EXPECT_EQ(test, slot.extra.u.gso.features, 0);
}

struct parse_case {
	const char *str;
	u32 min, max;
	int err;
	u32 value;
};

static const struct parse_case parse_cases[] = {
	{ "0", 0, 1, 0, 0 },
	{ "1", 0, 1, 0, 1 },
	{ "2", 0, 1, -ERANGE },
	{ "0", 1, 8, -ERANGE },
	{ "8", 1, 8, 0, 8 },
	{ "9", 1, 8, -ERANGE },
	{ "007", 1, 8, 0, 7 },
	{ "4294967295", 0, U32_MAX, 0, U32_MAX },
	{ "4294967295", 1, 8, -ERANGE },
	{ "4294967296", 0, U32_MAX, -ERANGE },
	{ "9999999999", 0, U32_MAX, -ERANGE },
	{ "18446744073709551617", 0, U32_MAX, -EINVAL },
	{ "", 0, 8, -EINVAL },
	{ "-1", 0, 8, -EINVAL },
	{ "+1", 0, 8, -EINVAL },
	{ " 1", 0, 8, -EINVAL },
	{ "1 ", 0, 8, -EINVAL },
	{ "1 2", 0, 8, -EINVAL },
	{ "4x", 0, 8, -EINVAL },
	{ "0x10", 0, 32, -EINVAL },
	{ "1\n", 0, 8, -EINVAL },
	{ "one", 0, 8, -EINVAL },
};

static void parse_numbers(struct kunit *test)
{
	const struct parse_case *c;
	u32 i, value;

	for (i = 0; i < ARRAY_SIZE(parse_cases); i++) {
		c = &parse_cases[i];
		value = 0xdead;
		KUNIT_EXPECT_EQ_MSG(test,
				    xen_netback_parse_u32(c->str,
							  strlen(c->str),
							  c->min, c->max,
							  &value),
				    c->err, "\"%s\"", c->str);
		KUNIT_EXPECT_EQ_MSG(test, value, c->err ? 0xdead : c->value,
				    "\"%s\"", c->str);
	}

	/* A zero byte in the middle ends nothing. */
	KUNIT_EXPECT_EQ(test, xen_netback_parse_u32("1\0002", 3, 0, 99, &value),
			-EINVAL);
}

static void fault_strings(struct kunit *test)
{
	u32 i;

	for (i = 0; i <= XEN_NETBACK_FAULTS; i++)
		KUNIT_EXPECT_NOT_NULL(test, xen_netback_fault_name(i));
	KUNIT_EXPECT_STREQ(test, xen_netback_fault_name(XEN_NETBACK_FAULTS),
			   "unknown fault");
}

static struct kunit_case protocol_cases[] = {
	KUNIT_CASE_PARAM(gather_named, gather_gen_params),
	KUNIT_CASE(gather_slot_count),
	KUNIT_CASE(gather_truncated),
	KUNIT_CASE(gather_many_small),
	KUNIT_CASE(gather_too_long),
	KUNIT_CASE(gather_shapes),
	KUNIT_CASE(gather_after_end),
	KUNIT_CASE(tx_fail),
	KUNIT_CASE(ring_indices),
	KUNIT_CASE(ring_notify),
	KUNIT_CASE(rx_slots),
	KUNIT_CASE(chunk_edges),
	KUNIT_CASE(rx_ops_bounded),
	KUNIT_CASE(rx_slot_bytes),
	KUNIT_CASE(parse_numbers),
	KUNIT_CASE(fault_strings),
	{}
};

static struct kunit_suite protocol_suite = {
	.name = "xen-netback-protocol",
	.test_cases = protocol_cases,
};

kunit_test_suite(protocol_suite);
