// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block frontend that breaks the rules.
 *
 *	hostile-vbd DEVICE MISDEED...
 *
 * DEVICE is the number of a vbd whose driver is unbound (51728: xvdb).  A
 * MISDEED is a name from the list below, most with a number: NAME:NUMBER.  All
 * use one connection; "producer" and "lose-port" cost it and so come last.  For
 * each prints what the backend answered, and what it answered to a correct
 * request afterwards.  same-id sends two good requests that nobody can tell
 * apart; lose-port closes the event channel behind a full ring.  many:COUNT
 * sends that many bad requests of all kinds, a ring full at a time, race:COUNT
 * good ones that change while they are read, race-list:COUNT such whose list of
 * indirect segments does, race-index:COUNT good ones while what Dom0 writes of the
 * ring's indices changes, and flapping:COUNT such whose grant comes and goes;
 * they print what became of them.  events:COUNT sends as many events without a
 * request, and ticks:COUNT as many requests with an event each.
 */
#include <pthread.h>

#include "xendev.h"

#define OP_READ 0
#define OP_WRITE 1
#define OP_BARRIER 2
#define OP_FLUSH 3
#define OP_DISCARD 5
#define OP_INDIRECT 6
#define DISCARD_SECURE 1
#define MAX_SEGMENTS 11
#define RING_SIZE 32
#define RACED 16	/* that are rewritten while they are read */
#define LIST 512	/* segments that a page has room for, all good */

struct segment {
	uint32_t gref;
	uint8_t first, last;
	uint16_t pad;
};

struct request {
	uint8_t operation, nr_segments;
	uint16_t handle;
	uint32_t pad;
	uint64_t id, sector;
	struct segment segment[MAX_SEGMENTS];
};

struct indirect {
	uint8_t operation, indirect_op;
	uint16_t nr_segments;
	uint32_t pad;
	uint64_t id, sector;
	uint16_t handle, pad2;
	uint32_t gref[8];
};

struct discard {
	uint8_t operation, flag;
	uint16_t handle;
	uint32_t pad;
	uint64_t id, sector, nr_sectors;
};

struct response {
	uint64_t id;
	uint8_t operation, pad;
	int16_t status;
	uint32_t pad2;
};

struct ring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
	union {
		struct request request;
		struct response response;
	} slot[RING_SIZE];
};

struct device {
	char path[64], backend[128];
	volatile struct ring *ring;
	struct channel channel;
	uint32_t ring_gref, data_gref, list_gref, readonly_gref;
	uint32_t flapping_gref;
	uint32_t produced, consumed;
	struct segment *list;
	uint64_t sectors;
	uint64_t next_id;
};

static void connect_device(struct device *d, const char *number)
{
	char path[300];
	void *data;
	int i;

	snprintf(d->path, sizeof(d->path), "device/vbd/%s", number);
	fetch_string(d->path, "backend", d->backend, sizeof(d->backend));
	store(d->path, "state", "%d", STATE_INITIALISING);
	if (!backend_reaches(d->backend, STATE_INITWAIT, 20000)) {
		printf("backend never waits for a frontend\n");
		exit(4);
	}
	d->ring = shared_page(&d->ring_gref);
	memset((void *)d->ring, 0, PAGE);
	d->ring->req_event = d->ring->rsp_event = 1;
	data = shared_page(&d->data_gref);
	memset(data, 0xa5, PAGE);
	d->channel = channel_open();
	d->list = shared_page(&d->list_gref);
	memset(d->list, 0, PAGE);
	for (i = 0; i < LIST; i++) {
		d->list[i].gref = d->data_gref;
		d->list[i].last = 7;
	}
	granted_page(BACKEND, 0, &d->readonly_gref);
	store(d->path, "ring-ref", "%u", d->ring_gref);
	store(d->path, "event-channel", "%u", d->channel.port);
	store(d->path, "protocol", "x86_64-abi");
	store(d->path, "state", "%d", STATE_INITIALISED);
	if (!backend_reaches(d->backend, STATE_CONNECTED, 20000)) {
		printf("backend never connects\n");
		exit(4);
	}
	store(d->path, "state", "%d", STATE_CONNECTED);
	snprintf(path, sizeof(path), "%s/sectors", d->backend);
	d->sectors = fetch(path);
}

