// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen block backend: negotiation with toolstack and frontend over xenstore.
 *
 * Watch callbacks run in the one thread that serves all domains, so they only
 * note what has changed and queue the device's control work.  That work is the
 * state machine.  F is the frontend's state, B what we write to our own:
 *
 *   state      condition                         action              B, next
 *   ---------  --------------------------------  ------------------  ------------
 *   NEW        "physical-device" has appeared    open it             -, READY
 *   NEW/READY  F Closed or gone; or the tool-    -                   6, CLOSED
 *              stack asks
 *   READY      F Initialised or Connected        connect             4, CONNECTED
 *              the same, but connecting fails    stop                5, DRAINING
 *   CONNECTED  F Closing                         -                   5
 *              F Closed, gone or starting anew   stop                -, DRAINING
 *              ring protocol broken              stop                5, DRAINING
 *   DRAINING   last bio done                     free                -, CLOSED
 *              same, F not closed                free                -, FAILED
 *   FAILED     F Closed or gone; or the tool-    -                   6, CLOSED
 *              stack asks
 *   CLOSED     offline                           close backing       6, unregister
 *              online, F Initialising or later   -                   2, READY
 *   any        removed from the bus              stop, drain, close  -, GONE
 *
 * A frontend that is Closing may still have the disk mounted and want I/O, so
 * only Closed cuts the connection.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <xen/interface/io/blkif.h>

#include "blkback.h"

/*
 * A connection, or an attempt to open the disk, costs Dom0 a lot more than the
 * frontend that asks for it; and the bus logs a ring that it cannot map, every
 * time.  So there are five a second at the most.
 */
#define CONNECT_PAUSE_MS	200

/*
 * To follow any other change of the frontend's state is cheaper, but still a
 * dozen requests to xenstored and as many watch events.  The first few are
 * followed at once, which is all that a boot needs, and then twenty a second.
 */
#define CHANGE_PAUSE_MS		50
#define CHANGE_BURST		10

static unsigned int max_queues;
module_param(max_queues, uint, 0644);
MODULE_PARM_DESC(max_queues,
		 "Queues a frontend may use for one disk (default 0: one per CPU)");

static unsigned int max_ring_page_order = XENBUS_MAX_RING_GRANT_ORDER;
module_param(max_ring_page_order, uint, 0644);
MODULE_PARM_DESC(max_ring_page_order,
		 "Log2 of the most pages a ring may have (default and limit 4)");

/* Read a value once.  An ERR_PTR() if there is none or it is no plain string. */
static char *read_key(const char *dir, const char *key)
{
	unsigned int len;
	char *value;

	value = xenbus_read(XBT_NIL, dir, key, &len);
	if (!IS_ERR(value) && strlen(value) != len) {
		kfree(value);
		return ERR_PTR(-EINVAL);
	}
	return value;
}

/* The same, of a key that may be absent: then NULL. */
static char *read_optional(const char *dir, const char *key)
{
	char *value = read_key(dir, key);

	return value == ERR_PTR(-ENOENT) ? NULL : value;
}

/* Return 0, -ENOENT if the key is absent, or the parser's error. */
static int read_u32(const char *dir, const char *key, u32 min, u32 max, u32 *val)
{
	char *value = read_key(dir, key);
	int err;

	if (IS_ERR(value))
		return PTR_ERR(value);
	err = xen_blkif_parse_u32(value, min, max, val);
	kfree(value);
	return err;
}

static int read_rings(const char *dir, u32 nr_pages, grant_ref_t *grefs)
{
	char key[sizeof("ring-ref") + 10];
	u32 i;
	int err;

	if (nr_pages == 1) {
		err = read_u32(dir, "ring-ref", 0, U32_MAX, &grefs[0]);
		if (err != -ENOENT)
			return err;
	}
	for (i = 0; i < nr_pages; i++) {
		snprintf(key, sizeof(key), "ring-ref%u", i);
		err = read_u32(dir, key, 0, U32_MAX, &grefs[i]);
		if (err)
			return err;
	}
	return 0;
}

static int read_queue(const char *otherend, u32 index,
		      struct xen_blkback_params *params)
{
	char *dir;
	int err;

	/* One queue keeps its keys where a frontend without queues has them. */
	if (params->nr_queues == 1)
		dir = kstrdup(otherend, GFP_KERNEL);
	else
		dir = kasprintf(GFP_KERNEL, "%s/queue-%u", otherend, index);
	if (!dir)
		return -ENOMEM;

	err = read_rings(dir, params->nr_pages, params->queue[index].gref);
	if (!err)
		err = read_u32(dir, "event-channel", 1, U32_MAX,
			       &params->queue[index].evtchn);
	kfree(dir);
	return err;
}

