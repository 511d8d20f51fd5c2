// SPDX-License-Identifier: GPL-2.0-only
/*
 * A frontend that breaks the rules before there is a ring to break them on.
 *
 *	hostile-xenbus vbd|vif DEVICE ATTACK...
 *
 * DEVICE is the number of a device whose driver is unbound.  An ATTACK is one
 * of these; for each prints its name and the state that the backend ends in:
 *
 *	KEY=VALUE[,KEY=VALUE...]  connects with these keys in place of good ones;
 *				  values that begin with @ are made up here
 *	states:COUNT		  writes what comes to mind into the state, but
 *				  for what says that there is no frontend
 *	lost:COUNT		  writes that as well
 *	early:NUMBER		  connects with a ring that has so many requests
 *	early-rx:NUMBER		  the same, of a card's ring for receiving
 *	flood:KEY:COUNT		  writes a key over and over, from four processes
 *	storm:COUNT		  connects and closes without waiting
 *	answers:COUNT		  has each state of the backend's changed by one of
 *				  its own, at once; says how long it took
 *	connects:COUNT		  connects, fills the ring, and leaves without
 *				  waiting for answers
 *	hold:SECONDS		  connects, says by which grant, and stays
 *	changing:COUNT		  connects while another process changes a key
 *	ports:COUNT		  connects, and takes the event channel away
 *	valid			  connects as it should be done
 *	queues			  the same with as many queues as it may, up to
 *				  four
 *	half:COUNT		  the same, but one queue lacks a key or has a
 *				  bad one
 */
#include "xendev.h"

#define QUEUES 4

struct device {
	int is_vif;
	char path[64], backend[128];
	uint32_t ring[2 * QUEUES];
	volatile uint32_t *page[2 * QUEUES];
	struct channel channel[2 * QUEUES];
	int queues;
};

/* Good values for each key, and how many pages and ports a frontend has. */
static void good_keys(struct device *d)
{
	if (d->is_vif) {
		store(d->path, "tx-ring-ref", "%u", d->ring[0]);
		store(d->path, "rx-ring-ref", "%u", d->ring[1]);
		store(d->path, "event-channel-tx", "%u", d->channel[0].port);
		store(d->path, "event-channel-rx", "%u", d->channel[1].port);
		store(d->path, "event-channel", "%u", d->channel[0].port);
		store(d->path, "request-rx-copy", "1");
		store(d->path, "feature-rx-notify", "1");
		store(d->path, "feature-sg", "1");
	} else {
		store(d->path, "ring-ref", "%u", d->ring[0]);
		store(d->path, "event-channel", "%u", d->channel[0].port);
		store(d->path, "protocol", "x86_64-abi");
	}
}

/* A value that xenstored may as well refuse. */
static void write_raw(struct device *d, const char *key, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", d->path, key);
	xs_ask(XS_WRITE, path, value, strlen(value), NULL, 0);
}

static void remove_key(struct device *d, const char *key)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", d->path, key);
	xs_ask(XS_RM, path, NULL, 0, NULL, 0);
}

