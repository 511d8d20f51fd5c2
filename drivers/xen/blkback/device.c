// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen block backend: birth and death of devices, connections and queues.
 *
 * A connection is built in private, in one function, and is torn down by the
 * same two functions whether or not it was ever complete:
 *
 *   stop   no new interrupts, no running work, rings unmapped.  Bios in flight
 *          are not waited for: they only touch the backend's own pages.  But a
 *          run that sits in submit_bio(), because the disk takes no more, is.
 *          The guest's memory is free when this returns.
 *   free   when the last bio is done and has dropped its reference.
 */

#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <xen/events.h>

#include "blkback.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static atomic_t nr_devices;
static DECLARE_WAIT_QUEUE_HEAD(all_gone);

/* Who holds the backing device; one address for all of this driver's users. */
static const char bdev_holder[] = "xen-vbd-backend";

static irqreturn_t queue_event(int irq, void *data)
{
	struct xen_blkback_queue *q = data;

	/* This may come before the binding returns the number. */
	WRITE_ONCE(q->irq, irq);
	/* Masked until the work item has sent the EOI. */
	xchg(&q->event, true);
	xen_blkback_wake(q);
	return IRQ_HANDLED;
}

static int queue_alloc_slots(struct xen_blkback_queue *q)
{
	u32 nr = min_t(u32, q->ring.nr_slots, XEN_BLKBACK_MAX_SLOTS);
	u32 i;

	q->slots = kvcalloc(nr, sizeof(*q->slots), GFP_KERNEL);
	if (!q->slots)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		q->slots[i].queue = q;
		list_add_tail(&q->slots[i].list, &q->free);
	}
	return 0;
}

static int queue_alloc(struct xen_blkback_queue *q)
{
	unsigned int i;
	int err;

	err = queue_alloc_slots(q);
	if (err)
		return err;
	err = xen_blkback_copy_init(&q->copy);
	if (err)
		return err;
	err = xen_blkback_pool_init(&q->pool, xen_blkback_buffer_pages /
					      q->conn->nr_queues);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(q->desc); i++) {
		q->desc[i] = alloc_page(GFP_KERNEL);
		if (!q->desc[i])
			return -ENOMEM;
	}
	return 0;
}

/* Everything that queue_alloc() may have allocated. */
static void queue_free(struct xen_blkback_queue *q)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->desc); i++)
		if (q->desc[i])
			__free_page(q->desc[i]);
	xen_blkback_pool_free(&q->pool);
	xen_blkback_copy_free(&q->copy);
	kvfree(q->slots);
}

static void queue_init(struct xen_blkback_conn *conn, unsigned int index)
{
	struct xen_blkback_queue *q = &conn->queues[index];

	q->conn = conn;
	q->index = index;
	q->stats = &conn->be->stats[index];
	INIT_WORK(&q->work, xen_blkback_queue_run);
	init_llist_head(&q->done);
	INIT_LIST_HEAD(&q->free);
	INIT_LIST_HEAD(&q->waiting);
}

static int queue_bind(struct xen_blkback_queue *q, u32 evtchn)
{
	struct xenbus_device *xdev = q->conn->be->xdev;
	const char *name = dev_name(&xdev->dev);
	int irq;

	irq = bind_interdomain_evtchn_to_irqhandler_lateeoi(xdev, evtchn,
							    queue_event, 0,
							    name, q);
	if (irq < 0)
		return irq;
	WRITE_ONCE(q->irq, irq);
	return 0;
}

/* Map the ring, make room for its requests, and last of all bind the event. */
static int queue_connect(struct xen_blkback_queue *q,
			 const struct xen_blkback_params *params)
{
	struct xenbus_device *xdev = q->conn->be->xdev;
	grant_ref_t grefs[XENBUS_MAX_RING_GRANTS];
	void *shared;
	int err;

	memcpy(grefs, params->queue[q->index].gref, sizeof(grefs));
	err = xenbus_map_ring_valloc(xdev, grefs, params->nr_pages, &shared);
	if (err)
		return err < 0 ? err : -EINVAL;
	xen_blkback_ring_init(&q->ring, shared, xen_blkif_layout(params->abi),
			      params->nr_pages);

	err = queue_alloc(q);
	if (err)
		return err;

	/* From here on requests are served. */
	return queue_bind(q, params->queue[q->index].evtchn);
}

static void queue_stop(struct xen_blkback_queue *q)
{
	/*
	 * A run that starts after this sees conn->stopping and leaves interrupt
	 * and ring alone.  The interrupt goes only now: its number may be
	 * another device's at once, and must not be used by a late run.
	 */
	cancel_work_sync(&q->work);
	if (q->irq)
		unbind_from_irqhandler(q->irq, q);
	q->irq = 0;

	if (q->ring.shared)
		xenbus_unmap_ring_vfree(q->conn->be->xdev, q->ring.shared);
	q->ring.shared = NULL;

	/* Take back what had completed, and what had not begun. */
	xen_blkback_wake(q);
}