/* Read all that the frontend has to say, once, and judge it. */
static int read_params(struct xen_blkback *be, struct xen_blkback_params *params)
{
	u32 order = 0;
	char *proto;
	u32 i;
	int err;

	proto = read_optional(be->otherend, "protocol");
	if (IS_ERR(proto))
		return PTR_ERR(proto);
	err = xen_blkif_parse_protocol(proto, &params->abi);
	kfree(proto);
	if (err)
		return err;

	err = read_u32(be->otherend, "ring-page-order", 0,
		       min(max_ring_page_order, XENBUS_MAX_RING_GRANT_ORDER),
		       &order);
	if (err && err != -ENOENT)
		return err;
	params->nr_pages = 1 << order;

	params->nr_queues = 1;
	err = read_u32(be->otherend, "multi-queue-num-queues", 1,
		       be->max_queues, &params->nr_queues);
	if (err && err != -ENOENT)
		return err;

	for (i = 0; i < params->nr_queues; i++) {
		err = read_queue(be->otherend, i, params);
		if (err)
			return err;
	}
	return 0;
}

struct disk_key {
	const char *key;
	u64 value;
};

/* Write the keys together, and only if our directory has not been removed. */
static int write_keys(struct xen_blkback *be, const struct disk_key *keys,
		      unsigned int nr)
{
	const char *dir = be->xdev->nodename;
	struct xenbus_transaction xbt;
	unsigned int i;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = xenbus_exists(xbt, dir, "state") ? 0 : -ENOENT;
		for (i = 0; i < nr && !err; i++)
			err = xenbus_printf(xbt, dir, keys[i].key, "%llu",
					    keys[i].value);
		if (err) {
			xenbus_transaction_end(xbt, true);
			return err;
		}
		err = xenbus_transaction_end(xbt, false);
	} while (err == -EAGAIN);
	return err;
}

/* What every frontend may know before there is a backing device. */
static int write_features(struct xen_blkback *be)
{
	const struct disk_key keys[] = {
		{ "feature-max-indirect-segments", XEN_BLKBACK_MAX_SEGS },
		{ "multi-queue-max-queues", be->max_queues },
		{ "max-ring-page-order", min(max_ring_page_order,
					     XENBUS_MAX_RING_GRANT_ORDER) },
	};

	return write_keys(be, keys, ARRAY_SIZE(keys));
}

static int write_disk(struct xen_blkback *be)
{
	struct block_device *bdev = file_bdev(be->bdev_file);
	u64 info = 0;

	if (be->cdrom)
		info |= VDISK_CDROM;
	if (bdev->bd_disk->flags & GENHD_FL_REMOVABLE)
		info |= VDISK_REMOVABLE;
	if (be->readonly)
		info |= VDISK_READONLY;

	const struct disk_key keys[] = {
		{ "feature-flush-cache", be->flush },
		{ "sectors", bdev_nr_sectors(bdev) },
		{ "info", info },
		{ "sector-size", bdev_logical_block_size(bdev) },
		{ "physical-sector-size", bdev_physical_block_size(bdev) },
	};

	return write_keys(be, keys, ARRAY_SIZE(keys));
}

static bool removed(const struct xen_blkback *be)
{
	return test_bit(XEN_BLKBACK_EV_REMOVE, &be->events);
}

/*
 * Once a device has left the bus, the rings, the event channels and the
 * directory in xenstore may be those of another one with the same number.  Who
 * holds the bus lock and finds it not removed may use them until it lets go.
 */
static void announce(struct xen_blkback *be, enum xenbus_state state)
{
	guard(mutex)(&be->bus_lock);
	if (!removed(be))
		xenbus_switch_state(be->xdev, state);
}

/* Tell the toolstack, and the log unless this device has said enough. */
static void report(struct xen_blkback *be, int err, const char *what)
{
	guard(mutex)(&be->bus_lock);
	if (removed(be))
		return;
	if (__ratelimit(&be->msg_limit))
		xenbus_dev_fatal(be->xdev, err, "%s", what);
	else
		xenbus_switch_state(be->xdev, XenbusStateClosing);
}

static bool front_wants_in(const struct xen_blkback *be)
{
	enum xenbus_state state = READ_ONCE(be->front_state);

	return state == XenbusStateInitialised || state == XenbusStateConnected;
}

static bool front_is_gone(const struct xen_blkback *be)
{
	enum xenbus_state state = READ_ONCE(be->front_state);

	return state == XenbusStateClosed || state == XenbusStateUnknown;
}

