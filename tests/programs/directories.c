/// cpus: 1 2
// The name space: directories, links, rename, stat, permissions, removed files that are still open.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "check.h"

static void make(const char* path, const char* text) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}

static int count_entries(const char* path) {
    DIR* directory = opendir(path);
    CHECK(directory != NULL);
    int count = 0;
    while (readdir(directory)) ++count;
    CHECK(closedir(directory) == 0);
    return count;
}

static void check_directories(void) {
    char name[32];
    CHECK(mkdir("d", 0755) == 0);
    CHECK_ERROR(mkdir("d", 0755), EEXIST);
    CHECK_ERROR(mkdir("no/d", 0755), ENOENT);
    for (int i = 0; i < 300; ++i) {
        snprintf(name, sizeof name, "d/file-%d", i);
        make(name, "x");
    }
    CHECK(count_entries("d") == 302);
    ok("300 entries and the two dots");
    CHECK_ERROR(rmdir("d"), ENOTEMPTY);
    CHECK_ERROR(unlink("d"), EISDIR);
    for (int i = 0; i < 300; ++i) {
        snprintf(name, sizeof name, "d/file-%d", i);
        CHECK(unlink(name) == 0);
    }
    CHECK(count_entries("d") == 2);
    char before[512], inside[512];
    CHECK(getcwd(before, sizeof before) && chdir("d") == 0 && getcwd(inside, sizeof inside));
    CHECK(strncmp(inside, before, strlen(before)) == 0 && strcmp(inside + strlen(inside) - 2, "/d") == 0);
    CHECK(chdir("..") == 0 && rmdir("d") == 0);
    CHECK_ERROR(chdir("d"), ENOENT);
    ok("working directory");
}

static void check_links(void) {
    struct stat first, second;
    make("a", "contents");
    CHECK(link("a", "b") == 0 && stat("a", &first) == 0 && stat("b", &second) == 0);
    CHECK(first.st_ino == second.st_ino && first.st_nlink == 2 && first.st_size == 8);
    CHECK_ERROR(link("a", "b"), EEXIST);
    CHECK(unlink("a") == 0 && stat("b", &second) == 0 && second.st_nlink == 1);
    ok("hard links");
    char target[16] = "";
    CHECK(symlink("b", "s") == 0 && readlink("s", target, sizeof target) == 1 && target[0] == 'b');
    CHECK(lstat("s", &first) == 0 && S_ISLNK(first.st_mode) && first.st_size == 1);
    CHECK(stat("s", &first) == 0 && first.st_ino == second.st_ino);
    CHECK_ERROR(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(symlink("loop", "loop") == 0);
    CHECK_ERROR(stat("loop", &first), ELOOP);
    CHECK(unlink("s") == 0 && unlink("loop") == 0);
    ok("symbolic links");
}

static void check_rename(void) {
    struct stat status;
    make("c", "other");
    CHECK(rename("c", "b") == 0 && stat("b", &status) == 0 && status.st_size == 5);
    CHECK_ERROR(rename("c", "b"), ENOENT);
    CHECK(mkdir("x", 0755) == 0 && mkdir("x/y", 0755) == 0);
    CHECK_ERROR(rename("x", "x/y/z"), EINVAL);
    CHECK_ERROR(rename("b", "x"), EISDIR);
    CHECK_ERROR(rename("x", "b"), ENOTDIR);
    CHECK(rename("b", "x/y/b") == 0 && rename("x/y", "y") == 0 && stat("y/b", &status) == 0);
    CHECK(unlink("y/b") == 0 && rmdir("y") == 0 && rmdir("x") == 0);
    ok("rename");
}

static void check_attributes(void) {
    struct stat status;
    make("m", "12345");
    CHECK(chmod("m", 04751) == 0 && stat("m", &status) == 0 && status.st_mode == (S_IFREG | 04751));
    struct timespec times[] = {{1000, 5}, {2000, 6}};
    CHECK(utimensat(AT_FDCWD, "m", times, 0) == 0 && stat("m", &status) == 0);
    CHECK(status.st_atim.tv_sec == 1000 && status.st_mtim.tv_sec == 2000 && status.st_mtim.tv_nsec == 6);
    CHECK(truncate("m", 2) == 0 && stat("m", &status) == 0 && status.st_size == 2);
    CHECK(access("m", F_OK) == 0);
    CHECK_ERROR(access("nothing", F_OK), ENOENT);
    ok("mode, times, size");
    int file = open("m", O_RDWR);
    CHECK(file >= 0 && unlink("m") == 0 && fstat(file, &status) == 0 && status.st_nlink == 0);
    char text[4];
    CHECK(read(file, text, 4) == 2 && write(file, "more", 4) == 4);
    CHECK_ERROR(open("m", O_RDONLY), ENOENT);
    close(file);
    ok("a removed file lives until it is closed");
    int directory = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(directory >= 0 && mkdirat(directory, "at", 0700) == 0 && fstatat(directory, "at", &status, 0) == 0 && S_ISDIR(status.st_mode));
    CHECK(unlinkat(directory, "at", AT_REMOVEDIR) == 0 && fchdir(directory) == 0);
    close(directory);
    char name[300];
    memset(name, 'n', sizeof name);
    name[256] = 0;
    CHECK_ERROR(mkdir(name, 0700), ENAMETOOLONG);
    ok("the at-calls");
}

int main(void) {
    umask(022);
    char folder[] = "test-XXXXXX";
    CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
    check_directories();
    check_links();
    check_rename();
    check_attributes();
    CHECK(chdir("..") == 0 && rmdir(folder) == 0);
    ok("nothing is left");
    return 0;
}
