/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen network backend, internal interfaces.
 *
 * A vif belongs to one xenbus device from probe to remove and owns its netdev.
 * A queue set belongs to the vif and lives from connect to disconnect; readers
 * reach it through vif->queues under RCU, and nobody else keeps a pointer.
 * vif->lock is the control work's and remove's: whoever holds it may build or
 * destroy the queue set, and writes our state.  It is taken before RTNL, and
 * never in a watch but by remove, for which the thread of all watches has to
 * wait.
 * RTNL: queue->napi_on, and the publishing store to vif->queues.
 * Everything of guest transmit (queue->tx, queue->txb, the pieces) belongs to
 * the NAPI instance; everything of guest receive (queue->rx, queue->rxb) to
 * the xmit lock of the netdev queue.  queue->events and vif->state are atomic.
 */
#ifndef _XEN_NETBACK_H
#define _XEN_NETBACK_H

#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/ratelimit.h>
#include <linux/skbuff.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include <xen/grant_table.h>
#include <xen/xenbus.h>

#include "protocol.h"

/* Slots in a ring of one page, as the ABI computes it. */
#define XEN_NETBACK_RING_SLOTS	256U
/* Copies per hypercall; a whole packet more has to fit on top. */
#define XEN_NETBACK_TX_OPS	192U
#define XEN_NETBACK_TX_PKT_OPS	40U
#define XEN_NETBACK_RX_OPS	128U
/* Queues that the parameter may ask for. */
#define XEN_NETBACK_QUEUES_MAX	64U

/* enum xen_netback_state - life of a vif; see the table in device.c */
enum xen_netback_state {
	XEN_NETBACK_WAITING,	/* netdev there, no queues */
	XEN_NETBACK_RUNNING,	/* queues published */
	XEN_NETBACK_QUARANTINED, /* queues published, frontend broke the rules */
	XEN_NETBACK_GONE,	/* device is being removed */
	XEN_NETBACK_STATES
};

/* enum xen_netback_event - bits of what the control work has not seen yet */
enum xen_netback_event {
	XEN_NETBACK_EV_FRONTEND,	/* its state was written */
	XEN_NETBACK_EV_OUT,	/* with one that ends a connection */
	XEN_NETBACK_EV_OFFLINE,	/* our state was, while offline */
};

enum xen_netback_tx_stat {
	XEN_NETBACK_TX_PACKETS,
	XEN_NETBACK_TX_BYTES,
	XEN_NETBACK_TX_POLLS,
	XEN_NETBACK_TX_HYPERCALLS,
	XEN_NETBACK_TX_COPIES,
	XEN_NETBACK_TX_NOTIFIES,
	XEN_NETBACK_TX_DROP_SHAPE,
	XEN_NETBACK_TX_DROP_GRANT,
	XEN_NETBACK_TX_DROP_MEMORY,
	XEN_NETBACK_TX_DROP_OFFLOAD,
	XEN_NETBACK_TX_STATS
};

enum xen_netback_rx_stat {
	XEN_NETBACK_RX_PACKETS,
	XEN_NETBACK_RX_BYTES,
	XEN_NETBACK_RX_HYPERCALLS,
	XEN_NETBACK_RX_COPIES,
	XEN_NETBACK_RX_NOTIFIES,
	XEN_NETBACK_RX_STOPS,
	XEN_NETBACK_RX_SLOT_ERRORS,
	XEN_NETBACK_RX_DROP_SIZE,
	XEN_NETBACK_RX_DROP_NO_SLOTS,
	XEN_NETBACK_RX_DROP_DOWN,
	XEN_NETBACK_RX_STATS
};

#define XEN_NETBACK_STATS_MAX	MAX((int)XEN_NETBACK_TX_STATS, \
				    (int)XEN_NETBACK_RX_STATS)

/* One writer at a time: NAPI for guest transmit, the xmit lock for receive. */
struct xen_netback_counters {
	struct u64_stats_sync sync;
	u64_stats_t value[XEN_NETBACK_STATS_MAX];
};

/* Counters outlive queues, so that readers never need one. */
struct xen_netback_stats {
	struct xen_netback_counters tx ____cacheline_aligned_in_smp;
	struct xen_netback_counters rx ____cacheline_aligned_in_smp;
};