/* An id that is known again when a racer has rewritten its first four bytes. */
static uint64_t make_id(uint64_t number)
{
	return (0x1000 + number) << 32;
}

/*
 * A correct read of the first page's worth of sectors.  Segments that are only
 * there when a racer says so have a good grant as well: grant 0 is the guest's
 * own console.
 */
static struct request *prepare(struct device *d)
{
	struct request *request = (struct request *)
		&d->ring->slot[d->produced % RING_SIZE].request;
	int i;

	d->ring->rsp_event = d->consumed + 1;
	memset(request, 0, sizeof(*request));
	request->operation = OP_READ;
	request->nr_segments = 1;
	request->id = make_id(d->next_id++);
	for (i = 0; i < MAX_SEGMENTS; i++) {
		request->segment[i].gref = d->data_gref;
		request->segment[i].last = 7;
	}
	return request;
}

/* Hands over what has been produced. */
static void publish(struct device *d)
{
	__sync_synchronize();
	d->ring->req_prod = d->produced;
	__sync_synchronize();
	channel_notify(&d->channel);
}

static void push(struct device *d)
{
	d->produced++;
	publish(d);
}

/* Whether there is a response, and not a producer that we wrote ourselves. */
static int answered(struct device *d)
{
	return (uint32_t)(d->ring->rsp_prod - d->consumed - 1) < RING_SIZE;
}

/* Prints the next response; tells its status, or 1 when none comes. */
static int answer(struct device *d, const char *what, int ms)
{
	for (; ms > 0 && !answered(d); ms -= 20)
		pause_ms(20);
	if (!answered(d)) {
		printf("%s none\n", what);
		return 1;
	}
	struct response r = *(struct response *)
		&d->ring->slot[d->consumed % RING_SIZE].response;

	d->consumed++;
	printf("%s id %s status %d%s\n", what,
	       r.id == make_id(d->next_id - 1) ? "ours" : "wrong", r.status,
	       r.pad || r.pad2 ? " and something of Dom0's" : "");
	return r.status;
}

/* An indirect request of one good segment, over what has been prepared. */
static struct indirect *make_indirect(struct device *d, struct request *r)
{
	struct indirect *i = (struct indirect *)r;

	i->operation = OP_INDIRECT;
	i->indirect_op = OP_READ;
	i->nr_segments = 1;
	i->gref[0] = d->list_gref;
	return i;
}

/* A discard of so many sectors, over what has been prepared. */
static struct discard *make_discard(struct request *r, uint64_t sectors)
{
	struct discard *discard = (struct discard *)r;

	discard->operation = OP_DISCARD;
	discard->flag = 0;
	discard->nr_sectors = sectors;
	return discard;
}

/*
 * What can be wrong with one request: NAME, and what makes the good read @r a
 * bad one, in which @n is the number that was given.
 */