/**
 * xen_blkback_conn_create - map the rings and bind the events of a frontend
 * @be: the device; its backing device is open
 * @params: validated parameters
 *
 * Interrupts may arrive and requests may be served before this returns.  If
 * @be->conn is set after a failure, it is torn down like any other: the queues
 * before the broken one may have bios in flight.
 *
 * Context: control work.
 * Return: 0 or a negative error.
 */
int xen_blkback_conn_create(struct xen_blkback *be,
			    const struct xen_blkback_params *params)
{
	struct xen_blkback_conn *conn;
	unsigned int i;
	int err = 0;

	conn = kvzalloc(struct_size(conn, queues, params->nr_queues),
			GFP_KERNEL);
	if (!conn)
		return -ENOMEM;

	conn->nr_queues = params->nr_queues;
	conn->be = be;
	conn->bdev = file_bdev(be->bdev_file);
	conn->domid = be->xdev->otherend_id;
	refcount_set(&conn->refs, 1);
	for (i = 0; i < conn->nr_queues; i++)
		queue_init(conn, i);

	be->conn = conn;
	for (i = 0; i < conn->nr_queues && !err; i++)
		err = queue_connect(&conn->queues[i], params);
	return err;
}

/**
 * xen_blkback_conn_stop - cut a connection off from its frontend
 * @conn: the connection
 *
 * On return no interrupt is bound and no ring is mapped.  Bios may be in
 * flight still.
 *
 * Context: control work.  May wait for a work item that sits in the block
 * layer, hence never called from a xenstore watch.
 */
void xen_blkback_conn_stop(struct xen_blkback_conn *conn)
{
	unsigned int i;

	WRITE_ONCE(conn->stopping, true);
	for (i = 0; i < conn->nr_queues; i++)
		queue_stop(&conn->queues[i]);
}

/**
 * xen_blkback_conn_put - drop a reference to a connection
 * @conn: the connection; may be freed by the control work any time after
 *
 * Context: process context.
 */
void xen_blkback_conn_put(struct xen_blkback_conn *conn)
{
	struct xen_blkback *be = conn->be;

	if (refcount_dec_and_test(&conn->refs))
		xen_blkback_kick(be, XEN_BLKBACK_EV_DRAINED);
}

/**
 * xen_blkback_conn_free - free a connection that nobody refers to any more
 * @conn: stopped connection whose last reference has been put
 *
 * Context: control work.
 */
void xen_blkback_conn_free(struct xen_blkback_conn *conn)
{
	unsigned int i;

	/* Bio completions that have handed over their slot but not returned. */
	synchronize_rcu();
	for (i = 0; i < conn->nr_queues; i++) {
		cancel_work_sync(&conn->queues[i].work);
		queue_free(&conn->queues[i]);
	}
	kvfree(conn);
}

/**
 * xen_blkback_conn_fault - give up on a frontend that broke the ring protocol
 * @conn: the connection
 *
 * Idempotent.  The event stays masked, no request is taken any more, and the
 * control work does the rest.
 *
 * Context: a queue's work item.
 */
void xen_blkback_conn_fault(struct xen_blkback_conn *conn)
{
	WRITE_ONCE(conn->stopping, true);
	xen_blkback_kick(conn->be, XEN_BLKBACK_EV_FAULT);
}

/**
 * xen_blkback_open - open the backing device
 * @be: device without one
 * @major: major number
 * @minor: minor number
 *
 * Context: control work.
 * Return: 0 or what the block layer said.
 */
int xen_blkback_open(struct xen_blkback *be, u32 major, u32 minor)
{
	blk_mode_t mode = BLK_OPEN_READ;
	struct block_device *bdev;
	struct file *file;

	if (!be->readonly)
		mode |= BLK_OPEN_WRITE;
	file = bdev_file_open_by_dev(MKDEV(major, minor), mode,
				     be->exclusive ? (void *)bdev_holder : NULL,
				     NULL);
	if (IS_ERR(file))
		return PTR_ERR(file);

	bdev = file_bdev(file);
	if (!bdev_nr_sectors(bdev)) {
		bdev_fput(file);
		return -ENXIO;
	}
	be->bdev_file = file;
	be->major = major;
	be->minor = minor;
	be->flush = !be->readonly && bdev_write_cache(bdev);
	return 0;
}

/**
 * xen_blkback_close - let go of the backing device
 * @be: device without a connection
 *
 * The toolstack may tear the backing device down as soon as it sees us closed,
 * so this does not return before the device is really released.
 *
 * Context: control work.
 */
void xen_blkback_close(struct xen_blkback *be)
{
	struct file *file = be->bdev_file;

	if (!file)
		return;
	be->bdev_file = NULL;
	/* The claim goes with the first reference, the device with the last. */
	get_file(file);
	bdev_fput(file);
	__fput_sync(file);
}

/**
 * xen_blkback_sync - make disk and page cache agree before a frontend connects
 * @be: device with its backing device open
 *
 * The frontend's I/O bypasses the page cache.  What this domain has written and
 * not yet flushed, by an installer or as the emulator of the same disk, has to
 * be on the disk; and what it has read shall not hide the frontend's writes.
 *
 * Context: control work; waits for the disk.
 * Return: 0 or a negative error.
 */
