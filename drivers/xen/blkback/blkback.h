/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Xen block backend: the driver's objects, who owns them and what guards them.
 *
 * xen_blkback	one per virtual disk.  Lives from probe() until its last user is
 *		gone; kref held by the binding to the bus and by each pending
 *		run of @ctl.  The @ctl work item alone changes @state, @conn and
 *		the backing device, so these need no lock.
 * xen_blkback_conn  one per connection, owned by the device's @ctl.  Its refs
 *		count @ctl plus every bio in flight; the last put wakes @ctl,
 *		which frees it.  Ring pages may be gone long before that.
 * xen_blkback_queue  part of its conn.  Ring indices, slots, page pool and copy
 *		batch belong to the queue's work item, which never runs twice
 *		at once.  Only @done, @running and @event are shared with the
 *		interrupt handler and bio completion, and are atomic.
 * xen_blkback_slot  one request; on @free, @waiting or in a bio.
 *
 * Nothing here is locked but leaving the bus, by @bus_lock: exclusion comes from
 * the two work items.
 */

#ifndef _XEN_BLKBACK_H
#define _XEN_BLKBACK_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <xen/grant_table.h>
#include <xen/xenbus.h>

#include "protocol.h"

/* Segments of an indirect request: 256 KiB of data. */
#define XEN_BLKBACK_MAX_SEGS	64
/* Requests taken from a ring before other queues get a turn. */
#define XEN_BLKBACK_BATCH	64
/* Requests of one queue that may be in progress. */
#define XEN_BLKBACK_MAX_SLOTS	256
/* Grant copies handed to the hypervisor at once. */
#define XEN_BLKBACK_COPY_OPS	256
#define XEN_BLKBACK_MAX_QUEUES	32

#define XEN_BLKBACK_DESC_BYTES	(XEN_BLKBACK_MAX_SEGS * XEN_BLKIF_SEG_SIZE)
#define XEN_BLKBACK_DESC_PAGES	\
	DIV_ROUND_UP(XEN_BLKBACK_BATCH * XEN_BLKBACK_DESC_BYTES, XEN_PAGE_SIZE)

/**
 * enum xen_blkback_state - life of a virtual disk
 * @XEN_BLKBACK_NEW: no backing device known yet
 * @XEN_BLKBACK_READY: backing device open, frontend may connect
 * @XEN_BLKBACK_CONNECTED: rings mapped, requests flow
 * @XEN_BLKBACK_DRAINING: rings gone, bios still in flight
 * @XEN_BLKBACK_FAILED: gave this frontend up, waits for it to close
 * @XEN_BLKBACK_CLOSED: both ends closed; a new connection may follow
 * @XEN_BLKBACK_GONE: no longer on the bus
 */
enum xen_blkback_state {
	XEN_BLKBACK_NEW,
	XEN_BLKBACK_READY,
	XEN_BLKBACK_CONNECTED,
	XEN_BLKBACK_DRAINING,
	XEN_BLKBACK_FAILED,
	XEN_BLKBACK_CLOSED,
	XEN_BLKBACK_GONE,
};

/* Reasons to run the control work, bits of xen_blkback.events. */
enum xen_blkback_event {
	XEN_BLKBACK_EV_FRONTEND,	/* frontend changed state */
	XEN_BLKBACK_EV_CLOSED,		/* seen closed since connecting */
	XEN_BLKBACK_EV_BACKEND,		/* our own directory changed */
	XEN_BLKBACK_EV_FAULT,		/* frontend broke the ring protocol */
	XEN_BLKBACK_EV_DRAINED,		/* last bio of a connection is done */
	XEN_BLKBACK_EV_REMOVE,		/* device left the bus */
};

enum xen_blkback_stat {
	XEN_BLKBACK_STAT_OO_REQ,	/* times a queue ran out of slots */
	XEN_BLKBACK_STAT_RD_REQ,
	XEN_BLKBACK_STAT_WR_REQ,
	XEN_BLKBACK_STAT_F_REQ,
	XEN_BLKBACK_STAT_DS_REQ,
	XEN_BLKBACK_STAT_RD_SECT,
	XEN_BLKBACK_STAT_WR_SECT,
	XEN_BLKBACK_STAT_SEGMENTS,
	XEN_BLKBACK_STAT_ERRORS,	/* responses other than OKAY */
	XEN_BLKBACK_STAT_COPY_CALLS,	/* grant copy hypercalls */
	XEN_BLKBACK_STAT_COPY_OPS,
	XEN_BLKBACK_STAT_COPY_BYTES,
	XEN_BLKBACK_STAT_NOTIFIES,
	XEN_BLKBACK_STAT_EVENTS,
	XEN_BLKBACK_STAT_RUNS,		/* runs of the queue's work item */
	XEN_BLKBACK_NR_STATS,
};

