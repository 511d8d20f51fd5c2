/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a frontend needs from the guest's kernel, without a frontend driver:
 * pages granted to Dom0, an event channel, and xenstore.
 */
#ifndef XENDEV_H
#define XENDEV_H

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define BACKEND 0	/* Dom0 */

#define STATE_INITIALISING 1
#define STATE_INITWAIT 2
#define STATE_INITIALISED 3
#define STATE_CONNECTED 4
#define STATE_CLOSED 6

struct gntalloc_request {
	uint16_t domid;
	uint16_t flags;
	uint32_t count;
	uint64_t index;
	uint32_t grefs[1];
};
#define GNTALLOC_ALLOC _IOC(_IOC_NONE, 'G', 5, sizeof(struct gntalloc_request))
#define GNTALLOC_WRITABLE 1

#define EVTCHN_BIND_UNBOUND _IOC(_IOC_NONE, 'E', 2, sizeof(unsigned int))
#define EVTCHN_NOTIFY _IOC(_IOC_NONE, 'E', 4, sizeof(unsigned int))

static inline void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(3);
}

/* A page shared with the backend; its grant reference goes to @gref. */
static inline void *shared_page(uint32_t *gref)
{
	static int fd = -1;
	struct gntalloc_request request = {
		.domid = BACKEND, .flags = GNTALLOC_WRITABLE, .count = 1,
	};
	void *page;

	if (fd < 0)
		fd = open("/dev/xen/gntalloc", O_RDWR);
	if (fd < 0 || ioctl(fd, GNTALLOC_ALLOC, &request))
		die("gntalloc");
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    request.index);
	if (page == MAP_FAILED)
		die("mmap");
	*gref = request.grefs[0];
	return page;
}

struct channel {
	int fd;
	unsigned int port;
};

static inline struct channel channel_open(void)
{
	struct channel channel = { .fd = open("/dev/xen/evtchn", O_RDWR) };
	unsigned int remote = BACKEND;
	int port;

	if (channel.fd < 0)
		die("evtchn");
	port = ioctl(channel.fd, EVTCHN_BIND_UNBOUND, &remote);
	if (port < 0)
		die("bind");
	channel.port = port;
	return channel;
}

static inline void channel_notify(struct channel *channel)
{
	unsigned int port = channel->port;

	if (ioctl(channel->fd, EVTCHN_NOTIFY, &port))
		die("notify");
}

static inline void pause_ms(int ms)
{
	usleep(ms * 1000);
}

/* Writes a value under this guest's own xenstore directory. */
static inline void store(const char *directory, const char *key,
			 const char *format, ...)
{
	char command[512], value[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	snprintf(command, sizeof(command), "xenstore-write '%s/%s' '%s'",
		 directory, key, value);
	if (system(command))
		die("xenstore-write");
}

/* The number under a path, or -1 when there is none. */
static inline long long fetch(const char *path)
{
	char command[512], line[256] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "xenstore-read '%s' 2>/dev/null",
		 path);
	pipe = popen(command, "r");
	if (!pipe)
		die("popen");
	if (!fgets(line, sizeof(line), pipe))
		strcpy(line, "-1");
	pclose(pipe);
	return strtoll(line, NULL, 10);
}

static inline void fetch_string(const char *directory, const char *key,
				char *value, size_t size)
{
	char command[512];
	FILE *pipe;

	snprintf(command, sizeof(command), "xenstore-read '%s/%s'", directory,
		 key);
	pipe = popen(command, "r");
	if (!pipe || !fgets(value, size, pipe))
		die(key);
	pclose(pipe);
	value[strcspn(value, "\n")] = 0;
}

/* Waits for the backend to reach @state; tells whether it did. */
static inline int backend_reaches(const char *backend, int state, int ms)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/state", backend);
	for (; ms > 0; ms -= 250) {
		if (fetch(path) == state)
			return 1;
		pause_ms(200);
	}
	return 0;
}

#endif