#define MISDEEDS(BAD)							\
	BAD("none", (void)n)						\
	BAD("operation", r->operation = n)				\
	BAD("past-end", r->sector = d->sectors + n)			\
	BAD("across-end", r->sector = d->sectors - 1)			\
	BAD("sector-wrap", r->sector = ~0ull - 3)			\
	BAD("grant", r->segment[0].gref = 0xfffffff0)			\
	BAD("readonly-grant", r->segment[0].gref = d->readonly_gref)	\
	BAD("ring-as-data", r->segment[0].gref = d->ring_gref;		\
			    r->operation = OP_WRITE)			\
	BAD("segments", r->nr_segments = n)				\
	BAD("segment-order", r->segment[0].first = 7;			\
			     r->segment[0].last = 0)			\
	BAD("segment-first", r->segment[0].first = n)			\
	BAD("segment-end", r->segment[0].last = n)			\
	BAD("small", r->segment[0].last = 0)				\
	BAD("unaligned", r->sector = 1)					\
	BAD("write", r->operation = OP_WRITE)				\
	BAD("flush", r->operation = OP_FLUSH; r->nr_segments = 0)	\
	BAD("flush-data", r->operation = OP_FLUSH)			\
	BAD("barrier", r->operation = OP_BARRIER; r->nr_segments = 0)	\
	BAD("barrier-data", r->operation = OP_BARRIER)			\
	BAD("discard", make_discard(r, n))				\
	BAD("discard-secure", make_discard(r, n)->flag = DISCARD_SECURE) \
	BAD("discard-past-end", make_discard(r, 1)->sector = d->sectors + n) \
	BAD("discard-across-end", make_discard(r, d->sectors + 1))	\
	BAD("discard-wrap", make_discard(r, ~0ull - n)->sector = 8)	\
	BAD("indirect", (void)make_indirect(d, r))			\
	BAD("indirect-operation", make_indirect(d, r)->indirect_op = n)	\
	BAD("indirect-segments", make_indirect(d, r)->nr_segments = n)	\
	BAD("indirect-grant", make_indirect(d, r)->gref[0] = 0xfffffff0) \
	BAD("indirect-list-is-ring",					\
	    make_indirect(d, r)->gref[0] = d->ring_gref)		\
	BAD("rsp-prod", d->ring->rsp_prod = d->consumed - n)		\
	BAD("rsp-event", d->ring->rsp_event = n)			\
	BAD("req-event", d->ring->req_event = n)

static int spoil(struct device *d, struct request *r, const char *name, long n)
{
#define BAD(what, how) if (!strcmp(name, what)) { how; return 1; }
	MISDEEDS(BAD)
#undef BAD
	return 0;
}

static const char * const misdeeds[] = {
#define BAD(what, how) what,
	MISDEEDS(BAD)
#undef BAD
};

static void misbehave(struct device *d, const char *name, long n)
{
	if (!spoil(d, prepare(d), name, n)) {
		fprintf(stderr, "no such misdeed: %s\n", name);
		exit(2);
	}
	push(d);
}

/* Takes in the responses to a full ring; gives how many had which status. */
static void harvest(struct device *d, uint32_t first_id, int *good, int *bad,
		    int *wrong)
{
	uint8_t seen[RING_SIZE] = { 0 };
	int ms;

	while (d->consumed != d->produced) {
		for (ms = 20000; ms > 0 && !answered(d); ms--)
			pause_ms(1);
		if (!answered(d))
			return;
		struct response r = *(struct response *)
			&d->ring->slot[d->consumed++ % RING_SIZE].response;
		uint64_t which = (r.id - make_id(first_id)) >> 32;

		if (which >= RING_SIZE || seen[which]++)
			(*wrong)++;
		else if (r.status)
			(*bad)++;
		else
			(*good)++;
	}
}

/* How the requests of an attack were answered. */
static void tell(const struct device *d, int good, int bad, int wrong)
{
	printf("good %d bad %d wrong %d missing %u\n", good, bad, wrong,
	       d->produced - d->consumed);
}

/* What many requests suffer from. */
enum many { SPOILT, RACING, RACING_LIST, RACING_INDEX, FLAPPING };

struct race {
	volatile struct ring *ring;
	volatile struct segment *list;
	uint32_t good_gref;
	uint64_t sectors;
	pthread_t thread;
	volatile int stop;
	enum many how;
};

/*
 * Rewrites whatever is in the slots and the list of indirect segments, as fast
 * as it can. The first segment stays, for it is where the list's grant is.
 */