/* Counters of one queue: written by its work item, read by sysfs at any time. */
struct xen_blkback_stats {
	u64 count[XEN_BLKBACK_NR_STATS];
} ____cacheline_aligned_in_smp;

/**
 * struct xen_blkback_ring - the backend's side of a shared ring
 * @shared: mapped ring pages; touched by ring.c only
 * @layout: slot layout
 * @nr_slots: number of slots
 * @req_cons: next request to take
 * @rsp_prod: next response to write
 * @rsp_pushed: responses the frontend has been shown
 */
struct xen_blkback_ring {
	void *shared;
	const struct xen_blkif_layout *layout;
	u32 nr_slots;
	u32 req_cons;
	u32 rsp_prod;
	u32 rsp_pushed;
};

struct xen_blkback_slot {
	struct list_head list;		/* free, waiting or current batch */
	struct llist_node done;
	struct xen_blkback_queue *queue;
	struct xen_blkif_req req;
	s16 status;			/* response so far */
	u16 nr_pages;			/* pages held in @bvec */
	struct xen_blkif_seg segs[XEN_BLKBACK_MAX_SEGS];
	struct bio bio;
	struct bio_vec bvec[XEN_BLKBACK_MAX_SEGS];
};

/* Data pages of one queue: never less than one request needs, never over @max. */
struct xen_blkback_pool {
	struct list_head free;
	u32 nr_free;
	u32 nr_total;
	u32 max;
};

struct xen_blkback_copy {
	struct gnttab_copy *ops;
	struct xen_blkback_slot **owner;	/* of each op */
	u32 nr;
};

struct xen_blkback_queue {
	struct xen_blkback_conn *conn;
	struct xen_blkback_stats *stats;
	unsigned int index;
	unsigned int irq;			/* 0: not bound */
	struct xen_blkback_ring ring;

	/* Shared with interrupt handler and bio completion. */
	struct work_struct work;
	struct llist_head done;
	bool running;
	bool event;				/* an EOI is owed */

	/* Private to @work. */
	u32 taken;				/* requests since the last EOI */
	struct list_head free;
	struct list_head waiting;		/* valid, no pages yet */
	struct xen_blkback_slot *slots;
	struct xen_blkback_pool pool;
	struct xen_blkback_copy copy;
	struct page *desc[XEN_BLKBACK_DESC_PAGES];
};

struct xen_blkback_conn {
	struct xen_blkback *be;
	struct block_device *bdev;
	refcount_t refs;
	domid_t domid;
	bool stopping;				/* rings are off limits */
	unsigned int nr_queues;
	struct xen_blkback_queue queues[] __counted_by(nr_queues);
};

/* What a frontend wrote to xenstore, read once and validated. */
struct xen_blkback_params {
	enum xen_blkif_abi abi;
	u32 nr_queues;
	u32 nr_pages;
	struct {
		u32 evtchn;
		grant_ref_t gref[XENBUS_MAX_RING_GRANTS];
	} queue[XEN_BLKBACK_MAX_QUEUES];
};

struct xen_blkback {
	struct kref kref;
	struct xenbus_device *xdev;		/* reference held */
	char *otherend;				/* frontend's directory */
	struct xenbus_watch physdev_watch;
	struct xenbus_watch state_watch;

	struct work_struct ctl;
	unsigned long events;
	/*
	 * Held to set EV_REMOVE, and by the control work while what it does is
	 * seen by others under this device's name.  Never while waiting for
	 * this disk: the watch thread waits for it.  A directory that is made
	 * anew before the bus has seen it go is still this device's.
	 */
	struct mutex bus_lock;
	enum xenbus_state front_state;		/* latest seen */

