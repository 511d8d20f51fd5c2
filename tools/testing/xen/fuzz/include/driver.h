/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel types that the drivers' own headers mention.  ring.c is compiled with
 * those headers as they are, and looks into none of these.
 */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include "kernel.h"

#include <xen/interface/grant_table.h>

#define OPAQUE(name)	struct name { long opaque; }

OPAQUE(bio);
OPAQUE(bio_vec);
OPAQUE(delayed_work);
OPAQUE(kref);
OPAQUE(list_head);
OPAQUE(llist_head);
OPAQUE(llist_node);
OPAQUE(mutex);
OPAQUE(napi_struct);
OPAQUE(ratelimit_state);
OPAQUE(sk_buff_head);
OPAQUE(u64_stats_sync);
OPAQUE(work_struct);
OPAQUE(xenbus_device);
OPAQUE(xenbus_watch);

struct block_device;
struct device;
struct file;
struct net_device;
struct page;
struct sk_buff;
struct workqueue_struct;

typedef struct { int opaque; } atomic_t;
typedef struct { int opaque; } refcount_t;
typedef struct { u64 value; } u64_stats_t;
typedef int irqreturn_t;
typedef int netdev_tx_t;

enum xenbus_state { FUZZ_XENBUS_STATE };

#define XENBUS_MAX_RING_GRANTS	16
#define NAPI_POLL_WEIGHT	64
#define IFNAMSIZ		16

/* Used by inline functions only, which nobody here calls. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);

static inline int atomic_read(const atomic_t *v)
{
	return v->opaque;
}

static inline void u64_stats_update_begin(struct u64_stats_sync *sync)
{
}

static inline void u64_stats_update_end(struct u64_stats_sync *sync)
{
}

static inline void u64_stats_add(u64_stats_t *stats, u64 n)
{
	stats->value += n;
}

static inline u64 u64_stats_read(const u64_stats_t *stats)
{
	return stats->value;
}

static inline unsigned int
u64_stats_fetch_begin(const struct u64_stats_sync *sync)
{
	return 0;
}

static inline bool u64_stats_fetch_retry(const struct u64_stats_sync *sync,
					 unsigned int start)
{
	return false;
}

/* The network targets say what mapping a ring gives. */
int xenbus_map_ring_valloc(struct xenbus_device *xdev, grant_ref_t *grefs,
			   unsigned int nr_grefs, void **vaddr);
int xenbus_unmap_ring_vfree(struct xenbus_device *xdev, void *vaddr);

#endif /* FUZZ_DRIVER_H */