static void *racer(void *argument)
{
	static const uint8_t bytes[] = { 0, 1, 6, 7, 8, 12, 255 };
	static const uint16_t counts[] = { 0, 1, 2, 64, 65, 65535 };
	struct race *race = argument;
	unsigned int turn = 0;

	for (; !race->stop; turn++) {
		volatile struct request *r =
			&race->ring->slot[turn % RING_SIZE].request;
		volatile struct segment *s =
			&r->segment[1 + turn % (MAX_SEGMENTS - 1)];
		volatile struct segment *l = &race->list[turn % RACED];
		uint32_t gref = turn % 13 ? race->good_gref : 0xfffffff0;

		if (race->how == RACING_INDEX) {
			race->ring->rsp_prod = turn * 0x1000193;
			race->ring->rsp_event = race->ring->req_event = turn;
			continue;
		}
		l->first = bytes[turn / 2 % 7];
		l->last = bytes[turn / 4 % 7];
		l->gref = gref;
		if (race->how == RACING_LIST)
			continue;
		r->operation = bytes[turn % 7];
		if (turn % 2)
			r->nr_segments = bytes[turn / 3 % 7];
		else
			((volatile struct indirect *)r)->nr_segments =
				counts[turn / 3 % 6];
		s->first = bytes[turn / 5 % 7];
		s->last = bytes[turn / 7 % 7];
		s->gref = gref;
		r->sector = turn % 11 ? turn % (race->sectors / 2) :
			    turn % 3 ? race->sectors - turn % 16 : ~0ull - turn;
		race->ring->req_event = race->ring->rsp_event = turn * 0x1000193;
	}
	return NULL;
}

static void start(struct race *race)
{
	race->stop = 0;
	if (pthread_create(&race->thread, NULL, racer, race))
		die("pthread_create");
}

static void stop(struct race *race)
{
	race->stop = 1;
	pthread_join(race->thread, NULL);
}

/* One of them: a read that was right when it was prepared, but when spoilt. */
static void one_of_many(struct device *d, enum many how)
{
	struct request *r = prepare(d);

	switch (how) {
	case SPOILT:
		spoil(d, r, misdeeds[dice(sizeof(misdeeds) /
					  sizeof(*misdeeds))], dice(256));
		break;
	case RACING_INDEX:
		break;
	case RACING:
	case RACING_LIST:
		if (how == RACING_LIST || dice(2))
			make_indirect(d, r)->nr_segments = 1 + dice(3);
		break;
	case FLAPPING:
		/* Both ways, and as one of several segments. */
		r->operation = dice(2) ? OP_READ : OP_WRITE;
		r->nr_segments = 1 + dice(MAX_SEGMENTS);
		r->segment[dice(r->nr_segments)].gref = d->flapping_gref;
		break;
	}
}

/* How many slots in a row have a response's id; a request has nothing there. */
static int filled(struct device *d)
{
	int n = 0;

	while (n < RING_SIZE &&
	       d->ring->slot[(d->consumed + n) % RING_SIZE].response.id >> 32)
		n++;
	return n;
}

/* Has a full ring answered while a racer has the indices, and puts them right. */
static void race_indices(struct device *d, struct race *race)
{
	int ms;

	start(race);
	publish(d);
	for (ms = 20000; ms > 0 && filled(d) < RING_SIZE; ms--)
		pause_ms(1);
	/* The rest of the last response. */
	pause_ms(5);
	stop(race);
	d->ring->rsp_prod = d->consumed + filled(d);
}

static void many(struct device *d, long count, enum many how)
{
	struct race race = {
		.ring = d->ring, .list = d->list, .sectors = d->sectors,
		.good_gref = d->data_gref, .how = how,
	};
	int racing = how == RACING || how == RACING_LIST;
	int good = 0, bad = 0, wrong = 0, i;

	if (how == FLAPPING)
		d->flapping_gref = flapping_grant();
	if (racing)
		start(&race);
	for (; count > 0; count -= RING_SIZE) {
		uint32_t first_id = d->next_id;

		for (i = 0; i < RING_SIZE; i++) {
			one_of_many(d, how);
			d->produced++;
		}
		if (how == RACING_INDEX)
			race_indices(d, &race);
		else
			publish(d);
		harvest(d, first_id, &good, &bad, &wrong);
	}
	if (racing)
		stop(&race);
	tell(d, good, bad, wrong);
}

