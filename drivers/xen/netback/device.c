// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen network backend: life of a vif and of its queues.
 *
 *	from \ to	WAITING	RUNNING	QUARANTINED	GONE
 *	WAITING		-	connect	-		remove
 *	RUNNING		closed	-	fault		-
 *	QUARANTINED	closed	-	-		-
 *	GONE		-	-	-		-
 *
 * Connecting is a transaction: all queues are built in private, then one store
 * publishes them.  A failure on the way runs the same code that takes down a
 * working set.  Taking down goes: unpublish, wait for readers, silence events
 * and NAPI, unbind, unmap, free.
 */
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include <xen/events.h>

#include "netback.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The stack may collect this much for one flush. */
#define BQL_LIMIT_MIN	(128 * 1024)

static const u8 next_states[XEN_NETBACK_STATES] = {
	[XEN_NETBACK_WAITING] = BIT(XEN_NETBACK_RUNNING) |
				BIT(XEN_NETBACK_GONE),
	[XEN_NETBACK_RUNNING] = BIT(XEN_NETBACK_WAITING) |
				BIT(XEN_NETBACK_QUARANTINED),
	[XEN_NETBACK_QUARANTINED] = BIT(XEN_NETBACK_WAITING),
};

/**
 * xen_netback_set_state() - the one place where a vif changes state
 * @vif: the vif
 * @to:  state to enter
 *
 * Context: any.  All steps but the one into quarantine hold @vif->lock.
 * Return: false when there is no such step from the present state.
 */
bool xen_netback_set_state(struct xen_netback_vif *vif,
			   enum xen_netback_state to)
{
	int from = atomic_read(&vif->state);

	do {
		if (!(next_states[from] & BIT(to)))
			return false;
	} while (!atomic_try_cmpxchg(&vif->state, &from, to));

	trace_xen_netback_state(vif->dev, from, to);
	return true;
}

/**
 * xen_netback_quarantine() - stop serving a frontend that broke the rules
 * @vif:   the vif
 * @fault: what it did
 *
 * Returns at once: the data path sees the new state and stops, events stay
 * masked for lack of an end of interrupt, and the rest is the control work's.
 *
 * Context: any, hard interrupt included; idempotent.
 */
void xen_netback_quarantine(struct xen_netback_vif *vif,
			    enum xen_netback_fault fault)
{
	if (xen_netback_state(vif) != XEN_NETBACK_RUNNING)
		return;
	/* Before the state, for the control work may see that at once. */
	WRITE_ONCE(vif->fault, fault);
	if (xen_netback_set_state(vif, XEN_NETBACK_QUARANTINED))
		xen_netback_kick(vif);
}

static void queue_start(struct xen_netback_queue *queue)
{
	WRITE_ONCE(queue->rx_need, 0);
	queue->rx_waited = false;
	napi_enable(&queue->napi);
	queue->napi_on = true;

	/* The guest may have asked while nobody listened. */
	local_bh_disable();
	napi_schedule(&queue->napi);
	local_bh_enable();
}

/**
 * xen_netback_queues_start() - let the guest transmit
 * @queues: the queue set
 *
 * Context: process, RTNL.
 */
void xen_netback_queues_start(struct xen_netback_queues *queues)
{
	u32 i;

	ASSERT_RTNL();
	for (i = 0; i < queues->count; i++)
		queue_start(&queues->queue[i]);
}

/**
 * xen_netback_queues_stop() - no more polls
 * @queues: the queue set
 *
 * Context: process, RTNL.
 */
void xen_netback_queues_stop(struct xen_netback_queues *queues)
{
	struct xen_netback_queue *queue;
	u32 i;

	ASSERT_RTNL();
	for (i = 0; i < queues->count; i++) {
		queue = &queues->queue[i];
		if (!queue->napi_on)
			continue;
		/* No poll may end an interrupt that is unbound after this. */
		napi_disable(&queue->napi);
		queue->napi_on = false;
	}
}

static int queue_alloc(struct xen_netback_queue *queue)
{
	queue->txb = kvzalloc_obj(*queue->txb);
	queue->rxb = kvzalloc_obj(*queue->rxb);
	if (!queue->txb || !queue->rxb)
		return -ENOMEM;
	__skb_queue_head_init(&queue->rxb->skbs);
	return 0;
}