	enum xen_blkback_state state;
	struct xen_blkback_conn *conn;
	struct file *bdev_file;
	u32 major, minor;
	bool readonly;
	bool exclusive;				/* nobody else may write */
	bool flush;
	bool cdrom;

	struct ratelimit_state msg_limit;
	bool has_stats;				/* sysfs attributes exist */
	unsigned long next_open;		/* jiffies */
	unsigned long next_connect;
	unsigned long next_change;
	struct workqueue_struct *io_wq;
	unsigned int max_queues;
	struct xen_blkback_stats *stats;	/* of @max_queues queues */
};

extern struct workqueue_struct *xen_blkback_ctl_wq;
extern unsigned int xen_blkback_buffer_pages;

/* Have the work item of a queue look at it.  Any context. */
static inline void xen_blkback_wake(struct xen_blkback_queue *q)
{
	queue_work(q->conn->be->io_wq, &q->work);
}

static inline void xen_blkback_count(struct xen_blkback_queue *q,
				     enum xen_blkback_stat stat, u64 n)
{
	/* One writer; readers may see a slightly old value, not a torn one. */
	WRITE_ONCE(q->stats->count[stat], q->stats->count[stat] + n);
}

/* ring.c */
void xen_blkback_ring_init(struct xen_blkback_ring *ring, void *shared,
			   const struct xen_blkif_layout *layout, u32 nr_pages);
int xen_blkback_ring_pending(const struct xen_blkback_ring *ring);
void xen_blkback_ring_take(struct xen_blkback_ring *ring, void *copy);
void xen_blkback_ring_respond(struct xen_blkback_ring *ring, u64 id, u8 op,
			      s16 status);
bool xen_blkback_ring_push(struct xen_blkback_ring *ring);
void xen_blkback_ring_arm(struct xen_blkback_ring *ring);

/* copy.c */
int xen_blkback_copy_init(struct xen_blkback_copy *copy);
void xen_blkback_copy_free(struct xen_blkback_copy *copy);
void xen_blkback_copy_desc(struct xen_blkback_queue *q,
			   struct xen_blkback_slot *slot, unsigned int pos);
void xen_blkback_copy_data(struct xen_blkback_queue *q,
			   struct xen_blkback_slot *slot, bool to_guest);
void xen_blkback_copy_flush(struct xen_blkback_queue *q);
int xen_blkback_pool_init(struct xen_blkback_pool *pool, u32 max);
void xen_blkback_pool_free(struct xen_blkback_pool *pool);
bool xen_blkback_pool_get(struct xen_blkback_pool *pool,
			  struct xen_blkback_slot *slot);
void xen_blkback_pool_put(struct xen_blkback_pool *pool,
			  struct xen_blkback_slot *slot);

/* request.c */
void xen_blkback_queue_run(struct work_struct *work);

/* device.c */
int xen_blkback_conn_create(struct xen_blkback *be,
			    const struct xen_blkback_params *params);
void xen_blkback_conn_stop(struct xen_blkback_conn *conn);
void xen_blkback_conn_free(struct xen_blkback_conn *conn);
void xen_blkback_conn_fault(struct xen_blkback_conn *conn);
void xen_blkback_conn_put(struct xen_blkback_conn *conn);
int xen_blkback_open(struct xen_blkback *be, u32 major, u32 minor);
void xen_blkback_close(struct xen_blkback *be);
int xen_blkback_sync(struct xen_blkback *be);
void xen_blkback_limits(const struct xen_blkback_conn *conn,
			struct xen_blkif_limits *lim);
struct xen_blkback *xen_blkback_alloc(struct xenbus_device *xdev,
				      unsigned int max_queues);
void xen_blkback_put(struct xen_blkback *be);
void xen_blkback_set_state(struct xen_blkback *be, enum xen_blkback_state state);
void xen_blkback_kick(struct xen_blkback *be, enum xen_blkback_event event);
void xen_blkback_wait_all_gone(void);

/* xenbus.c */
void xen_blkback_ctl(struct work_struct *work);
int xen_blkback_xenbus_register(void);
void xen_blkback_xenbus_unregister(void);

/* stats.c */
int xen_blkback_stats_add(struct xenbus_device *xdev);
void xen_blkback_stats_remove(struct xenbus_device *xdev);

#endif /* _XEN_BLKBACK_H */