/* A producer index that is @n off, which costs the device. */
static void bad_producer(struct device *d, long n)
{
	__sync_synchronize();
	d->ring->req_prod = d->produced + n;
	__sync_synchronize();
	channel_notify(&d->channel);
	backend_gives_up(d->backend, 30000);
	printf("responses %u, backend state %d\n",
	       d->ring->rsp_prod - d->consumed, backend_state(d->backend));
}

/* T24: an event for each request, and one for each response. */
static void ticks(struct device *d, long n)
{
	int good = 0, bad = 0, wrong = 0;

	while (n-- > 0) {
		uint32_t first_id = d->next_id;

		prepare(d);
		push(d);
		harvest(d, first_id, &good, &bad, &wrong);
	}
	tell(d, good, bad, wrong);
}

/* Two good requests with one id: an answer to each. */
static void same_id(struct device *d)
{
	prepare(d);
	d->produced++;
	d->next_id--;
	prepare(d);
	push(d);
	answer(d, "first", 20000);
	answer(d, "same-id: response", 20000);
}

/* T6: a full ring, of whose answers nobody can be told, on a port that is new. */
static void lose_port(struct device *d)
{
	int good = 0, bad = 0, wrong = 0, i;
	uint32_t first_id = d->next_id;

	for (i = 0; i < RING_SIZE; i++) {
		prepare(d);
		d->produced++;
	}
	publish(d);
	channel_close(&d->channel);
	d->channel = channel_open();
	channel_notify(&d->channel);
	harvest(d, first_id, &good, &bad, &wrong);
	tell(d, good, bad, wrong);
}

/* A misdeed, and whether the device still works after it. */
static void one(struct device *d, const char *misdeed)
{
	char name[64] = "";
	long n = 0;

	sscanf(misdeed, "%63[^:]:%li", name, &n);
	printf("%s: ", misdeed);
	if (!strcmp(name, "producer")) {
		bad_producer(d, n);
		return;
	}
	if (!strcmp(name, "lose-port")) {
		lose_port(d);
		return;
	}
	if (!strcmp(name, "events")) {
		channels_storm(&d->channel, NULL, n);
		puts("sent");
	} else if (!strcmp(name, "ticks")) {
		ticks(d, n);
	} else if (!strcmp(name, "same-id")) {
		same_id(d);
	} else if (!strcmp(name, "many")) {
		many(d, n, SPOILT);
	} else if (!strcmp(name, "race")) {
		many(d, n, RACING);
	} else if (!strcmp(name, "race-list")) {
		many(d, n, RACING_LIST);
	} else if (!strcmp(name, "race-index")) {
		many(d, n, RACING_INDEX);
	} else if (!strcmp(name, "flapping")) {
		many(d, n, FLAPPING);
	} else {
		misbehave(d, name, n);
		answer(d, "response", 20000);
	}
	prepare(d);
	push(d);
	printf("%s: ", misdeed);
	answer(d, "afterwards", 20000);
}

int main(int argc, char **argv)
{
	struct device d = { 0 };
	int i;

	if (argc < 3) {
		fprintf(stderr, "hostile-vbd DEVICE MISDEED...\n");
		return 2;
	}
	connect_device(&d, argv[1]);
	for (i = 2; i < argc; i++)
		one(&d, argv[i]);
	store(d.path, "state", "%d", STATE_CLOSED);
	printf("end: backend %s\n", backend_reaches(d.backend, STATE_CLOSED, 10000) ?
	       "closed" : "open");
	return 0;
}