static int queue_map(struct xen_netback_queue *queue,
		     const struct xen_netback_queue_keys *keys)
{
	struct xenbus_device *xdev = queue->vif->xdev;
	int err;

	err = xen_netback_ring_attach(&queue->tx, xdev, keys->tx_ref);
	if (err)
		return err;
	return xen_netback_ring_attach(&queue->rx, xdev, keys->rx_ref);
}

static int bind(struct xen_netback_queue *queue, u32 port,
		irq_handler_t handler, const char *name)
{
	int irq;

	irq = bind_interdomain_evtchn_to_irqhandler_lateeoi(queue->vif->xdev,
							    port, handler, 0,
							    name, queue);
	/* Zero is no interrupt that an event can have. */
	return irq ?: -EINVAL;
}

static int queue_bind(struct xen_netback_queue *queue,
		      const struct xen_netback_queue_keys *keys)
{
	const char *dev = queue->vif->dev->name;
	int irq;

	if (keys->tx_port == keys->rx_port) {
		snprintf(queue->tx_name, sizeof(queue->tx_name), "%s-q%u",
			 dev, queue->id);
		irq = bind(queue, keys->tx_port, xen_netback_interrupt,
			   queue->tx_name);
		if (irq < 0)
			return irq;
		queue->tx_irq = irq;
		queue->rx_irq = irq;
		return 0;
	}

	snprintf(queue->tx_name, sizeof(queue->tx_name), "%s-q%u-tx", dev,
		 queue->id);
	irq = bind(queue, keys->tx_port, xen_netback_tx_interrupt,
		   queue->tx_name);
	if (irq < 0)
		return irq;
	queue->tx_irq = irq;

	snprintf(queue->rx_name, sizeof(queue->rx_name), "%s-q%u-rx", dev,
		 queue->id);
	irq = bind(queue, keys->rx_port, xen_netback_rx_interrupt,
		   queue->rx_name);
	if (irq < 0)
		return irq;
	queue->rx_irq = irq;
	return 0;
}

static void queues_add_napi(struct xen_netback_queues *queues)
{
	struct xen_netback_queue *queue;
	u32 i;

	rtnl_lock();
	for (i = 0; i < queues->count; i++) {
		queue = &queues->queue[i];
		netif_napi_add(queue->vif->dev, &queue->napi,
			       xen_netback_tx_poll);
		queue->napi_added = true;
	}
	rtnl_unlock();
}

/* One wait for all of them, and that without RTNL. */
static void queues_del_napi(struct xen_netback_queues *queues)
{
	u32 i;

	rtnl_lock();
	for (i = 0; i < queues->count; i++)
		if (queues->queue[i].napi_added)
			__netif_napi_del(&queues->queue[i].napi);
	rtnl_unlock();
	synchronize_net();
}

static void queue_unbind(struct xen_netback_queue *queue)
{
	if (queue->rx_irq && queue->rx_irq != queue->tx_irq)
		unbind_from_irqhandler(queue->rx_irq, queue);
	if (queue->tx_irq)
		unbind_from_irqhandler(queue->tx_irq, queue);
}

static void queue_free(struct xen_netback_queue *queue)
{
	struct xenbus_device *xdev = queue->vif->xdev;

	xen_netback_ring_detach(&queue->tx, xdev);
	xen_netback_ring_detach(&queue->rx, xdev);
	if (queue->piece_page)
		put_page(queue->piece_page);
	if (queue->rxb)
		__skb_queue_purge(&queue->rxb->skbs);
	kvfree(queue->rxb);
	kvfree(queue->txb);
}

/* Takes queues that got as far as they did. */
static void queues_destroy(struct xen_netback_queues *queues)
{
	u32 i;

	for (i = 0; i < queues->count; i++)
		queue_unbind(&queues->queue[i]);
	queues_del_napi(queues);
	for (i = 0; i < queues->count; i++)
		queue_free(&queues->queue[i]);
	kvfree(queues);
}

