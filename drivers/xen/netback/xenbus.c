// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: negotiation through xenstore.
 *
 * What each state of the frontend makes us do:
 *
 *	frontend	queues			our state becomes
 *	Initialising	taken down		InitWait
 *	InitWait	-			-
 *	Initialised	-			-
 *	Connected	built, once the hotplug	Connected
 *			script is through
 *	Closing		taken down		Closing
 *	Closed		taken down		Closed; removed if offline
 *	(no directory)	taken down		Closed; removed if offline
 *	anything else	-			-
 *
 * Watches fire in the one thread that serves all domains, where nothing may take
 * its time: they only note what has happened.  The rest is done by a work of
 * the vif's own, the control work.
 *
 * All keys of the frontend are read once per connect, into one structure, and
 * are checked before anything is built from them.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <xen/xen.h>

#include "netback.h"

/* What we offer, and the value that says so. */
static const char * const offered[] = {
	"feature-sg",
	"feature-gso-tcpv4",
	"feature-gso-tcpv6",
	"feature-ipv6-csum-offload",
	"feature-rx-copy",
	"feature-split-event-channels",
};

/* A number that the frontend wrote; @value stays when the key is missing. */
static int read_key(const char *dir, const char *key, u32 min, u32 max,
		    u32 *value)
{
	unsigned int len;
	char *str;
	int err;

	str = xenbus_read(XBT_NIL, dir, key, &len);
	if (IS_ERR(str))
		return PTR_ERR(str);
	err = xen_netback_parse_u32(str, len, min, max, value);
	kfree(str);
	return err;
}

static int read_flag(struct xen_netback_vif *vif, const char *key, bool missing,
		     bool *flag)
{
	u32 value = missing;
	int err;

	err = read_key(vif->xdev->otherend, key, 0, 1, &value);
	if (err && err != -ENOENT)
		return err;
	*flag = value;
	return 0;
}

static int read_features(struct xen_netback_vif *vif,
			 struct xen_netback_features *f)
{
	bool rx_copy, no_csum_ipv4;
	const struct {
		const char *key;
		bool missing;
		bool *flag;
	} keys[] = {
		{ "request-rx-copy", false, &rx_copy },
		{ "feature-sg", false, &f->sg },
		{ "feature-gso-tcpv4", false, &f->gso_tcpv4 },
		{ "feature-gso-tcpv6", false, &f->gso_tcpv6 },
		{ "feature-no-csum-offload", false, &no_csum_ipv4 },
		{ "feature-ipv6-csum-offload", false, &f->csum_ipv6 },
		{ "feature-rx-notify", false, &f->rx_notify },
	};
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		err = read_flag(vif, keys[i].key, keys[i].missing,
				keys[i].flag);
		if (err)
			return err;
	}
	f->csum_ipv4 = !no_csum_ipv4;

	/* The other way to receive, page flipping, is long gone. */
	return rx_copy ? 0 : -EOPNOTSUPP;
}

static int read_queue(const char *dir, struct xen_netback_queue_keys *keys)
{
	int err;

	err = read_key(dir, "tx-ring-ref", 0, U32_MAX, &keys->tx_ref);
	if (!err)
		err = read_key(dir, "rx-ring-ref", 0, U32_MAX, &keys->rx_ref);
	if (err)
		return err;
	if (keys->tx_ref == keys->rx_ref)
		return -EINVAL;

	err = read_key(dir, "event-channel-tx", 1, U32_MAX, &keys->tx_port);
	if (err == -ENOENT) {
		err = read_key(dir, "event-channel", 1, U32_MAX,
			       &keys->tx_port);
		keys->rx_port = keys->tx_port;
		return err;
	}
	if (err)
		return err;

	err = read_key(dir, "event-channel-rx", 1, U32_MAX, &keys->rx_port);
	if (!err && keys->rx_port == keys->tx_port)
		return -EINVAL;
	return err;
}

