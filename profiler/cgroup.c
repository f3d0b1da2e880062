// SPDX-License-Identifier: MIT
#include "profiler/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"

/** Where a hierarchy is mounted. */
struct hierarchy {
	char mount[PATH_MAX];
	/** The group that is visible as the root of the mount. */
	char root[PATH_MAX];
	int version;
};

static bool has_option(const char *options, const char *name)
{
	size_t length = strlen(name);

	for (const char *option = options; option; option = strchr(option, ',')) {
		option += *option == ',';
		if (!strncmp(option, name, length) && (!option[length] || option[length] == ','))
			return true;
	}
	return false;
}

/** One line of mountinfo: "… root mount … - type source options". */
static bool is_memory_hierarchy(const char *line, struct hierarchy *ret)
{
	char type[32];
	char options[256] = "";
	const char *tail = strstr(line, " - ");

	if (!tail || sscanf(line, "%*d %*d %*s %4095s %4095s", ret->root, ret->mount) != 2 ||
	    sscanf(tail, " - %31s %*s %255s", type, options) < 1)
		return false;
	ret->version = !strcmp(type, "cgroup") ? 1 : !strcmp(type, "cgroup2") ? 2 : 0;
	return ret->version == 2 || (ret->version == 1 && has_option(options, "memory"));
}

/** Finds the hierarchy that has the memory controller: a machine may mount both versions. */
static bool find_hierarchy(struct hierarchy *ret)
{
	mw_auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[8192];
	bool found = false;

	while (file && fgets(line, sizeof(line), file)) {
		struct hierarchy candidate;

		line[strcspn(line, "\n")] = '\0';
		if (!is_memory_hierarchy(line, &candidate))
			continue;
		*ret = candidate;
		found = true;
		if (candidate.version == 1)
			break;
	}
	return found;
}

/** Our own group in the hierarchy, from /proc/self/cgroup: "4:memory:/path" or "0::/path". */
static bool own_group(const struct hierarchy *hierarchy, char *ret, size_t size)
{
	mw_auto_fclose FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 64];

	while (file && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		size_t length = strlen(hierarchy->root);

		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (hierarchy->version == 1 ? !has_option(controllers + 1, "memory")
					    : controllers[1] != '\0')
			continue;
		if (length > 1 && !strncmp(path, hierarchy->root, length))
			path += length;
		return (size_t)snprintf(ret, size, "%s%s", hierarchy->mount,
					strcmp(path, "/") ? path : "") < size;
	}
	return false;
}

static struct mw_error *write_text(const char *directory, const char *name, const char *text)
{
	mw_auto_close int fd = -1;
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || mw_write_full(fd, text, strlen(text)))
		return mw_error_os(errno, "cannot write %s", path);
	return NULL;
}

static bool read_number(const struct mw_cgroup *cgroup, const char *name, const char *key,
			uint64_t *ret)
{
	mw_auto_free char *text = NULL;
	char path[PATH_MAX + 64];
	const char *value;

	snprintf(path, sizeof(path), "%s/%s", cgroup->path, name);
	mw_error_destroy(mw_file_read(path, &text, NULL));
	value = text && key ? strstr(text, key) : text;
	if (!value)
		return false;
	*ret = strtoull(value + (key ? strlen(key) : 0), NULL, 10);
	return true;
}

/** Version 2 gives a controller only to groups whose parent has no processes of its own. */
static void choose_parent(const struct hierarchy *hierarchy, char *group)
{
	char *slash;

	if (hierarchy->version != 2 || !strcmp(group, hierarchy->mount))
		return;
	slash = strrchr(group, '/');
	if (slash && slash > group)
		*slash = '\0';
}

struct mw_error *mw_cgroup_create(struct mw_cgroup *ret)
{
	struct mw_cgroup cgroup = {0};
	struct hierarchy hierarchy;
	char parent[PATH_MAX];
	uint64_t unused;

	if (!find_hierarchy(&hierarchy) || !own_group(&hierarchy, parent, sizeof(parent)))
		return mw_error_create(MW_ERROR_OTHER, "no memory control group is mounted");
	cgroup.version = hierarchy.version;
	snprintf(cgroup.home, sizeof(cgroup.home), "%s", parent);
	choose_parent(&hierarchy, parent);
	if ((size_t)snprintf(cgroup.path, sizeof(cgroup.path), "%s/memwatch-%d", parent,
			     getpid()) >= sizeof(cgroup.path))
		return mw_error_create(MW_ERROR_OTHER, "the path of the control group is too long");
	if (mkdir(cgroup.path, 0755) && errno != EEXIST)
		return mw_error_os(errno, "cannot create the control group %s", cgroup.path);
	if (!read_number(&cgroup, cgroup.version == 1 ? "memory.max_usage_in_bytes" : "memory.peak",
			 NULL, &unused)) {
		rmdir(cgroup.path);
		return mw_error_create(MW_ERROR_OTHER,
				       "the control group %s has no memory peak (version 2 needs "
				       "the memory controller and Linux 5.19)",
				       cgroup.path);
	}
	*ret = cgroup;
	return NULL;
}

struct mw_error *mw_cgroup_add(const struct mw_cgroup *cgroup, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_text(cgroup->path, "cgroup.procs", text);
}

int64_t mw_cgroup_peak_kib(const struct mw_cgroup *cgroup)
{
	uint64_t bytes;

	if (!cgroup->path[0] ||
	    !read_number(cgroup, cgroup->version == 1 ? "memory.max_usage_in_bytes" : "memory.peak",
			 NULL, &bytes))
		return -1;
	return (int64_t)(bytes / 1024);
}

uint64_t mw_cgroup_oom_kills(const struct mw_cgroup *cgroup)
{
	uint64_t kills = 0;

	if (cgroup->path[0])
		read_number(cgroup, cgroup->version == 1 ? "memory.oom_control" : "memory.events",
			    "oom_kill ", &kills);
	return kills;
}

static void move_home(const struct mw_cgroup *cgroup)
{
	mw_auto_free char *text = NULL;
	char path[PATH_MAX + 64];
	char *rest;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup->path);
	mw_error_destroy(mw_file_read(path, &text, NULL));
	for (char *pid = text ? strtok_r(text, "\n", &rest) : NULL; pid;
	     pid = strtok_r(NULL, "\n", &rest))
		mw_error_destroy(write_text(cgroup->home, "cgroup.procs", pid));
}

void mw_cgroup_destroy(struct mw_cgroup *cgroup)
{
	if (!cgroup->path[0])
		return;
	/* What forks meanwhile needs another round. */
	for (int round = 0; round < 10 && rmdir(cgroup->path) && errno == EBUSY; round++) {
		move_home(cgroup);
		usleep(1000);
	}
	cgroup->path[0] = '\0';
}