/* Keys that an earlier attack or the guest's own driver left behind. */
static void forget_keys(struct device *d)
{
	static const char * const keys[] = {
		"ring-page-order", "num-ring-pages", "multi-queue-num-queues",
		"ring-ref0", "ring-ref1", "queue-0", "queue-1", "queue-2",
		"queue-3", "feature-persistent",
		"request-multicast-control", "xdp-headroom", "ctrl-ring-ref",
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		remove_key(d, keys[i]);
}

static void new_device(struct device *d, const char *kind, const char *number)
{
	char path[300];
	int i;

	d->is_vif = !strcmp(kind, "vif");
	snprintf(d->path, sizeof(d->path), "device/%s/%s", kind, number);
	fetch_string(d->path, "backend", d->backend, sizeof(d->backend));
	snprintf(path, sizeof(path), "%s/multi-queue-max-queues", d->backend);
	d->queues = fetch(path);
	if (d->queues > QUEUES)
		d->queues = QUEUES;
	for (i = 0; i < 2 * QUEUES; i++) {
		d->page[i] = shared_page(&d->ring[i]);
		d->channel[i] = channel_open();
	}
}

/* Rings as a frontend hands them over: nothing is asked, nothing answered. */
static void empty_rings(struct device *d)
{
	int i;

	for (i = 0; i < 2 * QUEUES; i++) {
		memset((void *)d->page[i], 0, PAGE);
		d->page[i][1] = d->page[i][3] = 1;
	}
}

static void set_state(struct device *d, int state)
{
	store(d->path, "state", "%d", state);
}

/* Back to where a frontend begins; tells whether the backend came along. */
static int begin(struct device *d)
{
	set_state(d, STATE_CLOSED);
	backend_reaches(d->backend, STATE_CLOSED, 10000);
	empty_rings(d);
	forget_keys(d);
	good_keys(d);
	set_state(d, STATE_INITIALISING);
	return backend_reaches(d->backend, STATE_INITWAIT, 10000);
}

/* A value of which only the guest knows what it should not be. */
static void made_up(struct device *d, const char *name, char *value,
		    size_t size)
{
	uint32_t number = 0;

	if (!strcmp(name, "@readonly")) {
		granted_page(BACKEND, 0, &number);
	} else if (!strcmp(name, "@foreign")) {
		granted_page(0x7fef, GNTALLOC_FLAG_WRITABLE, &number);
	} else if (!strcmp(name, "@ring0")) {
		number = d->ring[0];
	} else if (!strcmp(name, "@freed")) {
		number = freed_grant();
	} else if (!strcmp(name, "@port0")) {
		number = d->channel[0].port;
	} else if (!strcmp(name, "@foreign-port")) {
		number = channel_open_for(0x7fef).port;
	} else if (!strcmp(name, "@long")) {
		memset(value, 'x', size - 1);
		value[size - 1] = 0;
		return;
	} else {
		fprintf(stderr, "no such value: %s\n", name);
		exit(2);
	}
	snprintf(value, size, "%u", number);
}

static void bad_keys(struct device *d, char *list)
{
	char *pair, *rest = NULL;

	for (pair = strtok_r(list, ",", &rest); pair;
	     pair = strtok_r(NULL, ",", &rest)) {
		char *equals = strchr(pair, '=');
		char value[201];

		if (!equals) {
			fprintf(stderr, "no value: %s\n", pair);
			exit(2);
		}
		*equals = 0;
		if (!strcmp(equals + 1, "-")) {
			remove_key(d, pair);
			continue;
		}
		if (equals[1] == '@')
			made_up(d, equals + 1, value, sizeof(value));
		else
			snprintf(value, sizeof(value), "%s", equals + 1);
		write_raw(d, pair, value);
	}
}

/* Says that the keys are there; gives the state that the backend comes to. */
static int finish_connect(struct device *d)
{
	int ms, state = -1;

	set_state(d, d->is_vif ? STATE_CONNECTED : STATE_INITIALISED);
	for (ms = 0; ms < 10000; ms += 20) {
		state = backend_state(d->backend);
		if (state >= STATE_CONNECTED)
			break;
		pause_ms(20);
	}
	return state;
}

static int connect_with(struct device *d, const char *keys)
{
	char *copy = keys ? strdup(keys) : NULL;

	if (!begin(d))
		return -1;
	if (copy)
		bad_keys(d, copy);
	free(copy);
	return finish_connect(d);
}

static const char * const vif_keys[] = {
	"tx-ring-ref", "event-channel-tx", "rx-ring-ref", "event-channel-rx",
};
static const char * const vbd_keys[] = { "ring-ref", "event-channel" };

/* A queue's keys, all good but for the one with number @bad. */
static void queue_keys(struct device *d, int queue, int bad)
{
	int count = d->is_vif ? 4 : 2, i;
	char key[64], value[32];

	for (i = 0; i < count; i++) {
		int ring = 2 * queue + i / 2;

		snprintf(key, sizeof(key), "queue-%d/%s", queue,
			 d->is_vif ? vif_keys[i] : vbd_keys[i]);
		snprintf(value, sizeof(value), "%u", i % 2 ?
			 d->channel[ring].port : d->ring[ring]);
		if (i != bad) {
			write_raw(d, key, value);
		} else if (i % 2 && dice(2)) {
			/* The port of the queue next to it (T6). */
			snprintf(value, sizeof(value), "%u",
				 d->channel[ring ^ 2].port);
			write_raw(d, key, value);
		} else if (dice(2)) {
			write_raw(d, key, dice(2) ? "" : "4294967295");
		}
	}
}

/* Connects all queues, with one bad key or none; gives the state. */
static int connect_queues(struct device *d, int bad)
{
	int queue, bad_queue = dice(d->queues);

	if (!begin(d))
		return -1;
	store(d->path, "multi-queue-num-queues", "%d", d->queues);
	for (queue = 0; queue < d->queues; queue++)
		queue_keys(d, queue, queue == bad_queue ? bad : -1);
	return finish_connect(d);
}

/* T4: says how many of these are refused, as all should be. */
static void half_built(struct device *d, unsigned int count)
{
	int refused = 0;

	while (count--)
		refused += connect_queues(d, dice(d->is_vif ? 4 : 2)) >
			STATE_CONNECTED;
	printf("%d refused, ", refused);
}

/*
 * T1: @kinds of states at any time, between good and bad keys.  The last two
 * say that there is no frontend.
 */
static void write_states(struct device *d, unsigned int count, int kinds)
{
	/* xenstored keeps no more than 2048 bytes of a guest. */
	static char big[1901];
	static const char * const states[] = {
		"1", "2", "3", "4", "5", "6", "7", "8", "9", "255", "-1",
		"4x", big, "0", "",
	};

	memset(big, '4', sizeof(big) - 1);
	while (count--) {
		write_raw(d, "state", states[dice(kinds)]);
		if (!dice(8))
			write_raw(d, d->is_vif ? "tx-ring-ref" : "ring-ref",
				  dice(2) ? "4294967295" : "");
		if (!dice(8))
			good_keys(d);
		/* Now and then all that has been said is followed. */
		usleep(dice(8) ? dice(2000) : 60000);
	}
}

static void any_states(struct device *d, unsigned int count)
{
	write_states(d, count, 13);
}

static void lost(struct device *d, unsigned int count)
{
	write_states(d, count, 15);
}

/* T9: requests, or too many to be any, before there is a backend. */
static void early(struct device *d, unsigned int number)
{
	int state = -1, ms;

	if (begin(d)) {
		d->page[0][0] = number;
		state = finish_connect(d);
	}
	if (state == STATE_CONNECTED)
		channel_notify(&d->channel[0]);
	for (ms = 0; ms < 1000 && d->page[0][2] != number; ms += 20)
		pause_ms(20);
	printf("%u answered, ", d->page[0][2]);
}

static void early_rx(struct device *d, unsigned int number)
{
	if (!begin(d))
		return;
	d->page[1][0] = number;
	finish_connect(d);
	/* It is looked at when there is something to receive. */
	backend_gives_up(d->backend, 3000);
}

/* T2: one watch of the backend fires as often as xenstored can. */
static void flood(struct device *d, const char *key, unsigned int count)
{
	pid_t child[4];
	int i;

	for (i = 0; i < 4; i++) {
		unsigned int left = count / 4;

		child[i] = start_child();
		if (child[i])
			continue;
		while (left--)
			write_raw(d, key, "4");
		_exit(0);
	}
	for (i = 0; i < 4; i++)
		waitpid(child[i], NULL, 0);
}

/* T3: what the backend reads twice has another value the second time. */
static void changing(struct device *d, unsigned int count)
{
	static const char * const keys[] = {
		"ring-ref", "event-channel", "tx-ring-ref", "rx-ring-ref",
		"event-channel-tx", "multi-queue-num-queues", "protocol",
	};
	static const char * const values[] = {
		"", "1", "2", "4294967295", "x86_32-abi", "-1",
	};
	int connected = 0, refused = 0, state;
	pid_t child = start_child();

	while (!child) {
		write_raw(d, keys[dice(7)], values[dice(6)]);
		if (!dice(4)) {
			remove_key(d, "multi-queue-num-queues");
			good_keys(d);
		}
	}
	while (count--) {
		state = connect_with(d, NULL);
		connected += state == STATE_CONNECTED;
		refused += state > STATE_CONNECTED;
	}
	end_child(child);
	printf("%d connected, %d refused, ", connected, refused);
}

/* T6: the port that the backend is bound to is closed, and another opened. */
static void lose_ports(struct device *d, unsigned int count)
{
	int connected = 0, i;

	while (count--) {
		connected += connect_with(d, NULL) == STATE_CONNECTED;
		channel_notify(&d->channel[0]);
		for (i = 0; i < 2; i++) {
			channel_close(&d->channel[i]);
			d->channel[i] = channel_open();
		}
	}
	printf("%d connected, ", connected);
}

/*
 * T7: good keys, requests of zeros, before long more than a ring has, and never
 * the patience to wait for an answer.  A frontend that begins has a new ring.
 */
static void storm(struct device *d, unsigned int count)
{
	static const int states[] = {
		STATE_CONNECTED, STATE_CLOSED, STATE_INITIALISING,
		STATE_INITIALISED, STATE_CLOSING,
	};

	empty_rings(d);
	good_keys(d);
	while (count--) {
		int state = states[dice(5)];

		if (state == STATE_INITIALISING)
			empty_rings(d);
		d->page[0][0] += dice(d->is_vif ? 40 : 6);
		set_state(d, state);
		channel_notify(&d->channel[0]);
		usleep(dice(5000));
	}
}

/* The backend's next state, as soon as it is there; or after ten seconds. */
static int next_state(struct device *d, int state)
{
	time_t end = time(NULL) + 10;
	int now;

	do
		now = backend_state(d->backend);
	while (now == state && time(NULL) < end);
	return now;
}

/* T1: neither side comes to rest, though there is never a connection. */
static void answers(struct device *d, unsigned int count)
{
	struct timespec from, to;
	int state = begin(d) ? STATE_INITWAIT : -1;
	unsigned int changes;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (changes = 0; changes < count; changes++) {
		int next;

		set_state(d, state == STATE_CLOSED ? STATE_INITIALISING :
						     STATE_CLOSED);
		next = next_state(d, state);
		if (next == state)
			break;
		state = next;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%u changes in %ld ms, ", changes,
	       (to.tv_sec - from.tv_sec) * 1000 +
	       (to.tv_nsec - from.tv_nsec) / 1000000);
}

/* T7: as fast as the backend takes part, each time with a ring full of zeros. */
static void connects(struct device *d, unsigned int count)
{
	int connected = 0;

	while (count--) {
		connected += connect_with(d, NULL) == STATE_CONNECTED;
		d->page[0][0] = d->is_vif ? 256 : 32;
		channel_notify(&d->channel[0]);
		usleep(dice(5000));
	}
	printf("%d connected, ", connected);
}

/* T5: while another device comes with the same grant. */
static void hold(struct device *d, unsigned int seconds)
{
	if (connect_with(d, NULL) == STATE_CONNECTED)
		printf("grant %u\n", d->ring[0]);
	fflush(stdout);
	sleep(seconds);
}

static const struct {
	const char *name;
	void (*run)(struct device *d, unsigned int count);
} attacks[] = {
	{ "states", any_states }, { "lost", lost }, { "early", early },
	{ "early-rx", early_rx }, { "storm", storm }, { "connects", connects },
	{ "changing", changing }, { "ports", lose_ports },
	{ "half", half_built }, { "hold", hold }, { "answers", answers },
};

/* An attack of so many steps; tells whether there is one of that name. */
static int counted(struct device *d, const char *name, const char *count)
{
	size_t i;

	for (i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
		if (!strcmp(name, attacks[i].name))
			break;
	if (i == sizeof(attacks) / sizeof(*attacks))
		return 0;
	printf("%s:%s: ", name, count);
	attacks[i].run(d, strtoul(count, NULL, 0));
	printf("backend state %d\n", backend_state(d->backend));
	return 1;
}

static void attack(struct device *d, char *what)
{
	char *name = strdup(what), *first, *second, *rest = NULL;

	first = strchr(what, '=') ? NULL : strtok_r(what, ":", &rest);
	second = first ? strtok_r(NULL, ":", &rest) : NULL;
	if (!first) {
		printf("%s: backend state %d\n", name, connect_with(d, what));
	} else if (!strcmp(first, "valid")) {
		printf("valid: backend state %d\n", connect_with(d, NULL));
	} else if (!strcmp(first, "queues")) {
		printf("queues: %d, backend state %d\n", d->queues,
		       connect_queues(d, -1));
	} else if (!strcmp(first, "flood") && second && *rest) {
		flood(d, second, atoi(rest));
		printf("%s: backend state %d\n", name, backend_state(d->backend));
	} else if (!second || !counted(d, first, second)) {
		fprintf(stderr, "no such attack: %s\n", name);
		exit(2);
	}
	fflush(stdout);
	free(name);
}

int main(int argc, char **argv)
{
	struct device d = { 0 };
	int i;

	if (argc < 4) {
		fprintf(stderr, "hostile-xenbus vbd|vif DEVICE ATTACK...\n");
		return 2;
	}
	new_device(&d, argv[1], argv[2]);
	for (i = 3; i < argc; i++)
		attack(&d, argv[i]);
	set_state(&d, STATE_CLOSED);
	printf("end: backend %s\n", backend_reaches(d.backend, STATE_CLOSED, 10000) ?
	       "closed" : "open");
	return 0;
}