static int read_config(struct xen_netback_vif *vif,
		       struct xen_netback_config *config)
{
	const char *otherend = vif->xdev->otherend;
	char *dir;
	u32 i;
	int err;

	config->nr_queues = 1;
	err = read_key(otherend, "multi-queue-num-queues", 1, vif->max_queues,
		       &config->nr_queues);
	if (err && err != -ENOENT)
		return err;

	err = read_features(vif, &config->features);
	if (err)
		return err;

	/* One queue is described at the top, for old frontends and new. */
	if (config->nr_queues == 1)
		return read_queue(otherend, &config->keys[0]);

	for (i = 0; i < config->nr_queues; i++) {
		dir = kasprintf(GFP_KERNEL, "%s/queue-%u", otherend, i);
		if (!dir)
			return -ENOMEM;
		err = read_queue(dir, &config->keys[i]);
		kfree(dir);
		if (err)
			return err;
	}
	return 0;
}

static bool hotplug_done(struct xen_netback_vif *vif)
{
	unsigned int len;
	bool done;
	char *str;

	str = xenbus_read(XBT_NIL, vif->xdev->nodename, "hotplug-status", &len);
	if (IS_ERR(str))
		return false;
	done = !strcmp(str, "connected");
	kfree(str);
	return done;
}

/*
 * The frontend loses this device until it starts over.  It can do so as often
 * as it likes, so not every time is worth a line in the log.
 */
static void refuse(struct xen_netback_vif *vif, int err, const char *why)
{
	if (__ratelimit(&vif->ratelimit))
		xenbus_dev_fatal(vif->xdev, err, "%s", why);
	else
		xenbus_switch_state(vif->xdev, XenbusStateClosing);
}

/*
 * A connection costs Dom0 a lot more than the frontend that asks for it, some of
 * that under RTNL, and the bus logs a ring that it cannot map, every time.  So
 * there are five a second at the most.  Any other change of state is cheaper,
 * and frontends wait for our answer to it; but an answer is a dozen requests to
 * xenstored and as many watch events.  So only the first few are given at once,
 * which is all that a boot needs, and twenty a second after that.
 */
#define CONNECT_PAUSE	msecs_to_jiffies(200)
#define CHANGE_PAUSE	msecs_to_jiffies(50)
#define CHANGE_BURST	10

/* What is left of a pause; one long over may look as if it lay ahead. */
static unsigned long left_until(unsigned long when, unsigned long pause)
{
	unsigned long left = when - jiffies;

	return left <= pause ? left : 0;
}

/*
 * A look at the frontend moves the next one off; pauses not taken are saved.
 * One that came before its time must not take the next out of left_until()'s
 * sight.
 */
static void pace_changes(struct xen_netback_vif *vif)
{
	unsigned long now = jiffies;
	unsigned long oldest = now - CHANGE_BURST * CHANGE_PAUSE;
	unsigned long next = vif->next_change;

	if (time_after(next, now))
		next = now;
	else if (time_before(next, oldest))
		next = oldest;
	WRITE_ONCE(vif->next_change, next + CHANGE_PAUSE);
}

/**
 * xen_netback_kick() - have the control work look at the vif
 * @vif: the vif
 *
 * Context: any, hard interrupt included.
 */
void xen_netback_kick(struct xen_netback_vif *vif)
{
	mod_delayed_work(system_power_efficient_wq, &vif->ctl,
			 left_until(READ_ONCE(vif->next_change), CHANGE_PAUSE));
}

static int build_queues(struct xen_netback_vif *vif, const char **why)
{
	struct xen_netback_config *config = kzalloc_obj(*config);
	int err;

	*why = "reading the frontend's configuration";
	if (!config)
		return -ENOMEM;
	err = read_config(vif, config);
	if (!err) {
		*why = "connecting rings and events";
		err = xen_netback_connect(vif, config);
	}
	kfree(config);
	return err;
}

