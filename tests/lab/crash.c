/*
 * crash: the program that crashes in the containers of the live suite, in one way and in one thread.
 *
 *     crash null|call|jump|stack|write|opcode|avx512|xop|divide|protection|breakpoint|abort|seccomp|shm [thread|worker|loop]
 *
 * `thread` crashes in a thread that is not the main one, `worker` in a child that the main process outlives, and `loop`
 * in twenty children one after the other. Needs x86-64, whose kernel prints each of these.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USAGE = 64, SURVIVED = 65, CHILDREN = 20, MIB = 1 << 20 };

static volatile int zero;

static int endless(int depth)
{
	volatile char frame[1024];

	frame[0] = (char)depth;
	return endless(depth + 1) + frame[0];
}

static void refuse_getppid(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof code / sizeof *code, code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
	syscall(__NR_getppid);
}

/* A file in memory that is as large as nobody checks: writing to it fails when /dev/shm is full. */
static void fill_shm(void)
{
	int file = open("/dev/shm/fill", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char *memory;

	if (file < 0 || ftruncate(file, 256 * MIB) < 0)
		exit(SURVIVED);
	memory = mmap(NULL, 256 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	memset(memory, 1, 256 * MIB);
}

static void *crash(void *how)
{
	const char *word = how;
#define IS(kind) (!strcmp(word, kind))
	if (IS("null"))
		*(volatile int *)sizeof(int) = 0;
	else if (IS("call"))
		((void (*)(void))(long)zero)();
	else if (IS("jump"))
		((void (*)(void))0xdeadbeefL)();
	else if (IS("stack"))
		endless(0);
	else if (IS("write"))
		*(volatile char *)"constant" = 1;
	else if (IS("opcode"))
		__asm__ volatile("ud2");
	else if (IS("avx512"))
		__asm__ volatile(".byte 0x62, 0xf1, 0x75, 0x48, 0xfe, 0xc2"); /* vpaddd zmm0, zmm1, zmm2 */
	else if (IS("xop"))
		__asm__ volatile(".byte 0x8f, 0xe9, 0x78, 0xc1, 0xc1"); /* vphaddbw xmm0, xmm1 */
	else if (IS("divide"))
		__asm__ volatile("xor %%ecx, %%ecx; div %%ecx" ::: "eax", "ecx", "edx");
	else if (IS("protection"))
		__asm__ volatile("hlt");
	else if (IS("breakpoint"))
		__asm__ volatile("int3");
	else if (IS("abort"))
		abort();
	else if (IS("seccomp"))
		refuse_getppid();
	else if (IS("shm"))
		fill_shm();
	else
		exit(USAGE);
	exit(SURVIVED);
}

static void crash_in_thread(char *how)
{
	pthread_t thread;

	pthread_create(&thread, NULL, crash, how);
	pthread_join(thread, NULL);
}

static void crash_in_child(char *how)
{
	pid_t child = fork();

	if (child == 0)
		crash(how);
	waitpid(child, NULL, 0);
}

int main(int count, char **arguments)
{
	const char *where = count > 2 ? arguments[2] : "";

	if (count < 2)
		return USAGE;
	if (!strcmp(where, "thread"))
		crash_in_thread(arguments[1]);
	else if (!strcmp(where, "worker"))
		crash_in_child(arguments[1]);
	else if (!strcmp(where, "loop"))
		for (int i = 0; i < CHILDREN; i++)
			crash_in_child(arguments[1]);
	else
		crash(arguments[1]);
	return 0;
}
