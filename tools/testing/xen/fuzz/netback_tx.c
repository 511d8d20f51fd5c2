// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: packets that a guest transmits, through ring.c and the gather
 * state machine of protocol.c.
 *
 * The order of calls is that of tx.c.  Each packet is judged here once more, by
 * looking at all slots so far together instead of at one after the other.
 */

#include "netring.h"

#define MAX_PASSES	32

#define MORE_DATA	4
#define EXTRA_INFO	8
#define EXTRA_MORE	1

#define RSP_NULL	1
#define RSP_OKAY	0
#define RSP_ERROR	(-1)

/* A slot, by byte offsets. */
struct raw {
	u8 b[12];
};

enum fate { GOOD, DROPPED, BROKEN };

static struct {
	struct input in;
	struct netring r;
	u32 nr_rsps;
	struct xen_netif_tx_response rsps[NETRING_SLOTS];
	u32 nr_chain;
	struct raw chain[NETRING_SLOTS];
} w;

static u16 get16(const struct raw *raw, u32 off)
{
	u16 val;

	memcpy(&val, raw->b + off, 2);
	return val;
}

static u32 raw_gref(const struct raw *raw)
{
	u32 val;

	memcpy(&val, raw->b, 4);
	return val;
}

#define raw_offset(raw)	((u32)get16(raw, 4))
#define raw_flags(raw)	((u32)get16(raw, 6))
#define raw_id(raw)	get16(raw, 8)
#define raw_size(raw)	((u32)get16(raw, 10))

/* Extras: type and flags, then for segmentation size and type. */
static enum fate judge_extra(const struct raw *raw, u32 *seen)
{
	u8 type = raw->b[0];

	if (type < 1 || type > 5 || *seen & 1u << type)
		return BROKEN;
	*seen |= 1u << type;
	if (type == 2 || type == 3)
		return DROPPED;
	if (type != 1)
		return GOOD;
	if (!get16(raw, 2) || raw->b[4] < 1 || raw->b[4] > 2)
		return BROKEN;
	return get16(raw, 2) < 28 ? DROPPED : GOOD;
}

/* How many of the slots are extras, and is one more to come? */
static u32 count_extras(bool *open)
{
	u32 n = 0;

	*open = raw_flags(&w.chain[0]) & EXTRA_INFO;
	while (*open && 1 + n < w.nr_chain)
		*open = w.chain[1 + n++].b[1] & EXTRA_MORE;
	return n;
}

/* The slots after the extras; @rest is how much data is in them. */
static enum fate judge_rest(u32 extras, u32 *rest)
{
	u32 i;

	*rest = 0;
	for (i = 1 + extras; i < w.nr_chain; i++) {
		if (raw_offset(&w.chain[i]) + raw_size(&w.chain[i]) > 4096)
			return BROKEN;
		*rest += raw_size(&w.chain[i]);
	}
	return w.nr_chain - extras > 20 ? BROKEN : GOOD;
}

/* What is left to say once the last slot is there. */
static enum fate judge_whole(u32 slots, u32 rest)
{
	u32 total = raw_size(&w.chain[0]);

	if (slots > 18 || rest > total)
		return DROPPED;
	if (raw_offset(&w.chain[0]) + total - rest > 4096)
		return BROKEN;
	return total < 14 ? DROPPED : GOOD;
}

/* Judge the slots so far; @done tells whether the packet ends here. */
static enum fate judge_chain(bool *done)
{
	const struct raw *last = &w.chain[w.nr_chain - 1];
	enum fate fate, worst = GOOD;
	u32 extras, i, rest, seen = 0;
	bool open;

	extras = count_extras(&open);
	for (i = 0; i < extras; i++) {
		fate = judge_extra(&w.chain[1 + i], &seen);
		worst = MAX(worst, fate);
	}
	fate = judge_rest(extras, &rest);
	worst = MAX(worst, fate);
	if (w.nr_chain == 1 + extras)
		last = &w.chain[0];
	*done = !open && !(raw_flags(last) & MORE_DATA);
	if (*done && worst == GOOD)
		worst = judge_whole(w.nr_chain - extras, rest);
	return worst;
}

/* Responses are those of the slots, in their order; extras get an empty one. */
static void check_rsps(const struct xen_netback_tx_packet *pkt, s16 status)
{
	bool open;
	u32 extras = count_extras(&open);
	u32 i;

	MUST(pkt->nr_rsps == w.nr_chain);
	for (i = 0; i < pkt->nr_rsps; i++) {
		if (i >= 1 && i <= extras) {
			MUST(pkt->rsp[i].status == RSP_NULL);
			continue;
		}
		MUST(pkt->rsp[i].id == raw_id(&w.chain[i]));
		MUST(pkt->rsp[i].status == status);
	}
}

/* The fragments are the slots with data, in their order, and add up. */
static void check_frags(const struct xen_netback_tx_packet *pkt)
{
	bool open;
	u32 extras = count_extras(&open);
	u32 rest, i, n = 0, sum = 0;

	judge_rest(extras, &rest);
	MUST(pkt->nr_frags <= 18);
	for (i = 0; i < w.nr_chain; i++) {
		const struct raw *raw = &w.chain[i];
		u32 size = i ? raw_size(raw) : raw_size(raw) - rest;

		if ((i && i <= extras) || !size)
			continue;
		MUST(n < pkt->nr_frags);
		MUST(pkt->frag[n].gref == raw_gref(raw));
		MUST(pkt->frag[n].offset == raw_offset(raw));
		MUST(pkt->frag[n].size == size);
		MUST(raw_offset(raw) + size <= 4096);
		sum += size;
		n++;
	}
	MUST(n == pkt->nr_frags && sum == pkt->total);
}