/* The toolstack wants the device away. */
static bool gone_offline(struct xen_netback_vif *vif)
{
	u32 online;

	return !read_key(vif->xdev->nodename, "online", 0, 1, &online) &&
	       !online;
}

/* Connect if everybody is ready for it and its turn has come. */
static void try_connect(struct xen_netback_vif *vif)
{
	unsigned long left;
	const char *why;
	int err;

	if (xen_netback_state(vif) != XEN_NETBACK_WAITING ||
	    vif->xdev->state != XenbusStateInitWait)
		return;
	left = left_until(vif->next_connect, CONNECT_PAUSE);
	if (left) {
		/* Not later than what a kick has asked for meanwhile. */
		queue_delayed_work(system_power_efficient_wq, &vif->ctl, left);
		return;
	}
	if (!hotplug_done(vif) || gone_offline(vif))
		return;

	vif->next_connect = jiffies + CONNECT_PAUSE;
	err = build_queues(vif, &why);
	if (err) {
		refuse(vif, err, why);
		return;
	}
	xenbus_switch_state(vif->xdev, XenbusStateConnected);
	/* We may just have overwritten the state by which it was asked for. */
	if (gone_offline(vif))
		xenbus_switch_state(vif->xdev, XenbusStateClosing);
}

/* Enter a state without queues. */
static void take_down(struct xen_netback_vif *vif, enum xenbus_state state)
{
	xen_netback_disconnect(vif);
	/* Pairs with the acquire in state_changed(). */
	smp_store_release(&vif->closed, state == XenbusStateClosed);
	xenbus_switch_state(vif->xdev, state);
}

/*
 * The frontend wants in.  If it was out meanwhile, of which one look may be all
 * that we see, its rings are new ones; and one that was closed may want back in
 * without more ado.
 */
static void frontend_connected(struct xen_netback_vif *vif, bool was_out)
{
	if (was_out || vif->closed)
		take_down(vif, XenbusStateInitWait);
	try_connect(vif);
}

static void follow_frontend(struct xen_netback_vif *vif)
{
	bool was_out;

	/* On its way out: the watch thread may be unregistering it just now. */
	if (vif->closed && !xenbus_dev_is_online(vif->xdev))
		return;

	was_out = test_and_clear_bit(XEN_NETBACK_EV_OUT, &vif->events);
	switch (READ_ONCE(vif->front_state)) {
	case XenbusStateInitialising:
		take_down(vif, XenbusStateInitWait);
		break;
	case XenbusStateConnected:
		frontend_connected(vif, was_out);
		break;
	case XenbusStateClosing:
		take_down(vif, XenbusStateClosing);
		break;
	case XenbusStateClosed:
	case XenbusStateUnknown:
		take_down(vif, XenbusStateClosed);
		break;
	default:
		/* Between the others, or nonsense; but it may have been out. */
		if (was_out)
			take_down(vif, XenbusStateInitWait);
		break;
	}
}

/*
 * The toolstack wants the device away, and there is no connection to end.  It
 * says so by writing our state, which we may have overwritten since.
 */
static bool asked_to_close(struct xen_netback_vif *vif)
{
	/* Kept while there is a connection, for when that has ended. */
	return xen_netback_state(vif) == XEN_NETBACK_WAITING &&
	       test_and_clear_bit(XEN_NETBACK_EV_OFFLINE, &vif->events) &&
	       gone_offline(vif);
}

static void leave_quarantine(struct xen_netback_vif *vif)
{
	xen_netback_disconnect(vif);
	refuse(vif, -EPROTO, xen_netback_fault_name(READ_ONCE(vif->fault)));
}

/**
 * xen_netback_ctl() - control work: the only code that connects and disconnects
 * @work: ctl of a vif
 *
 * Context: process; never twice at a time for a vif.
 */