/* Closed now, or closed at some time since we set out to connect. */
static bool front_was_gone(const struct xen_blkback *be)
{
	return front_is_gone(be) || test_bit(XEN_BLKBACK_EV_CLOSED, &be->events);
}

/*
 * The toolstack wants the device away, and there is no connection to end.  It
 * says so in our state too, which we may have overwritten since.
 */
static bool asked_to_close(const struct xen_blkback *be)
{
	u32 online;

	return !read_u32(be->xdev->nodename, "online", 0, 1, &online) &&
	       !online;
}

static void disconnect(struct xen_blkback *be)
{
	xen_blkback_set_state(be, XEN_BLKBACK_DRAINING);
	xen_blkback_conn_stop(be->conn);
	xen_blkback_conn_put(be->conn);
}

/* Wait for our turn; of the pauses that nobody took, @burst are saved. */
static void pace(unsigned long *next, unsigned int pause_ms, unsigned int burst)
{
	unsigned long pause = msecs_to_jiffies(pause_ms);
	unsigned long left = *next - jiffies;
	unsigned long oldest;

	/* One long over may look as if it lay ahead. */
	if (left && left <= pause)
		msleep(jiffies_to_msecs(left));
	oldest = jiffies - burst * pause;
	if (!time_in_range(*next, oldest, jiffies))
		*next = oldest;
	*next += pause;
}

/* Connect as the frontend says, and tell it what it may know. */
static int join(struct xen_blkback *be, const struct xen_blkback_params *params,
		const char **what)
{
	int err;

	lockdep_assert_held(&be->bus_lock);
	*what = "mapping rings and binding events";
	err = xen_blkback_conn_create(be, params);
	if (err)
		return err;

	*what = "writing disk parameters";
	err = write_disk(be);
	if (err)
		return err;
	xen_blkback_set_state(be, XEN_BLKBACK_CONNECTED);
	xenbus_switch_state(be->xdev, XenbusStateConnected);
	if (asked_to_close(be))
		xenbus_switch_state(be->xdev, XenbusStateClosing);
	return 0;
}

/* Read what the frontend says, and join it unless the device has left. */
static int read_and_join(struct xen_blkback *be, const char **what)
{
	struct xen_blkback_params *params = kzalloc_obj(*params);
	int err;

	*what = "reading frontend's parameters";
	if (!params)
		return -ENOMEM;
	err = read_params(be, params);
	if (!err) {
		guard(mutex)(&be->bus_lock);
		if (!removed(be))
			err = join(be, params, what);
	}
	kfree(params);
	return err;
}

static void connect(struct xen_blkback *be)
{
	const char *what = "flushing the page cache";
	int err;

	/* These take their time, and so come before the frontend is asked. */
	pace(&be->next_connect, CONNECT_PAUSE_MS, 0);
	err = xen_blkback_sync(be);
	if (!err) {
		/* A close meanwhile was before the keys that we read now. */
		test_and_clear_bit(XEN_BLKBACK_EV_CLOSED, &be->events);
		if (!front_wants_in(be) || asked_to_close(be))
			return;
		err = read_and_join(be, &what);
	}
	if (!err)
		return;

	report(be, err, what);
	if (be->conn)
		disconnect(be);
	else
		xen_blkback_set_state(be, XEN_BLKBACK_FAILED);
}

static void read_mode(struct xen_blkback *be)
{
	char *mode = read_key(be->xdev->nodename, "mode");
	char *type = read_key(be->xdev->nodename, "device-type");

	be->readonly = IS_ERR(mode) || !strchr(mode, 'w');
	be->exclusive = !be->readonly && !strchr(mode, '!');
	be->cdrom = !IS_ERR(type) && !strcmp(type, "cdrom");
	if (!IS_ERR(mode))
		kfree(mode);
	if (!IS_ERR(type))
		kfree(type);
}

/* The hotplug script writes the key when the backing device is set up. */
static void open_backing(struct xen_blkback *be)
{
	char *value = read_optional(be->xdev->nodename, "physical-device");
	u32 major, minor;
	int err;

	if (!value)
		return;
	err = PTR_ERR_OR_ZERO(value);
	if (!err) {
		err = xen_blkif_parse_device(value, &major, &minor);
		kfree(value);
	}
	if (!err) {
		pace(&be->next_open, CONNECT_PAUSE_MS, 0);
		/* If it leaves after this, winding down closes the disk. */
		if (removed(be))
			return;
		read_mode(be);
		err = xen_blkback_open(be, major, minor);
	}
	if (err) {
		report(be, err, "opening the backing device");
		xen_blkback_set_state(be, XEN_BLKBACK_FAILED);
		return;
	}
	xen_blkback_set_state(be, XEN_BLKBACK_READY);
}

