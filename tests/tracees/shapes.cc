// SPDX-License-Identifier: MIT
/* C++: namespaces, methods, templates and a class's static member. */
#include "tracee.h"

namespace geometry
{

class counter
{
      public:
	static long instances;
	long value = 0;

	counter()
	{
		instances++;
	}

	void __attribute__((noinline)) add(long amount)
	{
		value += amount; /* LINE:add */
		BARRIER();
	}
};

long counter::instances;

template <typename T> struct box {
	T content;

	void __attribute__((noinline)) put(T value)
	{
		content = value; /* LINE:put */
		BARRIER();
	}
};

counter total;
box<int> shelf;

} // namespace geometry

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	for (int i = 1; i <= 20; i++) {
		geometry::total.add(i);
		geometry::shelf.put(i * 2);
	}
	printf("stores 20\ntotal %ld\nshelf %d\n", geometry::total.value, geometry::shelf.content);
	return tracee_end(&tracee);
}
