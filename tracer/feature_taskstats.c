// SPDX-License-Identifier: MIT
/* Probe of taskstats: asks the kernel about this process over generic netlink. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tracer/feature_probe.h"

struct message {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	/** Attributes. */
	char body[1024];
};

static void message_init(struct message *message, uint16_t family, uint8_t command)
{
	*message = (struct message){
		.header = {.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
			   .nlmsg_type = family,
			   .nlmsg_flags = NLM_F_REQUEST},
		.generic = {.cmd = command, .version = 1},
	};
}

static void message_add(struct message *message, uint16_t type, const void *value, size_t size)
{
	struct nlattr *attr = (void *)((char *)message + NLMSG_ALIGN(message->header.nlmsg_len));

	attr->nla_type = type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + size);
	memcpy((char *)attr + NLA_HDRLEN, value, size);
	message->header.nlmsg_len += (uint32_t)NLA_ALIGN(attr->nla_len);
}

/** Sends @message and overwrites it with the answer. @return 0, or an errno. */
static int message_exchange(int fd, struct message *message)
{
	const struct nlmsgerr *error = (const void *)&message->generic;
	ssize_t size;

	if (send(fd, message, message->header.nlmsg_len, 0) < 0)
		return errno;
	memset(message, 0, sizeof(*message));
	size = recv(fd, message, sizeof(*message), 0);
	if (size < 0)
		return errno;
	return message->header.nlmsg_type == NLMSG_ERROR ? -error->error : 0;
}

/** Finds attribute @type of an answer. */
static const struct nlattr *message_find(const struct message *message, uint16_t type)
{
	size_t end = mw_min((size_t)message->header.nlmsg_len, sizeof(*message));
	size_t at = offsetof(struct message, body);

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const void *)((const char *)message + at);

		if (attr->nla_len < NLA_HDRLEN || at + attr->nla_len > end)
			return NULL;
		if (attr->nla_type == type)
			return attr;
		at += (size_t)NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

/** The number of family TASKSTATS. @return 0, or an errno. */
static int find_family(int fd, uint16_t *ret)
{
	struct message message;
	const struct nlattr *id;
	int failed;

	message_init(&message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	message_add(&message, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME,
		    sizeof(TASKSTATS_GENL_NAME));
	failed = message_exchange(fd, &message);
	if (failed)
		return failed;
	id = message_find(&message, CTRL_ATTR_FAMILY_ID);
	if (!id)
		return ENOENT;
	memcpy(ret, (const char *)id + NLA_HDRLEN, sizeof(*ret));
	return 0;
}

static int ask_about_self(int fd, uint16_t family)
{
	const uint32_t pid = (uint32_t)getpid();
	struct message message;

	message_init(&message, family, TASKSTATS_CMD_GET);
	message_add(&message, TASKSTATS_CMD_ATTR_PID, &pid, sizeof(pid));
	return message_exchange(fd, &message);
}

void mw_probe_taskstats(struct mw_feature_result *ret)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	uint16_t family;

	errno = fd < 0 ? errno : find_family(fd, &family);
	if (errno) {
		mw_feature_fail(ret, "not built into this kernel");
		return;
	}
	errno = ask_about_self(fd, family);
	if (errno)
		mw_feature_fail(ret, errno == EPERM ? "needs CAP_NET_ADMIN" : "taskstats");
	else
		mw_feature_pass(ret);
}
