/* Counts the allocations of a process between its calls of send(2): preloaded (LD_PRELOAD) into an interpreter that
 * takes all its memory from malloc (PYTHONMALLOC=malloc).
 *
 * At each send, the number of allocations since the last one is appended to the file GUARD_ALLOCATIONS as a line.
 * The wrapped functions are the C library's own names for them (glibc): dlsym would allocate while it is asked.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static unsigned long allocations;

void *malloc(size_t size) {
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_realloc(block, size);
}

ssize_t send(int descriptor, const void *data, size_t length, int flags) {
    static int file = -1;
    char line[32];
    int written = snprintf(line, sizeof line, "%lu\n", __atomic_exchange_n(&allocations, 0, __ATOMIC_RELAXED));
    const char *path = getenv("GUARD_ALLOCATIONS");
    if (file < 0 && path) file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0 && write(file, line, (size_t)written) != written) abort();
    return syscall(SYS_sendto, descriptor, data, length, flags, NULL, 0);
}
