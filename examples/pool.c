// SPDX-License-Identifier: MIT
/*
 * A connection pool with a bug that is hard to see: after a while it refuses everybody, although
 * nearly no connection is in use. Somebody overwrites `pool.limit`, but nothing in the program
 * seems to do that. `make demo` asks memwatch who.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define SLOTS 8
#define CLIENTS 3
#define REQUESTS 400

struct connection {
	unsigned idle_rounds;
	bool in_use;
};

struct pool {
	pthread_mutex_t lock;
	struct connection connections[SLOTS];
	unsigned limit;
	unsigned in_use;
	unsigned served;
	unsigned refused;
};

static struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void pool_set_limit(unsigned limit)
{
	pthread_mutex_lock(&pool.lock);
	pool.limit = limit;
	pthread_mutex_unlock(&pool.lock);
}

static struct connection *pool_borrow(void)
{
	struct connection *found = NULL;

	pthread_mutex_lock(&pool.lock);
	for (int i = 0; i < SLOTS && !found && pool.in_use < pool.limit; i++)
		if (!pool.connections[i].in_use)
			found = &pool.connections[i];
	if (found) {
		found->in_use = true;
		pool.in_use++;
		pool.served++;
	} else {
		pool.refused++;
	}
	pthread_mutex_unlock(&pool.lock);
	return found;
}

static void pool_return(struct connection *connection)
{
	pthread_mutex_lock(&pool.lock);
	connection->in_use = false;
	connection->idle_rounds = 1;
	pool.in_use--;
	pthread_mutex_unlock(&pool.lock);
}

/* Starts counting anew for every connection. */
static void reset_idle_rounds(struct connection *first, struct connection *last)
{
	for (struct connection *c = first; c <= last; c++)
		c->idle_rounds = 0;
}

static void *reap(void *arg)
{
	(void)arg;
	for (int round = 0; round < 3; round++) {
		usleep(100000);
		pthread_mutex_lock(&pool.lock);
		reset_idle_rounds(pool.connections, pool.connections + SLOTS);
		pthread_mutex_unlock(&pool.lock);
	}
	return NULL;
}

static void *serve_clients(void *arg)
{
	(void)arg;
	for (int i = 0; i < REQUESTS; i++) {
		struct connection *connection = pool_borrow();

		usleep(500);
		if (connection)
			pool_return(connection);
	}
	return NULL;
}

int main(void)
{
	pthread_t clients[CLIENTS], reaper;

	pool_set_limit(6);
	pthread_create(&reaper, NULL, reap, NULL);
	pthread_setname_np(reaper, "reaper");
	for (int i = 0; i < CLIENTS; i++) {
		pthread_create(&clients[i], NULL, serve_clients, NULL);
		pthread_setname_np(clients[i], "client");
	}
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	pthread_join(reaper, NULL);
	printf("pool: %u requests served, %u refused; limit is %u\n", pool.served, pool.refused,
	       pool.limit);
	return pool.refused != 0;
}