static void closed(struct xen_blkback *be)
{
	/* The toolstack may remove the disk as soon as it reads "closed". */
	if (!xenbus_dev_is_online(be->xdev))
		xen_blkback_close(be);
	xen_blkback_set_state(be, XEN_BLKBACK_CLOSED);
	announce(be, XenbusStateClosed);
}

static void reopen(struct xen_blkback *be)
{
	if (!xenbus_dev_is_online(be->xdev))
		return;
	xen_blkback_set_state(be, be->bdev_file ? XEN_BLKBACK_READY :
						  XEN_BLKBACK_NEW);
	announce(be, XenbusStateInitWait);
}

static void drained(struct xen_blkback *be)
{
	xen_blkback_conn_free(be->conn);
	be->conn = NULL;
	/* Kept until we have looked at what the frontend does now. */
	xen_blkback_set_state(be, XEN_BLKBACK_FAILED);
}

/* One line of the table.  Returns true if the new state is to be looked at. */
static bool step(struct xen_blkback *be)
{
	enum xen_blkback_state old = be->state;

	switch (be->state) {
	case XEN_BLKBACK_NEW:
	case XEN_BLKBACK_READY:
		/* A close before this has no connection to cut. */
		test_and_clear_bit(XEN_BLKBACK_EV_CLOSED, &be->events);
		if (front_is_gone(be) || asked_to_close(be))
			closed(be);
		else if (be->state == XEN_BLKBACK_NEW)
			open_backing(be);
		else if (front_wants_in(be))
			connect(be);
		break;
	case XEN_BLKBACK_CONNECTED:
		/* One watch event may stand for two changes: it has closed. */
		if (READ_ONCE(be->front_state) == XenbusStateInitialising)
			set_bit(XEN_BLKBACK_EV_CLOSED, &be->events);
		if (front_was_gone(be))
			disconnect(be);
		else if (READ_ONCE(be->front_state) == XenbusStateClosing)
			announce(be, XenbusStateClosing);
		break;
	case XEN_BLKBACK_FAILED:
		if (front_was_gone(be) || asked_to_close(be))
			closed(be);
		break;
	case XEN_BLKBACK_CLOSED:
		if (READ_ONCE(be->front_state) == XenbusStateInitialising ||
		    front_wants_in(be))
			reopen(be);
		break;
	case XEN_BLKBACK_DRAINING:
	case XEN_BLKBACK_GONE:
		break;
	}
	return be->state != old;
}

/* The device has left the bus: no xenstore any more, only wind down. */
static void wind_down(struct xen_blkback *be)
{
	if (be->state == XEN_BLKBACK_GONE)
		return;
	if (be->conn) {
		if (be->state != XEN_BLKBACK_DRAINING)
			disconnect(be);
		return;
	}
	xen_blkback_close(be);
	xen_blkback_set_state(be, XEN_BLKBACK_GONE);
	/* The binding's. */
	xen_blkback_put(be);
}

/**
 * xen_blkback_ctl - control work: the only code that changes a device's state
 * @work: the device's control work
 *
 * Context: process context, never concurrently for one device.
 */
void xen_blkback_ctl(struct work_struct *work)
{
	struct xen_blkback *be = container_of(work, struct xen_blkback, ctl);

	if (test_and_clear_bit(XEN_BLKBACK_EV_DRAINED, &be->events))
		drained(be);

	if (removed(be)) {
		wind_down(be);
		goto out;
	}

	if (test_and_clear_bit(XEN_BLKBACK_EV_FAULT, &be->events) &&
	    be->state == XEN_BLKBACK_CONNECTED) {
		report(be, -EPROTO, "frontend wrote an impossible ring index");
		disconnect(be);
	}

	if (test_and_clear_bit(XEN_BLKBACK_EV_FRONTEND, &be->events))
		pace(&be->next_change, CHANGE_PAUSE_MS, CHANGE_BURST);

	/* Once removed, the device says no more; another run winds it down. */
	while (!removed(be) && step(be))
		/* What it says meanwhile is for another run, which is paced. */
		if (test_bit(XEN_BLKBACK_EV_FRONTEND, &be->events))
			break;
out:
	xen_blkback_put(be);
}

static void frontend_changed(struct xenbus_device *xdev,
			     enum xenbus_state state)
{
	struct xen_blkback *be = dev_get_drvdata(&xdev->dev);

