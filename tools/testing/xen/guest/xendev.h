/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a frontend needs from the guest's kernel, without a frontend driver:
 * pages granted to Dom0, an event channel, and xenstore.
 */
#ifndef XENDEV_H
#define XENDEV_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the kernel's headers for user space take for granted. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#include "kernel/xen-hostile.h"

#define PAGE 4096
#define BACKEND 0	/* Dom0 */

#define STATE_INITIALISING 1
#define STATE_INITWAIT 2
#define STATE_INITIALISED 3
#define STATE_CONNECTED 4
#define STATE_CLOSING 5
#define STATE_CLOSED 6

static inline void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(3);
}

/* A page granted to a domain; its grant reference goes to @gref. */
static inline void *granted_page(uint16_t domid, uint16_t flags, uint32_t *gref)
{
	static int fd = -1;
	struct ioctl_gntalloc_alloc_gref request = {
		.domid = domid, .flags = flags, .count = 1,
	};
	void *page;

	if (fd < 0)
		fd = open("/dev/xen/gntalloc", O_RDWR);
	if (fd < 0 || ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &request))
		die("gntalloc");
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    request.index);
	if (page == MAP_FAILED)
		die("mmap");
	*gref = request.gref_ids[0];
	return page;
}

/* A page shared with the backend. */
static inline void *shared_page(uint32_t *gref)
{
	return granted_page(BACKEND, GNTALLOC_FLAG_WRITABLE, gref);
}

/* A grant reference that was good and is no more. */
static inline uint32_t freed_grant(void)
{
	struct ioctl_gntalloc_alloc_gref request = {
		.domid = BACKEND, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1,
	};
	struct ioctl_gntalloc_dealloc_gref end = { .count = 1 };
	int fd = open("/dev/xen/gntalloc", O_RDWR);

	if (fd < 0 || ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &request))
		die("gntalloc");
	end.index = request.index;
	if (ioctl(fd, IOCTL_GNTALLOC_DEALLOC_GREF, &end))
		die("gntdealloc");
	close(fd);
	return request.gref_ids[0];
}

struct channel {
	int fd;
	unsigned int port;
};

/* A port that a domain may bind to, among those of an open /dev/xen/evtchn. */
static inline struct channel channel_for(int fd, unsigned int domid)
{
	struct ioctl_evtchn_bind_unbound_port bind = { domid };
	int port = ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);

	if (port < 0)
		die("bind");
	return (struct channel){ fd, port };
}

/* The same, with a file of its own. */
static inline struct channel channel_open_for(unsigned int domid)
{
	int fd = open("/dev/xen/evtchn", O_RDWR);

	if (fd < 0)
		die("evtchn");
	return channel_for(fd, domid);
}

static inline struct channel channel_open(void)
{
	return channel_open_for(BACKEND);
}

static inline void channel_notify(struct channel *channel)
{
	struct ioctl_evtchn_notify notify = { channel->port };

	if (ioctl(channel->fd, IOCTL_EVTCHN_NOTIFY, &notify))
		die("notify");
}

/* The guest's kernel, which takes part. */
static inline int hostile_kernel(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/xen-hostile", O_RDWR);
	if (fd < 0)
		die("/dev/xen-hostile");
	return fd;
}

/* So many events on each of two channels, as fast as Xen takes them. */
static inline void channels_storm(const struct channel *one,
				  const struct channel *other, uint32_t count)
{
	struct hostile_events events = {
		.ports = other ? 2 : 1,
		.count = count,
		.port = { one->port, other ? other->port : 0 },
	};

	if (ioctl(hostile_kernel(), HOSTILE_EVENTS, &events))
		die("events");
}

/*
 * A grant of a page to Dom0 that comes and goes, and is now and then for reading
 * alone or for another domain.
 */
static inline uint32_t flapping_grant(void)
{
	uint32_t gref;

	if (ioctl(hostile_kernel(), HOSTILE_FLAP, &gref))
		die("flapping grant");
	return gref;
}

/* For a channel with an open file of its own. */
static inline void channel_close(struct channel *channel)
{
	struct ioctl_evtchn_unbind unbind = { channel->port };

	if (ioctl(channel->fd, IOCTL_EVTCHN_UNBIND, &unbind))
		die("unbind");
	close(channel->fd);
}