void xen_netback_ctl(struct work_struct *work)
{
	struct xen_netback_vif *vif =
		container_of(to_delayed_work(work), struct xen_netback_vif,
			     ctl);

	guard(mutex)(&vif->lock);
	pace_changes(vif);
	if (xen_netback_state(vif) == XEN_NETBACK_GONE)
		return;
	if (xen_netback_state(vif) == XEN_NETBACK_QUARANTINED)
		leave_quarantine(vif);
	/* Its state is what it was if nobody has told us of another one. */
	if (test_and_clear_bit(XEN_NETBACK_EV_FRONTEND, &vif->events))
		follow_frontend(vif);
	else if (READ_ONCE(vif->front_state) == XenbusStateConnected)
		try_connect(vif);
	/* Last, for it says what our state is to be in the end. */
	if (asked_to_close(vif))
		take_down(vif, XenbusStateClosed);
}

static bool one_event_at_a_time(struct xenbus_watch *watch, const char *path,
				const char *token)
{
	return !watch->nr_pending;
}

static void hotplug_changed(struct xenbus_watch *watch, const char *path,
			    const char *token)
{
	xen_netback_kick(container_of(watch, struct xen_netback_vif,
				      hotplug_watch));
}

/*
 * Our own state node: written by us, and by the toolstack that wants us to
 * close.  A device may be unregistered in the watch thread only, where the bus
 * does it too; so this is how the control work asks for it.
 */
static void state_changed(struct xenbus_watch *watch, const char *path,
			  const char *token)
{
	struct xen_netback_vif *vif =
		container_of(watch, struct xen_netback_vif, state_watch);
	struct xenbus_device *xdev = vif->xdev;

	if (xenbus_dev_is_online(xdev))
		return;
	/* Pairs with the release in take_down(). */
	if (smp_load_acquire(&vif->closed)) {
		get_device(&xdev->dev);
		device_unregister(&xdev->dev);
		put_device(&xdev->dev);
		return;
	}
	set_bit(XEN_NETBACK_EV_OFFLINE, &vif->events);
	xen_netback_kick(vif);
}

/* A frontend in such a state has no connection; its next one is a new one. */
static bool is_out(enum xenbus_state state)
{
	switch (state) {
	case XenbusStateUnknown:
	case XenbusStateInitialising:
	case XenbusStateClosing:
	case XenbusStateClosed:
		return true;
	default:
		return false;
	}
}

static void frontend_changed(struct xenbus_device *xdev,
			     enum xenbus_state state)
{
	struct xen_netback_vif *vif = dev_get_drvdata(&xdev->dev);

	WRITE_ONCE(vif->front_state, state);
	/* Who clears the bits sees this state or a later one. */
	smp_mb__before_atomic();
	if (is_out(state))
		set_bit(XEN_NETBACK_EV_OUT, &vif->events);
	set_bit(XEN_NETBACK_EV_FRONTEND, &vif->events);
	xen_netback_kick(vif);
}

static int write_features(struct xenbus_device *xdev, u32 max_queues,
			  struct xenbus_transaction xbt)
{
	u32 i;
	int err;

	/* Of a device that is gone again, nothing may be left. */
	if (!xenbus_exists(xbt, xdev->nodename, "state"))
		return -ENOENT;
	for (i = 0; i < ARRAY_SIZE(offered); i++) {
		err = xenbus_write(xbt, xdev->nodename, offered[i], "1");
		if (err)
			return err;
	}
	return xenbus_printf(xbt, xdev->nodename, "multi-queue-max-queues",
			     "%u", max_queues);
}

static int offer_features(struct xenbus_device *xdev, u32 max_queues)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = write_features(xdev, max_queues, xbt);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

static void unwatch(struct xenbus_watch *watch)
{
	if (!watch->node)
		return;
	unregister_xenbus_watch(watch);
	kfree(watch->node);
	watch->node = NULL;
}

