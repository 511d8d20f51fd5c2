// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: packets to a guest, through ring.c and the arithmetic of
 * protocol.c that decides how they are cut.
 *
 * The order of calls is that of rx.c: reserve slots and copies for a packet by
 * its length, cut it, announce what went where.
 */

#include "netring.h"

#define MAX_PASSES	32
#define MAX_REGIONS	18

#define MORE_DATA	4

static struct {
	struct input in;
	struct netring r;
	int pending;
} w;

/* Both words of the request, and not the padding between them. */
static u16 take_slot(void)
{
	u32 off = netring_take_offset(&w.r);
	struct xen_netif_rx_request req;
	u8 slot[8];
	u32 gref;
	u16 id;

	input_bytes(&w.in, slot, sizeof(slot));
	memcpy(&id, slot, 2);
	memcpy(&gref, slot + 4, 4);
	model_give(off, slot, sizeof(slot));
	memset(&req, 0x5a, sizeof(req));
	model_steps(64);
	xen_netback_ring_take_rx(&w.r.ring, &req);
	w.r.cons++;
	w.pending--;
	MUST(w.r.ring.cons == w.r.cons);
	MUST(model_fetched(off, sizeof(slot)) <= sizeof(slot));
	MUST(req.id == id && req.gref == gref && !req.pad);
	return id;
}

static void put_slot(const union xen_netback_rx_slot *slot)
{
	u32 off = netring_expect_put(&w.r, 8);

	xen_netback_ring_put_rx(&w.r.ring, slot);
	netring_check_put(&w.r, off, slot, 8);
}

/* Eight bytes, none of which is left from whatever was there before. */
static void put_data(u16 id, u16 flags, u16 len)
{
	union xen_netback_rx_slot slot = xen_netback_rx_data(id, flags, len);
	const u16 want[4] = { id, 0, flags, len };

	MUST(!memcmp(&slot, want, sizeof(want)));
	put_slot(&slot);
}

static void put_gso(u8 type, u16 size)
{
	union xen_netback_rx_slot slot = xen_netback_rx_gso(type, size);
	const u8 want[8] = { 1, 0, (u8)size, size >> 8, type };

	MUST(!memcmp(&slot, want, sizeof(want)));
	put_slot(&slot);
}

/* Cut a packet that lies in some regions; how many copies does it take? */
static u32 cut(u32 len, u32 regions)
{
	u32 pos = 0, ops = 0;
	u32 i, n, left;
	u64 from;

	for (i = 0; i < regions; i++) {
		left = input_u16(&w.in);
		if (i + 1 == regions || left > len - pos)
			left = len - pos;
		for (from = input_u16(&w.in); left; left -= n, from += n) {
			model_steps(32);
			n = xen_netback_chunk(left, from, pos);
			MUST(n && n <= left);
			MUST(from % 4096 + n <= 4096);
			MUST(pos % 4096 + n <= 4096);
			pos += n;
			ops++;
		}
	}
	MUST(pos == len);
	return ops;
}

/* Send one packet if the slots for it are there. */
static void send(void)
{
	u32 len = input_u16(&w.in);
	u8 shape = input_u8(&w.in);
	u32 regions = 1 + (shape & 0x3f) % MAX_REGIONS;
	bool gso = shape & 0x80;
	u32 data = (len + 4095) / 4096;
	u32 i, need;

	model_steps(64);
	need = xen_netback_rx_slots(len, gso);
	MUST(need == data + gso);
	if (!len || need > (u32)w.pending)
		return;

	model_steps(64);
	i = xen_netback_rx_ops_bound(len, regions);
	MUST(cut(len, regions) <= i);
	for (i = 0; i < data; i++) {
		u32 part = i + 1 < data ? 4096 : len - i * 4096;

		put_data(take_slot(), i + 1 < data ? MORE_DATA : 0, part);
		if (!i && gso) {
			take_slot();
			put_gso(1 + (shape >> 6 & 1), input_u16(&w.in));
		}
	}
}

/* The arithmetic alone, far beyond what a packet can be. */
static void extremes(void)
{
	u32 len = input_u32(&w.in);
	u64 left = input_u64(&w.in), from = input_u64(&w.in);
	u64 to = input_u64(&w.in);
	u32 n;

	model_steps(128);
	MUST(xen_netback_rx_slots(len, false) == ((u64)len + 4095) / 4096);
	n = xen_netback_chunk(left, from, to);
	MUST(n <= left && (n || !left));
	MUST((from & 4095) + n <= 4096 && (to & 4095) + n <= 4096);
	MUST(n == left || !((from + n) & 4095) || !((to + n) & 4095));
}

static bool pass(void)
{
	u8 packets;

	w.pending = netring_look(&w.r, &w.in);
	if (w.pending < 0)
		return false;
	for (packets = input_u8(&w.in) % 16; packets; packets--)
		send();
	netring_push(&w.r, &w.in);
	netring_arm(&w.r, 1 + input_u8(&w.in) % 17);
	return true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 passes;

	w.in = (struct input) { data, size };
	if (input_u8(&w.in) & 1)
		extremes();
	if (!netring_attach(&w.r, &w.in, 8))
		return 0;
	for (passes = 0; passes < MAX_PASSES && w.in.left; passes++)
		if (!pass())
			break;
	netring_detach(&w.r);
	return 0;
}