/* Segmentation is what the extra said, or none. */
static void check_offload(const struct xen_netback_tx_packet *pkt)
{
	u32 i, size = 0, type = 0;
	bool open;
	u32 extras = count_extras(&open);

	for (i = 1; i <= extras; i++) {
		if (w.chain[i].b[0] == 1) {
			size = get16(&w.chain[i], 2);
			type = w.chain[i].b[4];
		}
	}
	MUST(pkt->gso_size == size && pkt->gso_type == type);
	MUST(!size || (size >= 28 && (type == 1 || type == 2)));
	MUST(pkt->flags == raw_flags(&w.chain[0]));
	MUST(pkt->total == raw_size(&w.chain[0]));
}

static void check_packet(struct xen_netback_tx_packet *pkt, enum fate fate)
{
	MUST(!xen_netback_fatal(pkt->fault));
	MUST((pkt->fault == XEN_NETBACK_OK) == (fate == GOOD));
	if (fate == GOOD) {
		check_rsps(pkt, RSP_OKAY);
		check_frags(pkt);
		check_offload(pkt);
	} else {
		check_rsps(pkt, RSP_ERROR);
		MUST(!pkt->nr_frags);
	}
}

static void take_slot(union xen_netback_tx_slot *slot)
{
	struct raw *raw = &w.chain[w.nr_chain++];
	u32 off = netring_take_offset(&w.r);

	input_bytes(&w.in, raw, sizeof(*raw));
	model_give(off, raw, sizeof(*raw));
	model_steps(128);
	xen_netback_ring_take_tx(&w.r.ring, slot);
	w.r.cons++;
	MUST(w.r.ring.cons == w.r.cons);
	MUST(model_fetched(off, sizeof(*raw)) == sizeof(*raw));
	MUST(!memcmp(slot, raw, sizeof(*raw)));
}

/* Gather a packet; false if the ring ends or breaks inside it. */
static bool gather(int *pending, struct xen_netback_tx_packet *pkt)
{
	enum xen_netback_fault fault;
	union xen_netback_tx_slot slot;
	struct xen_netback_gather g;
	enum fate fate;
	bool done;

	w.nr_chain = 0;
	memset(pkt, 0xa5, sizeof(*pkt));
	xen_netback_gather_start(&g, pkt);
	do {
		if (!*pending)
			return false;
		take_slot(&slot);
		(*pending)--;
		fate = judge_chain(&done);
		model_steps(2048);
		fault = xen_netback_gather_slot(&g, &slot);
		MUST(pkt->nr_rsps <= XEN_NETBACK_RSPS_MAX);
		MUST((fate == BROKEN) == (fault != XEN_NETBACK_OK));
		if (fault != XEN_NETBACK_OK) {
			MUST(xen_netback_fatal(fault));
			MUST(xen_netback_fault_name(fault));
			return false;
		}
		MUST(done == (g.state == XEN_NETBACK_GATHER_DONE));
	} while (!done);
	/* Done is done. */
	MUST(xen_netback_fatal(xen_netback_gather_slot(&g, &slot)));
	check_packet(pkt, fate);
	return true;
}

/* A packet whose data could not be copied is answered with errors. */
static void maybe_fail(struct xen_netback_tx_packet *pkt)
{
	if (!(input_u8(&w.in) & 1))
		return;
	model_steps(1024);
	xen_netback_tx_fail(pkt);
	check_rsps(pkt, RSP_ERROR);
}

static void answer(const struct xen_netif_tx_response *rsp)
{
	u32 off = netring_expect_put(&w.r, 4);

	xen_netback_ring_put_tx(&w.r.ring, rsp);
	netring_check_put(&w.r, off, rsp, 4);
}

/* Slots taken so far get their responses, each exactly one. */
static void answer_all(void)
{
	u32 i;

	for (i = 0; i < w.nr_rsps; i++)
		answer(&w.rsps[i]);
	w.nr_rsps = 0;
	netring_push(&w.r, &w.in);
	MUST(w.r.rsp == w.r.cons);
}

/* A poll; false once the frontend has lost its ring. */
static bool pass(void)
{
	struct xen_netback_tx_packet pkt;
	int pending = netring_look(&w.r, &w.in);

	if (pending < 0)
		return false;
	while (pending) {
		if (!gather(&pending, &pkt))
			return false;
		maybe_fail(&pkt);
		MUST(w.nr_rsps + pkt.nr_rsps <= NETRING_SLOTS);
		memcpy(&w.rsps[w.nr_rsps], pkt.rsp,
		       pkt.nr_rsps * sizeof(pkt.rsp[0]));
		w.nr_rsps += pkt.nr_rsps;
	}
	answer_all();
	netring_arm(&w.r, 1);
	return true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 passes;

	w.in = (struct input) { data, size };
	w.nr_rsps = 0;
	if (!netring_attach(&w.r, &w.in, sizeof(struct raw)))
		return 0;
	for (passes = 0; passes < MAX_PASSES && w.in.left; passes++)
		if (!pass())
			break;
	netring_detach(&w.r);
	return 0;
}