/**
 * struct xen_netback_ring - our end of a shared ring
 * @tx:   the shared page of a transmit ring
 * @rx:   the shared page of a receive ring
 * @size: slots
 * @cons: requests taken so far
 * @prod: responses written so far, published or not
 * @pushed: responses published so far
 *
 * Only ring.c looks into the shared page.
 */
struct xen_netback_ring {
	union {
		struct xen_netif_tx_sring *tx;
		struct xen_netif_rx_sring *rx;
	};
	u32 size;
	u32 cons;
	u32 prod;
	u32 pushed;
};

/* A packet between the copy hypercall being filled in and its result. */
struct xen_netback_tx_pending {
	struct sk_buff *skb;
	u16 first_op;
	u16 nr_ops;
	u16 first_rsp;
	u16 nr_rsps;
	u16 flags;
	u16 gso_size;
	u8 gso_type;
};

struct xen_netback_tx_batch {
	u32 nr_ops;
	u32 nr_pkts;
	u32 nr_skbs;
	u32 nr_rsps;
	struct gnttab_copy op[XEN_NETBACK_TX_OPS];
	struct xen_netback_tx_pending pkt[NAPI_POLL_WEIGHT];
	struct xen_netif_tx_response rsp[XEN_NETBACK_RING_SLOTS];
	struct xen_netback_tx_packet scratch;
};

struct xen_netback_rx_batch {
	u32 nr_ops;
	u32 nr_slots;
	u32 bytes;
	struct sk_buff_head skbs;
	struct gnttab_copy op[XEN_NETBACK_RX_OPS];
	u16 slot_of_op[XEN_NETBACK_RX_OPS];
	union xen_netback_rx_slot slot[XEN_NETBACK_RING_SLOTS];
};

/* queue->events */
#define XEN_NETBACK_EVENT_PENDING	BIT(0)	/* an EOI is owed */
#define XEN_NETBACK_EVENT_USEFUL	BIT(1)	/* there was work */
#define XEN_NETBACK_EVENT_LATE		BIT(2)	/* one more may be on its way */

struct xen_netback_vif;

struct xen_netback_queue {
	struct xen_netback_vif *vif;
	struct xen_netback_stats *stats;
	u32 id;
	int tx_irq;
	int rx_irq;		/* same as tx_irq with one event channel */
	bool napi_added;
	bool napi_on;

	struct napi_struct napi ____cacheline_aligned_in_smp;
	atomic_t events;
	struct xen_netback_ring tx;
	struct xen_netback_tx_batch *txb;
	struct page *piece_page; /* the page that small pieces come from */
	u32 piece_used;		/* bytes of it that are given away */

	struct xen_netback_ring rx ____cacheline_aligned_in_smp;
	struct xen_netback_rx_batch *rxb;
	u32 rx_ready;		/* slots known to be posted */
	u32 rx_need;		/* slots that the stopped queue waits for */
	bool rx_late;		/* an event for what was seen may come */
	bool rx_waited;		/* nothing was sent since it first stopped */
	unsigned long rx_stopped; /* jiffies when it first stopped */
	bool rx_stalled;	/* too long ago; only stall_work writes this */

	char tx_name[IFNAMSIZ + 12];
	char rx_name[IFNAMSIZ + 12];
};

struct xen_netback_queues {
	u32 count;
	struct xen_netback_queue queue[] __counted_by(count);
};

/* What one queue of the frontend said where its rings and events are. */
struct xen_netback_queue_keys {
	u32 tx_ref;
	u32 rx_ref;
	u32 tx_port;
	u32 rx_port;		/* same as tx_port with one event channel */
};

/* What the frontend can do, read once per connect. */
struct xen_netback_features {
	bool sg;
	bool gso_tcpv4;
	bool gso_tcpv6;
	bool csum_ipv4;
	bool csum_ipv6;
	bool rx_notify;
};

struct xen_netback_config {
	struct xen_netback_features features;
	u32 nr_queues;
	struct xen_netback_queue_keys keys[XEN_NETBACK_QUEUES_MAX];
};

struct xen_netback_vif {
	struct net_device *dev;
	struct xenbus_device *xdev;
	domid_t domid;
	u32 handle;
	u32 max_queues;

