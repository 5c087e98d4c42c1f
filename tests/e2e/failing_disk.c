/* Lets writes below a folder fail while a file exists: preloaded into one process by full_disk.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_below(const char *path) {
    const char *folder = getenv("FAILING_BELOW");
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(const char *path) {
    static unsigned state;
    const char *once = getenv("FAILING_WHILE"), *one_in = getenv("FAILING_ONE_IN");
    if (!is_below(path) || !once || !one_in || access(once, F_OK) != 0) return 0;
    if (!state) state = (unsigned)atoi(getenv("FAILING_SEED") ? getenv("FAILING_SEED") : "1") + 1u;
    if (rand_r(&state) % (unsigned)atoi(one_in) != 0) return 0;
    errno = EIO;
    return 1;
}

static int file_fails(int file) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return file_fails(file) ? -1 : real(file, data, size);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    return file_fails(file) ? -1 : real(file, parts, count);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return file_fails(file) ? -1 : real(file, data, size, at);
}

int fsync(int file) {
    REAL(int, "fsync", int);
    return file_fails(file) ? -1 : real(file);
}

int fdatasync(int file) {
    REAL(int, "fdatasync", int);
    return file_fails(file) ? -1 : real(file);
}

int rename(const char *old, const char *new) {
    REAL(int, "rename", const char *, const char *);
    return fails(new) ? -1 : real(old, new);
}

int link(const char *old, const char *new) {
    REAL(int, "link", const char *, const char *);
    return fails(new) ? -1 : real(old, new);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    return fails(path) ? -1 : real(path, mode);
}