static void vif_remove(struct xenbus_device *xdev)
{
	struct xen_netback_vif *vif = dev_get_drvdata(&xdev->dev);

	unwatch(&vif->hotplug_watch);
	unwatch(&vif->state_watch);
	/* With the watches gone, only a fault can start it again. */
	cancel_delayed_work_sync(&vif->ctl);

	mutex_lock(&vif->lock);
	xen_netback_disconnect(vif);
	xen_netback_set_state(vif, XEN_NETBACK_GONE);
	mutex_unlock(&vif->lock);
	/* And that needs running queues, of which there are none any more. */
	cancel_delayed_work_sync(&vif->ctl);

	/* A new netdev has to go through the hotplug script again. */
	xenbus_rm(XBT_NIL, xdev->nodename, "hotplug-status");
	kobject_uevent(&xdev->dev.kobj, KOBJ_OFFLINE);
	dev_set_drvdata(&xdev->dev, NULL);
	kfree(vif->script);
	xen_netback_vif_destroy(vif);
}

/* Hotplug scripts look for the netdev, so it exists before anybody is told. */
static int announce(struct xen_netback_vif *vif)
{
	struct xenbus_device *xdev = vif->xdev;
	int err;

	err = offer_features(xdev, vif->max_queues);
	if (err)
		return err;

	err = xenbus_watch_pathfmt(xdev, &vif->hotplug_watch,
				   one_event_at_a_time, hotplug_changed,
				   "%s/%s", xdev->nodename, "hotplug-status");
	if (err)
		return err;

	err = xenbus_switch_state(xdev, XenbusStateInitWait);
	if (err)
		return err;

	err = xenbus_watch_pathfmt(xdev, &vif->state_watch,
				   one_event_at_a_time, state_changed,
				   "%s/%s", xdev->nodename, "state");
	if (err)
		return err;
	kobject_uevent(&xdev->dev.kobj, KOBJ_ONLINE);
	return 0;
}

static int vif_probe(struct xenbus_device *xdev,
		     const struct xenbus_device_id *id)
{
	struct xen_netback_vif *vif;
	u32 handle;
	char *script;
	int err;

	err = read_key(xdev->nodename, "handle", 0, U32_MAX, &handle);
	if (err) {
		xenbus_dev_fatal(xdev, err, "reading handle");
		return err;
	}

	vif = xen_netback_vif_create(xdev, handle);
	if (IS_ERR(vif)) {
		err = PTR_ERR(vif);
		xenbus_dev_fatal(xdev, err, "creating interface");
		return err;
	}

	script = xenbus_read(XBT_NIL, xdev->nodename, "script", NULL);
	vif->script = IS_ERR(script) ? NULL : script;
	dev_set_drvdata(&xdev->dev, vif);

	err = announce(vif);
	if (err) {
		xenbus_dev_fatal(xdev, err, "announcing interface");
		vif_remove(xdev);
	}
	return err;
}

static int vif_uevent(const struct xenbus_device *xdev,
		      struct kobj_uevent_env *env)
{
	const struct xen_netback_vif *vif = dev_get_drvdata(&xdev->dev);

	if (!vif)
		return 0;
	if (vif->script && add_uevent_var(env, "script=%s", vif->script))
		return -ENOMEM;
	return add_uevent_var(env, "vif=%s", vif->dev->name);
}

static const struct xenbus_device_id vif_ids[] = {
	{ "vif" },
	{ "" }
};

static struct xenbus_driver vif_driver = {
	.name = "xen-vif-backend",
	.ids = vif_ids,
	.probe = vif_probe,
	.remove = vif_remove,
	.uevent = vif_uevent,
	.otherend_changed = frontend_changed,
	.allow_rebind = true,
};

/**
 * xen_netback_xenbus_register() - serve the vifs of all guests from now on
 *
 * Context: process.
 * Return: 0 or a negative error.
 */
int xen_netback_xenbus_register(void)
{
	return xenbus_register_backend(&vif_driver);
}

/**
 * xen_netback_xenbus_unregister() - let go of all vifs
 *
 * Context: process.
 */
void xen_netback_xenbus_unregister(void)
{
	xenbus_unregister_driver(&vif_driver);
}
