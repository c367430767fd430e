/*
 * forks: makes and reaps so many processes a second, evenly; says how many at the end.
 *
 *     forks RATE SECONDS [PROGRAM]
 *
 * Without a program the children end at once; with one they run it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int count, char **arguments)
{
	if (count < 3)
		return 64;
	double rate = atof(arguments[1]), seconds = atof(arguments[2]), begin = now();
	long made = 0;

	while (now() - begin < seconds) {
		for (long due = (long)((now() - begin) * rate); made < due && now() - begin < seconds; made++) {
			pid_t child = vfork();

			if (child == 0) {
				if (count > 3)
					execl(arguments[3], arguments[3], (char *)NULL);
				_exit(0);
			}
			if (child < 0)
				return 65;
			waitpid(child, NULL, 0);
		}
		usleep(2000);
	}
	printf("%.0f\n", made / (now() - begin));
	return 0;
}
