/* SPDX-License-Identifier: GPL-2.0-only */
/* A network ring under ring.c, as both directions use it. */
#ifndef FUZZ_NETRING_H
#define FUZZ_NETRING_H

#include "input.h"
#include <netback/netback.h>

#define NETRING_SLOTS	256u

struct netring {
	struct xen_netback_ring ring;
	u32 slot_size;
	u32 cons, rsp, pushed;
};

/* Each of these takes the guest's side from @in and checks ours. */
bool netring_attach(struct netring *r, struct input *in, u32 slot_size);
int netring_look(struct netring *r, struct input *in);
void netring_push(struct netring *r, struct input *in);
void netring_arm(struct netring *r, u32 n);
void netring_detach(struct netring *r);

/* Offset of the slot that is next to be taken, or to be answered. */
u32 netring_take_offset(const struct netring *r);
u32 netring_put_offset(const struct netring *r);

#endif /* FUZZ_NETRING_H */
