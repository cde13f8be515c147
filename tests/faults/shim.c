/* A disk that breaks on demand, for test_disk.py: preloaded into the server, it counts the writes and syncs that SQLite
 * makes to files whose path ends in the suffix of $WFCTL_SHIM_SUFFIX or that with "-wal", and fails the one it is told to.
 *
 * $WFCTL_SHIM_CONTROL is a file of four 32-bit words, shared with the test:
 *   0  calls until the fault (0: none ordered; each matching call counts one down, the one that reaches 0 fails)
 *   1  errno of the fault
 *   2  which calls count: 1 writes, 2 syncs
 *   3  how many more calls fail after the first one
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { UNTIL, ERRNO, KIND, MORE };
enum { WRITES = 1, SYNCS = 2 };

static volatile int *control;
static const char *suffix;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("WFCTL_SHIM_CONTROL");
    suffix = getenv("WFCTL_SHIM_SUFFIX");
    if (!path || !suffix) return;
    int descriptor = open(path, O_RDWR);
    if (descriptor < 0) return;
    void *mapped = mmap(0, 4 * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped != MAP_FAILED) control = mapped;
    close(descriptor);
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int is_ours(int descriptor) {
    char link[64], path[4096], log[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    snprintf(log, sizeof log, "%s-wal", suffix);
    return ends_with(path, suffix) || ends_with(path, log);
}

static int fails(int descriptor, int kind) {
    if (!control || control[KIND] != kind || (control[UNTIL] == 0 && control[MORE] == 0) || !is_ours(descriptor)) return 0;
    if (control[UNTIL] > 0) {
        control[UNTIL] -= 1;
        if (control[UNTIL] > 0) return 0;
    } else {
        control[MORE] -= 1;
    }
    errno = control[ERRNO];
    return 1;
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int descriptor, const void *data, size_t count, off_t offset) {
    return fails(descriptor, WRITES) ? -1 : REAL(pwrite)(descriptor, data, count, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t count, off64_t offset) {
    return fails(descriptor, WRITES) ? -1 : REAL(pwrite64)(descriptor, data, count, offset);
}

ssize_t write(int descriptor, const void *data, size_t count) {
    return fails(descriptor, WRITES) ? -1 : REAL(write)(descriptor, data, count);
}

int fsync(int descriptor) { return fails(descriptor, SYNCS) ? -1 : REAL(fsync)(descriptor); }

int fdatasync(int descriptor) { return fails(descriptor, SYNCS) ? -1 : REAL(fdatasync)(descriptor); }