/* Everything that can fail, out of anybody's sight. */
static int queues_build(struct xen_netback_queues *queues,
			const struct xen_netback_config *config)
{
	u32 i;
	int err;

	for (i = 0; i < queues->count; i++) {
		err = queue_alloc(&queues->queue[i]);
		if (!err)
			err = queue_map(&queues->queue[i], &config->keys[i]);
		if (err)
			return err;
	}

	/* An event may come as soon as it is bound. */
	queues_add_napi(queues);
	for (i = 0; i < queues->count; i++) {
		err = queue_bind(&queues->queue[i], &config->keys[i]);
		if (err)
			return err;
	}
	return 0;
}

static struct xen_netback_queues *queues_alloc(struct xen_netback_vif *vif,
					       u32 count)
{
	struct xen_netback_queues *queues;
	u32 i;

	queues = kvzalloc_flex(*queues, queue, count);
	if (!queues)
		return NULL;

	queues->count = count;
	for (i = 0; i < count; i++) {
		queues->queue[i].vif = vif;
		queues->queue[i].id = i;
		queues->queue[i].stats = &vif->stats[i];
	}
	return queues;
}

/* The netdev takes the shape that the frontend wants; then it may be used. */
static int publish(struct xen_netback_vif *vif,
		   struct xen_netback_queues *queues,
		   const struct xen_netback_features *features)
{
	struct net_device *dev = vif->dev;
	struct netdev_queue *txq;
	u32 i;
	int err;

	ASSERT_RTNL();
	err = netif_set_real_num_tx_queues(dev, queues->count);
	if (err)
		return err;

	vif->features = *features;
	netdev_update_features(dev);
	if (!features->sg && dev->mtu > ETH_DATA_LEN) {
		err = dev_set_mtu(dev, ETH_DATA_LEN);
		if (err)
			return err;
	}

	for (i = 0; i < queues->count; i++) {
		txq = netdev_get_tx_queue(dev, i);
		netdev_tx_reset_queue(txq);
		netdev_queue_set_dql_min_limit(txq, BQL_LIMIT_MIN);
	}

	rcu_assign_pointer(vif->queues, queues);
	if (!xen_netback_set_state(vif, XEN_NETBACK_RUNNING)) {
		RCU_INIT_POINTER(vif->queues, NULL);
		return -EBUSY;
	}
	if (netif_running(dev)) {
		xen_netback_queues_start(queues);
		netif_tx_wake_all_queues(dev);
	}
	netif_carrier_on(dev);
	return 0;
}

/**
 * xen_netback_connect() - build the queues and put them to use
 * @vif:    the vif, waiting
 * @config: what the frontend asked for, validated
 *
 * Context: process, holds @vif->lock.
 * Return: 0 or a negative error; then nothing is left behind.
 */
int xen_netback_connect(struct xen_netback_vif *vif,
			const struct xen_netback_config *config)
{
	struct xen_netback_queues *queues;
	int err;

	lockdep_assert_held(&vif->lock);
	if (xen_netback_state(vif) != XEN_NETBACK_WAITING)
		return -EBUSY;

	queues = queues_alloc(vif, config->nr_queues);
	if (!queues)
		return -ENOMEM;

	err = queues_build(queues, config);
	if (!err) {
		rtnl_lock();
		err = publish(vif, queues, &config->features);
		rtnl_unlock();
	}
	if (err) {
		synchronize_net();
		queues_destroy(queues);
	}
	return err;
}

/**
 * xen_netback_disconnect() - take the queues down, whatever they are doing
 * @vif: the vif
 *
 * Context: process, holds @vif->lock.
 */
void xen_netback_disconnect(struct xen_netback_vif *vif)
{
	struct xen_netback_queues *queues;

	lockdep_assert_held(&vif->lock);
	queues = rcu_dereference_protected(vif->queues,
					   lockdep_is_held(&vif->lock));
	if (!queues)
		return;

	rtnl_lock();
	netif_carrier_off(vif->dev);
	netif_tx_disable(vif->dev);
	RCU_INIT_POINTER(vif->queues, NULL);
	xen_netback_queues_stop(queues);
	rtnl_unlock();

	xen_netback_set_state(vif, XEN_NETBACK_WAITING);
	synchronize_net();
	cancel_delayed_work_sync(&vif->stall_work);
	queues_destroy(queues);

	/*
	 * A handler may have queued the work again before it was unbound, and
	 * a late run may have found reason to switch the carrier on.
	 */
	cancel_delayed_work_sync(&vif->stall_work);
	netif_carrier_off(vif->dev);
}