	atomic_t state;
	enum xen_netback_fault fault;	/* valid when quarantined */
	struct xen_netback_queues __rcu *queues;
	struct xen_netback_features features;
	struct xen_netback_stats *stats;	/* max_queues of them */
	struct delayed_work stall_work;

	struct mutex lock;	/* see the top of this file */
	struct delayed_work ctl;
	unsigned long events;	/* of enum xen_netback_event, for ctl */
	enum xenbus_state front_state;	/* latest seen */
	bool closed;		/* and may be unregistered when offline */
	unsigned long next_change, next_connect;	/* jiffies */
	struct xenbus_watch hotplug_watch;
	struct xenbus_watch state_watch;
	struct ratelimit_state ratelimit;
	char *script;
};

extern unsigned int xen_netback_max_queues;

static inline enum xen_netback_state
xen_netback_state(const struct xen_netback_vif *vif)
{
	return atomic_read(&vif->state);
}

static inline void xen_netback_count(struct xen_netback_counters *c, int which,
				     u64 n)
{
	u64_stats_update_begin(&c->sync);
	u64_stats_add(&c->value[which], n);
	u64_stats_update_end(&c->sync);
}

static inline u64 xen_netback_counter(const struct xen_netback_counters *c,
				      int which)
{
	unsigned int start;
	u64 n;

	do {
		start = u64_stats_fetch_begin(&c->sync);
		n = u64_stats_read(&c->value[which]);
	} while (u64_stats_fetch_retry(&c->sync, start));
	return n;
}

/* ring.c */
int xen_netback_ring_attach(struct xen_netback_ring *ring,
			    struct xenbus_device *xdev, grant_ref_t gref);
void xen_netback_ring_detach(struct xen_netback_ring *ring,
			     struct xenbus_device *xdev);
bool xen_netback_ring_pending(const struct xen_netback_ring *ring, u32 *n);
void xen_netback_ring_take_tx(struct xen_netback_ring *ring,
			      union xen_netback_tx_slot *slot);
void xen_netback_ring_take_rx(struct xen_netback_ring *ring,
			      struct xen_netif_rx_request *req);
void xen_netback_ring_put_tx(struct xen_netback_ring *ring,
			     const struct xen_netif_tx_response *rsp);
void xen_netback_ring_put_rx(struct xen_netback_ring *ring,
			     const union xen_netback_rx_slot *slot);
bool xen_netback_ring_push(struct xen_netback_ring *ring);
void xen_netback_ring_arm(struct xen_netback_ring *ring, u32 n);

/* copy.c */
void xen_netback_copy(struct gnttab_copy *op, u32 n);

/* tx.c */
int xen_netback_tx_poll(struct napi_struct *napi, int budget);
irqreturn_t xen_netback_tx_interrupt(int irq, void *data);

/* rx.c */
netdev_tx_t xen_netback_start_xmit(struct sk_buff *skb, struct net_device *dev);
bool xen_netback_rx_event(struct xen_netback_queue *queue);
irqreturn_t xen_netback_rx_interrupt(int irq, void *data);
irqreturn_t xen_netback_interrupt(int irq, void *data);
void xen_netback_rx_stall(struct work_struct *work);
void xen_netback_rx_look(struct xen_netback_vif *vif);

/* device.c */
bool xen_netback_set_state(struct xen_netback_vif *vif,
			   enum xen_netback_state to);
void xen_netback_quarantine(struct xen_netback_vif *vif,
			    enum xen_netback_fault fault);
int xen_netback_connect(struct xen_netback_vif *vif,
			const struct xen_netback_config *config);
void xen_netback_disconnect(struct xen_netback_vif *vif);
void xen_netback_queues_start(struct xen_netback_queues *queues);
void xen_netback_queues_stop(struct xen_netback_queues *queues);

/* interface.c */
struct xen_netback_vif *xen_netback_vif_create(struct xenbus_device *xdev,
					       u32 handle);
void xen_netback_vif_destroy(struct xen_netback_vif *vif);

/* xenbus.c */
void xen_netback_kick(struct xen_netback_vif *vif);
void xen_netback_ctl(struct work_struct *work);
int xen_netback_xenbus_register(void);
void xen_netback_xenbus_unregister(void);

#endif /* _XEN_NETBACK_H */