static inline void pause_ms(int ms)
{
	usleep(ms * 1000);
}

/* A number below @sides, the same ones in each run with the same SEED. */
static inline unsigned int dice(unsigned int sides)
{
	static uint64_t seed;

	if (!seed) {
		const char *number = getenv("SEED");

		seed = 0x9e3779b97f4a7c15;
		if (number)
			seed ^= strtoull(number, NULL, 10) << 1 | 1;
	}
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 33) % sides;
}

static int xenbus_fd = -1;

/* Another process that does the rest on its own, until it is ended. */
static inline pid_t start_child(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Questions and answers must not mix with the other's. */
		xenbus_fd = -1;
	}
	return child;
}

static inline void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* What xenstored is asked, see xen/interface/io/xs_wire.h. */
#define XS_READ 2
#define XS_WRITE 11
#define XS_RM 13
#define XS_ERROR 16

struct xs_message {
	uint32_t type, request, transaction, length;
};

static inline void exactly(ssize_t got, size_t wanted, const char *what)
{
	if (got != (ssize_t)wanted)
		die(what);
}

/*
 * One question to xenstored: a path, and @size bytes of value after it if
 * @value is given.  The answer, cut to @room, goes to @answer.  Returns its
 * length, or -1 for an error.
 */
static inline int xs_ask(uint32_t type, const char *path, const void *value,
			 size_t size, char *answer, size_t room)
{
	static char buffer[4096];
	struct xs_message message = { .type = type };
	size_t length = strlen(path) + 1;
	char packet[sizeof(message) + 4096];

	if (xenbus_fd < 0)
		xenbus_fd = open("/dev/xen/xenbus", O_RDWR);
	if (xenbus_fd < 0)
		die("/dev/xen/xenbus");
	if (length + size > 4096)
		return -1;
	message.length = length + (value ? size : 0);
	memcpy(packet, &message, sizeof(message));
	memcpy(packet + sizeof(message), path, length);
	if (value)
		memcpy(packet + sizeof(message) + length, value, size);
	length = sizeof(message) + message.length;
	exactly(write(xenbus_fd, packet, length), length, "xenbus write");

	exactly(read(xenbus_fd, &message, sizeof(message)), sizeof(message),
		"xenbus read");
	for (length = 0; length < message.length; ) {
		ssize_t got = read(xenbus_fd, buffer + length,
				   message.length - length);

		if (got <= 0)
			die("xenbus read");
		length += got;
	}
	if (message.type == XS_ERROR)
		return -1;
	if (room) {
		if (length >= room)
			length = room - 1;
		memcpy(answer, buffer, length);
		answer[length] = 0;
	}
	return length;
}

/* Writes a value under this guest's own xenstore directory. */
static inline void store(const char *directory, const char *key,
			 const char *format, ...)
{
	char path[256], value[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	snprintf(path, sizeof(path), "%s/%s", directory, key);
	if (xs_ask(XS_WRITE, path, value, strlen(value), NULL, 0) < 0)
		die("xenstore write");
}

/* The number under a path, or -1 when there is none. */
static inline long long fetch(const char *path)
{
	char line[64];

	if (xs_ask(XS_READ, path, NULL, 0, line, sizeof(line)) < 0)
		return -1;
	return strtoll(line, NULL, 10);
}

static inline void fetch_string(const char *directory, const char *key,
				char *value, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, key);
	if (xs_ask(XS_READ, path, NULL, 0, value, size) < 0)
		die(key);
}

static inline int backend_state(const char *backend)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/state", backend);
	return fetch(path);
}

/* Waits for the backend to reach @state; tells whether it did. */
static inline int backend_reaches(const char *backend, int state, int ms)
{
	for (; ms > 0; ms -= 20) {
		if (backend_state(backend) == state)
			return 1;
		pause_ms(20);
	}
	return 0;
}

/* Waits for the backend to give up a device that is connected. */
static inline void backend_gives_up(const char *backend, int ms)
{
	for (; ms > 0 && backend_state(backend) == STATE_CONNECTED; ms -= 20)
		pause_ms(20);
}

#endif