int xen_blkback_sync(struct xen_blkback *be)
{
	int err = sync_blockdev(file_bdev(be->bdev_file));

	/* Pages in use by a local mount stay; that is its owner's choice. */
	if (!err && !be->readonly)
		invalidate_inode_pages2(be->bdev_file->f_mapping);
	return err;
}

/**
 * xen_blkback_limits - what the disk allows right now
 * @conn: connection
 * @lim: filled
 *
 * Context: a queue's work item or the control work.
 */
void xen_blkback_limits(const struct xen_blkback_conn *conn,
			struct xen_blkif_limits *lim)
{
	*lim = (struct xen_blkif_limits) {
		.capacity = bdev_nr_sectors(conn->bdev),
		.block_sectors = bdev_logical_block_size(conn->bdev) >>
				 SECTOR_SHIFT,
		.max_segs = XEN_BLKBACK_MAX_SEGS,
		.readonly = conn->be->readonly,
		.flush = conn->be->flush,
	};
}

/**
 * xen_blkback_alloc - a new device, in state XEN_BLKBACK_NEW
 * @xdev: its xenbus device
 * @max_queues: most queues a frontend may ask for
 *
 * Return: the device with one reference, or an ERR_PTR().
 */
struct xen_blkback *xen_blkback_alloc(struct xenbus_device *xdev,
				      unsigned int max_queues)
{
	struct xen_blkback *be = kzalloc_obj(*be);

	if (!be)
		return ERR_PTR(-ENOMEM);
	be->stats = kcalloc(max_queues, sizeof(*be->stats), GFP_KERNEL);
	be->otherend = kstrdup(xdev->otherend, GFP_KERNEL);
	/*
	 * Guests and Dom0 itself may need this I/O to get memory back.  Of its
	 * own, for a work item may wait in the block layer for a slow disk,
	 * and what counts as active is limited.
	 */
	be->io_wq = alloc_workqueue("%s", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
				    dev_name(&xdev->dev));
	if (!be->stats || !be->otherend || !be->io_wq) {
		if (be->io_wq)
			destroy_workqueue(be->io_wq);
		kfree(be->stats);
		kfree(be->otherend);
		kfree(be);
		return ERR_PTR(-ENOMEM);
	}
	get_device(&xdev->dev);
	be->xdev = xdev;
	be->max_queues = max_queues;
	be->front_state = XenbusStateInitialising;
	be->next_open = jiffies;
	be->next_connect = jiffies;
	/* Nothing has been asked of it yet: all that may be saved is. */
	be->next_change = jiffies - HZ;
	be->state = XEN_BLKBACK_NEW;
	kref_init(&be->kref);
	mutex_init(&be->bus_lock);
	INIT_WORK(&be->ctl, xen_blkback_ctl);
	ratelimit_state_init(&be->msg_limit, 10 * HZ, 5);
	atomic_inc(&nr_devices);
	return be;
}

static void device_release(struct kref *kref)
{
	struct xen_blkback *be = container_of(kref, struct xen_blkback, kref);

	/* Never the last put of an I/O work item, which is of this workqueue. */
	destroy_workqueue(be->io_wq);
	mutex_destroy(&be->bus_lock);
	put_device(&be->xdev->dev);
	kfree(be->otherend);
	kfree(be->stats);
	kfree(be);
	if (atomic_dec_and_test(&nr_devices))
		wake_up_all(&all_gone);
}

/**
 * xen_blkback_put - drop a reference to a device
 * @be: the device; without connection and backing device if it was the last
 *
 * Context: process context.
 */
void xen_blkback_put(struct xen_blkback *be)
{
	kref_put(&be->kref, device_release);
}

/**
 * xen_blkback_set_state - the one place where a device changes state
 * @be: the device
 * @state: new state
 *
 * Context: control work.
 */
void xen_blkback_set_state(struct xen_blkback *be, enum xen_blkback_state state)
{
	trace_xen_blkback_state(be, be->state, state);
	/* Pairs with the acquire in the state watch. */
	smp_store_release(&be->state, state);
}

/**
 * xen_blkback_kick - have the control work look at something
 * @be: the device; the caller holds a reference, if only through a connection
 * @event: what has happened
 *
 * A pending run holds a reference of its own.
 *
 * Context: process context.
 */
void xen_blkback_kick(struct xen_blkback *be, enum xen_blkback_event event)
{
	kref_get(&be->kref);
	set_bit(event, &be->events);
	if (!queue_work(xen_blkback_ctl_wq, &be->ctl))
		xen_blkback_put(be);
}

/**
 * xen_blkback_wait_all_gone - wait for the last device
 *
 * Context: module exit, after the driver has left the bus.  Waits for I/O.
 */
void xen_blkback_wait_all_gone(void)
{
	wait_event(all_gone, !atomic_read(&nr_devices));
}
