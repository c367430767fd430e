/*
 * hog: the program that the containers of the live suite run.
 *
 * Its arguments are a small script, done one after the other. Static, so that an image needs nothing else.
 *
 *     hold            create /run/held.PID, then wait for /run/go (the suite notes the pids in between)
 *     name:TEXT       become TEXT, as in /proc/self/comm (15 bytes)
 *     eat:MIB         allocate and touch so many MiB
 *     churn:MIB       the same, then touch all of it again and again
 *     write:PATH      append a byte to a file every 100 ms, for ever
 *     adj:N           set its own oom_score_adj
 *     sleep:MS        sleep so many milliseconds
 *     catch:SIG       a handler that only says that the signal came, as a reload does
 *     exit-on:SIG:N   a handler that exits with N
 *     fork:N … end    N children do what stands up to the end, and exit with 0
 *     wait            wait for all children
 *     lose:N          N children one after the other, each eats until it is killed; print "lost PID" of each
 *     mirror          exit with 128 + signal of the last child that a signal ended, as a shell does
 *     raise:SIG       end by this signal: by a true fault for SEGV and BUS, since PID 1 is deaf to raise()
 *     exit:N          exit with N
 *
 * At the end of the script it exits with 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, POLL_US = 2000, USAGE = 64, FAILED = 65 };

static int exit_on[NSIG];
static int last_child_signal;

static void fail(const char *what)
{
	perror(what);
	exit(FAILED);
}

static void pause_us(long us)
{
	struct timespec left = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void create(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (file < 0)
		fail(path);
	close(file);
}

static void append_for_ever(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	while (file >= 0 && write(file, "x", 1) == 1)
		pause_us(100000);
	fail(path);
}

static void adjust_score(const char *value)
{
	int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, value, strlen(value)) < 0)
		fail("oom_score_adj");
	close(file);
}

static void hold(void)
{
	char path[32];

	snprintf(path, sizeof path, "/run/held.%d", (int)getpid());
	create(path);
	while (access("/run/go", F_OK) < 0)
		pause_us(POLL_US);
}

static char *piece(void)
{
	char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	return memset(memory, 1, MIB);
}

static void eat(long mib)
{
	for (long i = 0; i < mib; i++)
		piece();
}

static void churn(long mib)
{
	char **pieces = calloc((size_t)mib, sizeof *pieces);

	if (!pieces)
		fail("calloc");
	for (long i = 0; i < mib; i++)
		pieces[i] = piece();
	for (char value = 0;; value++)
		for (long i = 0; i < mib; i++)
			memset(pieces[i], value, MIB);
}

static void say_caught(int signal)
{
	char line[] = "caught 00\n";

	line[7] = (char)('0' + signal / 10);
	line[8] = (char)('0' + signal % 10);
	if (write(STDOUT_FILENO, line, sizeof line - 1) < 0)
		_exit(FAILED);
}

static void exit_as_told(int signal)
{
	_exit(exit_on[signal]);
}

static void wait_for_children(void)
{
	int status;

	for (;;) {
		pid_t child = wait(&status);

		if (child < 0 && errno == EINTR)
			continue;
		if (child < 0)
			return;
		if (WIFSIGNALED(status))
			last_child_signal = WTERMSIG(status);
	}
}

static void lose_children(long children)
{
	while (children-- > 0) {
		pid_t child = fork();
		int status;

		if (child < 0)
			fail("fork");
		if (child == 0) {
			eat(1024);
			exit(0);
		}
		while (waitpid(child, &status, 0) < 0)
			if (errno != EINTR)
				fail("waitpid");
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			printf("lost %d\n", (int)child);
		fflush(stdout);
	}
}

static void read_beyond_end_of_file(void)
{
	int file = open("/empty", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	volatile char *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);

	(void)*page;
}

static void end_by(int signal_number)
{
	signal(signal_number, SIG_DFL);
	switch (signal_number) {
	case SIGSEGV: *(volatile int *)sizeof(int) = 0; break;
	case SIGBUS: read_beyond_end_of_file(); break;
	default: raise(signal_number);
	}
}

/* The index of the `end` that closes the block which begins after `from`. */
static int end_of_block(int count, char **script, int from)
{
	int depth = 1;

	for (int i = from + 1; i < count; i++) {
		if (!strncmp(script[i], "fork:", 5))
			depth++;
		else if (!strcmp(script[i], "end") && --depth == 0)
			return i;
	}
	exit(USAGE);
}

static void run(int count, char **script);

static int fork_block(int count, char **script, int at, long children)
{
	int end = end_of_block(count, script, at);

	while (children-- > 0) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child == 0) {
			run(end - at - 1, script + at + 1);
			exit(0);
		}
	}
	return end;
}

static void run(int count, char **script)
{
	for (int i = 0; i < count; i++) {
		char *word = script[i];
		char *value = strchr(word, ':');
		size_t length = value ? (size_t)(value++ - word) : strlen(word);
		long number = value ? strtol(value, NULL, 10) : 0;
#define IS(action) (length == sizeof action - 1 && !strncmp(word, action, length))
		if (IS("hold")) {
			hold();
		} else if (IS("name") && value) {
			prctl(PR_SET_NAME, value);
		} else if (IS("eat")) {
			eat(number);
		} else if (IS("churn")) {
			churn(number);
		} else if (IS("write") && value) {
			append_for_ever(value);
		} else if (IS("adj") && value) {
			adjust_score(value);
		} else if (IS("sleep")) {
			pause_us(number * 1000);
		} else if (IS("catch")) {
			signal((int)number, say_caught);
		} else if (IS("exit-on") && value && strchr(value, ':')) {
			exit_on[number] = atoi(strchr(value, ':') + 1);
			signal((int)number, exit_as_told);
		} else if (IS("fork")) {
			i = fork_block(count, script, i, number);
		} else if (IS("wait")) {
			wait_for_children();
		} else if (IS("lose")) {
			lose_children(number);
		} else if (IS("mirror")) {
			exit(last_child_signal ? 128 + last_child_signal : 0);
		} else if (IS("raise")) {
			end_by((int)number);
		} else if (IS("exit")) {
			exit((int)number);
		} else {
			fprintf(stderr, "hog: what is %s?\n", word);
			exit(USAGE);
		}
	}
}

int main(int count, char **arguments)
{
	run(count - 1, arguments + 1);
	return 0;
}