	WRITE_ONCE(be->front_state, state);
	if (state == XenbusStateClosed || state == XenbusStateUnknown) {
		/* Who clears the bit sees this state or a later one. */
		smp_mb__before_atomic();
		set_bit(XEN_BLKBACK_EV_CLOSED, &be->events);
	}
	xen_blkback_kick(be, XEN_BLKBACK_EV_FRONTEND);
}

/* At most one event of a watch is pending. */
static bool watch_will_handle(struct xenbus_watch *watch, const char *path,
			      const char *token)
{
	return watch->nr_pending == 0;
}

static void physdev_changed(struct xenbus_watch *watch, const char *path,
			    const char *token)
{
	struct xen_blkback *be = container_of(watch, struct xen_blkback,
					      physdev_watch);

	xen_blkback_kick(be, XEN_BLKBACK_EV_BACKEND);
}

/*
 * Our own state node: written by the toolstack to have us close, and by the
 * control work.  A device may be unregistered in the watch thread only, where
 * the bus does it too; so this is how the control work asks for it.
 */
static void state_changed(struct xenbus_watch *watch, const char *path,
			  const char *token)
{
	struct xen_blkback *be = container_of(watch, struct xen_blkback,
					      state_watch);
	struct xenbus_device *xdev = be->xdev;

	/* Pairs with the release in xen_blkback_set_state(). */
	if (smp_load_acquire(&be->state) == XEN_BLKBACK_CLOSED &&
	    !xenbus_dev_is_online(xdev)) {
		get_device(&xdev->dev);
		device_unregister(&xdev->dev);
		put_device(&xdev->dev);
		return;
	}
	xen_blkback_kick(be, XEN_BLKBACK_EV_BACKEND);
}

static void unwatch(struct xenbus_watch *watch)
{
	if (!watch->node)
		return;
	unregister_xenbus_watch(watch);
	kfree(watch->node);
	watch->node = NULL;
}

static void blkback_remove(struct xenbus_device *xdev)
{
	struct xen_blkback *be = dev_get_drvdata(&xdev->dev);

	if (!be)
		return;
	if (be->has_stats)
		xen_blkback_stats_remove(xdev);
	unwatch(&be->physdev_watch);
	unwatch(&be->state_watch);
	dev_set_drvdata(&xdev->dev, NULL);
	/* The binding's reference may go as soon as the event is there. */
	kref_get(&be->kref);
	mutex_lock(&be->bus_lock);
	xen_blkback_kick(be, XEN_BLKBACK_EV_REMOVE);
	mutex_unlock(&be->bus_lock);
	xen_blkback_put(be);
}

static unsigned int queue_limit(void)
{
	unsigned int limit = READ_ONCE(max_queues);

	if (!limit || limit > num_online_cpus())
		limit = num_online_cpus();
	return min(limit, XEN_BLKBACK_MAX_QUEUES);
}

static int blkback_probe(struct xenbus_device *xdev,
			 const struct xenbus_device_id *id)
{
	struct xen_blkback *be = xen_blkback_alloc(xdev, queue_limit());
	int err;

	if (IS_ERR(be))
		return PTR_ERR(be);
	dev_set_drvdata(&xdev->dev, be);

	err = write_features(be);
	if (!err)
		err = xen_blkback_stats_add(xdev);
	be->has_stats = !err;
	/* The hotplug script runs once we say that we wait. */
	if (!err)
		err = xenbus_switch_state(xdev, XenbusStateInitWait);
	if (!err)
		err = xenbus_watch_pathfmt(xdev, &be->physdev_watch,
					   watch_will_handle, physdev_changed,
					   "%s/physical-device",
					   xdev->nodename);
	if (!err)
		err = xenbus_watch_pathfmt(xdev, &be->state_watch,
					   watch_will_handle, state_changed,
					   "%s/state", xdev->nodename);
	if (!err)
		return 0;

	report(be, err, "setting up the backend");
	blkback_remove(xdev);
	return err;
}

static const struct xenbus_device_id blkback_ids[] = {
	{ "vbd" },
	{ "" }
};

static struct xenbus_driver blkback_driver = {
	.name = "xen-vbd-backend",
	.ids = blkback_ids,
	.probe = blkback_probe,
	.remove = blkback_remove,
	.otherend_changed = frontend_changed,
};

/**
 * xen_blkback_xenbus_register - join the backend bus
 *
 * Return: 0 or a negative error.
 */
int xen_blkback_xenbus_register(void)
{
	return xenbus_register_backend(&blkback_driver);
}

/**
 * xen_blkback_xenbus_unregister - leave the backend bus
 */
void xen_blkback_xenbus_unregister(void)
{
	xenbus_unregister_driver(&blkback_driver);
}
